package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/scenario"
)

// clock holds the recovery objectives of an impact against what is expected, in
// the newest incident that it is or was in.
func clock(t *Tick, w *scenario.ClockWant) *Failure {
	for _, inc := range t.Incidents {
		i := slices.IndexFunc(inc.Members, func(m incident.Member) bool { return w.Of.Names(m.Impact.Key) })
		if i < 0 || inc.Into != "" {
			continue
		}
		m := &inc.Members[i]
		f := &Failure{What: "recovery objectives of " + subjectOf(m.Impact.Key)}
		is := func(ok bool, want, got string) {
			if !ok {
				f.Want, f.Got = append(f.Want, want), append(f.Got, got)
			}
		}
		if w.RTO != "" {
			is(string(w.RTO) == string(m.RTO.Verdict()), "rto "+string(w.RTO), "rto "+string(m.RTO.Verdict()))
		}
		if w.RPO != "" {
			is(string(w.RPO) == string(m.RPO.Verdict()), "rpo "+string(w.RPO), "rpo "+string(m.RPO.Verdict()))
		}
		if !w.Elapsed.IsZero() {
			elapsed := m.RTO.Elapsed
			is(w.Elapsed.Holds(&elapsed), "away "+w.Elapsed.String(), "away "+elapsed.Round(time.Second).String())
		}
		if len(f.Want) == 0 {
			return nil
		}
		f.Why = []string{incidentLine(inc)}
		return f
	}
	return (&Failure{What: "recovery objectives of " + string(w.Of), Want: []string{"an incident"}}).filled()
}

// awaited holds what recovery of the open incidents waits for against what is
// expected: these checks, and perhaps others.
func awaited(t *Tick, want []string) *Failure {
	f := &Failure{What: "what recovery waits for"}
	for _, inc := range t.Incidents {
		for _, c := range inc.Checks {
			if inc.Open() && c.Holds() {
				f.Got = append(f.Got, c.Name)
				f.Why = append(f.Why, c.Text)
			}
		}
	}
	for _, name := range want {
		if !slices.Contains(f.Got, name) {
			f.Want = append(f.Want, name)
		}
	}
	if len(f.Want) == 0 && (len(want) > 0 || len(f.Got) == 0) {
		return nil
	}
	return f.filled()
}
