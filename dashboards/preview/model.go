package preview

import (
	"encoding/json"
	"fmt"
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
	Annotations struct{ List []annotation }
	Templating  struct {
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
			Properties []struct {
				ID    string
				Value json.RawMessage
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
	Thresholds    thresholds
	Mappings      []mapping
}

type mapping struct{ Options map[string]word }

type word struct{ Text, Color string }

type thresholds struct {
	Steps []struct {
		Value *float64
		Color string
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

// of is how the series of one query are shown, and whether as dashed lines.
func (p panel) of(ref string) (f field, dashed bool, err error) {
	f = p.FieldConfig.Defaults
	for _, o := range p.FieldConfig.Overrides {
		if o.Matcher.ID != "byFrameRefID" || o.Matcher.Options != ref {
			continue
		}
		for _, property := range o.Properties {
			switch property.ID {
			case "thresholds":
				f.Thresholds = thresholds{}
				if err := json.Unmarshal(property.Value, &f.Thresholds); err != nil {
					return f, dashed, fmt.Errorf("panel %q: %w", p.Title, err)
				}
			case "custom.lineStyle":
				dashed = true
			}
		}
	}
	return f, dashed, nil
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

func (f field) word(v float64) (w word, found bool) {
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

// ordered reports whether the order of the answers means something.
func (t target) ordered() bool { return ranking.MatchString(t.Expr) }

var ranking = regexp.MustCompile(`^(topk|bottomk|sort|sort_desc) ?\(`)

var labelInLegend = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// name is what the legend of a query calls a series.
func (t target) name(s series) string {
	return labelInLegend.ReplaceAllStringFunc(t.LegendFormat, func(m string) string {
		return s.labels[labelInLegend.FindStringSubmatch(m)[1]]
	})
}
