package preview

import (
	"context"
	"html/template"
	"time"
)

// An annotation is a query whose answers are drawn over every chart.
type annotation struct {
	Name, IconColor, Expr, TitleFormat string
	Enable, UseValueForTime            bool
}

// eventLine is how high a line of events is.
const eventLine = 18

// events draws what Grafana draws over the charts of a dashboard, in a chart of
// its own. It is empty when nothing happened.
func (m model) events(ctx context.Context, o Options) (template.HTML, error) {
	var happened []answer
	for _, a := range m.Annotations.List {
		got, err := o.Source.over(ctx, o.Variables.Replace(a.Expr), o.At.Add(-o.Span), o.At, o.Span/points)
		if err != nil {
			return "", err
		}
		for _, s := range got {
			if s.points = a.when(s.points, o); len(s.points) > 0 {
				title := target{LegendFormat: a.TitleFormat}.name(s)
				happened = append(happened, answer{series: s, name: a.Name, shown: field{Mappings: []mapping{{Options: map[string]word{"1": {title, a.IconColor}}}}}})
			}
		}
	}
	if len(happened) == 0 {
		return "", nil
	}
	return timeline(happened, 24*cellWidth-16, eventLine*len(happened), o), nil
}

// when is at which points something happened, each with the value 1: where the
// query has an answer, or at the time that the answer is.
func (a annotation) when(points []point, o Options) []point {
	var out []point
	for _, p := range points {
		at := p.at
		if a.UseValueForTime {
			at = time.UnixMilli(int64(p.value))
		}
		if last := len(out) - 1; at.Before(o.At.Add(-o.Span)) || last >= 0 && out[last].at.Equal(at) {
			continue
		}
		out = append(out, point{at, 1})
	}
	return out
}
