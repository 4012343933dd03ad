package app

import (
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// left lists what is left of the error budgets of a subject that anything was
// spent of: of the last thirty days and, inside its critical window, of that.
func (o *objectives) left(subj subject) []tiering.Budget {
	var out []tiering.Budget
	for t := range o.group(&subj) {
		if t.burns < 0 || t.is.Name == process.Composite {
			continue
		}
		add := func(permille int64, known bool, of string) {
			if known {
				out = append(out, tiering.Budget{Objective: t.ID, Indicator: t.Indicator, Source: string(t.Source), Of: of, Left: permille})
			}
		}
		o.engine.Read(t.burns, &o.scratch.state)
		if period := &o.scratch.state.Period; period.Bad > 0 {
			permille, traffic := period.LeftPermille(t.Target)
			add(permille, traffic, wording.Duration(slo.Period))
		}
		if i := t.entity(subj.key.Entity); i >= 0 && t.budgets[i].inForce == process.CriticalWindow {
			window := t.budgets[i].critical
			if raw := window.Raw(); raw.Bad > 0 {
				permille, known := raw.LeftPermille()
				add(permille, known, "the critical window "+window.Span().Name)
			}
		}
	}
	return out
}
