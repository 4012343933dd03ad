package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// events are what an objective counted: bad of total.
type events struct{ Bad, Total uint64 }

const tick = 30 * time.Second

// posting is a process with all that can be counted, measured by a flow.
func posting() subject {
	s := acme(process.Process{
		Name: "invoice-posting", Operations: []string{"account.move/action_post"},
		Objectives: []process.Objective{
			{Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent},
			{Name: "latency", Kind: process.Latency, Target: 95 * process.Percent, Threshold: 3 * time.Second},
			{Name: "filed", Kind: process.Deadline, Every: true},
		},
	})
	s.flows = []string{"invoice-posting"}
	return s
}

// A watch observes the objectives of subjects, which have an ordinary calendar.
type watch struct {
	*objectives
	assembler  *assembler
	components map[string]componentState
	missing    []signal.Sample // buckets, at the newest tick
}

func watching(tb testing.TB, e *estate.Estate, scale float64, subjects ...subject) *watch {
	tb.Helper()
	o, err := newObjectives(subjects, tick, scale)
	if err != nil {
		tb.Fatal(err)
	}
	return watchingWith(e, o, subjects)
}

func watchingWith(e *estate.Estate, o *objectives, subjects []subject) *watch {
	var all []estate.Entity
	for _, s := range subjects {
		all = append(all, estate.Entity{Name: s.key.Entity, Tenant: s.key.Tenant})
	}
	a := newAssembler()
	a.subjects, a.calendars, a.work = subjects, newCalendars(e, all), expected.New(time.Minute)
	return &watch{objectives: o, assembler: a}
}

// sees is a tick at which samples are published.
func (w *watch) sees(at time.Time, samples ...signal.Sample) []counted {
	s := indexSamples(collected(at, samples))
	w.assembler.expect(at, s)
	w.missing = w.lacking(at, s)
	return slices.Clone(w.observe(at, s, w.components, w.assembler))
}

// objective is the state of one, by name and source.
func (w *watch) objective(t *testing.T, at time.Time, id string) objectiveState {
	t.Helper()
	for _, st := range w.states(at) {
		if strings.HasSuffix(st.Objective.ID, "/"+id) {
			return st
		}
	}
	t.Fatalf("there is no objective %s", id)
	return objectiveState{}
}

// runs are the flow's totals: passed, failed and blocked, and those faster than
// three seconds.
func runs(passed, failed, fast float64) []signal.Sample {
	of := func(outcome string) labels {
		return labels{"flow": "invoice-posting", "level": "L3", "outcome": outcome}
	}
	return []signal.Sample{
		sample("closewatch_probe_runs_total", passed, of("passed")),
		sample("closewatch_probe_runs_total", failed, of("failed")),
		sample("closewatch_probe_runs_total", 1000*passed, of("blocked")),
		sample("closewatch_probe_runs_total", 1000*passed, labels{"flow": "login", "level": "L0", "outcome": "failed"}),
		sample("closewatch_probe_duration_seconds_count", passed+failed, of("")),
		sample("closewatch_probe_duration_seconds_bucket", fast-1, labels{"flow": "invoice-posting", "le": "1"}),
		sample("closewatch_probe_duration_seconds_bucket", fast, labels{"flow": "invoice-posting", "le": "3"}),
		sample("closewatch_probe_duration_seconds_bucket", passed+failed, labels{"flow": "invoice-posting", "le": "+Inf"}),
	}
}

// requests is one series of what the ingress counted.
func requests(n float64, client, outcome string) signal.Sample {
	return sample("traefik_finance_operations_total", n, labels{"operation": "account.move/action_post", "client": client, "outcome": outcome})
}

func TestCountersBecomeEvents(t *testing.T) {
	tests := map[string]struct {
		ticks [][]signal.Sample
		want  map[string]events // by objective
	}{
		"what was counted before the start is not counted again": {
			ticks: [][]signal.Sample{runs(5000, 100, 4000)},
			want:  map[string]events{},
		},
		"runs of a flow": {
			ticks: [][]signal.Sample{runs(10, 0, 10), runs(12, 1, 11), runs(14, 1, 13)},
			want:  map[string]events{"availability/synthetic": {1, 5}, "latency/synthetic": {2, 5}},
		},
		"the first failure there ever was": { // its series begins at 1
			ticks: [][]signal.Sample{{requests(10, "user", "ok")}, {requests(12, "user", "ok"), requests(1, "user", "server")}},
			want:  map[string]events{"availability/users": {1, 3}},
		},
		"a counter that was reset": {
			ticks: [][]signal.Sample{runs(100, 0, 100), runs(101, 0, 101), runs(1, 1, 1), runs(2, 1, 2)},
			want:  map[string]events{"availability/synthetic": {1, 4}, "latency/synthetic": {1, 4}},
		},
		"users who made a mistake or went away": {
			ticks: [][]signal.Sample{
				{requests(0, "user", "ok"), requests(0, "user", "client"), requests(0, "user", "aborted"), requests(0, "user", "limited"), requests(0, "user", "upstream")},
				{requests(5, "user", "ok"), requests(4, "user", "client"), requests(3, "user", "aborted"), requests(2, "user", "limited"), requests(1, "user", "upstream")},
			},
			want: map[string]events{"availability/users": {1, 15}},
		},
		"our own flows are not users": {
			ticks: [][]signal.Sample{
				{requests(0, "user", "ok"), requests(0, "probe", "server")},
				{requests(5, "user", "ok"), requests(5, "probe", "server")},
			},
			want: map[string]events{"availability/users": {0, 5}},
		},
		"operations of other processes": {
			ticks: [][]signal.Sample{
				{requests(0, "user", "ok"), sample("traefik_finance_operations_total", 0, labels{"operation": "web", "client": "user", "outcome": "server"})},
				{requests(1, "user", "ok"), sample("traefik_finance_operations_total", 9, labels{"operation": "web", "client": "user", "outcome": "server"})},
			},
			want: map[string]events{"availability/users": {0, 1}},
		},
		"another tenant": {
			ticks: [][]signal.Sample{
				{requests(0, "user", "ok"), elsewhere(requests(0, "user", "server"))},
				{requests(1, "user", "ok"), elsewhere(requests(9, "user", "server"))},
			},
			want: map[string]events{"availability/users": {0, 1}},
		},
		"users' latency": {
			ticks: [][]signal.Sample{
				histogramOf(0, 0), histogramOf(10, 8),
			},
			want: map[string]events{"latency/users": {2, 10}},
		},
		"a tick without an answer": {
			ticks: [][]signal.Sample{runs(1, 0, 1), {}, runs(3, 0, 3)},
			want:  map[string]events{"availability/synthetic": {0, 2}, "latency/synthetic": {0, 2}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := watching(t, closing(t, ""), 1, posting())
			for i, samples := range tt.ticks {
				w.sees(noon.Add(time.Duration(i)*tick), samples...)
			}
			got := map[string]events{}
			for _, st := range w.states(noon) {
				if st.Period.Total > 0 {
					got[strings.TrimPrefix(st.Objective.ID, "production/prod/invoice-posting/")] = events{st.Period.Bad, st.Period.Total}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func elsewhere(s signal.Sample) signal.Sample {
	s.Labels["tenant"] = "other"
	return s
}

// histogramOf is users' requests, and how many took at most three seconds.
func histogramOf(n, fast float64) []signal.Sample {
	of := func(le string) labels {
		return labels{"operation": "account.move/action_post", "client": "user", "le": le}
	}
	return []signal.Sample{
		sample("traefik_finance_operation_duration_seconds_count", n, of("")),
		sample("traefik_finance_operation_duration_seconds_bucket", fast, of("3")),
		sample("traefik_finance_operation_duration_seconds_bucket", n, of("+Inf")),
	}
}

// A source that does not answer is a hole in what was measured, not good
// weather.
func TestATickWithoutAnAnswerIsNotMeasured(t *testing.T) {
	w := watching(t, closing(t, ""), 1, posting())
	for i, samples := range [][]signal.Sample{runs(1, 0, 1), {}, {}, runs(1, 0, 1)} {
		w.sees(noon.Add(time.Duration(i)*tick), samples...)
	}
	for _, st := range w.states(noon) {
		synthetic := strings.HasSuffix(st.Objective.ID, "/synthetic")
		if measured := st.Period.Measured > 0; measured != synthetic {
			t.Errorf("%s is measured to %v", st.Objective.ID, st.Period.Measured)
		}
		if st.Traffic {
			t.Errorf("%s has traffic", st.Objective.ID)
		}
	}
}

// Entities of one tenant share what the ingress counts: an access log does not
// know companies.
func TestEntitiesOfATenantShareTheirEvents(t *testing.T) {
	first, second := posting(), posting()
	second.key.Entity = "acme-at"
	w := watching(t, closing(t, ""), 1, first, second)
	w.sees(noon, runs(1, 0, 1)...)
	w.sees(noon.Add(tick), runs(3, 1, 3)...)
	if diff := cmp.Diff(w.burns(first), w.burns(second)); diff != "" {
		t.Errorf("burns of two entities differ:\n%s", diff)
	}
	if n := len(w.tracked); n != 6 { // two objectives and the process as a whole, by two sources
		t.Errorf("%d objectives, want 6", n)
	}
}

func TestATargetOfOneIsRefused(t *testing.T) {
	s := posting()
	s.process.Objectives[0].Target = process.Whole
	if _, err := newObjectives([]subject{s}, tick, 1); err == nil || !strings.Contains(err.Error(), "to leave an error budget") {
		t.Errorf("newObjectives = %v, want a target refused", err)
	}
}
