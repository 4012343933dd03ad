// Package prometheus builds queries for Prometheus data sources.
package prometheus

import (
	"errors"
	"reflect"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// PromQueryFormat is the shape of an answer.
type PromQueryFormat string

// Formats.
const (
	PromQueryFormatTimeSeries PromQueryFormat = "time_series"
	PromQueryFormatTable      PromQueryFormat = "table"
	PromQueryFormatHeatmap    PromQueryFormat = "heatmap"
)

// QueryEditorMode is the editor a query opens in.
type QueryEditorMode string

// Editors.
const (
	QueryEditorModeCode    QueryEditorMode = "code"
	QueryEditorModeBuilder QueryEditorMode = "builder"
)

// A Dataquery is one PromQL query.
type Dataquery struct {
	RefId          string                `json:"refId"`
	Expr           string                `json:"expr"`
	LegendFormat   *string               `json:"legendFormat,omitempty"`
	Instant        *bool                 `json:"instant,omitempty"`
	Range          *bool                 `json:"range,omitempty"`
	Exemplar       *bool                 `json:"exemplar,omitempty"`
	Format         *PromQueryFormat      `json:"format,omitempty"`
	Interval       *string               `json:"interval,omitempty"`
	IntervalFactor *int64                `json:"intervalFactor,omitempty"`
	EditorMode     *QueryEditorMode      `json:"editorMode,omitempty"`
	Hide           *bool                 `json:"hide,omitempty"`
	QueryType      *string               `json:"queryType,omitempty"`
	Datasource     *common.DataSourceRef `json:"datasource,omitempty"`
}

// ImplementsDataqueryVariant implements variants.Dataquery.
func (Dataquery) ImplementsDataqueryVariant() {}

// DataqueryType implements variants.Dataquery.
func (Dataquery) DataqueryType() string { return "prometheus" }

// Validate implements variants.Dataquery.
func (q Dataquery) Validate() error {
	if q.Expr == "" {
		return errors.New("expr is empty")
	}
	return nil
}

// Equals implements variants.Dataquery.
func (q Dataquery) Equals(other variants.Dataquery) bool { return reflect.DeepEqual(q, other) }

// DataqueryBuilder builds Dataquery.
type DataqueryBuilder struct{ v Dataquery }

// NewDataqueryBuilder starts a query for a range.
func NewDataqueryBuilder() *DataqueryBuilder { return &DataqueryBuilder{} }

// Build returns the query.
func (b *DataqueryBuilder) Build() (variants.Dataquery, error) {
	if err := b.v.Validate(); err != nil {
		return nil, cog.MakeBuildErrors("expr", err)
	}
	return b.v, nil
}

// Expr sets the PromQL.
func (b *DataqueryBuilder) Expr(expr string) *DataqueryBuilder {
	b.v.Expr = expr
	return b
}

// LegendFormat sets the name of each series: "{{flow}}".
func (b *DataqueryBuilder) LegendFormat(legendFormat string) *DataqueryBuilder {
	b.v.LegendFormat = &legendFormat
	return b
}

// RefId names the query in its panel.
func (b *DataqueryBuilder) RefId(refId string) *DataqueryBuilder {
	b.v.RefId = refId
	return b
}

func (b *DataqueryBuilder) kind(instant, over bool) *DataqueryBuilder {
	b.v.Instant, b.v.Range = &instant, &over
	return b
}

// Instant asks for the latest value.
func (b *DataqueryBuilder) Instant() *DataqueryBuilder { return b.kind(true, false) }

// Range asks for a range.
func (b *DataqueryBuilder) Range() *DataqueryBuilder { return b.kind(false, true) }

// RangeAndInstant asks for both.
func (b *DataqueryBuilder) RangeAndInstant() *DataqueryBuilder { return b.kind(true, true) }

// Exemplar sets whether exemplars are read too.
func (b *DataqueryBuilder) Exemplar(exemplar bool) *DataqueryBuilder {
	b.v.Exemplar = &exemplar
	return b
}

// Format sets the shape of the answer.
func (b *DataqueryBuilder) Format(format PromQueryFormat) *DataqueryBuilder {
	b.v.Format = &format
	return b
}

// Interval sets the smallest step.
func (b *DataqueryBuilder) Interval(interval string) *DataqueryBuilder {
	b.v.Interval = &interval
	return b
}

// IntervalFactor multiplies the step.
func (b *DataqueryBuilder) IntervalFactor(intervalFactor int64) *DataqueryBuilder {
	b.v.IntervalFactor = &intervalFactor
	return b
}

// Hide sets whether the answer is hidden.
func (b *DataqueryBuilder) Hide(hide bool) *DataqueryBuilder {
	b.v.Hide = &hide
	return b
}

// EditorMode sets the editor the query opens in.
func (b *DataqueryBuilder) EditorMode(editorMode QueryEditorMode) *DataqueryBuilder {
	b.v.EditorMode = &editorMode
	return b
}

// QueryType sets the flavour of the query.
func (b *DataqueryBuilder) QueryType(queryType string) *DataqueryBuilder {
	b.v.QueryType = &queryType
	return b
}

// Datasource sets who answers.
func (b *DataqueryBuilder) Datasource(datasource common.DataSourceRef) *DataqueryBuilder {
	b.v.Datasource = &datasource
	return b
}
