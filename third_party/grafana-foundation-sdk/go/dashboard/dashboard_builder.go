package dashboard

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
)

// schemaVersion is the version of the v1 JSON form this package writes.
const schemaVersion = 41

// DashboardBuilder builds Dashboard.
type DashboardBuilder struct {
	v    Dashboard
	grid grid
	errs cog.BuildErrors
}

// NewDashboardBuilder starts an editable dashboard in the browser's time zone.
func NewDashboardBuilder(title string) *DashboardBuilder {
	return &DashboardBuilder{v: Dashboard{
		Title:         &title,
		Timezone:      cog.ToPtr("browser"),
		Editable:      cog.ToPtr(true),
		SchemaVersion: schemaVersion,
	}}
}

// Build returns the dashboard, or everything its parts found wrong.
func (b *DashboardBuilder) Build() (Dashboard, error) {
	if len(b.errs) > 0 {
		return Dashboard{}, b.errs
	}
	return b.v, nil
}

// RecordError adds a finding to what Build will return.
func (b *DashboardBuilder) RecordError(path string, err error) *DashboardBuilder {
	b.errs = append(b.errs, cog.MakeBuildErrors(path, err)...)
	return b
}

// Id sets the database id; imported dashboards have none.
func (b *DashboardBuilder) Id(id int64) *DashboardBuilder {
	b.v.Id = &id
	return b
}

// Uid sets the lasting id, which is part of the address.
func (b *DashboardBuilder) Uid(uid string) *DashboardBuilder {
	b.v.Uid = &uid
	return b
}

// Title sets the title.
func (b *DashboardBuilder) Title(title string) *DashboardBuilder {
	b.v.Title = &title
	return b
}

// Description sets the description.
func (b *DashboardBuilder) Description(description string) *DashboardBuilder {
	b.v.Description = &description
	return b
}

// Version sets the version.
func (b *DashboardBuilder) Version(version uint32) *DashboardBuilder {
	b.v.Version = &version
	return b
}

// Tags sets the tags.
func (b *DashboardBuilder) Tags(tags []string) *DashboardBuilder {
	b.v.Tags = tags
	return b
}

// Timezone sets the time zone.
func (b *DashboardBuilder) Timezone(timezone string) *DashboardBuilder {
	b.v.Timezone = &timezone
	return b
}

// Editable lets people change the dashboard.
func (b *DashboardBuilder) Editable() *DashboardBuilder {
	b.v.Editable = cog.ToPtr(true)
	return b
}

// Readonly keeps people from changing the dashboard.
func (b *DashboardBuilder) Readonly() *DashboardBuilder {
	b.v.Editable = cog.ToPtr(false)
	return b
}

// Tooltip sets what panels share when one is pointed at.
func (b *DashboardBuilder) Tooltip(graphTooltip DashboardCursorSync) *DashboardBuilder {
	b.v.GraphTooltip = &graphTooltip
	return b
}

// Time sets the range shown on opening.
func (b *DashboardBuilder) Time(from, to string) *DashboardBuilder {
	b.v.Time = &DashboardDashboardTime{From: from, To: to}
	return b
}

// Refresh sets how often the panels are read again.
func (b *DashboardBuilder) Refresh(refresh string) *DashboardBuilder {
	b.v.Refresh = &refresh
	return b
}

// WeekStart sets the first day of the week.
func (b *DashboardBuilder) WeekStart(weekStart string) *DashboardBuilder {
	b.v.WeekStart = &weekStart
	return b
}

// LiveNow keeps the range moving between refreshes.
func (b *DashboardBuilder) LiveNow(liveNow bool) *DashboardBuilder {
	b.v.LiveNow = &liveNow
	return b
}

// FiscalYearStartMonth sets the first month of the fiscal year, from 0.
func (b *DashboardBuilder) FiscalYearStartMonth(fiscalYearStartMonth uint8) *DashboardBuilder {
	b.v.FiscalYearStartMonth = &fiscalYearStartMonth
	return b
}

// Preload sets whether panels out of sight are read too.
func (b *DashboardBuilder) Preload(preload bool) *DashboardBuilder {
	b.v.Preload = &preload
	return b
}

// WithPanel adds a panel and, unless it has a position, places it beside the
// panel before it or below when it does not fit there.
func (b *DashboardBuilder) WithPanel(panel cog.Builder[Panel]) *DashboardBuilder {
	p, err := panel.Build()
	if err != nil {
		return b.RecordError(fmt.Sprintf("panels[%d]", len(b.v.Panels)), err)
	}
	p.GridPos = b.grid.place(p.GridPos)
	b.v.Panels = append(b.v.Panels, PanelOrRowPanel{Panel: &p})
	return b
}

// WithRow adds a heading below everything so far; panels after it start at
// the left again.
func (b *DashboardBuilder) WithRow(rowPanel cog.Builder[RowPanel]) *DashboardBuilder {
	r, err := rowPanel.Build()
	if err != nil {
		return b.RecordError(fmt.Sprintf("panels[%d]", len(b.v.Panels)), err)
	}
	r.GridPos = b.grid.row(r.GridPos)
	inside := grid{y: b.grid.y}
	for i := range r.Panels {
		r.Panels[i].GridPos = inside.place(r.Panels[i].GridPos)
	}
	b.v.Panels = append(b.v.Panels, PanelOrRowPanel{RowPanel: &r})
	return b
}

// Variables sets the variables.
func (b *DashboardBuilder) Variables(variables []cog.Builder[VariableModel]) *DashboardBuilder {
	b.v.Templating.List = nil
	for _, v := range variables {
		b.WithVariable(v)
	}
	return b
}

// WithVariable adds a variable.
func (b *DashboardBuilder) WithVariable(variable cog.Builder[VariableModel]) *DashboardBuilder {
	v, err := variable.Build()
	if err != nil {
		return b.RecordError(fmt.Sprintf("templating.list[%d]", len(b.v.Templating.List)), err)
	}
	b.v.Templating.List = append(b.v.Templating.List, v)
	return b
}

// Annotations sets the annotation queries.
func (b *DashboardBuilder) Annotations(annotations []cog.Builder[AnnotationQuery]) *DashboardBuilder {
	b.v.Annotations.List = nil
	for _, a := range annotations {
		b.Annotation(a)
	}
	return b
}

// Annotation adds an annotation query.
func (b *DashboardBuilder) Annotation(annotation cog.Builder[AnnotationQuery]) *DashboardBuilder {
	a, err := annotation.Build()
	if err != nil {
		return b.RecordError(fmt.Sprintf("annotations.list[%d]", len(b.v.Annotations.List)), err)
	}
	b.v.Annotations.List = append(b.v.Annotations.List, a)
	return b
}

// Links sets the links.
func (b *DashboardBuilder) Links(links []cog.Builder[DashboardLink]) *DashboardBuilder {
	b.v.Links = nil
	for _, l := range links {
		b.Link(l)
	}
	return b
}

// Link adds a link.
func (b *DashboardBuilder) Link(link cog.Builder[DashboardLink]) *DashboardBuilder {
	l, err := link.Build()
	if err != nil {
		return b.RecordError(fmt.Sprintf("links[%d]", len(b.v.Links)), err)
	}
	b.v.Links = append(b.v.Links, l)
	return b
}
