package panel

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// DisplayName sets the name of every field.
func (b *Base[B]) DisplayName(displayName string) B {
	b.defaults().DisplayName = &displayName
	return b.self
}

// Unit sets the unit of the values: "s", "bytes", "percentunit".
func (b *Base[B]) Unit(unit string) B {
	b.defaults().Unit = &unit
	return b.self
}

// Decimals sets how many decimals are shown.
func (b *Base[B]) Decimals(decimals float64) B {
	b.defaults().Decimals = &decimals
	return b.self
}

// Min sets the lower end of the scale.
func (b *Base[B]) Min(min float64) B {
	b.defaults().Min = &min
	return b.self
}

// Max sets the upper end of the scale.
func (b *Base[B]) Max(max float64) B {
	b.defaults().Max = &max
	return b.self
}

// NoValue sets the words for no value.
func (b *Base[B]) NoValue(noValue string) B {
	b.defaults().NoValue = &noValue
	return b.self
}

// Mappings sets the words for values.
func (b *Base[B]) Mappings(mappings []dashboard.ValueMapping) B {
	b.defaults().Mappings = mappings
	return b.self
}

// Thresholds sets the thresholds.
func (b *Base[B]) Thresholds(thresholds cog.Builder[dashboard.ThresholdsConfig]) B {
	var v dashboard.ThresholdsConfig
	Set(b, "fieldConfig.defaults.thresholds", &v, thresholds)
	b.defaults().Thresholds = &v
	return b.self
}

// ColorScheme sets where colours come from.
func (b *Base[B]) ColorScheme(color cog.Builder[dashboard.FieldColor]) B {
	var v dashboard.FieldColor
	Set(b, "fieldConfig.defaults.color", &v, color)
	b.defaults().Color = &v
	return b.self
}

// DataLinks sets the links of the values.
func (b *Base[B]) DataLinks(links []cog.Builder[dashboard.DashboardLink]) B {
	SetAll(b, "fieldConfig.defaults.links", &b.defaults().Links, links)
	return b.self
}

// WithOverride changes the look of the fields a matcher selects.
func (b *Base[B]) WithOverride(matcher dashboard.MatcherConfig, properties []dashboard.DynamicConfigValue) B {
	b.panel.FieldConfig.Overrides = append(b.panel.FieldConfig.Overrides,
		dashboard.DashboardFieldConfigSourceOverrides{Matcher: matcher, Properties: properties})
	return b.self
}

// OverrideByName changes the look of one field.
func (b *Base[B]) OverrideByName(name string, properties []dashboard.DynamicConfigValue) B {
	return b.WithOverride(dashboard.MatcherConfig{Id: "byName", Options: name}, properties)
}

// OverrideByRegexp changes the look of fields by their names.
func (b *Base[B]) OverrideByRegexp(regexp string, properties []dashboard.DynamicConfigValue) B {
	return b.WithOverride(dashboard.MatcherConfig{Id: "byRegexp", Options: regexp}, properties)
}

// OverrideByFieldType changes the look of fields by their type.
func (b *Base[B]) OverrideByFieldType(fieldType string, properties []dashboard.DynamicConfigValue) B {
	return b.WithOverride(dashboard.MatcherConfig{Id: "byType", Options: fieldType}, properties)
}

// OverrideByQuery changes the look of the fields one target answered.
func (b *Base[B]) OverrideByQuery(queryRefId string, properties []dashboard.DynamicConfigValue) B {
	return b.WithOverride(dashboard.MatcherConfig{Id: "byFrameRefID", Options: queryRefId}, properties)
}
