package common

// TableSortByFieldState orders a table by one column.
type TableSortByFieldState struct {
	DisplayName string `json:"displayName"`
	Desc        *bool  `json:"desc,omitempty"`
}

// TableSortByFieldStateBuilder builds TableSortByFieldState.
type TableSortByFieldStateBuilder struct{ v TableSortByFieldState }

// NewTableSortByFieldStateBuilder starts empty.
func NewTableSortByFieldStateBuilder() *TableSortByFieldStateBuilder {
	return &TableSortByFieldStateBuilder{}
}

// Build returns the order.
func (b *TableSortByFieldStateBuilder) Build() (TableSortByFieldState, error) { return b.v, nil }

// DisplayName sets the column.
func (b *TableSortByFieldStateBuilder) DisplayName(displayName string) *TableSortByFieldStateBuilder {
	b.v.DisplayName = displayName
	return b
}

// Desc sets whether the order is descending.
func (b *TableSortByFieldStateBuilder) Desc(desc bool) *TableSortByFieldStateBuilder {
	b.v.Desc = &desc
	return b
}
