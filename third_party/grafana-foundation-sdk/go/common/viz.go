package common

// VizLegendOptions describes a legend.
type VizLegendOptions struct {
	DisplayMode LegendDisplayMode `json:"displayMode"`
	Placement   LegendPlacement   `json:"placement"`
	ShowLegend  bool              `json:"showLegend"`
	SortBy      *string           `json:"sortBy,omitempty"`
	SortDesc    *bool             `json:"sortDesc,omitempty"`
	Calcs       []string          `json:"calcs"`
}

// VizLegendOptionsBuilder builds VizLegendOptions.
type VizLegendOptionsBuilder struct{ v VizLegendOptions }

// NewVizLegendOptionsBuilder starts with a list below the graph.
func NewVizLegendOptionsBuilder() *VizLegendOptionsBuilder {
	return &VizLegendOptionsBuilder{v: VizLegendOptions{
		DisplayMode: LegendDisplayModeList, Placement: LegendPlacementBottom, ShowLegend: true, Calcs: []string{},
	}}
}

// Build returns the legend.
func (b *VizLegendOptionsBuilder) Build() (VizLegendOptions, error) { return b.v, nil }

// DisplayMode sets how the legend is drawn.
func (b *VizLegendOptionsBuilder) DisplayMode(displayMode LegendDisplayMode) *VizLegendOptionsBuilder {
	b.v.DisplayMode = displayMode
	return b
}

// Placement sets where the legend is drawn.
func (b *VizLegendOptionsBuilder) Placement(placement LegendPlacement) *VizLegendOptionsBuilder {
	b.v.Placement = placement
	return b
}

// ShowLegend sets whether there is a legend.
func (b *VizLegendOptionsBuilder) ShowLegend(showLegend bool) *VizLegendOptionsBuilder {
	b.v.ShowLegend = showLegend
	return b
}

// SortBy sets the column the legend is ordered by.
func (b *VizLegendOptionsBuilder) SortBy(sortBy string) *VizLegendOptionsBuilder {
	b.v.SortBy = &sortBy
	return b
}

// SortDesc sets whether the order is descending.
func (b *VizLegendOptionsBuilder) SortDesc(sortDesc bool) *VizLegendOptionsBuilder {
	b.v.SortDesc = &sortDesc
	return b
}

// Calcs sets the calculations shown beside each series.
func (b *VizLegendOptionsBuilder) Calcs(calcs []string) *VizLegendOptionsBuilder {
	b.v.Calcs = calcs
	return b
}

// VizTooltipOptions describes a tooltip.
type VizTooltipOptions struct {
	Mode TooltipDisplayMode `json:"mode"`
	Sort SortOrder          `json:"sort"`
}

// VizTooltipOptionsBuilder builds VizTooltipOptions.
type VizTooltipOptionsBuilder struct{ v VizTooltipOptions }

// NewVizTooltipOptionsBuilder starts with a tooltip for one series.
func NewVizTooltipOptionsBuilder() *VizTooltipOptionsBuilder {
	return &VizTooltipOptionsBuilder{v: VizTooltipOptions{Mode: TooltipDisplayModeSingle, Sort: SortOrderNone}}
}

// Build returns the tooltip.
func (b *VizTooltipOptionsBuilder) Build() (VizTooltipOptions, error) { return b.v, nil }

// Mode sets how many series the tooltip names.
func (b *VizTooltipOptionsBuilder) Mode(mode TooltipDisplayMode) *VizTooltipOptionsBuilder {
	b.v.Mode = mode
	return b
}

// Sort sets the order of the series.
func (b *VizTooltipOptionsBuilder) Sort(sort SortOrder) *VizTooltipOptionsBuilder {
	b.v.Sort = sort
	return b
}

// ReduceDataOptions turns a series into one value.
type ReduceDataOptions struct {
	Values *bool    `json:"values,omitempty"`
	Limit  *float64 `json:"limit,omitempty"`
	Calcs  []string `json:"calcs"`
	Fields *string  `json:"fields,omitempty"`
}

// ReduceDataOptionsBuilder builds ReduceDataOptions.
type ReduceDataOptionsBuilder struct{ v ReduceDataOptions }

// NewReduceDataOptionsBuilder starts without any calculation.
func NewReduceDataOptionsBuilder() *ReduceDataOptionsBuilder {
	return &ReduceDataOptionsBuilder{v: ReduceDataOptions{Calcs: []string{}}}
}

// Build returns the reduction.
func (b *ReduceDataOptionsBuilder) Build() (ReduceDataOptions, error) { return b.v, nil }

// Values sets whether every row is shown instead of a reduction.
func (b *ReduceDataOptionsBuilder) Values(values bool) *ReduceDataOptionsBuilder {
	b.v.Values = &values
	return b
}

// Limit bounds the number of rows when Values is set.
func (b *ReduceDataOptionsBuilder) Limit(limit float64) *ReduceDataOptionsBuilder {
	b.v.Limit = &limit
	return b
}

// Calcs sets the calculations: "lastNotNull", "max".
func (b *ReduceDataOptionsBuilder) Calcs(calcs []string) *ReduceDataOptionsBuilder {
	b.v.Calcs = calcs
	return b
}

// Fields sets which fields are reduced; empty means the numeric ones.
func (b *ReduceDataOptionsBuilder) Fields(fields string) *ReduceDataOptionsBuilder {
	b.v.Fields = &fields
	return b
}

// StackingConfig stacks series.
type StackingConfig struct {
	Mode  *StackingMode `json:"mode,omitempty"`
	Group *string       `json:"group,omitempty"`
}

// StackingConfigBuilder builds StackingConfig.
type StackingConfigBuilder struct{ v StackingConfig }

// NewStackingConfigBuilder starts empty.
func NewStackingConfigBuilder() *StackingConfigBuilder { return &StackingConfigBuilder{} }

// Build returns the stacking.
func (b *StackingConfigBuilder) Build() (StackingConfig, error) { return b.v, nil }

// Mode sets how series are stacked.
func (b *StackingConfigBuilder) Mode(mode StackingMode) *StackingConfigBuilder {
	b.v.Mode = &mode
	return b
}

// Group sets which series are stacked together.
func (b *StackingConfigBuilder) Group(group string) *StackingConfigBuilder {
	b.v.Group = &group
	return b
}

// GraphThresholdsStyleConfig draws thresholds in a graph.
type GraphThresholdsStyleConfig struct {
	Mode GraphThresholdsStyleMode `json:"mode"`
}

// GraphThresholdsStyleConfigBuilder builds GraphThresholdsStyleConfig.
type GraphThresholdsStyleConfigBuilder struct{ v GraphThresholdsStyleConfig }

// NewGraphThresholdsStyleConfigBuilder starts with thresholds not drawn.
func NewGraphThresholdsStyleConfigBuilder() *GraphThresholdsStyleConfigBuilder {
	return &GraphThresholdsStyleConfigBuilder{v: GraphThresholdsStyleConfig{Mode: GraphThresholdsStyleModeOff}}
}

// Build returns the style.
func (b *GraphThresholdsStyleConfigBuilder) Build() (GraphThresholdsStyleConfig, error) {
	return b.v, nil
}

// Mode sets how thresholds are drawn.
func (b *GraphThresholdsStyleConfigBuilder) Mode(mode GraphThresholdsStyleMode) *GraphThresholdsStyleConfigBuilder {
	b.v.Mode = mode
	return b
}
