package app

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/signal"
)

// A component's state at a tick, from its health signals.
type componentState struct {
	Name, Kind, Environment string
	State                   signal.State
	Since                   time.Time // tick at which State was entered
	Evidence                []string  // what its bad health signals say
	Context                 []string  // what its bad context signals say
	Readings                []signal.Reading
}

// A componentBook remembers since when each component has its state.
type componentBook struct{ since map[string]componentSince }

type componentSince struct {
	state signal.State
	at    time.Time
}

// states sums up the readings of every declared component. A component none of
// whose health signals has been measured is unknown.
func (b *componentBook) states(at time.Time, declared []estate.Component, readings []signal.Reading) map[string]componentState {
	if b.since == nil {
		b.since = map[string]componentSince{}
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
