package dashboard

import "github.com/grafana/grafana-foundation-sdk/go/common"

// AnnotationQueryBuilder builds AnnotationQuery.
type AnnotationQueryBuilder struct{ v AnnotationQuery }

// NewAnnotationQueryBuilder starts an enabled annotation.
func NewAnnotationQueryBuilder() *AnnotationQueryBuilder {
	return &AnnotationQueryBuilder{v: AnnotationQuery{Enable: true}}
}

// Build returns the annotation.
func (b *AnnotationQueryBuilder) Build() (AnnotationQuery, error) { return b.v, nil }

// Name sets the words beside the switch.
func (b *AnnotationQueryBuilder) Name(name string) *AnnotationQueryBuilder {
	b.v.Name = name
	return b
}

// Datasource sets who answers the query.
func (b *AnnotationQueryBuilder) Datasource(datasource common.DataSourceRef) *AnnotationQueryBuilder {
	b.v.Datasource = &datasource
	return b
}

// Enable sets whether the events are shown on opening.
func (b *AnnotationQueryBuilder) Enable(enable bool) *AnnotationQueryBuilder {
	b.v.Enable = enable
	return b
}

// Hide sets whether the switch is hidden.
func (b *AnnotationQueryBuilder) Hide(hide bool) *AnnotationQueryBuilder {
	b.v.Hide = &hide
	return b
}

// IconColor sets the colour of the events.
func (b *AnnotationQueryBuilder) IconColor(iconColor string) *AnnotationQueryBuilder {
	b.v.IconColor = iconColor
	return b
}

// Expr sets the query.
func (b *AnnotationQueryBuilder) Expr(expr string) *AnnotationQueryBuilder {
	b.v.Expr = &expr
	return b
}

// TitleFormat sets the title of an event.
func (b *AnnotationQueryBuilder) TitleFormat(titleFormat string) *AnnotationQueryBuilder {
	b.v.TitleFormat = &titleFormat
	return b
}

// TextFormat sets the text of an event.
func (b *AnnotationQueryBuilder) TextFormat(textFormat string) *AnnotationQueryBuilder {
	b.v.TextFormat = &textFormat
	return b
}

// TagKeys sets which labels become tags.
func (b *AnnotationQueryBuilder) TagKeys(tagKeys string) *AnnotationQueryBuilder {
	b.v.TagKeys = &tagKeys
	return b
}

// Step sets the resolution of the query.
func (b *AnnotationQueryBuilder) Step(step string) *AnnotationQueryBuilder {
	b.v.Step = &step
	return b
}

// UseValueForTime sets whether a series' value is the time of its event.
func (b *AnnotationQueryBuilder) UseValueForTime(useValueForTime bool) *AnnotationQueryBuilder {
	b.v.UseValueForTime = &useValueForTime
	return b
}
