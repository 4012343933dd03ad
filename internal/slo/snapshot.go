package slo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Errors of Restore.
var (
	// ErrFormat says that a snapshot is not what this program writes.
	ErrFormat = errors.New("the snapshot is not in a format this program knows")
	// ErrGrid says that a snapshot was taken on another grid of ticks or cells:
	// rebuild the engine from the ledger.
	ErrGrid = errors.New("the snapshot was taken with other ticks or another scale")
)

// snapshotVersion is the version of a snapshot's layout, its first byte.
//
// All numbers are varints. Behind the version come the tick in nanoseconds, the
// newest tick, how many ticks a cell of each level has, the names of the burns,
// the IDs of the objectives, and for each objective the tick it began at, the
// newest tick it was observed in and the burns that stood. Then, for each level,
// the rows of cells: how many, then each from the oldest to the newest, as a 0
// when it is empty or a 1 and its cells. A cell is a head, total·4 + 2 when any
// event was bad + 1 when every tick was observed, then the bad events if any,
// and the observed ticks if not all.
const snapshotVersion = 1

// Snapshot appends what the engine knows to b. It does not say what it is sure
// of: keep it with a checksum.
func (e *Engine) Snapshot(b []byte) []byte {
	b = append(b, snapshotVersion)
	b = binary.AppendUvarint(b, uint64(e.tick))
	b = binary.AppendUvarint(b, uint64(e.now)) //nolint:gosec // not negative
	for l := range e.rings {
		b = binary.AppendUvarint(b, uint64(e.rings[l].ticks)) //nolint:gosec // positive
	}
	b = binary.AppendUvarint(b, uint64(len(e.burns)))
	for _, w := range e.burns {
		b = appendText(b, w.Name)
	}
	b = binary.AppendUvarint(b, uint64(len(e.objectives)))
	for i, o := range e.objectives {
		b = appendText(b, o.ID)
		b = binary.AppendUvarint(b, uint64(e.first[i])) //nolint:gosec // not negative
		b = binary.AppendUvarint(b, uint64(e.heard[i])) //nolint:gosec // not negative
		b = binary.AppendUvarint(b, uint64(e.stood[i]))
	}
	if e.now == 0 {
		return b
	}
	for l := range e.rings {
		r := &e.rings[l]
		newest := r.cellOf(e.now)
		oldest := max(newest-r.count+1, 0)
		b = binary.AppendUvarint(b, uint64(newest-oldest+1)) //nolint:gosec // positive
		for index := oldest; index <= newest; index++ {
			b = r.appendRow(b, index)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (r *ring) appendRow(b []byte, index int64) []byte {
	base := r.base(index)
	events, seen := r.events[base:base+r.width], r.seen[base:base+r.width]
	something := func(c cell) bool { return c != cell{} }
	if !slices.ContainsFunc(events, something) && !slices.ContainsFunc(seen, func(n uint16) bool { return n > 0 }) {
		return append(b, 0)
	}
	b = append(b, 1)
	for i, c := range events {
		head, whole := uint64(c.total)<<2, int64(seen[i]) == r.ticks
		if c.bad > 0 {
			head |= 2
		}
		if whole {
			head |= 1
		}
		b = binary.AppendUvarint(b, head)
		if c.bad > 0 {
			b = binary.AppendUvarint(b, uint64(c.bad))
		}
		if !whole {
			b = binary.AppendUvarint(b, uint64(seen[i]))
		}
	}
	return b
}

// Restore takes up what Snapshot wrote, perhaps with other objectives, targets
// and windows: objectives are found by their ID, those that are new begin at the
// snapshot's newest tick, those that are gone are dropped. After an error the
// engine is empty.
func (e *Engine) Restore(snapshot []byte) error {
	e.allocate()
	r := reader{b: snapshot}
	err := e.restore(&r)
	if err == nil && (r.bad || len(r.b) > 0) {
		err = ErrFormat
	}
	if err != nil {
		e.allocate()
		return fmt.Errorf("slo: restore: %w", err)
	}
	e.sumUp()
	return nil
}

func (e *Engine) restore(r *reader) error {
	if r.byte() != snapshotVersion {
		return ErrFormat
	}
	tick, now := r.uvarint(math.MaxInt64), r.uvarint(math.MaxInt64)
	same := tick == uint64(e.tick)
	for l := range e.rings {
		same = r.uvarint(math.MaxInt64) == uint64(e.rings[l].ticks) && same //nolint:gosec // positive
	}
	if r.bad {
		return ErrFormat
	}
	if !same {
		return ErrGrid
	}
	burns := make([]string, r.length(1))
	for i := range burns {
		burns[i] = r.text()
	}
	columns := make([]int, r.length(4)) // the place of each of its objectives here, -1 for those that are gone
	for i := range e.first {
		e.first[i] = int64(now) //nolint:gosec // at most MaxInt64
	}
	taken := make([]bool, len(e.objectives))
	for i := range columns {
		at, ok := e.index[r.text()]
		first, heard, stood := r.uvarint(now), r.uvarint(now), r.uvarint(math.MaxUint32)
		if columns[i] = -1; ok && !taken[at] {
			columns[i], taken[at] = at, true
			e.first[at], e.heard[at] = int64(first), int64(heard) //nolint:gosec // at most now
			e.stood[at] = e.standing(uint32(stood), burns)        //nolint:gosec // at most MaxUint32
		}
	}
	for i, known := range taken {
		if !known {
			e.fresh = append(e.fresh, i)
		}
	}
	if now == 0 || r.bad {
		return nil
	}
	e.to(int64(now)) //nolint:gosec // at most MaxInt64
	for l := range e.rings {
		e.rings[l].restore(r, e.now, columns)
	}
	return nil
}

// standing maps the bits of burns of other names to those of ours.
func (e *Engine) standing(bits uint32, names []string) (out uint32) {
	for i, name := range names {
		if i >= maxBurns || bits&(1<<i) == 0 {
			continue
		}
		if j := slices.IndexFunc(e.burns, func(b BurnWindow) bool { return b.Name == name }); j >= 0 {
			out |= 1 << j
		}
	}
	return out
}

// restore reads the rows of a level. Those that are older than the level reaches
// are passed over.
func (r *ring) restore(in *reader, now int64, columns []int) {
	newest := r.cellOf(now)
	rows := int64(in.length(1))
	for index := newest - rows + 1; index <= newest && !in.bad; index++ {
		keep := index >= 0 && index > newest-r.count
		switch in.byte() {
		case 0:
			continue
		case 1:
		default:
			in.bad = true
		}
		base := 0
		if keep {
			base = r.base(index)
		}
		for _, to := range columns {
			c, seen := in.cell(r.ticks)
			if keep && to >= 0 {
				r.events[base+to], r.seen[base+to] = c, seen
			}
		}
	}
}

// cell reads a cell that has so many ticks when all were observed. Most are a few
// small numbers, which are read here at once.
func (r *reader) cell(ticks int64) (c cell, seen uint16) {
	b := r.b
	if len(b) < 4 {
		return r.anyCell(ticks)
	}
	head, n, last := uint32(b[0]), 1, b[0]
	if last >= 0x80 {
		last = b[1]
		head, n = head&0x7f|uint32(last)<<7, 2
	}
	c.total, seen = head>>2, uint16(ticks) //nolint:gosec // of a cell
	if head&2 != 0 {
		c.bad, last, n = uint32(b[n]), last|b[n], n+1
	}
	if head&1 == 0 {
		seen, last, n = uint16(b[n]), last|b[n], n+1
	}
	if last >= 0x80 || c.bad > c.total || int64(seen) > ticks { // a longer number, or no cell
		return r.anyCell(ticks)
	}
	r.b = b[n:]
	return c, seen
}

func (r *reader) anyCell(ticks int64) (c cell, seen uint16) {
	head := r.uvarint(math.MaxUint32<<2 | 3)
	c.total, seen = uint32(head>>2), uint16(ticks) //nolint:gosec // bounded by the line above; a cell's ticks are
	if head&2 != 0 {
		c.bad = uint32(r.uvarint(uint64(c.total))) //nolint:gosec // at most total
	}
	if head&1 == 0 {
		seen = uint16(r.uvarint(uint64(ticks))) //nolint:gosec // at most the ticks of a cell
	}
	return c, seen
}

// sumUp works out every window's sum from its cells.
func (e *Engine) sumUp() {
	clear(e.sums)
	if e.now == 0 {
		return
	}
	of := make([]sum, len(e.objectives)) // beside each other, as their cells are
	for w, s := range e.spans {
		clear(of)
		r := &e.rings[s.level]
		newest := r.cellOf(e.now)
		for index := max(newest-s.cells+1, 0); index <= newest; index++ {
			b := r.base(index)
			events, seen := r.events[b:b+r.width], r.seen[b:b+r.width]
			for i := range of {
				of[i].bad += uint64(events[i].bad)
				of[i].total += uint64(events[i].total)
				of[i].seen += uint64(seen[i])
			}
		}
		for i := range of {
			e.sums[i*len(e.spans)+w] = of[i]
		}
	}
}

// A Past is what one objective counted in a stretch of time before now, as a
// ledger keeps it.
type Past struct {
	Objective          int
	End                time.Time // it has the ticks after End-Width up to and including End
	Width              time.Duration
	Bad, Total         uint64
	Observed, Expected uint64 // ticks, of the grid it was counted on
}

// Rebuild replaces what the engine knows by what was counted before, its newest
// tick being now. The windows that are exact to the tick otherwise are as exact
// as the stretches are short. Nothing stands: what fires is judged afresh.
func (e *Engine) Rebuild(now time.Time, past iter.Seq[Past]) {
	e.allocate()
	e.to(now.UnixNano() / int64(e.tick))
	for i := range e.first {
		e.first[i] = e.now
	}
	for p := range past {
		e.recall(p)
	}
	e.sumUp()
}

// Fresh lists the objectives that the snapshot did not know which Restore took up.
func (e *Engine) Fresh() []int { return e.fresh }

// Recall adds what was counted before the newest tick of objectives that are
// empty: those that a snapshot did not know. What lies after that tick is left
// out.
func (e *Engine) Recall(past iter.Seq[Past]) {
	for p := range past {
		e.recall(p)
	}
	e.sumUp()
	e.fresh = nil
}

// recall counts a stretch of the past: by tick where cells are shorter than it,
// at its end on the other levels.
func (e *Engine) recall(p Past) {
	end, width := p.End.UnixNano()/int64(e.tick), max(1, int64(p.Width/e.tick))
	if end > e.now || end < width || p.Expected == 0 {
		return
	}
	i, total := p.Objective, p.Total
	bad, seen := min(p.Bad, total), part(uint64(width), min(p.Observed, p.Expected), p.Expected) //nolint:gosec // positive
	e.first[i] = min(e.first[i], end-width+1)
	if seen > 0 {
		e.heard[i] = max(e.heard[i], end)
	}
	for l := range e.rings {
		r := &e.rings[l]
		if r.cellOf(e.now)-r.cellOf(end) >= r.count {
			continue
		}
		if r.ticks >= width {
			e.put(r, i, end, bad, total, seen)
			continue
		}
		var before [3]uint64
		for k := int64(1); k <= width; k++ {
			upTo := part(total, uint64(k), uint64(width))                                        //nolint:gosec // positive
			now := [3]uint64{part(bad, upTo, total), upTo, part(seen, uint64(k), uint64(width))} //nolint:gosec // positive
			e.put(r, i, end-width+k, now[0]-before[0], now[1]-before[1], now[2]-before[2])
			before = now
		}
	}
}

// part is number·k/n rounded down, k being at most n.
func part(number, k, n uint64) uint64 {
	if k == n {
		return number
	}
	high, low := bits.Mul64(number, k)
	quotient, _ := bits.Div64(high, low, n)
	return quotient
}

func (e *Engine) put(r *ring, objective int, tick int64, bad, total, seen uint64) {
	index := r.cellOf(tick)
	if tick <= 0 || r.cellOf(e.now)-index >= r.count {
		return
	}
	r.add(r.base(index)+objective, bad, total, uint16(seen)) //nolint:gosec // at most the ticks of a cell
}

// A reader takes a snapshot apart. The first thing that is not as it is written
// ends it.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() uint64 {
	r.b, r.bad = nil, true
	return 0
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		return byte(r.fail())
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint(limit uint64) uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 && uint64(r.b[0]) <= limit { // most are short
		n := uint64(r.b[0])
		r.b = r.b[1:]
		return n
	}
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > limit {
		return r.fail()
	}
	r.b = r.b[size:]
	return n
}

// length reads how many things follow, of at least so many bytes each.
func (r *reader) length(bytes int) int {
	return int(r.uvarint(uint64(len(r.b) / bytes))) //nolint:gosec // at most the length of what is there
}

func (r *reader) text() string {
	n := r.length(1)
	if r.bad {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// meterVersion is the version of the layout of a meter's snapshot, its first
// byte.
//
// All numbers are varints, instants nanoseconds since 1970, 0 when there is
// none. Behind the version come the newest tick and the metrics: of each its
// name, its components with when each was collected last, and its series with
// what each showed: value as the bits of a float64, when it was collected, when
// it was created, and what to make of it.
const meterVersion = 1

// Snapshot appends what every counter showed last to b.
func (m *Meter) Snapshot(b []byte) []byte {
	b = append(b, meterVersion)
	b = binary.AppendVarint(b, nanoseconds(m.last))
	b = binary.AppendUvarint(b, uint64(len(m.families)))
	for _, f := range m.families {
		b = appendText(b, f.metric)
		b = binary.AppendUvarint(b, uint64(len(f.sources)))
		for _, name := range slices.Sorted(maps.Keys(f.sources)) {
			b = binary.AppendVarint(appendText(b, name), f.sources[name].at)
		}
		slots := maps.Clone(f.kept)
		if slots == nil {
			slots = map[string]slot{}
		}
		for id, s := range f.known {
			if s.slot >= 0 {
				slots[id] = m.counters.slots[s.slot]
			}
		}
		b = binary.AppendUvarint(b, uint64(len(slots)))
		for _, id := range slices.Sorted(maps.Keys(slots)) {
			s := slots[id]
			b = binary.AppendUvarint(appendText(b, id), math.Float64bits(s.value))
			b = binary.AppendVarint(b, s.at)
			b = binary.AppendVarint(b, s.created)
			b = append(b, byte(s.trust))
		}
	}
	return b
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Restore takes up what Snapshot wrote, before the first Read. counted is the
// newest tick whose events are known to have been counted. Where it is after the
// snapshot's own, nobody knows how far the counters were then: those that have
// grown since begin anew, and those that have fallen count from zero. After an
// error the meter knows nothing.
func (m *Meter) Restore(snapshot []byte, counted time.Time) error {
	r := reader{b: snapshot}
	if r.byte() != meterVersion {
		return fmt.Errorf("slo: restore counters: %w", ErrFormat)
	}
	last := r.varint()
	doubt := nanoseconds(counted) > last
	for range r.length(3) {
		metric := r.text()
		sources, kept := map[string]*source{}, map[string]slot{}
		for range r.length(2) {
			name, at := r.text(), r.varint()
			sources[name] = &source{at, at}
		}
		for range r.length(5) {
			id := r.text()
			s := slot{value: math.Float64frombits(r.uvarint(math.MaxUint64)), at: r.varint(), created: r.varint(), trust: trust(r.byte())}
			if r.bad = r.bad || s.trust > doubted || !(s.value >= 0); doubt {
				s.at, s.trust = max(s.at, nanoseconds(counted)), doubted
			}
			kept[id] = s
		}
		if i := slices.IndexFunc(m.families, func(f *family) bool { return f.metric == metric }); i >= 0 && !r.bad {
			if m.families[i].kept = kept; !doubt {
				m.families[i].sources = sources
			}
		}
	}
	if m.last = counted; !doubt && last != 0 {
		m.last = time.Unix(0, last)
	}
	if r.bad || len(r.b) > 0 {
		for _, f := range m.families {
			f.kept, f.sources = nil, map[string]*source{}
		}
		m.last = time.Time{}
		return fmt.Errorf("slo: restore counters: %w", ErrFormat)
	}
	return nil
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		return int64(r.fail()) //nolint:gosec // it is 0
	}
	r.b = r.b[size:]
	return n
}
