package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/slo"
)

// A windowBook keeps what objectives counted over a restart: without it every
// window would be empty after one, and a burn that lasts would be forgotten.
//
// The windows are written down every few minutes and when the daemon stops. The
// ticks since are in the tick record and are counted again. When there is nothing
// that can be used, the windows are built of the ledger's cells.
type windowBook struct {
	path       string
	objectives *objectives
	saved      time.Time
}

const (
	// keepWindowsEvery is how often the windows are written down: a restart
	// counts so much of the tick record again, at most.
	keepWindowsEvery = 5 * time.Minute
	// longestTail is how much of the tick record a restart counts again rather
	// than use the ledger: what is exact to the tick.
	longestTail = 6 * time.Hour
	// ahead is how far the clock may have been set back: so long nothing is
	// counted. Beyond it, what was counted then is left out.
	ahead = 2 * keepWindowsEvery
)

// save writes the windows down when it is time, or now.
func (b *windowBook) save(at time.Time, now bool) error {
	o := b.objectives
	if o.engine.Now().IsZero() || !now && at.Sub(b.saved) < keepWindowsEvery {
		return nil
	}
	b.saved = at
	engine := o.engine.Snapshot(nil)
	content := append(binary.AppendUvarint(nil, uint64(len(engine))), engine...)
	return durable.WriteChecked(b.path, o.meter.Snapshot(content))
}

// errAhead says that a snapshot is of a time that has not come: the clock was
// ahead then, and nothing would be counted until it has come.
var errAhead = errors.New("it was written when the clock was ahead of what it is now")

// restore takes up what was counted before. What cannot be used is named, and
// the windows are built of what can.
func (b *windowBook) restore(now time.Time, r *rooms, log *slog.Logger) {
	counters, err := b.load(now, r.last)
	from := "snapshot"
	if err != nil {
		log.Error("what the windows of objectives held cannot be read; they are built of the ledger", "err", err)
	}
	o := b.objectives
	if o.engine.Now().IsZero() {
		from = "ledger"
		if err := o.rebuild(now, r.cells); err != nil {
			log.Error("the ledger cannot be read; windows of objectives begin with what can", "err", err)
		}
	} else if err := o.recall(r.cells); err != nil {
		log.Error("the ledger cannot be read; objectives that the snapshot does not know begin with what can", "err", err)
	}
	ticks, err := o.recount(now, r)
	if err != nil {
		log.Error("ticks since cannot be read; they count as not measured", "err", err)
	}
	if counters != nil {
		if err := o.meter.Restore(counters, o.engine.Now()); err != nil {
			log.Error("what counters showed is forgotten; they begin anew", "err", err)
		}
	}
	if at := o.engine.Now(); !at.IsZero() {
		log.Info("took up what objectives counted", "from", from, "objectives", len(o.engine.Objectives()), "ticks_recounted", ticks, "up_to", at)
	}
}

// load reads the snapshot into the engine, and returns that of the counters. The
// engine is empty after an error, and where there is no snapshot or one so old
// that the ledger is better.
func (b *windowBook) load(now, last time.Time) (counters []byte, err error) {
	content, found, err := durable.ReadChecked(b.path)
	if err != nil || !found {
		return nil, err
	}
	n, size := binary.Uvarint(content)
	if size <= 0 || n > uint64(len(content)-size) { //nolint:gosec // not negative
		return nil, fmt.Errorf("%s: %w", b.path, slo.ErrFormat)
	}
	o := b.objectives
	windows, counters := content[size:size+int(n)], content[size+int(n):] //nolint:gosec // checked above
	if err := o.engine.Restore(windows); err != nil {
		return counters, err
	}
	switch at := o.engine.Now(); {
	case at.Sub(now) > ahead:
		o.engine.Clear()
		return nil, fmt.Errorf("%s: %w", b.path, errAhead)
	case last.Sub(at) > longestTail:
		o.engine.Clear()
	}
	return counters, nil
}

// rebuild builds the windows of the ledger's cells.
func (o *objectives) rebuild(now time.Time, cells *ledger.Ledger) error {
	to := cells.Committed()
	if to.IsZero() || to.After(now) {
		to = now.Truncate(ledger.CellWidth)
	}
	index := map[string]int{}
	for i, obj := range o.engine.Objectives() {
		index[obj.ID] = i
	}
	found, failed := false, error(nil)
	o.engine.Rebuild(to, pastOf(cells, to, index, &found, &failed))
	if !found {
		o.engine.Clear()
	}
	return failed
}

// recall builds the windows of those objectives that the snapshot did not know of
// the ledger's cells: one that comes back, or that another daemon followed.
func (o *objectives) recall(cells *ledger.Ledger) error {
	index := map[string]int{}
	for _, i := range o.engine.Fresh() {
		index[o.engine.Objectives()[i].ID] = i
	}
	if len(index) == 0 {
		return nil
	}
	found, failed := false, error(nil)
	o.engine.Recall(pastOf(cells, o.engine.Now(), index, &found, &failed))
	return failed
}

// pastOf is what the ledger has of objectives in the thirty days up to an
// instant. It says whether there was any, and what could not be read.
func pastOf(cells *ledger.Ledger, to time.Time, index map[string]int, found *bool, failed *error) iter.Seq[slo.Past] {
	return func(yield func(slo.Past) bool) {
		for c, err := range cells.Every(to.Add(-slo.Period-time.Hour).Truncate(ledger.CellWidth), to) {
			if err != nil {
				*failed = err
				return
			}
			i, ours := index[c.Objective]
			if !ours {
				continue
			}
			*found = true
			if !yield(slo.Past{
				Objective: i, End: c.Start.Add(ledger.CellWidth), Width: ledger.CellWidth,
				Bad: c.Raw.Bad, Total: c.Raw.Total, Observed: c.Observed, Expected: c.Expected,
			}) {
				return
			}
		}
	}
}

// recount counts the recorded ticks that the engine has not counted yet.
func (o *objectives) recount(now time.Time, r *rooms) (ticks int, err error) {
	if r.last.IsZero() {
		return 0, nil
	}
	index := map[string]int{}
	for i, obj := range o.engine.Objectives() {
		index[obj.ID] = i
	}
	from := o.engine.Now()
	if from.IsZero() {
		from = r.last.Add(-2 * ledger.CellWidth)
	}
	from = from.Add(1)
	for rec, err := range reading(r.ticks.Read(from.Add(-wholeEvery), r.last.Add(1)), from, withEvents) {
		if err != nil && !errors.Is(err, durable.ErrDamaged) {
			return ticks, err
		}
		if err != nil || rec.adrift || rec.At.Sub(now) > ahead || !o.engine.Advance(rec.At) {
			continue // what is damaged has been said
		}
		ticks++
		for _, c := range rec.events {
			if i, ours := index[c.Objective]; ours {
				o.engine.Observe(i, slo.Event{Bad: c.Bad, Total: c.Total, Observed: c.Observed})
			}
		}
	}
	return ticks, nil
}
