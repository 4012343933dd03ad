package web_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	catalogue "github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// now is the instant of every page in the tests: Tuesday of a close.
var now = time.Date(2026, 12, 1, 14, 5, 20, 0, time.UTC)

func at(hhmmss string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-12-01 "+hhmmss)
	if err != nil {
		panic(err) // a mistake in a test's literal
	}
	return t
}

func secs(d time.Duration) *web.Seconds {
	s := web.Seconds(d)
	return &s
}

// estate is a Source made of values.
type estate struct {
	overview  web.Overview
	incidents map[string]web.Incident
	order     []string
	status    web.Status
	runbooks  []web.Runbook
}

func (e estate) Overview() web.Overview { return e.overview }

func (e estate) Incidents() []web.IncidentSummary {
	var out []web.IncidentSummary
	for _, id := range e.order {
		out = append(out, e.incidents[id].IncidentSummary)
	}
	return out
}

func (e estate) Incident(id string) (web.Incident, bool) {
	in, ok := e.incidents[id]
	return in, ok
}

func (e estate) Status() web.Status { return e.status }

func (e estate) Runbooks() []web.Runbook { return e.runbooks }

func (e estate) Runbook(name string) (web.Runbook, bool) {
	i := slices.IndexFunc(e.runbooks, func(b web.Runbook) bool { return b.Name == name })
	if i < 0 {
		return web.Runbook{}, false
	}
	return e.runbooks[i], true
}

// shelf is the runbooks as they are shipped.
func shelf() []web.Runbook {
	var out []web.Runbook
	for _, name := range wording.Runbooks() {
		text, _ := wording.Runbook(name)
		about := func(p catalogue.Process) bool { return p.Name == name }
		out = append(out, web.Runbook{Name: name, Process: slices.ContainsFunc(catalogue.Catalog(), about), Text: text})
	}
	return out
}

func zone() *time.Location {
	z, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		panic(err)
	}
	return z
}

func process(name, title, tier string, verdict web.Tier, reason string) web.Process {
	return web.Process{
		Name: name, Title: title, Entity: "acme-at", Tenant: "prod", Environment: "production",
		ServiceTier: tier, Tier: verdict, Since: at("06:00:30"), DataAt: at("14:05:02"),
		Reasons: []web.Reason{{Text: reason}},
	}
}

func passing(name string, level flow.Level, blind ...string) web.Coverage {
	return web.Coverage{
		Flow: name, Level: level, Outcome: flow.Passed, At: at("14:04:41"),
		Duration: web.Seconds(1240 * time.Millisecond), CannotDetect: blind,
	}
}

func component(name, kind, summary string, usedBy ...string) web.Component {
	return web.Component{
		Name: name, Kind: kind, Environment: "production", State: signal.OK,
		Since: at("02:10:00"), DataAt: at("14:05:10"), Summary: summary, UsedBy: usedBy,
	}
}

// healthy is an estate in which nothing is wrong, though not everything is seen.
func healthy() estate {
	posting := process("invoice-posting", "Invoice posting", "A", web.TierNone, "invoice-posting passed 39 s ago; 214 entries posted in the last hour.")
	posting.Flows = []web.Coverage{passing("invoice-posting", flow.L3)}
	posting.Deadline = &web.Deadline{Name: "AP cut-off", At: at("16:00:00"), Slack: secs(time.Hour + 54*time.Minute)}
	posting.Objectives = []web.Objective{
		{Name: "availability", Target: 0.995, Budget: new(0.73), Burn: new(0.4), Measured: new(0.9996)},
		{Name: "latency", Target: 0.99, Budget: new(0.91), Burn: new(0.1), Measured: new(0.9996)},
	}
	recon := process("bank-reconciliation", "Bank reconciliation", "B", web.TierNone, "bank-reconciliation passed 2 min ago.")
	recon.Flows = []web.Coverage{passing("bank-reconciliation", flow.L3)}
	recon.NotWatched = []string{"bank feed provider"}
	billing := process("subscription-billing", "Subscription billing", "B", web.TierNone, "Its 2 scheduled actions run on time.")
	reporting := process("reporting", "Reporting", "C", web.TierNone, "Real users: 99.8 % of 1,204 report requests were good in the last hour.")
	reporting.Flows = []web.Coverage{passing("reporting", flow.L0, "posting", "payment", "reconciliation")}
	einvoice := process("e-invoicing", "E-invoicing", "A", web.TierInformational, "Queue depth is twice its usual value for this hour.")
	einvoice.Reasons[0].Because = "No deadline is near and the backlog drains: nothing to do now."
	payroll := web.Process{Name: "payroll", Title: "Payroll", Entity: "acme-at", Environment: "production", ServiceTier: "A", Tier: web.TierUnknown, Reasons: []web.Reason{{Text: "not measurable here: the database has no payroll"}}}
	stock := web.Process{Name: "inventory-valuation", Title: "Inventory valuation", Entity: "acme-at", Environment: "production", ServiceTier: "C", Tier: web.TierUnknown, Reasons: []web.Reason{{Text: "no flow and no expected work is configured"}}}

	return estate{runbooks: shelf(), status: healthyStatus(), overview: web.Overview{
		Estate: "acme-finance", Zone: zone(), AsOf: at("14:05:00"), ConfigHash: "9f3c1d70aa51b2c4",
		Phase:     "WD+1 of the November close",
		Processes: []web.Process{reporting, payroll, billing, posting, recon, einvoice, stock},
		Components: []web.Component{
			component("db", "postgres", "Primary with 1 standby, streaming; replay is 0.2 s behind.", "Invoice posting", "Bank reconciliation", "Subscription billing", "Reporting"),
			component("cache", "redis", "PING answers in 0.3 ms; last saved 4 min ago.", "Invoice posting"),
			component("ingress", "traefik", "12 requests/s, 0.1 % of them 5xx.", "Invoice posting", "Reporting"),
			component("erp", "odoo", "6 of 8 workers idle; 3 jobs waiting.", "Invoice posting", "E-invoicing"),
		},
		BlindSpots: []web.BlindSpot{{What: "Backups", Why: "are not declared in the estate.", Remedy: "Add a recovery section to see backups and restore tests."}},
		Delivery: web.Delivery{State: signal.OK, Text: "Both Alertmanagers accept notifications.", Targets: []web.DeliveryTarget{
			{Name: "alertmanager-a", State: signal.OK, LastSuccess: at("14:05:01")},
			{Name: "alertmanager-b", State: signal.OK, LastSuccess: at("14:05:01")},
		}},
	}}
}

// broken is the same estate with posting stopped by a database failover.
func broken() estate {
	e := healthy()
	o := &e.overview
	slack := &web.Deadline{Name: "AP cut-off", At: at("16:00:00"), Slack: secs(34 * time.Minute)}
	for i := range o.Processes {
		p := &o.Processes[i]
		switch p.Name {
		case "invoice-posting":
			p.Tier, p.Since, p.IncidentID, p.Deadline = web.TierBusinessCritical, at("13:52:30"), "I-118", slack
			p.Reasons = []web.Reason{
				{Text: "invoice-posting failed at post 12 times in a row (unavailable).", Because: "A tier-A outcome fails with a witness, in its critical window."},
				{Text: "No journal entry has been posted since 13:51:48.", Because: "The ledger usually advances every 17 s at this hour."},
			}
			p.Flows[0] = web.Coverage{Flow: "invoice-posting", Level: flow.L3, Outcome: flow.Failed, At: at("14:05:02"), Duration: web.Seconds(5 * time.Second), Reason: "Odoo answered that the database is not available"}
			p.Objectives[0].Budget, p.Objectives[0].Burn = new(-0.12), new(42.0)
		case "bank-reconciliation":
			p.Tier, p.Since, p.IncidentID = web.TierDegradation, at("13:53:00"), "I-118"
			p.Reasons = []web.Reason{{Text: "bank-reconciliation failed at reconcile twice in a row (unavailable).", Because: "Statements for today are complete; the close needs them on WD+2."}}
			p.Flows[0].Outcome = flow.Failed
		case "reporting":
			p.Tier, p.Since, p.DataAt = web.TierUnknown, at("13:58:00"), at("13:56:10")
			p.Reasons = []web.Reason{{Text: "No flow has finished and no user has asked for a report since 13:56.", Because: "Nothing tells whether reports work."}}
			p.Flows[0].Outcome, p.Flows[0].Reason = flow.Unknown, "the run was interrupted"
		case "subscription-billing":
			p.Recovering, p.Tier = true, web.TierDegradation
			p.Reasons = []web.Reason{{Text: "Its scheduled action ran again at 14:03 after 26 min.", Because: "It stands until it has been quiet for 15 min."}}
		}
	}
	for i := range o.Components {
		c := &o.Components[i]
		switch c.Name {
		case "db":
			c.State, c.Since, c.Summary = signal.Critical, at("13:51:50"), "Does not answer; the standby is reachable and 41 s behind."
			c.Findings = []web.Finding{
				{State: signal.Critical, Text: "PostgreSQL db does not answer (unreachable).", Hint: "Check whether the primary runs before promoting the standby.", Since: at("13:51:50")},
				{State: signal.Warning, Text: "The standby has not replayed 41 s of committed work.", Since: at("13:52:10")},
			}
		case "cache":
			c.State, c.DataAt, c.Summary = signal.Unknown, time.Time{}, ""
			c.Findings = []web.Finding{{State: signal.Unknown, Text: "The password was refused (auth).", Hint: "Check the file the estate names for it."}}
		}
	}
	o.BlindSpots = append(o.BlindSpots, web.BlindSpot{What: "Redis cache", Why: "refuses our password.", Since: at("13:40:00"), Remedy: "Correct the reference components.cache.redis.password."})
	o.Delivery = web.Delivery{State: signal.Warning, Text: "One of two Alertmanagers does not answer; pages still get through.", Pending: 2, Targets: []web.DeliveryTarget{
		{Name: "alertmanager-a", State: signal.OK, LastSuccess: at("14:05:01")},
		{Name: "alertmanager-b", State: signal.Critical, LastSuccess: at("13:44:10"), Error: "dial: connection refused"},
	}}

	in := postingStopped(slack)
	o.Incidents = []web.IncidentSummary{in.IncidentSummary}
	earlier := web.Incident{
		IncidentSummary: web.IncidentSummary{
			ID: "I-117", Title: "Acme AT: reports slow", Tier: web.TierDegradation, Process: "reporting", ProcessTitle: "Reporting",
			Entity: "acme-at", Tenant: "prod", Environment: "production", State: "recovered", Impacts: 1, Cause: "database: long transaction",
			Opened: at("08:12:00").AddDate(0, 0, -1), Acknowledged: at("08:20:00").AddDate(0, 0, -1), Resolved: at("09:02:30").AddDate(0, 0, -1),
		},
		Estate: "acme-finance", Zone: zone(), AsOf: at("14:05:00"), Runbook: "reporting",
		Triage: "acme-at: Reporting works again. It was impaired for 50m. Checked: test transactions go through. Left to catch up: nothing.",
		Update: "15:05 Reporting works again for acme-at since Mon 10:02. It was impaired for 50m. Checked: test transactions go through. " +
			"Left to catch up: nothing. This is the last update.",
		Timeline: []web.Event{{At: at("08:12:00").AddDate(0, 0, -1), Kind: "opened", Text: "Reporting degraded: half of the requests took longer than 20 s."}},
	}
	e.incidents = map[string]web.Incident{in.ID: in, earlier.ID: earlier}
	e.order = []string{in.ID, earlier.ID}
	e.status = brokenStatus()
	return e
}

func healthyStatus() web.Status {
	s := web.Status{
		Estate: "acme-finance", Zone: zone(), AsOf: at("14:05:00"), NotMeasured: []string{"Inventory valuation", "Payroll"},
		Parts: []web.Part{{Name: "Delivery", State: signal.OK, Text: "pages get through"}},
	}
	for _, title := range []string{"Bank reconciliation", "E-invoicing", "Invoice posting", "Reporting", "Subscription billing"} {
		s.Lines = append(s.Lines, line(wording.Situation{Process: title}))
	}
	return s
}

// line is how a process is in words everybody may read.
func line(s wording.Situation) web.StatusLine {
	s.At, s.Zone = at("14:05:00"), zone()
	return web.StatusLine(wording.Status(s))
}

func brokenStatus() web.Status {
	s := healthyStatus()
	s.Parts[0].State, s.Parts[0].Text = signal.Critical, "no Alertmanager answers: pages go by webhook and email"
	s.Lines = []web.StatusLine{
		line(wording.Situation{
			Process: "Invoice posting", Tier: "business-critical", Symptom: "failing", Since: at("13:52:30"), Entities: []string{"acme-at", "acme-be"},
			Meanwhile: "keep saving drafts and do not resubmit", WorkaroundAfter: 2 * time.Hour,
			Workaround: "Keep a list of drafts and post them in small batches once posting works. Never number documents outside the system.",
		}),
		line(wording.Situation{
			Process: "Bank reconciliation", Tier: "degradation", Symptom: "work-missing", Since: at("13:53:00"), Entity: "acme-at",
			Meanwhile: "leave the lines as they are", Workaround: "Import the statement by hand.",
		}),
		line(wording.Situation{Process: "Reporting", Tier: "none", Symptom: "blind", Entity: "acme-at"}),
		line(wording.Situation{Process: "E-invoicing"}),
		line(wording.Situation{Process: "Subscription billing"}),
	}
	return s
}

func postingStopped(slack *web.Deadline) web.Incident {
	run := func(n int, started string) flow.Run {
		begin := at(started)
		return flow.Run{
			ID: fmt.Sprintf("r-%d", n), Flow: "invoice-posting", Process: "invoice-posting", Level: flow.L3,
			Started: begin, Duration: 5210 * time.Millisecond, Outcome: flow.Failed, Kind: fault.Unavailable, FailedStep: "post",
			Reason: "Odoo answered that the database is not available.", Hint: "See the component db.",
			TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
			Steps: []flow.Step{
				{Name: "login", Started: begin, Duration: 84 * time.Millisecond, Note: "uid found"},
				{Name: "guard", Started: begin.Add(84 * time.Millisecond), Duration: 36 * time.Millisecond, Note: "company, journal and lock dates are as agreed"},
				{Name: "create", Started: begin.Add(120 * time.Millisecond), Duration: 310 * time.Millisecond, Note: "state=draft"},
				{Name: "post", Started: begin.Add(430 * time.Millisecond), Duration: 4780 * time.Millisecond, Kind: fault.Unavailable, Error: "psycopg2.OperationalError: server closed the connection"},
				{Name: "delete draft", Started: begin.Add(5210 * time.Millisecond), Duration: 600 * time.Millisecond, Cleanup: true, Note: "left to the janitor"},
			},
			Leftovers: []string{"1 draft in the synthetic company"},
		}
	}
	return web.Incident{
		IncidentSummary: web.IncidentSummary{
			ID: "I-118", Title: "Acme AT: journal posting stopped (AP cut-off in 1 h 54 min)", Tier: web.TierBusinessCritical,
			Process: "invoice-posting", ProcessTitle: "Invoice posting", Entity: "acme-at", Tenant: "prod", Environment: "production",
			State: "acknowledged", Cause: "database db does not answer", Impacts: 3, Opened: at("13:52:30"), Acknowledged: at("13:55:12"), Deadline: slack,
		},
		Estate: "acme-finance", Zone: zone(), AsOf: at("14:05:00"),
		Triage: "acme-at: Invoice posting fails, since 14:52 (12m of RTO 4h). AP cut-off in 1h54m, slack 34m. Probably db. First: Check whether the primary runs: its process, its disk, its log.",
		Update: "15:05 Invoice posting is paused for acme-at since 14:52. Data entered until 15:04 is safe. Please keep saving drafts and do not resubmit. " +
			"AP cut-off (17:00) can still be met if this is fixed by 15:39. Decision point 15:09 by the AP and AR leads. Next update 15:22.",
		NextUpdate: at("14:22:00"), UpdateEvery: web.Seconds(30 * time.Minute), Runbook: "invoice-posting",
		Stops: "No invoice, bill or journal entry can be posted.",
		ImpactList: []web.Impact{
			{
				Process: "invoice-posting", Title: "Invoice posting", Entity: "acme-at", Tenant: "prod", Environment: "production", ServiceTier: "A",
				Tier: web.TierBusinessCritical, Lead: true, Severity: "page", Since: at("13:52:30"),
				Reasons: []web.Reason{
					{Text: "invoice-posting failed at post 12 times in a row (unavailable).", Because: "A tier-A outcome fails with a witness, in its critical window."},
					{Text: "No journal entry has been posted since 13:51:48.", Because: "The ledger usually advances every 17 s at this hour."},
				},
			},
			{
				Process: "bank-reconciliation", Title: "Bank reconciliation", Entity: "acme-at", Tenant: "prod", Environment: "production", ServiceTier: "B",
				Tier: web.TierDegradation, Severity: "ticket", Since: at("13:53:00"),
				Reasons: []web.Reason{{Text: "bank-reconciliation failed at reconcile twice in a row (unavailable)."}},
			},
			{
				Process: "subscription-billing", Title: "Subscription billing", Entity: "acme-at", Tenant: "prod", Environment: "production", ServiceTier: "B",
				Tier: web.TierDegradation, Severity: "info", Since: at("13:54:00"), Ended: at("14:03:00"),
				Reasons: []web.Reason{{Text: "Its scheduled action was 26 min late."}},
			},
		},
		CauseFound: &web.Cause{
			Component: "db", Kind: "postgres", Text: "The PostgreSQL primary db does not answer.", Confidence: "high",
			Evidence: []web.Evidence{
				{Text: "PostgreSQL does not answer (unreachable)", State: signal.Critical, Signal: "postgres_up", At: at("13:51:50")},
				{Text: "The standby reports that its sender is gone", State: signal.Critical, Signal: "postgres_wal_receiver", At: at("13:51:52")},
				{Text: "Ingress answers 502 for 96 % of requests", State: signal.Warning, Signal: "traefik_service_errors", At: at("13:52:05")},
			},
			For:     []string{"it began 10s earlier", "erp, which rests on it, is unhealthy too"},
			Against: []string{"reporting works, which needs it too"},
			RuledOut: []web.Evidence{
				{Text: "Ingress: answers, certificate valid for 61 days", State: signal.OK},
				{Text: "Redis: not seen, so not ruled out", State: signal.Unknown},
			},
		},
		Suspects: []web.Suspect{
			{Text: "erp does not answer", Confidence: "possible", For: []string{"Odoo erp does not answer its health check"}, Against: []string{"db is critical, which explains it"}},
			{Text: "a change of ingress", Confidence: "possible", For: []string{"ingress was changed 3h10m before (configuration): routes of the ERP"}},
		},
		Reach: &web.Reach{Component: "db", Groups: []web.ReachGroup{
			{State: signal.Critical, Word: "Impaired", Who: []string{"Invoice posting of acme-uk", "Bank feed of acme-uk"}},
			{State: signal.Unknown, Word: "Not known", Who: []string{"Payroll of acme-uk", "Payroll of acme-ie", "Reporting of acme-uk", "Reporting of acme-ie", "Procurement of acme-uk", "Procurement of acme-ie", "Bank feed of acme-ie"}},
			{State: signal.OK, Word: "Seen to work", Who: []string{"E-invoicing of acme-ie"}},
		}},
		Order: []web.Turn{
			{What: "db", Why: "critical; bank-feed and invoice-posting need it"},
			{What: "Invoice posting of acme-uk", Why: "service tier A, 2h15m left for AP cut-off, in its critical window (close of 2026-11)"},
			{What: "Bank feed of acme-uk", Why: "service tier B, no deadline is near"},
		},
		DoFirst: []string{
			"Check whether the primary runs: its process, its disk, its log.",
			"If it cannot be started within 10 min, promote the standby: 41 s of committed work is not on it.",
			"After either, post one draft by hand and watch the first run of invoice-posting pass.",
		},
		DoNot: []string{
			"Do not ask users to resubmit: entries may already be posted.",
			"Do not requeue jobs in state started: they may run twice.",
		},
		Workaround: "Keep working in drafts and list them; post in small batches once posting works. Never number documents outside the system.",
		Who: []web.Contact{
			{Role: "finance-platform on call", Does: "restores the outcome"},
			{Role: "AP and AR leads", Does: "decide about the cut-off by 15:30"},
		},
		Trace: []web.TraceRow{
			{Symptom: "failing", Row: "failing-slack-gone", Tier: web.TierBusinessCritical, Why: "needs: the deadline can no longer be met"},
			{Symptom: "failing", Row: "failing-witnessed", Matched: true, Tier: web.TierBusinessCritical, Why: "witnessed by two failing runs and by an unhealthy hard dependency"},
			{Symptom: "recovery-point", Row: "rpo-beyond", Tier: web.TierBusinessCritical, Why: "exposure 41 s is within 15 min"},
		},
		RTO: &web.Clock{Elapsed: secs(12*time.Minute + 50*time.Second), Objective: web.Seconds(4 * time.Hour), Running: true},
		RPO: &web.Clock{Elapsed: secs(41 * time.Second), Objective: web.Seconds(15 * time.Minute), Running: true, Note: "not on the standby"},
		Life: web.Life{
			Detected: at("13:53:30"), ToDetect: web.Seconds(time.Minute), ToAcknowledge: secs(102 * time.Second), Pages: 1, RTO: "running", RPO: "met",
			Escalations: []web.Escalation{{At: at("13:53:30"), Tier: web.TierBusinessCritical, Process: "invoice-posting", Entity: "acme-at"}},
			Taken:       []web.Taken{{At: at("13:55:12"), By: "role:on-call"}},
		},
		Checks: []web.Check{
			{Name: "answers", State: "waiting", Text: "db does not answer", Holds: true},
			{Name: "writable", State: "unknown", Text: "nobody can tell whether db accepts writes", Holds: true},
			{Name: "one-primary", State: "passed", Text: "db has one server that accepts writes"},
			{Name: "scheduled-actions", State: "not checked", Text: "no scheduled action has been due since"},
		},
		Recoveries: []web.Recovery{
			{
				Process: "invoice-posting", Title: "Invoice posting", Entity: "acme-at", Tenant: "prod", RTOIs: "running", RPOIs: "running", Postings: new(float64(12)),
				RTO: &web.Clock{Elapsed: secs(12*time.Minute + 30*time.Second), Objective: web.Seconds(4 * time.Hour), Running: true},
				RPO: &web.Clock{Elapsed: secs(41 * time.Second), Objective: web.Seconds(15 * time.Minute), Running: true},
			},
			{
				Process: "payment-registration", Title: "Payment registration", Entity: "acme-at", Tenant: "prod", RTOIs: "missed", RTOMark: 100, RPOIs: "not measured",
				RTO: &web.Clock{Elapsed: secs(12*time.Minute + 30*time.Second), Objective: web.Seconds(10 * time.Minute), Running: true},
			},
			{Process: "bank-reconciliation", Title: "Bank reconciliation", Entity: "acme-at", Tenant: "prod", RTOIs: "not measured", RPOIs: "not measured"},
		},
		Timeline: []web.Event{
			{At: at("13:51:50"), Kind: "component", Text: "db stopped answering"},
			{At: at("13:52:30"), Kind: "opened", Text: "Invoice posting became business-critical"},
			{At: at("13:52:31"), Kind: "paged", Text: "finance-platform, by alertmanager-a"},
			{At: at("13:53:00"), Kind: "joined", Text: "Bank reconciliation shares the cause"},
			{At: at("13:55:12"), Kind: "acknowledged", Text: "silence created for 1 h"},
			{At: at("14:03:00"), Kind: "recovered", Text: "Subscription billing"},
		},
		Changes: []web.Event{{At: at("09:30:00"), Kind: "estate", Text: "configuration 9f3c1d70 loaded: L3 enabled for bank-reconciliation"}},
		Runs:    []flow.Run{run(12, "14:04:57"), run(11, "14:03:57")},
		Links: []web.Link{
			{Title: "Notes of the team", URL: "https://wiki.example.com/invoice-posting"},
			{Title: "On-call triage in Grafana", URL: "https://grafana.example.com/d/closewatch-triage"},
		},
	}
}
