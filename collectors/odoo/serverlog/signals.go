package serverlog

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// Signals returns what the log says about an Odoo. All of them speak of the
// last five minutes and are absent where no log is read. None is a cause by
// itself: a killed worker or a lost transaction has hurt one request, and how
// much it hurts a process is what its flows and users tell.
func Signals() []signal.Definition {
	never := signal.Never()
	kill := func(name, title, reason string, critical float64, says string) signal.Definition {
		return signal.Definition{
			Name: name, Title: title, Metric: "odoo_worker_recent_kills", Match: map[string]string{"reason": reason},
			Aggregate: signal.Sum, Warning: 0.5, Critical: critical, Exit: 0.5, Fresh: fresh, Optional: true, Role: signal.Context, Says: says,
		}
	}
	happened := func(name, title string, e event, warning, critical float64, hold time.Duration, says string) signal.Definition {
		return signal.Definition{
			Name: name, Title: title, Metric: "odoo_log_recent_events", Match: map[string]string{"event": eventNames[e]},
			Warning: warning, Critical: critical, Exit: 0.5, For: hold, Fresh: fresh, Optional: true, Role: signal.Context, Says: says,
		}
	}
	return []signal.Definition{
		{
			Name: "odoo_log_readable", Title: "Odoo's log can be read", Metric: "odoo_log_readable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: never,
			For: time.Minute, Fresh: fresh, Optional: true, Role: signal.Context,
			Says: "The log of Odoo {component} cannot be read: killed workers, conflicts and failing scheduled actions are not seen",
		},
		kill("odoo_workers_killed_time", "No request exceeds its time limit", killNames[killTime], 10,
			"Odoo {component} killed {value} workers in five minutes because a request took longer than limit_time_real: those users got no answer"),
		kill("odoo_workers_killed_cpu", "No request exceeds its computing time", killNames[killCPU], 10,
			"Odoo {component} stopped {value} requests in five minutes because they computed longer than the limit on processor time"),
		kill("odoo_workers_killed_memory", "No request runs out of memory", killNames[killMemory], 10,
			"{value} requests of Odoo {component} ran out of memory in five minutes: limit_memory_hard is reached"),
		kill("odoo_workers_killed_action", "No scheduled action is killed", killNames[killAction], never,
			"Odoo {component} killed {value} scheduled actions in five minutes while they ran, by its time limit for scheduled actions: what they had not saved is undone, and the others wait"),
		kill("odoo_workers_crashed", "Workers do not crash", killNames[killCrash], 10,
			"{value} workers of Odoo {component} crashed in five minutes"),
		happened("odoo_conflicts_exhausted", "Transactions get through", conflictExhausted, 0.5, 10, 0,
			"{value} transactions of Odoo {component} were given up in five minutes after losing five times against others: those users saw an error"),
		happened("odoo_conflicts_retried", "Transactions rarely collide", conflictRetried, 100, never, time.Minute,
			"Transactions of Odoo {component} were tried again {value} times in five minutes because others changed the same records: posting slows down"),
		happened("odoo_pdf_failures", "PDFs are made", pdfFailed, 0.5, 10, 0,
			"{value} PDFs of Odoo {component} could not be made in five minutes: invoices and reports do not print"),
		happened("odoo_scheduled_action_raised", "Scheduled actions succeed", actionFailed, 0.5, never, 0,
			"Scheduled actions of Odoo {component} failed {value} times in five minutes"),
		happened("odoo_scheduled_actions_skipped", "Scheduled actions are not held back", actionsSkipped, 0.5, never, 15*time.Minute,
			"No scheduled action of Odoo {component} runs: its modules wait to be installed or upgraded, or its version differs"),
		happened("odoo_connection_pool_full", "Odoo has free database connections", poolFull, 0.5, 20, 0,
			"Odoo {component} ran out of its own database connections {value} times in five minutes: raise db_maxconn or find what holds them"),
		happened("odoo_connections_refused", "PostgreSQL takes Odoo's connections", tooManyConnections, 0.5, 20, 0,
			"PostgreSQL refused Odoo {component} a connection {value} times in five minutes because all are taken"),
		happened("odoo_registry_failures", "Odoo loads its databases", registryFailed, 0.5, 3, 0,
			"Odoo {component} failed {value} times in five minutes to load the modules of a database: nobody can work in it"),
		happened("odoo_websocket_misrouted", "Websockets reach the right port", websocketMisrouted, 0.5, never, 0,
			"{value} websockets of Odoo {component} reached a worker in five minutes: send /websocket to the port for live updates"),
		happened("odoo_jobrunner_failures", "The job runner does not fail", jobrunnerFailed, 2.5, never, 0,
			"The job runner of Odoo {component} failed {value} times in five minutes: queued jobs wait"),
		happened("odoo_attachments_unreadable", "Attachments are in the filestore", attachmentUnreadable, 4.5, never, 0,
			"Odoo {component} could not find {value} files of attachments in five minutes: database and filestore do not match"),
		{
			Name: "odoo_addon_errors", Title: "Addons run without errors", Metric: "odoo_log_recent_errors", By: []string{"addon"},
			Warning: 20, Critical: never, Exit: 0.5, For: time.Minute, Fresh: fresh, Optional: true, Role: signal.Context,
			Says: "The addon {addon} of Odoo {component} failed {value} times in five minutes: look at what was deployed",
		},
		{
			Name: "odoo_rpc_errors", Title: "Calls to Odoo succeed", Metric: "odoo_rpc_error_ratio",
			Warning: 0.02, Critical: 0.2, Exit: 0.5, For: 30 * time.Second, Fresh: fresh, Optional: true, Role: signal.Context, Unit: "ratio",
			Says: "{value} of the calls to Odoo {component} fail inside although they are answered",
		},
	}
}
