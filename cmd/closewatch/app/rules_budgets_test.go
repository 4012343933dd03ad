package app

import (
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	promlabels "github.com/prometheus/prometheus/model/labels"
	promrules "github.com/prometheus/prometheus/rules"

	"github.com/closewatch/closewatch/internal/slo"
)

// recordedOf is what the rules have recorded at an instant, by objective.
func (r *rulesRig) recordedOf(what string, at time.Time) map[string]float64 {
	v, err := promrules.EngineQueryFunc(r.engine, r.db)(r.tb.Context(), "closewatch_slo:"+what, at)
	if err != nil {
		r.tb.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range v {
		out[s.Metric.Get("objective")] = s.F
	}
	return out
}

// compareBudgets says where the engine's budgets of thirty days and those of the
// rules differ.
func (r *rulesRig) compareBudgets(at time.Time) (differences []string) {
	consumed, remaining := r.recordedOf("error_budget_consumed:ratio30d", at), r.recordedOf("error_budget_remaining:ratio30d", at)
	for _, i := range r.covered {
		st := r.objectives.engine.State(i)
		id := st.Objective.ID
		left, is := consumedOf(st)
		got, recorded := consumed[id]
		rest, also := remaining[id]
		if is != recorded || is != also || is && (math.Abs(got-left) > 1e-12*left || math.Abs(rest-(1-left)) > 1e-12*(1+left)) {
			differences = append(differences, fmt.Sprintf("%s %s: the engine has consumed %g (%v) by %d of %d events, the rules %g (%v) with %g left (%v); sums %g of %g",
				at.Format("15:04:05"), id, left, is, st.Period.Bad, st.Period.Total, got, recorded, rest, also, r.recordedOf("events_bad:sum30d", at)[id], r.recordedOf("events:sum30d", at)[id]))
		}
	}
	return differences
}

// consumedOf is which share of its budget an objective has consumed; false while
// nothing was counted.
func consumedOf(st slo.State) (float64, bool) {
	if st.Period.Total == 0 {
		return 0, false
	}
	allowed := new(big.Rat).Sub(big.NewRat(1, 1), st.Objective.Target)
	allowed.Mul(allowed, new(big.Rat).SetUint64(st.Period.Total))
	out, _ := new(big.Rat).Quo(new(big.Rat).SetUint64(st.Period.Bad), allowed).Float64()
	return out, true
}

// The budget forgets what is older than thirty days when the engine's does: by
// cells of an hour. Those of the first days are as the rules record them.
func TestRulesOfBudgetsForgetAsTheEngineDoes(t *testing.T) {
	settings := pair()
	settings.Scale = 1.0 / 60 // thirty days are 1440 ticks, an hour is two
	r, l := one(t, settings)
	const evaluated = 1431 // after a full cell
	cell := [2]float64{}
	for i := range evaluated + 60 {
		at := noon.Add(time.Duration(i) * tick)
		failed := map[bool]int{true: 2}[i%100 == 3 || i >= 10 && i < 15 || i == 45]
		if i == evaluated+20 {
			l.reset()
		}
		l.add(3, failed, 0)
		if i >= evaluated {
			for _, d := range r.tick(at, l.samples()) {
				t.Error(d)
			}
			continue
		}
		r.objectives.sees(at, l.samples()...)
		if i > 0 { // what was counted before the first tick is no event of it
			cell[0], cell[1] = cell[0]+float64(3+failed), cell[1]+float64(failed)
		}
		if i%2 == 0 {
			r.record(at, "events:cell2", cell[0])
			r.record(at, "events_bad:cell2", cell[1])
			cell = [2]float64{}
		}
		if i == evaluated-1 {
			r.scrape(at, l.samples())
		}
	}
	if w := r.objectives.engine.State(r.covered[0]).Period; w.Bad != 28 {
		t.Errorf("%d of %d events are bad, want the 28 of the last thirty days", w.Bad, w.Total)
	}
}

// record stores what a rule recorded of the only objective.
func (r *rulesRig) record(at time.Time, what string, v float64) {
	app := r.db.Appender(r.tb.Context())
	l := promlabels.FromStrings("__name__", "closewatch_slo:"+what, "environment", "production", "tenant", "prod", "objective", only)
	if _, err := app.Append(0, l, at.UnixMilli(), v); err != nil {
		r.tb.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		r.tb.Fatal(err)
	}
}
