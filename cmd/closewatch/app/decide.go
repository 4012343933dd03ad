package app

import (
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A decider turns what is published at a tick into all that is known and
// decided at it. It reads no clock and does no I/O: the daemon, a scenario and a
// replay give it the same and get the same. It is not safe for concurrent use.
type decider struct {
	*judge
	declared     []estate.Component
	environments []string
	calendars    *calendars
	signals      *signal.Evaluator
	metricOf     map[string]string // what each signal is read from
	locks        *lockWatch
	sight        *sightBook
	components   *componentBook
	objectives   *objectives
	assembler    *assembler
}

// A given is what a tick is decided on.
type given struct {
	published signal.Published
	flows     flowEvidence
	told      Told // since the tick before
	warm      bool // enough has been seen to judge incidents: what stood before stays frozen until then
}

// newDecider returns a decider without memory.
func newDecider(p *Plan, cals *calendars) (*decider, error) {
	e, scale, tick := p.Estate, p.Estate.Timing.Scale, p.Estate.Timing.Tick.D()
	d := &decider{
		judge: newJudge(p.holds(), p.rules(), memory{}), declared: e.Components, calendars: cals, locks: newLockWatch(), sight: newSightBook(), components: &componentBook{},
	}
	d.config, d.calendar = e.Hash, cals.hash
	definitions := p.signals(scale)
	var err error
	if d.signals, err = signal.NewEvaluator(definitions); err != nil {
		return nil, err
	}
	d.signals.Expect(p.subjects())
	d.metricOf = metricsOf(definitions)
	subjects := resolveSubjects(e, p.tenants, p.scheduled)
	for _, s := range subjects {
		if !slices.Contains(d.environments, s.key.Environment) {
			d.environments = append(d.environments, s.key.Environment)
		}
	}
	if d.objectives, err = newObjectives(subjects, tick, scale); err != nil {
		return nil, err
	}
	places := make(map[tiering.Key]int, len(subjects))
	for i := range subjects {
		places[subjects[i].key] = i
	}
	d.assembler = &assembler{
		subjects: subjects, places: places, calendars: cals, work: expected.New(max(scaled(workGrace, scale), 3*tick)),
		beyond: map[tiering.Key]time.Time{}, ledger: map[ledgerKey]*postings{}, journals: map[ledgerKey]*journal{},
	}
	return d, nil
}

// decide returns the tick at an instant of the grid, which is after the one
// before.
func (d *decider) decide(at time.Time, in given) *Tick {
	locks := d.locks.findings(at, in.published, d.calendars)
	work := d.assembler.expect(at, in.published)
	s := d.assembler.besides(at, in.published, work)
	in.told.Noticed = d.noticer.notice(at, s)
	d.signals.Close(d.assembler.inClose(at))
	blind, lacking := d.sight.blind(at, s), d.objectives.lacking(at, s)
	readings := d.signals.Evaluate(at, slices.Concat(s.All(maps.Values(d.metricOf)), locks, blind, lacking))
	components := d.components.states(at, d.declared, readings)
	events := slices.Clone(d.objectives.observe(at, s, components, d.assembler))
	t := &Tick{
		At: at, Warm: in.warm, Told: in.told, Readings: readings, Components: worstFirst(components), Locks: locks, Environments: d.environments,
		Evidence: d.assembler.evidence(at, s, work, components, d.objectives, in.flows), Events: events, Objectives: d.objectives.states(at),
		Places: d.calendars.places(at, d.assembler.subjects), Doubts: d.calendars.doubts(at), NotFollowed: d.assembler.work.NotFollowed(),
		places: d.assembler.places,
	}
	d.sight.look(at, t.Evidence)
	d.assembler.unusual(t.Evidence, readings, s)
	t.Blind, t.Lacking = blind, lacking
	d.assembler.complete(at, d.calendars.around(at), readings, t.Evidence)
	d.assembler.relate(at, t.Evidence, remember(d.changes, t.Told.changes(), at))
	d.judge.decide(t)
	t.Incidents = copyIncidents(d.incidents.All())
	return t
}

// A judge decides on the evidence of a tick: which impacts stand, and which
// incidents they make. What it remembers is what a restart takes up.
type judge struct {
	holds     tiering.Holds
	rules     tiering.Rules
	tiers     *tiering.Engine
	incidents *incident.Manager
	changes   []Change // known, newest first
	noticer   noticer
	config    string // hash of the estate's file
	calendar  string // hash of the calendar
	now       *Tick  // being decided: the incidents' recovery checks read it
}

// newJudge returns a judge that takes up what stood.
func newJudge(holds tiering.Holds, rules tiering.Rules, m memory) *judge {
	j := &judge{holds: holds, rules: rules, tiers: tiering.NewEngine(holds, rules)}
	j.incidents = incident.NewManager(incident.Settings{
		Settle: holds.Settle,
		Checks: func(inc *incident.Incident) []incident.Check { return recoveryChecks(j.now, inc) },
		Risk:   func(k tiering.Key) incident.Risk { return riskOf(j.now, k) },
	})
	j.restore(m)
	return j
}

// restore takes up what stood.
func (j *judge) restore(m memory) {
	j.tiers.Restore(m.Standing)
	j.incidents.Restore(m.Incidents)
	j.changes = m.Changes
	j.noticer.last = maps.Clone(m.Noticed)
}

// memory is what stands now.
func (j *judge) memory(at time.Time) memory {
	return memory{At: at, Standing: j.tiers.Memory(), Incidents: j.incidents.Memory(), Changes: j.changes, Noticed: maps.Clone(j.noticer.last), Config: j.config}
}

// decide adds to a tick what its evidence and what was told come to.
func (j *judge) decide(t *Tick) {
	j.now, t.Rules = t, j.rules
	j.changes = remember(j.changes, t.Told.changes(), t.At)
	t.Changes = j.changes
	if t.board == nil {
		t.board = &tiering.Board{}
		j.tiers.StepInto(t.board, t.At, t.Evidence)
	} else {
		j.tiers.StepChanged(t.board, t.At, t.Evidence, t.changed)
	}
	t.Impacts = t.board.Impacts
	j.cite(t)
	for _, ack := range t.Told.Acknowledgements {
		j.incidents.Acknowledge(ack.At, ack.Incident, ack.By)
	}
	if t.Warm {
		j.incidents.Step(t.At, t.Impacts)
	}
}

// holds are the times that keep a verdict from flickering in this estate.
func (p *Plan) holds() tiering.Holds { return tiering.DefaultHolds().Scale(p.Estate.Timing.Scale) }

// rules are the numbers decisions are made by in this estate.
func (p *Plan) rules() tiering.Rules { return tiering.DefaultRules().Scale(p.Estate.Timing.Scale) }
