package traefik

import "github.com/prometheus/client_golang/prometheus"

var removedRequests = prometheus.NewDesc(
	"traefik_service_removed_requests_total",
	"Requests of services that Traefik no longer tells of because they were removed, as last seen: with them, sums over services do not fall.",
	nil, nil,
)

// removed keeps what services that are gone had counted: Traefik drops the
// series of a removed service after the next scrape. What was counted between
// that scrape and the removal is lost. It is not safe for concurrent use.
type removed struct {
	began    float64            // start of Traefik's process
	last     map[string]float64 // requests by service
	requests float64
}

// see takes what Traefik tells now. A restart removes nothing: all counters
// begin anew.
func (r *removed) see(e exposition) {
	began, known := e.value(startTime)
	now := e.sums("traefik_service_requests_total", "service")
	restarted := !known || began != r.began
	for service, n := range r.last {
		left, there := now[service]
		switch {
		case restarted:
		case !there:
			r.requests += n
		case left < n: // removed and added again between two scrapes
			r.requests += n
		}
	}
	r.began, r.last = began, now
}
