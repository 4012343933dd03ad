// Package panel holds the setters every panel's builder has.
//
// A builder embeds Base with its own pointer type, so that the setters it
// inherits return the builder itself and chain with its own.
package panel

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Base is the part of a builder B that all panels share.
type Base[B any] struct {
	self  B
	panel dashboard.Panel
	errs  cog.BuildErrors
}

// Start makes b the base of self, a panel of the given type whose options and
// custom field configuration are the values behind the two pointers; nil means
// none.
func Start[B any](b *Base[B], self B, kind string, options, custom any) {
	b.self = self
	b.panel = dashboard.Panel{
		Type:    kind,
		GridPos: &dashboard.GridPos{H: 9, W: 12},
		Options: options,
		FieldConfig: &dashboard.FieldConfigSource{
			Defaults:  dashboard.FieldConfig{Custom: custom},
			Overrides: []dashboard.DashboardFieldConfigSourceOverrides{},
		},
	}
}

// Set stores what builder makes in target, or records why it could not.
func Set[B, T any](b *Base[B], path string, target *T, builder cog.Builder[T]) {
	v, err := builder.Build()
	if err != nil {
		b.errs = append(b.errs, cog.MakeBuildErrors(path, err)...)
		return
	}
	*target = v
}

// SetAll stores what builders make in target.
func SetAll[B, T any](b *Base[B], path string, target *[]T, builders []cog.Builder[T]) {
	out := make([]T, len(builders))
	for i, builder := range builders {
		Set(b, fmt.Sprintf("%s[%d]", path, i), &out[i], builder)
	}
	*target = out
}

func (b *Base[B]) defaults() *dashboard.FieldConfig { return &b.panel.FieldConfig.Defaults }

// Build returns the panel, or everything its parts found wrong.
func (b *Base[B]) Build() (dashboard.Panel, error) {
	if len(b.errs) > 0 {
		return dashboard.Panel{}, b.errs
	}
	return b.panel, nil
}

// RecordError adds a finding to what Build will return.
func (b *Base[B]) RecordError(path string, err error) B {
	b.errs = append(b.errs, cog.MakeBuildErrors(path, err)...)
	return b.self
}

// Id sets the panel's id, unique in its dashboard.
func (b *Base[B]) Id(id uint32) B {
	b.panel.Id = &id
	return b.self
}

// Title sets the title.
func (b *Base[B]) Title(title string) B {
	b.panel.Title = &title
	return b.self
}

// Description sets the tooltip of the title.
func (b *Base[B]) Description(description string) B {
	b.panel.Description = &description
	return b.self
}

// Transparent sets whether the panel has no background.
func (b *Base[B]) Transparent(transparent bool) B {
	b.panel.Transparent = &transparent
	return b.self
}

// Datasource sets who answers the targets.
func (b *Base[B]) Datasource(datasource common.DataSourceRef) B {
	b.panel.Datasource = &datasource
	return b.self
}

// GridPos places the panel.
func (b *Base[B]) GridPos(gridPos dashboard.GridPos) B {
	b.panel.GridPos = &gridPos
	return b.self
}

// Height sets the height in grid units.
func (b *Base[B]) Height(h uint32) B {
	b.panel.GridPos.H = h
	return b.self
}

// Span sets the width in columns of 24.
func (b *Base[B]) Span(w uint32) B {
	b.panel.GridPos.W = w
	return b.self
}

// Links sets the panel's links.
func (b *Base[B]) Links(links []cog.Builder[dashboard.DashboardLink]) B {
	SetAll(b, "links", &b.panel.Links, links)
	return b.self
}

// Repeat repeats the panel for each value of a variable.
func (b *Base[B]) Repeat(repeat string) B {
	b.panel.Repeat = &repeat
	return b.self
}

// RepeatDirection lays repeated panels out.
func (b *Base[B]) RepeatDirection(repeatDirection dashboard.PanelRepeatDirection) B {
	b.panel.RepeatDirection = &repeatDirection
	return b.self
}

// MaxPerRow bounds repeated panels in one line.
func (b *Base[B]) MaxPerRow(maxPerRow float64) B {
	b.panel.MaxPerRow = &maxPerRow
	return b.self
}

// MaxDataPoints bounds the points of a series.
func (b *Base[B]) MaxDataPoints(maxDataPoints float64) B {
	b.panel.MaxDataPoints = &maxDataPoints
	return b.self
}

// Interval sets the smallest step.
func (b *Base[B]) Interval(interval string) B {
	b.panel.Interval = &interval
	return b.self
}

// TimeFrom overrides the dashboard's range.
func (b *Base[B]) TimeFrom(timeFrom string) B {
	b.panel.TimeFrom = &timeFrom
	return b.self
}

// TimeShift shifts the dashboard's range.
func (b *Base[B]) TimeShift(timeShift string) B {
	b.panel.TimeShift = &timeShift
	return b.self
}

// HideTimeOverride hides the words about an overridden range.
func (b *Base[B]) HideTimeOverride(hideTimeOverride bool) B {
	b.panel.HideTimeOverride = &hideTimeOverride
	return b.self
}

// Targets sets the queries.
func (b *Base[B]) Targets(targets []cog.Builder[variants.Dataquery]) B {
	SetAll(b, "targets", &b.panel.Targets, targets)
	return b.self
}

// WithTarget adds a query.
func (b *Base[B]) WithTarget(target cog.Builder[variants.Dataquery]) B {
	var q variants.Dataquery
	Set(b, fmt.Sprintf("targets[%d]", len(b.panel.Targets)), &q, target)
	if q != nil {
		b.panel.Targets = append(b.panel.Targets, q)
	}
	return b.self
}

// Transformations sets what reshapes the answers.
func (b *Base[B]) Transformations(transformations []dashboard.DataTransformerConfig) B {
	b.panel.Transformations = transformations
	return b.self
}

// WithTransformation adds a transformation.
func (b *Base[B]) WithTransformation(transformation dashboard.DataTransformerConfig) B {
	b.panel.Transformations = append(b.panel.Transformations, transformation)
	return b.self
}
