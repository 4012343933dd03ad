package expected

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// queue judges one channel. Jobs wait; the question is whether they are taken.
func (l *Ledger) queue(k look, work process.Work, labels map[string]string) tiering.Work {
	p := k.published
	waiting, _, _ := p.Sum("odoo_queue_jobs", labels, func(l map[string]string) bool {
		return l["state"] == "pending" || l["state"] == "enqueued"
	})
	out := tiering.Work{Source: work.Source, Name: labels["channel"], Says: work.Says, Count: int(waiting)}
	rate, _, _ := p.Sum("odoo_queue_drain_jobs_per_second", labels, nil)
	out.Drains = rate > 0
	out.Oldest = p.Stamp("odoo_queue_job_oldest_runnable_timestamp_seconds", labels)
	taken := p.Stamp("odoo_queue_job_last_enqueued_timestamp_seconds", labels)
	if !taken.IsZero() {
		out.Done = k.ours(taken)
	}
	if waiting == 0 || out.Oldest.IsZero() {
		return out
	}
	out.Due = k.ours(out.Oldest.Add(work.Within))
	if seconds, _, ok := p.Sum("odoo_queue_catch_up_seconds", labels, nil); ok && out.Drains {
		out.CatchUp = time.Duration(seconds * float64(time.Second))
	}
	age := k.server.Sub(out.Oldest)
	stalled := k.ours(out.Oldest)
	if taken.After(out.Oldest) {
		stalled = k.ours(taken)
	}
	if !out.Drains {
		out.Stalled = stalled
	}
	switch {
	case age > l.grace && (taken.IsZero() || k.server.Sub(taken) > l.grace):
		out.Missing, out.Lacks, out.Since = true, int(waiting), k.ours(out.Oldest.Add(l.grace))
		out.Drains, out.CatchUp, out.Stalled = false, 0, stalled // whatever the pace of the last minutes was
		out.Why = fmt.Sprintf("%s in %s, the oldest for %s, and none is taken", waits(int(waiting)), out.Name, wording.Duration(age))
	case k.at.After(out.Due):
		out.Missing, out.Lacks, out.Since = true, int(waiting), out.Due
		out.Why = fmt.Sprintf("%s in %s, the oldest for %s", waits(int(waiting)), out.Name, wording.Duration(age))
	}
	return out
}

// waits says how many jobs do.
func waits(n int) string {
	if n == 1 {
		return "1 job waits"
	}
	return fmt.Sprintf("%d jobs wait", n)
}
