package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// settling is how long incidents settle in these tests: ten ticks of play.
const settling = 5 * time.Minute

func newSettling() *incident.Manager { return incident.NewManager(incident.Settings{Settle: settling}) }

// times is one step, so often.
func times(n int, s step) []step { return slices.Repeat([]step{s}, n) }

func TestWhatEasedAndComesBack(t *testing.T) {
	paged := step{"it is paged", []tiering.Impact{impact("e-invoicing", crit, "")}, []string{"e-invoicing business-critical page"}, 1}
	eased := step{"it eased: the page goes on", []tiering.Impact{impact("e-invoicing", degr, "")}, []string{"e-invoicing business-critical page", "e-invoicing degradation ticket"}, 1}
	back := step{"it is back", []tiering.Impact{impact("e-invoicing", crit, "")}, []string{"e-invoicing business-critical page", "e-invoicing degradation ticket"}, 1}
	settled := step{"it has settled: the page ends", []tiering.Impact{impact("e-invoicing", degr, "")}, []string{"e-invoicing degradation ticket"}, 1}
	for name, tt := range map[string]struct {
		steps []step
		pages int
	}{
		"before it has settled is no second page":      {slices.Concat([]step{paged}, times(10, eased), []step{back}, times(10, eased), []step{settled}), 1},
		"later is a page like the first":               {slices.Concat([]step{paged}, times(10, eased), times(3, settled), []step{back}), 2},
		"as a degradation again is not paged":          {slices.Concat([]step{paged}, times(10, eased), times(30, settled)), 1},
		"twice, each time later, is a page each time":  {slices.Concat([]step{paged}, times(10, eased), []step{settled, back}, times(10, eased), []step{settled, back}), 3},
		"soon after it came back later, not once more": {slices.Concat([]step{paged}, times(10, eased), []step{settled, back}, times(3, eased), []step{back}), 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newSettling()
			play(t, m, tt.steps)
			if got := m.Open()[0].Pages; got != tt.pages {
				t.Errorf("%d pages, want %d", got, tt.pages)
			}
		})
	}
}

func TestWhatIsOverAndComesBack(t *testing.T) {
	paged := step{"it is paged", []tiering.Impact{impact("invoice-posting", crit, "db")}, []string{"invoice-posting business-critical page"}, 1}
	over := step{"it is over: the page goes on while it settles", []tiering.Impact{impact("invoice-posting", none, "")}, []string{"invoice-posting business-critical page"}, 1}
	recovered := step{"it has settled", []tiering.Impact{impact("invoice-posting", none, "")}, nil, 0}
	again := step{"it is back", []tiering.Impact{since(impact("invoice-posting", crit, "db"), start.Add(time.Hour))}, []string{"invoice-posting business-critical page"}, 1}
	for name, tt := range map[string]struct {
		steps            []step
		incidents, pages int
	}{
		"before it has settled is the same incident": {slices.Concat([]step{paged}, times(9, over), times(3, paged), times(10, over), []step{recovered}), 1, 1},
		"later is another":                           {slices.Concat([]step{paged}, times(10, over), times(5, recovered), []step{again}), 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newSettling()
			play(t, m, tt.steps)
			pages := 0
			for _, inc := range m.All() {
				pages += inc.Pages
			}
			if n := len(m.All()); n != tt.incidents || pages != tt.pages {
				t.Errorf("%d incidents with %d pages, want %d with %d", n, pages, tt.incidents, tt.pages)
			}
		})
	}
}

func since(im tiering.Impact, at time.Time) tiering.Impact {
	im.Since = at
	return im
}

func TestWhoLeftLongAgoIsNoMember(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	play(t, m, []step{
		{"two fail for want of the database", []tiering.Impact{impact("payroll", crit, "db"), impact("reporting", degr, "db")}, []string{"payroll business-critical page", "reporting degradation ticket"}, 1},
		{"the one recovers", []tiering.Impact{impact("payroll", none, ""), impact("reporting", degr, "db")}, []string{"reporting degradation ticket"}, 1},
		{
			"it fails again, and nobody knows why: that is another matter",
			[]tiering.Impact{impact("payroll", crit, ""), impact("reporting", degr, "db")},
			[]string{"payroll business-critical page", "reporting degradation ticket"},
			2,
		},
	})
}

func TestOutcomesOfATenantThatNothingTellsOfAreOneIncident(t *testing.T) {
	blind := func(proc, tenant string) tiering.Impact {
		im := impact(proc, crit, "")
		im.Tenant, im.Reasons[0].Symptom = tenant, tiering.Blind
		return im
	}
	for name, tt := range map[string]struct {
		impacts []tiering.Impact
		open    int
	}{
		"one dead prober":          {[]tiering.Impact{blind("payroll", "prod"), blind("invoice-posting", "prod"), blind("reporting", "prod")}, 1},
		"those of another tenant":  {[]tiering.Impact{blind("payroll", "prod"), blind("reporting", "other")}, 2},
		"one that is seen to fail": {[]tiering.Impact{blind("payroll", "prod"), impact("reporting", crit, "")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := newSettling()
			m.Step(start, tt.impacts)
			m.Step(start.Add(time.Minute), tt.impacts)
			if n, all := len(m.Open()), len(m.All()); n != tt.open || all != n {
				t.Errorf("%d incidents open of %d, want %d and no other", n, all, tt.open)
			}
		})
	}
}

// An incident's life: raised, escalated, taken, recovering, recovered.
func TestTheLifeOfAnIncident(t *testing.T) {
	m := newSettling()
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	better := func(im tiering.Impact) tiering.Impact {
		im.Recovering, im.Hold.Below = true, at(9)
		return im
	}
	var states []string
	for _, s := range []struct {
		minute  int
		impacts []tiering.Impact
		take    string
	}{
		{1, []tiering.Impact{impact("reporting", degr, "db")}, ""},
		{2, []tiering.Impact{impact("reporting", degr, "db"), impact("payroll", crit, "db")}, ""},
		{3, []tiering.Impact{impact("reporting", degr, "db"), impact("payroll", crit, "db")}, "on-call"},
		{4, []tiering.Impact{impact("reporting", degr, "db"), impact("payroll", crit, "db")}, "controller"},
		{10, []tiering.Impact{better(impact("reporting", degr, "db")), impact("payroll", crit, "db")}, ""},
		{11, []tiering.Impact{better(impact("reporting", degr, "db")), better(impact("payroll", crit, "db"))}, ""},
		{12, []tiering.Impact{better(impact("reporting", degr, "db")), impact("payroll", crit, "db")}, ""},
		{13, []tiering.Impact{impact("reporting", none, ""), better(impact("payroll", crit, "db"))}, ""},
		{20, []tiering.Impact{impact("reporting", none, ""), impact("payroll", none, "")}, ""},
		{24, []tiering.Impact{impact("reporting", none, ""), impact("payroll", none, "")}, ""},
		{25, []tiering.Impact{impact("reporting", none, ""), impact("payroll", none, "")}, ""},
	} {
		if s.take != "" {
			m.Acknowledge(at(s.minute), m.Open()[0].ID, s.take)
		}
		m.Step(at(s.minute), s.impacts)
		states = append(states, string(m.All()[0].State()))
	}
	want := "open open acknowledged acknowledged acknowledged recovering acknowledged recovering recovering recovering recovered"
	if diff := cmp.Diff(want, strings.Join(states, " ")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	inc := m.All()[0]
	type rise struct {
		At   time.Time
		Tier tiering.Tier
		By   string
	}
	var rises []rise
	for _, e := range inc.Escalations {
		rises = append(rises, rise{e.At, e.Tier, e.By.Process})
	}
	if diff := cmp.Diff([]rise{{at(1), degr, "reporting"}, {at(2), crit, "payroll"}}, rises); diff != "" {
		t.Errorf("escalations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]incident.Acknowledge{{At: at(4), By: "controller"}}, inc.Later); diff != "" || inc.AcknowledgedBy != "on-call" {
		t.Errorf("taken by %s, then (-want +got):\n%s", inc.AcknowledgedBy, diff)
	}
	took := func(d time.Duration, ok bool) string {
		if !ok {
			return "?"
		}
		return d.String()
	}
	got := []string{inc.ToDetect().String(), took(inc.ToAcknowledge()), took(inc.ToRestore())}
	if diff := cmp.Diff([]string{"1m0s", "2m0s", "9m0s"}, got); diff != "" {
		t.Errorf("to detect, acknowledge, restore (-want +got):\n%s", diff)
	}
}

// Two incidents that turn out to share a cause become the older one. The other
// says so, and whoever takes it takes that.
func TestAMergedIncidentRefersToTheOther(t *testing.T) {
	m := newSettling()
	m.Step(start, []tiering.Impact{impact("invoice-posting", crit, "")})
	m.Step(start.Add(time.Minute), []tiering.Impact{impact("invoice-posting", crit, ""), since(impact("payroll", crit, ""), start.Add(-time.Hour))})
	if len(m.Open()) != 2 {
		t.Fatalf("%d incidents before the cause is known, want 2", len(m.Open()))
	}
	younger := m.Open()[1].ID
	both := []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "db")}
	m.Step(start.Add(2*time.Minute), both)
	if len(m.Open()) != 1 {
		t.Fatalf("%d incidents, want 1", len(m.Open()))
	}
	inc := m.Open()[0]
	if !inc.Opened.Equal(start.Add(-time.Hour)) || inc.Pages != 2 || len(inc.Members) != 2 {
		t.Errorf("opened %v with %d pages and %d members, want the earlier first bad tick, both pages and both members", inc.Opened, inc.Pages, len(inc.Members))
	}
	i := slices.IndexFunc(m.All(), func(x *incident.Incident) bool { return x.ID == younger })
	if i < 0 || m.All()[i].Into != inc.ID || m.All()[i].State() != incident.Merged || m.All()[i].LeadMember() == nil {
		t.Fatalf("the younger one does not say that it is part of %s", inc.ID)
	}
	if !m.Acknowledge(start.Add(3*time.Minute), younger, "on-call") || inc.AcknowledgedBy != "on-call" {
		t.Errorf("taking the younger one takes %q, want the one that goes on", inc.AcknowledgedBy)
	}
	if diff := cmp.Diff([]string{"invoice-posting business-critical page", "payroll business-critical page"}, alerts(m)); diff != "" {
		t.Errorf("alerts after the merge (-want +got):\n%s", diff)
	}
}

// A member that has left the one incident and lasts in the other lasts.
func TestAMergeLosesNoMember(t *testing.T) {
	m := incident.NewManager(incident.Settings{})
	for n, impacts := range [][]tiering.Impact{
		{impact("payroll", crit, "db"), impact("reporting", crit, "db")},
		{impact("payroll", none, ""), impact("reporting", crit, "db")},
		{impact("payroll", crit, ""), impact("reporting", crit, "db")},
		{impact("payroll", crit, "db"), impact("reporting", crit, "db")},
	} {
		m.Step(start.Add(time.Duration(n)*time.Minute), impacts)
	}
	if diff := cmp.Diff([]string{"payroll business-critical page", "reporting business-critical ticket"}, alerts(m)); diff != "" || len(m.Open()) != 1 {
		t.Errorf("%d incidents, alerts (-want +got):\n%s", len(m.Open()), diff)
	}
}

// None is split: a member that turns out to have another cause stays until it is
// over.
func TestNoIncidentIsSplit(t *testing.T) {
	m := newSettling()
	m.Step(start, []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "db")})
	m.Step(start.Add(time.Minute), []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "bank")})
	if len(m.Open()) != 1 || m.Open()[0].Cause.Component != "db" {
		t.Errorf("%d incidents, cause %v; want one, because of db", len(m.Open()), m.Open()[0].Cause)
	}
}

func TestRecoveryLackingSomethingRemainsADegradation(t *testing.T) {
	copied := false
	m := incident.NewManager(incident.Settings{Settle: settling, Checks: func(*incident.Incident) []incident.Check {
		return []incident.Check{
			{Name: "writable", State: incident.Passed, Cause: true},
			{Name: "copy", State: map[bool]incident.CheckState{true: incident.Passed, false: incident.Unknown}[copied], Remains: true, Text: "no standby follows"},
		}
	}})
	works := []tiering.Impact{impact("invoice-posting", none, ""), impact("payroll", none, "")}
	m.Step(start, []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", crit, "db")})
	m.Step(start.Add(time.Minute), works)
	m.Step(start.Add(6*time.Minute), works)
	if diff := cmp.Diff([]string{"invoice-posting degradation ticket"}, alerts(m)); diff != "" {
		t.Fatalf("recovered without a copy (-want +got):\n%s", diff)
	}
	if inc := m.Open()[0]; inc.Tier() != degr || !strings.Contains(inc.LeadMember().Impact.Headline(), "no standby follows") {
		t.Errorf("it remains %s: %s", inc.Tier(), inc.LeadMember().Impact.Headline())
	}
	t.Run("the process fails again", func(t *testing.T) {
		m := restarted(t, m, incident.Settings{Settle: settling})
		m.Step(start.Add(7*time.Minute), []tiering.Impact{impact("invoice-posting", crit, "db"), impact("payroll", none, "")})
		if diff := cmp.Diff([]string{"invoice-posting business-critical page", "invoice-posting degradation ticket"}, alerts(m)); diff != "" {
			t.Errorf("alerts (-want +got):\n%s", diff)
		}
	})
	copied = true
	m.Step(start.Add(7*time.Minute), works)
	if len(m.Open()) != 0 {
		t.Error("it has a copy again and is not recovered")
	}
}
