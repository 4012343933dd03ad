package redis

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
)

var (
	byCommand = []string{"cmd"}

	callsDesc    = prometheus.NewDesc("redis_commands_total", "Calls of a command, those of closewatch included.", byCommand, nil)
	durationDesc = prometheus.NewDesc("redis_commands_duration_seconds_total", "Time spent in a command.", byCommand, nil)
	rejectedDesc = prometheus.NewDesc("redis_commands_rejected_calls_total", "Calls of a command that were rejected before they ran.", byCommand, nil)
	failedDesc   = prometheus.NewDesc("redis_commands_failed_calls_total", "Calls of a command that failed.", byCommand, nil)
	quantileDesc = prometheus.NewDesc("redis_latency_percentiles_usec", "Percentiles of the time spent in a command since the start, in microseconds, as the server reckons them.", byCommand, nil)
	errorsDesc   = prometheus.NewDesc("redis_errors_total", "Error replies by their prefix.", []string{"err"}, nil)
)

func describeCommands(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{callsDesc, durationDesc, rejectedDesc, failedDesc, quantileDesc, errorsDesc} {
		ch <- d
	}
}

// other stands for what has no series of its own.
const other = "other"

// Bounds on label values: an estate's clients use about thirty commands, and
// scripts can make up any error prefix.
const (
	maxCommands = 48
	maxErrors   = 24
)

// An admission keeps a label bounded. Who was admitted stays, so that no counter
// ever jumps from one series to another; whoever comes later is other.
type admission struct {
	limit int
	in    map[string]bool
}

func newAdmission(limit int) *admission { return &admission{limit, map[string]bool{}} }

// admit decides about names, of which the first are preferred.
func (a *admission) admit(names []string) {
	for _, n := range names {
		if len(a.in) < a.limit {
			a.in[n] = true
		}
	}
}

func (a *admission) label(name string) string {
	if a.in[name] {
		return name
	}
	return other
}

// A usage is what one command has been used for.
type usage struct{ calls, seconds, rejected, failed float64 }

// usages reads INFO's commandstats. A server before version 6.2 tells neither
// rejected nor failed calls.
func usages(i info) (of map[string]usage, failures bool) {
	of = map[string]usage{}
	for field, text := range i {
		command, ok := strings.CutPrefix(field, "cmdstat_")
		if !ok {
			continue
		}
		var u usage
		for name, value := range pairs(text) {
			switch v, _ := finite(value); name {
			case "calls":
				u.calls = v
			case "usec":
				u.seconds = v / 1e6
			case "rejected_calls":
				u.rejected, failures = v, true
			case "failed_calls":
				u.failed = v
			}
		}
		of[command] = u
	}
	return of, failures
}

// publishCommands publishes commandstats and errorstats.
func publishCommands(ch chan<- prometheus.Metric, i info, commands, distributed, errs *admission) {
	of, failures := usages(i)
	most := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b].calls, of[a].calls), cmp.Compare(a, b))
	})
	commands.admit(most)
	distributed.admit(most)
	sums := map[string]usage{}
	for command, u := range of {
		s := sums[commands.label(command)]
		s.calls, s.seconds = s.calls+u.calls, s.seconds+u.seconds
		s.rejected, s.failed = s.rejected+u.rejected, s.failed+u.failed
		sums[commands.label(command)] = s
	}
	for _, cmd := range slices.Sorted(maps.Keys(sums)) { // whoever takes them need not sort each family
		u, labels := sums[cmd], prometheus.MakeLabelPairs(callsDesc, []string{cmd})
		send := func(d *prometheus.Desc, v float64) { ch <- collector.NewMetric(d, asCounter, v, labels) }
		send(callsDesc, u.calls)
		send(durationDesc, u.seconds)
		if failures {
			send(rejectedDesc, u.rejected)
			send(failedDesc, u.failed)
		}
	}
	publishErrors(ch, i, errs)
}

// publishPercentiles publishes latencystats of admitted commands: percentiles of
// several commands make no common one.
func publishPercentiles(ch chan<- prometheus.Metric, i info, admitted *admission) {
	for field, text := range i {
		command, ok := strings.CutPrefix(field, "latency_percentiles_usec_")
		if !ok || !admitted.in[command] {
			continue
		}
		quantiles := map[float64]float64{}
		for name, value := range pairs(text) { // p50=1.003
			percent, okPercent := finite(strings.TrimPrefix(name, "p"))
			if v, ok := finite(value); ok && okPercent && percent >= 0 && percent <= 100 {
				quantiles[math.Round(percent*1e4)/1e6] = v
			}
		}
		if len(quantiles) > 0 {
			ch <- prometheus.MustNewConstSummary(quantileDesc, 0, 0, quantiles, command)
		}
	}
}

func publishErrors(ch chan<- prometheus.Metric, i info, admitted *admission) {
	counts := map[string]float64{}
	for field, text := range i {
		prefix, ok := strings.CutPrefix(field, "errorstat_")
		if !ok {
			continue
		}
		for name, value := range pairs(text) {
			if v, ok := finite(value); ok && name == "count" {
				counts[prefix] = v
			}
		}
	}
	admitted.admit(slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}))
	sums := map[string]float64{}
	for prefix, n := range counts {
		sums[admitted.label(prefix)] += n
	}
	for prefix, n := range sums {
		counter(ch, errorsDesc, n, prefix)
	}
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
