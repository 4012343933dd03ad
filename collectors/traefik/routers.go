package traefik

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

var routerRequests = prometheus.NewDesc(
	"traefik_router_requests_total",
	"How many HTTP requests are processed on a router, by status code; told where addRoutersLabels is on. Fifty routers have a name, the rest are other.",
	[]string{"code", "router", "service"}, nil,
)

// maxRouters bounds the routers with series of their own. Their names change
// with redeployments where a provider makes them.
const maxRouters = 50

// otherRouters stands for the routers beyond.
const otherRouters = "other"

// A route is what a router's requests are counted by.
type route struct{ code, router, service string }

// routers folds the requests of many routers into a bounded number. A router
// keeps its place as long as Traefik tells of it; what the others add is added
// to other, which therefore never falls when one of them is removed. It is not
// safe for concurrent use.
type routers struct {
	kept  map[string]bool
	last  map[route]float64
	other map[string]float64 // by code
}

// fold takes what Traefik tells now and publishes it.
func (r *routers) fold(ch chan<- prometheus.Metric, e exposition) {
	now, totals := map[route]float64{}, map[string]float64{}
	if e.typeOf("traefik_router_requests_total") == model.MetricTypeCounter {
		for _, s := range e.series["traefik_router_requests_total"] {
			at := route{s.labels.Get("code"), s.labels.Get("router"), s.labels.Get("service")}
			now[at] += s.value
			totals[at.router] += s.value
		}
	}
	r.keep(totals)
	for at, n := range now {
		if r.kept[at.router] {
			counter(ch, routerRequests, n, at.code, at.router, at.service)
			continue
		}
		before := r.last[at]
		if n < before { // Traefik restarted
			before = 0
		}
		r.other[at.code] += n - before
	}
	for code, n := range r.other {
		counter(ch, routerRequests, n, code, otherRouters, otherRouters)
	}
	r.last = now
}

// keep gives free places to routers that were not there before, the busiest
// first. One that was folded stays so: its past cannot be taken out of other.
func (r *routers) keep(totals map[string]float64) {
	if r.kept == nil {
		r.kept, r.other = map[string]bool{}, map[string]float64{}
	}
	maps.DeleteFunc(r.kept, func(name string, _ bool) bool { _, there := totals[name]; return !there })
	before := map[string]bool{}
	for at := range r.last {
		before[at.router] = true
	}
	byUse := func(a, b string) int { return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b)) }
	for _, name := range slices.SortedFunc(maps.Keys(totals), byUse) {
		if len(r.kept) < maxRouters && !before[name] {
			r.kept[name] = true
		}
	}
}
