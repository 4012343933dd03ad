package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// measuredOn is a process with one objective that is measured on records.
func measuredOn(is process.Objective) subject {
	is.Name = "it"
	return acme(process.Process{Name: "payroll", Objectives: []process.Objective{is}})
}

func TestIndicators(t *testing.T) {
	zero, one := 0.0, 1.0
	ago := func(d time.Duration) float64 { return float64(noon.Add(-d).Unix()) }
	m := func(v float64, more labels) signal.Sample { return sample("m", v, more) }
	n := func(v float64) signal.Sample { return sample("n", v, nil) }
	series := func(metric string, l labels) *process.Series { return &process.Series{Metric: metric, Labels: l} }
	half := process.Share(50 * process.Percent)
	type want struct {
		events
		Observed bool
		Doubts   uint64
		Breach   time.Duration
	}
	tests := map[string]struct {
		is    process.Objective
		ticks [][]signal.Sample
		want  want
	}{
		"bad of all": {
			process.Objective{Kind: process.Availability, Target: half, Indicator: &process.Indicator{Total: series("m", nil), Bad: series("n", nil)}},
			[][]signal.Sample{{m(10, nil), n(1)}, {m(15, nil), n(3)}},
			want{events{2, 5}, true, 0, 0},
		},
		"good of all": {
			process.Objective{Kind: process.Availability, Target: half, Indicator: &process.Indicator{Total: series("m", nil), Good: series("n", nil)}},
			[][]signal.Sample{{m(10, nil), n(1)}, {m(15, nil), n(3)}},
			want{events{3, 5}, true, 0, 0},
		},
		"more good than there were is a doubt, and not good": {
			process.Objective{Kind: process.Availability, Target: half, Indicator: &process.Indicator{Total: series("m", nil), Good: series("n", nil)}},
			[][]signal.Sample{{m(10, nil), n(1)}, {m(12, nil), n(6)}},
			want{events{0, 2}, true, 3, 0},
		},
		"labels with several values, and of the company that flows work in": {
			process.Objective{Kind: process.Availability, Target: half, Indicator: &process.Indicator{
				Total: series("m", nil), Bad: series("m", labels{"state": "failed|late"}),
			}},
			[][]signal.Sample{
				{m(0, labels{"state": "done"}), m(0, labels{"state": "failed"}), m(0, labels{"state": "late"}), m(0, labels{"state": "late", "entity": "synthetic"})},
				{m(5, labels{"state": "done"}), m(1, labels{"state": "failed"}), m(2, labels{"state": "late"}), m(9, labels{"state": "late", "entity": "synthetic"})},
			},
			want{events{3, 8}, true, 0, 0},
		},
		"another tenant's": {
			process.Objective{Kind: process.Availability, Target: half, Indicator: &process.Indicator{Total: series("m", nil), Bad: series("n", nil)}},
			[][]signal.Sample{{elsewhere(m(0, nil))}, {elsewhere(m(5, nil))}},
			want{},
		},
		"a query knows no tenant": {
			process.Objective{Kind: process.Completeness, Target: half, Indicator: &process.Indicator{Value: series("m", labels{"query": "q"}), AtMost: &zero}},
			[][]signal.Sample{{elsewhere(m(1, labels{"query": "q"}))}, {elsewhere(m(0, labels{"query": "q"}))}},
			want{events{1, 2}, true, 0, tick},
		},
		"within the bucket that ends at the threshold": {
			process.Objective{Kind: process.Latency, Target: half, Threshold: time.Second, Indicator: &process.Indicator{Histogram: series("m", nil)}},
			[][]signal.Sample{
				{sample("m_count", 0, nil), sample("m_bucket", 0, labels{"le": "1"}), sample("m_bucket", 0, labels{"le": "2"})},
				{sample("m_count", 9, nil), sample("m_bucket", 6, labels{"le": "1"}), sample("m_bucket", 8, labels{"le": "2"})},
			},
			want{events{3, 9}, true, 0, 0},
		},
		"no bucket ends at the threshold": {
			process.Objective{Kind: process.Latency, Target: half, Threshold: time.Second, Indicator: &process.Indicator{Histogram: series("m", nil)}},
			[][]signal.Sample{
				{sample("m_count", 0, nil), sample("m_bucket", 0, labels{"le": "0.5"}), sample("m_bucket", 0, labels{"le": "2"}), sample("m_bucket", 0, labels{"le": "+Inf"})},
				{sample("m_count", 9, nil), sample("m_bucket", 6, labels{"le": "0.5"}), sample("m_bucket", 8, labels{"le": "2"}), sample("m_bucket", 9, labels{"le": "+Inf"})},
			},
			want{},
		},
		"of one of two series no bucket ends there": {
			process.Objective{Kind: process.Latency, Target: half, Threshold: time.Second, Indicator: &process.Indicator{Histogram: series("m", nil)}},
			[][]signal.Sample{
				{sample("m_count", 0, nil), sample("m_bucket", 0, labels{"le": "1"}), sample("m_bucket", 0, labels{"le": "+Inf"}), sample("m_bucket", 0, labels{"le": "+Inf", "server": "b"})},
				{sample("m_count", 9, nil), sample("m_bucket", 6, labels{"le": "1"}), sample("m_bucket", 8, labels{"le": "+Inf"}), sample("m_bucket", 1, labels{"le": "+Inf", "server": "b"})},
			},
			want{},
		},
		"within a native bucket that ends at the threshold": {
			process.Objective{Kind: process.Latency, Target: half, Threshold: 4 * time.Second, Indicator: &process.Indicator{Histogram: series("traefik_finance_operation_duration_seconds", nil)}},
			[][]signal.Sample{{
				sample("traefik_finance_operation_duration_seconds_count", 0, nil), sample("traefik_finance_operation_duration_seconds_bucket", 0, labels{"le": "5"}),
				sample("traefik_finance_operation_duration_seconds_native", 0, labels{"le": "4"}), sample("traefik_finance_operation_duration_seconds_native", 0, labels{"le": "8"}),
			}, {
				sample("traefik_finance_operation_duration_seconds_count", 9, nil), sample("traefik_finance_operation_duration_seconds_bucket", 8, labels{"le": "5"}),
				sample("traefik_finance_operation_duration_seconds_native", 6, labels{"le": "4"}), sample("traefik_finance_operation_duration_seconds_native", 9, labels{"le": "8"}),
			}},
			want{events{3, 9}, true, 0, 0},
		},
		"the oldest is young enough": {
			process.Objective{Kind: process.Freshness, Target: half, Threshold: time.Hour, Indicator: &process.Indicator{Oldest: series("m", nil)}},
			[][]signal.Sample{{m(ago(time.Hour), nil)}},
			want{events{0, 1}, true, 0, 0},
		},
		"the oldest is ten seconds too old": {
			process.Objective{Kind: process.Freshness, Target: half, Threshold: time.Hour, Indicator: &process.Indicator{Oldest: series("m", nil)}},
			[][]signal.Sample{{m(ago(time.Hour+10*time.Second), nil), m(ago(0), labels{"journal": "b"})}},
			want{events{1, 1}, true, 0, 10 * time.Second},
		},
		"nothing waits": {
			process.Objective{Kind: process.Freshness, Target: half, Threshold: time.Hour, Indicator: &process.Indicator{Oldest: series("m", nil), Idle: series("n", nil)}},
			[][]signal.Sample{{n(0)}},
			want{events{0, 1}, true, 0, 0},
		},
		"nobody can tell what waits": {
			process.Objective{Kind: process.Freshness, Target: half, Threshold: time.Hour, Indicator: &process.Indicator{Oldest: series("m", nil), Idle: series("n", nil)}},
			[][]signal.Sample{{}},
			want{},
		},
		"a number, all series together": {
			process.Objective{Kind: process.Completeness, Every: true, Indicator: &process.Indicator{Value: series("m", nil), AtMost: &one}},
			[][]signal.Sample{{m(1, nil), m(0, labels{"journal": "b"})}, {m(1, nil), m(1, labels{"journal": "b"})}},
			want{events{1, 2}, true, 0, tick},
		},
		"a number that is not there": {
			process.Objective{Kind: process.Completeness, Every: true, Indicator: &process.Indicator{Value: series("m", nil), AtLeast: &one}},
			[][]signal.Sample{{}, {}},
			want{},
		},
		"outside the critical window": {
			process.Objective{Kind: process.Completeness, Every: true, CriticalOnly: true, Indicator: &process.Indicator{Value: series("m", nil), AtMost: &zero}},
			[][]signal.Sample{{m(1, nil)}, {m(1, nil)}},
			want{events{}, true, 0, 2 * tick},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := watching(t, closing(t, ""), 1, measuredOn(tt.is))
			var last []counted
			for i, samples := range tt.ticks {
				last = w.sees(noon.Add(time.Duration(i-len(tt.ticks)+1)*tick), samples...)
			}
			st := w.objective(t, noon, "it/records")
			got := want{events{st.Sum.Bad, st.Sum.Total}, last[0].Observed, st.Doubts, st.Breach}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("it counts (-want +got):\n%s", diff)
			}
			for _, b := range st.Budgets {
				if v, ok := b.Raw.Remaining(); ok && tt.is.Every {
					t.Errorf("where none may fail %v of a budget is left", v)
				}
			}
		})
	}
}

// Each occasion counts once, whenever the daemon was restarted.
func TestOccasionsCountOnce(t *testing.T) {
	zero := 0.0
	s := measuredOn(process.Objective{Kind: process.Completeness, Target: 50 * process.Percent, Indicator: &process.Indicator{
		Value: &process.Series{Metric: "m"}, AtMost: &zero, Due: "every working day 10:00",
	}})
	bad, total := uint64(0), uint64(0)
	w := watching(t, closing(t, ""), 1, s)
	restarted := func(at time.Time) {
		st := w.objective(t, at, "it/records")
		bad, total = bad+st.Sum.Bad, total+st.Sum.Total
		fresh := watching(t, closing(t, ""), 1, s)
		fresh.last = w.last
		w = fresh
	}
	for day := range 3 {
		ten := time.Date(2026, 11, 18+day, 10, 0, 0, 0, time.UTC) // London in winter
		for n := -4; n < 5; n++ {
			at := ten.Add(time.Duration(n) * tick)
			left := float64(0)
			if day == 1 {
				left = 3
			}
			w.sees(at, sample("m", left, nil))
			if n == 0 || n == -1 {
				restarted(at)
			}
		}
	}
	restarted(noon)
	if bad != 1 || total != 3 {
		t.Errorf("three mornings count %d bad of %d, want 1 of 3", bad, total)
	}
}

// Inside its critical window an objective has the window's target, threshold and
// budget, and burns by them.
func TestTheCriticalWindowHasItsOwnBudget(t *testing.T) {
	s := posting()
	s.process.Objectives = []process.Objective{{Name: "availability", Kind: process.Availability, Target: 99 * process.Percent, CriticalTarget: 99.9 * process.Percent}}
	w := watching(t, closing(t, ""), 1, s)
	from := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC) // an hour before WD-3, with which pre-close begins
	passed, failed := 0.0, 0.0
	for n := range 4 * 120 {
		passed, failed = passed+99, failed+1
		w.sees(from.Add(time.Duration(n)*tick), runs(passed, failed, passed)...)
	}
	at := from.Add(4*120*tick - tick)
	st := w.objective(t, at, "availability/synthetic")
	b, ok := inForce(st.Budgets, "acme")
	if !ok || b.Window != process.CriticalWindow || b.Target != 99.9*process.Percent {
		t.Fatalf("in force is %+v, %v; want the critical window", b, ok)
	}
	if want := uint64(3*120 - 1); b.Raw.Bad != want || b.Raw.Total != 100*want {
		t.Errorf("it has %d bad of %d, want %d of %d: what was before midnight is not in it", b.Raw.Bad, b.Raw.Total, want, 100*want)
	}
	scopes := map[string]bool{}
	for _, burn := range w.burns(s) {
		scopes[burn.Scope] = scopes[burn.Scope] || burn.Firing
	}
	if scopes[rollingBurn] || !scopes[criticalBurn] {
		t.Errorf("burns fire: %v; one in a hundred is what thirty days allow, and ten times what the close does", scopes)
	}
	said := (&Tick{At: at, Objectives: w.states(at)}).budget(tiering.Key{Process: "invoice-posting", Entity: "acme", Tenant: "prod", Environment: "production"})
	if !strings.HasSuffix(said, "of the critical window's (test transactions)") || !strings.HasPrefix(said, "overspent") {
		t.Errorf("the page says %q", said)
	}
}

// A phase that is promised a part of the budget burns by that part: what is no
// more than the objective allows is too much where little is kept.
func TestThePartKeptForAPhaseBurns(t *testing.T) {
	for name, tt := range map[string]struct {
		shares map[string]process.Share
		want   bool
		scope  string
	}{
		"a tenth of its time's worth is kept": {map[string]process.Share{"pre_close": process.Percent}, true, phaseBurn},
		"as much as its time's worth is kept": {map[string]process.Share{"pre_close": 20 * process.Percent}, false, phaseBurn},
		"a part is kept for another phase":    {map[string]process.Share{"close": process.Percent}, false, ""},
		"none is kept":                        {nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := posting()
			s.process.Objectives = []process.Objective{{
				Name: "availability", Kind: process.Availability, Target: 99 * process.Percent, Budget: process.Budget{Shares: tt.shares},
			}}
			w := watching(t, closing(t, ""), 1, s)
			from := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC) // an hour before pre-close
			passed, failed := 0.0, 0.0
			for n := range 4 * 120 {
				passed, failed = passed+99, failed+1
				w.sees(from.Add(time.Duration(n)*tick), runs(passed, failed, passed)...)
				if n == 110 {
					for _, burn := range w.burns(s) {
						if burn.Scope == phaseBurn {
							t.Errorf("before the phase it burns by %+v", burn)
						}
					}
				}
			}
			fires, scope := false, ""
			for _, burn := range w.burns(s) {
				fires = fires || burn.Firing
				if burn.Scope == phaseBurn {
					scope = burn.Scope
					if !strings.HasSuffix(burn.Window, " of what is kept for the pre-close") {
						t.Errorf("it is called %q", burn.Window)
					}
				}
			}
			if fires != tt.want || scope != tt.scope {
				t.Errorf("it burns: %v by %q, want %v by %q", fires, scope, tt.want, tt.scope)
			}
		})
	}
}

// A process as a whole is bad while any part of it is, or what it cannot do
// without.
func TestTheProcessAsAWhole(t *testing.T) {
	s := posting()
	s.needs = []need{{"db", process.Postgres, process.Hard, ""}, {"cache", process.Redis, process.Soft, ""}}
	w := watching(t, closing(t, ""), 1, s)
	w.components = map[string]componentState{"db": {State: signal.OK}, "cache": {State: signal.Critical}}
	n := 0
	slice := func(fast float64, db signal.State) {
		w.components["db"] = componentState{State: db}
		for range 10 {
			n++
			w.sees(noon.Add(time.Duration(n)*tick), runs(float64(n), 0, fast*float64(n))...)
		}
	}
	slice(1, signal.OK)
	slice(1, signal.Critical)
	slice(1, signal.Unknown)
	st := w.objective(t, noon.Add(time.Duration(n)*tick), "composite/synthetic")
	if st.Sum.Bad != 1 || st.Sum.Total != 3 {
		t.Errorf("the whole is bad in %d of %d slices, want 1 of 3: the database was down in one", st.Sum.Bad, st.Sum.Total)
	}
	for _, b := range w.burns(s) {
		if b.Objective == process.Composite {
			t.Error("the whole burns, and its parts already do")
		}
	}
}
