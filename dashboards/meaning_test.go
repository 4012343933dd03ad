package dashboards_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/closewatch/closewatch/dashboards"
)

// Thresholds are where something begins to exist or reaches all of its objective,
// limit or budget: what is too much is the estate's to say, not a dashboard's.
func TestThresholdsAreDecisionsOfTheEstate(t *testing.T) {
	for _, d := range all(t) {
		for _, p := range d.Model.Panels {
			if p.Panel == nil || p.Panel.FieldConfig.Defaults.Thresholds == nil {
				continue
			}
			for _, s := range p.Panel.FieldConfig.Defaults.Thresholds.Steps {
				if s.Value != nil && *s.Value != 0 && *s.Value != 1 {
					t.Errorf("%s: %q has a threshold at %v", d.File, *p.Panel.Title, *s.Value)
				}
			}
		}
	}
}

// A colour means one thing wherever it is seen.
func TestColoursMeanOneThing(t *testing.T) {
	words := map[string]string{
		"Working": "green", "OK": "green", "Informational": "blue", "Degradation": "orange", "Warning": "orange",
		"Business-critical": "red", "Critical": "red", "Cannot be told": "#808080", "Normal": "super-light-blue",
	}
	for _, d := range all(t) {
		for _, p := range d.Model.Panels {
			if p.Panel == nil {
				continue
			}
			for _, m := range p.Panel.FieldConfig.Defaults.Mappings {
				for _, r := range m.ValueMap.Options {
					if want := words[*r.Text]; want != "" && *r.Color != want {
						t.Errorf("%s: %q shows %s in %s, want %s", d.File, *p.Panel.Title, *r.Text, *r.Color, want)
					}
				}
			}
			if th := p.Panel.FieldConfig.Defaults.Thresholds; th != nil {
				for _, s := range th.Steps {
					if !slices.Contains([]string{"green", "blue", "orange", "red", "#808080"}, s.Color) {
						t.Errorf("%s: %q is coloured %s", d.File, *p.Panel.Title, s.Color)
					}
				}
			}
		}
	}
}

// Links lead to a dashboard that is there, with variables that it has and where
// they come from have, and labels that the series have. Links to pages are
// followed by the test of the whole daemon.
func TestLinksLead(t *testing.T) {
	variables := map[string][]string{}
	for _, d := range all(t) {
		for _, v := range d.Model.Templating.List {
			variables[*d.Model.Uid] = append(variables[*d.Model.Uid], v.Name)
		}
	}
	leads := map[string]bool{}
	for _, d := range all(t) {
		for _, l := range d.Model.Links {
			if l.Type == dashboard.DashboardLinkTypeDashboards {
				if !slices.Equal(l.Tags, []string{"closewatch"}) || !slices.Contains(d.Model.Tags, "closewatch") {
					t.Errorf("%s: the list of dashboards does not list this one", d.File)
				}
			} else if !strings.HasPrefix(*l.Url, dashboards.DefaultURL+"/") {
				t.Errorf("%s: %q leads to %s", d.File, l.Title, *l.Url)
			}
		}
		for _, p := range d.Model.Panels {
			if p.Panel == nil {
				continue
			}
			for _, l := range p.Panel.FieldConfig.Defaults.Links {
				path, query, _ := strings.Cut(*l.Url, "?")
				uid, here := strings.CutPrefix(path, "/d/")
				switch {
				case !here && !strings.HasSuffix(*l.Url, "/incidents"):
					t.Errorf("%s: %q leads to %s", d.File, *p.Panel.Title, *l.Url)
				case !here:
					leads["incidents"] = true
				case variables[uid] == nil:
					t.Errorf("%s: %q leads to %s, which is no dashboard", d.File, *p.Panel.Title, uid)
				default:
					leads[uid] = true
				}
				for _, v := range regexp.MustCompile(`\$\{(\w+):queryparam\}`).FindAllStringSubmatch(query, -1) {
					for _, board := range []string{uid, *d.Model.Uid} {
						if !slices.Contains(variables[board], v[1]) {
							t.Errorf("%s: %q takes %s along, which %s does not have", d.File, *p.Panel.Title, v[1], board)
						}
					}
				}
				for _, v := range regexp.MustCompile(`var-(\w+)=`).FindAllStringSubmatch(query, -1) {
					if !slices.Contains(variables[uid], v[1]) {
						t.Errorf("%s: %q sets %s, which %s does not have", d.File, *p.Panel.Title, v[1], uid)
					}
				}
				expr := asks(p.Panel)
				for _, l := range regexp.MustCompile(`__field\.labels\.(\w+)`).FindAllStringSubmatch(*l.Url+l.Title, -1) {
					if !regexp.MustCompile(`by \([^)]*\b` + l[1] + `\b`).MatchString(expr) {
						t.Errorf("%s: %q links by %s, which its series do not have: %s", d.File, *p.Panel.Title, l[1], expr)
					}
				}
			}
		}
	}
	for _, uid := range []string{"incidents", "closewatch-process-detail", "closewatch-objectives-and-budgets", "closewatch-postgresql", "closewatch-redis", "closewatch-traefik", "closewatch-odoo-jobs", "closewatch-recovery", "closewatch-synthetic-flows", "closewatch-closewatch-itself"} {
		if !leads[uid] {
			t.Errorf("nothing leads to %s", uid)
		}
	}
}

// asks is all that a panel asks.
func asks(p *dashboard.Panel) string {
	var out strings.Builder
	for _, q := range p.Targets {
		out.WriteString(q.(prometheus.Dataquery).Expr + "\n")
	}
	return out.String()
}
