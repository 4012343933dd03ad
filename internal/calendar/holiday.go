package calendar

import (
	"cmp"
	"slices"
	"time"
)

// Holiday names the holiday it is at t for the entity; "" on working days and on
// days that nobody works in any week.
func (tl *Timeline) Holiday(t time.Time) string {
	works := tl.plan.works()
	day := DateOf(t.In(tl.plan.zone()))
	if works.days == nil || works.on(day) {
		return ""
	}
	if name, holiday := works.days.Holiday(day); holiday {
		return cmp.Or(name, "holiday")
	}
	return ""
}

// Preceding lists the milestones that have to be reached before one, those it
// waits for directly and those they wait for, each once, nearest first.
func (tl *Timeline) Preceding(id string) []Milestone {
	if tl.plan.Close == nil {
		return nil
	}
	var out []Milestone
	for at := []string{id}; len(at) > 0; {
		var next []string
		for _, m := range tl.plan.Close.Milestones {
			if !slices.Contains(at, m.ID) {
				continue
			}
			for _, before := range m.Depends {
				if before != id && !slices.ContainsFunc(out, func(m Milestone) bool { return m.ID == before }) && !slices.Contains(next, before) {
					next = append(next, before)
				}
			}
		}
		for _, before := range next {
			if m := tl.milestone(before); m.ID != "" {
				out = append(out, m)
			}
		}
		at = next
	}
	return out
}
