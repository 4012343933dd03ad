// Package table builds the panel that lists values.
package table

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/internal/panel"
)

// Options of the panel.
type Options struct {
	ShowHeader bool                           `json:"showHeader"`
	SortBy     []common.TableSortByFieldState `json:"sortBy,omitempty"`
	CellHeight *common.TableCellHeight        `json:"cellHeight,omitempty"`
}

// FieldConfig says how a column looks.
type FieldConfig struct {
	Width      *float64                   `json:"width,omitempty"`
	Align      *common.FieldTextAlignment `json:"align,omitempty"`
	Filterable *bool                      `json:"filterable,omitempty"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
	custom  *FieldConfig
}

// NewPanelBuilder starts with a header.
func NewPanelBuilder() *PanelBuilder {
	b := &PanelBuilder{options: &Options{ShowHeader: true}, custom: &FieldConfig{}}
	panel.Start(&b.Base, b, "table", b.options, b.custom)
	return b
}

// ShowHeader sets whether there is a header.
func (b *PanelBuilder) ShowHeader(showHeader bool) *PanelBuilder {
	b.options.ShowHeader = showHeader
	return b
}

// SortBy orders the rows.
func (b *PanelBuilder) SortBy(sortBy []cog.Builder[common.TableSortByFieldState]) *PanelBuilder {
	panel.SetAll(&b.Base, "options.sortBy", &b.options.SortBy, sortBy)
	return b
}

// CellHeight sets the height of a row.
func (b *PanelBuilder) CellHeight(cellHeight common.TableCellHeight) *PanelBuilder {
	b.options.CellHeight = &cellHeight
	return b
}

// Width sets the width of every column.
func (b *PanelBuilder) Width(width float64) *PanelBuilder {
	b.custom.Width = &width
	return b
}

// Align aligns every column.
func (b *PanelBuilder) Align(align common.FieldTextAlignment) *PanelBuilder {
	b.custom.Align = &align
	return b
}

// Filterable sets whether columns can be filtered.
func (b *PanelBuilder) Filterable(filterable bool) *PanelBuilder {
	b.custom.Filterable = &filterable
	return b
}
