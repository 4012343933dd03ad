package odoo

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// Signals returns what this collector's metrics say about an Odoo database and
// its deployment.
func Signals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_up", Title: "Odoo answers", Metric: "odoo_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Health,
			Says: "Odoo {component} does not answer its health check",
		},
		{
			Name: "odoo_health_latency", Title: "Odoo has free workers", Metric: "odoo_health_duration_seconds",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 1, Critical: signal.Never(), Exit: 0.5,
			For: 30 * time.Second, Fresh: fresh, Role: signal.Health, Unit: "seconds",
			Says: "Odoo {component} took {value} to answer its health check: its workers are busy",
		},
		{
			Name: "odoo_database_up", Title: "The tenant's database answers", Metric: "odoo_database_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Context,
			Says: "The database of {component} does not answer",
		},
		{
			Name: "odoo_queue_jobs_failed", Title: "Queue jobs fail", Metric: "odoo_queue_jobs",
			Match: map[string]string{"state": "failed"}, By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.5,
			Fresh: fresh, Role: signal.Context,
			Says: "{value} jobs of channel {channel} have failed",
		},
		{
			Name: "odoo_scheduled_action_failing", Title: "Scheduled actions fail", Metric: "odoo_scheduled_action_failures",
			By: []string{"action"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 4,
			Fresh: fresh, Role: signal.Context,
			Says: "The scheduled action {action} has failed {value} times in a row",
		},
		{
			Name: "odoo_auto_post_due", Title: "Drafts are posted when due", Metric: "odoo_journal_entries_auto_post_due",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: 20 * time.Minute, Role: signal.Context,
			Says: "{value} drafts of {entity} that should post themselves have not",
		},
	}
}
