package app

import (
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// burns lists the burn states of a subject's objectives.
func (o *objectives) burns(subj subject) []tiering.Burn {
	var out []tiering.Burn
	for _, st := range o.states(subj) {
		for _, b := range st.Burns {
			out = append(out, tiering.Burn{
				Indicator: st.Objective.Indicator, Source: string(st.Objective.Source), Window: b.Window.Name, Length: b.Long.Length, Fast: b.Window.Fast,
				Firing: b.Firing, Lingers: b.Lingers(st.Objective.Target), Rate: b.Rate, Bad: b.Long.Bad, Total: b.Long.Total, Lately: b.Short.Bad,
			})
		}
	}
	return out
}

// budgets lists what is left of the rolling error budgets of a subject that
// anything was spent of.
func (o *objectives) budgets(subj subject) []tiering.Budget {
	var out []tiering.Budget
	for _, st := range o.states(subj) {
		if left, traffic := st.Period.LeftPermille(st.Objective.Target); traffic && st.Period.Bad > 0 {
			obj := st.Objective
			out = append(out, tiering.Budget{Objective: obj.ID, Indicator: obj.Indicator, Source: string(obj.Source), Of: wording.Duration(slo.Period), Left: left})
		}
	}
	return out
}
