package collector

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/signal"
)

// Samples returns everything Gatherer serves at now as samples, each with the
// time it was gathered.
func (r *Runner) Samples(now time.Time) []signal.Sample {
	var out []signal.Sample
	for _, g := range r.gathered(now) {
		out = AppendSamples(out, g.families, g.at)
	}
	return out
}

// Sampled is what Samples returns and what others gather at now, by metric.
func (r *Runner) Sampled(now time.Time, others ...prometheus.Gatherer) *Sampled {
	all := r.gathered(now)
	for _, g := range others {
		families, err := g.Gather()
		if err != nil {
			r.settings.Log.Error("published metrics are inconsistent", "err", err)
		}
		all = append(all, gathered{families, now})
	}
	return newSampled(all, &r.labels)
}

// gathered is families that were gathered at a time.
type gathered struct {
	families []*dto.MetricFamily
	at       time.Time
}

func (r *Runner) gathered(now time.Time) []gathered {
	var out []gathered
	for _, w := range r.workers {
		if s := w.published(now); s != nil {
			out = append(out, gathered{s.Families, s.Gathered})
		}
	}
	own, err := r.self.Gather()
	if err != nil {
		r.settings.Log.Error("own metrics are inconsistent", "err", err)
	}
	return append(out, gathered{own, now})
}

// Sampled is what was published at an instant, as samples that are made when
// somebody asks for their metric: most are never asked for. It is not safe for
// concurrent use.
type Sampled struct {
	labels    *labelBook
	published map[string][]gathered // by the name of a series, each one family
	made      map[string][]signal.Sample
}

func newSampled(all []gathered, labels *labelBook) *Sampled {
	s := &Sampled{labels: labels, published: map[string][]gathered{}, made: map[string][]signal.Sample{}}
	for _, g := range all {
		for i, mf := range g.families {
			one := gathered{g.families[i : i+1], g.at}
			for _, suffix := range suffixes(mf.GetType()) {
				name := mf.GetName() + suffix
				s.published[name] = append(s.published[name], one)
			}
			if isHistogram(mf.GetType()) && len(mf.Metric) > 0 && hasNative(mf.Metric[0].GetHistogram()) {
				name := mf.GetName() + NativeSuffix
				s.published[name] = append(s.published[name], one)
			}
		}
	}
	return s
}

// Named returns the samples of a metric, which are not to be changed: of a
// histogram or summary by the names its series have, of its native buckets by
// its name and NativeSuffix.
func (s *Sampled) Named(metric string) []signal.Sample {
	made, asked := s.made[metric]
	if asked {
		return made
	}
	if of := s.published[metric]; of != nil {
		made = s.labels.samples(metric, of)
	}
	s.made[metric] = made
	return made
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
			sample := signal.Sample{Name: s.Name, Labels: labels, Value: s.Value, At: at, Created: s.Created}
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
