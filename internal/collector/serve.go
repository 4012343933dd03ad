package collector

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/signal"
)

// Gatherer serves what all tasks published, and the metrics about them. It
// never waits for a monitored system.
func (r *Runner) Gatherer() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return r.families(r.settings.Now(), func(Task) bool { return true })
	})
}

// GathererFor is Gatherer for one component.
func (r *Runner) GathererFor(component string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return r.families(r.settings.Now(), func(t Task) bool { return t.Component == component })
	})
}

// families merges what the chosen tasks published with the runner's own
// metrics about them. Its error names what could not be merged.
func (r *Runner) families(now time.Time, chosen func(Task) bool) ([]*dto.MetricFamily, error) {
	var m merger
	for _, w := range r.workers {
		if !chosen(w.task) {
			continue
		}
		if s := w.published(now); s != nil {
			m.add(s.Families)
		}
	}
	own, err := r.self.Gather()
	m.add(r.only(own, chosen))
	return m.result(err)
}

// only keeps the runner's own metrics about chosen tasks.
func (r *Runner) only(own []*dto.MetricFamily, chosen func(Task) bool) []*dto.MetricFamily {
	subjects := map[[2]string]bool{}
	for _, w := range r.workers {
		if chosen(w.task) {
			subjects[[2]string{w.task.Component, w.task.Environment}] = true
		}
	}
	var out []*dto.MetricFamily
	for _, mf := range own {
		kept := &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit}
		for _, m := range mf.Metric {
			if subjects[[2]string{labelOf(m, "component"), labelOf(m, "environment")}] {
				kept.Metric = append(kept.Metric, m)
			}
		}
		if len(kept.Metric) > 0 {
			out = append(out, kept)
		}
	}
	return out
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// Samples returns everything Gatherer serves at now as samples, each with the
// time it was gathered.
func (r *Runner) Samples(now time.Time) []signal.Sample {
	var out []signal.Sample
	for _, w := range r.workers {
		if s := w.published(now); s != nil {
			out = AppendSamples(out, s.Families, s.Gathered)
		}
	}
	own, err := r.self.Gather()
	if err != nil {
		r.settings.Log.Error("own metrics are inconsistent", "err", err)
	}
	return AppendSamples(out, own, now)
}

// AppendSamples appends families gathered at a time to out, flattened.
func AppendSamples(out []signal.Sample, families []*dto.MetricFamily, at time.Time) []signal.Sample {
	for _, mf := range families {
		var shared map[string]string
		var of []*dto.LabelPair
		Flatten(mf, func(s Series) {
			if shared == nil || len(of) != len(s.Labels) || len(of) > 0 && &of[0] != &s.Labels[0] {
				shared, of = toMap(s.Labels), s.Labels
			}
			labels := shared
			if s.Extra != "" {
				labels = maps.Clone(shared)
				labels[s.Extra] = s.ExtraValue
			}
			sample := signal.Sample{Name: s.Name, Labels: labels, Value: s.Value, At: at}
			if !s.At.IsZero() {
				sample.At = s.At
			}
			out = append(out, sample)
		})
	}
	return out
}

func toMap(pairs []*dto.LabelPair) map[string]string {
	m := make(map[string]string, len(pairs)+1)
	for _, l := range pairs {
		m[l.GetName()] = l.GetValue()
	}
	return m
}
