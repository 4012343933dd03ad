package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// hardClose is the guard that keeps postings out of the hard close of every
// entity of a component's tenant: a hard freeze that covers the component. When
// a calendar that freezes is in doubt, nobody knows, and nothing is posted.
func (p *Plan) hardClose(c plannedComponent, now func() time.Time) flow.Guard {
	ours := p.entitiesOf(c)
	cals := newCalendars(p.Estate, entities(p.Estate, p.tenants))
	return flow.Guard{Name: "hard-close", Check: func(context.Context) error {
		at := now()
		layout := cals.around(at)
		for _, plan := range cals.plans {
			if !slices.Contains(ours, plan.Entity) {
				continue
			}
			if err := closedAt(plan, layout.of[plan.Entity].At(at), c.Name); err != nil {
				return err
			}
		}
		return nil
	}}
}

// closedAt objects to posting by a component while an entity closes hard.
func closedAt(plan calendar.Plan, place calendar.Place, component string) error {
	hard := hardFreezes(plan, component)
	if len(hard) == 0 {
		return nil
	}
	if place.Doubt != "" {
		return &fault.Error{
			Op: "look up the hard close of " + plan.Entity, Kind: fault.Assertion, Err: errors.New("the calendar is in doubt: " + place.Doubt),
			Hint: "bring the calendar up to date; closewatch calendar says what is wrong with it",
		}
	}
	for _, f := range hard {
		if slices.Contains(strings.Split(place.Frozen, ", "), f.ID) {
			return flow.Objection("hard close of "+plan.Entity+": "+cmp.Or(f.Title, f.ID), "wait for its end: postings go on by themselves")
		}
	}
	return nil
}

// hardFreezes are those of a plan during which nothing is posted by a component.
func hardFreezes(plan calendar.Plan, component string) []calendar.Freeze {
	var hard []calendar.Freeze
	for _, f := range plan.Freezes {
		if f.Level == calendar.HardFreeze && (len(f.Components) == 0 || slices.Contains(f.Components, component)) {
			hard = append(hard, f)
		}
	}
	return hard
}

// entitiesOf names the entities whose books are in a component's tenant.
func (p *Plan) entitiesOf(c plannedComponent) []string {
	var ours []string
	for _, ent := range entities(p.Estate, p.tenants) {
		if ent.Tenant == c.odoo.RPC.Database {
			ours = append(ours, ent.Name)
		}
	}
	return ours
}

// nextHardClose says when postings by a component stop next, as far as the
// calendars of its entities reach.
func (p *Plan) nextHardClose(c plannedComponent, at time.Time) string {
	ours, cals := p.entitiesOf(c), newCalendars(p.Estate, entities(p.Estate, p.tenants))
	layout := cals.around(at)
	_, end := calendar.Horizon(at)
	said, first := "no calendar has one", time.Time{}
	for _, plan := range cals.plans {
		if !slices.Contains(ours, plan.Entity) {
			continue
		}
		for _, e := range layout.of[plan.Entity].Events(at, end) {
			if isHardClose(e, plan, c.Name) && (first.IsZero() || e.Start.Before(first)) {
				first = e.Start
				said = fmt.Sprintf("none now; the next is of %s, %s to %s", plan.Entity, e.Start.Format(minute), e.End.Format(minute))
			}
		}
	}
	return said
}

// minute is how the calendar's times are told, in the entity's zone.
const minute = "2006-01-02 15:04 MST"

func isHardClose(e calendar.Event, plan calendar.Plan, component string) bool {
	return e.What == "freeze" && slices.ContainsFunc(hardFreezes(plan, component), func(f calendar.Freeze) bool {
		return strings.HasPrefix(e.ID, f.ID+"-") && e.Detail == f.Words()
	})
}
