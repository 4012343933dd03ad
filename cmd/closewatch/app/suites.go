package app

import (
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A suite is what must hold again before recovery from a cause is said: that of
// the first suite that is about the cause's kind and part.
type suite struct {
	kind  string // of component
	part  string // the function of it that fails by itself; "" is any
	works []causeCheck
	then  []laterCheck // what must have happened since it works
}

// A causeCheck asks a signal of the component that is the cause.
type causeCheck struct {
	name   string
	signal string
	yes    string // what is told of the component when it passes: "answers"
	no     string // and when it does not
}

// A laterCheck asks what has happened since the cause is mended.
type laterCheck func(w *ward) []incident.Check

// suites is the table. A database that was lost is back when it answers, takes
// writes, and is the only one that does; then the finance transactions, the job
// runner, which is known to go deaf in a failover, and the scheduled actions
// must be seen to work on it, and the books must add up as before. That it has a
// copy holds nothing up: without one it is recovered, and degraded.
func suites() []suite {
	return []suite{
		{
			kind: process.Postgres,
			works: []causeCheck{
				{"answers", "postgres_up", "answers", "does not answer"},
				{"writable", "postgres_writable", "accepts writes", "accepts no writes"},
				{"one-primary", "postgres_split_brain", "has one server that accepts writes", "has several servers that accept writes"},
			},
			then: []laterCheck{copied, flowsPass, jobsTaken, actionsAdvance, booksAddUp},
		},
		{kind: process.Odoo, part: "job-runner", then: []laterCheck{jobsTaken}},
		{kind: process.Odoo, part: "books", then: []laterCheck{booksAddUp}},
		{
			kind:  process.Odoo,
			works: []causeCheck{{"answers", "odoo_up", "answers", "does not answer"}},
			then:  []laterCheck{flowsPass, jobsTaken, actionsAdvance},
		},
		{
			kind: process.Traefik,
			works: []causeCheck{
				{"answers", "traefik_up", "answers", "does not answer"},
				{"reachable", "traefik_entrypoint_reachable", "is reached from outside", "is not reached from outside"},
			},
			then: []laterCheck{flowsPass},
		},
		{kind: process.Redis, then: []laterCheck{flowsPass}}, // what works without it is recovered
	}
}

// booksSignals say whether the books add up. They may have been read hours ago.
func booksSignals() []string {
	return []string{"odoo_entries_unbalanced", "odoo_hash_chain_broken", "probe_foreign_records"}
}

// Flows that show more by passing than that their own outcome works.
const (
	roundtrip    = "queue-roundtrip" // a job was taken
	trialBalance = "reporting"       // the trial balance adds up
)

// A checkedSignal is the state of one signal that recovery checks ask: of several
// readings the worst.
type checkedSignal struct {
	Name  string
	State signal.State
}

// checkedOf are the signals of a component of a kind that recovery checks ask.
func checkedOf(kind string, readings []signal.Reading) []checkedSignal {
	var out []checkedSignal
	for _, name := range asked(kind) {
		found, seen := checkedSignal{Name: name}, false
		for _, r := range readings {
			if r.Signal == name && (!seen || signal.Worst(found.State, r.State) != found.State) {
				found.State, seen = r.State, true
			}
		}
		if seen {
			out = append(out, found)
		}
	}
	return out
}

// asked are the signals that the suites ask of a kind.
func asked(kind string) []string {
	if kind == process.Odoo {
		return append([]string{"odoo_up"}, booksSignals()...)
	}
	for _, s := range suites() {
		if s.kind == kind && len(s.works) > 0 {
			var out []string
			for _, c := range s.works {
				out = append(out, c.signal)
			}
			return out
		}
	}
	return nil
}
