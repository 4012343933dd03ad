package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A ruler is a real rule manager on a real database, into which a test scrapes.
type ruler struct {
	tb      testing.TB
	db      *tsdb.DB
	engine  *promql.Engine
	groups  []*promrules.Group
	exposed map[string]promlabels.Labels // series of the scrape before
}

// A rulesRig has the engine and a ruler side by side on the same samples: the one
// counts in process, the other reads them from its database.
type rulesRig struct {
	*ruler
	settings   slo.Settings
	objectives *watch
	hold       time.Duration
	alerts     map[string]map[string]*promrules.AlertingRule // by name and objective
	standing   map[string]bool                               // what fires, held or not, by alert and objective
	ended      map[string]time.Time                          // when the burn of what is held ended
	covered    []int                                         // objectives that have rules
	compared   int
	burning    int // of them, by the engine
}

func newRulesRig(tb testing.TB, subjects []subject, settings slo.Settings) *rulesRig {
	tb.Helper()
	w := watching(tb, &estate.Estate{}, settings.Scale, subjects...)
	var err error
	if w.engine, err = slo.New(settings, w.engine.Objectives()); err != nil {
		tb.Fatal(err)
	}
	r := &rulesRig{
		ruler: newRuler(tb), settings: settings, objectives: w, hold: 2 * tick,
		alerts:   map[string]map[string]*promrules.AlertingRule{rules.BurnFast: {}, rules.BurnSlow: {}},
		standing: map[string]bool{}, ended: map[string]time.Time{},
	}
	r.load(r.generate(subjects))
	for i, obj := range w.engine.Objectives() {
		if r.alerts[rules.BurnFast][obj.ID] != nil {
			r.covered = append(r.covered, i)
		}
	}
	want := 0
	for _, s := range subjects {
		want += len(s.process.Objectives)
	}
	if len(r.covered) != want { // what a process is as a whole is not told by counters
		tb.Fatalf("rules cover %d objectives, want %d", len(r.covered), want)
	}
	return r
}

// generate writes the rules of the subjects' objectives.
func (r *rulesRig) generate(subjects []subject) []byte {
	defined, _ := ruleObjectives(subjects)
	options := rules.Options{Settings: r.settings, Hold: time.Duration(math.Round(float64(r.hold) / r.settings.Scale)), Away: away}
	file, err := rules.Generate(options, defined)
	if err != nil {
		r.tb.Fatal(err)
	}
	return file
}

// away is how long a target may be away, in these tests, and longest how many
// ticks nothing is seen of one that is back in time.
const (
	away    = 10 * tick
	longest = int(away/tick) - 1
)

func newRuler(tb testing.TB) *ruler {
	tb.Helper()
	options := tsdb.DefaultOptions()
	options.WALSegmentSize, options.StripeSize = -1, 1<<8
	db, err := tsdb.Open(tb.TempDir(), nil, nil, options, nil)
	if err != nil {
		tb.Fatal(err)
	}
	db.DisableCompactions()
	tb.Cleanup(func() { _ = db.Close() })
	r := &ruler{tb: tb, db: db, engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute}), exposed: map[string]promlabels.Labels{}}
	tb.Cleanup(func() { _ = r.engine.Close() })
	return r
}

// load has a new manager evaluate the rules of a file.
func (r *rulesRig) load(file []byte) {
	r.ruler.load(file)
	for _, g := range r.groups {
		for _, a := range g.AlertingRules() {
			if of := r.alerts[a.Name()]; of != nil {
				of[a.Labels().Get("objective")] = a
			}
		}
	}
}

// load has a new manager evaluate the rules of a file, each group in the order of
// their names.
func (r *ruler) load(file []byte) {
	path := filepath.Join(r.tb.TempDir(), "rules.yml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		r.tb.Fatal(err)
	}
	manager := promrules.NewManager(&promrules.ManagerOptions{
		QueryFunc: promrules.EngineQueryFunc(r.engine, r.db), Appendable: r.db, Queryable: r.db, Context: r.tb.Context(), Logger: slog.New(slog.DiscardHandler),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {},
	})
	groups, errs := manager.LoadGroups(tick, promlabels.EmptyLabels(), "", nil, false, path)
	if len(errs) > 0 {
		r.tb.Fatalf("the rules cannot be loaded: %v", errs)
	}
	r.groups = nil
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		r.groups = append(r.groups, groups[name])
	}
}

// scrape stores what a target exposes, and that what it exposed before and does
// no more is stale. Nothing at all is a target that is down.
func (r *ruler) scrape(at time.Time, samples []signal.Sample) {
	app := r.db.Appender(r.tb.Context())
	now := map[string]promlabels.Labels{}
	for _, s := range samples {
		b := promlabels.NewBuilder(promlabels.FromMap(s.Labels))
		b.Set("__name__", s.Name).Set("job", "closewatch").Set("instance", s.Labels["component"])
		l := b.Labels()
		now[l.String()] = l
		if _, err := app.Append(0, l, at.UnixMilli(), s.Value); err != nil {
			r.tb.Fatal(err)
		}
	}
	for key, l := range r.exposed {
		if _, still := now[key]; !still {
			if _, err := app.Append(0, l, at.UnixMilli(), math.Float64frombits(value.StaleNaN)); err != nil {
				r.tb.Fatal(err)
			}
		}
	}
	r.exposed = now
	if err := app.Commit(); err != nil {
		r.tb.Fatal(err)
	}
}

// evaluate evaluates every group, as a Prometheus does each interval.
func (r *ruler) evaluate(at time.Time) {
	for _, g := range r.groups {
		g.Eval(r.tb.Context(), at)
		for _, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				r.tb.Fatalf("%s at %v: %v", rule.Name(), at, err)
			}
		}
	}
}

// tick has both see the same samples at the same instant, and compares.
func (r *rulesRig) tick(at time.Time, samples []signal.Sample) (differences []string) {
	r.scrape(at, samples)
	r.objectives.sees(at, samples...)
	r.evaluate(at)
	return append(r.compare(at), r.compareBudgets(at)...)
}

// compare says where the engine and the rules differ.
func (r *rulesRig) compare(at time.Time) (differences []string) {
	for _, i := range r.covered {
		obj := r.objectives.engine.Objectives()[i]
		for _, name := range []string{rules.BurnFast, rules.BurnSlow} {
			if r.alerts[name][obj.ID] == nil {
				continue // no pair of windows is of the kind
			}
			want := r.burns(i, name)
			burns, fires := stateOf(r.alerts[name][obj.ID])
			r.compared++
			r.burning += map[bool]int{true: 1}[want]
			if burns != want {
				differences = append(differences, fmt.Sprintf("%s %s %s: the engine says %v, the rules %v: %s", at.Format("15:04:05"), name, obj.ID, want, burns, r.describe(i, at)))
			}
			if stands := r.stands(name+obj.ID, at, want); burns == want && fires != stands {
				differences = append(differences, fmt.Sprintf("%s %s %s: the alert fires %v, want %v", at.Format("15:04:05"), name, obj.ID, fires, stands))
			}
		}
	}
	return differences
}

// burns is what the engine says.
func (r *rulesRig) burns(objective int, alert string) bool {
	return slices.ContainsFunc(r.objectives.engine.State(objective).Burns, func(b slo.BurnState) bool {
		return b.Firing && b.Window.Fast == (alert == rules.BurnFast)
	})
}

// stateOf tells whether the expression of an alert burns, and whether the alert
// fires, which it does for a while after.
func stateOf(a *promrules.AlertingRule) (burns, fires bool) {
	for _, active := range a.ActiveAlerts() {
		fires = true
		burns = burns || active.KeepFiringSince.IsZero()
	}
	return burns, fires
}

// stands tells whether an alert is to fire: while it burns, and until it has not
// for as long as it is held.
func (r *rulesRig) stands(key string, at time.Time, burns bool) bool {
	switch ended, held := r.ended[key]; {
	case burns:
		r.standing[key] = true
		delete(r.ended, key)
	case r.standing[key] && !held:
		r.ended[key] = at
		r.standing[key] = r.hold > 0
	case r.standing[key] && at.Sub(ended) >= r.hold:
		r.standing[key] = false
		delete(r.ended, key)
	}
	return r.standing[key]
}

// describe puts the windows of both side by side.
func (r *rulesRig) describe(objective int, at time.Time) string {
	var out []string
	st := r.objectives.engine.State(objective)
	for _, b := range st.Burns {
		out = append(out, fmt.Sprintf("%s firing %v frozen %v", b.Window.Name, b.Firing, b.Frozen))
		for _, w := range []slo.Window{b.Long, b.Short} {
			out = append(out, fmt.Sprintf("%v: engine %d/%d begun %d; rules %s", w.Length, w.Bad, w.Total, w.Begun, r.recorded(st.Objective.ID, w.Length, at)))
		}
	}
	return strings.Join(out, "\n\t")
}

func (r *rulesRig) recorded(objective string, d time.Duration, at time.Time) string {
	var out []string
	for _, what := range []string{"events_bad", "events", "evaluations", "evaluations_observed"} {
		q := fmt.Sprintf("closewatch_slo:%s:sum%s{objective=%q}", what, model.Duration(d), objective)
		v, err := promrules.EngineQueryFunc(r.engine, r.db)(r.tb.Context(), q, at)
		if err != nil || len(v) != 1 {
			out = append(out, fmt.Sprintf("%v %v", v, err))
			continue
		}
		out = append(out, fmt.Sprintf("%s %g", what, v[0].F))
	}
	return strings.Join(out, " ")
}

// A load is a stream of events as counters show it: runs of a flow, and how many
// of them took how long.
type load struct {
	flow                 string
	passed, failed, fast float64
	everFailed           bool // its series begins with the first failure
}

// add counts runs; those that failed or are slow are bad.
func (l *load) add(passed, failed, slow int) {
	l.passed += float64(passed)
	l.failed += float64(failed)
	l.fast += float64(passed + failed - min(slow, passed+failed))
	l.everFailed = l.everFailed || failed > 0
}

// reset starts the counters anew.
func (l *load) reset() { l.passed, l.failed, l.fast = 0, 0, 0 }

func (l *load) samples() []signal.Sample {
	of := func(name string, v float64, key, val string) signal.Sample {
		return sample(name, v, map[string]string{"flow": l.flow, "level": "L3", key: val})
	}
	out := []signal.Sample{
		of("closewatch_probe_runs_total", l.passed, "outcome", "passed"),
		of("closewatch_probe_duration_seconds_count", l.passed+l.failed, "level", "L3"),
		of("closewatch_probe_duration_seconds_bucket", l.fast, "le", "3"),
		of("closewatch_probe_duration_seconds_bucket", l.passed+l.failed, "le", "+Inf"),
	}
	if l.everFailed {
		out = append(out, of("closewatch_probe_runs_total", l.failed, "outcome", "failed"))
	}
	return out
}

// flowing are processes whose availability a flow of each measures.
func flowing(targets ...process.Share) (subjects []subject, loads []*load) {
	subjects, loads = streams(len(targets), targets...)
	for i := range subjects {
		subjects[i].process.Objectives = subjects[i].process.Objectives[:1]
	}
	return subjects, loads
}

// streams are processes whose availability and latency a flow of each measures.
func streams(n int, targets ...process.Share) (subjects []subject, loads []*load) {
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		s := acme(process.Process{Name: name, Title: name, Objectives: []process.Objective{
			{Name: "availability", Kind: process.Availability, Target: targets[i%len(targets)]},
			{Name: "latency", Kind: process.Latency, Target: targets[(i+1)%len(targets)], Threshold: 3 * time.Second},
		}})
		s.flows = []string{name}
		subjects = append(subjects, s)
		loads = append(loads, &load{flow: name})
	}
	return subjects, loads
}

// pairs are two pairs of windows: of a tick and ten, and of five and sixty.
func pairs() slo.Settings {
	all := slo.BurnWindows()
	all[1].Fast = false
	return slo.Settings{Tick: tick, Scale: 1.0 / 12, Burns: all[:2]}
}

// pair is the first of them alone.
func pair() slo.Settings {
	s := pairs()
	s.Burns = s.Burns[:1]
	return s
}

// A happening is what happens in one tick.
type happening struct {
	down  bool     // the target does not answer
	reset bool     // its counters begin anew
	loads [][3]int // of each stream: passed, failed, slow
}

// history draws ticks of streams: each goes through stretches that are quiet,
// busy or have little traffic, with nothing, a little, half or all of it bad;
// now and then the target is down or its counters are reset.
func history(streams, ticks int) *rapid.Generator[[]happening] {
	return rapid.Custom(func(t *rapid.T) []happening {
		out := make([]happening, ticks)
		for range rapid.IntRange(0, 3).Draw(t, "gaps") {
			from := rapid.IntRange(0, ticks-1).Draw(t, "from")
			for i := range out[from:min(ticks, from+rapid.IntRange(1, 15).Draw(t, "gap"))] {
				out[from+i].down = true
			}
		}
		away := 0
		for i := range out { // a longer absence is a difference of its own
			if away++; !out[i].down || away > longest {
				away, out[i].down = 0, false
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "resets") {
			out[rapid.IntRange(0, ticks-1).Draw(t, "reset")].reset = true
		}
		for range streams {
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			for i := 0; i < ticks; {
				length := rapid.IntRange(1, 50).Draw(t, "stretch")
				busy := rapid.SampledFrom([]float64{0, 0.2, 1, 10, 500}).Draw(t, "events per tick")
				bad := rapid.SampledFrom([]float64{0, 0, 0.01, 0.1, 0.5, 1}).Draw(t, "share of bad ones")
				for ; length > 0 && i < ticks; length, i = length-1, i+1 {
					n := int(busy * 2 * rng.Float64())
					if rng.Float64() < busy-float64(int(busy)) {
						n++
					}
					var m [3]int
					for range n {
						failed := rng.Float64() < bad
						m[map[bool]int{false: 0, true: 1}[failed]]++
						if rng.Float64() < bad {
							m[2]++
						}
					}
					out[i].loads = append(out[i].loads, m)
				}
			}
		}
		return out
	})
}

// Whatever happens, the alerts fire and resolve on the evaluation on which the
// engine's burns do.
func TestRulesAgreeWithTheEngine(t *testing.T) {
	flows, histories, ticks := 3, 1, 45
	if os.Getenv("CLOSEWATCH_RULES") == "full" {
		flows, histories, ticks = 12, 20, 300
	}
	compared, burning := 0, 0
	for seed := range histories {
		subjects, loads := streams(flows, 99.9*process.Percent, 99.5*process.Percent, 95*process.Percent)
		r := newRulesRig(t, subjects, pairs())
		for i, m := range history(flows, ticks).Example(seed) {
			if m.reset {
				for _, l := range loads {
					l.reset()
				}
			}
			var samples []signal.Sample
			for j, l := range loads {
				l.add(m.loads[j][0], m.loads[j][1], m.loads[j][2])
				if !m.down {
					samples = append(samples, l.samples()...)
				}
			}
			for _, d := range r.tick(noon.Add(time.Duration(i)*tick), samples) {
				t.Errorf("history %d: %s", seed, d)
			}
			if t.Failed() {
				return
			}
		}
		compared, burning = compared+r.compared, burning+r.burning
	}
	if burning < compared/50 || burning > compared*3/4 {
		t.Errorf("%d of %d comparisons were of a burn: the histories show nothing", burning, compared)
	}
	t.Logf("|= histories=%d evaluations=%d burning=%d differences=0", histories, compared, burning)
}
