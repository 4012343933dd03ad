package app

import (
	"iter"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
	"github.com/closewatch/closewatch/internal/tiering"
)

// objectives are those of every subject that something here measures: what
// feeds each, its burn windows and its budgets. An objective is a tenant's: an
// ingress line does not know the company, and flows run in one of their own.
// Each entity of the tenant has the same events, and budgets by its own calendar.
type objectives struct {
	tick    time.Duration
	engine  *slo.Engine
	meter   *slo.Meter // of the selectors of indicators
	gauges  gaugeBook
	counts  []slo.Event
	tracked []*tracked
	of      map[group][]int // in tracked
	last    time.Time       // newest tick
	look    looking         // at the newest tick
	scratch scratch
	room    stateRoom // of the newest states
}

// A scratch is room for what is worked out and forgotten within a tick.
type scratch struct {
	counted []counted
	places  []calendar.Place
	values  []float64
	state   slo.State
	own     []slo.CriticalBurn
	burns   []tiering.Burn
}

// A tracked objective is one that is measured, by one source.
type tracked struct {
	slo.Objective
	is              process.Objective
	environment     string
	about           []subject            // one for each entity
	components      []string             // that its process needs: their maintenance is its own
	burns           int                  // its index in the engine; -1 has no burn windows
	outside         process.BudgetWindow // that counts outside the critical window
	allowed         uint64               // of its events may fail, in billionths
	allowedCritical uint64               // inside the critical window
	policy          slo.Policy
	entities        []string
	feeds           indicator
	slices          *slo.Slicer // nil counts events
	excluded        *slo.Rolling
	budgets         []*entityBudgets // in the order of about
	critical        bool             // some entity was in its critical window at the tick before
	now             slo.Event        // counted in the newest tick, before it is cut into slices
	sum             slo.Event        // since the start
	doubts          uint64           // good events that were more than there were
	breach          time.Duration    // beyond its threshold, since the start
}

// A group is whose objectives a subject shares.
type group struct{ environment, tenant, process string }

func groupOf(s *subject) group {
	return group{s.key.Environment, s.key.Tenant, s.process.Name}
}

func (g group) String() string { return g.environment + "/" + g.tenant + "/" + g.process }

func newObjectives(subjects []subject, tick time.Duration, scale float64) (*objectives, error) {
	o := &objectives{tick: tick, of: map[group][]int{}}
	var selectors []slo.Selector
	for _, s := range subjects {
		g := groupOf(&s)
		if known, ok := o.of[g]; ok { // another entity of the tenant: same events
			for _, i := range known {
				o.tracked[i].serve(s, tick)
			}
			continue
		}
		o.of[g] = nil
		for _, is := range s.process.Objectives {
			for _, f := range feedsOf(s, is, &selectors) {
				o.track(g, s, is, f)
			}
		}
		o.composites(g, s)
	}
	var burning []slo.Objective
	for _, t := range o.tracked {
		if t.Target != nil && !t.is.Indicator.Occasional() {
			t.burns = len(burning)
			burning = append(burning, t.Objective)
		}
	}
	engine, err := slo.New(slo.Settings{Tick: tick, Scale: scale}, burning)
	if err != nil {
		return nil, err
	}
	o.engine, o.meter, o.counts = engine, slo.NewMeter(countings(selectors)), make([]slo.Event, len(selectors))
	return o, nil
}

// countings have a meter tell by how much each selector's series increase.
func countings(selectors []slo.Selector) []slo.Counting {
	out := make([]slo.Counting, len(selectors))
	for i, s := range selectors {
		out[i].Total = s
	}
	return out
}

// track takes up an objective with what feeds it.
func (o *objectives) track(of group, s subject, is process.Objective, f feed) *tracked {
	t := &tracked{
		outside: outside(is), allowed: allowed(is.Target), allowedCritical: allowed(criticalTarget(is)), policy: policyOf(is.Budget),
		is: is, environment: s.key.Environment, burns: -1, feeds: f.indicator, excluded: slo.NewRolling(slo.Period),
		Objective: slo.Objective{
			ID: of.String() + "/" + is.Name + "/" + string(f.source), Process: s.process.Name, Tenant: s.key.Tenant,
			Indicator: string(is.Kind), Source: f.source, MinBad: minBadOf(f.source),
		},
	}
	if !is.Every {
		t.Target = is.Target.Rat()
	}
	if width := is.Budget.Slice; width > 0 {
		good := is.Target
		if is.Budget.SliceTarget > 0 {
			good = is.Budget.SliceTarget
		}
		t.slices = &slo.Slicer{Timeslices: slo.Timeslices{Width: width, Allowed: allowed(good), Empty: is.Budget.EmptySlice}}
	}
	for _, n := range s.needs {
		t.components = append(t.components, n.component)
	}
	if g, ok := f.indicator.(interface{ gauges() []*gauge }); ok {
		o.gauges.add(g.gauges()...)
	}
	t.serve(s, o.tick)
	o.of[of] = append(o.of[of], len(o.tracked))
	o.tracked = append(o.tracked, t)
	return t
}

// serve has an objective be that of an entity too.
func (t *tracked) serve(s subject, tick time.Duration) {
	t.about, t.entities = append(t.about, s), append(t.entities, s.key.Entity)
	t.budgets = append(t.budgets, newEntityBudgets(t.is, s.key.Entity, tick))
}

// allowed is the share of events that may fail, in billionths. Without a target
// none may.
func allowed(target process.Share) uint64 {
	if target <= 0 {
		return 0
	}
	return uint64(process.Whole - target) //nolint:gosec // targets are below the whole
}

// observe counts what happened since the tick before, for every objective, and
// returns it in their order, until the next tick; nil when the clock did not
// advance. While the same series are published and nothing in the calendar
// changes it allocates nothing.
func (o *objectives) observe(at time.Time, s signal.Published, components map[string]componentState, a *assembler) []counted {
	if !o.engine.Advance(at) {
		return nil
	}
	since := o.last
	if since.IsZero() || !since.Before(at) {
		since = at.Add(-o.tick)
	}
	o.last = at
	o.meter.Read(at, s, o.counts)
	o.gauges.read(s)
	o.look = looking{
		since: since, at: at, tick: o.tick, published: s, components: components,
		increases: o.counts, layout: a.calendars.around(at), work: a.work, all: o.tracked, scratch: &o.scratch,
	}
	out := o.scratch.counted[:0]
	for _, t := range o.tracked {
		out = append(out, o.count(t, &o.look, a))
	}
	o.scratch.counted, o.look.published, o.look.components = out, nil, nil
	return out
}

// count takes one objective a tick further.
func (o *objectives) count(t *tracked, l *looking, a *assembler) counted {
	c := t.place(l)
	ev := t.feeds.count(t, l)
	if t.is.CriticalOnly && !t.critical {
		ev.Bad, ev.Total = 0, 0
	}
	if ev.Bad > ev.Total {
		ev.Bad = ev.Total
	}
	t.now = ev
	if t.slices != nil {
		ev = t.slices.Observe(l.at, ev)
	}
	ev.Observed = ev.Observed || ev.Total > 0
	t.sum.Bad, t.sum.Total = t.sum.Bad+ev.Bad, t.sum.Total+ev.Total
	if t.burns >= 0 {
		o.engine.Observe(t.burns, ev)
	}
	c.Observed, c.Bad, c.Total = ev.Observed, ev.Bad, ev.Total
	if c.Excluded && ev.Total > 0 {
		t.excluded.Observe(l.at, l.tick, ev.Bad, ev.Total)
	} else {
		t.excluded.Advance(l.at)
	}
	t.critical = false
	for i, b := range t.budgets {
		window := a.criticality(l.at, &t.about[i])
		t.critical = t.critical || window.Critical
		b.observe(l, t, c, &t.about[i], window.Critical)
	}
	return c
}

// place says where in the calendar a tick lies for an objective: at the most
// critical of its entities' places, just before the tick, since what it counts
// has happened before. Maintenance leaves it out of the adjusted figures when it
// is announced for all of them.
func (t *tracked) place(l *looking) counted {
	before := l.at.Add(-1)
	c := counted{Objective: t.ID, Excluded: len(t.about) > 0}
	places := l.scratch.places[:0]
	for i := range t.about {
		tl := l.layout.of[t.about[i].key.Entity]
		places = append(places, tl.At(before))
		c.Excluded = c.Excluded && tl.Excluded(t.components, before)
	}
	l.scratch.places = places
	c.Phase = calendar.Group(places).Phase
	return c
}

// group yields the objectives of a subject.
func (o *objectives) group(s *subject) iter.Seq[*tracked] {
	return func(yield func(*tracked) bool) {
		for _, i := range o.of[groupOf(s)] {
			if !yield(o.tracked[i]) {
				return
			}
		}
	}
}

// entity is the place of an entity among those an objective is about; -1 when
// it is about another.
func (t *tracked) entity(name string) int {
	for i := range t.about {
		if t.about[i].key.Entity == name {
			return i
		}
	}
	return -1
}
