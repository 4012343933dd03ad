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

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A rulesRig has the engine and a real rule manager side by side on the same
// samples: the one counts in process, the other reads them from a database.
type rulesRig struct {
	tb         testing.TB
	objectives *watch
	ids        []string
	hold       time.Duration
	db         *tsdb.DB
	engine     *promql.Engine
	groups     []*promrules.Group
	alerts     map[string]map[string]*promrules.AlertingRule // by name and objective
	exposed    map[string]promlabels.Labels                  // series of the scrape before
	standing   map[string]bool                               // what fires, held or not, by alert and objective
	ended      map[string]time.Time                          // when the burn of what is held ended
	compared   int
}

func newRulesRig(tb testing.TB, subjects []subject, scale float64) *rulesRig {
	tb.Helper()
	o := watching(tb, closing(tb, ""), scale, subjects...)
	defined, _, err := ruleObjectives(subjects)
	if err != nil {
		tb.Fatal(err)
	}
	r := &rulesRig{
		tb: tb, objectives: o, hold: 2 * tick, exposed: map[string]promlabels.Labels{},
		alerts:   map[string]map[string]*promrules.AlertingRule{rules.BurnFast: {}, rules.BurnSlow: {}},
		standing: map[string]bool{}, ended: map[string]time.Time{},
	}
	options := rules.Options{Settings: slo.Settings{Tick: tick, Scale: scale}, Hold: time.Duration(math.Round(float64(r.hold) / scale)), Away: time.Hour}
	file, err := rules.Generate(options, defined)
	if err != nil {
		tb.Fatal(err)
	}
	r.load(file)
	for _, obj := range defined {
		if r.alerts[rules.BurnFast][obj.ID] == nil || r.alerts[rules.BurnSlow][obj.ID] == nil {
			tb.Fatalf("%s has no rules", obj.ID)
		}
	}
	return r
}

func (r *rulesRig) load(file []byte) {
	path := filepath.Join(r.tb.TempDir(), "rules.yml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		r.tb.Fatal(err)
	}
	options := tsdb.DefaultOptions()
	options.WALSegmentSize, options.StripeSize = -1, 1<<8
	db, err := tsdb.Open(r.tb.TempDir(), nil, nil, options, nil)
	if err != nil {
		r.tb.Fatal(err)
	}
	db.DisableCompactions()
	r.tb.Cleanup(func() { _ = db.Close() })
	r.db = db
	r.engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	r.tb.Cleanup(func() { _ = r.engine.Close() })
	manager := promrules.NewManager(&promrules.ManagerOptions{
		QueryFunc: promrules.EngineQueryFunc(r.engine, db), Appendable: db, Queryable: db, Context: r.tb.Context(), Logger: slog.New(slog.DiscardHandler),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {},
	})
	groups, errs := manager.LoadGroups(tick, promlabels.EmptyLabels(), "", nil, false, path)
	if len(errs) > 0 {
		r.tb.Fatalf("the rules cannot be loaded: %v", errs)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		r.groups = append(r.groups, groups[name])
		for _, a := range groups[name].AlertingRules() {
			if of := r.alerts[a.Name()]; of != nil {
				of[a.Labels().Get("objective")] = a
			}
		}
	}
}

// scrape stores what a target exposes, and that what it exposed before and does
// no more is stale. Nothing at all is a target that is down.
func (r *rulesRig) scrape(at time.Time, samples []signal.Sample) {
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
func (r *rulesRig) evaluate(at time.Time) {
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
	for i, obj := range r.objectives.engine.Objectives() {
		if r.alerts[rules.BurnFast][obj.ID] == nil {
			continue // a process as a whole, which rules do not tell
		}
		st := r.objectives.engine.State(i)
		for _, name := range []string{rules.BurnFast, rules.BurnSlow} {
			want := slices.ContainsFunc(st.Burns, func(b slo.BurnState) bool { return b.Firing && b.Window.Fast == (name == rules.BurnFast) })
			burns, fires := stateOf(r.alerts[name][obj.ID])
			r.compared++
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

// streams are processes that a flow of each measures.
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

func TestRulesTry(t *testing.T) {
	subjects, loads := streams(8, 99.9*process.Percent, 99.5*process.Percent, 95*process.Percent)
	r := newRulesRig(t, subjects, 1.0/60)
	rng := rand.New(rand.NewPCG(1, 2))
	began := time.Now()
	for i := range 30 {
		at := noon.Add(time.Duration(i) * tick)
		var samples []signal.Sample
		for _, l := range loads {
			l.add(rng.IntN(10), max(0, rng.IntN(20)-18), rng.IntN(2))
			samples = append(samples, l.samples()...)
		}
		for _, d := range r.tick(at, samples) {
			t.Error(d)
		}
		if t.Failed() {
			return
		}
	}
	t.Log(r.compared, time.Since(began))
}
