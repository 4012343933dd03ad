package traefik

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// Signals returns what this collector's metrics say about a Traefik.
func Signals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "traefik_up", Title: "Traefik answers", Metric: "traefik_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Health,
			Says: "Traefik {component} does not answer on its metrics port",
		},
		{
			Name: "traefik_entrypoint_reachable", Title: "Entrypoint answers from outside", Metric: "traefik_entrypoint_reachable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: signal.Never(), Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Health,
			Says: "The entrypoint of {component} does not answer from outside",
		},
		{
			Name: "traefik_accesslog_readable", Title: "Access log can be read", Metric: "traefik_accesslog_readable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: signal.Never(),
			For: time.Minute, Fresh: fresh, Role: signal.Context,
			Says: "The access log of {component} cannot be read: real-user operations are not measured",
		},
		{
			Name: "traefik_accesslog_coverage", Title: "Access log is complete", Metric: "traefik_accesslog_coverage_ratio",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.95, Critical: signal.Never(), Exit: 0.99,
			For: 10 * time.Minute, Fresh: fresh, Role: signal.Context,
			Says: "Only {value} of the requests through {component} are logged: filters bias real-user operations",
		},
		{
			Name: "traefik_upstream_errors", Title: "Servers behind Traefik answer", Metric: "traefik_finance_upstream_error_ratio",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.02, Critical: 0.2, Exit: 0.5,
			For: 30 * time.Second, Fresh: fresh, Role: signal.Context,
			Says: "{value} of users' requests through {component} end in a server or upstream error",
		},
		{
			Name: "traefik_server_up", Title: "Servers are healthy for Traefik", Metric: "traefik_service_server_up",
			By: []string{"service"}, Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: signal.Never(),
			For: 30 * time.Second, Fresh: fresh, Role: signal.Context,
			Says: "Traefik {component} sees a dead server behind {service}",
		},
	}
}
