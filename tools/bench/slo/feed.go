package main

import (
	"math/rand/v2"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/signal"
)

const (
	step      = 30 * time.Second // between ticks
	instances = 4                // of what each objective is about
	perSLO    = 2 * instances    // counters
	metric    = "invoice_post_total"
)

// end is the newest tick of every history.
func end() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// A feed is the counters of some objectives, tick by tick the same in every run:
// each of four instances counts 20 to 40 successes a tick and, in one tick of
// fifty, an error.
type feed struct {
	slos   int
	values []float64 // by objective, instance and result, success first
	random *rand.PCG
}

func newFeed(slos int) *feed {
	return &feed{slos: slos, values: make([]float64, slos*perSLO), random: rand.NewPCG(88172645463325252, 7)}
}

// next counts what happens in a tick.
func (f *feed) next() {
	for i := 0; i < len(f.values); i += 2 {
		n := f.random.Uint64()
		f.values[i] += float64(20 + n%21)
		if n>>32%50 == 0 {
			f.values[i+1]++
		}
	}
}

// labels are those of a counter, without the name of the metric.
func labels(i int) map[string]string {
	return map[string]string{
		"environment": "production", "component": "erp", "slo": slo(i / perSLO), "instance": "i" + strconv.Itoa(i%perSLO/2),
		"job": "odoo", "result": [...]string{"success", "error"}[i%2],
	}
}

func slo(i int) string { return "s" + strconv.Itoa(i) }

// samples are the counters as they are published.
func (f *feed) samples() []signal.Sample {
	out := make([]signal.Sample, len(f.values))
	for i := range out {
		out[i] = signal.Sample{Name: metric, Labels: labels(i)}
	}
	return out
}

// show puts what is counted now into samples.
func (f *feed) show(at time.Time, samples []signal.Sample) {
	for i := range samples {
		samples[i].Value, samples[i].At = f.values[i], at
	}
}

// family are the counters as a collector leaves them.
func (f *feed) family() *dto.MetricFamily {
	name, kind := metric, dto.MetricType_COUNTER
	out := &dto.MetricFamily{Name: &name, Type: &kind}
	for i := range f.values {
		m := &dto.Metric{Counter: &dto.Counter{Value: &f.values[i]}}
		l := labels(i)
		for _, n := range []string{"component", "environment", "instance", "job", "result", "slo"} {
			value := l[n]
			m.Label = append(m.Label, &dto.LabelPair{Name: &n, Value: &value})
		}
		out.Metric = append(out.Metric, m)
	}
	return out
}
