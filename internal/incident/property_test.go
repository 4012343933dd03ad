package incident_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// restarted is a manager as it is after a restart: by what was kept as JSON.
func restarted(tb rapid.TB, m *incident.Manager, s incident.Settings) *incident.Manager {
	tb.Helper()
	var mem incident.Memory
	if err := json.Unmarshal(kept(tb, m), &mem); err != nil {
		tb.Fatal(err)
	}
	out := incident.NewManager(s)
	out.Restore(mem)
	return out
}

// kept is what a manager has kept.
func kept(tb rapid.TB, m *incident.Manager) []byte {
	tb.Helper()
	out, err := json.Marshal(m.Memory())
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// A troubled is what becomes of a few processes, tick by tick.
type troubled struct {
	at      time.Time
	impacts []tiering.Impact
}

func (x *troubled) draw(t *rapid.T) {
	x.at = x.at.Add(30 * time.Second)
	if x.impacts == nil {
		for _, p := range []string{"invoice-posting", "payroll", "reporting", "e-invoicing"} {
			x.impacts = append(x.impacts, impact(p, none, ""))
		}
	}
	for i := range x.impacts {
		im := &x.impacts[i]
		if rapid.IntRange(0, 3).Draw(t, "stays") > 0 {
			continue
		}
		before := im.Tier
		tier := tiering.Tier(rapid.IntRange(0, 3).Draw(t, "tier"))
		since := im.Since
		*im = impact(im.Process, tier, rapid.SampledFrom([]string{"", "", "db", "bank"}).Draw(t, "cause"))
		im.Since = since
		if tier > before || before == none {
			im.Since = x.at
		}
		if tier > none && rapid.Bool().Draw(t, "alike") {
			im.FailsAt = "post"
		}
		if tier > none && rapid.IntRange(0, 4).Draw(t, "blind") == 0 {
			im.Reasons[0].Symptom = tiering.Blind
		}
		im.Recovering = tier > none && rapid.Bool().Draw(t, "recovering")
		if im.Recovering {
			im.Hold.Below = x.at
		}
		if tier == crit {
			im.Clock = tiering.Clock{Began: im.Since, Stopped: im.Hold.Below, Objective: time.Minute}
		}
	}
}

// What is decided does not depend on restarts, and of what is sent nothing is
// lost and nothing said twice.
func TestIncidentsThroughRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failing := false
		settings := incident.Settings{
			Settle: 90 * time.Second,
			Checks: func(inc *incident.Incident) []incident.Check {
				if inc.Cause == nil || inc.Cause.Component != "db" {
					return nil
				}
				state := incident.Passed
				if failing {
					state = incident.Waiting
				}
				return []incident.Check{{Name: "writable", State: state, Cause: true}, {Name: "copy", State: state, Remains: true, Text: "no copy"}}
			},
			Risk: func(tiering.Key) incident.Risk {
				return incident.Risk{Known: true, Exposure: time.Second, Objective: time.Minute}
			},
		}
		steady, again := incident.NewManager(settings), incident.NewManager(settings)
		x := troubled{at: start}
		for range rapid.IntRange(1, 25).Draw(t, "ticks") {
			x.draw(t)
			failing = rapid.IntRange(0, 2).Draw(t, "failing") == 0
			if rapid.IntRange(0, 2).Draw(t, "restart") == 0 {
				again = restarted(t, again, settings)
			}
			if open := steady.Open(); len(open) > 0 && rapid.IntRange(0, 9).Draw(t, "take") == 0 {
				id := open[0].ID
				steady.Acknowledge(x.at, id, "on-call")
				again.Acknowledge(x.at, id, "on-call")
			}
			before := outstanding(steady)
			steady.Step(x.at, slices.Clone(x.impacts))
			again.Step(x.at, slices.Clone(x.impacts))
			if !bytes.Equal(kept(t, steady), kept(t, again)) {
				t.Fatalf("restarts made a difference (-without +with):\n%s", cmp.Diff(restarted(t, steady, settings).Memory(), restarted(t, again, settings).Memory()))
			}
			holds(t, steady, x.impacts, before)
		}
	})
}

// outstanding are the alerts that fire, each with since when a lower tier stands.
func outstanding(m *incident.Manager) map[string]time.Time {
	out := map[string]time.Time{}
	for _, inc := range m.Open() {
		for _, mem := range inc.Members {
			for _, a := range mem.Alerts {
				out[fmt.Sprint(mem.Impact.Process, a.Name, a.Tier, a.Severity)] = a.Eased
			}
		}
	}
	return out
}

// holds says what is true after every tick.
func holds(t *rapid.T, m *incident.Manager, impacts []tiering.Impact, before map[string]time.Time) {
	for _, im := range impacts {
		in := 0
		for _, inc := range m.Open() {
			for _, mem := range inc.Members {
				if mem.Impact.Key != im.Key || !mem.Active() {
					continue
				}
				in++
				if im.Tier >= degr && !slices.ContainsFunc(mem.Alerts, func(a incident.Alert) bool { return a.Tier == im.Tier }) {
					t.Fatalf("%s is %s and nothing says so: %v", im.Process, im.Tier, mem.Alerts)
				}
			}
			if inc.Tier() == crit && inc.Pages == 0 {
				t.Fatalf("incident %s is business-critical and was never paged", inc.ID)
			}
			if inc.Tier() == crit && !slices.ContainsFunc(inc.Members, func(mem incident.Member) bool {
				return slices.ContainsFunc(mem.Alerts, func(a incident.Alert) bool { return a.Severity == incident.Page })
			}) {
				t.Fatalf("incident %s is business-critical and no page says so", inc.ID)
			}
		}
		if in > 1 || in == 0 && im.Tier > none {
			t.Fatalf("%s is %s and lasts in %d incidents", im.Process, im.Tier, in)
		}
	}
	ids := map[string]bool{}
	for _, inc := range m.Open() {
		if ids[inc.ID] {
			t.Fatalf("two incidents are called %s", inc.ID)
		}
		ids[inc.ID] = true
		for _, mem := range inc.Members {
			if mem.RTO.Elapsed < 0 || !mem.RTO.Stopped.IsZero() && mem.RTO.Stopped.Before(mem.RTO.Began) {
				t.Fatalf("the clock of %s is %+v", mem.Impact.Process, mem.RTO)
			}
		}
	}
	now := outstanding(m)
	for a, eased := range before {
		if _, fires := now[a]; !fires && eased.IsZero() && settledIn(m, a) {
			t.Fatalf("%s was resolved without having settled", a)
		}
	}
}

// settledIn reports whether the process of an alert still lasts somewhere, so
// that its alert cannot have ended because all is over.
func settledIn(m *incident.Manager, alert string) bool {
	for _, inc := range m.Open() {
		for _, mem := range inc.Members {
			if mem.Active() && !mem.Remains && len(alert) > len(mem.Impact.Process) && alert[:len(mem.Impact.Process)] == mem.Impact.Process {
				return true
			}
		}
	}
	return false
}
