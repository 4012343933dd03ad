package app

import (
	"context"
	"slices"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Tick is everything that was known and decided at one instant of the grid.
// It is immutable: pages, metrics and explanations read the newest one.
type Tick struct {
	At           time.Time
	Warm         bool // incidents were judged: enough has been seen since the start
	Readings     []signal.Reading
	Components   []componentState // worst first
	Evidence     []tiering.Evidence
	Impacts      []tiering.Impact // in the order of Evidence
	board        *tiering.Board   // that they stand on; when it is that of the tick before,
	changed      []int            // the subjects whose evidence is not what it was then, rising; nil when nobody knows
	Objectives   []objectiveState
	Events       []counted            // what each objective counted since the tick before
	Told         Told                 // what people and pipelines told since the tick before
	Changes      []Change             // known, newest first
	Incidents    []*incident.Incident // open and remembered, newest first
	Environments []string
	Places       []entityPlace   // where each entity is in its calendar
	Doubts       map[string]int  // about each calendar
	NotFollowed  int             // series of expected work
	Locks        []signal.Sample // what differs between lock dates and close plans
	Blind        []signal.Sample // what is not measured, and since when
	Lacking      []signal.Sample // objectives that cannot be measured: no bucket ends at their threshold

	Traces map[tiering.Key]string       // how what stands was reached
	Before map[tiering.Key]tiering.Tier // what stood at the tick before

	Rules  tiering.Rules       // that it was decided by
	places map[tiering.Key]int // in Evidence; not all need be there
}

// run ticks on the grid until ctx is done.
func (a *App) run(ctx context.Context) {
	for {
		now := a.now()
		next := now.Truncate(a.tick).Add(a.tick).UTC() // replay reads UTC from the record
		select {
		case <-ctx.Done():
			a.keepWork(now, true)
			a.keepWindows(now, true)
			return
		case <-time.After(next.Sub(now)):
		}
		a.step(next) //nolint:contextcheck // a tick is decided and recorded whole, also while stopping
	}
}

// step decides one tick. A fault in one part is logged and leaves the others
// working: the store being full must not silence an alert.
func (a *App) step(at time.Time) {
	began := a.now()
	t := a.decide(at, given{published: a.runner.Sampled(at, a.probes).Named, flows: a.flows, told: a.inbox.peek(), warm: a.warm(at)})
	if t.Warm || !t.Told.empty() { // what was told is forgotten by the inbox once this tick is recorded
		if err := a.memory(at).save(a.data.Join("state", "incidents.json")); err != nil {
			a.log.Error("cannot keep incidents; a restart now would page again", "err", err)
		}
		if err := a.data.Touch(at); err != nil {
			a.log.Error("cannot keep when the data directory was used", "err", err)
		}
	}
	a.keepWork(at, false)
	a.keepWindows(at, false)
	var firing []delivery.Alert
	if t.Warm {
		firing = a.alerts(t)
		if err := a.outbox.Publish(at, firing); err != nil {
			a.log.Error("cannot keep alerts", "err", err)
		}
	}
	a.engine.last.Store(t)
	a.meter.observe(t)
	a.prove(t)
	a.write(t, firing)
	a.record(at)
	a.own.tick(a.now().Sub(began))
}

// keepWork writes the ledger of expected work down when it is time, or now.
func (a *App) keepWork(at time.Time, now bool) {
	if err := a.workBook.save(at, now); err != nil {
		a.log.Error("cannot keep what work is usual; after a restart today counts as not measured", "err", err)
	}
}

// keepWindows writes the windows of objectives down when it is time, or now.
func (a *App) keepWindows(at time.Time, now bool) {
	if err := a.windows.save(at, now); err != nil {
		a.log.Error("cannot keep the windows of objectives; a restart counts more of the tick record again", "err", err)
	}
}

// write keeps what the tick was decided on, what was decided, and what is
// different from the tick before.
func (a *App) write(t *Tick, firing []delivery.Alert) {
	recorded := a.rooms.record(t, a.judge)
	if recorded {
		a.upkeep.recordedAt(t.At)
		if err := a.inbox.done(t.Told); err != nil {
			a.log.Error("cannot forget what was told and is decided on; it is told again after a restart", "err", err)
		}
	}
	if !recorded || a.rooms.dueWhole(t.At) {
		a.rooms.startFrom(a.memory(t.At))
	}
	a.rooms.chronicle.happened(t, firing, newRuns(a.history, a.rooms.chronicle.toldOf))
}

// warm reports whether enough has been seen to judge: right after a start
// nothing has been measured, and what stood before stays frozen.
func (a *App) warm(at time.Time) bool { return at.Sub(a.started) >= a.warmup }

// record appends everything published to the store.
func (a *App) record(at time.Time) {
	families, err := a.gather()
	if err != nil {
		a.log.Warn("some metrics cannot be recorded", "err", err)
	}
	if err := a.store.Append(at, families); err != nil {
		a.log.Error("cannot record samples", "err", err)
	} else {
		a.upkeep.storedAt(at)
	}
}

// copyIncidents makes incidents that later ticks do not change. Those that are
// over do not.
func copyIncidents(in []*incident.Incident) []*incident.Incident {
	out := make([]*incident.Incident, len(in))
	for i, inc := range in {
		out[i] = inc
		if !inc.Open() {
			continue
		}
		c := *inc
		c.Members = slices.Clone(inc.Members)
		for n := range c.Members {
			c.Members[n].Alerts = slices.Clone(c.Members[n].Alerts)
		}
		c.Timeline = slices.Clone(inc.Timeline)
		c.Checks = slices.Clone(inc.Checks)
		c.Escalations, c.Later = slices.Clone(inc.Escalations), slices.Clone(inc.Later)
		out[i] = &c
	}
	return out
}
