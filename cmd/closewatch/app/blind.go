package app

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// blindSince is the metric of what has not been measured, and since when.
const blindSince = "closewatch_blind_since_timestamp_seconds"

// blindAfter is how many of its intervals a collector may be late, and how long
// at least, before its component counts as not measured.
const (
	blindAfter   = 3
	blindAtLeast = 2 * time.Minute
)

// A sightBook remembers since when what should measure does not. It is used from
// the tick only.
type sightBook struct {
	collectors map[string]time.Time // when a collector that has gathered nothing yet was first seen
	outcomes   map[tiering.Key]outcomeSight
}

// An outcomeSight is whether anything tells of an outcome.
type outcomeSight struct {
	seen bool      // something once did
	lost time.Time // since when nothing does; zero while something does
}

func newSightBook() *sightBook {
	return &sightBook{collectors: map[string]time.Time{}, outcomes: map[tiering.Key]outcomeSight{}}
}

// An outOfSight is an outcome that nothing tells of, as it is kept across a
// restart.
type outOfSight struct {
	tiering.Key
	Since time.Time `json:"since"`
}

func (b *sightBook) memory() []outOfSight {
	var out []outOfSight
	for k, s := range b.outcomes {
		if !s.lost.IsZero() {
			out = append(out, outOfSight{k, s.lost})
		}
	}
	slices.SortFunc(out, func(a, b outOfSight) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Process, b.Process))
	})
	return out
}

func (b *sightBook) restore(kept []outOfSight) {
	for _, k := range kept {
		b.outcomes[k.Key] = outcomeSight{seen: true, lost: k.Since}
	}
}

// blind lists the collectors that have neither gathered anything nor run without
// a failure for several of their intervals, as samples of blindSince: of the
// daemon's own store and record, too.
func (b *sightBook) blind(at time.Time, s signal.Published) []signal.Sample {
	var out []signal.Sample
	known := map[string]bool{}
	for _, x := range s("closewatch_scrape_collector_interval_seconds") {
		key := strings.Join([]string{x.Labels["environment"], x.Labels["component"], x.Labels["collector"]}, "/")
		known[key] = true
		last := s.Stamp("closewatch_scrape_collector_last_gathered_timestamp_seconds", x.Labels)
		if looked := s.Stamp("closewatch_scrape_collector_last_success_timestamp_seconds", x.Labels); looked.After(last) {
			last = looked // and found nothing to tell: no e-invoice, no table of them
		}
		if last.IsZero() {
			if b.collectors[key].IsZero() {
				b.collectors[key] = at
			}
			last = b.collectors[key]
		}
		if at.Sub(last) > max(blindAfter*time.Duration(x.Value*float64(time.Second)), blindAtLeast) {
			out = append(out, blindSample(x.Labels["environment"], x.Labels["component"], x.Labels["collector"], last, at))
		}
	}
	for key := range b.collectors {
		if !known[key] {
			delete(b.collectors, key)
		}
	}
	for _, own := range []struct{ metric, what string }{{storeLastAppend, "store"}, {recordLastTick, "record"}} {
		for _, x := range s(own.metric) {
			if last := signal.Unix(x.Value); at.Sub(last) > blindAtLeast {
				out = append(out, blindSample(x.Labels["environment"], x.Labels["component"], own.what, last, at))
			}
		}
	}
	return out
}

func blindSample(environment, component, collector string, since, at time.Time) signal.Sample {
	return signal.Sample{
		Name: blindSince, Value: float64(since.UnixNano()) / 1e9, At: at,
		Labels: map[string]string{"environment": environment, "component": component, "collector": collector},
	}
}

// blindSignals say that something is not measured, and that the daemon cannot
// keep what it measures.
func blindSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "component_blind", Title: "Everything is measured", Metric: blindSince, By: []string{"collector"},
			Aggregate: signal.Count, Warning: 0, Critical: signal.Never(), Fresh: blindAtLeast, Optional: true, Role: signal.Context,
			Says: "{collector} of {component} has told nothing for several of its intervals: what it would say is unknown",
		},
		{
			Name: "closewatch_data_low", Title: "There is room for what closewatch keeps", Metric: dataLow,
			Warning: 0.5, Critical: signal.Never(), For: 10 * time.Minute, Fresh: blindAtLeast, Optional: true, Role: signal.Context,
			Says: "the disk of closewatch's data directory is nearly full: free space, or keep less (store.retention, store.ticks)",
		},
	}
}

// look notes in each subject's evidence what should tell of its outcome and does
// not, and since when nothing does.
func (b *sightBook) look(at time.Time, evidence []tiering.Evidence) {
	for i := range evidence {
		ev := &evidence[i]
		ev.Unseen = unseen(ev)
		ev.UnseenSince = b.outcome(at, ev)
	}
}

// unseen lists what does not tell, in the order of flows and needs.
func unseen(ev *tiering.Evidence) []tiering.Unseen {
	var out []tiering.Unseen
	for _, f := range ev.Flows {
		switch f.State {
		case tiering.FlowStale:
			out = append(out, tiering.Unseen{What: "test transaction " + f.Name, Since: f.LastRun, Why: "it should have run and did not"})
		case tiering.FlowNever:
			out = append(out, tiering.Unseen{What: "test transaction " + f.Name, Why: "it has not run yet"})
		case tiering.FlowPassing, tiering.FlowFailing, tiering.FlowBlocked:
		}
	}
	for _, n := range ev.Needs {
		if n.State == signal.Unknown {
			out = append(out, tiering.Unseen{What: n.Component + " (" + n.Kind + ")", Since: n.Since, Why: "nothing fresh is measured of it"})
		}
	}
	return out
}

// outcome tells since when nothing tells of an outcome: the newest run of the
// flows that stopped, or the tick at which the last that told was gone. One that
// nothing here could ever tell of, or that is held back on purpose, is not out of
// sight: it is not watched.
func (b *sightBook) outcome(at time.Time, ev *tiering.Evidence) time.Time {
	was := b.outcomes[ev.Key]
	unknown, paused := ev.Unmeasured()
	var newest time.Time
	for _, f := range ev.Flows {
		if f.State == tiering.FlowStale && f.LastRun.After(newest) {
			newest = f.LastRun
		}
	}
	switch {
	case !unknown:
		was = outcomeSight{seen: true}
	case paused:
		was.lost = time.Time{}
	case !was.lost.IsZero():
	case !newest.IsZero():
		was.lost = newest
	case was.seen:
		was.lost = at
	}
	b.outcomes[ev.Key] = was
	return was.lost
}

// What is published of sight. The first is a signal's, too.
var (
	blindSinceDesc = desc(blindSince,
		"Since when a collector has not measured its component, or the daemon has not kept what it measured; absent while it does.",
		"component", "environment", "collector")
	processBlindSince = desc("closewatch_process_blind_since_timestamp_seconds",
		"Since when nothing tells whether the process's outcome works; absent while something does, and where nothing ever could.",
		"process", "entity", "tenant", "environment")
)

func blindMetrics(gauge func(*prometheus.Desc, float64, ...string), t *Tick) {
	for _, x := range t.Blind {
		gauge(blindSinceDesc, x.Value, x.Labels["component"], x.Labels["environment"], x.Labels["collector"])
	}
	for _, ev := range t.Evidence {
		if !ev.UnseenSince.IsZero() {
			gauge(processBlindSince, float64(ev.UnseenSince.UnixNano())/1e9, ev.Process.Name, ev.Entity, ev.Tenant, ev.Environment)
		}
	}
}
