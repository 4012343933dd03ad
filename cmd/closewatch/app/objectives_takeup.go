package app

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// A targetBook remembers since when objectives have had which targets, so that
// what happened before a change is allowed for by the target of its time.
type targetBook map[string][]targetSince // by objective

// A targetSince is what was in force from an instant on.
type targetSince struct {
	Since    time.Time     `json:"since"`
	Target   process.Share `json:"target"`
	Critical process.Share `json:"critical"` // inside the critical window
}

// mostTargets bounds how many changes are remembered, and so how many targets a
// budget is reckoned by.
const mostTargets = 24

// note takes up the targets of now.
func (b targetBook) note(at time.Time, tracked []*tracked) (changed bool) {
	for _, t := range tracked {
		is := targetSince{at, t.is.Target, criticalTarget(t.is)}
		had := b[t.ID]
		if n := len(had); n > 0 && had[n-1].Target == is.Target && had[n-1].Critical == is.Critical {
			continue
		}
		b[t.ID] = append(had, is)[max(0, len(had)+1-mostTargets):]
		changed = true
	}
	return changed
}

// at is what was in force at an instant. Before the first that is known it was
// the same: nobody says otherwise.
func (b targetBook) at(objective string, at time.Time) targetSince {
	list := b[objective]
	for i := len(list) - 1; i > 0; i-- {
		if !at.Before(list[i].Since) {
			return list[i]
		}
	}
	if len(list) == 0 {
		return targetSince{}
	}
	return list[0]
}

// takeUp counts again, from the ledger, what happened before a start in every
// span that it lies in. tail are the ticks after the last cell, from the tick
// record.
func (o *objectives) takeUp(at time.Time, layout *calendarLayout, book targetBook, cells *ledger.Ledger, tail []recordedTick) error {
	index := map[string]*tracked{}
	from := at.Add(-slo.Period)
	for _, t := range o.tracked {
		index[t.ID] = t
		for i, b := range t.budgets {
			tl := layout.of[b.entity]
			b.turn(tl, at)
			b.open(tl, &t.about[i], at)
			b.layout = layout
			for _, a := range []*slo.Aligned{b.month, b.fiscal, b.critical} {
				if s := a.Span(); !s.IsZero() && s.From.Before(from) {
					from = s.From
				}
			}
		}
	}
	to := cells.Committed()
	if from = from.Truncate(ledger.CellWidth); from.Before(to) {
		for c, err := range cells.Every(from, to) {
			if err != nil {
				return fmt.Errorf("take up budgets: %w", err)
			}
			if t := index[c.Objective]; t != nil {
				t.resume(c.Cell, book)
			}
		}
	}
	for _, r := range tail {
		for _, c := range r.events {
			if t := index[c.Objective]; t != nil && r.at.After(to) {
				t.again(r.at, c, book, o.tick)
			}
		}
	}
	return nil
}

// A recordedTick is what was counted in a tick, as it was recorded.
type recordedTick struct {
	at     time.Time
	events []counted
}

// resume counts a cell of the past.
func (t *tracked) resume(c ledger.Cell, book targetBook) {
	end := c.Start.Add(ledger.CellWidth)
	cell := slo.Cell{
		End: end, Length: ledger.CellWidth, Bad: c.Corrected.Bad, Total: c.Corrected.Total,
		BadOut: c.Corrected.BadExcluded, TotalOut: c.Corrected.TotalExcluded, Observed: c.Observed, Phase: c.Context.Phase,
	}
	was := book.at(t.ID, c.Start)
	for _, b := range t.budgets {
		b.month.Resume(cell, allowed(was.Target))
		b.fiscal.Resume(cell, allowed(was.Target))
		b.critical.Resume(cell, allowed(was.Critical))
	}
	if cell.TotalOut > 0 {
		t.excluded.Observe(end, cell.Out(), cell.BadOut, cell.TotalOut)
	}
}

// again counts a tick of the past.
func (t *tracked) again(at time.Time, c counted, book targetBook, tick time.Duration) {
	was := book.at(t.ID, at.Add(-1))
	n := slo.Count{Event: slo.Event{Bad: c.Bad, Total: c.Total, Observed: c.Observed}, Excluded: c.Excluded, Phase: string(c.Phase)}
	for _, b := range t.budgets {
		b.month.Observe(at, n, allowed(was.Target))
		b.fiscal.Observe(at, n, allowed(was.Target))
		b.critical.Observe(at, n, allowed(was.Critical))
	}
	if c.Excluded && c.Total > 0 {
		t.excluded.Observe(at, tick, c.Bad, c.Total)
	}
}

// takeUpBudgets rebuilds the budgets from what is kept. Without it they begin
// anew and say how little of their time was measured.
func (a *App) takeUpBudgets() {
	now := a.now()
	path := a.data.Join("state", "targets.json")
	book := targetBook{}
	if err := readChecked(path, &book); err != nil {
		a.log.Error("what targets were before is forgotten; budgets are reckoned by those of now", "err", err)
		book = targetBook{}
	}
	if changed := book.note(now, a.objectives.tracked); changed {
		if err := writeChecked(path, book); err != nil {
			a.log.Error("cannot keep since when targets are what they are", "err", err)
		}
	}
	if err := a.objectives.takeUp(now, a.calendars.around(now), book, a.rooms.cells, a.rooms.tail); err != nil {
		a.log.Error("budgets begin anew", "err", err)
	}
	a.objectives.last, a.rooms.tail = a.rooms.last, nil
}
