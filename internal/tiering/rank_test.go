package tiering_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// began is when the outcome of a situation was first seen to fail.
var began = ago(5 * time.Minute)

// situation is a subject that needs every kind of component; each case breaks
// some of it.
func situation(change ...func(*tiering.Evidence)) tiering.Evidence {
	e := posting()
	e.Progress.Advanced = ago(10 * time.Minute) // nobody posts any more
	e.Flows[0].LastRun = ago(10 * time.Second)
	need := func(component, kind string, role process.Role, fine ...string) tiering.Need {
		return tiering.Need{Component: component, Kind: kind, Role: role, State: signal.OK, Since: ago(48 * time.Hour), Fine: fine}
	}
	e.Needs = []tiering.Need{
		need("backups", process.Backup, process.Redundant, "archive"),
		need("bank-api", "endpoint", process.Soft, "service"),
		need("cache", process.Redis, process.Soft, "down", "writes", "latency"),
		need("cert", process.Certificate, process.Soft, "refused"),
		need("db", process.Postgres, process.Hard, "down", "read-only", "locks", "connections", "storage", "replication"),
		need("erp", process.Odoo, process.Hard, "down", "workers"),
		need("ingress", process.Traefik, process.Hard, "down", "behind"),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

// fails has the flow fail in a way since the outcome began to.
func fails(kind fault.Kind) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		flowFails(3, began)(e)
		e.Flows[0].Kind, e.Flows[0].Previous = kind, ago(time.Minute)
	}
}

func flowNamed(name string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) { e.Flows[0].Name = name }
}

// sees adds a bad signal of a component. Names that begin with a + are part of
// its health.
func sees(component, name string, state signal.State, since time.Time, text string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		name, health := strings.CutPrefix(name, "+")
		n := &e.Needs[slices.IndexFunc(e.Needs, func(n tiering.Need) bool { return n.Component == component })]
		n.Signals = append(n.Signals, tiering.SignalSeen{Name: name, Health: health, State: state, Since: since, Text: text})
		n.Evidence = append(n.Evidence, text)
		n.Fine = slices.DeleteFunc(slices.Clone(n.Fine), func(f string) bool { return f == tiering.FamilyOf(n.Kind, name).Name })
		if health && (n.State == signal.OK || signal.Worst(n.State, state) != n.State) {
			n.State, n.Since = state, since
		}
	}
}

func missing(source process.WorkSource, says string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Work = append(e.Work, tiering.Work{Source: source, Name: says, Says: says, Missing: true, Since: began, Why: "nothing was done since 13:55"})
	}
}

func changed(component, kind, what string, before time.Duration) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Changes = append(e.Changes, tiering.Change{At: began.Add(-before), Kind: kind, Component: component, What: what, Reference: "abc1234"})
	}
}

// finds adds what a signal shows that is a symptom by itself.
func finds(symptom tiering.Symptom, component, name string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Findings = append(e.Findings, tiering.Finding{Symptom: symptom, Signal: name, Component: component, State: warn, Since: began, Text: "found"})
	}
}

func othersAt(component string, fail, work []string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		for i := range e.Needs {
			if e.Needs[i].Component == component {
				e.Needs[i].Fails, e.Needs[i].Works = fail, work
			}
		}
	}
}

func noLongerWatched(what string) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) { e.NotWatched = append(e.NotWatched, what) }
}

func usersStillPost(e *tiering.Evidence) { e.Progress.Advanced = ago(5 * time.Second) }

func noFlow(e *tiering.Evidence) { e.Flows = nil }

const (
	warn = signal.Warning
	crit = signal.Critical
)

// Each situation is one that users of Odoo have met, or a fault of the lab.
var situations = map[string]struct {
	evidence tiering.Evidence
	first    string // component and family, or the kind of what is no component
	sure     tiering.Confidence
	cause    string   // component that incidents are grouped by
	says     []string // somewhere for it
	but      []string // somewhere against any candidate
	out      []string // among what is ruled out, with the reason
}{
	// Faults of the lab.
	"primary killed": {
		evidence: situation(fails(fault.Unavailable), sees("db", "+postgres_up", crit, began.Add(-10*time.Second), "PostgreSQL db does not answer"),
			sees("erp", "+odoo_up", crit, began, "Odoo erp does not answer its health check"), sees("erp", "odoo_jobrunner_gone", crit, began, "no job runner"),
			sees("ingress", "traefik_service_up", crit, began, "no server is left")),
		first: "db down", sure: tiering.High, cause: "db", says: []string{"does not answer", "10s earlier", "erp, which rests on it"}, but: []string{"db is critical, which explains it"}, out: []string{"cache: answers"},
	},
	"session store stalled": {
		evidence: situation(fails(fault.Timeout), sees("cache", "+redis_up", crit, began, "Redis cache does not answer"), sees("erp", "+odoo_up", crit, began.Add(20*time.Second), "Odoo erp does not answer"),
			sees("ingress", "traefik_upstream_errors", crit, began, "servers behind do not answer")),
		first: "cache down", sure: tiering.High, cause: "cache", says: []string{"it began at the same time"}, out: []string{"db: answers, accepts writes"},
	},
	"ingress stopped": {
		evidence: situation(fails(fault.Unreachable), sees("ingress", "+traefik_up", crit, began, "Traefik ingress does not answer"), sees("erp", "+odoo_up", crit, began, "Odoo erp does not answer")),
		first:    "ingress down", sure: tiering.High, cause: "ingress", out: []string{"db: answers", "cache: answers"},
	},
	"posting is refused inside an answer": {
		evidence: situation(fails(fault.Rejected), othersAt("erp", nil, []string{"reporting"})),
		first:    "erp application", sure: tiering.Likely, says: []string{"(rejected)", "what it rests on is healthy (cache, cert, db and ingress)"}, out: []string{"db: answers"},
	},
	"posting takes ten times as long": {
		evidence: situation(burn("latency", "synthetic", true)), first: "erp application", sure: tiering.Possible, says: []string{"is healthy"},
	},
	"job runner deaf, jobs wait": {
		evidence: situation(missing(process.QueueJobs, "e-invoices waiting to be sent"), sees("erp", "odoo_jobrunner_deaf", crit, began, "the job runner takes no jobs")),
		first:    "erp job-runner", sure: tiering.High, cause: "erp", says: []string{"takes no jobs"}, out: []string{"db: answers", "ingress: answers"},
	},
	"job runner deaf, its flow fails too": {
		evidence: situation(fails(fault.Timeout), flowNamed("queue-roundtrip"), missing(process.QueueJobs, "jobs"), sees("erp", "odoo_jobrunner_deaf", crit, began, "the job runner takes no jobs")),
		first:    "erp job-runner", sure: tiering.High, cause: "erp",
	},
	"job runner deaf, not measured yet": {
		evidence: situation(fails(fault.Timeout), flowNamed("queue-roundtrip"), missing(process.QueueJobs, "e-invoices waiting to be sent")),
		first:    "erp job-runner", sure: tiering.Possible, says: []string{"what it rests on is healthy"},
	},
	"job runner deaf, and not all of the application is watched": {
		evidence: situation(fails(fault.Timeout), flowNamed("queue-roundtrip"), missing(process.QueueJobs, "e-invoices waiting to be sent"),
			sees("erp", "component_blind", warn, ago(4*time.Hour), "reports of erp has told nothing for several of its intervals")),
		first: "erp job-runner", sure: tiering.Possible, says: []string{"what it rests on is healthy"},
	},
	"jobs end in an exception, and only their flow tells": {
		evidence: situation(fails(fault.Rejected), flowNamed("queue-roundtrip")),
		first:    "erp job-runner", sure: tiering.Likely, says: []string{"what fails is queue-roundtrip, which tests that part of it alone"},
	},
	"documents cannot be printed, and nothing else fails": {
		evidence: situation(fails(fault.Internal), flowNamed("report-pdf")), first: "erp documents", sure: tiering.Likely,
	},
	"scheduled action switched off": {
		evidence: situation(missing(process.ScheduledAction, "subscriptions to be invoiced"), sees("erp", "odoo_scheduled_action_deactivated", warn, began, "the action that invoices subscriptions was switched off")),
		first:    "erp scheduled-actions", sure: tiering.Likely, cause: "erp", says: []string{"switched off"},
	},
	"replay paused on the standby": {
		evidence: situation(exposed(3*time.Minute), sees("db", "postgres_standby_paused", warn, ago(4*time.Minute), "replay is paused on standby b")),
		first:    "db replication", sure: tiering.Likely, cause: "db", says: []string{"replay is paused"},
	},
	"processor busy, users fine": {evidence: situation(sees("db", "postgres_active_sessions", warn, began, "many sessions")), first: ""},
	"idle primary":               {evidence: situation(), first: ""},

	// Other faults of the platform.
	"sessions wait for a lock": {
		evidence: situation(fails(fault.Timeout), sees("db", "+postgres_blocked_sessions", crit, began.Add(-time.Minute), "7 sessions wait for a lock"), sees("erp", "+odoo_health_latency", warn, began, "workers are busy")),
		first:    "db locks", sure: tiering.High, cause: "db", but: []string{"db is critical, which explains it"}, out: []string{"cache: answers"},
	},
	"a forgotten transaction holds up posting": {
		evidence: situation(fails(fault.Timeout), sees("db", "postgres_idle_in_transaction", warn, began.Add(-2*time.Minute), "a transaction is idle for 4 min"), sees("erp", "+odoo_health_latency", warn, began, "workers are busy")),
		first:    "db locks", sure: tiering.Likely, cause: "db", but: []string{"db, on which it rests, is in trouble as well"},
	},
	"connections exhausted": {
		evidence: situation(fails(fault.Limit), sees("db", "+postgres_connections", crit, began, "96 % of the connections are taken"), sees("erp", "odoo_connections_refused", warn, began, "PostgreSQL refused connections")),
		first:    "db connections", sure: tiering.High, cause: "db",
	},
	"Odoo's own connection pool drained": {
		evidence: situation(fails(fault.Limit), sees("erp", "odoo_connection_pool_full", crit, began, "Odoo ran out of its own connections")), first: "erp connections", sure: tiering.High, cause: "erp",
	},
	"pooler of the database full": {
		evidence: situation(fails(fault.Timeout), sees("db", "+pgbouncer_wait", crit, began, "clients wait 80 s for a connection")), first: "db connections", cause: "db", sure: tiering.High,
	},
	"database disk full": {
		evidence: situation(fails(fault.Internal), sees("db", "+postgres_storage", crit, began.Add(-10*time.Minute), "its disk is full in 2 h")), first: "db storage", cause: "db", sure: tiering.High,
	},
	"primary demoted, accepts no writes": {
		evidence: situation(fails(fault.Internal), sees("db", "+postgres_writable", crit, began, "db is in recovery"), changed("db", "failover", "timeline 4 began", time.Minute)),
		first:    "db read-only", cause: "db", sure: tiering.High, says: []string{"db was changed 60s before (failover)"},
	},
	"job runner deaf after a failover": {
		evidence: situation(missing(process.QueueJobs, "jobs"), sees("erp", "odoo_jobrunner_deaf", crit, began, "the job runner takes no jobs"), changed("db", "failover", "timeline 4 began", 2*time.Minute)),
		first:    "erp job-runner", cause: "erp", sure: tiering.High,
	},
	"log is not archived, work exposed": {
		evidence: situation(exposed(10*time.Minute), sees("db", "+postgres_archiver_failing", warn, ago(15*time.Minute), "db fails to archive its log")), first: "db archiving", cause: "db", sure: tiering.High,
	},
	"archive has a gap": {
		evidence: situation(exposed(10*time.Minute), sees("backups", "+backup_wal_gap", crit, ago(15*time.Minute), "2 files are missing")), first: "backups archive", cause: "backups", sure: tiering.High,
	},
	"work exposed and nothing else measured": {evidence: situation(exposed(3 * time.Minute)), first: "db copies", cause: "db", sure: tiering.Likely},
	"ERP down alone": {
		evidence: situation(fails(fault.Unavailable), sees("erp", "+odoo_up", crit, began, "Odoo erp does not answer"), sees("ingress", "traefik_service_up", crit, began, "no server is left"), sees("ingress", "traefik_upstream_errors", crit, began, "errors")),
		first:    "erp down", cause: "erp", sure: tiering.High, but: []string{"erp is critical, which explains it"}, out: []string{"db: answers, accepts writes"},
	},
	"an ERP that says it is well, and its ingress gets errors from it": {
		evidence: situation(fails(fault.Unavailable), sees("ingress", "traefik_upstream_errors", crit, began, "half of the requests end in an error")),
		first:    "erp application", sure: tiering.Likely, cause: "erp", says: []string{"ingress gets no good answer from it"}, but: []string{"it tells of erp, which stands behind it"},
	},
	"no worker is free, and nothing is got through the ingress": {
		evidence: situation(fails(fault.Timeout), sees("erp", "+odoo_up", crit, began.Add(time.Second), "Odoo erp does not answer"), sees("ingress", "+traefik_entrypoint_reachable", crit, began, "does not answer from outside")),
		first:    "erp down", sure: tiering.High, cause: "erp", but: []string{"erp is critical, which explains it"},
	},
	"nothing gets as far as the ingress": {
		evidence: situation(fails(fault.Unreachable), sees("erp", "+odoo_up", crit, began, "Odoo erp does not answer"), sees("ingress", "+traefik_entrypoint_reachable", crit, began, "does not answer from outside")),
		first:    "ingress unreached", sure: tiering.High, cause: "ingress", but: []string{"ingress is critical, which explains it"},
	},
	"workers killed at their time limit": {
		evidence: situation(fails(fault.Timeout), sees("erp", "odoo_workers_killed_time", crit, began, "11 workers were killed")), first: "erp workers", cause: "erp", sure: tiering.High,
	},
	"workers busy, users wait": {
		evidence: situation(burn("latency", "users", true), sees("erp", "+odoo_health_latency", warn, began, "workers are busy")), first: "erp workers", cause: "erp", sure: tiering.Likely,
	},
	"serialization storm at invoicing": {
		evidence: situation(fails(fault.Conflict), sees("erp", "odoo_conflicts_exhausted", crit, began, "12 transactions were given up")), first: "erp conflicts", cause: "erp", sure: tiering.High,
	},
	"conflicts nobody counts":      {evidence: situation(fails(fault.Conflict)), first: "erp application", sure: tiering.Likely},
	"session store refuses writes": {evidence: situation(fails(fault.Auth), sees("cache", "+redis_writes_refused", crit, began, "cache refuses writes")), first: "cache writes", cause: "cache", sure: tiering.High},
	"session store out of memory":  {evidence: situation(fails(fault.Auth), sees("cache", "redis_memory", warn, began, "95 % of the memory is used")), first: "cache memory", cause: "cache", sure: tiering.Likely},
	"session store slow": {
		evidence: situation(burn("latency", "users", true), sees("cache", "+redis_latency", warn, ago(6*time.Minute), "cache answers in 0.4 s")), first: "cache latency", cause: "cache", sure: tiering.Likely,
	},
	"certificate expired": {
		evidence: situation(fails(fault.TLS), sees("cert", "+certificate_expired", crit, began, "certificate of erp has ended"), sees("ingress", "traefik_entrypoint_tls_expired", crit, began, "browsers refuse the entrypoint")),
		first:    "cert refused", cause: "cert", sure: tiering.High,
	},
	"certificate seen at the ingress only": {
		evidence: situation(fails(fault.TLS), sees("ingress", "traefik_entrypoint_tls_expired", crit, began, "browsers refuse the entrypoint")), first: "ingress certificate", cause: "ingress", sure: tiering.High,
	},
	"ingress keeps an old configuration": {
		evidence: situation(fails(fault.Schema), sees("ingress", "traefik_config_refused", warn, began, "the newest configuration is refused"), changed("ingress", "configuration", "routes of the ERP", 3*time.Minute)),
		first:    "ingress routing", cause: "ingress", sure: tiering.High, says: []string{"ingress was changed 3m before (configuration): routes of the ERP (abc1234)"},
	},
	"bank interface fails": {
		evidence: situation(missing(process.ScheduledAction, "bank statements due"), sees("bank-api", "+endpoint_bank_failing", crit, began, "bank-api has failed 4 times")), first: "bank-api service", cause: "bank-api", sure: tiering.High,
	},

	// What goes wrong inside Odoo.
	"drafts that are due are not posted": {
		evidence: situation(noFlow, missing(process.ScheduledAction, "drafts due"), sees("erp", "odoo_auto_post_stuck", warn, began, "the action that posts drafts posts none")), first: "erp auto-post", cause: "erp", sure: tiering.Likely,
	},
	"one action holds up all others": {
		evidence: situation(noFlow, missing(process.ScheduledAction, "payments of providers"), sees("erp", "odoo_scheduled_action_holds_up", warn, began, "one action has run for 2 h"), sees("erp", "odoo_workers_killed_action", warn, began, "2 were killed")),
		first:    "erp scheduled-actions", cause: "erp", sure: tiering.Likely,
	},
	"e-invoices stuck at the authority": {
		evidence: situation(noFlow, missing(process.History, "e-invoices accepted"), sees("erp", "odoo_einvoices_unanswered", warn, began, "14 e-invoices are not answered")), first: "erp e-invoices", cause: "erp", sure: tiering.Likely,
	},
	"documents are not made": {
		evidence: situation(fails(fault.Assertion), flowNamed("report-pdf"), sees("erp", "odoo_pdf_failures", warn, began, "3 PDFs could not be made")), first: "erp documents", cause: "erp", sure: tiering.Likely,
	},
	"jobs that post fail, and nobody waits for them": {
		evidence: situation(noFlow, finds(tiering.FailedPosting, "erp", "odoo_queue_jobs_failed"), sees("erp", "odoo_queue_jobs_failed", warn, began, "12 jobs have failed")), first: "erp job-runner", cause: "erp", sure: tiering.Likely,
	},
	"the chain of hashes is broken": {
		evidence: situation(finds(tiering.Integrity, "erp", "odoo_hash_chain_broken"), sees("erp", "odoo_hash_chain_broken", crit, began, "the chain is broken")), first: "erp books", cause: "erp", sure: tiering.High,
	},
	"live updates go to the wrong port": {
		evidence: situation(fails(fault.Unavailable), flowNamed("websocket"), sees("erp", "odoo_websocket_up", warn, began, "takes no websocket")), first: "erp live-updates", cause: "erp", sure: tiering.Likely,
	},
	"files of attachments are gone after a restore": {
		evidence: situation(fails(fault.Assertion), flowNamed("report-pdf"), sees("erp", "odoo_attachments_unreadable", warn, began, "files are missing")), first: "erp filestore", cause: "erp", sure: tiering.Likely,
	},
	"an addon fails since it was deployed": {
		evidence: situation(fails(fault.Internal), sees("erp", "odoo_addon_errors", warn, began, "the addon l10n_x failed 40 times"), changed("erp", "deploy", "deployed revision abc1234", 12*time.Minute)),
		first:    "erp addons", cause: "erp", sure: tiering.High, says: []string{"erp was changed 12m before (deploy): deployed revision abc1234"},
	},
	"refused since a deployment, nothing measured": {
		evidence: situation(fails(fault.Rejected), changed("erp", "deploy", "deployed revision abc1234", 12*time.Minute)), first: "erp application", sure: tiering.Likely, says: []string{"erp was changed 12m before"},
	},
	"a lock date closes the period": {
		evidence: situation(fails(fault.Locked)), first: "calendar", sure: tiering.Likely, says: []string{"locked"}, out: []string{"db: answers"},
	},
	"a lock date that was set early": {
		evidence: situation(fails(fault.Locked), sees("erp", "period_closed_early", warn, began, "acme has closed a period before it ends"), changed("erp", "lock-date", "the lock date of sales", 2*time.Minute)),
		first:    "calendar", sure: tiering.High, says: []string{"before it ends", "the lock date of sales"},
	},
	"locked by sessions, not by a date": {
		evidence: situation(fails(fault.Locked), sees("db", "+postgres_blocked_sessions", crit, began, "7 sessions wait for a lock")), first: "db locks", cause: "db", sure: tiering.High,
	},
	"the test account is refused": {evidence: situation(fails(fault.Auth)), first: "test", sure: tiering.Likely, says: []string{"refused (auth)"}},
	"the test lacks a right while users post": {
		evidence: situation(fails(fault.Denied), usersStillPost), first: "test", sure: tiering.Likely, says: []string{"users still get their work done"},
	},
	"refused to the test while users post": {evidence: situation(fails(fault.Rejected), usersStillPost), first: "test", sure: tiering.Likely},
	"statements do not come from a bank nobody watches": {
		evidence: situation(noFlow, missing(process.Schedule, "bank statement of the last working day"), noLongerWatched("bank (statements)")), first: "integration", sure: tiering.Likely, says: []string{"comes from"},
	},
	"people have not matched lines yet": {
		evidence: situation(noFlow, missing(process.History, "bank lines matched")), first: "input", sure: tiering.Possible,
	},

	// What is near and is not it.
	"unhealthy for days while it worked": {
		evidence: situation(fails(fault.Rejected), sees("db", "+postgres_archiver_failing", warn, ago(72*time.Hour), "db fails to archive its log")), first: "erp application", sure: tiering.Likely,
	},
	"an ERP that fell after the outcome": {
		evidence: situation(fails(fault.Timeout), sees("db", "+postgres_blocked_sessions", crit, began.Add(-time.Minute), "7 wait"), sees("cache", "+redis_up", crit, began.Add(4*time.Minute), "cache does not answer")),
		first:    "db locks", cause: "db", but: []string{"it began 4m later"},
	},
	"an ingress that others get through": {
		evidence: situation(fails(fault.Timeout), sees("ingress", "+traefik_entrypoint_reachable", crit, began, "does not answer from outside"), sees("db", "postgres_blocking_root", warn, began, "one holds up others"),
			othersAt("ingress", nil, []string{"login", "reporting"})),
		first: "ingress unreached", cause: "ingress", but: []string{"login and reporting work, which need it too"},
	},
	"all who need the database fail": {
		evidence: situation(fails(fault.Internal), sees("db", "+postgres_storage", crit, began, "its disk is full"), othersAt("db", []string{"payroll", "reporting"}, nil)), first: "db storage", cause: "db",
		says: []string{"payroll and reporting fail, which need it too"}, sure: tiering.High,
	},
	"mail is stuck, posting fails": {
		evidence: situation(fails(fault.Rejected), sees("erp", "odoo_mails_waiting", warn, began, "mail waits")), first: "erp application", sure: tiering.Likely,
	},
	"an estate-wide change and nothing else": {
		evidence: situation(fails(fault.DNS), changed("", "infrastructure", "moved the name servers", 4*time.Minute)), first: "change", says: []string{"the estate was changed 4m before (infrastructure): moved the name servers"}, sure: tiering.Possible,
	},
	"nothing known": {
		evidence: situation(fails(fault.DNS), func(e *tiering.Evidence) { e.Needs[2].State = signal.Unknown }), first: "unknown", sure: tiering.Possible, says: []string{"cache cannot be seen"},
	},
	"one of two repositories lost": {
		evidence: situation(exposed(time.Minute), sees("backups", "+backup_usable", crit, began, "no usable backup"), func(e *tiering.Evidence) {
			e.Needs = append(e.Needs, tiering.Need{Component: "backups-2", Kind: process.Backup, Role: process.Redundant, State: signal.OK})
		}, sees("db", "postgres_standby_lag", warn, began, "standby is 90 s behind")),
		first: "db replication", cause: "db", but: []string{"1 of 2 are left"},
	},
}

func firstOf(v tiering.Verdict) (first string, c tiering.Candidate) {
	if len(v.Candidates) == 0 {
		return "", c
	}
	c = v.Candidates[0]
	if c.Component == "" {
		return c.Kind, c
	}
	return c.Component + " " + c.Family, c
}

func TestTheProbableCauseIsRankedFirst(t *testing.T) {
	for name, tt := range situations {
		t.Run(name, func(t *testing.T) {
			v := tiering.Decide(now, tt.evidence, tiering.DefaultRules())
			first, c := firstOf(v)
			if first != tt.first {
				t.Errorf("first is %q, want %q", first, tt.first)
			}
			if tt.sure != "" && c.Confidence != tt.sure {
				t.Errorf("confidence is %q, want %q", c.Confidence, tt.sure)
			}
			cause := ""
			if v.Cause != nil {
				cause = v.Cause.Component
			}
			if cause != tt.cause {
				t.Errorf("cause is %q, want %q", cause, tt.cause)
			}
			holds(t, "for it", strings.Join(c.For, "\n"), tt.says)
			var against, out []string
			for _, x := range v.Candidates {
				against = append(against, x.Against...)
			}
			for _, x := range v.Excluded {
				out = append(out, x.Component+": "+x.Why)
			}
			holds(t, "against some", strings.Join(against, "\n"), tt.but)
			holds(t, "ruled out", strings.Join(out, "\n"), tt.out)
			if t.Failed() {
				for _, x := range v.Candidates {
					t.Logf("%3d %-8s %s\n      for %q\n      against %q", x.Score, x.Confidence, x.What, x.For, x.Against)
				}
			}
		})
	}
}

// A change is suspected most for as long as the estate's time runs: in a demo, where
// an hour takes two minutes, one of eight minutes ago is an old one.
func TestAChangeGrowsOldAsFastAsTheEstatesTimeRuns(t *testing.T) {
	restarted := situation(fails(fault.Timeout), changed("db", "restart", "PostgreSQL was restarted", 8*time.Minute))
	for name, tt := range map[string]struct {
		rules tiering.Rules
		first string
	}{
		"as it is":                           {tiering.DefaultRules(), "db change"},
		"scaled":                             {tiering.DefaultRules().Scale(1.0 / 30), "erp application"},
		"recorded before there was a choice": {tiering.Rules{Prolonged: 4 * time.Second}, "db change"},
	} {
		if first, _ := firstOf(tiering.Decide(now, restarted, tt.rules)); first != tt.first {
			t.Errorf("%s: first is %q, want %q", name, first, tt.first)
		}
	}
}

func holds(t *testing.T, what, text string, wanted []string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s there is no %q in:\n%s", what, w, text)
		}
	}
}

// The order in which needs, signals, flows and works are listed is no evidence.
func TestTheOrderOfEvidenceChangesNothing(t *testing.T) {
	names := make([]string, 0, len(situations))
	for name := range situations {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		e := situations[rapid.SampledFrom(names).Draw(t, "situation")].evidence
		other := situations[rapid.SampledFrom(names).Draw(t, "and")].evidence
		e = both(e, other)
		want := tiering.Decide(now, e, tiering.DefaultRules())
		shuffled := e
		shuffled.Needs = rapid.Permutation(e.Needs).Draw(t, "needs")
		for i := range shuffled.Needs {
			shuffled.Needs[i].Signals = rapid.Permutation(shuffled.Needs[i].Signals).Draw(t, "signals")
		}
		got := tiering.Decide(now, shuffled, tiering.DefaultRules())
		if diff := cmp.Diff(brief(want), brief(got)); diff != "" {
			t.Fatalf("another order, another ranking (-want +got):\n%s", diff)
		}
	})
}

// both joins what two situations see of the components.
func both(a, b tiering.Evidence) tiering.Evidence {
	a.Needs = slices.Clone(a.Needs)
	for i := range a.Needs {
		for _, n := range b.Needs {
			if n.Component == a.Needs[i].Component {
				a.Needs[i].Signals = slices.Concat(a.Needs[i].Signals, n.Signals)
				a.Needs[i].Evidence = slices.Concat(a.Needs[i].Evidence, n.Evidence)
				a.Needs[i].State = signal.Worst(a.Needs[i].State, n.State)
			}
		}
	}
	a.Flows, a.Work, a.Changes = slices.Concat(a.Flows, b.Flows), slices.Concat(a.Work, b.Work), slices.Concat(a.Changes, b.Changes)
	return a
}

// brief is a ranking without the order in which a candidate's signals are told.
func brief(v tiering.Verdict) []string {
	var out []string
	for _, c := range v.Candidates {
		for _, list := range []*[]string{&c.For, &c.Against} {
			*list = slices.Sorted(slices.Values(*list))
		}
		b, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		out = append(out, string(b))
	}
	for _, x := range v.Excluded {
		out = append(out, x.Component+" "+x.Why)
	}
	slices.Sort(out[len(v.Candidates):])
	return out
}

// A component that is healthy by all that is measured is told first only when
// nothing measured fits, and then as what it is: inferred, and no cause. An
// application is not healthy by what its ingress hears from it.
func TestAHealthyComponentIsNoCause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := situation()
		if rapid.Bool().Draw(t, "fails") {
			fails(rapid.SampledFrom(fault.Kinds()).Draw(t, "kind"))(&e)
		}
		names := []string{"+postgres_up", "postgres_blocked", "+odoo_up", "odoo_jobrunner_deaf", "+redis_up", "traefik_service_up", "+traefik_up", "never_heard_of"}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			n := rapid.SampledFrom(e.Needs).Draw(t, "need")
			sees(n.Component, rapid.SampledFrom(names).Draw(t, "signal"), rapid.SampledFrom([]signal.State{warn, crit}).Draw(t, "state"),
				ago(time.Duration(rapid.IntRange(0, 3000).Draw(t, "age"))*time.Minute), "bad")(&e)
		}
		heard := slices.ContainsFunc(e.Needs, func(n tiering.Need) bool {
			return n.Kind == process.Traefik && slices.ContainsFunc(n.Signals, func(s tiering.SignalSeen) bool { return tiering.FamilyOf(n.Kind, s.Name).Name == "behind" })
		})
		v := tiering.Decide(now, e, tiering.DefaultRules())
		for i, c := range v.Candidates {
			if heard && c.Component == "erp" {
				continue
			}
			for _, n := range e.Needs {
				if n.Component == c.Component && n.State == signal.OK && len(n.Signals) == 0 && (!c.Inferred || i == 0 && v.Cause != nil) {
					t.Fatalf("%s is healthy and is told as %+v with cause %+v", n.Component, c, v.Cause)
				}
			}
		}
	})
}

// A first place is not lost to one that is a little ahead for a tick.
func TestTheFirstPlaceIsSteady(t *testing.T) {
	locks := sees("db", "postgres_blocking_root", warn, began, "one holds up others")
	slow := sees("cache", "+redis_latency", warn, began, "cache answers in 0.4 s")
	quick := fails(fault.Timeout)
	engine := tiering.NewEngine(tiering.DefaultHolds(), tiering.DefaultRules())
	at := now
	first := func(e tiering.Evidence) string {
		at = at.Add(30 * time.Second)
		name, _ := firstOf(engine.Step(at, []tiering.Evidence{e})[0].Verdict)
		return name
	}
	alone := situation(quick, locks)
	ahead := situation(quick, locks, slow, changed("cache", "configuration", "its memory", 5*time.Hour)) // by a few points
	clearly := situation(quick, locks, sees("cache", "+redis_up", crit, began, "cache does not answer"))
	for i, step := range []struct {
		evidence tiering.Evidence
		want     string
	}{
		{alone, "db locks"},
		{ahead, "db locks"},
		{alone, "db locks"},
		{ahead, "db locks"},
		{ahead, "db locks"},
		{ahead, "db locks"},
		{ahead, "db locks"},
		{ahead, "cache latency"}, // ahead for two minutes
		{alone, "db locks"},
		{clearly, "cache down"},
	} {
		if got := first(step.evidence); got != step.want {
			t.Errorf("tick %d: first is %q, want %q", i, got, step.want)
		}
	}
}
