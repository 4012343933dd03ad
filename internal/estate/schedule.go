package estate

// writes is the level at which a flow posts, in the synthetic company only.
const writes = "L3"

// Schedule says which synthetic flows run, where, how often and how far they
// go.
type Schedule struct {
	Paused bool                    `yaml:"paused"` // the kill switch: no flow writes
	Flows  map[string]FlowSchedule `yaml:"flows"`
}

// A FlowSchedule is one flow's. What it does not say is the flow's own default.
type FlowSchedule struct {
	Enabled   *bool     `yaml:"enabled"`
	Component string    `yaml:"component"` // the Odoo component driven; empty: every one
	Level     string    `yaml:"level"`     // L0, L1 or L3, a flow.Level; empty: the flow's safest
	Interval  *Duration `yaml:"interval"`
	Timeout   *Duration `yaml:"timeout"`
	Approval  *Approval `yaml:"approval"`
	Settings  Section   `yaml:"settings"` // decoded by the flow
}

// An Approval says who allowed a flow to write in production, and when.
type Approval struct {
	By string `yaml:"by"`
	On Date   `yaml:"on"`
}

// IsEnabled reports whether the flow runs at all.
func (f FlowSchedule) IsEnabled() bool { return f.Enabled == nil || *f.Enabled }

// Validate implements Validator.
func (f *FlowSchedule) Validate() []Problem {
	var ps []Problem
	if p, bad := OneOf("level", f.Level, "L0", "L1", writes); bad && f.Level != "" {
		ps = append(ps, p)
	}
	if f.Interval != nil && *f.Interval == 0 {
		ps = append(ps, Problem{"interval", "is 0", "write how often it runs, such as 5m"})
	}
	if f.Timeout != nil && *f.Timeout == 0 {
		ps = append(ps, Problem{"timeout", "is 0", "write how long a run may take, such as 30s"})
	}
	if f.Interval != nil && f.Timeout != nil && *f.Timeout > *f.Interval {
		ps = append(ps, Problem{"timeout", "is longer than the interval", "make it shorter: a flow never runs beside itself"})
	}
	return ps
}

// Validate implements Validator.
func (a *Approval) Validate() []Problem {
	var ps []Problem
	if a.By == "" {
		ps = append(ps, Missing("by", "write the role that approved it, such as controller"))
	}
	if a.On.IsZero() {
		ps = append(ps, Missing("on", "write the date of the approval, such as 2026-11-02"))
	}
	return ps
}
