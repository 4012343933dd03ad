package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/VictoriaMetrics/metrics"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Own is the set of the daemon's own metrics: closewatch_* counters, gauges
// and histograms that cost a few nanoseconds where they are counted. It is a
// prometheus.Gatherer, so they reach /metrics and the store like any other.
//
// Constructors return the metric that already exists under the same name and
// labels. They panic, as regexp.MustCompile does, when a name is not a
// closewatch_ name or is used for two kinds of metric: a mistake of the
// program, never of its input. Own is safe for concurrent use.
type Own struct {
	set *metrics.Set

	mu       sync.Mutex
	families map[string]family
}

// family is what the text format does not know about a metric.
type family struct {
	kind dto.MetricType
	help string
}

var ownName = regexp.MustCompile(`^closewatch_[a-z0-9_]+$`)

// NewOwn returns an empty set.
func NewOwn() *Own {
	return &Own{set: metrics.NewSet(), families: map[string]family{}}
}

// Counter returns a counter. labels are names and values in turn.
func (o *Own) Counter(name, help string, labels ...string) *metrics.Counter {
	return o.set.GetOrCreateCounter(o.register(name, help, dto.MetricType_COUNTER, labels))
}

// Gauge returns a gauge to be set.
func (o *Own) Gauge(name, help string, labels ...string) *metrics.Gauge {
	return o.set.GetOrCreateGauge(o.register(name, help, dto.MetricType_GAUGE, labels), nil)
}

// GaugeFunc publishes what f returns when it is asked, in place of an earlier
// function of the same name and labels. f must be fast and safe for concurrent
// use; NaN publishes nothing.
func (o *Own) GaugeFunc(name, help string, f func() float64, labels ...string) {
	metric := o.register(name, help, dto.MetricType_GAUGE, labels)
	o.set.UnregisterMetric(metric)
	o.set.GetOrCreateGauge(metric, f)
}

// Histogram returns a histogram of seconds, published with fixed bounds from
// 100 µs to 1000 s, three a decade.
func (o *Own) Histogram(name, help string, labels ...string) *metrics.Histogram {
	return o.set.GetOrCreateHistogram(o.register(name, help, dto.MetricType_HISTOGRAM, labels))
}

// register notes the family and returns the metric's name with its labels.
func (o *Own) register(name, help string, kind dto.MetricType, labels []string) string {
	if !ownName.MatchString(name) || len(labels)%2 != 0 {
		panic(fmt.Sprintf("telemetry: %s%q is not a closewatch_ metric with pairs of labels", name, labels))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if f, ok := o.families[name]; ok && f.kind != kind {
		panic(fmt.Sprintf("telemetry: %s is a %v and a %v", name, f.kind, kind))
	}
	o.families[name] = family{kind, help}
	if len(labels) == 0 {
		return name
	}
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+escape.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD"))+`"`)
	}
	slices.Sort(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Gather implements prometheus.Gatherer.
func (o *Own) Gather() ([]*dto.MetricFamily, error) {
	var text bytes.Buffer
	o.set.WritePrometheus(&text)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	untyped, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the daemon's own metrics: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*dto.MetricFamily
	for name, f := range o.families {
		if mf := f.assemble(name, untyped); len(mf.Metric) > 0 {
			out = append(out, mf)
		}
	}
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// WritePrometheus writes the set in the text exposition format.
func (o *Own) WritePrometheus(w io.Writer) error {
	families, err := o.Gather()
	if err != nil {
		return err
	}
	return writeText(w, families)
}

func writeText(w io.Writer, families []*dto.MetricFamily) error {
	for _, mf := range families {
		if _, err := expfmt.MetricFamilyToText(w, mf); err != nil {
			return fmt.Errorf("cannot write %s: %w", mf.GetName(), err)
		}
	}
	return nil
}

// assemble gives the untyped values of a family their type and help.
func (f family) assemble(name string, untyped map[string]*dto.MetricFamily) *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &name, Help: &f.help, Type: &f.kind}
	if f.kind == dto.MetricType_HISTOGRAM {
		mf.Metric = histograms(name, untyped)
		return mf
	}
	for _, m := range untyped[name].GetMetric() {
		value := m.GetUntyped().GetValue()
		typed := &dto.Metric{Label: m.Label}
		switch f.kind {
		case dto.MetricType_COUNTER:
			typed.Counter = &dto.Counter{Value: &value}
		default:
			if value != value { // NaN: nothing to say
				continue
			}
			typed.Gauge = &dto.Gauge{Value: &value}
		}
		mf.Metric = append(mf.Metric, typed)
	}
	return mf
}
