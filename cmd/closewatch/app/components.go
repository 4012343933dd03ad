package app

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A component's state at a tick, from its health signals.
type componentState struct {
	Name, Kind, Environment string
	State                   signal.State
	Since                   time.Time // tick at which State was entered
	Evidence                []string  // what its bad health signals say
	Context                 []string  // what its bad context signals say
	Bad                     []badSignal
	Fine                    []string // families of trouble all of whose signals are healthy, by name
	Readings                []signal.Reading
	Checked                 []checkedSignal // those that recovery checks ask, by name
}

// A componentBook remembers since when each component has its state.
type componentBook struct {
	since    map[string]componentSince
	families map[kindSignal]*tiering.Family
}

type kindSignal struct{ kind, signal string }

// A badSignal is a bad reading, and whom it concerns where that is not all.
type badSignal struct {
	tiering.SignalSeen
	tenant, entity string
}

// maxSignals bounds what is told of one component: the worst.
const maxSignals = 16

// signalsFor are the bad signals that concern a subject: not those of another
// tenant or entity.
func (c componentState) signalsFor(k tiering.Key) []tiering.SignalSeen {
	var out []tiering.SignalSeen
	for _, b := range c.Bad {
		elsewhere := b.tenant != "" && b.tenant != k.Tenant || b.entity != "" && b.entity != k.Entity
		if !elsewhere && len(out) < maxSignals {
			out = append(out, b.SignalSeen)
		}
	}
	return out
}

// family is that of a kind's signal.
func (b *componentBook) family(kind, name string) *tiering.Family {
	at := kindSignal{kind, name}
	f := b.families[at]
	if f == nil {
		f = tiering.FamilyOf(kind, name)
		b.families[at] = f
	}
	return f
}

// judge sorts a component's readings, which are the worst first, into bad ones
// and families of trouble in which all is well.
func (b *componentBook) judge(st *componentState) {
	well := map[string]bool{}
	for _, r := range st.Readings {
		f := b.family(st.Kind, r.Signal)
		ok, seen := well[f.Name]
		well[f.Name] = r.State == signal.OK && (ok || !seen)
		if r.State == signal.Warning || r.State == signal.Critical {
			st.Bad = append(st.Bad, badSignal{
				tiering.SignalSeen{Name: r.Signal, Health: r.Role == signal.Health, State: r.State, Since: r.Since, Text: r.Text}, r.Tenant, r.Labels["entity"],
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(well)) {
		if well[name] && name != "" {
			st.Fine = append(st.Fine, name)
		}
	}
}

type componentSince struct {
	state signal.State
	at    time.Time
}

// states sums up the readings of every declared component. A component none of
// whose health signals has been measured is unknown.
func (b *componentBook) states(at time.Time, declared []estate.Component, readings []signal.Reading) map[string]componentState {
	if b.since == nil {
		b.since, b.families = map[string]componentSince{}, map[kindSignal]*tiering.Family{}
	}
	out := map[string]componentState{}
	for _, c := range declared {
		st := componentState{Name: c.Name, Kind: c.Kind, Environment: c.Environment}
		health := false
		for _, r := range readings {
			if r.Component != c.Name || r.Environment != c.Environment {
				continue
			}
			st.Readings = append(st.Readings, r)
		}
		slices.SortStableFunc(st.Readings, func(a, b signal.Reading) int { return cmp.Compare(b.State, a.State) }) // worst first
		for _, r := range st.Readings {
			bad := r.State == signal.Warning || r.State == signal.Critical
			switch {
			case r.Role == signal.Health && !health:
				st.State, health = r.State, true
			case r.Role == signal.Health:
				st.State = signal.Worst(st.State, r.State)
			}
			switch {
			case !bad:
			case r.Role == signal.Health:
				st.Evidence = append(st.Evidence, r.Text)
			default:
				st.Context = append(st.Context, r.Text)
			}
		}
		b.judge(&st)
		st.Checked = checkedOf(st.Kind, st.Readings)
		was, seen := b.since[c.Name]
		if !seen || was.state != st.State {
			was = componentSince{st.State, at}
			b.since[c.Name] = was
		}
		st.Since = was.at
		out[c.Name] = st
	}
	return out
}

// worstFirst orders components for people.
func worstFirst(states map[string]componentState) []componentState {
	out := make([]componentState, 0, len(states))
	for _, st := range states {
		out = append(out, st)
	}
	rank := func(s signal.State) int {
		return slices.Index([]signal.State{signal.Critical, signal.Warning, signal.Unknown, signal.OK}, s)
	}
	slices.SortFunc(out, func(a, b componentState) int {
		return cmp.Or(cmp.Compare(rank(a.State), rank(b.State)), cmp.Compare(a.Name, b.Name))
	})
	return out
}
