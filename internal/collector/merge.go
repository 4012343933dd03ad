package collector

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// An Exposition is what several sources published, as one: families by name, the
// metrics of each by labels, each series once. It is immutable.
type Exposition struct {
	families []*merged
	err      error
}

// merged is one family of an exposition.
type merged struct {
	blocks []*block // of the same name and type; what the first says of the family holds
	// steps are the metrics of all blocks in the order of their labels; nil when
	// there is one block and it is taken as it is.
	steps []step
}

// A step takes the next metric of a block; one whose series was there already is
// left out.
type step struct {
	block int
	twice bool
}

// Merge is what gatherers gather, as one.
func Merge(gatherers ...prometheus.Gatherer) *Exposition {
	parts, err := gather(gatherers)
	return merge(err, parts...)
}

func gather(gatherers []prometheus.Gatherer) (parts []*part, err error) {
	for _, g := range gatherers {
		families, failed := g.Gather()
		err = join(err, failed)
		parts = append(parts, &part{families: families})
	}
	return parts, err
}

// merge makes one list of the families of many parts. A family whose type
// differs from the first of its name is left out, and so is a histogram or
// summary whose series have the names of another family. Both are errors, and so
// is a series that is there twice, of which the first is kept.
func merge(err error, parts ...*part) *Exposition {
	byName := map[string]*merged{}
	errs := []error{err}
	for _, p := range parts {
		for _, b := range p.sorted() {
			have := byName[b.family.GetName()]
			switch {
			case have == nil:
				byName[b.family.GetName()] = &merged{blocks: []*block{b}}
			case have.family().GetType() != b.family.GetType():
				errs = append(errs, fmt.Errorf("%s is published as %v and as %v", b.family.GetName(), have.family().GetType(), b.family.GetType()))
			default:
				have.blocks = append(have.blocks, b)
			}
		}
	}
	e := &Exposition{families: make([]*merged, 0, len(byName))}
	for _, m := range byName {
		if other := collision(m.family(), byName); other != "" {
			errs = append(errs, fmt.Errorf("%s, a %v, has series named as %s is", m.family().GetName(), m.family().GetType(), other))
			continue
		}
		if n := m.interleave(); n > 0 {
			errs = append(errs, fmt.Errorf("%s: %d series are published twice", m.family().GetName(), n))
		}
		e.families = append(e.families, m)
	}
	slices.SortFunc(e.families, func(a, b *merged) int { return strings.Compare(a.family().GetName(), b.family().GetName()) })
	e.err = errors.Join(errs...)
	return e
}

func (m *merged) family() *dto.MetricFamily { return m.blocks[0].family }

// interleave lays out the steps, and counts the metrics left out.
func (m *merged) interleave() (twice int) {
	if len(m.blocks) == 1 && m.blocks[0].unique {
		return 0
	}
	next := make([]int, len(m.blocks)) // of each block
	var last *dto.Metric
	for {
		least := -1
		var metric *dto.Metric
		for i, b := range m.blocks {
			if next[i] == len(b.family.Metric) {
				continue
			}
			if candidate := b.family.Metric[next[i]]; least < 0 || compareLabels(candidate, metric) < 0 {
				least, metric = i, candidate
			}
		}
		if least < 0 {
			return twice
		}
		next[least]++
		again := last != nil && compareLabels(last, metric) == 0
		if again {
			twice++
		}
		m.steps = append(m.steps, step{least, again})
		last = metric
	}
}

// metrics lists the metrics in order.
func (m *merged) metrics() []*dto.Metric {
	if m.steps == nil {
		return slices.Clone(m.family().Metric)
	}
	out := make([]*dto.Metric, 0, len(m.steps))
	next := make([]int, len(m.blocks))
	for _, s := range m.steps {
		if !s.twice {
			out = append(out, m.blocks[s.block].family.Metric[next[s.block]])
		}
		next[s.block]++
	}
	return out
}

// whole is the family as one message.
func (m *merged) whole() *dto.MetricFamily {
	return bare(m.family(), m.metrics())
}

// bare is a family like mf of other metrics.
func bare(mf *dto.MetricFamily, metrics []*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit, Metric: metrics}
}

// Gather implements prometheus.Gatherer. Its error names what could not be merged.
func (e *Exposition) Gather() ([]*dto.MetricFamily, error) {
	out := make([]*dto.MetricFamily, 0, len(e.families))
	for _, m := range e.families {
		out = append(out, m.whole())
	}
	return out, e.err
}

// Empty reports whether there is nothing to serve.
func (e *Exposition) Empty() bool { return len(e.families) == 0 }

// compareLabels orders metrics by their labels. Most share the very pairs of
// environment and component.
func compareLabels(a, b *dto.Metric) int {
	for i := range min(len(a.Label), len(b.Label)) {
		x, y := a.Label[i], b.Label[i]
		if x == y {
			continue
		}
		if c := compareNames(x, y); c != 0 {
			return c
		}
		if c := strings.Compare(x.GetValue(), y.GetValue()); c != 0 {
			return c
		}
	}
	return len(a.Label) - len(b.Label)
}
