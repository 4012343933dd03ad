package endpoint

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// Names and labels that blackbox_exporter also has are its own, so that its
// dashboards keep working.
var (
	labels    = []string{"check", "class"}
	withPhase = append([]string{"phase"}, labels...)

	successDesc = prometheus.NewDesc("probe_success",
		"Whether the latest run of the check passed.", labels, nil)
	latestDesc = prometheus.NewDesc("probe_duration_seconds",
		"How long the latest run of the check took.", labels, nil)
	durationDesc = prometheus.NewDesc("endpoint_check_duration_seconds",
		"How long runs of the check took. One that failed counts in the last bucket only: failing fast is not being quick.", labels, nil)
	failuresDesc = prometheus.NewDesc("endpoint_check_failures_total",
		"Runs of the check that failed, by kind.", append([]string{"kind"}, labels...), nil)
	inARowDesc = prometheus.NewDesc("endpoint_check_consecutive_failures",
		"Runs of the check that failed since it last passed.", labels, nil)
	lastSuccessDesc = prometheus.NewDesc("endpoint_check_last_success_timestamp_seconds",
		"When the check last passed; absent until it has.", labels, nil)
	statusDesc = prometheus.NewDesc("probe_http_status_code",
		"Status of the latest answer; absent when there was none.", labels, nil)
	cutDesc = prometheus.NewDesc("endpoint_body_truncated",
		"Whether the latest body was longer than maxBytes and was read no further; absent without an answer.", labels, nil)
)

// phaseDescs are how long the parts of a run took that it came to the end of,
// by what was asked.
var phaseDescs = map[protocol]*prometheus.Desc{
	overHTTP: prometheus.NewDesc("probe_http_duration_seconds",
		"How long a part of the latest request took, redirects added up: resolve, connect, tls, processing until the first byte, transfer.", withPhase, nil),
	overTCP: prometheus.NewDesc("endpoint_tcp_duration_seconds",
		"How long a part of the latest connection took: resolve, connect, tls.", withPhase, nil),
	overDNS: prometheus.NewDesc("probe_dns_duration_seconds",
		"How long a part of the latest question took: resolve (of the server's own name), connect, request.", withPhase, nil),
}

type protocol string

const (
	overHTTP protocol = "http"
	overTCP  protocol = "tcp"
	overDNS  protocol = "dns"
)

// An answer is what a run learnt, as far as it came.
type answer struct {
	phases map[string]time.Duration
	status int  // of HTTP; 0 without an answer
	cut    bool // the body was longer than what was read
}

// An asker asks the service once. It returns soon after ctx is done, and what
// it learnt until then. Its error is a *fault.Error that repeats nothing of a
// secret, a query or a body.
type asker func(ctx context.Context) (answer, error)

// charge tells the cost of one exchange over a connection of its own, begun at
// an instant.
func charge(ctx context.Context, begun time.Time) {
	collector.Charge(ctx, collector.Spent{Requests: 1, Connections: 1, Waiting: time.Since(begun)})
}

// A probe runs one check and remembers its past.
type probe struct {
	name, class string
	protocol    protocol
	ask         asker
	now         func() time.Time

	durations   histogram
	failures    map[fault.Kind]uint64
	inARow      int
	lastSuccess time.Time
}

func newProbe(c Check, s Settings) collector.Collector {
	p := &probe{name: c.Name, class: string(s.Config.Class), now: s.Now, failures: map[fault.Kind]uint64{}}
	switch {
	case c.HTTP != nil:
		p.protocol, p.ask = overHTTP, httpAsker{*c.HTTP, newExpectation(c.HTTP.Expect), s}.ask
	case c.TCP != nil:
		p.protocol, p.ask = overTCP, tcpAsker{*c.TCP, s}.ask
	default:
		p.protocol, p.ask = overDNS, dnsAsker{*c.DNS, s}.ask
	}
	return p
}

// Describe implements collector.Collector.
func (p *probe) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{successDesc, latestDesc, durationDesc, failuresDesc, inARowDesc, lastSuccessDesc, phaseDescs[p.protocol]} {
		ch <- d
	}
	if p.protocol == overHTTP {
		ch <- statusDesc
		ch <- cutDesc
	}
}

// Collect implements collector.Collector: one run of the check. A run that is
// called off says nothing about the service and leaves no trace.
func (p *probe) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	begun := p.now()
	a, err := p.ask(ctx)
	ended := p.now()
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.Wrap("check "+p.name, ctx.Err(), "")
	}
	p.record(ended, ended.Sub(begun), err)
	p.publish(ch, a, ended.Sub(begun), err)
	return fault.Wrap("check "+p.name, err, "")
}

func (p *probe) record(at time.Time, took time.Duration, err error) {
	p.durations.observe(took, err == nil)
	if err != nil {
		p.failures[fault.KindOf(err)]++
		p.inARow++
		return
	}
	p.inARow, p.lastSuccess = 0, at
}

func (p *probe) publish(ch chan<- prometheus.Metric, a answer, took time.Duration, err error) {
	success := 1.0
	if err != nil {
		success = 0
	}
	p.gauge(ch, successDesc, success)
	p.gauge(ch, latestDesc, took.Seconds())
	p.gauge(ch, inARowDesc, float64(p.inARow))
	ch <- prometheus.MustNewConstHistogram(durationDesc, p.durations.count, p.durations.sum, p.durations.cumulative(), p.name, p.class)
	for _, kind := range fault.Kinds() {
		ch <- prometheus.MustNewConstMetric(failuresDesc, prometheus.CounterValue, float64(p.failures[kind]), string(kind), p.name, p.class)
	}
	if !p.lastSuccess.IsZero() {
		p.gauge(ch, lastSuccessDesc, float64(p.lastSuccess.UnixMilli())/1000)
	}
	for phase, d := range a.phases {
		ch <- prometheus.MustNewConstMetric(phaseDescs[p.protocol], prometheus.GaugeValue, d.Seconds(), phase, p.name, p.class)
	}
	if a.status != 0 {
		cut := 0.0
		if a.cut {
			cut = 1
		}
		p.gauge(ch, statusDesc, float64(a.status))
		p.gauge(ch, cutDesc, cut)
	}
}

func (p *probe) gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, p.name, p.class)
}
