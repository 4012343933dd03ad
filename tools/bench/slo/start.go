package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/closewatch/closewatch/internal/delta"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/signal"
	engine "github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tickrecord"
)

// started is what a start took, for so many objectives.
type started struct {
	slos     int
	snapshot int // bytes
	warm     time.Duration
	cold     time.Duration
}

// per1000 is a duration for a thousand objectives, in milliseconds.
func (s started) per1000(d time.Duration) float64 {
	return d.Seconds() * 1e3 * 1000 / float64(s.slos)
}

// tail is how many recorded ticks a start counts again: those of five minutes.
const tail = 10

// whole is how many ticks before those a tick is that others build on: half an
// hour, the mean of a record in which one is every hour.
const whole = 60

// An observed is what the tick record keeps of an objective.
type observed struct {
	Objective  string
	Observed   bool
	Bad, Total uint64
}

// start measures taking up thirty days of objectives from a snapshot and the
// ticks since, and from a ledger. Reading both from disk is part of it.
func start(dir string, slos int, history time.Duration) (s started, err error) {
	s.slos = slos
	cells, err := writeLedger(filepath.Join(dir, "ledger"), slos, history)
	if err != nil {
		return s, err
	}
	d, err := newDaemon(slos)
	if err != nil {
		return s, err
	}
	began := processCPU()
	if err := d.rebuild(cells, history); err != nil {
		return s, err
	}
	s.cold = processCPU() - began
	if err := cells.Close(); err != nil {
		return s, err
	}
	f := newFeed(slos)
	samples := f.samples()
	at := end()
	next := func() {
		at = at.Add(step)
		f.next()
		f.show(at, samples)
		d.tick(at, func(string) []signal.Sample { return samples })
	}
	log, _, err := tickrecord.Open(tickrecord.Options{Dir: filepath.Join(dir, "ticks"), Grid: step})
	if err != nil {
		return s, err
	}
	table, err := delta.NewWriter[observed]()
	if err != nil {
		return s, err
	}
	for range whole {
		next()
		if err := d.record(log, table, at); err != nil {
			return s, err
		}
	}
	windows, counters := filepath.Join(dir, "windows"), filepath.Join(dir, "counters")
	snapshot := d.engine.Snapshot(nil)
	s.snapshot = len(snapshot)
	if err := durable.WriteChecked(windows, snapshot); err != nil {
		return s, err
	}
	if err := durable.WriteChecked(counters, d.meter.Snapshot(nil)); err != nil {
		return s, err
	}
	for range tail {
		next()
		if err := d.record(log, table, at); err != nil {
			return s, err
		}
	}
	again, err := newDaemon(slos)
	if err != nil {
		return s, err
	}
	began = processCPU()
	if err := again.restore(windows, counters, log, at); err != nil {
		return s, err
	}
	s.warm = processCPU() - began
	for i := range slos {
		if d.engine.State(i).Period != again.engine.State(i).Period {
			return s, fmt.Errorf("objective %d: a start changed what was counted", i)
		}
	}
	return s, log.Close()
}

// record keeps what a tick counted.
func (d *daemon) record(log *tickrecord.Log, table *delta.Writer[observed], at time.Time) error {
	events := make([]observed, len(d.events))
	for i, ev := range d.events {
		events[i] = observed{d.engine.Objectives()[i].ID, ev.Observed, ev.Bad, ev.Total}
	}
	return log.Append(tickrecord.Record{At: at, Payload: table.Append(nil, at, events, nil)})
}

func (d *daemon) restore(windows, counters string, log *tickrecord.Log, last time.Time) error {
	snapshot, _, err := durable.ReadChecked(windows)
	if err != nil {
		return err
	}
	if err := d.engine.Restore(snapshot); err != nil {
		return err
	}
	places := map[string]int{}
	for i, o := range d.engine.Objectives() {
		places[o.ID] = i
	}
	var table delta.Reader[observed]
	for rec, err := range log.Read(d.engine.Now().Add(-whole*step), last.Add(1)) {
		if err != nil {
			return err
		}
		if _, err := table.Read(rec.Payload); err != nil {
			return err
		}
		if !d.engine.Advance(rec.At) {
			continue
		}
		for _, ev := range table.Rows() {
			d.engine.Observe(places[ev.Objective], engine.Event{Bad: ev.Bad, Total: ev.Total, Observed: ev.Observed})
		}
	}
	shown, _, err := durable.ReadChecked(counters)
	if err != nil {
		return err
	}
	return d.meter.Restore(shown, d.engine.Now())
}

// writeLedger fills a ledger with a history that ends with end, in ticks of a
// cell each.
func writeLedger(dir string, slos int, history time.Duration) (*ledger.Ledger, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	l, _, err := ledger.Open(ledger.Options{Dir: dir, Grid: ledger.CellWidth, Disk: durable.Disk{Create: unsynced}})
	if err != nil {
		return nil, err
	}
	observations := make([]ledger.Observation, slos)
	for i := range observations {
		observations[i] = ledger.Observation{
			Objective: objectiveID(i), Observed: true, Total: 1000, Bad: uint64(i % 3),
			Context: ledger.Context{Phase: "normal", Calendar: "k", Config: "c"},
		}
	}
	for at := end().Add(-history); !at.After(end()); at = at.Add(ledger.CellWidth) {
		if err := l.Observe(at, observations); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (d *daemon) rebuild(cells *ledger.Ledger, history time.Duration) error {
	places := map[string]int{}
	for i, o := range d.engine.Objectives() {
		places[o.ID] = i
	}
	var failed error
	d.engine.Rebuild(end(), func(yield func(engine.Past) bool) {
		for c, err := range cells.Every(end().Add(-history), end()) {
			if failed = err; err != nil || !yield(engine.Past{
				Objective: places[c.Objective], End: c.Start.Add(ledger.CellWidth), Width: ledger.CellWidth,
				Bad: c.Raw.Bad, Total: c.Raw.Total, Observed: c.Observed, Expected: c.Expected,
			}) {
				return
			}
		}
	})
	return failed
}

// unsynced makes files whose content the operating system writes when it likes:
// how long a disk takes to fill a ledger is not what is measured.
func unsynced(dir, pattern string) (durable.File, error) {
	f, err := os.CreateTemp(dir, pattern)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ *os.File }

func (unsyncedFile) Sync() error { return nil }
