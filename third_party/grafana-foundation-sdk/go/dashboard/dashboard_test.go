package dashboard_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func box(w, h uint32) *stat.PanelBuilder { return stat.NewPanelBuilder().Span(w).Height(h) }

func TestPanelsAreLaidOutFromLeftToRight(t *testing.T) {
	type at struct{ x, y uint32 }
	tests := map[string]struct {
		add  func(*dashboard.DashboardBuilder)
		want []at
	}{
		"side by side": {
			func(b *dashboard.DashboardBuilder) { b.WithPanel(box(8, 4)).WithPanel(box(8, 4)).WithPanel(box(8, 4)) },
			[]at{{0, 0}, {8, 0}, {16, 0}},
		},
		"a full line wraps below its tallest panel": {
			func(b *dashboard.DashboardBuilder) {
				b.WithPanel(box(12, 4)).WithPanel(box(12, 7)).WithPanel(box(24, 3))
			},
			[]at{{0, 0}, {12, 0}, {0, 7}},
		},
		"a panel that does not fit wraps": {
			func(b *dashboard.DashboardBuilder) { b.WithPanel(box(16, 5)).WithPanel(box(12, 5)) },
			[]at{{0, 0}, {0, 5}},
		},
		"a row starts at the left again": {
			func(b *dashboard.DashboardBuilder) {
				b.WithPanel(box(8, 4)).WithRow(dashboard.NewRowBuilder("next")).WithPanel(box(8, 4))
			},
			[]at{{0, 0}, {0, 4}, {0, 5}},
		},
		"a placed panel keeps its position and pushes the rest down": {
			func(b *dashboard.DashboardBuilder) {
				b.WithPanel(box(8, 4).GridPos(dashboard.GridPos{X: 2, Y: 3, W: 4, H: 6})).WithPanel(box(8, 4))
			},
			[]at{{2, 3}, {0, 9}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := dashboard.NewDashboardBuilder("layout")
			tt.add(b)
			d, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range d.Panels {
				var pos *dashboard.GridPos
				if p.Panel != nil {
					pos = p.Panel.GridPos
				} else {
					pos = p.RowPanel.GridPos
				}
				if got := (at{pos.X, pos.Y}); got != tt.want[i] {
					t.Errorf("panel %d at %v, want %v", i, got, tt.want[i])
				}
			}
		})
	}
}

func TestBuildReportsEveryMistakeWithItsPath(t *testing.T) {
	_, err := dashboard.NewDashboardBuilder("mistakes").
		WithPanel(box(24, 4)).
		WithPanel(timeseries.NewPanelBuilder().
			WithTarget(prometheus.NewDataqueryBuilder()).
			RecordError("options.legend", errors.New("is odd"))).
		Build()
	var errs cog.BuildErrors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Fatalf("Build() = %v, want two findings", err)
	}
	for i, want := range []string{"panels[1].targets[0].expr: expr is empty", "panels[1].options.legend: is odd"} {
		if got := errs[i].Error(); got != want {
			t.Errorf("finding %d = %q, want %q", i, got, want)
		}
	}
}

func TestJSONHoldsWhicheverOfAUnionIsSet(t *testing.T) {
	d, err := dashboard.NewDashboardBuilder("unions").
		WithVariable(dashboard.NewQueryVariableBuilder("tenant").
			Query(dashboard.StringOrMap{String: cog.ToPtr("label_values(tenant)")}).
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr("All")},
				Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
			})).
		WithRow(dashboard.NewRowBuilder("row").Id(7)).
		WithPanel(box(24, 3).Id(8).Mappings([]dashboard.ValueMapping{{SpecialValueMap: &dashboard.SpecialValueMap{
			Type:    dashboard.MappingTypeSpecialValue,
			Options: dashboard.DashboardSpecialValueMapOptions{Match: dashboard.SpecialValueMatchNullAndNan},
		}}})).
		Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"query":"label_values(tenant)"`,
		`"text":"All","value":["$__all"]`,
		`{"type":"row","collapsed":false,"title":"row","gridPos":{"h":1,"w":24,"x":0,"y":0},"id":7,"panels":[]}`,
		`"mappings":[{"type":"special","options":{"match":"null+nan","result":{}}}]`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("JSON lacks %s:\n%s", want, out)
		}
	}
}
