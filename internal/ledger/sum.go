package ledger

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Cells yields every cell of an objective in [from, to), in order; cells that
// are missing too, and those that are not committed yet as missing. Both
// instants must be the beginning of a cell. What damage took is missing: Scrub
// names it. An error ends the iteration.
func (l *Ledger) Cells(objective string, from, to time.Time) iter.Seq2[Cell, error] {
	return func(yield func(Cell, error) bool) {
		v, err := l.view(from, to)
		if err != nil {
			yield(Cell{}, err)
			return
		}
		corrections := v.corrections(objective)
		next := v.first
		missing := func(until index) bool {
			for ; next < until; next++ {
				if !yield(v.cell(next, nil, corrections), nil) {
					return false
				}
			}
			return true
		}
		if number := slices.Index(v.names, objectivePrefix+objective); number >= 0 {
			only := uint64(number)
			for r, err := range v.rows(&only) {
				if err != nil {
					yield(Cell{}, err)
					return
				}
				if len(r.cells) == 0 {
					continue
				}
				if !missing(r.cell) || !yield(v.cell(r.cell, &r, corrections), nil) {
					return
				}
				next = r.cell + 1
			}
		}
		missing(v.end)
	}
}

// Sum adds up the cells of an objective in [from, to). Both instants must be
// the beginning of a cell.
func (l *Ledger) Sum(objective string, from, to time.Time) (Totals, error) {
	var t Totals
	for c, err := range l.Cells(objective, from, to) {
		if err == nil {
			err = t.add(c)
		}
		if err != nil {
			return Totals{}, fault.Wrap("sum up "+objective, err, "")
		}
	}
	v, err := l.view(from, to)
	if err != nil {
		return Totals{}, err
	}
	t.Corrections = v.corrections(objective)
	return t, nil
}

// Sums is Sum for every objective, in one pass.
func (l *Ledger) Sums(from, to time.Time) (map[string]Totals, error) {
	v, err := l.view(from, to)
	if err != nil {
		return nil, err
	}
	sums := map[uint64]*Totals{}
	for i, name := range v.names {
		if strings.HasPrefix(name, objectivePrefix) {
			sums[uint64(i)] = v.nothing()
		}
	}
	for r, err := range v.rows(nil) {
		if err == nil {
			err = v.addRow(sums, r)
		}
		if err != nil {
			return nil, fault.Wrap("sum up every objective", err, "")
		}
	}
	out := make(map[string]Totals, len(sums))
	for number, t := range sums {
		objective := strings.TrimPrefix(v.names[number], objectivePrefix)
		out[objective] = *t
		if len(v.corrections(objective)) > 0 {
			if out[objective], err = l.Sum(objective, from, to); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// nothing are the totals when every cell is missing.
func (v *view) nothing() *Totals {
	var t Totals
	for i := v.first; i < v.end; i++ {
		t.Cells++
		t.Missing++
		t.Expected += v.l.expected(i)
	}
	return &t
}

// addRow puts the cells of a row in the place of missing ones.
func (v *view) addRow(sums map[uint64]*Totals, r row) error {
	for _, c := range r.cells {
		t := sums[c.objective]
		if t == nil {
			continue // it is newer than the view
		}
		t.Cells--
		t.Missing--
		t.Expected -= v.l.expected(r.cell)
		if err := t.add(Cell{Raw: c.counts, Corrected: c.counts, Observed: c.observed, Expected: r.expected}); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimPrefix(v.names[c.objective], objectivePrefix), err)
		}
	}
	return nil
}

func (t *Totals) add(c Cell) error {
	t.Cells++
	if c.Observed == 0 {
		t.Missing++
	}
	t.Observed += c.Observed
	t.Expected += c.Expected
	return errors.Join(t.Raw.add(c.Raw), t.Corrected.add(c.Corrected))
}

// maxCells is how many cells are read at once: those of a century.
const maxCells = index(100 * 366 * 24 * time.Hour / CellWidth)

// A view is what there was of the ledger when a reader of [first, end) began.
type view struct {
	l          *Ledger
	first, end index
	names      []string
	entered    []Correction
}

func (l *Ledger) view(from, to time.Time) (*view, error) {
	err := aligned(from, to)
	if err == nil && (to.Before(from) || indexOf(to)-indexOf(from) > maxCells) {
		err = fmt.Errorf("from %s to %s is less than nothing or more than a century", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	if err != nil {
		return nil, &fault.Error{Op: "read the ledger", Kind: fault.Rejected, Err: err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Both lists are only appended to.
	return &view{l, indexOf(from), indexOf(to), slices.Clip(l.names.list), slices.Clip(l.entered)}, nil
}

// corrections returns the corrections of an objective that touch what is read.
func (v *view) corrections(objective string) (out []Correction) {
	for _, c := range v.entered {
		if c.Objective == objective && indexOf(c.From) < v.end && indexOf(c.To) > v.first {
			out = append(out, c)
		}
	}
	return out
}

// rows yields the rows of what is read, with the cells of one objective or of
// all.
func (v *view) rows(only *uint64) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		start, err := v.l.rows.Seek(func(b []byte) bool {
			cell, ok := cellOfRow(b)
			return ok && cell >= v.first
		})
		if err != nil {
			yield(row{}, reading(err))
			return
		}
		for r, err := range v.l.rows.Records(start) {
			if errors.Is(err, durable.ErrDamaged) {
				continue
			}
			var parsed row
			if err == nil {
				parsed, err = decodeRow(r.Payload, only)
			}
			switch {
			case err != nil:
				yield(row{}, reading(err))
				return
			case parsed.cell >= v.end:
				return
			case parsed.cell >= v.first && !yield(parsed, nil):
				return
			}
		}
	}
}

// cell makes a cell of what a row says, or of nothing.
func (v *view) cell(i index, r *row, corrections []Correction) Cell {
	c := Cell{Start: i.start(), Expected: v.l.expected(i)}
	if r != nil {
		part := r.cells[0]
		c.Raw, c.Observed, c.Expected = part.counts, part.observed, r.expected
		c.Context = Context{v.name(part.context[0]), v.name(part.context[1]), v.name(part.context[2])}
	}
	c.Corrected = c.Raw
	for _, k := range corrections {
		if !c.Start.Before(k.From) && c.Start.Before(k.To) {
			c.Corrected = k.apply(c.Corrected)
		}
	}
	return c
}

// name returns what a number stands for. One that nothing stands for was lost
// with the names.
func (v *view) name(number uint64) string {
	if number < uint64(len(v.names)) {
		return strings.TrimPrefix(v.names[number], contextPrefix)
	}
	return fmt.Sprintf("name %d is lost", number)
}
