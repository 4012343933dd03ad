package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An assembler gathers what is known about each subject at a tick. It
// remembers only what a single tick cannot tell: since when a recovery point is
// beyond its objective, when the ledger last advanced, and how much was posted.
type assembler struct {
	subjects  []subject
	places    map[tiering.Key]int // of the subjects
	calendars *calendars
	work      *expected.Ledger
	beyond    map[tiering.Key]time.Time
	tenants   signal.Split
	ledger    map[ledgerKey]*postings
	journals  map[ledgerKey]*journal

	critical map[tiering.Key]*criticalNow
}

// A ledgerKey says whose entries are counted, and by what counter.
type ledgerKey struct{ environment, tenant, entity, counter string }

// A criticalNow is whether a subject is in its critical window, and how long that
// has been and will be so by the same timeline.
type criticalNow struct {
	calendar.Criticality
	timeline    *calendar.Timeline
	from, until time.Time
}

// A postings follows the count of posted entries.
type postings struct {
	count    float64
	advanced time.Time
	growth   growth
}

// A growth measures how fast a counter grows.
type growth struct {
	points []growthPoint // oldest first, at most growthSpan
}

type growthPoint struct {
	at    time.Time
	count float64
}

const growthSpan = 20

// rate returns the growth per second over the points remembered; 0 until
// two points tell.
func (g *growth) rate(at time.Time, count float64) float64 {
	if n := len(g.points); n == 0 || at.After(g.points[n-1].at) {
		if n > 0 && count < g.points[n-1].count {
			g.points = nil // the counter was reset
		}
		if len(g.points) == growthSpan {
			g.points = append(g.points[:0], g.points[1:]...)
		}
		g.points = append(g.points, growthPoint{at, count})
	}
	first, last := g.points[0], g.points[len(g.points)-1]
	if span := last.at.Sub(first.at).Seconds(); span > 0 {
		return (last.count - first.count) / span
	}
	return 0
}

// staleAfter is how old a count may be to speak for now.
const staleAfter = 5 * time.Minute

// flowEvidence is what the assembler asks about a flow in a tenant.
type flowEvidence interface {
	Flow(environment, tenant, name string, at time.Time) (tiering.Flow, []flow.Run)
}

// evidence returns the evidence of every subject, in their order; work is what
// expect has found.
func (a *assembler) evidence(at time.Time, s signal.Published, work [][]tiering.Work, components map[string]componentState, objs *objectives, flows flowEvidence) []tiering.Evidence {
	out := make([]tiering.Evidence, 0, len(a.subjects))
	timelines := a.calendars.around(at)
	a.tenants.Begin("tenant", s)
	room := a.room()
	for i := range a.subjects {
		subj := a.subjects[i]
		s := a.tenants.Of(subj.key.Tenant)
		timeline := timelines.of[subj.key.Entity]
		window := a.criticality(at, &a.subjects[i])
		ev := tiering.Evidence{
			Key: subj.key, Process: subj.process, NotWatched: subj.unseen,
			Place: timeline.At(at), Critical: window.Critical, CriticalWhy: window.Why,
			Deadlines: timeline.Deadlines(at, subj.process.Name),
			Work:      work[i],
			Burns:     objs.burns(subj),
			Budgets:   objs.left(subj),
			Progress:  a.progress(at, s, subj),
		}
		if !ev.Critical {
			ev.Holiday = holidayOf(timeline, at, ev.Deadlines)
		}
		ev.Flows = room.flows.of(len(subj.flows))
		for n, name := range subj.flows {
			ev.Flows[n], _ = flows.Flow(subj.key.Environment, subj.key.Tenant, name, at)
		}
		ev.Needs = room.needs.of(len(subj.needs))
		for k, n := range subj.needs {
			c := components[n.component]
			ev.Needs[k] = tiering.Need{
				Component: n.component, Kind: n.kind, Role: n.role, State: c.State, Since: c.Since,
				Evidence: slices.Concat(c.Evidence, c.Context), Signals: c.signalsFor(subj.key), Fine: c.Fine, DependsOn: subj.restsOn[n.component],
			}
		}
		ev.Recovery = a.recovery(at, subj, components, ev.Critical)
		ev.Recovery.Postings = a.postingsAtRisk(at, s, subj, ev.Recovery)
		out = append(out, ev)
	}
	return out
}

// An evidenceRoom has the flows and needs of all subjects at one tick side by
// side: two pieces of memory, however many subjects there are.
type evidenceRoom struct {
	flows shared[tiering.Flow]
	needs shared[tiering.Need]
}

// room is as large as the subjects ask for.
func (a *assembler) room() evidenceRoom {
	flows, needs := 0, 0
	for i := range a.subjects {
		flows, needs = flows+len(a.subjects[i].flows), needs+len(a.subjects[i].needs)
	}
	return evidenceRoom{make([]tiering.Flow, flows), make([]tiering.Need, needs)}
}

// shared is room that is handed out in parts.
type shared[T any] []T

// of takes a part; none is nil.
func (s *shared[T]) of(n int) []T {
	if n == 0 {
		return nil
	}
	part := (*s)[:n:n]
	*s = (*s)[n:]
	return part
}

// recovery compares the exposure of the process's system of record with its
// objective, that of the critical window when critical.
func (a *assembler) recovery(at time.Time, subj subject, components map[string]componentState, critical bool) tiering.Recovery {
	r := recoveryOf(exposures(subj, components))
	r.BeyondSince = a.beyondSince(at, subj, r, critical)
	return r
}

// beyondSince is since when an exposure is beyond the objective. What was beyond
// is not forgotten for lack of data.
func (a *assembler) beyondSince(at time.Time, subj subject, r tiering.Recovery, critical bool) time.Time {
	switch {
	case !r.Known:
		return time.Time{}
	case subj.process.Tolerates(r.Exposure, critical):
		delete(a.beyond, subj.key)
	default:
		if _, had := a.beyond[subj.key]; !had {
			a.beyond[subj.key] = at
		}
	}
	return a.beyond[subj.key]
}

// progress reads the process's ledger counter: it speaks for the entity when
// the counter knows entities, for the tenant otherwise.
func (a *assembler) progress(at time.Time, s signal.Published, subj subject) tiering.Progress {
	if subj.process.Progress == "" {
		return tiering.Progress{}
	}
	total, seen, ok := ofEntity(s, subj.process.Progress, subj.key)
	key := ledgerKey{subj.key.Environment, subj.key.Tenant, subj.key.Entity, subj.process.Progress}
	l := a.ledger[key]
	if l == nil && !ok {
		return tiering.Progress{} // nothing counted yet: the first count is no advance
	}
	if l == nil {
		l = &postings{count: total}
		a.ledger[key] = l
	}
	if !ok || at.Sub(seen) > staleAfter {
		return tiering.Progress{Advanced: l.advanced}
	}
	if total > l.count {
		l.advanced = seen
	}
	l.count = total
	rate := l.growth.rate(seen, total)
	return tiering.Progress{Known: true, Advanced: l.advanced, PerMinute: rate * 60}
}

// ofEntity adds up a counter of an entity: where it knows no entities, that of
// the tenant, but for the company that flows write in.
func ofEntity(s signal.Published, counter string, k tiering.Key) (total float64, seen time.Time, ok bool) {
	total, seen, ok = s.Sum(counter, map[string]string{"environment": k.Environment, "tenant": k.Tenant, "entity": k.Entity}, nil)
	if !ok {
		total, seen, ok = s.Sum(counter, map[string]string{"environment": k.Environment, "tenant": k.Tenant}, notSynthetic)
	}
	return total, seen, ok
}

// criticality says whether a subject is in its critical window at a tick. It is
// worked out once for as long as it stays what it is.
func (a *assembler) criticality(at time.Time, s *subject) calendar.Criticality {
	timeline := a.calendars.around(at).of[s.key.Entity]
	c := a.critical[s.key]
	if c == nil {
		c = &criticalNow{}
		if a.critical == nil {
			a.critical = make(map[tiering.Key]*criticalNow, len(a.subjects))
		}
		a.critical[s.key] = c
	}
	if c.timeline != timeline || at.Before(c.from) || !at.Before(c.until) {
		c.timeline, c.from = timeline, at
		c.Criticality, c.until = timeline.CriticalUntil(s.process.Name, s.windows, at)
	}
	return c.Criticality
}
