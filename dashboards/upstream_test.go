package dashboards_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// is compiles when its argument has exactly the type T.
func is[T any](T) {}

// TestSDKSymbols names every symbol of the Grafana Foundation SDK that this
// package calls, with its exact type: it stops compiling when the module behind
// the import path, ours or upstream's, is not the one dashboards are written
// against.
func TestSDKSymbols(*testing.T) {
	type (
		d  = *dashboard.DashboardBuilder
		r  = *dashboard.RowBuilder
		l  = *dashboard.DashboardLinkBuilder
		v  = *dashboard.QueryVariableBuilder
		a  = *dashboard.AnnotationQueryBuilder
		th = *dashboard.ThresholdsConfigBuilder
		q  = *prometheus.DataqueryBuilder
		st = *stat.PanelBuilder
		tl = *statetimeline.PanelBuilder
		ts = *timeseries.PanelBuilder
		bg = *bargauge.PanelBuilder
		tb = *table.PanelBuilder
	)
	is[func(string) d](dashboard.NewDashboardBuilder)
	is[func(d, string) d](d.Uid)
	is[func(d, string) d](d.Description)
	is[func(d, []string) d](d.Tags)
	is[func(d, string) d](d.Timezone)
	is[func(d, string, string) d](d.Time)
	is[func(d, string) d](d.Refresh)
	is[func(d, dashboard.DashboardCursorSync) d](d.Tooltip)
	is[func(d) d](d.Readonly)
	is[func(d, cog.Builder[dashboard.Panel]) d](d.WithPanel)
	is[func(d, cog.Builder[dashboard.RowPanel]) d](d.WithRow)
	is[func(d, cog.Builder[dashboard.VariableModel]) d](d.WithVariable)
	is[func(d, cog.Builder[dashboard.AnnotationQuery]) d](d.Annotation)
	is[func(d, cog.Builder[dashboard.DashboardLink]) d](d.Link)
	is[func(d) (dashboard.Dashboard, error)](d.Build)
	is[func(string) r](dashboard.NewRowBuilder)
	is[func(r, uint32) r](r.Id)
	is[func(string) l](dashboard.NewDashboardLinkBuilder)
	is[func(l, dashboard.DashboardLinkType) l](l.Type)
	is[func(l, string) l](l.Icon)
	is[func(l, string) l](l.Tooltip)
	is[func(l, string) l](l.Url)
	is[func(l, []string) l](l.Tags)
	is[func(l, bool) l](l.AsDropdown)
	is[func(l, bool) l](l.TargetBlank)
	is[func(l, bool) l](l.KeepTime)
	is[func(l, bool) l](l.IncludeVars)
	is[func(string) v](dashboard.NewQueryVariableBuilder)
	is[func(v, string) v](v.Label)
	is[func(v, string) v](v.Description)
	is[func(v, common.DataSourceRef) v](v.Datasource)
	is[func(v, dashboard.StringOrMap) v](v.Query)
	is[func(v, string) v](v.Definition)
	is[func(v, dashboard.VariableRefresh) v](v.Refresh)
	is[func(v, dashboard.VariableSort) v](v.Sort)
	is[func(v, bool) v](v.Multi)
	is[func(v, bool) v](v.IncludeAll)
	is[func(v, string) v](v.AllValue)
	is[func(v, dashboard.VariableOption) v](v.Current)
	is[func(string) *dashboard.DatasourceVariableBuilder](dashboard.NewDatasourceVariableBuilder)
	is[func() a](dashboard.NewAnnotationQueryBuilder)
	is[func(a, string) a](a.Name)
	is[func(a, common.DataSourceRef) a](a.Datasource)
	is[func(a, bool) a](a.Enable)
	is[func(a, string) a](a.IconColor)
	is[func(a, string) a](a.Expr)
	is[func(a, string) a](a.Step)
	is[func(a, string) a](a.TitleFormat)
	is[func(a, string) a](a.TextFormat)
	is[func(a, bool) a](a.UseValueForTime)
	is[func() th](dashboard.NewThresholdsConfigBuilder)
	is[func(th, dashboard.ThresholdsMode) th](th.Mode)
	is[func(th, []dashboard.Threshold) th](th.Steps)
	is[func() *dashboard.FieldColorBuilder](dashboard.NewFieldColorBuilder)
	is[func() q](prometheus.NewDataqueryBuilder)
	is[func(q, string) q](q.RefId)
	is[func(q, string) q](q.Expr)
	is[func(q, string) q](q.LegendFormat)
	is[func(q) q](q.Range)
	is[func(q) q](q.Instant)
	is[func(q, prometheus.QueryEditorMode) q](q.EditorMode)
	is[func(q, common.DataSourceRef) q](q.Datasource)
	is[func(q, prometheus.PromQueryFormat) q](q.Format)
	is[func(q) (variants.Dataquery, error)](q.Build)
	is[func() st](stat.NewPanelBuilder)
	is[func(st, uint32) st](st.Id)
	is[func(st, string) st](st.Title)
	is[func(st, string) st](st.Description)
	is[func(st, common.DataSourceRef) st](st.Datasource)
	is[func(st, string) st](st.NoValue)
	is[func(st, cog.Builder[variants.Dataquery]) st](st.WithTarget)
	is[func(st, cog.Builder[common.ReduceDataOptions]) st](st.ReduceOptions)
	is[func(st, common.BigValueGraphMode) st](st.GraphMode)
	is[func(st, common.BigValueColorMode) st](st.ColorMode)
	is[func(st, cog.Builder[dashboard.FieldColor]) st](st.ColorScheme)
	is[func(st, cog.Builder[dashboard.ThresholdsConfig]) st](st.Thresholds)
	is[func(st, uint32) st](st.Span)
	is[func(st, uint32) st](st.Height)
	is[func(st, string) st](st.Unit)
	is[func(st, float64) st](st.Decimals)
	is[func(st, []dashboard.ValueMapping) st](st.Mappings)
	is[func(st, []cog.Builder[dashboard.DashboardLink]) st](st.DataLinks)
	is[func(st, string, []dashboard.DynamicConfigValue) st](st.OverrideByQuery)
	is[func() tl](statetimeline.NewPanelBuilder)
	is[func(tl, []dashboard.ValueMapping) tl](tl.Mappings)
	is[func(tl, cog.Builder[common.VizLegendOptions]) tl](tl.Legend)
	is[func(tl, common.VisibilityMode) tl](tl.ShowValue)
	is[func(tl, bool) tl](tl.MergeValues)
	is[func(tl, float64) tl](tl.RowHeight)
	is[func(tl, uint32) tl](tl.FillOpacity)
	is[func(tl, uint32) tl](tl.LineWidth)
	is[func(tl) tl](tl.NeverSpanNulls)
	is[func() ts](timeseries.NewPanelBuilder)
	is[func(ts, float64) ts](ts.Min)
	is[func(ts, float64) ts](ts.Max)
	is[func(ts, float64) ts](ts.LineWidth)
	is[func(ts, float64) ts](ts.FillOpacity)
	is[func(ts, common.VisibilityMode) ts](ts.ShowPoints)
	is[func(ts, common.BoolOrFloat64) ts](ts.SpanNulls)
	is[func(ts, cog.Builder[common.VizLegendOptions]) ts](ts.Legend)
	is[func(ts, cog.Builder[common.VizTooltipOptions]) ts](ts.Tooltip)
	is[func(ts, cog.Builder[common.GraphThresholdsStyleConfig]) ts](ts.ThresholdsStyle)
	is[func(ts, cog.Builder[common.StackingConfig]) ts](ts.Stacking)
	is[func(ts, string, []dashboard.DynamicConfigValue) ts](ts.OverrideByQuery)
	is[func() bg](bargauge.NewPanelBuilder)
	is[func(bg, cog.Builder[common.ReduceDataOptions]) bg](bg.ReduceOptions)
	is[func(bg, common.BarGaugeDisplayMode) bg](bg.DisplayMode)
	is[func(bg, common.VizOrientation) bg](bg.Orientation)
	is[func(bg, bool) bg](bg.ShowUnfilled)
	is[func() tb](table.NewPanelBuilder)
	is[func(tb, dashboard.DataTransformerConfig) tb](tb.WithTransformation)
	is[func(tb, common.TableCellHeight) tb](tb.CellHeight)
	is[func(tb, string, []dashboard.DynamicConfigValue) tb](tb.OverrideByName)
	is[func() *common.VizLegendOptionsBuilder](common.NewVizLegendOptionsBuilder)
	is[func() *common.VizTooltipOptionsBuilder](common.NewVizTooltipOptionsBuilder)
	is[func() *common.ReduceDataOptionsBuilder](common.NewReduceDataOptionsBuilder)
	is[func() *common.StackingConfigBuilder](common.NewStackingConfigBuilder)
	is[func() *common.GraphThresholdsStyleConfigBuilder](common.NewGraphThresholdsStyleConfigBuilder)
	is[func(*common.StackingConfigBuilder, common.StackingMode) *common.StackingConfigBuilder]((*common.StackingConfigBuilder).Mode)
	is[func(*common.VizLegendOptionsBuilder, []string) *common.VizLegendOptionsBuilder]((*common.VizLegendOptionsBuilder).Calcs)
	is[func(*common.VizLegendOptionsBuilder, common.LegendPlacement) *common.VizLegendOptionsBuilder]((*common.VizLegendOptionsBuilder).Placement)
	is[func(*common.VizLegendOptionsBuilder, bool) *common.VizLegendOptionsBuilder]((*common.VizLegendOptionsBuilder).ShowLegend)
	is[[]dashboard.AnnotationQuery](dashboard.Dashboard{}.Annotations.List)
	is[[]dashboard.VariableModel](dashboard.Dashboard{}.Templating.List)
	is[[]variants.Dataquery](dashboard.Panel{}.Targets)
	_ = dashboard.Panel{}.FieldConfig
	_ = []any{
		dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
			"0": {Text: new(string), Color: new(string), Index: new(int32)},
		}}},
		dashboard.VariableOption{Selected: new(bool), Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{}}},
		dashboard.StringOrMap{String: new(string)},
		dashboard.Threshold{Value: new(float64), Color: "red"},
		dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: []dashboard.Threshold{}},
		dashboard.PanelOrRowPanel{Panel: &dashboard.Panel{}, RowPanel: &dashboard.RowPanel{Panels: []dashboard.Panel{}}},
		common.BoolOrFloat64{Bool: new(bool)},
		common.DataSourceRef{Type: new(string), Uid: new(string)},
		prometheus.Dataquery{RefId: "A", Expr: "up", Instant: new(bool)},
		[]dashboard.DashboardCursorSync{dashboard.DashboardCursorSyncCrosshair},
		[]dashboard.VariableRefresh{dashboard.VariableRefreshOnTimeRangeChanged},
		[]dashboard.VariableSort{dashboard.VariableSortAlphabeticalAsc},
		[]dashboard.DashboardLinkType{dashboard.DashboardLinkTypeLink, dashboard.DashboardLinkTypeDashboards},
		[]dashboard.ThresholdsMode{dashboard.ThresholdsModeAbsolute},
		[]dashboard.FieldColorModeId{dashboard.FieldColorModeIdThresholds},
		[]prometheus.QueryEditorMode{prometheus.QueryEditorModeCode},
		[]common.BigValueGraphMode{common.BigValueGraphModeNone},
		[]common.BigValueColorMode{common.BigValueColorModeBackground},
		[]common.VisibilityMode{common.VisibilityModeNever, common.VisibilityModeAuto},
		[]common.LegendDisplayMode{common.LegendDisplayModeList, common.LegendDisplayModeTable},
		[]common.LegendPlacement{common.LegendPlacementBottom, common.LegendPlacementRight},
		[]common.TableCellHeight{common.TableCellHeightSm},
		[]prometheus.PromQueryFormat{prometheus.PromQueryFormatTable},
		dashboard.DynamicConfigValue{Id: "unit", Value: any("s")},
		dashboard.DataTransformerConfig{Id: "organize", Options: any(nil)},
		dashboard.DashboardLink{Title: "", Type: dashboard.DashboardLinkTypeLink, Url: new(string), Tags: []string{}, TargetBlank: true},
		[]common.TooltipDisplayMode{common.TooltipDisplayModeMulti},
		[]common.SortOrder{common.SortOrderDescending},
		[]common.StackingMode{common.StackingModeNormal},
		[]common.GraphThresholdsStyleMode{common.GraphThresholdsStyleModeDashed},
		[]common.BarGaugeDisplayMode{common.BarGaugeDisplayModeBasic},
		[]common.VizOrientation{common.VizOrientationHorizontal},
	}
}

// TestEveryOtherSymbolIsListed looks for what this package uses of the SDK and
// TestSDKSymbols does not name: functions, types and constants by their
// package, methods by their name.
func TestEveryOtherSymbolIsListed(t *testing.T) {
	here := parsed(t, ".")
	listed, ours := map[string]bool{}, map[string]bool{}
	for path, f := range here {
		into := ours
		switch {
		case path == "upstream_test.go":
			into = listed
		case strings.HasSuffix(path, "_test.go"):
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				into[s.Sel.Name] = true
			}
			return true
		})
	}
	exported := map[string]bool{}
	err := filepath.WalkDir("../third_party/grafana-foundation-sdk/go", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		for name, f := range parsed(t, path) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					exported[d.Name.Name] = d.Name.IsExported()
				case *ast.GenDecl:
					for _, s := range d.Specs {
						switch s := s.(type) {
						case *ast.TypeSpec:
							exported[s.Name.Name] = s.Name.IsExported()
						case *ast.ValueSpec:
							exported[s.Names[0].Name] = s.Names[0].IsExported()
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !exported["OverrideByQuery"] || !ours["OverrideByQuery"] {
		t.Fatal("symbols are not found")
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if exported[name] && !listed[name] {
			t.Errorf("%s of the SDK is used, and TestSDKSymbols does not name it", name)
		}
	}
}

func parsed(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*ast.File{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = f
	}
	return out
}
