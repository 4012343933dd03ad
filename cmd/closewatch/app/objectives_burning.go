package app

import "slices"

// A criticalBurning is the burns of one objective that fire in an entity's critical
// window, as they are kept across a restart: what fired goes on while its source
// is silent.
type criticalBurning struct {
	Objective string `json:"objective"`
	Entity    string `json:"entity"`
	Burns     uint32 `json:"burns"` // a bit for each
}

// burning lists what fires in critical windows, in the order of the objectives.
func (o *objectives) burning() []criticalBurning {
	var out []criticalBurning
	for _, t := range o.tracked {
		for _, b := range t.budgets {
			if b.stood != 0 {
				out = append(out, criticalBurning{t.ID, b.entity, b.stood})
			}
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
		}
	}
}
