package tiering

import (
	"path"
	"slices"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
)

// A Sign is one way in which an outcome shows that it is impaired: the kind of
// failure of its flow, or one of the signs below.
type Sign string

// Signs besides the kinds of failure.
const (
	UsersFail  Sign = "users-fail"                  // operations of real users fail
	TakesLong  Sign = "takes-long"                  // flows or users wait longer than the objective
	Exposed    Sign = "exposed"                     // committed work is beyond its recovery point objective
	Queued     Sign = Sign(process.QueueJobs)       // jobs wait and are not taken
	ActionDue  Sign = Sign(process.ScheduledAction) // a scheduled action has not done its work
	NotDone    Sign = Sign(process.Schedule)        // what was to be done by now is not
	LessDone   Sign = Sign(process.History)         // less is done than usual
	Unposted   Sign = Sign(FailedPosting)           // posting that nobody waits for fails
	BooksWrong Sign = Sign(Integrity)               // the books are not what they must be
	flowPrefix      = "flow:"                       // and the name of the flow that fails
)

// FlowFails is the sign that one flow fails: what only that flow needs is
// nearer to it than what all need.
func FlowFails(name string) Sign { return Sign(flowPrefix + name) }

// kinds turns kinds of failure into signs.
func kinds(of ...fault.Kind) []Sign {
	out := make([]Sign, len(of))
	for i, k := range of {
		out[i] = Sign(k)
	}
	return out
}

// An effect says how a family of trouble reaches the outcomes.
type effect uint8

const (
	stops effect = iota // nothing that needs the component works
	hurts               // some of it fails or waits
	part                // one function of the component, which fails by itself: others go on
	echo                // it tells of what stands behind or beneath it
	risk                // nothing fails by it yet: told beside a cause, never one
)

// A Family is one way in which a component of a kind goes wrong: the signals
// that show it, and the signs it brings about.
type Family struct {
	Kind    string // of component; "" for any
	Name    string
	Says    string // what is wrong, after the component's name: "sessions wait for locks"
	Fine    string // what its healthy signals show: "no session waits for a lock"; "" when that rules nothing out
	Effect  effect
	Brings  []Sign   // nil, unless it is a risk: any
	Signals []string // names; * matches any run of characters
}

// anySign is for what stops everything: it brings about every sign.
var anySign []Sign

// unreached is the family of an ingress that runs and is not got through.
const unreached = "unreached"

// onTheWay are the failures of requests that do not get as far as the ingress.
var onTheWay = kinds(fault.Unreachable, fault.DNS, fault.TLS)

// Families lists them: for each kind the first one that names a signal counts,
// the most telling first. They are judgement, held to the situations of the
// tests and to the faults of the lab.
func Families() []Family { return slices.Clone(families) }

var families = []Family{
	{process.Postgres, "down", "does not answer", "answers", stops, anySign, []string{"postgres_up"}},
	{process.Postgres, "split-brain", "has two servers that accept writes", "has one primary", stops, anySign, []string{"postgres_split_brain"}},
	{process.Postgres, "read-only", "accepts no writes", "accepts writes", stops, anySign, []string{"postgres_writable"}},
	{
		process.Postgres, "locks", "has sessions that wait for locks", "no session waits for a lock", hurts,
		append(kinds(fault.Timeout, fault.Conflict, fault.Locked, fault.Unavailable, fault.Limit), UsersFail, TakesLong, Queued, ActionDue, LessDone),
		[]string{
			"postgres_blocked", "postgres_blocked_sessions", "postgres_blocking_root", "postgres_idle_in_transaction", "postgres_longest_transaction",
			"postgres_prepared_transaction", "postgres_deadlocks",
		},
	},
	{
		process.Postgres, "connections", "runs out of connections", "connections are free", hurts,
		append(kinds(fault.Limit, fault.Timeout, fault.Unavailable, fault.Internal, fault.Unreachable), UsersFail, TakesLong, Queued, ActionDue, LessDone),
		[]string{"postgres_connections", "postgres_role_connections", "postgres_database_connections", "postgres_pool_shortfall", "pgbouncer_*"},
	},
	{
		process.Postgres, "storage", "runs out of disk", "there is room on its disk", hurts,
		append(kinds(fault.Internal, fault.Unavailable, fault.Rejected, fault.Unreachable), UsersFail, Queued, ActionDue, LessDone),
		[]string{"postgres_storage"},
	},
	{
		process.Postgres, "replication", "has standbys that do not follow", "its standbys follow", hurts,
		[]Sign{Exposed},
		[]string{"postgres_standby_*", "postgres_slot_*", "postgres_recovery_point"},
	},
	{process.Postgres, "archiving", "does not archive its log", "its log is archived", hurts, []Sign{Exposed}, []string{"postgres_archiver_*"}},
	{
		process.Postgres, "damage", "has damaged pages or indexes", "", hurts,
		append(kinds(fault.Internal, fault.Schema, fault.Assertion), UsersFail),
		[]string{"postgres_checksums", "postgres_invalid_indexes"},
	},
	{
		process.Postgres, "load", "is slow under its load", "", hurts,
		append(kinds(fault.Timeout, fault.Conflict, fault.Internal), UsersFail, TakesLong),
		[]string{"postgres_active_sessions", "postgres_rollbacks"},
	},
	{
		process.Postgres, "upkeep", "has not been cleaned up", "", hurts,
		[]Sign{TakesLong},
		[]string{"postgres_xmin_age", "postgres_freeze", "postgres_wraparound", "postgres_tables_wraparound", "postgres_finance_vacuum_overdue"},
	},

	{process.Odoo, "down", "does not answer", "answers", stops, anySign, []string{"odoo_up", "odoo_login_page", "odoo_registry_failures", "odoo_database_found"}},
	{
		process.Odoo, "workers", "runs out of workers", "has free workers", hurts,
		append(kinds(fault.Timeout, fault.Unavailable, fault.Limit, fault.Unreachable), UsersFail, TakesLong, FlowFails("report-pdf"), FlowFails("reporting")),
		[]string{"odoo_health_latency", "odoo_workers_killed_time", "odoo_workers_killed_cpu", "odoo_workers_killed_memory", "odoo_workers_crashed"},
	},
	{
		process.Odoo, "connections", "runs out of its own database connections", "", hurts,
		append(kinds(fault.Limit, fault.Timeout, fault.Unavailable, fault.Internal), UsersFail, TakesLong, Queued),
		[]string{"odoo_connection_pool_full"},
	},
	{
		process.Odoo, "conflicts", "has transactions that lose against each other", "", hurts,
		append(kinds(fault.Conflict, fault.Timeout), UsersFail, TakesLong, Unposted),
		[]string{"odoo_conflicts_*"},
	},
	{
		process.Odoo, "database-link", "does not reach its database", "reaches its database", echo, anySign,
		[]string{"odoo_database_up", "odoo_database_server", "odoo_connections_refused"},
	},
	{
		process.Odoo, "job-runner", "has a job runner that does not work", "", part,
		append(kinds(fault.Timeout, fault.Assertion), Queued, Unposted, FlowFails("queue-roundtrip")),
		[]string{"odoo_jobrunner_*", "odoo_queue_*", "odoo_tenant_jobs_failed"},
	},
	{
		process.Odoo, "auto-post", "does not post drafts that are due", "", part,
		[]Sign{ActionDue, LessDone, NotDone, Unposted},
		[]string{"odoo_auto_post_*", "odoo_tenant_auto_post_due", "odoo_drafts_in_locked_period"},
	},
	{
		process.Odoo, "scheduled-actions", "has scheduled actions that do not run", "", part,
		[]Sign{ActionDue, NotDone, LessDone},
		[]string{"odoo_scheduled_action*", "odoo_workers_killed_action", "odoo_tenant_actions_*"},
	},
	{
		process.Odoo, "e-invoices", "has e-invoices that are not sent or not accepted", "", part,
		[]Sign{Queued, ActionDue, NotDone, LessDone},
		[]string{"odoo_einvoices_*", "odoo_invoices_unsent"},
	},
	{process.Odoo, "mail", "has mail that does not leave", "", part, []Sign{ActionDue, NotDone, LessDone}, []string{"odoo_mails_*", "odoo_invoices_undelivered", "odoo_tenant_mails_failed"}},
	{
		process.Odoo, "documents", "cannot make documents", "", part, append(kinds(fault.Assertion), FlowFails("report-pdf")),
		[]string{"odoo_pdf_failures", "odoo_invoice_pdfs_missing"},
	},
	{
		process.Odoo, "live-updates", "takes no live updates", "", part,
		[]Sign{FlowFails("websocket")},
		[]string{"odoo_websocket_*"},
	},
	{
		process.Odoo, "filestore", "lacks files of attachments", "", part, append(kinds(fault.Internal, fault.Assertion), FlowFails("report-pdf")),
		[]string{"odoo_filestore_*", "odoo_attachments_unreadable"},
	},
	{
		process.Odoo, "addons", "has an addon that fails", "", hurts,
		append(kinds(fault.Internal, fault.Rejected, fault.Schema, fault.Assertion), UsersFail, Queued, ActionDue),
		[]string{"odoo_addon_errors", "odoo_rpc_errors"},
	},
	{
		process.Odoo, "lock-dates", "has lock dates that are not as planned", "", part, kinds(fault.Locked),
		[]string{"odoo_lock_*", "lock_*", "closed_period_*", "period_closed_early", "close_overrun"},
	},
	{process.Odoo, "bank-lines", "has bank lines that are left over or doubled", "", part, []Sign{NotDone, LessDone}, []string{"odoo_bank_*"}},
	{process.Odoo, "payments", "has payments that are stuck or doubled", "", part, []Sign{ActionDue, NotDone, LessDone}, []string{"odoo_payments_*"}},
	{process.Odoo, "books", "has books that do not add up", "", part, append(kinds(fault.Assertion), BooksWrong), []string{"odoo_entries_unbalanced", "odoo_hash_chain_broken", "odoo_sequence_gaps", "odoo_documents_voided_while_locked"}},
	{process.Odoo, "exposure", "is open to strangers or a live copy", "", risk, nil, []string{"odoo_database_manager_*", "odoo_copy_*", "odoo_databases_beyond_limit"}},
	{process.Odoo, "watching", "cannot be watched in full", "", risk, nil, []string{"odoo_log_readable", "odoo_columns_denied"}},

	{process.Redis, "down", "does not answer", "answers", stops, anySign, []string{"redis_up"}},
	{
		process.Redis, "writes", "refuses writes", "takes writes", stops, anySign,
		[]string{"redis_writes_refused", "redis_cluster"},
	},
	{
		process.Redis, "latency", "answers slowly", "answers fast", hurts,
		append(kinds(fault.Timeout), UsersFail, TakesLong, Queued),
		[]string{"redis_latency"},
	},
	{
		process.Redis, "memory", "runs out of memory", "", hurts,
		append(kinds(fault.Auth, fault.Internal, fault.Timeout, fault.Unavailable), UsersFail, TakesLong, Queued),
		[]string{"redis_memory"},
	},
	{process.Redis, "clients", "runs out of connections", "", hurts, append(kinds(fault.Limit, fault.Timeout, fault.Unavailable), UsersFail, TakesLong), []string{"redis_clients"}},
	{process.Redis, "topology", "has replicas or sentinels that disagree", "", hurts, kinds(fault.Unavailable, fault.Timeout, fault.Auth), []string{"redis_replica_*", "redis_sentinel_*"}},
	{process.Redis, "persistence", "does not save its data", "", risk, nil, []string{"redis_persistence_failing", "redis_*"}},

	{process.Traefik, "down", "does not answer", "answers", stops, anySign, []string{"traefik_up"}},
	{
		process.Traefik, unreached, "does not answer from outside", "answers from outside", hurts,
		append(slices.Concat(onTheWay, kinds(fault.Timeout, fault.Unavailable)), UsersFail, TakesLong),
		[]string{"traefik_entrypoint_reachable"},
	},
	{
		process.Traefik, "certificate", "has a certificate that browsers refuse", "", hurts,
		append(kinds(fault.TLS, fault.Unreachable), UsersFail),
		[]string{"traefik_entrypoint_tls_*", "traefik_certificate_ends"},
	},
	{
		process.Traefik, "routing", "does not run on its newest configuration", "", hurts,
		append(kinds(fault.Schema, fault.Unavailable, fault.TLS, fault.Unreachable, fault.Limit, fault.Denied), UsersFail),
		[]string{"traefik_config_refused", "traefik_log_*"},
	},
	{
		process.Traefik, "behind", "gets no answer from what stands behind it", "what stands behind it answers", echo, anySign,
		[]string{"traefik_upstream_errors", "traefik_server_up", "traefik_service_up", "traefik_interrupted_writes"},
	},
	{process.Traefik, "watching", "cannot be watched in full", "", risk, nil, []string{"traefik_accesslog_*"}},

	{process.Certificate, "refused", "is refused by clients", "is taken by clients", hurts, append(kinds(fault.TLS, fault.Unreachable), UsersFail), []string{"certificate_expired", "certificate_not_yet_valid", "certificate_hostname", "certificate_self_signed", "certificate_untrusted"}},
	{process.Certificate, "renewal", "is not renewed in time", "", risk, nil, []string{"certificate_*"}},

	{"endpoint", "service", "fails its checks", "passes its checks", hurts, anySign, []string{"endpoint_*"}},

	{process.Backup, "archive", "has a gap in its archive or no usable backup", "has a usable backup", hurts, []Sign{Exposed}, []string{"backup_wal_gap*", "backup_recovery_point", "backup_usable", "recovery_*"}},
	{process.Backup, "overdue", "has backups or restore tests that are overdue", "", risk, nil, []string{"backup_*", "restore_*"}},

	{"", "watching", "cannot be watched in full", "", risk, nil, []string{"component_blind", "closewatch_data_low", "objective_bucket_missing"}},
	{"", "telling", "cannot tell people what it sees", "", risk, nil, []string{"closewatch_alertmanager_silent"}},
	{"", "", "is unhealthy", "", hurts, anySign, []string{"*"}},
}

// FamilyOf returns the family of a signal of a kind of component; of one nobody
// has placed, and of a component whose signals are not told, the last.
func FamilyOf(kind, signal string) *Family {
	for i := range families {
		f := &families[i]
		if f.Kind != "" && f.Kind != kind {
			continue
		}
		if slices.ContainsFunc(f.Signals, func(pattern string) bool { return Matches(pattern, signal) }) {
			return f
		}
	}
	return &families[len(families)-1]
}

// familyNamed returns the family of a kind by its name, or else the last.
func familyNamed(kind, name string) *Family {
	for i := range families {
		if f := &families[i]; f.Name == name && (f.Kind == kind || f.Kind == "") {
			return f
		}
	}
	return &families[len(families)-1]
}

// Matches reports whether a name matches a pattern with *.
func Matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// brings reports whether the family brings one of the signs about, and which.
func (f *Family) brings(observed []Sign) bool {
	if f.Brings == nil && f.Effect != risk {
		return true
	}
	return slices.ContainsFunc(observed, func(s Sign) bool { return slices.Contains(f.Brings, s) })
}
