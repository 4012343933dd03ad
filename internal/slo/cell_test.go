package slo

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Cells of every size are read as they were written, also where they are the last
// bytes there are.
func TestCellsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks := rapid.SampledFrom([]int64{1, 10, 120, 300, math.MaxUint16}).Draw(t, "ticks")
		width := rapid.IntRange(1, 4).Draw(t, "objectives")
		numbers := rapid.OneOf(rapid.Uint32Range(0, 40), rapid.Uint32Range(4000, 4200), rapid.Uint32())
		wrote := ring{ticks: ticks, count: 1, width: width}
		wrote.allocate()
		for i := range width {
			total := numbers.Draw(t, "total")
			wrote.events[i] = cell{min(numbers.Draw(t, "bad"), total), total}
			wrote.seen[i] = uint16(rapid.Int64Range(0, ticks).Draw(t, "seen")) //nolint:gosec // at most MaxUint16
		}
		b := wrote.appendRow([]byte{1}, 0) // of one row
		columns := make([]int, width)
		for i := range columns {
			columns[i] = i
		}
		read := ring{ticks: ticks, count: 1, width: width}
		read.allocate()
		r := reader{b: b}
		read.restore(&r, 1, columns)
		if r.bad || len(r.b) > 0 {
			t.Fatalf("%v: bad %v, %d bytes left", b, r.bad, len(r.b))
		}
		if diff := cmp.Diff(wrote, read, cmp.AllowUnexported(ring{}, cell{})); diff != "" {
			t.Fatalf("(-wrote +read):\n%s", diff)
		}
	})
}

// A number that no cell can have ends a snapshot, however short it is.
func TestCellsThatCannotBe(t *testing.T) {
	for name, b := range map[string][]byte{
		"more bad than there are":     {1<<2 | 3, 2, 0, 0, 0, 0},
		"more ticks than it has":      {1 << 2, 11, 0, 0, 0, 0},
		"a total that does not fit":   {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"a number without its end":    {0xff, 0xff},
		"nothing":                     {},
		"a bad number without an end": {3, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			r := reader{b: b}
			if r.cell(10); !r.bad {
				t.Error("it is read")
			}
		})
	}
}
