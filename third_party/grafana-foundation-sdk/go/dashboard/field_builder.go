package dashboard

// ThresholdsConfigBuilder builds ThresholdsConfig.
type ThresholdsConfigBuilder struct{ v ThresholdsConfig }

// NewThresholdsConfigBuilder starts absolute, without a step.
func NewThresholdsConfigBuilder() *ThresholdsConfigBuilder {
	return &ThresholdsConfigBuilder{v: ThresholdsConfig{Mode: ThresholdsModeAbsolute, Steps: []Threshold{}}}
}

// Build returns the thresholds.
func (b *ThresholdsConfigBuilder) Build() (ThresholdsConfig, error) { return b.v, nil }

// Mode sets what the values are a part of.
func (b *ThresholdsConfigBuilder) Mode(mode ThresholdsMode) *ThresholdsConfigBuilder {
	b.v.Mode = mode
	return b
}

// Steps sets the thresholds, lowest first.
func (b *ThresholdsConfigBuilder) Steps(steps []Threshold) *ThresholdsConfigBuilder {
	b.v.Steps = steps
	return b
}

// FieldColorBuilder builds FieldColor.
type FieldColorBuilder struct{ v FieldColor }

// NewFieldColorBuilder starts empty.
func NewFieldColorBuilder() *FieldColorBuilder { return &FieldColorBuilder{} }

// Build returns the colour.
func (b *FieldColorBuilder) Build() (FieldColor, error) { return b.v, nil }

// Mode sets where the colour comes from.
func (b *FieldColorBuilder) Mode(mode FieldColorModeId) *FieldColorBuilder {
	b.v.Mode = mode
	return b
}

// FixedColor sets the colour of the mode fixed.
func (b *FieldColorBuilder) FixedColor(fixedColor string) *FieldColorBuilder {
	b.v.FixedColor = &fixedColor
	return b
}
