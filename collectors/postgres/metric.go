package postgres

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// gauge sends one constant gauge.
func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, valid(labels)...)
}

// counter sends one constant counter.
func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, valid(labels)...)
}

// valid replaces what is not UTF-8, as a name of a cluster without an encoding
// may not be: a label has to be.
func valid(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	return labels
}

// known sends a gauge unless its value is absent.
func known(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, ok bool, labels ...string) {
	if ok {
		gauge(ch, d, v, labels...)
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
