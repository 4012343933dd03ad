package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/delta"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A recorded is a tick as it was recorded. Its lists are valid until the next
// one is read.
type recorded struct {
	tickrecord.Record
	heading
	start      []byte // what stood before, packed; nil of a payload that is not whole
	adrift     bool   // the payload it builds on is lost: nothing below is known
	events     []counted
	evidence   []tiering.Evidence
	changed    []int  // the subjects whose evidence is not that of the tick before, rising
	impacts    []byte // as decisions writes them
	decided    []tiering.Impact
	incidents  []byte
	readings   []signal.Reading
	components []componentState
}

// parts says what is read of a payload besides its heading.
type parts uint8

const (
	withEvents   parts = 1 << iota
	withEvidence       // and components: what is decided on
	withReadings
	withImpacts
)

// A recordBook reads payloads in their order.
type recordBook struct {
	want       parts
	last       time.Time
	states     []componentState // of the components as last read
	heading    delta.Reader[heading]
	events     delta.Reader[counted]
	evidence   delta.Reader[tiering.Evidence]
	components delta.Reader[componentSeen]
	readings   delta.Reader[signal.Reading]
	impacts    delta.Reader[tiering.Impact]
}

// errPayload says that a payload is not what this program writes.
var errPayload = errors.New("the payload of a tick is not in a form this program knows")

// read reads the next payload. One that builds on a payload that was not read
// is adrift, and so are those after it until one is whole.
func (b *recordBook) read(rec tickrecord.Record) (*recorded, error) {
	p := rec.Payload
	if len(p) < 9 || p[0] != payloadVersion {
		return nil, &fault.Error{
			Op: "read the tick of " + rec.At.Format(time.RFC3339), Kind: fault.Schema, Err: errPayload,
			Hint: "run the version of closewatch that wrote it (" + rec.Version + "), or move the directory ticks away to begin a new record",
		}
	}
	r := &recorded{Record: rec}
	builtOn := time.Unix(0, int64(binary.LittleEndian.Uint64(p[1:]))).UTC() //nolint:gosec // the bits are what was kept
	var err error
	if r.start, p, err = cut(p[9:]); err == nil {
		if r.start == nil && !builtOn.Equal(b.last) {
			r.adrift = true
			return r, nil
		}
		err = b.parts(r, p)
	}
	if err != nil {
		b.last = time.Time{}
		return nil, fmt.Errorf("read the tick of %s: %w", rec.At.Format(time.RFC3339), err)
	}
	b.last = rec.At
	return r, nil
}

func (b *recordBook) parts(r *recorded, p []byte) (err error) {
	if p, err = table(p, true, &b.heading); err != nil {
		return err
	}
	if len(b.heading.Rows()) != 1 {
		return errPayload
	}
	r.heading = b.heading.Rows()[0]
	if p, err = table(p, b.want&withEvents != 0, &b.events); err != nil {
		return err
	}
	if p, err = table(p, b.want&withEvidence != 0, &b.evidence); err != nil {
		return err
	}
	if r.impacts, p, err = cut(p); err != nil {
		return err
	}
	if b.want&withImpacts != 0 {
		if err := r.decide(&b.impacts); err != nil {
			return err
		}
	}
	if r.incidents, p, err = cut(p); err != nil {
		return err
	}
	if p, err = table(p, b.want&withEvidence != 0, &b.components); err != nil {
		return err
	}
	if _, err = table(p, b.want&withReadings != 0, &b.readings); err != nil {
		return err
	}
	r.events, r.evidence, r.changed = b.events.Rows(), b.evidence.Rows(), b.evidence.Changed()
	if len(b.components.Changed()) > 0 || len(b.states) != len(b.components.Rows()) {
		b.states = nil
		for _, c := range b.components.Rows() {
			b.states = append(b.states, componentState{Name: c.Name, State: c.State, Checked: c.Checked})
		}
	}
	r.components, r.readings = b.states, b.readings.Rows()
	return nil
}

// decide reads what was decided at the tick.
func (r *recorded) decide(impacts *delta.Reader[tiering.Impact]) error {
	if _, err := impacts.Read(r.impacts); err != nil {
		return err
	}
	r.decided = slices.Clone(impacts.Rows())
	for i := range r.decided {
		if im := &r.decided[i]; im.At.IsZero() {
			im.At = r.At
		}
		if im := &r.decided[i]; im.Slack != nil {
			slack := passing(*im.Slack, r.At)
			im.Slack = &slack
		}
	}
	return nil
}

// cut takes a section off a payload; nil for one that is empty.
func cut(p []byte) (part, rest []byte, err error) {
	n, size := binary.Uvarint(p)
	if size <= 0 || n > uint64(len(p)-size) { //nolint:gosec // not negative
		return nil, nil, errPayload
	}
	if n == 0 {
		return nil, p[size:], nil
	}
	return p[size : size+int(n)], p[size+int(n):], nil //nolint:gosec // within p
}

// table reads the next section when it is wanted.
func table[T any](p []byte, wanted bool, r *delta.Reader[T]) (rest []byte, err error) {
	part, rest, err := cut(p)
	if err == nil && wanted {
		_, err = r.Read(part)
	}
	return rest, err
}

// tick is the tick that was recorded, for a judge to decide on.
func (r *recorded) tick() *Tick {
	return &Tick{At: r.At, Warm: r.Warm, Told: r.Told, Evidence: r.evidence, Components: r.components}
}

// reading yields the ticks of [from, …) among records that begin at least
// wholeEvery before it. Damage is yielded as an error that is
// durable.ErrDamaged, after which it goes on; any other error ends it.
func reading(records iter.Seq2[tickrecord.Record, error], from time.Time, want parts) iter.Seq2[*recorded, error] {
	return func(yield func(*recorded, error) bool) {
		b := &recordBook{want: want}
		for rec, err := range records {
			var r *recorded
			if err == nil {
				r, err = b.read(rec)
			}
			if err == nil && r.At.Before(from) {
				continue
			}
			if !yield(r, err) || err != nil && !errors.Is(err, durable.ErrDamaged) {
				return
			}
		}
	}
}

// readTicks yields the ticks of [from, to) in a directory that a daemon may be
// writing.
func readTicks(dir string, from, to time.Time, want parts) iter.Seq2[*recorded, error] {
	return reading(tickrecord.Read(dir, from.Add(-wholeEvery), to), from, want)
}
