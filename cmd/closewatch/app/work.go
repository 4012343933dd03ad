package app

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// A workWatch follows the expected work of every tenant: what waits, whether it
// is taken, and how fast it drains. It is used from the tick only.
type workWatch struct {
	// Grace is how long runnable work may wait untouched, and a scheduled
	// action be late, before it counts as missing.
	grace time.Duration
	drain map[string]*drain // by tenant and channel
}

// A drain measures how fast a queue is worked off.
type drain struct {
	points []drainPoint // oldest first, at most drainSpan apart
}

type drainPoint struct {
	at   time.Time
	done float64
}

const drainSpan = 20

func newWorkWatch(grace time.Duration) *workWatch {
	return &workWatch{grace: grace, drain: map[string]*drain{}}
}

// rate returns jobs done per second over the points remembered; 0 until two
// points tell.
func (d *drain) rate(at time.Time, done float64) float64 {
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

// evidence lists a process's expected work in one tenant.
func (w *workWatch) evidence(at time.Time, s samples, subj subject) []tiering.Work {
	var out []tiering.Work
	labels := map[string]string{"tenant": subj.key.Tenant, "environment": subj.key.Environment}
	offset, _ := s.one("odoo_database_clock_offset_seconds", labels)
	server := at.Add(time.Duration(offset * float64(time.Second))) // ages are read on the server's clock
	for _, work := range subj.process.Work {
		match := matcher(work.Match)
		switch work.Source {
		case process.QueueJobs:
			for _, channel := range s.values("odoo_queue_jobs", "channel", labels) {
				if match(channel) {
					out = append(out, w.queue(at, server, s, work, with(labels, "channel", channel)))
				}
			}
		case process.ScheduledAction:
			for _, action := range s.values("odoo_scheduled_action_active", "action", labels) {
				if match(action) {
					out = append(out, w.action(at, server, s, work, with(labels, "action", action)))
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b tiering.Work) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// queue judges one channel. Jobs wait; the question is whether they are taken.
func (w *workWatch) queue(at, server time.Time, s samples, work process.Work, labels map[string]string) tiering.Work {
	waiting, _, _ := s.sum("odoo_queue_jobs", labels, func(l map[string]string) bool {
		return l["state"] == "pending" || l["state"] == "enqueued"
	})
	out := tiering.Work{Name: labels["channel"], Says: work.Says, Count: int(waiting)}
	key := labels["environment"] + "/" + labels["tenant"] + "/" + labels["channel"]
	if w.drain[key] == nil {
		w.drain[key] = &drain{}
	}
	rate := 0.0
	if done, seen, ok := s.sum("odoo_queue_jobs_done_total", labels, nil); ok {
		rate = w.drain[key].rate(seen, done)
	}
	out.Drains = rate > 0
	out.Oldest = s.stamp("odoo_queue_job_oldest_runnable_timestamp_seconds", labels)
	if waiting == 0 || out.Oldest.IsZero() {
		return out
	}
	out.Due = at.Add(out.Oldest.Add(work.Within).Sub(server))
	if rate > 0 {
		out.CatchUp = time.Duration(waiting / rate * float64(time.Second))
	}
	age := server.Sub(out.Oldest)
	taken := s.stamp("odoo_queue_job_last_enqueued_timestamp_seconds", labels)
	switch {
	case age > w.grace && (taken.IsZero() || server.Sub(taken) > w.grace):
		out.Missing = true
		out.Drains = false
		out.Why = fmt.Sprintf("%d jobs wait in %s, the oldest for %s, and none is taken", int(waiting), out.Name, wording.Duration(age))
	case at.After(out.Due):
		out.Missing = true
		out.Why = fmt.Sprintf("%d jobs wait in %s, the oldest for %s", int(waiting), out.Name, wording.Duration(age))
	}
	return out
}

// action judges one scheduled action: switched off, or late.
func (w *workWatch) action(at, server time.Time, s samples, work process.Work, labels map[string]string) tiering.Work {
	out := tiering.Work{Name: labels["action"], Says: work.Says}
	active, known := s.one("odoo_scheduled_action_active", labels)
	if !known {
		return out
	}
	next := s.stamp("odoo_scheduled_action_next_call_timestamp_seconds", labels)
	if !next.IsZero() {
		out.Due = at.Add(next.Add(work.Within).Sub(server))
		out.Oldest = next
	}
	late := server.Sub(next)
	failures, _ := s.one("odoo_scheduled_action_failures", labels)
	switch {
	case active == 0:
		out.Missing = true
		out.Why = "the scheduled action is switched off"
	case !next.IsZero() && late > w.grace:
		out.Missing = true
		out.Why = "the scheduled action is " + wording.Duration(late) + " late"
		if failures > 0 {
			out.Why += fmt.Sprintf(" and failed %d times in a row", int(failures))
		}
	}
	return out
}

// matcher compiles patterns in which * stands for any run of characters.
// Letter case does not matter.
func matcher(patterns []string) func(string) bool {
	res := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		res[i] = regexp.MustCompile("(?is)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
	}
	return func(s string) bool {
		return slices.ContainsFunc(res, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}
}

func with(labels map[string]string, name, value string) map[string]string {
	out := maps.Clone(labels)
	out[name] = value
	return out
}
