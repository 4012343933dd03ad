package collector

import (
	"slices"
	"strings"
	"sync"

	"github.com/closewatch/closewatch/internal/signal"
)

// A labelBook remembers the labels of the series of each metric: a series that is
// published again in the same place has the map of the time before. Nothing is
// made for it, and who looked its labels up can tell by the map. It is safe for
// concurrent use.
type labelBook struct {
	mu sync.Mutex
	of map[string][]labelled // by metric, in their order; replaced, never changed
}

// labelled is the labels of a series: as a list of names and values, and as they
// are handed out.
type labelled struct {
	list   []string
	labels map[string]string
}

// samples flattens what is published of a metric.
func (b *labelBook) samples(metric string, published []gathered) []signal.Sample {
	b.mu.Lock()
	before := b.of[metric]
	b.mu.Unlock()
	out := make([]signal.Sample, 0, len(before))
	now, same := before, true
	flatten := Flatten
	if strings.HasSuffix(metric, NativeSuffix) {
		flatten = flattenAlso
	}
	for _, g := range published {
		for _, mf := range g.families {
			flatten(mf, func(s Series) {
				if s.Name != metric {
					return
				}
				place := len(out)
				known := place < len(before) && before[place].is(&s)
				if same && !known {
					now, same = slices.Clone(before[:place]), false
				}
				switch {
				case same:
				case known:
					now = append(now, before[place])
				default:
					now = append(now, labelledOf(&s))
				}
				at := g.at
				if !s.At.IsZero() {
					at = s.At
				}
				out = append(out, signal.Sample{Name: metric, Labels: now[place].labels, Value: s.Value, At: at, Created: s.Created})
			})
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[metric] = now[:len(out)]
	return out
}

func labelledOf(s *Series) labelled {
	l := labelled{labels: toMap(s.Labels)}
	for _, p := range s.Labels {
		l.list = append(l.list, p.GetName(), p.GetValue())
	}
	if s.Extra != "" {
		l.list = append(l.list, s.Extra, s.ExtraValue)
		l.labels[s.Extra] = s.ExtraValue
	}
	return l
}

// is reports whether a series has exactly these labels.
func (l *labelled) is(s *Series) bool {
	n := len(s.Labels)
	if s.Extra != "" {
		if len(l.list) != 2*n+2 || l.list[2*n] != s.Extra || l.list[2*n+1] != s.ExtraValue {
			return false
		}
	} else if len(l.list) != 2*n {
		return false
	}
	for i, p := range s.Labels {
		if l.list[2*i+1] != p.GetValue() || l.list[2*i] != p.GetName() {
			return false
		}
	}
	return true
}
