package dashboard

import "github.com/grafana/grafana-foundation-sdk/go/common"

// QueryVariableBuilder builds a variable whose values a data source lists.
type QueryVariableBuilder struct{ v VariableModel }

// NewQueryVariableBuilder starts a query variable.
func NewQueryVariableBuilder(name string) *QueryVariableBuilder {
	return &QueryVariableBuilder{v: VariableModel{Type: VariableTypeQuery, Name: name}}
}

// Build returns the variable.
func (b *QueryVariableBuilder) Build() (VariableModel, error) { return b.v, nil }

// Label sets the words beside the variable.
func (b *QueryVariableBuilder) Label(label string) *QueryVariableBuilder {
	b.v.Label = &label
	return b
}

// Hide sets what of the variable is shown.
func (b *QueryVariableBuilder) Hide(hide VariableHide) *QueryVariableBuilder {
	b.v.Hide = &hide
	return b
}

// Description sets the tooltip.
func (b *QueryVariableBuilder) Description(description string) *QueryVariableBuilder {
	b.v.Description = &description
	return b
}

// Query sets the query that lists the values.
func (b *QueryVariableBuilder) Query(query StringOrMap) *QueryVariableBuilder {
	b.v.Query = &query
	return b
}

// Datasource sets who answers the query.
func (b *QueryVariableBuilder) Datasource(datasource common.DataSourceRef) *QueryVariableBuilder {
	b.v.Datasource = &datasource
	return b
}

// Current sets the value on opening.
func (b *QueryVariableBuilder) Current(current VariableOption) *QueryVariableBuilder {
	b.v.Current = &current
	return b
}

// Multi sets whether several values may be chosen.
func (b *QueryVariableBuilder) Multi(multi bool) *QueryVariableBuilder {
	b.v.Multi = &multi
	return b
}

// IncludeAll sets whether all values may be chosen at once.
func (b *QueryVariableBuilder) IncludeAll(includeAll bool) *QueryVariableBuilder {
	b.v.IncludeAll = &includeAll
	return b
}

// AllValue sets what stands for all values.
func (b *QueryVariableBuilder) AllValue(allValue string) *QueryVariableBuilder {
	b.v.AllValue = &allValue
	return b
}

// Refresh sets when the values are read again.
func (b *QueryVariableBuilder) Refresh(refresh VariableRefresh) *QueryVariableBuilder {
	b.v.Refresh = &refresh
	return b
}

// Sort orders the values.
func (b *QueryVariableBuilder) Sort(sort VariableSort) *QueryVariableBuilder {
	b.v.Sort = &sort
	return b
}

// Regex filters the values.
func (b *QueryVariableBuilder) Regex(regex string) *QueryVariableBuilder {
	b.v.Regex = &regex
	return b
}

// Definition sets the query as people read it.
func (b *QueryVariableBuilder) Definition(definition string) *QueryVariableBuilder {
	b.v.Definition = &definition
	return b
}

// DatasourceVariableBuilder builds a variable that chooses a data source.
type DatasourceVariableBuilder struct{ v VariableModel }

// NewDatasourceVariableBuilder starts a data source variable.
func NewDatasourceVariableBuilder(name string) *DatasourceVariableBuilder {
	return &DatasourceVariableBuilder{v: VariableModel{Type: VariableTypeDatasource, Name: name}}
}

// Build returns the variable.
func (b *DatasourceVariableBuilder) Build() (VariableModel, error) { return b.v, nil }

// Label sets the words beside the variable.
func (b *DatasourceVariableBuilder) Label(label string) *DatasourceVariableBuilder {
	b.v.Label = &label
	return b
}

// Hide sets what of the variable is shown.
func (b *DatasourceVariableBuilder) Hide(hide VariableHide) *DatasourceVariableBuilder {
	b.v.Hide = &hide
	return b
}

// Type sets the type of data source to choose from.
func (b *DatasourceVariableBuilder) Type(stringArg string) *DatasourceVariableBuilder {
	b.v.Query = &StringOrMap{String: &stringArg}
	return b
}

// Current sets the value on opening.
func (b *DatasourceVariableBuilder) Current(current VariableOption) *DatasourceVariableBuilder {
	b.v.Current = &current
	return b
}

// Regex filters the data sources.
func (b *DatasourceVariableBuilder) Regex(regex string) *DatasourceVariableBuilder {
	b.v.Regex = &regex
	return b
}
