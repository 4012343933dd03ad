package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// Bounds of the histograms, in seconds: what is judged by a tick of half a minute
// and holds of minutes, people who are woken, and recovery objectives of an hour
// to two days.
func (incidentMeter) detectBuckets() []float64 { return []float64{30, 60, 120, 300, 600, 1800} }
func (incidentMeter) ackBuckets() []float64    { return []float64{60, 120, 300, 900, 1800, 3600} }
func (incidentMeter) restoreBuckets() []float64 {
	return []float64{300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800}
}

// An incidentMeter counts what became of incidents since the start. It is told of
// every tick, by one goroutine.
type incidentMeter struct {
	pages     *prometheus.CounterVec
	recovered *prometheus.CounterVec
	verdicts  *prometheus.CounterVec
	detect    *prometheus.HistogramVec
	ack       *prometheus.HistogramVec
	restore   *prometheus.HistogramVec
	waiting   *prometheus.GaugeVec

	sent map[string]int // pages of each open incident at the tick before; nil before the first tick
}

func newIncidentMeter(subjects []subject) *incidentMeter {
	m := &incidentMeter{}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"environment", "tier"})
	}
	m.pages = counter("closewatch_incident_pages_total", "Pages sent for incidents.", "environment")
	m.recovered = counter("closewatch_incident_recovered_total", "Incidents that recovered, by the highest tier they reached.", "environment", "tier")
	m.verdicts = counter("closewatch_incident_recovery_verdicts_total",
		"Processes that recovered from an incident, by whether their recovery objective was met or missed: rto of an outage, rpo of the work at risk at worst.",
		"environment", "process", "objective", "verdict")
	m.detect = histogram("closewatch_incident_detect_seconds", "From the first bad tick of an incident that has recovered until it was raised.", m.detectBuckets())
	m.ack = histogram("closewatch_incident_acknowledge_seconds", "From raising an incident that has recovered until somebody took it; those that nobody took are not in it.", m.ackBuckets())
	m.restore = histogram("closewatch_incident_restore_seconds", "From the first bad tick of an incident until its last outcome worked again.", m.restoreBuckets())
	m.waiting = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "closewatch_incident_recovery_checks_waiting", Help: "Open incidents whose recovery waits for a check.",
	}, []string{"environment", "check"})
	for _, s := range subjects { // a counter that begins with its first event loses it
		m.pages.WithLabelValues(s.key.Environment)
		for t := tiering.Informational; t <= tiering.BusinessCritical; t++ {
			m.recovered.WithLabelValues(s.key.Environment, t.String())
		}
		for _, objective := range []string{"rto", "rpo"} {
			for _, v := range []incident.Verdict{incident.Met, incident.Missed} {
				m.verdicts.WithLabelValues(s.key.Environment, s.key.Process, objective, string(v))
			}
		}
	}
	return m
}

func (m *incidentMeter) all() []prometheus.Collector {
	return []prometheus.Collector{m.pages, m.recovered, m.verdicts, m.detect, m.ack, m.restore, m.waiting}
}

// Describe implements prometheus.Collector.
func (m *incidentMeter) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *incidentMeter) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

// observe counts what is new at a tick.
func (m *incidentMeter) observe(t *Tick) {
	m.waiting.Reset()
	sent := map[string]int{}
	for _, inc := range t.Incidents {
		if inc.Open() {
			for _, c := range inc.Checks {
				if c.Holds() {
					m.waiting.WithLabelValues(inc.Environment, c.Name).Inc()
				}
			}
			sent[inc.ID] = inc.Pages
			if before, known := m.sent[inc.ID]; m.sent != nil && (known || inc.Detected.Equal(t.At)) && inc.Pages > before {
				m.pages.WithLabelValues(inc.Environment).Add(float64(inc.Pages - before))
			}
		}
		m.verdict(t.At, inc)
		if inc.Recovered.Equal(t.At) && inc.Into == "" {
			m.over(inc)
		}
	}
	m.sent = sent
}

// verdict counts the members that recovered at a tick.
func (m *incidentMeter) verdict(at time.Time, inc *incident.Incident) {
	for i := range inc.Members {
		mem := &inc.Members[i]
		if !mem.Left.Equal(at) || inc.Into != "" {
			continue
		}
		for objective, v := range map[string]incident.Verdict{"rto": mem.RTO.Verdict(), "rpo": mem.RPO.Verdict()} {
			if v == incident.Met || v == incident.Missed {
				m.verdicts.WithLabelValues(inc.Environment, mem.Impact.Process, objective, string(v)).Inc()
			}
		}
	}
}

// over counts an incident that recovered.
func (m *incidentMeter) over(inc *incident.Incident) {
	labels := []string{inc.Environment, inc.Tier().String()}
	m.recovered.WithLabelValues(labels...).Inc()
	m.detect.WithLabelValues(labels...).Observe(inc.ToDetect().Seconds())
	if d, ok := inc.ToAcknowledge(); ok {
		m.ack.WithLabelValues(labels...).Observe(d.Seconds())
	}
	if d, ok := inc.ToRestore(); ok {
		m.restore.WithLabelValues(labels...).Observe(d.Seconds())
	}
}
