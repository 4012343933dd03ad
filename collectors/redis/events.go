package redis

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

var eventsDesc = prometheus.NewDesc("redis_topology_events_total",
	"Changes of who is what, seen since the watch began: the server restarted, was promoted to primary, was demoted to replica, follows another primary, or the cluster's primaries are other ones.",
	[]string{"event"}, nil)

// The events that are counted.
const (
	restarted       = "restarted"
	promoted        = "promoted"
	demoted         = "demoted"
	primaryChanged  = "primary_changed"
	clusterFailover = "cluster_failover"
)

var everyEvent = []string{restarted, promoted, demoted, primaryChanged, clusterFailover}

// events compares each look with the one before.
type events struct {
	begun     bool
	run       string
	role      string
	primary   string   // whom a replica follows
	primaries []string // of the cluster, sorted; nil when not known
	count     map[string]float64
}

func newEvents() *events {
	e := &events{count: map[string]float64{}}
	for _, name := range everyEvent {
		e.count[name] = 0
	}
	return e
}

// observe reports whether another run of a server answered than before.
func (e *events) observe(i info, primaries []string) (another bool) {
	run, role, primary := i["run_id"], i["role"], ""
	if role == "slave" {
		primary = i["master_host"] + " " + i["master_port"]
	}
	if e.begun {
		another = run != e.run
		e.when(another, restarted)
		e.when(e.role == "slave" && role == "master", promoted)
		e.when(e.role == "master" && role == "slave", demoted)
		e.when(e.role == "slave" && role == "slave" && primary != e.primary, primaryChanged)
		e.when(e.primaries != nil && primaries != nil && !slices.Equal(e.primaries, primaries), clusterFailover)
	}
	e.begun, e.run, e.role, e.primary = true, run, role, primary
	if primaries != nil {
		e.primaries = primaries
	}
	return another
}

func (e *events) when(happened bool, name string) {
	if happened {
		e.count[name]++
	}
}

func (e *events) publish(ch chan<- prometheus.Metric) {
	for name, n := range e.count {
		counter(ch, eventsDesc, n, name)
	}
}

// endpoint joins host and port for a label, as redis_exporter writes it.
func endpoint(host, port string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]:" + port
	}
	return host + ":" + port
}
