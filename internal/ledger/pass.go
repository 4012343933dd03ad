package ledger

import (
	"iter"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An ObjectiveCell is a cell with the objective it is of.
type ObjectiveCell struct {
	Objective string
	Cell
}

// Pass yields, for each five minutes in [from, to) of which anything is on disk,
// the cells of every objective, in one pass: to rebuild what all of them add up
// to. Both instants must be the beginning of a cell. The slice is used again for
// the next five minutes. An error ends the iteration.
func (l *Ledger) Pass(from, to time.Time) iter.Seq2[[]ObjectiveCell, error] {
	return func(yield func([]ObjectiveCell, error) bool) {
		v, err := l.view(from, to)
		if err != nil {
			yield(nil, err)
			return
		}
		corrections := map[string][]Correction{}
		for _, c := range v.entered {
			if corrections[c.Objective] == nil {
				corrections[c.Objective] = v.corrections(c.Objective)
			}
		}
		var cells []ObjectiveCell
		for r, err := range v.rows(nil) {
			if err != nil {
				yield(nil, fault.Wrap("read every objective", err, ""))
				return
			}
			cells = cells[:0]
			for _, c := range r.cells {
				if c.objective >= uint64(len(v.names)) {
					continue // it is newer than the view
				}
				objective := strings.TrimPrefix(v.names[c.objective], objectivePrefix)
				one := row{cell: r.cell, expected: r.expected, cells: []rowCell{c}}
				cells = append(cells, ObjectiveCell{objective, v.cell(r.cell, &one, corrections[objective])})
			}
			if !yield(cells, nil) {
				return
			}
		}
	}
}
