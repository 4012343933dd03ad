package ledger

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// CellWidth is the length of a cell. Cells begin at multiples of it since
// 1970-01-01 00:00 UTC, so that days, months and daylight saving changes of
// every zone begin at a cell.
const CellWidth = 5 * time.Minute

// ErrOverflow says that a count does not fit into 64 bits.
var ErrOverflow = errors.New("the count is too large")

// Counts are the events of one objective in some time. The excluded ones are
// among the others: what remains, Bad-BadExcluded of Total-TotalExcluded, is
// the adjusted reading.
type Counts struct {
	Bad, Total                 uint64
	BadExcluded, TotalExcluded uint64
}

func (c *Counts) add(d Counts) error {
	sums := [...]struct {
		to *uint64
		n  uint64
	}{{&c.Bad, d.Bad}, {&c.Total, d.Total}, {&c.BadExcluded, d.BadExcluded}, {&c.TotalExcluded, d.TotalExcluded}}
	for _, s := range sums {
		if s.n > math.MaxUint64-*s.to {
			return ErrOverflow
		}
	}
	for _, s := range sums {
		*s.to += s.n
	}
	return nil
}

func (c Counts) check() error {
	if c.Bad > c.Total || c.BadExcluded > c.Bad || c.TotalExcluded > c.Total || c.BadExcluded > c.TotalExcluded ||
		c.Bad-c.BadExcluded > c.Total-c.TotalExcluded {
		return fmt.Errorf("the counts contradict one another: %+v", c)
	}
	return nil
}

// A Context is what was in force for an objective in a cell: at its last tick.
type Context struct {
	Phase    string // of the finance calendar
	Calendar string // hash
	Config   string // hash
}

// A Cell is five minutes of one objective.
type Cell struct {
	Start     time.Time
	Raw       Counts
	Corrected Counts // Raw after what was entered later
	// Observed of Expected ticks said something. A cell of which no tick did is
	// missing: its counts are 0 and mean nothing.
	Observed, Expected uint64
	Context            Context
}

// Totals sum up cells.
type Totals struct {
	Raw, Corrected     Counts
	Observed, Expected uint64       // ticks; their ratio is what was measured
	Cells, Missing     uint64       // Missing of Cells have no observed tick
	Corrections        []Correction // that changed a cell, as they were entered
}

// Measured returns which part of the time was measured, in parts of a million,
// rounded down: 1000000 only when nothing is missing.
func (t Totals) Measured() uint64 {
	const whole = 1_000_000
	if t.Expected == 0 {
		return 0
	}
	return min(t.Observed, t.Expected) * whole / t.Expected
}

// An index is the number of a cell since 1970.
type index int64

// cellOf returns the cell a tick belongs to.
func cellOf(tick time.Time) index {
	return indexOf(tick.Add(-1))
}

// indexOf returns the cell in which an instant lies.
func indexOf(t time.Time) index {
	seconds, width := t.Unix(), int64(CellWidth/time.Second)
	i := seconds / width
	if seconds%width < 0 {
		i--
	}
	return index(i)
}

func (i index) start() time.Time {
	return time.Unix(int64(i)*int64(CellWidth/time.Second), 0).UTC()
}

func (i index) end() time.Time { return (i + 1).start() }
