package app

import (
	"maps"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A story is what happens to one flow, tick by tick, and when its fast alert is
// to fire; that is held against the engine as well.
type story struct {
	load  func(i int) (passed, failed int)
	fires func(i int) bool
}

func never(int) bool { return false }

// Nine ways in which rules of the usual shape are wrong, on which these are
// not. They happen at the same time, each to a flow of its own; the source that
// goes away is TestRulesKeepWhatBurnsWhileTheSourceIsAway, the label that is
// edited TestRulesOutliveAnEditedTitle.
func TestRulesWithoutTheUsualDefects(t *testing.T) {
	stories := map[string]story{
		"1: a pause leaves no hole: what fails after it counts": {
			load: func(i int) (int, int) {
				switch {
				case i >= 20 && i < 40:
					return 0, 0
				case i >= 45:
					return 0, 200
				}
				return 20, 0
			},
			fires: func(i int) bool { return i >= 45 },
		},
		"2: the first failures there ever were count": {
			load: func(i int) (int, int) {
				if i == 10 {
					return 0, 5
				}
				return map[bool]int{true: 1}[i%5 == 0], 0
			},
			fires: func(i int) bool { return i == 10 }, // while it is recent
		},
		"4: a busy hour weighs more than a quiet one": {
			load: func(i int) (int, int) {
				if i < 30 {
					return 0, 1
				}
				return 1000, 0
			},
			fires: func(i int) bool { return i >= 3 && i < 30 },
		},
		"6: one failure of a few is no burn": {
			load: func(i int) (int, int) {
				if i == 30 {
					return 0, 1
				}
				return map[bool]int{true: 1}[i%6 == 0], 0
			},
			fires: never,
		},
		"8: exactly at the limit is no burn": { // 14.4 times 5 %: 18 of 25
			load:  func(int) (int, int) { return 7, 18 },
			fires: never,
		},
		"8: one more is": {
			load: func(i int) (int, int) {
				if i == 40 {
					return 6, 19
				}
				return 7, 18
			},
			fires: func(i int) bool { return i == 40 },
		},
	}
	names := slices.Sorted(maps.Keys(stories))
	targets := make([]process.Share, len(names))
	for i, name := range names {
		targets[i] = 99.5 * process.Percent
		if name[0] == '8' {
			targets[i] = 95 * process.Percent
		}
	}
	subjects, loads := flowing(targets...)
	r := newRulesRig(t, subjects, pair())
	for i := range 50 {
		var samples []signal.Sample
		for j, name := range names {
			passed, failed := stories[name].load(i)
			loads[j].add(passed, failed, 0)
			samples = append(samples, loads[j].samples()...)
		}
		for _, d := range r.tick(noon.Add(time.Duration(i)*tick), samples) {
			t.Error(d)
		}
		for j, name := range names {
			burns, _ := stateOf(r.alerts[rules.BurnFast]["production/prod/"+subjects[j].process.Name+"/availability/synthetic"])
			if want := stories[name].fires(i); burns != want {
				t.Errorf("%s: tick %d: burns %v, want %v", name, i, burns, want)
			}
		}
	}
	r.finite(noon.Add(50 * tick))
}

// finite fails for a number among what was recorded that is none.
func (r *rulesRig) finite(until time.Time) {
	q, err := r.db.Querier(0, until.UnixMilli())
	if err != nil {
		r.tb.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	seen := 0
	set := q.Select(r.tb.Context(), false, nil, promlabels.MustNewMatcher(promlabels.MatchRegexp, "__name__", "closewatch_slo:.*"))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != 0 {
			seen++
			if _, v := it.At(); math.IsInf(v, 0) || math.IsNaN(v) && !value.IsStaleNaN(v) {
				r.tb.Errorf("%v is %v", set.At().Labels(), v)
				break
			}
		}
	}
	if err := set.Err(); err != nil || seen == 0 {
		r.tb.Errorf("%d samples recorded, %v", seen, err)
	}
}

// one is a rig of one flow with a target of 95 %.
func one(t *testing.T, settings slo.Settings) (*rulesRig, *load) {
	t.Helper()
	subjects, loads := flowing(95 * process.Percent)
	return newRulesRig(t, subjects, settings), loads[0]
}

const only = "production/prod/p0/availability/synthetic"

// 3: an exporter that goes down in an incident resolves nothing, as long as the
// long window burns.
func TestRulesKeepWhatBurnsWhileTheSourceIsAway(t *testing.T) {
	r, l := one(t, pair())
	for i := range 45 {
		failing := i >= 12 && i < 40
		l.add(map[bool]int{true: 0, false: 20}[failing], map[bool]int{true: 20}[failing], 0)
		var samples []signal.Sample
		if i < 25 || i >= 30 {
			samples = l.samples()
		}
		for _, d := range r.tick(noon.Add(time.Duration(i)*tick), samples) {
			t.Error(d)
		}
		if burns, _ := stateOf(r.alerts[rules.BurnFast][only]); i >= 24 && i < 30 && !burns {
			t.Errorf("tick %d: what burned has ended", i)
		}
	}
}

// 5: a counter that is reset again and again loses nothing that was seen.
// 7: a few bad minutes after the start are no burn of the long window.
func TestRulesCountOverResetsAndFromTheStart(t *testing.T) {
	r, l := one(t, pairs())
	for i := range 25 {
		if i%7 == 6 {
			l.reset()
		}
		l.add(10, map[bool]int{true: 10}[i < 2], 0)
		for _, d := range r.tick(noon.Add(time.Duration(i)*tick), l.samples()) {
			t.Error(d)
		}
		if burns, _ := stateOf(r.alerts[rules.BurnSlow][only]); burns {
			t.Errorf("tick %d: two bad ticks after the start burn for the whole window", i)
		}
	}
	if w := r.objectives.engine.State(0).Burns[1].Long; w.Bad != 10 || w.Total != 250 {
		t.Errorf("counted %d bad of %d events, want 10 of 250", w.Bad, w.Total)
	}
}

// 9: what people edit breaks no window.
func TestRulesOutliveAnEditedTitle(t *testing.T) {
	subjects, loads := flowing(95 * process.Percent)
	r := newRulesRig(t, subjects, pair())
	for i := range 30 {
		if i == 15 {
			subjects[0].process.Title, subjects[0].process.Team = "Another title", "another-team"
			r.load(r.generate(subjects))
		}
		loads[0].add(2, map[bool]int{true: 18}[i >= 8 && i < 20], 0)
		for _, d := range r.tick(noon.Add(time.Duration(i)*tick), loads[0].samples()) {
			if i > 16 { // a new manager knows nothing of what the old one held
				t.Error(d)
			}
		}
	}
}

// Windows beyond six hours are made of the same cells as the engine's.
func TestRulesOfLongWindows(t *testing.T) {
	settings := slo.Settings{Tick: tick, Scale: 0.2, Burns: []slo.BurnWindow{
		{Name: "long", Share: big.NewRat(1, 100), Lookback: 390 * time.Minute, Short: 30 * time.Minute, Fast: true},
	}}
	r, l := one(t, settings)
	changes, was := 0, false
	for i := range 195 {
		bad := i%70 >= 40
		l.add(10, map[bool]int{true: 3}[bad], 0)
		for _, d := range r.tick(noon.Add(time.Duration(i)*tick), l.samples()) {
			t.Error(d)
		}
		if t.Failed() {
			return
		}
		if burns := r.burns(0, rules.BurnFast); burns != was {
			changes, was = changes+1, burns
		}
	}
	if changes < 3 {
		t.Errorf("the burn changed %d times: the history shows nothing", changes)
	}
}

// Named difference: what a target counted while it was away for longer than
// rules look back is lost to them; the engine counts it when it comes back.
func TestRulesLoseWhatHappenedInALongAbsence(t *testing.T) {
	for name, tt := range map[string]struct {
		ticks int // away
		want  bool
	}{
		"as long as rules look back": {longest, true},
		"longer":                     {longest + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, l := one(t, pair())
			at := noon
			step := func(samples []signal.Sample) {
				r.tick(at, samples)
				at = at.Add(tick)
			}
			for range 10 {
				l.add(10, 0, 0)
				step(l.samples())
			}
			for range tt.ticks {
				l.add(0, 10, 0)
				step(nil)
			}
			l.add(0, 10, 0)
			step(l.samples())
			burns, _ := stateOf(r.alerts[rules.BurnFast][only])
			if !r.burns(0, rules.BurnFast) || burns != tt.want {
				t.Errorf("engine %v, rules %v; want true, %v", r.burns(0, rules.BurnFast), burns, tt.want)
			}
		})
	}
}

// Named difference: a series that was away for longer than rules look back, and
// begins anew on a target that was there, counts from zero. The engine compares
// it with the value it remembers.
func TestRulesCountASeriesThatBeginsAnew(t *testing.T) {
	r, l := one(t, pair())
	at := noon
	step := func(passed, failed int) {
		l.add(passed, failed, 0)
		r.tick(at, l.samples())
		at = at.Add(tick)
	}
	for range 10 {
		step(10, 0)
	}
	step(10, 20)
	l.reset()
	l.everFailed = false
	for range int(away/tick) + 2 {
		step(10, 0)
	}
	for range 10 {
		step(0, 0)
	}
	step(0, 20) // as many as it showed before
	if burns, _ := stateOf(r.alerts[rules.BurnFast][only]); !burns {
		t.Error("the failures of a series that begins anew do not count")
	}
}

// Named difference: a Prometheus scrapes and evaluates at instants of its own.
// What it sees is up to a scrape interval old: its alerts follow by one
// evaluation at most.
func TestRulesFollowByOneEvaluation(t *testing.T) {
	r, l := one(t, pair())
	var engine, prometheus []bool
	for i := range 40 {
		at := noon.Add(time.Duration(i) * tick)
		l.add(5, map[bool]int{true: 15}[i >= 15 && i < 30], 0)
		r.objectives.sees(at, l.samples()...)
		r.evaluate(at.Add(tick / 10)) // before the scrape that sees this tick
		r.scrape(at.Add(tick/2), l.samples())
		burns, _ := stateOf(r.alerts[rules.BurnFast][only])
		engine, prometheus = append(engine, r.burns(0, rules.BurnFast)), append(prometheus, burns)
	}
	if !slices.Equal(engine[1:len(engine)-1], prometheus[2:]) || !slices.Contains(engine, true) {
		t.Errorf("the rules do not follow by one evaluation:\n%v\n%v", engine, prometheus)
	}
}

// Named difference: an evaluation that Prometheus missed counts as not begun,
// hence healthy: what burns must be worse by the share that is missing.
func TestRulesTakeAHoleForHealthy(t *testing.T) {
	for name, tt := range map[string]struct {
		failed int // of 100 in each tick; 72 are the limit
		want   bool
	}{
		"bad by more than is missing": {100, true},
		"bad by less":                 {80, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, l := one(t, pair())
			for i := range 30 {
				at := noon.Add(time.Duration(i) * tick)
				l.add(100-tt.failed, tt.failed, 0)
				r.scrape(at, l.samples())
				r.objectives.sees(at, l.samples()...)
				hole := i == 15 || i == 16
				if !hole {
					r.evaluate(at)
				}
				burns, _ := stateOf(r.alerts[rules.BurnFast][only])
				want := i >= 9
				if i > 16 && i <= 25 { // the hole is in the window of ten
					want = tt.want
				}
				if i >= 9 && (!r.burns(0, rules.BurnFast) || !hole && burns != want) {
					t.Errorf("tick %d: engine %v, rules %v; want true, %v", i, r.burns(0, rules.BurnFast), burns, want)
				}
			}
		})
	}
}

// Named difference: the first evaluation finds samples that are older than
// itself. The engine begins with what it sees first.
func TestRulesCountOneIntervalBeforeTheFirstEvaluation(t *testing.T) {
	r, l := one(t, pair())
	l.add(10, 10, 0)
	r.scrape(noon, l.samples())
	for i := range 5 {
		at := noon.Add(time.Duration(i+1) * tick)
		l.add(10, 10, 0)
		r.tick(at, l.samples())
		if got, w := r.recordedOf("events:sum1h", at)[only], r.objectives.engine.State(0).Burns[0].Long; got != float64(w.Total)+20 {
			t.Errorf("tick %d: the rules counted %g events, the engine %d; want one interval's 20 more", i, got, w.Total)
		}
	}
}

// Named difference: two replicas both publish what they saw. All numbers are
// doubled, and no ratio is different.
func TestRulesCountTwoReplicasTwice(t *testing.T) {
	r, l := one(t, pair())
	for i := range 12 {
		at := noon.Add(time.Duration(i) * tick)
		l.add(8, map[bool]int{true: 2}[i > 0], 0)
		both := l.samples()
		for _, s := range l.samples() {
			s.Labels = maps.Clone(s.Labels)
			s.Labels["component"] = "replica"
			both = append(both, s)
		}
		r.scrape(at, both)
		r.objectives.sees(at, l.samples()...)
		r.evaluate(at)
		st := r.objectives.engine.State(0)
		if got := r.recordedOf("events:sum1h", at)[only]; got != 2*float64(st.Burns[0].Long.Total) {
			t.Errorf("tick %d: the rules counted %g events, the engine %d; want twice as many", i, got, st.Burns[0].Long.Total)
		}
		for _, d := range r.compareBudgets(at) {
			t.Error(d)
		}
	}
}
