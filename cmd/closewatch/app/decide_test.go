package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// flowsSaying answers the same about every flow.
type flowsSaying struct{ say tiering.Flow }

func (f flowsSaying) Flow(_, _, name string, at time.Time) (tiering.Flow, []flow.Run) {
	out := f.say
	out.Name, out.LastRun = name, at
	return out, nil
}

// A decider needs an estate and what is given at each tick, and nothing else.
func TestADeciderDecidesOnWhatItIsGiven(t *testing.T) {
	plan := planOf(t, "components:\n"+database+odoo("erp", "prod", ""))
	fresh := func() *decider {
		d, err := newDecider(plan, newCalendars(plan.Estate, entities(plan.Estate, plan.tenants)))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	failing := flowsSaying{tiering.Flow{State: tiering.FlowFailing, Failures: 3, Step: "post", Kind: fault.Rejected}}
	play := func(d *decider) (last *Tick) {
		for n := range 5 {
			last = d.decide(noon.Add(time.Duration(n)*tick), given{published: indexSamples(nil), flows: failing, warm: true})
		}
		return last
	}
	first := play(fresh())
	i := 0
	for first.Impacts[i].Process != "invoice-posting" {
		i++
	}
	if im := first.Impacts[i]; im.Tier != tiering.BusinessCritical || len(first.Incidents) == 0 || first.Incidents[0].Pages != 1 {
		t.Errorf("three failing runs come to %s and %d incidents", im.Tier, len(first.Incidents))
	}
	for _, c := range first.Components {
		if c.State != signal.Unknown {
			t.Errorf("%s is %s though nothing is published", c.Name, c.State)
		}
	}
	if diff := cmp.Diff(first.Incidents, play(fresh()).Incidents, cmp.AllowUnexported(incident.Incident{})); diff != "" {
		t.Errorf("another decider makes something else of the same:\n%s", diff)
	}
}

// What is recorded says by which times and numbers it was judged: those of the
// estate, at its scale.
func TestAnEstateIsJudgedAtItsScale(t *testing.T) {
	plan := planOf(t, "timing: {scale: 0.0333}\n"+acmeInVienna+odoo("erp", "prod", ""))
	l, w := newLifetime(t, plan, noon), newWeather(1)
	for range 3 {
		l.tick(t, w)
	}
	if n := replayAll(t, l.dir, tiering.DefaultHolds().Scale(0.0333), tiering.DefaultRules().Scale(0.0333)); n != 3 {
		t.Errorf("%d ticks are recorded, want 3", n)
	}
}
