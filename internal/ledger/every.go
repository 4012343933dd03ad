package ledger

import (
	"iter"
	"strings"
	"time"
)

// Every yields the cells of every objective in [from, to), in one pass: by time,
// and at one time by objective. Cells that are missing are left out. Both instants
// must be the beginning of a cell. An error ends the iteration.
func (l *Ledger) Every(from, to time.Time) iter.Seq2[NamedCell, error] {
	return func(yield func(NamedCell, error) bool) {
		v, err := l.view(from, to)
		if err != nil {
			yield(NamedCell{}, err)
			return
		}
		names, entered := make([]string, len(v.names)), make([][]Correction, len(v.names))
		for i, name := range v.names {
			names[i], _ = strings.CutPrefix(name, objectivePrefix)
			if len(v.entered) > 0 {
				entered[i] = v.corrections(names[i])
			}
		}
		for r, err := range v.rows(nil) {
			if err != nil {
				yield(NamedCell{}, err)
				return
			}
			for _, c := range r.cells {
				if c.objective >= uint64(len(names)) || c.observed == 0 {
					continue // it is newer than the view, or missing
				}
				cell := Cell{
					Start: r.cell.start(), Raw: c.counts, Corrected: c.counts, Observed: c.observed, Expected: r.expected,
					Context: Context{v.name(c.context[0]), v.name(c.context[1]), v.name(c.context[2])},
				}
				for _, k := range entered[c.objective] {
					if !cell.Start.Before(k.From) && cell.Start.Before(k.To) {
						cell.Corrected = k.apply(cell.Corrected)
					}
				}
				if !yield(NamedCell{names[c.objective], cell}, nil) {
					return
				}
			}
		}
	}
}

// A NamedCell is a cell with the objective it is of.
type NamedCell struct {
	Objective string
	Cell
}
