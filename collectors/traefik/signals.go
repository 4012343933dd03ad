package traefik

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is how long a reading counts.
const fresh = 2 * time.Minute

// Certificates are renewed a month before they end, those of 47 days a third of
// their life before: at ten days a renewal is late, at four somebody has to see
// to it by hand. The component kind certificate knows more of each.
const (
	certificateLate = 10 * 24 * time.Hour
	certificateEnds = 4 * 24 * time.Hour
)

// tlsFailures are why a browser gets no further, in words.
var tlsFailures = []struct{ reason, says string }{
	{tlsExpired, "the certificate has ended, or is not valid yet"},
	{tlsHostname, "the certificate is for another name"},
	{tlsUntrusted, "no authority this machine trusts has signed the certificate"},
	{tlsHandshake, "no secure connection is agreed on"},
}

// ownTroubles are what Traefik's own log complains of, in words. That a change
// was refused is a signal of its own.
var ownTroubles = []struct {
	about       trouble
	title, says string
}{
	{troubleRouter, "Every route works", "Traefik {component} cannot use a part of its configuration: a route, a service or a middleware is left out. Its own log names it"},
	{troubleCertificate, "Certificates are renewed", "Traefik {component} could not obtain, renew or load a certificate. Its own log names it and says why; what is served now works until it ends"},
	{troubleProvider, "Configuration can be read", "Traefik {component} cannot reach what it reads its configuration from: changes do not arrive. Its own log names it"},
}

// Signals returns what this collector's metrics say about a Traefik. What is
// not asked for, or not told by this version, has no reading.
func Signals() []signal.Definition {
	never := signal.Never()
	out := []signal.Definition{
		{
			Name: "traefik_up", Title: "Traefik answers", Metric: "traefik_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Health,
			Says: "Traefik {component} does not answer on its metrics port",
		},
		{
			Name: "traefik_entrypoint_reachable", Title: "Entrypoint answers from outside", Metric: "traefik_entrypoint_reachable",
			By: []string{"url"}, Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 1,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Health,
			Says: "{url} of {component} does not answer from outside",
		},
		{
			Name: "traefik_accesslog_readable", Title: "Access log can be read", Metric: "traefik_accesslog_readable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: never,
			For: time.Minute, Fresh: fresh, Role: signal.Context,
			Says: "The access log of {component} cannot be read: real-user operations are not measured",
		},
		{
			Name: "traefik_accesslog_coverage", Title: "Access log is complete", Metric: "traefik_accesslog_coverage_ratio",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.95, Critical: never, Exit: 0.99,
			For: 10 * time.Minute, Fresh: fresh, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "Only {value} of the requests through {component} are in its access log: a filter or a route without a log hides the rest, and what is said of real users is one-sided",
		},
		{
			Name: "traefik_upstream_errors", Title: "Servers behind Traefik answer", Metric: "traefik_finance_upstream_error_ratio",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.02, Critical: 0.2, Exit: 0.5,
			For: 30 * time.Second, Fresh: fresh, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "{value} of users' requests through {component} end in a server or upstream error",
		},
		{
			Name: "traefik_interrupted_writes", Title: "Answers reach who books", Metric: "traefik_finance_recent_interrupted_writes",
			By: []string{"operation"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: never,
			Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} times in the last half hour {operation} in {tenant} was cut off before its answer: the work may be done although the user saw an error. Look whether it is there before it is repeated, or it is done twice",
		},
		{
			Name: "traefik_server_up", Title: "Servers are healthy for Traefik", Metric: "traefik_service_server_up",
			By: []string{"service"}, Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: never,
			For: 30 * time.Second, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Traefik {component} sees a dead server behind {service}",
		},
		{
			Name: "traefik_service_up", Title: "A server is left for each service", Metric: "traefik_service_server_up",
			By: []string{"service"}, Aggregate: signal.Max, Direction: signal.Below, Warning: never, Critical: 1,
			For: 30 * time.Second, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Traefik {component} sees no living server behind {service}: it answers 503 to whoever asks for it",
		},
		{
			Name: "traefik_certificate_ends", Title: "Traefik's certificates last", Metric: "traefik_tls_certificate_remaining_seconds",
			By: []string{"name"}, Aggregate: signal.Min, Direction: signal.Below,
			Warning: certificateLate.Seconds(), Critical: certificateEnds.Seconds(),
			Fresh: fresh, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "The certificate for {name} that Traefik {component} has loaded ends in {value}, and no newer one is loaded",
		},
		{
			Name: "traefik_config_refused", Title: "Traefik runs on its newest configuration", Metric: "traefik_config_refused",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.5, Critical: never,
			Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Traefik {component} refused a change of its configuration and runs on what it had before. Its own log says what is wrong; correct that, or the next restart comes up without it",
		},
		{
			Name: "traefik_log_readable", Title: "Traefik's own log can be read", Metric: "traefik_log_readable",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 1, Critical: never,
			For: time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Traefik's own log of {component} cannot be read: refused configurations and failed renewals are not seen",
		},
	}
	for _, f := range tlsFailures {
		out = append(out, signal.Definition{
			Name: "traefik_entrypoint_tls_" + f.reason, Title: "Browsers accept the entrypoint", Metric: "traefik_entrypoint_tls_failed",
			Match: map[string]string{"reason": f.reason}, By: []string{"url"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: never, Critical: 0.5,
			For: 10 * time.Second, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Browsers get no further at {url} of {component}: " + f.says,
		})
	}
	for _, o := range ownTroubles {
		out = append(out, signal.Definition{
			Name: "traefik_log_" + troubleNames[o.about], Title: o.title, Metric: "traefik_log_trouble",
			Match:     map[string]string{"about": troubleNames[o.about]},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.5, Critical: never,
			Fresh: fresh, Role: signal.Context, Optional: true, Says: o.says,
		})
	}
	return out
}
