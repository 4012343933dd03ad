package prometheus

import (
	"cmp"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is two of the longest intervals and some.
const fresh = 2*maxInterval + time.Minute

// Signals defines what is judged of any query's answers, as context: whether
// they are whole, sound and all kept.
func Signals() []signal.Definition {
	about := func(d signal.Definition) signal.Definition {
		d.Kind, d.By, d.Role, d.Optional = Kind, []string{"query"}, signal.Context, true
		d.Warning, d.Critical, d.Fresh = 0.5, signal.Never(), fresh
		return d
	}
	return []signal.Definition{
		about(signal.Definition{
			Name: "prometheus_query_partial", Title: "Answers are complete", Metric: partialName,
			Says: "{component} answers query {query} without some of its data",
		}),
		about(signal.Definition{
			Name: "prometheus_query_remarks", Title: "Queries are sound", Metric: remarksName,
			Says: "{component} doubts that query {query} means what it says: ask it there and read its remarks",
		}),
		about(signal.Definition{
			Name: "prometheus_query_overflow", Title: "Series of queries are all kept", Metric: seriesName, Match: map[string]string{"state": string(folded)},
			Says: "Query {query} of {component} gives too many series: {value} of them are told as other",
		}),
	}
}

// Signals defines the signals that the estate declares for one component.
func (c Config) Signals(component string) []signal.Definition {
	out := make([]signal.Definition, len(c.Queries))
	for i, q := range c.Queries {
		out[i] = q.definition(component, c.Interval.D())
	}
	return out
}

// definition is the query's signal. Names of components and queries hold no
// slash, so that no two signals have one name.
func (q *Query) definition(component string, interval time.Duration) signal.Definition {
	title := cmp.Or(q.Title, q.Name)
	d := signal.Definition{
		Name: component + "/" + q.Name, Kind: Kind, Title: title,
		Metric: valueName, Match: map[string]string{"component": component, "query": q.Name}, By: q.By,
		Warning: threshold(q.Warning), Critical: threshold(q.Critical),
		Exit: q.Exit, For: q.For.D(), Fresh: q.freshness(interval), Unit: q.Unit,
		Says: cmp.Or(q.Says, "{component}: "+title+" is {value}"),
	}
	if q.Direction == Below {
		d.Direction, d.Aggregate = signal.Below, signal.Min
	}
	if q.Role == Context {
		d.Role = signal.Context
	}
	return d
}

func threshold(t *float64) float64 {
	if t == nil {
		return signal.Never()
	}
	return *t
}
