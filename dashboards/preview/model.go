package preview

import (
	"encoding/json"
	"regexp"
	"strconv"

	"github.com/closewatch/closewatch/dashboards"
)

// model is a dashboard as Grafana would read it: the parts that are drawn.
type model struct {
	UID         string `json:"uid"`
	Title       string
	Description string
	Panels      []panel
	Annotations struct {
		List []struct {
			Name, IconColor string
			Enable          bool
		}
	}
	Templating struct {
		List []struct{ Label string }
	}
}

type panel struct {
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []target
	FieldConfig              struct {
		Defaults  field
		Overrides []struct {
			Matcher struct {
				ID      string
				Options any
			}
		}
	}
	Transformations []struct {
		Options struct{ RenameByName map[string]string }
	}
	Options struct{ Stacking any }
}

type target struct {
	RefID, Expr, LegendFormat string
	Instant                   bool
}

type field struct {
	Unit, NoValue string
	Decimals      *int
	Min, Max      *float64
	Thresholds    struct {
		Steps []struct {
			Value *float64
			Color string
		}
	}
	Mappings []struct {
		Options map[string]struct{ Text, Color string }
	}
}

func modelOf(d dashboards.Dashboard) (model, error) {
	var m model
	b, err := d.JSON()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// dashed are the queries whose series are drawn as dashed lines.
func (p panel) dashed(ref string) bool {
	for _, o := range p.FieldConfig.Overrides {
		if o.Matcher.ID == "byFrameRefID" && o.Matcher.Options == ref {
			return true
		}
	}
	return false
}

// colour is the colour of a value, by its word or by thresholds, and "" where
// neither tells.
func (f field) colour(v float64) string {
	if m, ok := f.word(v); ok {
		return m.Color
	}
	out := ""
	for _, s := range f.Thresholds.Steps {
		if s.Value == nil || v >= *s.Value {
			out = s.Color
		}
	}
	return out
}

func (f field) word(v float64) (w struct{ Text, Color string }, found bool) {
	for _, m := range f.Mappings {
		if w, found = m.Options[strconv.FormatFloat(v, 'f', -1, 64)]; found {
			return w, true
		}
	}
	return w, false
}

// text is a value as a panel writes it.
func (f field) text(v float64) string {
	if w, ok := f.word(v); ok {
		return w.Text
	}
	return inUnit(v, f.Unit, f.Decimals)
}

var labelInLegend = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// name is what the legend of a query calls a series.
func (t target) name(s series) string {
	return labelInLegend.ReplaceAllStringFunc(t.LegendFormat, func(m string) string {
		return s.labels[labelInLegend.FindStringSubmatch(m)[1]]
	})
}
