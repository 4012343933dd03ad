package odoo

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/collectors/odoo/serverlog"
	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// pagesFresh is how long what the pages told counts: three looks may take that
// long when the workers are busy.
const pagesFresh = 4 * time.Minute

// Signals returns what this collector's metrics say about an Odoo database and
// its deployment. Each subject defines its own.
func Signals() []signal.Definition {
	return slices.Concat(
		deploymentSignals(),
		queueSignals(),
		runnerSignals(),
		actionSignals(),
		draftSignals(),
		bankSignals(),
		statementSignals(),
		paymentSignals(),
		lockSignals(),
		sequenceSignals(),
		hashSignals(),
		balanceSignals(),
		voidedSignals(),
		serverlog.Signals(),
		documentSignals(),
		mailSignals(),
		reportSignals(),
		filestoreSignals(),
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
			Name: "odoo_database_server", Title: "Odoo reaches its database server", Metric: "odoo_database_server_reachable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: time.Minute, Fresh: pagesFresh, Optional: true, Role: signal.Context,
			Says: "Odoo {component} says that it does not reach its database server",
		},
		{
			Name: "odoo_database_found", Title: "Visitors reach the database", Metric: "odoo_database_found",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: time.Minute, Fresh: pagesFresh, Optional: true, Role: signal.Context,
			Says: "Odoo {component} does not find the database of {tenant}: users are shown the database selector. The database is gone, or dbfilter does not let it through",
		},
		{
			Name: "odoo_login_page", Title: "Odoo shows its login page", Metric: "odoo_login_page",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: time.Minute, Fresh: pagesFresh, Optional: true, Role: signal.Context,
			Says: "Odoo {component} shows no login page: nobody can log in",
		},
		{
			Name: "odoo_websocket_up", Title: "Odoo takes websockets", Metric: "odoo_websocket_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: signal.Never(),
			For: 3 * time.Minute, Fresh: pagesFresh, Optional: true, Role: signal.Context,
			Says: "Odoo {component} answers but takes no websocket: notifications do not arrive. Check that /websocket is sent to the port for live updates and that its process runs",
		},
		{
			Name: "odoo_database_manager_exposed", Title: "The database manager is closed", Metric: "odoo_database_manager_exposed",
			Direction: signal.Above, Warning: 0.5, Critical: signal.Never(),
			Fresh: exposureFresh, Optional: true, Role: signal.Context,
			Says: "The database manager of Odoo {component} is open to whoever reaches it: set list_db = False, or keep /web/database from strangers",
		},
		{
			Name: "odoo_database_manager_unprotected", Title: "The database manager has a master password", Metric: "odoo_database_manager_unprotected",
			Direction: signal.Above, Warning: signal.Never(), Critical: 0.5,
			Fresh: exposureFresh, Optional: true, Role: signal.Context,
			Says: "Whoever reaches Odoo {component} can copy or drop its databases: the master password is the default. Set admin_passwd and list_db = False",
		},
		{
			Name: "odoo_database_up", Title: "The tenant's database answers", Metric: "odoo_database_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Context,
			Says: "Database {tenant} of {component} does not answer",
		},
	}
}
