// Package bargauge builds the panel that compares values as bars.
package bargauge

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/internal/panel"
)

// Options of the panel.
type Options struct {
	DisplayMode   common.BarGaugeDisplayMode `json:"displayMode"`
	ShowUnfilled  bool                       `json:"showUnfilled"`
	MinVizWidth   uint32                     `json:"minVizWidth"`
	MinVizHeight  uint32                     `json:"minVizHeight"`
	ReduceOptions common.ReduceDataOptions   `json:"reduceOptions"`
	Orientation   common.VizOrientation      `json:"orientation"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
}

// NewPanelBuilder starts with bars coloured by a gradient.
func NewPanelBuilder() *PanelBuilder {
	reduce, _ := common.NewReduceDataOptionsBuilder().Build()
	b := &PanelBuilder{options: &Options{
		DisplayMode: common.BarGaugeDisplayModeGradient, ShowUnfilled: true, MinVizWidth: 8, MinVizHeight: 16,
		ReduceOptions: reduce, Orientation: common.VizOrientationAuto,
	}}
	panel.Start(&b.Base, b, "bargauge", b.options, nil)
	return b
}

// DisplayMode sets how a bar is filled.
func (b *PanelBuilder) DisplayMode(displayMode common.BarGaugeDisplayMode) *PanelBuilder {
	b.options.DisplayMode = displayMode
	return b
}

// ShowUnfilled sets whether the rest of a bar is shown.
func (b *PanelBuilder) ShowUnfilled(showUnfilled bool) *PanelBuilder {
	b.options.ShowUnfilled = showUnfilled
	return b
}

// MinVizWidth sets the least width of a bar.
func (b *PanelBuilder) MinVizWidth(minVizWidth uint32) *PanelBuilder {
	b.options.MinVizWidth = minVizWidth
	return b
}

// MinVizHeight sets the least height of a bar.
func (b *PanelBuilder) MinVizHeight(minVizHeight uint32) *PanelBuilder {
	b.options.MinVizHeight = minVizHeight
	return b
}

// ReduceOptions sets how a series becomes a number.
func (b *PanelBuilder) ReduceOptions(reduceOptions cog.Builder[common.ReduceDataOptions]) *PanelBuilder {
	panel.Set(&b.Base, "options.reduceOptions", &b.options.ReduceOptions, reduceOptions)
	return b
}

// Orientation lays the bars out.
func (b *PanelBuilder) Orientation(orientation common.VizOrientation) *PanelBuilder {
	b.options.Orientation = orientation
	return b
}
