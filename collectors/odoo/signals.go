package odoo

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// Signals returns what this collector's metrics say about an Odoo database and
// its deployment. Each subject defines its own.
func Signals() []signal.Definition {
	return slices.Concat(
		deploymentSignals(),
		queueSignals(),
		actionSignals(),
		bookSignals(),
		fleetSignals(),
		copySignals(),
		measuredSignals(),
	)
}

// deploymentSignals say whether Odoo and its database answer.
func deploymentSignals() []signal.Definition {
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
			Says: "Database {tenant} of {component} does not answer",
		},
	}
}
