package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Layout of a row, see FORMAT.md.
const (
	rowFormat  = 1
	maxRow     = 1 << 16 // cells
	maxPending = 288     // rows that wait for the disk: a day
)

// A row is what all objectives did in one cell.
type row struct {
	cell     index
	expected uint64
	cells    []rowCell // by objective
}

// A rowCell is one objective's part of a row. Names are numbers.
type rowCell struct {
	objective uint64
	context   [3]uint64 // phase, calendar, config
	counts    Counts
	observed  uint64
}

func (r row) encode() []byte {
	var contexts [][3]uint64
	for _, c := range r.cells {
		if !slices.Contains(contexts, c.context) {
			contexts = append(contexts, c.context)
		}
	}
	b := []byte{rowFormat}
	b = binary.AppendVarint(b, int64(r.cell))
	b = binary.AppendUvarint(b, r.expected)
	b = binary.AppendUvarint(b, uint64(len(contexts)))
	for _, c := range contexts {
		for _, n := range c {
			b = binary.AppendUvarint(b, n)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(r.cells)))
	before := uint64(0)
	for _, c := range r.cells {
		b = binary.AppendUvarint(b, c.objective-before)
		before = c.objective
		head := uint64(slices.Index(contexts, c.context)) << 1 //nolint:gosec // it is among them
		excluded := c.counts.TotalExcluded > 0
		if excluded {
			head |= 1
		}
		for _, n := range []uint64{head, c.observed, c.counts.Bad, c.counts.Total} {
			b = binary.AppendUvarint(b, n)
		}
		if excluded {
			b = binary.AppendUvarint(b, c.counts.BadExcluded)
			b = binary.AppendUvarint(b, c.counts.TotalExcluded)
		}
	}
	return b
}

// A rowReader takes a row apart. The first thing that is not as encode writes
// it ends it.
type rowReader struct {
	b   []byte
	bad bool
}

func (r *rowReader) uvarint(limit uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > limit {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return n
}

// begin reads what is before the cells.
func (r *rowReader) begin() (cell index, expected uint64, contexts [][3]uint64, cells uint64) {
	if len(r.b) == 0 || r.b[0] != rowFormat {
		r.bad = true
		return 0, 0, nil, 0
	}
	n, size := binary.Varint(r.b[1:])
	if size <= 0 {
		r.bad = true
		return 0, 0, nil, 0
	}
	r.b = r.b[1+size:]
	expected = r.uvarint(1 << 32)
	for range r.uvarint(uint64(len(r.b)) / 3) {
		contexts = append(contexts, [3]uint64{r.uvarint(maxNames), r.uvarint(maxNames), r.uvarint(maxNames)})
	}
	return index(n), expected, contexts, r.uvarint(maxRow)
}

// next reads a cell behind the one of the objective before.
func (r *rowReader) next(before uint64, contexts [][3]uint64) rowCell {
	var c rowCell
	c.objective = before + r.uvarint(maxNames)
	head := r.uvarint(2 * maxRow)
	c.observed, c.counts.Bad, c.counts.Total = r.uvarint(1<<32), r.uvarint(1<<64-1), r.uvarint(1<<64-1)
	if head&1 != 0 {
		c.counts.BadExcluded, c.counts.TotalExcluded = r.uvarint(1<<64-1), r.uvarint(1<<64-1)
	}
	if head>>1 >= uint64(len(contexts)) {
		r.bad = true
		return c
	}
	c.context = contexts[head>>1]
	return c
}

// decodeRow reads what encode wrote, of one objective alone when only is not
// nil.
func decodeRow(b []byte, only *uint64) (row, error) {
	r := rowReader{b: b}
	var out row
	var contexts [][3]uint64
	var cells uint64
	out.cell, out.expected, contexts, cells = r.begin()
	before := uint64(0)
	for range cells {
		c := r.next(before, contexts)
		if r.bad {
			break
		}
		before = c.objective
		if only == nil || *only == c.objective {
			out.cells = append(out.cells, c)
		}
	}
	if r.bad || len(r.b) > 0 {
		return row{}, fmt.Errorf("a row of cells: %w", errFormat)
	}
	return out, nil
}

// cellOfRow reads only which cell a row is of.
func cellOfRow(b []byte) (index, bool) {
	r := rowReader{b: b}
	cell, _, _, _ := r.begin()
	return cell, !r.bad
}
