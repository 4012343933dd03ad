// Package timeseries builds the panel that draws series over time.
package timeseries

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/internal/panel"
)

// Options of the panel.
type Options struct {
	Legend  common.VizLegendOptions  `json:"legend"`
	Tooltip common.VizTooltipOptions `json:"tooltip"`
}

// FieldConfig says how series are drawn.
type FieldConfig struct {
	DrawStyle         *common.GraphDrawStyle             `json:"drawStyle,omitempty"`
	LineInterpolation *common.LineInterpolation          `json:"lineInterpolation,omitempty"`
	LineWidth         *float64                           `json:"lineWidth,omitempty"`
	FillOpacity       *float64                           `json:"fillOpacity,omitempty"`
	ShowPoints        *common.VisibilityMode             `json:"showPoints,omitempty"`
	PointSize         *float64                           `json:"pointSize,omitempty"`
	Stacking          *common.StackingConfig             `json:"stacking,omitempty"`
	ThresholdsStyle   *common.GraphThresholdsStyleConfig `json:"thresholdsStyle,omitempty"`
	AxisLabel         *string                            `json:"axisLabel,omitempty"`
	AxisSoftMin       *float64                           `json:"axisSoftMin,omitempty"`
	AxisSoftMax       *float64                           `json:"axisSoftMax,omitempty"`
	SpanNulls         *common.BoolOrFloat64              `json:"spanNulls,omitempty"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
	custom  *FieldConfig
}

// NewPanelBuilder starts with a list as legend and a tooltip for one series.
func NewPanelBuilder() *PanelBuilder {
	legend, _ := common.NewVizLegendOptionsBuilder().Build()
	tooltip, _ := common.NewVizTooltipOptionsBuilder().Build()
	b := &PanelBuilder{options: &Options{Legend: legend, Tooltip: tooltip}, custom: &FieldConfig{}}
	panel.Start(&b.Base, b, "timeseries", b.options, b.custom)
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

// DrawStyle sets what a series is drawn as.
func (b *PanelBuilder) DrawStyle(drawStyle common.GraphDrawStyle) *PanelBuilder {
	b.custom.DrawStyle = &drawStyle
	return b
}

// LineInterpolation sets how points are joined.
func (b *PanelBuilder) LineInterpolation(lineInterpolation common.LineInterpolation) *PanelBuilder {
	b.custom.LineInterpolation = &lineInterpolation
	return b
}

// LineWidth sets the width of a line.
func (b *PanelBuilder) LineWidth(lineWidth float64) *PanelBuilder {
	b.custom.LineWidth = &lineWidth
	return b
}

// FillOpacity sets how much of the area below a line is filled, 0 to 100.
func (b *PanelBuilder) FillOpacity(fillOpacity float64) *PanelBuilder {
	b.custom.FillOpacity = &fillOpacity
	return b
}

// ShowPoints sets when points are shown.
func (b *PanelBuilder) ShowPoints(showPoints common.VisibilityMode) *PanelBuilder {
	b.custom.ShowPoints = &showPoints
	return b
}

// PointSize sets the size of a point.
func (b *PanelBuilder) PointSize(pointSize float64) *PanelBuilder {
	b.custom.PointSize = &pointSize
	return b
}

// Stacking sets how series are stacked.
func (b *PanelBuilder) Stacking(stacking cog.Builder[common.StackingConfig]) *PanelBuilder {
	b.custom.Stacking = &common.StackingConfig{}
	panel.Set(&b.Base, "fieldConfig.defaults.custom.stacking", b.custom.Stacking, stacking)
	return b
}

// ThresholdsStyle sets how thresholds are drawn.
func (b *PanelBuilder) ThresholdsStyle(thresholdsStyle cog.Builder[common.GraphThresholdsStyleConfig]) *PanelBuilder {
	b.custom.ThresholdsStyle = &common.GraphThresholdsStyleConfig{}
	panel.Set(&b.Base, "fieldConfig.defaults.custom.thresholdsStyle", b.custom.ThresholdsStyle, thresholdsStyle)
	return b
}

// AxisLabel sets the words beside the axis.
func (b *PanelBuilder) AxisLabel(axisLabel string) *PanelBuilder {
	b.custom.AxisLabel = &axisLabel
	return b
}

// AxisSoftMin sets a lower end the axis leaves when values are below it.
func (b *PanelBuilder) AxisSoftMin(axisSoftMin float64) *PanelBuilder {
	b.custom.AxisSoftMin = &axisSoftMin
	return b
}

// AxisSoftMax sets an upper end the axis leaves when values are above it.
func (b *PanelBuilder) AxisSoftMax(axisSoftMax float64) *PanelBuilder {
	b.custom.AxisSoftMax = &axisSoftMax
	return b
}

// SpanNulls sets whether gaps are bridged.
func (b *PanelBuilder) SpanNulls(spanNulls common.BoolOrFloat64) *PanelBuilder {
	b.custom.SpanNulls = &spanNulls
	return b
}
