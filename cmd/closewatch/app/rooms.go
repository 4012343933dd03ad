package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/internal/tickrecord"
)

// rooms are what is kept in the data directory besides metrics: the tick
// record, the objective ledger and the evidence log. What was damaged is named
// and set aside; the daemon works all the same.
type rooms struct {
	tick      time.Duration
	now       func() time.Time
	log       *slog.Logger
	keep      estate.Store
	version   string
	hashes    ledger.Context // configuration and calendar in force; Phase is each tick's
	ticks     *tickrecord.Log
	cells     *ledger.Ledger
	evidence  *evidence.Log
	chronicle *chronicle

	tail     []recordedTick // whose cell was not committed when the run before ended
	began    bool
	scribe   *scribe
	start    []byte    // what stood before the next tick, when its record is to be whole
	whole    time.Time // the newest record that is
	last     time.Time // the newest tick; of the run before, at first
	lastSeen time.Time // when it was decided, with the monotonic clock; zero before the first
	behind   bool      // the clock is behind what is recorded: said once
}

// openRooms opens what is kept. dir joins a path inside the data directory.
func openRooms(dir func(...string) string, tick time.Duration, s Settings, hashes ledger.Context, own *telemetry.Own) (*rooms, error) {
	r := &rooms{tick: tick, now: s.Now, log: s.Log, keep: s.Plan.Estate.Store, version: s.Version, hashes: hashes}
	var err error
	if r.scribe, err = newScribe(); err != nil {
		return nil, err
	}
	r.evidence, err = evidence.Open(evidence.Settings{Dir: dir("evidence"), KeyFile: dir("state", "pseudonyms.key"), Now: s.Now, Version: s.Version})
	if err != nil {
		return nil, err
	}
	r.chronicle = newChronicle(r.evidence, s.Log, own)
	for _, f := range r.evidence.Opening().Findings {
		s.Log.Error("the evidence log is damaged; it stays as it is and goes on in a new file", "finding", f.String(), "hint", "run closewatch evidence verify on the data directory")
	}
	ticks, damage, err := tickrecord.Open(tickrecord.Options{Dir: dir("ticks"), Grid: tick, Age: r.keep.Ticks.D(), Now: s.Now})
	if err != nil {
		return r, fault.Wrap("open the tick record", err, "move the directory ticks away to begin a new one")
	}
	r.ticks = ticks
	for i := range damage {
		r.damaged("ticks", &damage[i])
	}
	cells, found, err := ledger.Open(ledger.Options{Dir: dir("ledger"), Grid: tick, Age: r.keep.Ledger.D(), Now: s.Now})
	if err != nil {
		return r, fault.Wrap("open the objective ledger", err, "move the directory ledger away to begin a new one")
	}
	r.cells = cells
	for _, err := range found {
		r.damaged("ledger", err)
	}
	if last, found, err := r.ticks.Last(); err != nil {
		r.damaged("ticks", err)
	} else if found {
		r.last = last.At
	}
	return r, r.takeUp()
}

// damaged says that something kept is not what was written.
func (r *rooms) damaged(room string, err error) {
	r.log.Error("something kept was damaged; it is set aside and the daemon goes on", "room", room, "err", err)
	refs := map[string]string{"room": room}
	if d, ok := errors.AsType[*durable.DamageError](err); ok {
		refs["offset"] = strconv.FormatInt(d.Offset, 10)
		if n, known := d.Lost(); known {
			refs["records_lost"] = strconv.FormatUint(n, 10)
		}
	}
	r.chronicle.tell(evidence.Entry{Class: evidence.Damaged, Action: "damage-found", Refs: refs, Digest: evidence.Digest([]byte(err.Error()))})
}

// takeUp counts again the ticks that were recorded and whose cell was not
// committed when the run before ended.
func (r *rooms) takeUp() error {
	if r.last.IsZero() {
		return nil
	}
	from := r.cells.Committed()
	if from.IsZero() { // nothing is committed yet: the first cell was open
		from = r.last.Add(-2 * ledger.CellWidth)
	}
	from = from.Add(1)
	for rec, err := range reading(r.ticks.Read(from.Add(-wholeEvery), r.last.Add(1)), from, withEvents) {
		if err != nil && !errors.Is(err, durable.ErrDamaged) {
			return err
		}
		if err != nil {
			r.damaged("ticks", err)
			continue
		}
		if rec.adrift {
			continue // what it builds on was damaged, which has been said
		}
		r.tail = append(r.tail, recordedTick{rec.At, slices.Clone(rec.events)})
		if err := r.cells.Observe(rec.At, observations(rec.events, ledger.Context{Calendar: rec.Calendar, Config: rec.Config})); err != nil {
			return err
		}
	}
	return nil
}

func observations(events []counted, in ledger.Context) []ledger.Observation {
	out := make([]ledger.Observation, len(events))
	for i, ev := range events {
		in.Phase = string(ev.Phase)
		out[i] = ledger.Observation{Objective: ev.Objective, Observed: ev.Observed, Bad: ev.Bad, Total: ev.Total, Excluded: ev.Excluded, Context: in}
	}
	return out
}

// begin says that the daemon runs, from what stood before.
func (r *rooms) begin(m memory) {
	r.began = true
	r.startFrom(m)
	r.chronicle.stood(m)
	r.chronicle.tell(evidence.Entry{
		Class: evidence.System, Action: evidence.Start,
		Refs: stated(map[string]string{"version": r.version, "config": r.hashes.Config, "calendar": r.hashes.Calendar, "last_tick": instant(r.last)}),
	})
}

// startFrom has the next record be whole and say what stood before it: replay
// begins there.
func (r *rooms) startFrom(m memory) {
	var err error
	if r.start, err = m.pack(); err != nil {
		r.log.Error("cannot write down what stood", "err", err)
	}
}

// gap is what was not watched before a tick.
func (r *rooms) gap(at time.Time) (evidence.Gap, bool) {
	now := r.now()
	defer func() { r.last, r.lastSeen = at, now }()
	if r.lastSeen.IsZero() {
		return evidence.DeriveGap(r.last, at, r.tick, r.evidence.Opening().StoppedCleanly())
	}
	return evidence.DeriveRunningGap(r.last, at, r.tick, now.Sub(r.lastSeen), 0)
}

// record keeps a tick: everything it was decided on, what was decided, and what
// each objective counted. It reports whether the tick is on disk; when it is not,
// the next record has to say what stood before it.
func (r *rooms) record(t *Tick, j *judge) bool {
	if g, missed := r.gap(t.At); missed {
		r.chronicle.tell(g.Entry())
		r.log.Warn("nothing was watched for a while", "from", g.From, "to", g.To, "reason", string(g.Reason), "ticks_missed", g.Missed)
	}
	_, head := r.evidence.Head()
	whole := len(r.start) > 0
	err := r.ticks.Append(tickrecord.Record{
		At: t.At, Config: r.hashes.Config, Calendar: r.hashes.Calendar, Version: r.version, Evidence: head, Payload: r.scribe.write(t, j, r.tick, r.start),
	})
	if err == nil {
		if whole {
			r.start, r.whole = nil, t.At
		}
		err = r.cells.Observe(t.At, observations(t.Events, r.hashes))
	}
	if back := clockBack(err); back {
		if !r.behind {
			r.log.Error("the clock is behind what is recorded; ticks are not recorded until it has caught up", "err", err)
			r.chronicle.tell(evidence.Entry{Class: evidence.System, Action: "clock-behind", Refs: map[string]string{"tick": instant(t.At), "last": instant(r.last)}})
		}
		r.behind = true
		return false
	}
	r.behind = false
	if err != nil {
		r.log.Error("cannot record the tick", "err", err)
	}
	return err == nil
}

// dueWhole reports whether the record after a tick is to be whole.
func (r *rooms) dueWhole(at time.Time) bool { return at.Sub(r.whole) >= wholeEvery-r.tick }

func clockBack(err error) bool {
	if _, ok := errors.AsType[*tickrecord.ClockBackError](err); ok {
		return true
	}
	_, ok := errors.AsType[*ledger.ClockBackError](err)
	return ok
}

// housekeeping is how often what is kept is bounded and looked at.
const housekeeping = time.Hour

// tidy bounds what is kept, at once and every hour, and reads all of it
// through once a day: damage is found before somebody needs what is damaged.
func (r *rooms) tidy(ctx context.Context, space func()) {
	scrub := 0
	for {
		r.bound(ctx)
		space()
		if scrub--; scrub < 0 {
			r.scrub(ctx)
			scrub = 24
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(housekeeping):
		}
	}
}

func (r *rooms) bound(ctx context.Context) {
	now := r.now()
	if _, err := r.ticks.Retain(now); err != nil {
		r.log.Warn("old ticks cannot be removed", "err", err)
	}
	if _, err := r.cells.Retain(now); err != nil {
		r.log.Warn("old cells cannot be removed", "err", err)
	}
	if removed, err := r.evidence.Retain(ctx, now.Add(-r.keep.Evidence.D())); err != nil && ctx.Err() == nil {
		r.log.Warn("old evidence cannot be removed", "err", err)
	} else if removed.Segments > 0 {
		r.log.Info("evidence beyond its retention was removed", "segments", removed.Segments, "up_to", removed.LastSeq)
	}
}

// toldOf takes a run as told that had ended before the newest tick of the run
// before. What ended later is told at the next tick: perhaps twice, never not
// at all.
func (r *rooms) toldOf(run flow.Run) {
	if !run.Ended().After(r.last) {
		r.chronicle.runs[flow.SeriesOf(run)] = run
	}
}

func (r *rooms) scrub(ctx context.Context) {
	found, err := r.ticks.Scrub(ctx)
	for i := range found {
		r.damaged("ticks", &found[i]) //nolint:contextcheck // evidence is written whole, also while stopping
	}
	bad, err2 := r.cells.Scrub(ctx)
	for _, d := range bad {
		r.damaged("ledger", d) //nolint:contextcheck // evidence is written whole, also while stopping
	}
	if err := errors.Join(err, err2); err != nil && ctx.Err() == nil {
		r.log.Warn("what is kept cannot be read through", "err", err)
	}
}

// close says that the daemon stops, and closes what is kept.
func (r *rooms) close() error {
	var errs []error
	if r.began {
		r.chronicle.tell(evidence.Entry{Class: evidence.System, Action: evidence.Stop, Refs: stated(map[string]string{"last_tick": instant(r.last)})})
	}
	if r.ticks != nil {
		errs = append(errs, r.ticks.Close())
	}
	if r.cells != nil {
		errs = append(errs, r.cells.Close())
	}
	return errors.Join(append(errs, r.evidence.Close())...)
}

// newRuns are the runs of every series since the tick before, oldest first.
func newRuns(h *flow.History, after func(flow.Series) time.Time) []flow.Run {
	var out []flow.Run
	for _, s := range h.Series() {
		runs := h.Runs(s) // newest first
		since := after(s)
		n := 0
		for n < len(runs) && runs[n].Started.After(since) {
			n++
		}
		for i := n - 1; i >= 0; i-- {
			out = append(out, runs[i])
		}
	}
	return out
}
