package common

// LegendDisplayMode says how a legend is drawn.
type LegendDisplayMode string

// Legend display modes.
const (
	LegendDisplayModeList   LegendDisplayMode = "list"
	LegendDisplayModeTable  LegendDisplayMode = "table"
	LegendDisplayModeHidden LegendDisplayMode = "hidden"
)

// LegendPlacement says where a legend is drawn.
type LegendPlacement string

// Legend placements.
const (
	LegendPlacementBottom LegendPlacement = "bottom"
	LegendPlacementRight  LegendPlacement = "right"
)

// TooltipDisplayMode says how many series a tooltip names.
type TooltipDisplayMode string

// Tooltip display modes.
const (
	TooltipDisplayModeSingle TooltipDisplayMode = "single"
	TooltipDisplayModeMulti  TooltipDisplayMode = "multi"
	TooltipDisplayModeNone   TooltipDisplayMode = "none"
)

// SortOrder orders the series of a tooltip.
type SortOrder string

// Sort orders.
const (
	SortOrderAscending  SortOrder = "asc"
	SortOrderDescending SortOrder = "desc"
	SortOrderNone       SortOrder = "none"
)

// GraphDrawStyle says what a series is drawn as.
type GraphDrawStyle string

// Draw styles.
const (
	GraphDrawStyleLine   GraphDrawStyle = "line"
	GraphDrawStyleBars   GraphDrawStyle = "bars"
	GraphDrawStylePoints GraphDrawStyle = "points"
)

// LineInterpolation says how points are joined.
type LineInterpolation string

// Line interpolations.
const (
	LineInterpolationLinear     LineInterpolation = "linear"
	LineInterpolationSmooth     LineInterpolation = "smooth"
	LineInterpolationStepBefore LineInterpolation = "stepBefore"
	LineInterpolationStepAfter  LineInterpolation = "stepAfter"
)

// VisibilityMode says when something is shown.
type VisibilityMode string

// Visibility modes.
const (
	VisibilityModeAuto   VisibilityMode = "auto"
	VisibilityModeNever  VisibilityMode = "never"
	VisibilityModeAlways VisibilityMode = "always"
)

// StackingMode says how series are stacked.
type StackingMode string

// Stacking modes.
const (
	StackingModeNone    StackingMode = "none"
	StackingModeNormal  StackingMode = "normal"
	StackingModePercent StackingMode = "percent"
)

// GraphThresholdsStyleMode says how thresholds are drawn in a graph.
type GraphThresholdsStyleMode string

// Threshold styles.
const (
	GraphThresholdsStyleModeOff    GraphThresholdsStyleMode = "off"
	GraphThresholdsStyleModeLine   GraphThresholdsStyleMode = "line"
	GraphThresholdsStyleModeDashed GraphThresholdsStyleMode = "dashed"
	GraphThresholdsStyleModeArea   GraphThresholdsStyleMode = "area"
)

// BigValueGraphMode says what graph stands behind a big number.
type BigValueGraphMode string

// Big value graph modes.
const (
	BigValueGraphModeNone BigValueGraphMode = "none"
	BigValueGraphModeLine BigValueGraphMode = "line"
	BigValueGraphModeArea BigValueGraphMode = "area"
)

// BigValueColorMode says what a big number colours.
type BigValueColorMode string

// Big value colour modes.
const (
	BigValueColorModeValue           BigValueColorMode = "value"
	BigValueColorModeBackground      BigValueColorMode = "background"
	BigValueColorModeBackgroundSolid BigValueColorMode = "background_solid"
	BigValueColorModeNone            BigValueColorMode = "none"
)

// BigValueTextMode says which words stand beside a big number.
type BigValueTextMode string

// Big value text modes.
const (
	BigValueTextModeAuto         BigValueTextMode = "auto"
	BigValueTextModeValue        BigValueTextMode = "value"
	BigValueTextModeValueAndName BigValueTextMode = "value_and_name"
	BigValueTextModeName         BigValueTextMode = "name"
	BigValueTextModeNone         BigValueTextMode = "none"
)

// VizOrientation lays values out.
type VizOrientation string

// Orientations.
const (
	VizOrientationAuto       VizOrientation = "auto"
	VizOrientationVertical   VizOrientation = "vertical"
	VizOrientationHorizontal VizOrientation = "horizontal"
)

// BarGaugeDisplayMode says how a bar is filled.
type BarGaugeDisplayMode string

// Bar gauge display modes.
const (
	BarGaugeDisplayModeBasic    BarGaugeDisplayMode = "basic"
	BarGaugeDisplayModeLcd      BarGaugeDisplayMode = "lcd"
	BarGaugeDisplayModeGradient BarGaugeDisplayMode = "gradient"
)

// TableCellHeight is the height of a table's rows.
type TableCellHeight string

// Cell heights.
const (
	TableCellHeightSm TableCellHeight = "sm"
	TableCellHeightMd TableCellHeight = "md"
	TableCellHeightLg TableCellHeight = "lg"
)

// FieldTextAlignment aligns a table's cells.
type FieldTextAlignment string

// Alignments.
const (
	FieldTextAlignmentAuto   FieldTextAlignment = "auto"
	FieldTextAlignmentLeft   FieldTextAlignment = "left"
	FieldTextAlignmentRight  FieldTextAlignment = "right"
	FieldTextAlignmentCenter FieldTextAlignment = "center"
)
