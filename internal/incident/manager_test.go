package incident_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

var start = time.Date(2026, 11, 17, 14, 0, 0, 0, time.UTC)

func impact(proc string, tier tiering.Tier, cause string) tiering.Impact {
	im := tiering.Impact{Since: start, Now: tier}
	im.Key = tiering.Key{Process: proc, Entity: "acme", Tenant: "prod", Environment: "production"}
	im.Tier, im.ServiceTier = tier, process.Critical
	if tier > tiering.None {
		im.Reasons = []tiering.Reason{{Tier: tier, Text: proc + " is broken"}}
	}
	if cause != "" {
		im.Cause = &tiering.Cause{Component: cause, State: signal.Critical, Evidence: []string{cause + " does not answer"}}
	}
	return im
}

// alerts lists what is outstanding as "process tier severity".
func alerts(m *incident.Manager) []string {
	var out []string
	for _, inc := range m.Open() {
		for _, mem := range inc.Members {
			for _, a := range mem.Alerts {
				out = append(out, strings.Join([]string{mem.Impact.Process, a.Tier.String(), a.Severity}, " "))
			}
		}
	}
	slices.Sort(out)
	return out
}

type step struct {
	why     string
	impacts []tiering.Impact
	want    []string
	open    int
}

func play(t *testing.T, m *incident.Manager, steps []step) {
	t.Helper()
	at := start
	for _, s := range steps {
		at = at.Add(30 * time.Second)
		m.Step(at, s.impacts)
		if diff := cmp.Diff(s.want, alerts(m)); diff != "" {
			t.Errorf("%s: alerts (-want +got):\n%s", s.why, diff)
		}
		if len(m.Open()) != s.open {
			t.Errorf("%s: %d open incidents, want %d", s.why, len(m.Open()), s.open)
		}
	}
}

const (
	none = tiering.None
	info = tiering.Informational
	degr = tiering.Degradation
	crit = tiering.BusinessCritical
)

func TestImpactsThatShareACauseAreOneIncidentWithOnePage(t *testing.T) {
	play(t, incident.NewManager(incident.Settings{}), []step{
		{
			"the database dies",
			[]tiering.Impact{impact("reporting", degr, "db"), impact("invoice-posting", crit, "db"), impact("payroll", info, "db"), impact("e-invoicing", crit, "db")},
			[]string{"e-invoicing business-critical page", "invoice-posting business-critical ticket", "reporting degradation ticket"},
			1,
		},
		{"all recover", []tiering.Impact{impact("reporting", none, ""), impact("invoice-posting", none, ""), impact("payroll", none, ""), impact("e-invoicing", none, "")}, nil, 0},
	})
}

// What began under a cause that is no longer measured shares its incident, and
// what is told of the cause stays what was measured while it lasted.
func TestWhatBeganUnderTheCauseOfAnIncidentSharesIt(t *testing.T) {
	m := incident.NewManager(incident.Settings{Settle: time.Minute})
	late := impact("bank-reconciliation", info, "ingress")
	late.Cause.Past, late.Cause.Evidence = true, []string{"ingress did not answer"}
	lasting := impact("invoice-posting", crit, "ingress")
	over := impact("invoice-posting", none, "")
	page := []string{"invoice-posting business-critical page"}
	play(t, m, []step{
		{"the ingress is away", []tiering.Impact{lasting}, page, 1},
		{"it is back, and a run that was cut off is told of", []tiering.Impact{over, late}, page, 1},
	})
	if c := m.Open()[0].Cause; c == nil || c.Past || c.Evidence[0] != "ingress does not answer" {
		t.Errorf("the incident's cause is %+v", c)
	}
}

func TestWithoutACauseEachProcessIsItsOwnIncident(t *testing.T) {
	play(t, incident.NewManager(incident.Settings{}), []step{
		{
			"two unrelated failures",
			[]tiering.Impact{impact("invoice-posting", crit, ""), impact("reporting", crit, "")},
			[]string{"invoice-posting business-critical page", "reporting business-critical page"},
			2,
		},
	})
}

func TestFlowsThatFailAtTheSameStepAreOneIncident(t *testing.T) {
	at := func(im tiering.Impact, step, tenant string) tiering.Impact {
		im.FailsAt, im.Tenant = step, tenant
		return im
	}
	post, pay := "post-invoice (rejected)", "register-payment (rejected)"
	posting := at(impact("invoice-posting", crit, ""), post, "prod")
	for name, tt := range map[string]struct {
		second tiering.Impact
		want   []string
		open   int
	}{
		"the same step":             {at(impact("payment-registration", crit, ""), post, "prod"), []string{"invoice-posting business-critical page", "payment-registration business-critical ticket"}, 1},
		"another step":              {at(impact("payment-registration", crit, ""), pay, "prod"), []string{"invoice-posting business-critical page", "payment-registration business-critical page"}, 2},
		"another tenant":            {at(impact("payment-registration", crit, ""), post, "other"), []string{"invoice-posting business-critical page", "payment-registration business-critical page"}, 2},
		"another's cause is known":  {at(impact("payment-registration", crit, "bank"), post, "prod"), []string{"invoice-posting business-critical page", "payment-registration business-critical page"}, 2},
		"no flow of the other does": {impact("payroll", crit, ""), []string{"invoice-posting business-critical page", "payroll business-critical page"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, incident.NewManager(incident.Settings{}), []step{
				{"the first fails", []tiering.Impact{posting}, []string{"invoice-posting business-critical page"}, 1},
				{"the second fails", []tiering.Impact{posting, tt.second}, tt.want, tt.open},
			})
		})
	}
}

func TestASameStepSeenLaterJoins(t *testing.T) {
	users, alike := impact("invoice-posting", crit, ""), impact("payment-registration", info, "")
	alike.FailsAt = "post-invoice (rejected)"
	later := users
	later.FailsAt = alike.FailsAt
	play(t, incident.NewManager(incident.Settings{}), []step{
		{"users fail at the one, the flow of the other", []tiering.Impact{users, alike}, []string{"invoice-posting business-critical page", "payment-registration informational info"}, 2},
		{"then both flows do", []tiering.Impact{later, alike}, []string{"invoice-posting business-critical page", "payment-registration informational info"}, 1},
	})
}

func TestACauseFoundLaterJoinsWhatItExplains(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	play(t, m, []step{
		{"posting fails, why is not known yet", []tiering.Impact{impact("invoice-posting", crit, "")}, []string{"invoice-posting business-critical page"}, 1},
		{
			"the database is found when a second process fails: they are one",
			[]tiering.Impact{impact("payroll", crit, "db"), impact("invoice-posting", crit, "db")},
			[]string{"invoice-posting business-critical page", "payroll business-critical ticket"},
			1,
		},
	})
	if c := m.Open()[0].Cause; c == nil || c.Component != "db" {
		t.Errorf("cause = %+v, want db", c)
	}
}

func TestEscalationNeverResolvesTheLowerAlert(t *testing.T) {
	play(t, incident.NewManager(incident.Settings{}), []step{
		{"a ticket first", []tiering.Impact{impact("e-invoicing", degr, "")}, []string{"e-invoicing degradation ticket"}, 1},
		{"then a page beside it", []tiering.Impact{impact("e-invoicing", crit, "")}, []string{"e-invoicing business-critical page", "e-invoicing degradation ticket"}, 1},
		{"eased: the page ends, the ticket goes on", []tiering.Impact{impact("e-invoicing", degr, "")}, []string{"e-invoicing degradation ticket"}, 1},
		{"over", []tiering.Impact{impact("e-invoicing", none, "")}, nil, 0},
	})
}

func TestALaterLeadOfTheSameTierDoesNotPageAgain(t *testing.T) {
	play(t, incident.NewManager(incident.Settings{}), []step{
		{"posting leads", []tiering.Impact{impact("invoice-posting", crit, "db")}, []string{"invoice-posting business-critical page"}, 1},
		{"payroll follows", []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "db")}, []string{"invoice-posting business-critical page", "payroll business-critical ticket"}, 1},
		{"the lead recovers: it is not all over", []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", crit, "db")}, []string{"invoice-posting business-critical page", "payroll business-critical ticket"}, 1},
		{"what is left eases: nothing needs the page any more", []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", degr, "db")}, []string{"invoice-posting business-critical page", "payroll degradation ticket"}, 1},
		{"the page ends", []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", degr, "db")}, []string{"payroll degradation ticket"}, 1},
	})
}

func TestAPageLastsWhileItsIncidentStandsAtItsTier(t *testing.T) {
	both := []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "db")}
	paged := []string{"invoice-posting business-critical page", "payroll business-critical ticket"}
	for name, tt := range map[string]struct {
		steps []step
	}{
		"the lead eases": {[]step{
			{"both", both, paged, 1},
			{"posting eases, payroll does not", []tiering.Impact{impact("invoice-posting", degr, "db"), impact("payroll", crit, "db")}, []string{"invoice-posting business-critical page", "invoice-posting degradation ticket", "payroll business-critical ticket"}, 1},
			{"payroll eases, too", []tiering.Impact{impact("invoice-posting", degr, "db"), impact("payroll", degr, "db")}, []string{"invoice-posting degradation ticket", "payroll degradation ticket"}, 1},
		}},
		"the lead works again": {[]step{
			{"both", both, paged, 1},
			{"posting works", []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", crit, "db")}, paged, 1},
			{"and fails again: no second page", both, paged, 1},
			{"posting works for good", []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", crit, "db")}, paged, 1},
			{"so does payroll", []tiering.Impact{impact("payroll", none, ""), impact("invoice-posting", none, "")}, nil, 0},
		}},
		"who follows works again": {[]step{
			{"both", both, paged, 1},
			{"payroll works", []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", none, "")}, []string{"invoice-posting business-critical page"}, 1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := incident.NewManager(incident.Settings{})
			play(t, m, tt.steps)
			if pages := m.All()[0].Pages; pages != 1 {
				t.Errorf("%d pages, want one", pages)
			}
		})
	}
}

func TestAnIncidentIsToldByWhatStillFails(t *testing.T) {
	m := incident.NewManager(incident.Settings{Settle: time.Minute})
	for n, tt := range []struct {
		impacts []tiering.Impact
		want    string
	}{
		{[]tiering.Impact{impact("invoice-posting", crit, "db"), impact("reporting", degr, "db"), impact("payroll", crit, "db")}, "invoice-posting"},
		{[]tiering.Impact{impact("invoice-posting", none, ""), impact("reporting", degr, "db"), impact("payroll", crit, "db")}, "payroll"},
		{[]tiering.Impact{impact("invoice-posting", none, ""), impact("reporting", degr, "db"), impact("payroll", none, "")}, "reporting"},
		{[]tiering.Impact{impact("invoice-posting", none, ""), impact("reporting", none, ""), impact("payroll", none, "")}, "invoice-posting"},
	} {
		m.Step(start.Add(time.Duration(n+1)*time.Second), tt.impacts)
		if got := m.Open()[0].Foremost().Impact.Process; got != tt.want {
			t.Errorf("step %d: told by %s, want %s", n, got, tt.want)
		}
		if lead := m.Open()[0].Lead.Process; lead != "invoice-posting" {
			t.Errorf("step %d: %s leads", n, lead)
		}
	}
}

func TestAWorseMemberTakesTheLeadAndPages(t *testing.T) {
	play(t, incident.NewManager(incident.Settings{}), []step{
		{"a degradation leads", []tiering.Impact{impact("reporting", degr, "db")}, []string{"reporting degradation ticket"}, 1},
		{"posting fails outright", []tiering.Impact{impact("reporting", degr, "db"), impact("invoice-posting", crit, "db")}, []string{"invoice-posting business-critical page", "reporting degradation ticket"}, 1},
	})
}

func TestRecoveryWaitsForItsChecks(t *testing.T) {
	passed := false
	m := incident.NewManager(incident.Settings{Checks: func(*incident.Incident) []incident.Check {
		return []incident.Check{{Name: "writable", State: map[bool]incident.CheckState{true: incident.Passed, false: incident.Waiting}[passed]}}
	}})
	m.Step(start.Add(time.Second), []tiering.Impact{impact("invoice-posting", crit, "db")})
	m.Step(start.Add(time.Minute), []tiering.Impact{impact("invoice-posting", none, "")})
	if got := alerts(m); len(got) != 1 {
		t.Fatalf("alerts while a check fails = %v, want the page still firing", got)
	}
	passed = true
	m.Step(start.Add(2*time.Minute), []tiering.Impact{impact("invoice-posting", none, "")})
	if got := alerts(m); got != nil || len(m.Open()) != 0 {
		t.Errorf("alerts after the checks passed = %v, want none", got)
	}
}

func TestARecoveredIncidentIsRememberedByItsWorst(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	for i, impacts := range [][]tiering.Impact{
		{impact("invoice-posting", crit, "db"), impact("e-invoicing", info, "db")},
		{impact("invoice-posting", none, ""), impact("e-invoicing", info, "db")},
		{impact("invoice-posting", none, ""), impact("e-invoicing", none, "")},
	} {
		m.Step(start.Add(time.Duration(i+1)*time.Minute), impacts)
	}
	if got := m.All()[0].Lead.Process; got != "invoice-posting" {
		t.Errorf("remembered by %s, want invoice-posting", got)
	}
}

func TestBeingBlindIsNotAnImpact(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	im := impact("payroll", degr, "")
	im.Reasons[0].Symptom = tiering.Blind
	m.Step(start.Add(time.Second), []tiering.Impact{im})
	if got := m.Open()[0].Members[0].Alerts[0].Name; got != incident.Blind {
		t.Errorf("alert name = %s, want %s", got, incident.Blind)
	}
}

func TestMemorySurvivesARestart(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	m.Step(start.Add(time.Second), []tiering.Impact{impact("invoice-posting", crit, "db")})
	kept, err := json.Marshal(m.Memory())
	if err != nil {
		t.Fatal(err)
	}
	var mem incident.Memory
	if err := json.Unmarshal(kept, &mem); err != nil {
		t.Fatal(err)
	}
	restarted := incident.NewManager(incident.Settings{})
	restarted.Restore(mem)
	restarted.Step(start.Add(time.Minute), []tiering.Impact{impact("invoice-posting", crit, "db")})
	if diff := cmp.Diff([]string{"invoice-posting business-critical page"}, alerts(restarted)); diff != "" {
		t.Errorf("alerts after a restart (-want +got):\n%s", diff)
	}
	if got, want := restarted.Open()[0].ID, mem.Open[0].ID; got != want {
		t.Errorf("incident id after a restart = %s, want %s", got, want)
	}
}
