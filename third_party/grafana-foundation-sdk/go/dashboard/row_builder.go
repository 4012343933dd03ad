package dashboard

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// RowBuilder builds RowPanel.
type RowBuilder struct {
	v    RowPanel
	errs cog.BuildErrors
}

// NewRowBuilder starts an open row.
func NewRowBuilder(title string) *RowBuilder {
	return &RowBuilder{v: RowPanel{Type: "row", Title: &title, Panels: []Panel{}}}
}

// Build returns the row.
func (b *RowBuilder) Build() (RowPanel, error) {
	if len(b.errs) > 0 {
		return RowPanel{}, b.errs
	}
	return b.v, nil
}

// Title sets the heading.
func (b *RowBuilder) Title(title string) *RowBuilder {
	b.v.Title = &title
	return b
}

// Collapsed sets whether the row is folded on opening.
func (b *RowBuilder) Collapsed(collapsed bool) *RowBuilder {
	b.v.Collapsed = collapsed
	return b
}

// Datasource sets the row's data source.
func (b *RowBuilder) Datasource(datasource common.DataSourceRef) *RowBuilder {
	b.v.Datasource = &datasource
	return b
}

// GridPos places the row.
func (b *RowBuilder) GridPos(gridPos GridPos) *RowBuilder {
	b.v.GridPos = &gridPos
	return b
}

// Id sets the row's id.
func (b *RowBuilder) Id(id uint32) *RowBuilder {
	b.v.Id = id
	return b
}

// Repeat repeats the row for each value of a variable.
func (b *RowBuilder) Repeat(repeat string) *RowBuilder {
	b.v.Repeat = &repeat
	return b
}

// WithPanel adds a panel to the row itself, as collapsed rows need.
func (b *RowBuilder) WithPanel(panel cog.Builder[Panel]) *RowBuilder {
	p, err := panel.Build()
	if err != nil {
		b.errs = append(b.errs, cog.MakeBuildErrors(fmt.Sprintf("panels[%d]", len(b.v.Panels)), err)...)
		return b
	}
	b.v.Panels = append(b.v.Panels, p)
	return b
}
