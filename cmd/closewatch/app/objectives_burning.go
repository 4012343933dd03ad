package app

import (
	"slices"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A criticalBurning is the burns of one objective that fire in an entity's critical
// window, and in the phase that a part of the budget is kept for, as they are kept
// across a restart: what fired goes on while its source is silent.
type criticalBurning struct {
	Objective string         `json:"objective"`
	Entity    string         `json:"entity"`
	Burns     uint32         `json:"burns"` // a bit for each
	Phase     calendar.Phase `json:"phase,omitempty"`
	Kept      uint32         `json:"kept,omitempty"` // of the phase's part, a bit for each
}

// burning lists what fires in critical windows and phases, in the order of the objectives.
func (o *objectives) burning() []criticalBurning {
	var out []criticalBurning
	for _, t := range o.tracked {
		for _, b := range t.budgets {
			if b.stood == 0 && b.kept.stood == 0 {
				continue
			}
			kept := criticalBurning{Objective: t.ID, Entity: b.entity, Burns: b.stood}
			if b.kept.stood != 0 {
				kept.Phase, kept.Kept = b.kept.phase, b.kept.stood
			}
			out = append(out, kept)
		}
	}
	return out
}

// burned takes up what fired.
func (o *objectives) burned(kept []criticalBurning) {
	for _, k := range kept {
		i := slices.IndexFunc(o.tracked, func(t *tracked) bool { return t.ID == k.Objective })
		if i < 0 {
			continue // no longer an objective
		}
		if n := o.tracked[i].entity(k.Entity); n >= 0 {
			o.tracked[i].budgets[n].stood = k.Burns
			o.tracked[i].budgets[n].kept = keptPart{phase: k.Phase, stood: k.Kept} // a tick in the same phase finds out the rest
		}
	}
}
