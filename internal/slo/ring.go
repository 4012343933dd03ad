package slo

// Three levels of cells serve every window: a window lives on the finest level
// that can hold it. Cell sizes are in ticks; with the usual tick of 30 s they
// are 30 s, 5 min and 1 h, and the levels reach 6 h, 3 d and 30 d. Windows on
// the first level are exact to the tick. On the others the newest cell is still
// filling, so a window keeps one cell more and may hold up to that much more
// than its length, never less.
const (
	levels  = 3
	cells0  = 720
	cells1  = 866
	cells2  = 722
	ticksL1 = 10
	ticksL2 = 120
)

var (
	cellTicks = [levels]int64{1, ticksL1, ticksL2}
	cellCount = [levels]int64{cells0, cells1, cells2}
)

// A cell counts events and the ticks that were observed.
type cell struct{ bad, total, seen uint32 }

// A sum is a window's running total.
type sum struct{ bad, total, seen uint64 }

func (s *sum) add(c cell) {
	s.bad += uint64(c.bad)
	s.total += uint64(c.total)
	s.seen += uint64(c.seen)
}

func (s *sum) sub(c cell) {
	s.bad -= uint64(c.bad)
	s.total -= uint64(c.total)
	s.seen -= uint64(c.seen)
}

// A span is a window laid on a level.
type span struct {
	level int
	cells int64 // length in cells of the level, the filling one included
	ticks int64 // length in ticks, for coverage
}

// lay places a window of the given number of ticks.
func lay(ticks int64) span {
	if ticks <= cells0 {
		return span{0, max(ticks, 1), max(ticks, 1)}
	}
	for l := 1; l < levels; l++ {
		if n := (ticks+cellTicks[l]-1)/cellTicks[l] + 1; n <= cellCount[l] {
			return span{l, n, ticks}
		}
	}
	return span{levels - 1, cells2, (cells2 - 1) * ticksL2}
}

// A track holds one objective's cells and sums. It has no pointers but its
// slices, which are allocated once.
type track struct {
	l0    [cells0]cell
	l1    [cells1]cell
	l2    [cells2]cell
	sums  []sum
	last  int64 // newest tick index written; 0 before the first
	first int64 // the first one
}

func (t *track) at(level int, index int64) *cell {
	switch level {
	case 0:
		return &t.l0[index%cells0]
	case 1:
		return &t.l1[index%cells1]
	default:
		return &t.l2[index%cells2]
	}
}

// advance moves to tick, dropping what leaves each window. Ticks skipped in
// between count as not observed. A gap longer than the rings empties them.
func (t *track) advance(tick int64, spans []span) {
	if t.last == 0 {
		t.last, t.first = tick, tick
		return
	}
	if tick-t.last > cells2*ticksL2 {
		sums := t.sums
		clear(sums)
		*t = track{sums: sums, last: tick, first: t.first}
		return
	}
	for t.last < tick {
		t.last++
		for level := range levels {
			if t.last%cellTicks[level] != 0 {
				break // a coarser cell begins only where a finer one does
			}
			index := t.last / cellTicks[level]
			for i, s := range spans {
				if s.level == level {
					if leaving := index - s.cells; leaving >= 0 {
						t.sums[i].sub(*t.at(level, leaving))
					}
				}
			}
			*t.at(level, index) = cell{}
		}
	}
}

// add counts events of the newest tick.
func (t *track) add(c cell, spans []span) {
	for level := range levels {
		p := t.at(level, t.last/cellTicks[level])
		p.bad += c.bad
		p.total += c.total
		p.seen += c.seen
	}
	for i := range spans {
		t.sums[i].add(c)
	}
}
