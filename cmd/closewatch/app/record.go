package app

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/delta"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// payloadVersion is the version of a tick's payload. RECORD.md beside this file
// describes it.
const payloadVersion = 2

// wholeEvery is how far apart whole payloads are at most: replay begins at one.
const wholeEvery = time.Hour

// A heading is what holds for a tick as a whole.
type heading struct {
	Warm  bool // incidents are judged: enough has been seen since the start
	Told  Told
	Tick  time.Duration // distance of ticks
	Holds tiering.Holds
	Rules tiering.Rules
}

// A counted is what one objective counted since the tick before, and where in
// the calendar.
type counted struct {
	Objective string
	Observed  bool
	Bad       uint64
	Total     uint64
	Excluded  bool // within maintenance that counts against the raw figures only
	Phase     calendar.Phase
}

// A componentSeen is a component's state, as recovery checks read it.
type componentSeen struct {
	Name    string
	State   signal.State
	Checked []checkedSignal
}

// judged is what the record keeps of a subject's evidence: what a decision reads.
// The words of a process stand in the configuration that the record cites. Of
// windows that do not burn it keeps whether they saw any event: their sums
// follow from what objectives counted. room is for the windows, nil for new.
func judged(ev tiering.Evidence, room []tiering.Burn) tiering.Evidence {
	p := ev.Process
	ev.Process = process.Process{
		Name: p.Name, Tier: p.Tier, CloseTier: p.CloseTier, Recovery: p.Recovery, CriticalRecovery: p.CriticalRecovery, Refetch: p.Refetch,
	}
	if len(ev.Burns) > 0 {
		ev.Burns = append(room[:0], ev.Burns...)
	}
	for i := range ev.Burns {
		if b := &ev.Burns[i]; !b.Firing {
			b.Rate, b.Bad, b.Total = 0, 0, min(b.Total, 1)
		}
	}
	return ev
}

// A scribe writes ticks down as payloads: all that was decided on, and what was
// decided, as far as it is different from the tick before. It is not safe for
// concurrent use.
type scribe struct {
	last       time.Time // the tick that the next difference builds on
	heading    *delta.Writer[heading]
	events     *delta.Writer[counted]
	evidence   *delta.Writer[tiering.Evidence]
	components *delta.Writer[componentSeen]
	readings   *delta.Writer[signal.Reading]
	decided    *decisions
	rows       []tiering.Evidence // as written; their burns are its own
	counts     lookout[counted]
	read       lookout[signal.Reading]
}

func newScribe() (*scribe, error) {
	s := &scribe{counts: lookout[counted]{alike: func(was, now *counted) bool { return *was == *now }}, read: lookout[signal.Reading]{alike: sameReading}}
	var errs [6]error
	s.heading, errs[0] = delta.NewWriter[heading]()
	s.events, errs[1] = delta.NewWriter[counted]()
	s.evidence, errs[2] = delta.NewWriter[tiering.Evidence]()
	s.components, errs[3] = delta.NewWriter[componentSeen]()
	s.readings, errs[4] = delta.NewWriter[signal.Reading]()
	s.decided, errs[5] = newDecisions()
	return s, errors.Join(errs[:]...)
}

// write returns the payload of a tick. start is what stood before it, packed, when
// the payload is to be whole.
func (s *scribe) write(t *Tick, j *judge, tick time.Duration, start []byte) []byte {
	whole := len(start) > 0
	if whole {
		s.heading.Reset()
		s.events.Reset()
		s.evidence.Reset()
		s.components.Reset()
		s.readings.Reset()
		s.decided.reset()
		s.last = t.At
	}
	out := binary.LittleEndian.AppendUint64([]byte{payloadVersion}, uint64(s.last.UnixNano())) //nolint:gosec // the bits are what is kept
	s.last = t.At
	out = section(out, start)
	head := []heading{{t.Warm, t.Told, tick, j.holds, j.rules}}
	out = section(out, s.heading.Append(nil, t.At, head, nil))
	out = section(out, s.events.Append(nil, t.At, t.Events, s.counts.look(t.Events)))
	out = section(out, s.evidenceOf(t, whole))
	impacts, incidents := s.decided.write(t.At, t.board, j.incidents.Memory())
	out = section(out, impacts)
	out = section(out, incidents)
	out = section(out, s.components.Append(nil, t.At, componentsSeen(t.Components), nil))
	return section(out, s.readings.Append(nil, t.At, t.Readings, s.read.look(t.Readings)))
}

// evidenceOf writes the evidence. Where it is known what changed since the tick
// before, the rest is not looked at.
func (s *scribe) evidenceOf(t *Tick, whole bool) []byte {
	changed := t.changed
	if whole || len(s.rows) != len(t.Evidence) {
		changed = nil
		s.rows = slices.Grow(s.rows[:0], len(t.Evidence))[:len(t.Evidence)]
	}
	if changed == nil {
		for i := range s.rows {
			s.rows[i] = judged(t.Evidence[i], s.rows[i].Burns)
		}
	}
	for _, i := range changed {
		s.rows[i] = judged(t.Evidence[i], s.rows[i].Burns)
	}
	return s.evidence.Append(nil, t.At, s.rows, changed)
}

// A lookout keeps the rows of a table as they were written last, and finds those
// that are others now.
type lookout[T any] struct {
	alike func(was, now *T) bool // they would be written alike; false is that they might not
	was   []T
	moved []int
}

// look returns the numbers of the rows that may not be what they were.
func (l *lookout[T]) look(rows []T) []int {
	l.moved = slices.Grow(l.moved[:0], len(rows))
	had := min(len(l.was), len(rows))
	l.was = slices.Grow(l.was[:had], len(rows)-had)[:len(rows)]
	for i := range rows {
		if i >= had || !l.alike(&l.was[i], &rows[i]) {
			l.was[i], l.moved = rows[i], append(l.moved, i)
		}
	}
	return l.moved
}

// sameReading reports whether two readings are written alike. Labels are not
// changed once they are in a reading.
func sameReading(a, b *signal.Reading) bool {
	return a.State == b.State && math.Float64bits(a.Value) == math.Float64bits(b.Value) && a.Since == b.Since && //nolint:staticcheck // zone and all
		a.Signal == b.Signal && a.Role == b.Role && a.Environment == b.Environment && a.Component == b.Component && a.Tenant == b.Tenant && a.Text == b.Text &&
		(a.Labels == nil) == (b.Labels == nil) && maps.Equal(a.Labels, b.Labels)
}

// section appends a part of a payload, which a reader may skip.
func section(out, part []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(part))), part...)
}

func componentsSeen(states []componentState) []componentSeen {
	out := make([]componentSeen, 0, len(states))
	for _, c := range states {
		out = append(out, componentSeen{c.Name, c.State, c.Checked})
	}
	return out
}

// pack writes down what stood, as replay needs it: incidents that are over have
// no say in what follows.
func (m memory) pack() ([]byte, error) {
	w, err := delta.NewWriter[memory]()
	if err != nil {
		return nil, err
	}
	m.Incidents.Closed = nil
	return w.Append(nil, m.At, []memory{m}, nil), nil
}

// unpackMemory reads what pack wrote.
func unpackMemory(b []byte) (memory, error) {
	var r delta.Reader[memory]
	if _, err := r.Read(b); err != nil || len(r.Rows()) != 1 {
		return memory{}, fmt.Errorf("read what stood before: %w", errors.Join(err, delta.ErrDamaged))
	}
	return r.Rows()[0], nil
}

// decisions writes down what was decided. Live and replayed, the same decisions
// make the same bytes.
type decisions struct {
	impacts   *delta.Writer[tiering.Impact]
	incidents *delta.Writer[incident.Incident]
	sharing   func(a, b *tiering.Impact) bool
	rows      []tiering.Impact // as written: without the instant of the tick, and slack as lasting says
	slacks    []tiering.Slack  // of the rows
	moved     []int            // scratch
	buf       []byte           // scratch
}

func newDecisions() (*decisions, error) {
	d := &decisions{}
	var errs [3]error
	d.impacts, errs[0] = delta.NewWriter[tiering.Impact]()
	d.incidents, errs[1] = delta.NewWriter[incident.Incident]()
	d.sharing, errs[2] = delta.Sharing[tiering.Impact]("At", "Slack")
	return d, errors.Join(errs[:]...)
}

func (d *decisions) reset() {
	d.impacts.Reset()
	d.rows = nil
}

// write returns the impacts as a table, and what the incidents come to. The
// table is valid until the next write. The board is that of the tick after the
// one that was written last, unless that was before a reset.
func (d *decisions) write(at time.Time, board *tiering.Board, incidents incident.Memory) (table, digest []byte) {
	impacts := board.Impacts
	d.moved = d.moved[:0]
	if len(d.rows) != len(impacts) {
		d.rows, d.slacks = make([]tiering.Impact, len(impacts)), make([]tiering.Slack, len(impacts))
		for i := range impacts {
			d.take(at, impacts, i)
		}
	} else {
		for _, i := range board.Moved {
			im, row := &impacts[i], &d.rows[i]
			if !row.At.IsZero() || !im.At.Equal(at) || !lasts(row.Slack, im.Slack, at) || !d.sharing(row, im) {
				d.take(at, impacts, i)
			}
		}
	}
	d.buf = d.impacts.Append(d.buf[:0], at, d.rows, d.moved)
	return d.buf, d.digest(at, incidents)
}

// take takes up an impact as it is written.
func (d *decisions) take(at time.Time, impacts []tiering.Impact, i int) {
	im, row := &impacts[i], &d.rows[i]
	*row = *im
	if im.At.Equal(at) {
		row.At = time.Time{}
	}
	if im.Slack != nil {
		d.slacks[i] = lasting(*im.Slack, at)
		row.Slack = &d.slacks[i]
	}
	d.moved = append(d.moved, i)
}

// lasting is a slack as it is written: with the instant of the tick added to what
// is left, which does not change while nothing but time goes by.
func lasting(s tiering.Slack, at time.Time) tiering.Slack {
	s.Left += time.Duration(at.UnixNano())
	return s
}

// passing is the slack at a tick that was written as lasting.
func passing(s tiering.Slack, at time.Time) tiering.Slack {
	s.Left -= time.Duration(at.UnixNano())
	return s
}

// lasts reports whether what was written of a slack still says it at a tick.
func lasts(written, now *tiering.Slack, at time.Time) bool {
	if written == nil || now == nil {
		return written == now
	}
	return *written == lasting(*now, at)
}

// digest names the incidents that a tick may have changed; nothing when there
// are none.
func (d *decisions) digest(at time.Time, m incident.Memory) []byte {
	var rows []incident.Incident
	for _, inc := range m.Open {
		rows = append(rows, *inc)
	}
	for _, inc := range slices.Backward(m.Closed) {
		if !inc.Recovered.Equal(at) {
			break
		}
		rows = append(rows, *inc)
	}
	if len(rows) == 0 {
		return nil
	}
	d.incidents.Reset()
	sum := sha256.Sum256(d.incidents.Append(nil, at, rows, nil))
	return sum[:16]
}
