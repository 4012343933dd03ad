package app

import (
	"github.com/prometheus/client_golang/prometheus"
)

// changeMade lets dashboards draw changes over the health of what was changed.
var changeMade = desc("closewatch_change_last_timestamp_seconds",
	"When the newest change of a kind, seen or reported, took effect; absent when there was none in the last seven days.",
	"environment", "component", "kind")

// changeMetrics publishes the newest change of each kind by what was changed.
func changeMetrics(gauge func(*prometheus.Desc, float64, ...string), changes []Change) {
	type of struct{ environment, component, kind string }
	newest := map[of]float64{}
	for _, c := range changes {
		k := of{c.Environment, c.Component, c.Kind}
		newest[k] = max(newest[k], float64(c.At.UnixNano())/1e9)
	}
	for k, at := range newest {
		gauge(changeMade, at, k.environment, k.component, k.kind)
	}
}
