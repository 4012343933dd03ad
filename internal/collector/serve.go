package collector

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Gatherer serves what all tasks published, and the metrics about them. It
// never waits for a monitored system.
func (r *Runner) Gatherer() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return r.Expose("").Gather() })
}

// GathererFor is Gatherer for one component.
func (r *Runner) GathererFor(component string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return r.Expose(component).Gather() })
}

// Expose merges what the tasks of a component published, of every one when it is
// "", and the runner's own metrics about them with what others gather.
func (r *Runner) Expose(component string, others ...prometheus.Gatherer) *Exposition {
	chosen := func(t Task) bool { return component == "" || t.Component == component }
	now := r.settings.Now()
	var parts []*part
	for _, w := range r.workers {
		if s := w.published(now); s != nil && chosen(w.task) {
			parts = append(parts, s.part)
		}
	}
	own := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := r.self.Gather()
		return r.only(families, chosen), err
	})
	more, err := gather(append([]prometheus.Gatherer{own}, others...))
	return merge(err, append(parts, more...)...)
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
		kept := bare(mf, nil)
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
