package dashboards_test

import (
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
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
	is[func() bg](bargauge.NewPanelBuilder)
	is[func(bg, cog.Builder[common.ReduceDataOptions]) bg](bg.ReduceOptions)
	is[func(bg, common.BarGaugeDisplayMode) bg](bg.DisplayMode)
	is[func(bg, common.VizOrientation) bg](bg.Orientation)
	is[func(bg, bool) bg](bg.ShowUnfilled)
	is[func() *common.VizLegendOptionsBuilder](common.NewVizLegendOptionsBuilder)
	is[func() *common.VizTooltipOptionsBuilder](common.NewVizTooltipOptionsBuilder)
	is[func() *common.ReduceDataOptionsBuilder](common.NewReduceDataOptionsBuilder)
	is[func() *common.StackingConfigBuilder](common.NewStackingConfigBuilder)
	is[func() *common.GraphThresholdsStyleConfigBuilder](common.NewGraphThresholdsStyleConfigBuilder)
	is[func(*common.StackingConfigBuilder, common.StackingMode) *common.StackingConfigBuilder]((*common.StackingConfigBuilder).Mode)
	_ = dashboard.Panel{}.FieldConfig
	_ = []any{
		dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
			"0": {Text: new(string), Color: new(string), Index: new(int32)},
		}}},
		dashboard.VariableOption{Selected: new(bool), Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{}}},
		dashboard.StringOrMap{String: new(string)},
		dashboard.Threshold{Value: new(float64), Color: "red"},
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
		[]common.VisibilityMode{common.VisibilityModeNever},
		[]common.LegendDisplayMode{common.LegendDisplayModeList},
		[]common.LegendPlacement{common.LegendPlacementBottom},
		[]common.TooltipDisplayMode{common.TooltipDisplayModeMulti},
		[]common.SortOrder{common.SortOrderDescending},
		[]common.StackingMode{common.StackingModeNormal},
		[]common.GraphThresholdsStyleMode{common.GraphThresholdsStyleModeDashed},
		[]common.BarGaugeDisplayMode{common.BarGaugeDisplayModeBasic},
		[]common.VizOrientation{common.VizOrientationHorizontal},
	}
}
