package expected

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// action judges one scheduled action by its interval: switched off, late, or
// passed over.
func (l *Ledger) action(k look, work process.Work, labels map[string]string) tiering.Work {
	p := k.published
	out := tiering.Work{Source: work.Source, Name: labels["action"], Says: work.Says}
	active, known := p.One("odoo_scheduled_action_active", labels)
	if !known {
		return out
	}
	next := p.Stamp("odoo_scheduled_action_next_call_timestamp_seconds", labels)
	last := p.Stamp("odoo_scheduled_action_last_call_timestamp_seconds", labels)
	if !last.IsZero() {
		out.Done = k.ours(last)
	}
	interval := every(p.One("odoo_scheduled_action_interval_seconds", labels))
	if !next.IsZero() {
		out.Due = k.ours(next.Add(work.Within))
		out.Oldest = next
	}
	late := k.server.Sub(next)
	slow := !next.IsZero() && late > l.grace
	if overdue, told := p.One("odoo_scheduled_action_overdue_seconds", labels); told {
		slow = overdue > 0 // one that runs has its next run in the past until it ends
	}
	off := active == 0 && (interval == 0 || !last.IsZero()) // one that has never run is relied on by nobody
	if lately, told := p.One("odoo_scheduled_action_deactivated", labels); told {
		off = lately > 0
	}
	failures, _ := p.One("odoo_scheduled_action_failures", labels)
	switch {
	case off:
		out.Missing, out.Lacks = true, skipped(late, interval)
		out.Why = "the scheduled action is switched off" + runs(out.Lacks)
	case active == 0:
		out.Due = time.Time{}
	case slow:
		out.Missing, out.Lacks, out.Since = true, skipped(late, interval), k.ours(next)
		out.Why = "the scheduled action is " + wording.Duration(late) + " late" + runs(out.Lacks)
		if failures > 0 {
			out.Why += fmt.Sprintf(" and failed %d times in a row", int(failures))
		}
	case interval > 0 && !last.IsZero() && passedOver(k.server, last, next, interval, work.Within):
		out.Missing, out.Lacks, out.Since = true, skipped(k.server.Sub(last)-interval, interval), k.ours(last.Add(interval))
		out.Due = k.ours(last.Add(interval + work.Within))
		out.Why = fmt.Sprintf("the scheduled action has not run for %s and is not to run before %s%s",
			wording.Duration(k.server.Sub(last)), next.Format("2 January 2006"), runs(out.Lacks))
	}
	return out
}

// longestInterval bounds what is taken for an interval.
const longestInterval = 10 * 366 * 24 * time.Hour

// every is an interval as it is published; 0 when it is not known.
func every(seconds float64, known bool) time.Duration {
	if !known || !(seconds > 0) || seconds > longestInterval.Seconds() {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// skipped is how many runs are missing of an action that is late; 0 when it is
// not late.
func skipped(late, interval time.Duration) int {
	switch {
	case late <= 0:
		return 0
	case interval <= 0:
		return 1
	default:
		return int(late/interval) + 1
	}
}

func runs(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(", %d runs are missing", n)
}

// passedOver reports whether somebody has put the next run so far away that
// whole runs are left out: an action that only runs late has its next run one interval after
// the last.
func passedOver(server, last, next time.Time, interval, within time.Duration) bool {
	return server.Sub(last) > 2*interval+within && next.Sub(last) > 2*interval+within
}
