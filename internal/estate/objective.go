package estate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
)

// An ObjectiveOverride changes one objective of a process, or adds one.
type ObjectiveOverride struct {
	Enabled           *bool                  `yaml:"enabled"` // false: the estate has no such objective
	Kind              *process.ObjectiveKind `yaml:"kind"`    // that of its name, or the catalogue's
	Target            *process.Share         `yaml:"target"`  // 0.999 or 99.9%
	Every             *bool                  `yaml:"every"`   // none may be missed
	Threshold         *Duration              `yaml:"threshold"`
	CriticalTarget    *process.Share         `yaml:"criticalTarget"`
	CriticalThreshold *Duration              `yaml:"criticalThreshold"`
	CriticalOnly      *bool                  `yaml:"criticalOnly"`
	Says              *string                `yaml:"says"`
	Indicator         *Indicator             `yaml:"indicator"` // what it is measured on; default: flows and users, or the catalogue's
	Budget            *Budget                `yaml:"budget"`
}

// An Indicator says what an objective is measured on: one of its forms.
type Indicator struct {
	Total     *Series  `yaml:"total"` // counters: all events, and those that were good or bad
	Good      *Series  `yaml:"good"`
	Bad       *Series  `yaml:"bad"`
	Histogram *Series  `yaml:"histogram"` // of durations: within the threshold is good
	Oldest    *Series  `yaml:"oldest"`    // Unix timestamp: waiting no longer than the threshold is good
	Idle      *Series  `yaml:"idle"`      // is there when nothing waits, too
	Value     *Series  `yaml:"value"`     // good up to atMost, from atLeast, or dated
	AtMost    *float64 `yaml:"atMost"`
	AtLeast   *float64 `yaml:"atLeast"`
	Dated     *int     `yaml:"dated"` // with due: at most so many working days before the day it is due
	Due       string   `yaml:"due"`   // judges value on occasions: WD+2 18:00, every working day 10:00
	Work      string   `yaml:"work"`  // what a piece of scheduled work says
}

// A Series names published series: those of a metric whose labels have the
// values. A value may be several, with | between them.
type Series struct {
	Metric string            `yaml:"metric"`
	Labels map[string]string `yaml:"labels"`
}

// A Budget says how an objective's error budget is reckoned.
type Budget struct {
	Window      process.BudgetWindow     `yaml:"window"`      // outside the critical window: rolling, month or fiscal
	Slice       Duration                 `yaml:"slice"`       // count slices of time, not events
	SliceTarget process.Share            `yaml:"sliceTarget"` // of a slice's events; default: the target
	EmptySlice  process.EmptySlice       `yaml:"emptySlice"`  // exclude, good or bad
	Weights     map[string]int           `yaml:"weights"`     // of events, by phase
	Shares      map[string]process.Share `yaml:"shares"`      // of the period's budget, by phase
	Policy      []PolicyStep             `yaml:"policy"`      // replaces the usual one; of no steps: none
	PolicySince Date                     `yaml:"policySince"` // UTC
}

// A PolicyStep is what is agreed on when at most so much of a budget is left.
type PolicyStep struct {
	Left  *process.Share      `yaml:"left"`
	Phase string              `yaml:"phase"` // default: any
	State process.PolicyState `yaml:"state"`
}

// Validate implements Validator.
func (o *ObjectiveOverride) Validate() []Problem {
	var ps []Problem
	if o.Kind != nil {
		ps = appendOneOf(ps, "kind", *o.Kind, process.ObjectiveKinds())
	}
	ps = appendTarget(ps, "target", o.Target)
	ps = appendTarget(ps, "criticalTarget", o.CriticalTarget)
	if o.Target != nil && o.CriticalTarget != nil && *o.CriticalTarget < *o.Target {
		ps = append(ps, Problem{"criticalTarget", "is lower than target", "write a share that is at least as high: the critical window matters more"})
	}
	if o.Target != nil && o.Every != nil && *o.Every {
		ps = append(ps, Problem{"every", "leaves no room for a target", "write a target, or every: true"})
	}
	for field, d := range map[string]*Duration{"threshold": o.Threshold, "criticalThreshold": o.CriticalThreshold} {
		if d != nil && *d == 0 {
			ps = append(ps, Problem{field, "is 0", "write how fast is fast enough, such as 3s"})
		}
	}
	return ps
}

func appendTarget(ps []Problem, field string, target *process.Share) []Problem {
	switch {
	case target == nil || *target > 0 && *target < process.Whole:
		return ps
	case *target == process.Whole:
		return append(ps, Problem{field, "1 leaves no error budget", "use a value below 1, such as 0.999"})
	default:
		return append(ps, Problem{field, "is no share of good events: " + target.String(), "use a share above 0 and below 1, such as 0.995"})
	}
}

// Validate implements Validator.
func (s *Series) Validate() []Problem {
	ps := metricProblems(nil, s.Metric, "odoo_queue_jobs_done_total")
	for name, value := range s.Labels {
		if strings.Trim(value, "|") != value || value == "" || strings.Contains(value, "||") {
			ps = append(ps, Problem{"labels." + name, "is empty, or one of its values is", "write the value that its series have, or several with | between them"})
		}
	}
	return ps
}

func metricProblems(ps []Problem, metric, such string) []Problem {
	switch {
	case metric == "":
		return append(ps, Missing("metric", "write the name of a published metric, such as "+such))
	case !model.LegacyValidation.IsValidMetricName(metric):
		return append(ps, Problem{"metric", fmt.Sprintf("is not the name of a metric: %q", metric), "write a name such as " + such})
	}
	return ps
}

// Validate implements Validator.
func (i *Indicator) Validate() []Problem {
	forms := 0
	for _, is := range []bool{i.Total != nil || i.Good != nil || i.Bad != nil, i.Histogram != nil, i.Oldest != nil || i.Idle != nil, i.Value != nil, i.Work != ""} {
		if is {
			forms++
		}
	}
	if forms != 1 {
		return []Problem{{"", "must have one form", "write {total, bad}, {total, good}, {histogram}, {oldest, idle}, {value, atMost} or {work}"}}
	}
	switch {
	case i.Histogram != nil && i.Histogram.Metric != "" && !strings.HasSuffix(i.Histogram.Metric, "_seconds"):
		return []Problem{{"histogram.metric", "is not in seconds: " + clip(i.Histogram.Metric), "write a histogram of durations whose name ends in _seconds"}}
	case i.Total == nil && (i.Good != nil || i.Bad != nil):
		return []Problem{Missing("total", "write the counter of all events beside good or bad")}
	case i.Total != nil && (i.Good == nil) == (i.Bad == nil):
		return []Problem{{"total", "is not told good from bad", "write either good or bad beside it"}}
	case i.Oldest == nil && i.Idle != nil:
		return []Problem{Missing("oldest", "write the metric that tells since when the oldest waits")}
	}
	return i.valueProblems()
}

// valueProblems checks what goes with value.
func (i *Indicator) valueProblems() []Problem {
	goals := 0
	for _, is := range []bool{i.AtMost != nil, i.AtLeast != nil, i.Dated != nil} {
		if is {
			goals++
		}
	}
	var ps []Problem
	switch {
	case i.Value == nil && (goals > 0 || i.Due != ""):
		return []Problem{{"", "says what is good of no value", "write value: {metric: NAME} beside atMost, atLeast, dated and due"}}
	case i.Value == nil:
		return nil
	case goals != 1:
		ps = append(ps, Problem{"value", "is not told good from bad", "write one of atMost: 0, atLeast: 1 and dated: 1 beside it"})
	case i.Dated != nil && (*i.Dated < 0 || *i.Dated > mostDated):
		ps = append(ps, Problem{"dated", fmt.Sprintf("is out of range: %d", *i.Dated), fmt.Sprintf("write how many working days old the newest may be, 0 to %d", mostDated)})
	case i.Dated != nil && i.Due == "":
		ps = append(ps, Missing("due", "write on which occasion the date is looked at, such as WD+2 18:00"))
	}
	if i.Due == "" {
		return ps
	}
	if _, err := calendar.ParseRecurrence(i.Due); err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		ps = append(ps, Problem{"due", what, remedy})
	}
	return ps
}

// Bounds of slices: the least that says something about a service, and the most
// that leaves enough of them.
const (
	leastSlice = time.Minute
	mostSlice  = 24 * time.Hour
)

// mostWeight is slo.MaxWeight.
const mostWeight = 100

// Validate implements Validator.
func (b *Budget) Validate() []Problem {
	var ps []Problem
	if b.Window != "" {
		ps = appendOneOf(ps, "window", b.Window, []process.BudgetWindow{process.RollingWindow, process.MonthWindow, process.FiscalWindow})
	}
	if b.EmptySlice != "" {
		ps = appendOneOf(ps, "emptySlice", b.EmptySlice, process.EmptySlices())
	}
	switch d := b.Slice.D(); {
	case d == 0 && (b.SliceTarget != 0 || b.EmptySlice != ""):
		ps = append(ps, Missing("slice", "write how long a slice is, such as 5m, or remove sliceTarget and emptySlice"))
	case d != 0 && (d < leastSlice || d > mostSlice || (24*time.Hour)%d != 0):
		ps = append(ps, Problem{"slice", "is not a part of a day: " + model.Duration(d).String(), "write 1m, 5m, 15m or 1h"})
	}
	if b.SliceTarget != 0 {
		ps = appendTarget(ps, "sliceTarget", &b.SliceTarget)
	}
	for _, phase := range slices.Sorted(maps.Keys(b.Weights)) {
		ps = appendPhase(ps, "weights."+phase, phase)
		if w := b.Weights[phase]; w < 1 || w > mostWeight {
			ps = append(ps, Problem{"weights." + phase, fmt.Sprintf("is out of range: %d", w), fmt.Sprintf("write 1 to %d: more would hide all that happens in other phases", mostWeight)})
		}
	}
	return append(b.shareProblems(ps), b.policyProblems()...)
}

func (b *Budget) shareProblems(ps []Problem) []Problem {
	sum := process.Share(0)
	for _, phase := range slices.Sorted(maps.Keys(b.Shares)) {
		ps = appendPhase(ps, "shares."+phase, phase)
		if b.Shares[phase] == 0 {
			ps = append(ps, Problem{"shares." + phase, "is 0", "write what part of the budget is kept for the phase, such as 25%"})
		}
		sum += b.Shares[phase]
	}
	if sum > process.Whole {
		ps = append(ps, Problem{"shares", "add up to more than the budget: " + sum.String(), "write shares that add up to at most 1"})
	}
	return ps
}

func (b *Budget) policyProblems() []Problem {
	var ps []Problem
	for i, s := range b.Policy {
		at := fmt.Sprintf("policy[%d]", i)
		if s.Left == nil {
			ps = append(ps, Missing(at+".left", "write how much of the budget is left, such as 25%, or 0"))
		}
		if s.Phase != "" {
			ps = appendPhase(ps, at+".phase", s.Phase)
		}
		ps = appendOneOf(ps, at+".state", s.State, process.PolicyStates())
	}
	if len(b.Policy) == 0 && !b.PolicySince.IsZero() {
		ps = append(ps, Missing("policy", "write the steps that hold since then, or remove policySince"))
	}
	return ps
}

func appendPhase(ps []Problem, field, phase string) []Problem {
	return appendOneOf(ps, field, calendar.Phase(phase), calendar.Phases()[1:]) // all but unknown
}

// objectives changes given ones and appends new ones in the order of their
// names.
func (o ProcessOverride) objectives(given []process.Objective) []process.Objective {
	if o.Objectives == nil {
		return given
	}
	var out []process.Objective
	for _, objective := range given {
		if change, ok := o.Objectives[objective.Name]; !ok {
			out = append(out, objective)
		} else if change.isEnabled() {
			out = append(out, change.apply(objective))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Objectives)) {
		had := slices.ContainsFunc(given, func(objective process.Objective) bool { return objective.Name == name })
		if change := o.Objectives[name]; !had && change.isEnabled() {
			out = append(out, change.apply(process.Objective{Name: name, Kind: change.kindOf(name)}))
		}
	}
	return out
}

func (o ObjectiveOverride) isEnabled() bool { return o.Enabled == nil || *o.Enabled }

// kindOf is the kind that is said, or the one the name is that of.
func (o ObjectiveOverride) kindOf(name string) process.ObjectiveKind {
	if o.Kind != nil {
		return *o.Kind
	}
	if kind := process.ObjectiveKind(name); slices.Contains(process.ObjectiveKinds(), kind) {
		return kind
	}
	return ""
}

// apply changes an objective. It has a target, or none of its events may be
// missed: saying one takes the other back.
func (o ObjectiveOverride) apply(objective process.Objective) process.Objective {
	set(&objective.Kind, o.Kind)
	if o.Target != nil {
		objective.Target, objective.Every = *o.Target, false
	}
	set(&objective.CriticalTarget, o.CriticalTarget)
	set(&objective.Every, o.Every)
	if objective.Every {
		objective.Target, objective.CriticalTarget = 0, 0
	}
	setDuration(&objective.Threshold, o.Threshold)
	setDuration(&objective.CriticalThreshold, o.CriticalThreshold)
	set(&objective.CriticalOnly, o.CriticalOnly)
	set(&objective.Says, o.Says)
	if o.Indicator != nil {
		objective.Indicator, objective.Unmeasured = o.Indicator.indicator(), ""
	}
	if o.Budget != nil {
		objective.Budget = o.Budget.budget()
	}
	return objective
}

func (i *Indicator) indicator() *process.Indicator {
	series := func(s *Series) *process.Series {
		if s == nil {
			return nil
		}
		return &process.Series{Metric: s.Metric, Labels: maps.Clone(s.Labels)}
	}
	return &process.Indicator{
		Total: series(i.Total), Good: series(i.Good), Bad: series(i.Bad), Histogram: series(i.Histogram),
		Oldest: series(i.Oldest), Idle: series(i.Idle), Value: series(i.Value),
		AtMost: i.AtMost, AtLeast: i.AtLeast, Dated: i.Dated, Due: i.Due, Work: i.Work,
	}
}

func (b *Budget) budget() process.Budget {
	out := process.Budget{
		Window: b.Window, Slice: b.Slice.D(), SliceTarget: b.SliceTarget, EmptySlice: b.EmptySlice,
		Weights: maps.Clone(b.Weights), Shares: maps.Clone(b.Shares),
	}
	if !b.PolicySince.IsZero() {
		out.PolicySince = time.Date(b.PolicySince.Year, b.PolicySince.Month, b.PolicySince.Day, 0, 0, 0, 0, time.UTC)
	}
	if b.Policy != nil { // no steps are no policy
		out.Policy = []process.PolicyStep{}
	}
	for _, s := range b.Policy {
		if s.Left != nil {
			out.Policy = append(out.Policy, process.PolicyStep{Left: *s.Left, Phase: s.Phase, State: s.State})
		}
	}
	return out
}
