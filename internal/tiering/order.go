package tiering

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A Turn is one step of a recovery: a component to bring back, or a process to
// bring up on it.
type Turn struct {
	Component string `json:"component,omitempty"`
	Process   *Key   `json:"process,omitempty"` // nil for a component
	Why       string `json:"why"`
}

// RecoveryOrder says in which order to recover today: unhealthy components from
// the ground up, then the impaired processes: those in their critical window
// first, then those with the least time, then those that matter most. impacts
// are in the order of evidence; only one environment's are given.
func RecoveryOrder(at time.Time, evidence []Evidence, impacts []Impact) []Turn {
	return append(componentTurns(evidence, impacts), processTurns(at, evidence, impacts)...)
}

// impaired reports whether an impact is one to recover from.
func impaired(im Impact) bool { return im.Tier >= Degradation }

// componentTurns lists the unhealthy components that impaired processes need, each
// after all it rests on.
func componentTurns(evidence []Evidence, impacts []Impact) []Turn {
	needs := map[string]Need{}
	users := map[string][]string{}
	for i := range evidence {
		if !impaired(impacts[i]) {
			continue
		}
		for _, n := range evidence[i].Needs {
			if was, known := needs[n.Component]; !known || was.Role != process.Hard { // the hardest role counts
				needs[n.Component] = n
			}
			users[n.Component] = named(users[n.Component], evidence[i].Process.Name)
		}
	}
	all := make([]Need, 0, len(needs))
	for _, n := range needs {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Need) int { return cmp.Compare(a.Component, b.Component) })
	g := newGraph(all)
	depth := make([]int, len(all))
	for i := range all {
		depth[i] = len(g.beneath[i]) // what it rests on rests on less
	}
	var sick []int
	for i, n := range all {
		if unwell(n) && (n.State == signal.Critical || n.Role == process.Hard) {
			sick = append(sick, i)
		}
	}
	slices.SortStableFunc(sick, func(a, b int) int {
		return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(all[b].State, all[a].State))
	})
	var out []Turn
	for _, i := range sick {
		why := fmt.Sprintf("%s; %s need%s it", all[i].State, and(users[all[i].Component]), plural(users[all[i].Component]))
		if under := sickBeneath(g, i); len(under) > 0 {
			why += ", and it rests on " + and(under)
		}
		out = append(out, Turn{Component: all[i].Component, Why: why})
	}
	return out
}

// sickBeneath names the unhealthy components that one rests on.
func sickBeneath(g graph, i int) []string {
	var out []string
	for _, j := range g.beneath[i] {
		if unwell(g.needs[j]) {
			out = append(out, g.needs[j].Component)
		}
	}
	return out
}

// processTurns lists the impaired processes.
func processTurns(at time.Time, evidence []Evidence, impacts []Impact) []Turn {
	var hurt []int
	for i, im := range impacts {
		if impaired(im) {
			hurt = append(hurt, i)
		}
	}
	slices.SortStableFunc(hurt, func(a, b int) int {
		critical := func(i int) int {
			if evidence[i].Critical {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(critical(a), critical(b)),
			cmp.Compare(timeLeft(at, &evidence[a], &impacts[a]), timeLeft(at, &evidence[b], &impacts[b])),
			cmp.Compare(evidence[a].Process.TierIn(evidence[a].Critical), evidence[b].Process.TierIn(evidence[b].Critical)), // letters in their order
			cmp.Compare(impacts[b].Tier, impacts[a].Tier),
			compareKeys(impacts[a].Key, impacts[b].Key),
		)
	})
	out := make([]Turn, 0, len(hurt))
	for _, i := range hurt {
		key := impacts[i].Key
		out = append(out, Turn{Process: &key, Why: processWhy(at, &evidence[i], &impacts[i])})
	}
	return out
}

// noHurry is the time left of what no deadline is near of.
const noHurry = time.Duration(1<<63 - 1)

// timeLeft is the slack of a process: of its verdict or, where that has none, to
// its next deadline.
func timeLeft(at time.Time, e *Evidence, im *Impact) time.Duration {
	switch {
	case im.Slack != nil:
		return im.Slack.Left
	case len(e.Deadlines) > 0:
		return e.Deadlines[0].At.Sub(at)
	default:
		return noHurry
	}
}

func processWhy(at time.Time, e *Evidence, im *Impact) string {
	why := "service tier " + string(e.Process.TierIn(e.Critical))
	switch left := timeLeft(at, e, im); {
	case left == noHurry:
		why += ", no deadline is near"
	case left < 0:
		why += ", its deadline can no longer be met"
	case im.Slack != nil:
		why += fmt.Sprintf(", %s left for %s", short(left), im.Slack.Deadline)
	default:
		why += fmt.Sprintf(", %s left for %s", short(left), e.Deadlines[0].Title)
	}
	if e.Critical {
		why += ", in its critical window"
		if e.CriticalWhy != "" {
			why += " (" + e.CriticalWhy + ")"
		}
	}
	return why
}
