package slo

import (
	"math"
	"math/bits"
	"time"
)

// Three levels of cells serve every window. The first has a cell for each tick
// and serves windows of up to six hours exactly. The others have cells of five
// minutes and of an hour, for windows of up to three and to thirty days: there
// the newest cell is still filling, so a window keeps one cell more and may hold
// up to that much more than its length, never less.
const levels = 3

// A resolution is what a level is for: windows up to reach, in cells of cell.
type resolution struct{ reach, cell time.Duration }

func resolutions() [levels]resolution {
	return [levels]resolution{{6 * time.Hour, 0}, {3 * 24 * time.Hour, 5 * time.Minute}, {Period, time.Hour}}
}

// maxFine bounds the cells of the first level: those of six hours at a tick of
// 7.5 s. Where ticks are closer, as in a demo without scaled windows, its cells
// hold several of them.
const maxFine = 2880

// A cell counts events. One that would count more than fits keeps their shares.
type cell struct{ bad, total uint32 }

// A sum is a window's running total; seen counts the ticks that were observed.
type sum struct{ bad, total, seen uint64 }

// A span is a window laid on a level.
type span struct {
	level int
	cells int64 // length in cells of the level, the filling one included
	ticks int64 // length in ticks, for what was measured
}

// A ring holds the cells of one level, of all objectives: one row of them for
// each cell of time, so that a tick touches a few rows from end to end. A cell
// has the ticks up to and including the one at its end, as a ledger's cell does.
type ring struct {
	ticks  int64 // per cell
	count  int64 // rows
	width  int   // objectives
	newest int   // where the row of the newest tick begins
	events []cell
	seen   []uint16 // observed ticks
}

// newRing lays out a level; its rows reach at least as far as the level is for.
func newRing(r resolution, tick time.Duration, scale float64, width int) ring {
	n := ring{ticks: 1, width: width}
	if r.cell > 0 {
		n.ticks = min(max(1, int64(float64(r.cell)*scale/float64(tick))), math.MaxUint16)
	} else if fine := ticksOf(r.reach, tick, scale); fine > maxFine {
		n.ticks = (fine + maxFine - 1) / maxFine
	}
	n.count = n.cellsFor(ticksOf(r.reach, tick, scale))
	return n
}

// ticksOf is how many ticks a window has, at least 1.
func ticksOf(window, tick time.Duration, scale float64) int64 {
	return max(1, int64(math.Ceil(float64(window)*scale/float64(tick))))
}

// cellsFor is how many cells a window of so many ticks has.
func (r *ring) cellsFor(ticks int64) int64 {
	if r.ticks == 1 {
		return ticks
	}
	return (ticks+r.ticks-1)/r.ticks + 1
}

func (r *ring) allocate() {
	r.events = make([]cell, int(r.count)*r.width)
	r.seen = make([]uint16, int(r.count)*r.width)
}

// cellOf is the number of the cell a tick belongs to.
func (r *ring) cellOf(tick int64) int64 { return (tick - 1) / r.ticks }

// base is where the row of a cell begins.
func (r *ring) base(index int64) int { return int(index%r.count) * r.width }

func (r *ring) empty(index int64) {
	b := r.base(index)
	clear(r.events[b : b+r.width])
	clear(r.seen[b : b+r.width])
}

// add counts events in a cell of the objective whose place is given and returns
// those that were counted.
func (r *ring) add(place int, bad, total uint64, seen uint16) (counted cell) {
	c := &r.events[place]
	counted = clip(bad, total, math.MaxUint32-c.total)
	c.bad += counted.bad
	c.total += counted.total
	r.seen[place] += seen
	return counted
}

// clip keeps the share of bad events where there is room for some only, rounded
// up.
func clip(bad, total uint64, room uint32) cell {
	if total <= uint64(room) {
		return cell{uint32(bad), uint32(total)} //nolint:gosec // bad is at most total, which fits
	}
	high, low := bits.Mul64(bad, uint64(room))
	share, rest := bits.Div64(high, low, total) // high < total, since bad <= total and room < 2^32
	if rest > 0 {
		share++
	}
	return cell{uint32(share), room} //nolint:gosec // at most room
}
