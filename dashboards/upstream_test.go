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

// TestSDKSymbols names every symbol of the Grafana Foundation SDK that this
// package calls, with its exact type: it stops compiling when the module behind
// the import path, ours or upstream's, is not the one dashboards are written
// against.
func TestSDKSymbols(t *testing.T) {
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
	var (
		_ func(string) d                                                                         = dashboard.NewDashboardBuilder
		_ func(d, string) d                                                                      = d.Uid
		_ func(d, string) d                                                                      = d.Description
		_ func(d, []string) d                                                                    = d.Tags
		_ func(d, string) d                                                                      = d.Timezone
		_ func(d, string, string) d                                                              = d.Time
		_ func(d, string) d                                                                      = d.Refresh
		_ func(d, dashboard.DashboardCursorSync) d                                               = d.Tooltip
		_ func(d) d                                                                              = d.Readonly
		_ func(d, cog.Builder[dashboard.Panel]) d                                                = d.WithPanel
		_ func(d, cog.Builder[dashboard.RowPanel]) d                                             = d.WithRow
		_ func(d, cog.Builder[dashboard.VariableModel]) d                                        = d.WithVariable
		_ func(d, cog.Builder[dashboard.AnnotationQuery]) d                                      = d.Annotation
		_ func(d, cog.Builder[dashboard.DashboardLink]) d                                        = d.Link
		_ func(d) (dashboard.Dashboard, error)                                                   = d.Build
		_ func(string) r                                                                         = dashboard.NewRowBuilder
		_ func(r, uint32) r                                                                      = r.Id
		_ func(string) l                                                                         = dashboard.NewDashboardLinkBuilder
		_ func(l, dashboard.DashboardLinkType) l                                                 = l.Type
		_ func(l, string) l                                                                      = l.Icon
		_ func(l, string) l                                                                      = l.Tooltip
		_ func(l, string) l                                                                      = l.Url
		_ func(l, []string) l                                                                    = l.Tags
		_ func(l, bool) l                                                                        = l.AsDropdown
		_ func(l, bool) l                                                                        = l.TargetBlank
		_ func(l, bool) l                                                                        = l.KeepTime
		_ func(l, bool) l                                                                        = l.IncludeVars
		_ func(string) v                                                                         = dashboard.NewQueryVariableBuilder
		_ func(v, string) v                                                                      = v.Label
		_ func(v, string) v                                                                      = v.Description
		_ func(v, common.DataSourceRef) v                                                        = v.Datasource
		_ func(v, dashboard.StringOrMap) v                                                       = v.Query
		_ func(v, string) v                                                                      = v.Definition
		_ func(v, dashboard.VariableRefresh) v                                                   = v.Refresh
		_ func(v, dashboard.VariableSort) v                                                      = v.Sort
		_ func(v, bool) v                                                                        = v.Multi
		_ func(v, bool) v                                                                        = v.IncludeAll
		_ func(v, string) v                                                                      = v.AllValue
		_ func(v, dashboard.VariableOption) v                                                    = v.Current
		_ func(string) *dashboard.DatasourceVariableBuilder                                      = dashboard.NewDatasourceVariableBuilder
		_ func() a                                                                               = dashboard.NewAnnotationQueryBuilder
		_ func(a, string) a                                                                      = a.Name
		_ func(a, common.DataSourceRef) a                                                        = a.Datasource
		_ func(a, bool) a                                                                        = a.Enable
		_ func(a, string) a                                                                      = a.IconColor
		_ func(a, string) a                                                                      = a.Expr
		_ func(a, string) a                                                                      = a.Step
		_ func(a, string) a                                                                      = a.TitleFormat
		_ func(a, string) a                                                                      = a.TextFormat
		_ func() th                                                                              = dashboard.NewThresholdsConfigBuilder
		_ func(th, dashboard.ThresholdsMode) th                                                  = th.Mode
		_ func(th, []dashboard.Threshold) th                                                     = th.Steps
		_ func() *dashboard.FieldColorBuilder                                                    = dashboard.NewFieldColorBuilder
		_ func() q                                                                               = prometheus.NewDataqueryBuilder
		_ func(q, string) q                                                                      = q.RefId
		_ func(q, string) q                                                                      = q.Expr
		_ func(q, string) q                                                                      = q.LegendFormat
		_ func(q) q                                                                              = q.Range
		_ func(q) q                                                                              = q.Instant
		_ func(q, prometheus.QueryEditorMode) q                                                  = q.EditorMode
		_ func(q, common.DataSourceRef) q                                                        = q.Datasource
		_ func(q) (variants.Dataquery, error)                                                    = q.Build
		_ func() st                                                                              = stat.NewPanelBuilder
		_ func(st, uint32) st                                                                    = st.Id
		_ func(st, string) st                                                                    = st.Title
		_ func(st, string) st                                                                    = st.Description
		_ func(st, common.DataSourceRef) st                                                      = st.Datasource
		_ func(st, string) st                                                                    = st.NoValue
		_ func(st, cog.Builder[variants.Dataquery]) st                                           = st.WithTarget
		_ func(st, cog.Builder[common.ReduceDataOptions]) st                                     = st.ReduceOptions
		_ func(st, common.BigValueGraphMode) st                                                  = st.GraphMode
		_ func(st, common.BigValueColorMode) st                                                  = st.ColorMode
		_ func(st, cog.Builder[dashboard.FieldColor]) st                                         = st.ColorScheme
		_ func(st, cog.Builder[dashboard.ThresholdsConfig]) st                                   = st.Thresholds
		_ func(st, uint32) st                                                                    = st.Span
		_ func(st, uint32) st                                                                    = st.Height
		_ func(st, string) st                                                                    = st.Unit
		_ func(st, float64) st                                                                   = st.Decimals
		_ func() tl                                                                              = statetimeline.NewPanelBuilder
		_ func(tl, []dashboard.ValueMapping) tl                                                  = tl.Mappings
		_ func(tl, cog.Builder[common.VizLegendOptions]) tl                                      = tl.Legend
		_ func(tl, common.VisibilityMode) tl                                                     = tl.ShowValue
		_ func(tl, bool) tl                                                                      = tl.MergeValues
		_ func(tl, float64) tl                                                                   = tl.RowHeight
		_ func(tl, uint32) tl                                                                    = tl.FillOpacity
		_ func(tl, uint32) tl                                                                    = tl.LineWidth
		_ func(tl) tl                                                                            = tl.NeverSpanNulls
		_ func() ts                                                                              = timeseries.NewPanelBuilder
		_ func(ts, float64) ts                                                                   = ts.Min
		_ func(ts, float64) ts                                                                   = ts.Max
		_ func(ts, float64) ts                                                                   = ts.LineWidth
		_ func(ts, float64) ts                                                                   = ts.FillOpacity
		_ func(ts, common.VisibilityMode) ts                                                     = ts.ShowPoints
		_ func(ts, common.BoolOrFloat64) ts                                                      = ts.SpanNulls
		_ func(ts, cog.Builder[common.VizLegendOptions]) ts                                      = ts.Legend
		_ func(ts, cog.Builder[common.VizTooltipOptions]) ts                                     = ts.Tooltip
		_ func(ts, cog.Builder[common.GraphThresholdsStyleConfig]) ts                            = ts.ThresholdsStyle
		_ func(ts, cog.Builder[common.StackingConfig]) ts                                        = ts.Stacking
		_ func() bg                                                                              = bargauge.NewPanelBuilder
		_ func(bg, cog.Builder[common.ReduceDataOptions]) bg                                     = bg.ReduceOptions
		_ func(bg, common.BarGaugeDisplayMode) bg                                                = bg.DisplayMode
		_ func(bg, common.VizOrientation) bg                                                     = bg.Orientation
		_ func(bg, bool) bg                                                                      = bg.ShowUnfilled
		_ func() *common.VizLegendOptionsBuilder                                                 = common.NewVizLegendOptionsBuilder
		_ func() *common.VizTooltipOptionsBuilder                                                = common.NewVizTooltipOptionsBuilder
		_ func() *common.ReduceDataOptionsBuilder                                                = common.NewReduceDataOptionsBuilder
		_ func() *common.StackingConfigBuilder                                                   = common.NewStackingConfigBuilder
		_ func() *common.GraphThresholdsStyleConfigBuilder                                       = common.NewGraphThresholdsStyleConfigBuilder
		_ func(*common.StackingConfigBuilder, common.StackingMode) *common.StackingConfigBuilder = (*common.StackingConfigBuilder).Mode
	)
	if got := *cog.ToPtr(3); got != 3 {
		t.Errorf("cog.ToPtr(3) points to %d", got)
	}
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
