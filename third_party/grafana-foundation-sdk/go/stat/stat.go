// Package stat builds the panel that shows big numbers.
package stat

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/internal/panel"
)

// Options of the panel.
type Options struct {
	GraphMode         common.BigValueGraphMode `json:"graphMode"`
	ColorMode         common.BigValueColorMode `json:"colorMode"`
	TextMode          common.BigValueTextMode  `json:"textMode"`
	WideLayout        bool                     `json:"wideLayout"`
	ShowPercentChange bool                     `json:"showPercentChange"`
	ReduceOptions     common.ReduceDataOptions `json:"reduceOptions"`
	Orientation       common.VizOrientation    `json:"orientation"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
}

// NewPanelBuilder starts with a coloured value over an area.
func NewPanelBuilder() *PanelBuilder {
	reduce, _ := common.NewReduceDataOptionsBuilder().Build()
	b := &PanelBuilder{options: &Options{
		GraphMode: common.BigValueGraphModeArea, ColorMode: common.BigValueColorModeValue,
		TextMode: common.BigValueTextModeAuto, WideLayout: true,
		ReduceOptions: reduce, Orientation: common.VizOrientationAuto,
	}}
	panel.Start(&b.Base, b, "stat", b.options, nil)
	return b
}

// GraphMode sets what graph stands behind the number.
func (b *PanelBuilder) GraphMode(graphMode common.BigValueGraphMode) *PanelBuilder {
	b.options.GraphMode = graphMode
	return b
}

// ColorMode sets what is coloured.
func (b *PanelBuilder) ColorMode(colorMode common.BigValueColorMode) *PanelBuilder {
	b.options.ColorMode = colorMode
	return b
}

// TextMode sets which words stand beside the number.
func (b *PanelBuilder) TextMode(textMode common.BigValueTextMode) *PanelBuilder {
	b.options.TextMode = textMode
	return b
}

// WideLayout sets whether words stand beside the number when there is room.
func (b *PanelBuilder) WideLayout(wideLayout bool) *PanelBuilder {
	b.options.WideLayout = wideLayout
	return b
}

// ShowPercentChange sets whether the change is shown.
func (b *PanelBuilder) ShowPercentChange(showPercentChange bool) *PanelBuilder {
	b.options.ShowPercentChange = showPercentChange
	return b
}

// ReduceOptions sets how a series becomes a number.
func (b *PanelBuilder) ReduceOptions(reduceOptions cog.Builder[common.ReduceDataOptions]) *PanelBuilder {
	panel.Set(&b.Base, "options.reduceOptions", &b.options.ReduceOptions, reduceOptions)
	return b
}

// Orientation lays the numbers out.
func (b *PanelBuilder) Orientation(orientation common.VizOrientation) *PanelBuilder {
	b.options.Orientation = orientation
	return b
}
