package dashboard

import "encoding/json"

// A FieldConfigSource says how values look.
type FieldConfigSource struct {
	Defaults  FieldConfig                           `json:"defaults"`
	Overrides []DashboardFieldConfigSourceOverrides `json:"overrides"`
}

// A FieldConfig says how one field's values look.
type FieldConfig struct {
	DisplayName *string           `json:"displayName,omitempty"`
	Unit        *string           `json:"unit,omitempty"`
	Decimals    *float64          `json:"decimals,omitempty"`
	Min         *float64          `json:"min,omitempty"`
	Max         *float64          `json:"max,omitempty"`
	Mappings    []ValueMapping    `json:"mappings,omitempty"`
	Thresholds  *ThresholdsConfig `json:"thresholds,omitempty"`
	Color       *FieldColor       `json:"color,omitempty"`
	Links       []DashboardLink   `json:"links,omitempty"`
	NoValue     *string           `json:"noValue,omitempty"`
	Custom      any               `json:"custom,omitempty"`
}

// DashboardFieldConfigSourceOverrides changes the look of the fields it matches.
type DashboardFieldConfigSourceOverrides struct {
	Matcher    MatcherConfig        `json:"matcher"`
	Properties []DynamicConfigValue `json:"properties"`
}

// A MatcherConfig selects fields.
type MatcherConfig struct {
	Id      string `json:"id"`
	Options any    `json:"options,omitempty"`
}

// A DynamicConfigValue is one property of an override.
type DynamicConfigValue struct {
	Id    string `json:"id"`
	Value any    `json:"value,omitempty"`
}

// ThresholdsMode says what a threshold's value is a part of.
type ThresholdsMode string

// Threshold modes.
const (
	ThresholdsModeAbsolute   ThresholdsMode = "absolute"
	ThresholdsModePercentage ThresholdsMode = "percentage"
)

// A Threshold colours values from Value up; nil is minus infinity and must come first.
type Threshold struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

// A ThresholdsConfig is the list of thresholds, lowest first.
type ThresholdsConfig struct {
	Mode  ThresholdsMode `json:"mode"`
	Steps []Threshold    `json:"steps"`
}

// FieldColorModeId says where a field's colour comes from.
type FieldColorModeId string

// Field colour modes.
const (
	FieldColorModeIdThresholds           FieldColorModeId = "thresholds"
	FieldColorModeIdPaletteClassic       FieldColorModeId = "palette-classic"
	FieldColorModeIdPaletteClassicByName FieldColorModeId = "palette-classic-by-name"
	FieldColorModeIdFixed                FieldColorModeId = "fixed"
	FieldColorModeIdShades               FieldColorModeId = "shades"
)

// A FieldColor colours a field.
type FieldColor struct {
	Mode       FieldColorModeId `json:"mode"`
	FixedColor *string          `json:"fixedColor,omitempty"`
}

// MappingType is the kind of a value mapping.
type MappingType string

// Mapping types.
const (
	MappingTypeValueToText  MappingType = "value"
	MappingTypeRangeToText  MappingType = "range"
	MappingTypeRegexToText  MappingType = "regex"
	MappingTypeSpecialValue MappingType = "special"
)

// A ValueMappingResult is what stands instead of a value.
type ValueMappingResult struct {
	Text  *string `json:"text,omitempty"`
	Color *string `json:"color,omitempty"`
	Icon  *string `json:"icon,omitempty"`
	Index *int32  `json:"index,omitempty"`
}

// A ValueMap maps values to words.
type ValueMap struct {
	Type    MappingType                   `json:"type"`
	Options map[string]ValueMappingResult `json:"options"`
}

// A RangeMap maps a range of values to words.
type RangeMap struct {
	Type    MappingType              `json:"type"`
	Options DashboardRangeMapOptions `json:"options"`
}

// DashboardRangeMapOptions is a range, open where nil, and its words.
type DashboardRangeMapOptions struct {
	From   *float64           `json:"from"`
	To     *float64           `json:"to"`
	Result ValueMappingResult `json:"result"`
}

// A SpecialValueMap maps null, NaN and the like to words.
type SpecialValueMap struct {
	Type    MappingType                     `json:"type"`
	Options DashboardSpecialValueMapOptions `json:"options"`
}

// DashboardSpecialValueMapOptions is a special value and its words.
type DashboardSpecialValueMapOptions struct {
	Match  SpecialValueMatch  `json:"match"`
	Result ValueMappingResult `json:"result"`
}

// SpecialValueMatch names a special value.
type SpecialValueMatch string

// Special values.
const (
	SpecialValueMatchNull       SpecialValueMatch = "null"
	SpecialValueMatchNan        SpecialValueMatch = "nan"
	SpecialValueMatchNullAndNan SpecialValueMatch = "null+nan"
	SpecialValueMatchEmpty      SpecialValueMatch = "empty"
)

// A ValueMapping is one of the maps above.
type ValueMapping = ValueMapOrRangeMapOrRegexMapOrSpecialValueMap

// ValueMapOrRangeMapOrRegexMapOrSpecialValueMap is whichever map is set.
type ValueMapOrRangeMapOrRegexMapOrSpecialValueMap struct {
	ValueMap        *ValueMap
	RangeMap        *RangeMap
	SpecialValueMap *SpecialValueMap
}

// MarshalJSON implements json.Marshaler.
func (m ValueMapOrRangeMapOrRegexMapOrSpecialValueMap) MarshalJSON() ([]byte, error) {
	switch {
	case m.ValueMap != nil:
		return json.Marshal(m.ValueMap)
	case m.RangeMap != nil:
		return json.Marshal(m.RangeMap)
	default:
		return json.Marshal(m.SpecialValueMap)
	}
}
