package main

import (
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An expectation is what a fault must bring about: alerts, read from the real
// Alertmanager's API and nowhere else, and the cause that is ranked first.
type expectation struct {
	fault   string
	lead    string   // process; "" expects nothing, or no more than atMost
	or      []string // processes that may lead instead: chance decides which flow meets the fault first
	tier    string
	sev     string   // of the lead: page or ticket
	row     string   // of the decision table, somewhere in the alert's reason
	cause   string   // component the alert names; "" does not matter
	behind  []string // the candidates, any of which must be ranked first; none when nothing is to be found
	alerts  bool     // its alerts are part of the usual check: others only have their causes looked for
	single  bool     // everything it brings about is one incident
	within  time.Duration
	then    *expectation  // an escalation that follows
	about   string        // with lead "": the process whose causes are looked at; "" when there is nothing to find
	atMost  string        // with lead "": the tier that may come
	watch   time.Duration // with lead "": how long nothing else may come
	resolve time.Duration // after mending
}

const (
	tierCritical = "business-critical"
	tierDegraded = "degradation"
	tierInfo     = "informational"
)

// Any of these may meet a fault first that stops all of them.
func exercised() []string {
	return []string{"payment-registration", "e-invoicing", "bank-reconciliation", "reporting"}
}

// paged is what a fault brings about that stops invoices from being posted.
func paged(fault, row, cause string, behind ...string) expectation {
	return expectation{
		fault: fault, lead: "invoice-posting", or: exercised(), tier: tierCritical, sev: "page", row: row, cause: cause, behind: behind,
		within: 90 * time.Second, resolve: 150 * time.Second,
	}
}

// ticketed is what a fault brings about that only lets one process wait.
func ticketed(fault, lead, row string, behind ...string) expectation {
	return expectation{fault: fault, lead: lead, tier: tierDegraded, sev: "ticket", row: row, behind: behind, within: 120 * time.Second, resolve: 120 * time.Second}
}

// harmless is what a fault brings about that nobody notices: no more than atMost.
func harmless(fault, atMost, about string, behind ...string) expectation {
	return expectation{fault: fault, atMost: atMost, about: about, behind: behind, watch: 60 * time.Second, resolve: 90 * time.Second}
}

// one says that all a fault brings about is one incident.
func one(e expectation) expectation {
	e.single = true
	return e
}

// patient says that a fault takes its time to be noticed.
func patient(e expectation) expectation {
	e.within = 150 * time.Second
	return e
}

// told says that the alerts of a fault are part of the usual check.
func told(e expectation) expectation {
	e.alerts = true
	return e
}

// matrix is the promise of the demo: every fault, and what must come of it.
func matrix() []expectation {
	deaf := told(one(ticketed("jobrunner-deaf", "e-invoicing", "work-missing", "erp job-runner")))
	deaf.then = &expectation{lead: "e-invoicing", tier: tierCritical, sev: "page", row: "failing", within: 150 * time.Second} // nothing is done for a quarter of the objective, and its flow tells it, too
	failing := ticketed("jobs-fail", "e-invoicing", "failing-confirmed", "erp job-runner")                                    // its flow alone tells, and twice
	failing.tier, failing.sev = tierCritical, "page"
	slow := told(ticketed("posting-slow", "invoice-posting", "slow", "erp application"))
	slow.within, slow.resolve = 300*time.Second, 240*time.Second
	return []expectation{
		told(patient(paged("standby-paused", "recovery-point-lost", "db", "db replication"))), // its objective is a minute
		patient(paged("standby-killed", "recovery-point-lost", "db", "db replication")),
		told(one(paged("primary-killed", "failing", "db", "db down"))),
		paged("primary-frozen", "failing", "db", "db down"),
		paged("split-brain", "split-brain", "db", "db split-brain"),
		harmless("archiving-fails", tierInfo, "invoice-posting", "db archiving"),
		paged("table-locked", "failing", "db", "db locks"),
		paged("transaction-forgotten", "failing", "db", "db locks"),
		paged("connections-exhausted", "failing", "db", "db connections"),
		paged("role-locked-out", "failing", "", "erp application"),
		harmless("watcher-locked-out", tierInfo, "invoice-posting"),

		told(one(paged("redis-stalled", "failing", "cache", "cache down"))),
		paged("redis-killed", "failing", "cache", "cache down"),
		patient(paged("redis-full", "failing", "cache", "cache writes")), // who is logged in works on for a while
		patient(paged("redis-refuses-writes", "failing", "cache", "cache writes")),
		told(one(paged("traefik-stopped", "failing", "ingress", "ingress down"))),
		harmless("bank-down", tierInfo, "bank-feed", "bank service"),

		told(one(paged("posting-fails", "failing-confirmed", "", "erp application"))),
		paged("module-deployed", "failing-confirmed", "", "erp application"),
		slow,
		paged("workers-exhausted", "failing", "", "erp workers", "erp down"),
		paged("transactions-collide", "failing", "", "erp application", "erp conflicts"),
		ticketed("prober-refused", "invoice-posting", "failing-users-fine", "test"),
		ticketed("prober-without-rights", "invoice-posting", "failing-users-fine", "test"),
		deaf,
		ticketed("jobrunner-gone", "e-invoicing", "work-missing", "erp job-runner"),
		ticketed("jobs-stuck", "e-invoicing", "work-missing", "erp job-runner"),
		failing,
		told(ticketed("cron-deactivated", "subscription-billing", "work-missing", "erp scheduled-actions")),
		ticketed("printing-fails", "reporting", "failing", "erp documents", "erp application"),
		paged("maintenance-page", "failing", "", "erp down", "erp application"),
		paged("erp-stopped", "failing", "erp", "erp down"),

		told(harmless("idle-primary", "", "")),
		told(harmless("cpu-burn", tierInfo, "")),
	}
}

// reached returns the process of which an expected verdict stands at a tick, or a
// graver one.
func (e *expectation) reached(t *app.Tick) (process string, ok bool) {
	var want tiering.Tier
	if err := want.UnmarshalText([]byte(e.tier)); err != nil {
		return "", false
	}
	for _, im := range t.Impacts {
		leads := im.Process == e.lead || slices.Contains(e.or, im.Process)
		row := slices.ContainsFunc(im.Reasons, func(r tiering.Reason) bool { return strings.Contains(r.Row, e.row) })
		caused := e.cause == "" || im.Cause != nil && im.Cause.Component == e.cause
		if leads && caused && (row && im.Tier == want || im.Tier > want) {
			return im.Process, true
		}
	}
	return "", false
}

// words say what must come.
func (e expectation) words() string {
	switch {
	case e.lead == "" && e.atMost != "":
		return e.atMost + " at most"
	case e.lead == "":
		return "nothing"
	case e.then != nil:
		return e.tier + " " + e.sev + ", then " + e.then.tier + " " + e.then.sev
	default:
		return e.tier + " " + e.sev
	}
}
