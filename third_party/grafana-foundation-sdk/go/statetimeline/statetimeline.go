// Package statetimeline builds the panel that shows states over time.
package statetimeline

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/internal/panel"
)

// Options of the panel.
type Options struct {
	ShowValue   common.VisibilityMode    `json:"showValue"`
	RowHeight   float64                  `json:"rowHeight"`
	MergeValues *bool                    `json:"mergeValues,omitempty"`
	PerPage     *float64                 `json:"perPage,omitempty"`
	Legend      common.VizLegendOptions  `json:"legend"`
	Tooltip     common.VizTooltipOptions `json:"tooltip"`
}

// FieldConfig says how a state is drawn.
type FieldConfig struct {
	LineWidth   *uint32               `json:"lineWidth,omitempty"`
	FillOpacity *uint32               `json:"fillOpacity,omitempty"`
	SpanNulls   *common.BoolOrFloat64 `json:"spanNulls,omitempty"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
	custom  *FieldConfig
}

// NewPanelBuilder starts with equal neighbours merged.
func NewPanelBuilder() *PanelBuilder {
	legend, _ := common.NewVizLegendOptionsBuilder().Build()
	tooltip, _ := common.NewVizTooltipOptionsBuilder().Build()
	b := &PanelBuilder{
		options: &Options{
			ShowValue: common.VisibilityModeAuto, RowHeight: 0.9, MergeValues: cog.ToPtr(true),
			Legend: legend, Tooltip: tooltip,
		},
		custom: &FieldConfig{},
	}
	panel.Start(&b.Base, b, "state-timeline", b.options, b.custom)
	return b
}

// Legend sets the legend.
func (b *PanelBuilder) Legend(legend cog.Builder[common.VizLegendOptions]) *PanelBuilder {
	panel.Set(&b.Base, "options.legend", &b.options.Legend, legend)
	return b
}

// Tooltip sets the tooltip.
func (b *PanelBuilder) Tooltip(tooltip cog.Builder[common.VizTooltipOptions]) *PanelBuilder {
	panel.Set(&b.Base, "options.tooltip", &b.options.Tooltip, tooltip)
	return b
}

// ShowValue sets when the words of a state are shown.
func (b *PanelBuilder) ShowValue(showValue common.VisibilityMode) *PanelBuilder {
	b.options.ShowValue = showValue
	return b
}

// RowHeight sets the share of its line a row fills.
func (b *PanelBuilder) RowHeight(rowHeight float64) *PanelBuilder {
	b.options.RowHeight = rowHeight
	return b
}

// MergeValues sets whether equal neighbours become one state.
func (b *PanelBuilder) MergeValues(mergeValues bool) *PanelBuilder {
	b.options.MergeValues = &mergeValues
	return b
}

// PerPage sets how many rows a page has.
func (b *PanelBuilder) PerPage(perPage float64) *PanelBuilder {
	b.options.PerPage = &perPage
	return b
}

// LineWidth sets the width of a state's border.
func (b *PanelBuilder) LineWidth(lineWidth uint32) *PanelBuilder {
	b.custom.LineWidth = &lineWidth
	return b
}

// FillOpacity sets how strongly a state is filled, 0 to 100.
func (b *PanelBuilder) FillOpacity(fillOpacity uint32) *PanelBuilder {
	b.custom.FillOpacity = &fillOpacity
	return b
}

// NeverSpanNulls leaves gaps open.
func (b *PanelBuilder) NeverSpanNulls() *PanelBuilder {
	return b.span(common.BoolOrFloat64{Bool: cog.ToPtr(false)})
}

// AlwaysSpanNulls bridges every gap.
func (b *PanelBuilder) AlwaysSpanNulls() *PanelBuilder {
	return b.span(common.BoolOrFloat64{Bool: cog.ToPtr(true)})
}

// SpanNullsThreshold bridges gaps up to threshold milliseconds.
func (b *PanelBuilder) SpanNullsThreshold(threshold uint32) *PanelBuilder {
	return b.span(common.BoolOrFloat64{Float64: cog.ToPtr(float64(threshold))})
}

func (b *PanelBuilder) span(v common.BoolOrFloat64) *PanelBuilder {
	b.custom.SpanNulls = &v
	return b
}
