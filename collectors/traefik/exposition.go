package traefik

import (
	"errors"
	"io"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// accepted are the formats asked for: text, which Traefik speaks, or
// OpenMetrics, into which something between may turn it.
const accepted = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"

// An exposition is what Traefik's metrics say about itself: its own families,
// and when its process began.
type exposition struct {
	families int                         // all there are, other software's too
	types    map[string]model.MetricType // by family
	series   map[string][]series         // by name, in the order they came
}

// A series is one sample of an exposition.
type series struct {
	labels labels.Labels
	value  float64
}

// startTime is the one family of others that counts: it tells a restart.
const startTime = "process_start_time_seconds"

// readExposition reads text or, where contentType says so, OpenMetrics.
func readExposition(body []byte, contentType string) (exposition, error) {
	e := exposition{types: map[string]model.MetricType{}, series: map[string][]series{}}
	p, err := textparse.New(body, contentType, nil, textparse.ParserOptions{FallbackContentType: "text/plain", OpenMetricsSkipSTSeries: true})
	if p == nil {
		return e, err
	}
	for {
		entry, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return e, nil
		case err != nil:
			return e, err
		}
		switch entry { //nolint:exhaustive // help, units and comments say nothing of interest
		case textparse.EntryType:
			name, kind := p.Type()
			e.families++
			e.types[string(name)] = kind
		case textparse.EntrySeries:
			text, _, value := p.Series()
			if !strings.HasPrefix(string(text), "traefik_") && !strings.HasPrefix(string(text), startTime) {
				continue
			}
			s := series{value: value}
			p.Labels(&s.labels)
			name := s.labels.Get(model.MetricNameLabel)
			e.series[name] = append(e.series[name], s)
		}
	}
}

// traefiks reports whether any of it is Traefik's.
func (e exposition) traefiks() bool {
	for name := range e.series {
		if name != startTime {
			return true
		}
	}
	return false
}

// typeOf is the type of a family, "" when it is not told. OpenMetrics names a
// counter without its _total.
func (e exposition) typeOf(name string) model.MetricType {
	if kind, ok := e.types[name]; ok {
		return kind
	}
	return e.types[strings.TrimSuffix(name, "_total")]
}

// value is that of a family's only series.
func (e exposition) value(name string) (v float64, known bool) {
	if s := e.series[name]; len(s) == 1 {
		return s[0].value, true
	}
	return 0, false
}

// sums adds a family's series up by the value of one label.
func (e exposition) sums(name, label string) map[string]float64 {
	out := map[string]float64{}
	for _, s := range e.series[name] {
		out[s.labels.Get(label)] += s.value
	}
	return out
}
