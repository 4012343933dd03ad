package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// twoEntities is one tenant's company in London and one in Vienna.
const twoEntities = `entities:
  - {name: acme-uk, tenant: prod, company: 1, timezone: Europe/London}
  - {name: acme-at, tenant: prod, company: 3, timezone: Europe/Vienna}
`

const hardClose = `calendar:
  holidays: [2026-12-25, 2027-12-25]
  freezes:
    - {id: year-end, title: year-end close, scope: {components: [erp]}, from: WD+5 00:00, to: WD+5 18:00, level: hard, breakGlass: {approvers: 2}}
    - {id: soft, from: WD+4 00:00, to: WD+5 18:00, level: soft}
`

// pacedBy is what tells the pace of an estate's only Odoo component.
func pacedBy(t *testing.T, body string) func(string, time.Time) schedule.Pace {
	t.Helper()
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+body)
	return p.pacer(p.components[0], newCalendars(p.Estate, entities(p.Estate, p.tenants)))
}

func TestPaceIsThatOfTheMostCriticalEntity(t *testing.T) {
	doubted := `calendar:
  default: own
  days: {own: {add: [{on: 2026-12-25, name: Christmas}], checked: 2025-01-01, maxAge: 30d}}
`
	tests := map[string]struct {
		estate, process, at string
		want                schedule.Pace
	}{
		"a morning between two closes":      {hardClose, "invoice-posting", "2026-12-15T10:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"early in Vienna":                   {hardClose, "invoice-posting", "2026-12-15T05:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"before that":                       {hardClose, "invoice-posting", "2026-12-15T04:59:59Z", schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"}},
		"late in London":                    {hardClose, "invoice-posting", "2026-12-15T19:59:59Z", schedule.Pace{Tempo: schedule.Steady}},
		"after that":                        {hardClose, "invoice-posting", "2026-12-15T20:00:00Z", schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"}},
		"a Saturday":                        {hardClose, "invoice-posting", "2026-12-12T10:00:00Z", schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"}},
		"a holiday":                         {hardClose, "invoice-posting", "2026-12-25T10:00:00Z", schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"}},
		"the process's critical window":     {hardClose, "bank-reconciliation", "2026-12-02T10:00:00Z", schedule.Pace{Tempo: schedule.Critical, Why: "WD+1 to WD+3 of 2026-11"}},
		"the same day, not of this process": {hardClose, "inventory-valuation", "2026-12-04T10:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"a critical window goes on at night": {
			hardClose, "bank-reconciliation", "2026-12-02T02:00:00Z", schedule.Pace{Tempo: schedule.Critical, Why: "WD+1 to WD+3 of 2026-11"},
		},
		"hard close":                   {hardClose, "invoice-posting", "2026-12-07T10:00:00Z", schedule.Pace{Tempo: schedule.Steady, Closed: "hard close: year-end close"}},
		"hard close has ended in both": {hardClose, "invoice-posting", "2026-12-07T18:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"hard close goes on in London": {hardClose, "invoice-posting", "2026-12-07T17:59:59Z", schedule.Pace{Tempo: schedule.Steady, Closed: "hard close: year-end close"}},
		"a soft freeze alone":          {hardClose, "invoice-posting", "2026-12-04T10:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"a freeze of something else":   {strings.Replace(hardClose, "[erp]", "[db]", 1), "invoice-posting", "2026-12-07T10:00:00Z", schedule.Pace{Tempo: schedule.Steady}},
		"other hours are worked": {
			hardClose + `schedule: {day: {from: "09:00", to: "17:30"}}` + "\n", "invoice-posting", "2026-12-15T17:30:00Z", schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"},
		},
	}
	paced := map[string]func(string, time.Time) schedule.Pace{} // by estate
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := twoEntities + tt.estate
			if strings.Contains(tt.estate, "[db]") {
				body = database + body
			}
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			if paced[body] == nil {
				paced[body] = pacedBy(t, body)
			}
			if diff := cmp.Diff(tt.want, paced[body](tt.process, at)); diff != "" {
				t.Errorf("pace (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a calendar in doubt is critical, and closed where it has hard freezes", func(t *testing.T) {
		for _, freezes := range []bool{false, true} {
			body := twoEntities + doubted
			if freezes {
				body += "  freezes: [{id: year-end, from: WD+5 00:00, to: WD+5 18:00, level: hard, breakGlass: {approvers: 2}}]\n"
			}
			got := pacedBy(t, body)("invoice-posting", noon)
			if got.Tempo != schedule.Critical || !strings.Contains(got.Why, "the calendar is in doubt: own: ") {
				t.Errorf("pace %q: %s", got.Tempo, got.Why)
			}
			if closed := strings.HasPrefix(got.Closed, "nobody knows whether it is hard close, the calendar is in doubt: own"); closed != freezes {
				t.Errorf("with hard freezes %t: closed: %q", freezes, got.Closed)
			}
		}
	})
	for name, body := range map[string]string{
		"no calendar":         twoEntities,
		"a close of no phase": twoEntities + "calendar: {close: none}\n",
		"a fixed pace":        twoEntities + hardClose + "schedule: {pace: fixed}\n",
		"no entity of it":     "entities: [{name: other, tenant: other}]\n" + hardClose,
	} {
		t.Run("constant with "+name, func(t *testing.T) {
			if pacedBy(t, body) != nil {
				t.Error("the pace is not constant")
			}
		})
	}
}

// A slower pace is no reason to miss a flow, a faster one counts from when it
// began, and whoever died is missed after three turns.
func TestAFlowIsMissedByThePaceInForce(t *testing.T) {
	evening := noon.Truncate(24 * time.Hour).Add(20 * time.Hour)
	morning := evening.Add(10 * time.Hour)
	plan := flowPlan{level: flow.L3, rest: flow.L1, timeout: time.Minute, interval: func(at time.Time) time.Duration {
		if !at.Before(evening) && at.Before(morning) {
			return 5 * time.Minute
		}
		return time.Minute
	}}
	tests := map[string]struct {
		ran, at time.Time
		want    tiering.FlowState
	}{
		"by day, three turns and a run":             {noon, noon.Add(4 * time.Minute), tiering.FlowPassing},
		"by day, more than that":                    {noon, noon.Add(4*time.Minute + time.Second), tiering.FlowStale},
		"in the evening, it has just become slower": {evening.Add(-time.Second), evening.Add(7 * time.Minute), tiering.FlowPassing},
		"in the evening, it died before that":       {evening.Add(-time.Second), evening.Add(16 * time.Minute), tiering.FlowStale},
		"at night, three turns and a run":           {evening.Add(time.Hour), evening.Add(time.Hour + 16*time.Minute), tiering.FlowPassing},
		"at night, more than that":                  {evening.Add(time.Hour), evening.Add(time.Hour + 17*time.Minute), tiering.FlowStale},
		"in the morning, it has just become faster": {morning.Add(-5 * time.Minute), morning.Add(90 * time.Second), tiering.FlowPassing},
		"in the morning, it died before that":       {morning.Add(-5 * time.Minute), morning.Add(4 * time.Minute), tiering.FlowStale},
		"in the morning, it died long before":       {morning.Add(-17 * time.Minute), morning, tiering.FlowStale},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := &flowBook{history: flow.NewHistory(), plans: map[flowKey]flowPlan{{"production", "prod", "invoice-posting"}: plan}}
			b.history.Add(changed(ran(0, flow.Passed), func(r *flow.Run) { r.Started = tt.ran }))
			if got, _ := b.Flow("production", "prod", "invoice-posting", tt.at); got.State != tt.want {
				t.Errorf("it is %s, want %s", got.State, tt.want)
			}
		})
	}
	t.Run("at the level in force", func(t *testing.T) {
		b := &flowBook{history: flow.NewHistory(), plans: map[flowKey]flowPlan{{"production", "prod", "invoice-posting"}: plan}}
		b.history.Add(ran(2*time.Minute, flow.Failed))
		b.history.Add(changed(ran(time.Minute, flow.Failed), func(r *flow.Run) { r.Level = flow.L1 }))
		if got, _ := b.Flow("production", "prod", "invoice-posting", noon); got.Level != "L1" || got.Failures != 2 || !got.LastRun.Equal(noon.Add(-time.Minute)) {
			t.Errorf("level %s, %d failures, last run %s", got.Level, got.Failures, got.LastRun)
		}
	})
}

// Who may write is settled where everybody who may can be reached.
func TestTheLeaseOfAnEstate(t *testing.T) {
	own := strings.Replace(odoo("erp", "prod", ""), "login: cw", `login: cw, sql: {dsn: "postgres://cw@127.0.0.1:1/other"}`, 1)
	replicated := `  db: {postgres: {dsn: "postgres://cw@127.0.0.1:1,127.0.0.1:2/postgres", standbys: [{dsn: "postgres://cw@127.0.0.1:3/postgres"}]}}
`
	tests := map[string]struct {
		body    string
		servers int
		all     bool // of all machines
	}{
		"no SQL":                       {"components:\n" + odoo("erp", "prod", ""), 0, false},
		"its own SQL":                  {"components:\n" + replicated + own, 1, true},
		"the environment's PostgreSQL": {"components:\n" + replicated + odoo("erp", "prod", ""), 2, true},
		"a file, since that is enough": {"components:\n" + own + "schedule: {lease: file}\n", 1, false},
		"PostgreSQL of another place":  {"components:\n" + replicated + odoo("erp", "prod", "environment: staging"), 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, tt.body)
			c := p.components[len(p.components)-1]
			servers, _ := p.servers(c)
			_, all := p.lease(c, proberSettings{state: t.TempDir()}).(schedule.Leases)
			if len(servers) != tt.servers || all != tt.all {
				t.Errorf("%d servers, of all machines %t; want %d, %t", len(servers), all, tt.servers, tt.all)
			}
		})
	}
}
