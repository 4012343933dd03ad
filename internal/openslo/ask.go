package openslo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/closewatch/closewatch/internal/process"
)

// An ask is a query that a prometheus component of the estate is to ask.
type ask struct {
	source string // the component, and the DataSource it is made of
	url    string
	query  string
	fields fields
	used   bool
}

// queryValue is what the answers to queries are published as.
const queryValue = "prometheus_query_value"

// asked has a prometheus component ask what is more than the series of one
// metric.
func (s sli) asked(at string, m *Metric, q string, value float64, upTo bool) (process.Series, bool) {
	source := m.MetricSource.MetricSourceRef
	url := ""
	if d, ok := s.sources[source]; ok && source != ourSource { // the daemon does not ask itself
		url = urlIn(d.is.Spec.ConnectionDetails.Plain())
	}
	if url == "" {
		s.leave(at, "asks for more than the series of one metric, and there is no DataSource with a url to ask", "write metricSourceRef and the DataSource, or one metric with its labels")
		return process.Series{}, false
	}
	name := slug(s.name)
	a := ask{source: source, url: url, query: q, fields: fields{{"name", name}, {"query", q}, {"warning", number(float(value))}}}
	if !upTo {
		a.fields = append(a.fields, field{"direction", "below"})
	}
	a.fields = append(a.fields, field{"role", "context"})
	if was, twice := s.asks[name]; twice && (was.source != source || was.query != q) {
		s.leave(at, fmt.Sprintf("is another query than that of another SLI %q", name), "give the SLI a name of its own")
		return process.Series{}, false
	} else if !twice {
		if s.Check != nil {
			if ms := s.Check(layOut(fields{{"components", component(a)}})); len(ms) > 0 {
				s.leave(at, fmt.Sprintf("cannot be asked by a component: %s %s", lastOfPath(ms[0].Path), ms[0].What), ms[0].Remedy)
				return process.Series{}, false
			}
		}
		s.asks[name] = a
	}
	return process.Series{Metric: queryValue, Labels: map[string]string{"query": name}}, true
}

func component(all ...ask) fields {
	queries := make([]any, len(all))
	for i, a := range all {
		queries[i] = a.fields
	}
	return fields{{slug(all[0].source), fields{{"prometheus", fields{{"url", all[0].url}, {"queries", queries}}}}}}
}

// use remembers that an objective in the part is measured on a query.
func (im *importer) use(want process.Objective) {
	if want.Indicator == nil || want.Indicator.Value == nil || want.Indicator.Value.Metric != queryValue {
		return
	}
	if a, ok := im.asks[want.Indicator.Value.Labels["query"]]; ok {
		a.used = true
		im.asks[want.Indicator.Value.Labels["query"]] = a
	}
}

// asking are the components that ask the queries in use.
func (im *importer) asking() fields {
	by := map[string][]ask{}
	for _, name := range slices.Sorted(maps.Keys(im.asks)) {
		if a := im.asks[name]; a.used {
			by[a.source] = append(by[a.source], a)
		}
	}
	var out fields
	for _, source := range slices.Sorted(maps.Keys(by)) {
		out = append(out, component(by[source]...)...)
	}
	return out
}

// urlIn finds the address in connection details, a mapping or a list of some.
func urlIn(details any) string {
	switch v := details.(type) {
	case map[string]any:
		text, _ := v["url"].(string)
		return text
	case []any:
		for _, item := range v {
			if url := urlIn(item); url != "" {
				return url
			}
		}
	}
	return ""
}

// float writes a number as people do.
func float(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
