package app

import (
	"fmt"
	"slices"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// recoveryChecks are what must hold again before recovery from the loss of a
// database is said: it is writable, the flows have passed since, jobs are taken
// and scheduled actions advance.
func recoveryChecks(inc *incident.Incident, components []componentState, evidence []tiering.Evidence) []incident.Check {
	if inc.Cause == nil || inc.Cause.Kind != "postgres" {
		return nil
	}
	var checks []incident.Check
	add := func(name string, passed bool, text string) {
		checks = append(checks, incident.Check{Name: name, Passed: passed, Text: text})
	}
	for _, c := range components {
		if c.Name == inc.Cause.Component {
			add("database", c.State != signal.Critical && c.State != signal.Unknown, c.Name+" is "+c.State.String())
		}
	}
	for _, ev := range evidence {
		if ev.Environment != inc.Environment || !slices.ContainsFunc(ev.Needs, func(n tiering.Need) bool { return n.Component == inc.Cause.Component }) {
			continue
		}
		for _, f := range ev.Flows {
			if f.State == tiering.FlowFailing || f.State == tiering.FlowPassing {
				add(f.Name, f.State == tiering.FlowPassing && f.LastRun.After(inc.Detected), fmt.Sprintf("%s is %s", f.Name, f.State))
			}
		}
		for _, w := range ev.Work {
			if !w.Continuous() {
				continue // what was not done while it was down comes back by its own time, if at all
			}
			add(w.Name, !w.Missing, w.Name+": "+map[bool]string{true: w.Why, false: "advancing"}[w.Missing])
		}
	}
	return checks
}
