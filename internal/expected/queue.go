package expected

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// A Drain measures how fast a queue is worked off, by a count of what was done.
type Drain struct {
	points []drainPoint // oldest first, at most drainSpan
}

type drainPoint struct {
	at   time.Time
	done float64
}

const drainSpan = 20

// Rate returns how many are done per second over the points remembered; 0 until
// two points tell.
func (d *Drain) Rate(at time.Time, done float64) float64 {
	if n := len(d.points); n == 0 || at.After(d.points[n-1].at) {
		if n > 0 && done < d.points[n-1].done {
			d.points = nil // the counter was reset
		}
		d.points = append(d.points, drainPoint{at, done})
		if len(d.points) > drainSpan {
			d.points = d.points[1:]
		}
	}
	first, last := d.points[0], d.points[len(d.points)-1]
	if span := last.at.Sub(first.at).Seconds(); span > 0 {
		return (last.done - first.done) / span
	}
	return 0
}

// queue judges one channel. Jobs wait; the question is whether they are taken.
func (l *Ledger) queue(k look, work process.Work, labels map[string]string) tiering.Work {
	p := k.published
	waiting, _, _ := p.Sum("odoo_queue_jobs", labels, func(l map[string]string) bool {
		return l["state"] == "pending" || l["state"] == "enqueued"
	})
	out := tiering.Work{Source: work.Source, Name: labels["channel"], Says: work.Says, Count: int(waiting)}
	key := labels["environment"] + separator + labels["tenant"] + separator + labels["channel"]
	if l.drains[key] == nil {
		l.drains[key] = &Drain{}
	}
	rate := 0.0
	if done, seen, ok := p.Sum("odoo_queue_jobs_done_total", labels, nil); ok {
		rate = l.drains[key].Rate(seen, done)
	}
	out.Drains = rate > 0
	out.Oldest = p.Stamp("odoo_queue_job_oldest_runnable_timestamp_seconds", labels)
	if waiting == 0 || out.Oldest.IsZero() {
		return out
	}
	out.Due = k.ours(out.Oldest.Add(work.Within))
	if rate > 0 {
		out.CatchUp = time.Duration(waiting / rate * float64(time.Second))
	}
	age := k.server.Sub(out.Oldest)
	taken := p.Stamp("odoo_queue_job_last_enqueued_timestamp_seconds", labels)
	switch {
	case age > l.grace && (taken.IsZero() || k.server.Sub(taken) > l.grace):
		out.Missing, out.Lacks, out.Since = true, int(waiting), k.ours(out.Oldest.Add(l.grace))
		out.Drains = false
		out.Why = fmt.Sprintf("%d jobs wait in %s, the oldest for %s, and none is taken", int(waiting), out.Name, wording.Duration(age))
	case k.at.After(out.Due):
		out.Missing, out.Lacks, out.Since = true, int(waiting), out.Due
		out.Why = fmt.Sprintf("%d jobs wait in %s, the oldest for %s", int(waiting), out.Name, wording.Duration(age))
	}
	return out
}
