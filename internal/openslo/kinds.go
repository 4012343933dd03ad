package openslo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// apiVersion is what every document begins with.
const apiVersion = "openslo/v1"

// A kind is what a document declares.
type kind string

// Kinds of OpenSLO v1.
const (
	kindSLO                     kind = "SLO"
	kindSLI                     kind = "SLI"
	kindAlertPolicy             kind = "AlertPolicy"
	kindAlertCondition          kind = "AlertCondition"
	kindAlertNotificationTarget kind = "AlertNotificationTarget"
	kindService                 kind = "Service"
	kindDataSource              kind = "DataSource"
)

func kinds() []kind {
	return []kind{kindSLO, kindSLI, kindAlertPolicy, kindAlertCondition, kindAlertNotificationTarget, kindService, kindDataSource}
}

// Limits of the specification, in characters.
const (
	maxName        = 63
	maxDescription = 1050
)

// Metadata is the head of every document.
type Metadata struct {
	Name        string                    `yaml:"name"`
	DisplayName string                    `yaml:"displayName"`
	Labels      map[string]estate.Section `yaml:"labels"` // a text or a list of texts
	Annotations map[string]string         `yaml:"annotations"`
}

// labelKey and annotationKey are what the specification allows.
var (
	labelKey      = regexp.MustCompile(`^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)
	annotationKey = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)
)

// Validate implements estate.Validator. Names need not be DNS labels: the
// specification asks readers to take those at least.
func (m *Metadata) Validate() []estate.Problem {
	var ps []estate.Problem
	switch {
	case m.Name == "":
		ps = append(ps, estate.Missing("name", "write a short name such as invoice-posting-availability"))
	case utf8.RuneCountInString(m.Name) > maxName:
		ps = append(ps, estate.Problem{Field: "name", What: fmt.Sprintf("is longer than %d characters", maxName), Remedy: "write a shorter one"})
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		if !labelKey.MatchString(key) {
			ps = append(ps, estate.Problem{Field: "labels." + key, What: "is not the key of a label", Remedy: "use letters, digits, dashes, dots and underscores, at most 63"})
		}
		if !isLabel(m.Labels[key].Plain()) {
			ps = append(ps, estate.Problem{Field: "labels." + key, What: "is neither a text nor a list of texts", Remedy: "write one of the two"})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		if !annotationKey.MatchString(key) {
			ps = append(ps, estate.Problem{Field: "annotations." + key, What: "is not the key of an annotation", Remedy: "write a name, or a domain and a name such as example.com/team"})
		}
	}
	return ps
}

func isLabel(value any) bool {
	switch v := value.(type) {
	case string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { _, text := x.(string); return !text })
	default:
		return false
	}
}

// head is what documents of every kind begin with.
type head struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata"`
}

func (h *head) problems() []estate.Problem {
	if h.Metadata.Name == "" {
		return []estate.Problem{estate.Missing("metadata.name", "write a short name such as invoice-posting-availability")}
	}
	return nil
}

func describes(text string) []estate.Problem {
	if utf8.RuneCountInString(text) <= maxDescription {
		return nil
	}
	return []estate.Problem{{Field: "description", What: fmt.Sprintf("is longer than %d characters", maxDescription), Remedy: "shorten it"}}
}

// An SLO is a document of its kind.
type SLO struct {
	head
	Spec SLOSpec `yaml:"spec"`
}

// SLOSpec is what an SLO says.
type SLOSpec struct {
	Description     string        `yaml:"description"`
	Service         string        `yaml:"service"`
	Indicator       *InlineSLI    `yaml:"indicator"`
	IndicatorRef    string        `yaml:"indicatorRef"`
	TimeWindow      []TimeWindow  `yaml:"timeWindow"`
	BudgetingMethod string        `yaml:"budgetingMethod"`
	Objectives      []Objective   `yaml:"objectives"`
	AlertPolicies   []PolicyOfSLO `yaml:"alertPolicies"`
}

// Budgeting methods.
const (
	occurrences     = "Occurrences"
	timeslices      = "Timeslices"
	ratioTimeslices = "RatioTimeslices"
)

// A TimeWindow is over what the budget is reckoned.
type TimeWindow struct {
	Duration  Shorthand `yaml:"duration"`
	IsRolling *bool     `yaml:"isRolling"`
	Calendar  *Calendar `yaml:"calendar"`
}

// A Calendar says where windows begin.
type Calendar struct {
	StartTime string `yaml:"startTime"`
	TimeZone  string `yaml:"timeZone"`
}

// An Objective is one target of an SLO.
type Objective struct {
	DisplayName     string         `yaml:"displayName"`
	Op              string         `yaml:"op"`
	Value           *float64       `yaml:"value"`
	Target          *process.Share `yaml:"target"`
	TargetPercent   *Percent       `yaml:"targetPercent"`
	TimeSliceTarget *process.Share `yaml:"timeSliceTarget"`
	TimeSliceWindow SliceWindow    `yaml:"timeSliceWindow"`
	Indicator       *InlineSLI     `yaml:"indicator"`
	IndicatorRef    string         `yaml:"indicatorRef"`
	CompositeWeight *float64       `yaml:"compositeWeight"`
}

// target is the share of good events; false when it says none.
func (o *Objective) target() (process.Share, bool) {
	switch {
	case o.Target != nil:
		return *o.Target, true
	case o.TargetPercent != nil:
		return process.Share(*o.TargetPercent), true
	default:
		return 0, false
	}
}

// composite reports whether the objective has an indicator of its own.
func (o *Objective) composite() bool { return o.Indicator != nil || o.IndicatorRef != "" }

// An InlineSLI is an SLI that stands inside an SLO.
type InlineSLI struct {
	Metadata Metadata `yaml:"metadata"`
	Spec     SLISpec  `yaml:"spec"`
}

// Validate implements estate.Validator.
func (i *InlineSLI) Validate() []estate.Problem {
	if i.Metadata.Name == "" {
		return []estate.Problem{estate.Missing("metadata.name", "write a short name")}
	}
	return nil
}

// operators compare a value with the one that is wanted.
func operators() []string { return []string{"lte", "gte", "lt", "gt"} }

// Validate implements estate.Validator.
func (s *SLO) Validate() []estate.Problem { return s.problems() }

// Validate implements estate.Validator.
func (s *SLOSpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	if s.Service == "" {
		ps = append(ps, estate.Missing("service", "write the name of the service that it is an objective of"))
	}
	if p, bad := estate.OneOf("budgetingMethod", s.BudgetingMethod, occurrences, timeslices, ratioTimeslices); bad {
		ps = append(ps, p)
	}
	if len(s.TimeWindow) > 1 {
		ps = append(ps, estate.Problem{Field: "timeWindow", What: "lists more than one window", Remedy: "keep one"})
	}
	if len(s.Objectives) == 0 {
		ps = append(ps, estate.Missing("objectives", "write at least one, such as - target: 0.995"))
	}
	ps = append(ps, s.indicatorProblems()...)
	for i := range s.Objectives {
		ps = append(ps, s.objectiveProblems(fmt.Sprintf("objectives[%d]", i), &s.Objectives[i])...)
	}
	return ps
}

// indicatorProblems says what is wrong with where the indicators are.
func (s *SLOSpec) indicatorProblems() []estate.Problem {
	own := s.Indicator != nil || s.IndicatorRef != ""
	composite := slices.ContainsFunc(s.Objectives, func(o Objective) bool { return o.composite() })
	switch {
	case s.Indicator != nil && s.IndicatorRef != "":
		return []estate.Problem{{Field: "indicatorRef", What: "stands beside indicator", Remedy: "keep one of the two"}}
	case own && composite:
		return []estate.Problem{{Field: "indicator", What: "stands beside indicators of objectives", Remedy: "of a composite each objective has its own: remove this one"}}
	case !own && !composite:
		return []estate.Problem{estate.Missing("indicator", "write one, or indicatorRef with the name of an SLI")}
	}
	return nil
}

func (s *SLOSpec) objectiveProblems(at string, o *Objective) []estate.Problem {
	var ps []estate.Problem
	bad := func(is bool, field, what, remedy string) {
		if is {
			ps = append(ps, estate.Problem{Field: at + field, What: what, Remedy: remedy})
		}
	}
	target, said := o.target()
	bad(o.Target != nil && o.TargetPercent != nil, ".targetPercent", "stands beside target", "keep one of the two")
	bad(!said, ".target", "is missing", "write the share of good events, such as 0.995, or targetPercent: 99.5")
	bad(said && target >= process.Whole, ".target", "1 leaves no error budget", "use a value below 1, such as 0.999")
	bad(o.Op != "" && !slices.Contains(operators(), o.Op), ".op", fmt.Sprintf("is no operator: %q", o.Op), "write lte, gte, lt or gt")
	bad(o.Indicator != nil && o.IndicatorRef != "", ".indicatorRef", "stands beside indicator", "keep one of the two")
	bad(o.CompositeWeight != nil && !(*o.CompositeWeight > 0), ".compositeWeight", "is not above 0", "write how much it weighs beside the others, such as 2")
	composite := slices.ContainsFunc(s.Objectives, func(o Objective) bool { return o.composite() })
	bad(composite && !o.composite(), ".indicator", "is missing", "of a composite each objective has its own indicator")
	sliced := s.BudgetingMethod == timeslices || s.BudgetingMethod == ratioTimeslices
	bad(sliced && o.TimeSliceWindow == 0, ".timeSliceWindow", "is missing with "+s.BudgetingMethod, "write how long a slice is, such as 5m")
	bad(s.BudgetingMethod == timeslices && o.TimeSliceTarget == nil, ".timeSliceTarget", "is missing with Timeslices", "write what share of a slice must be good, such as 0.95")
	bad(o.TimeSliceTarget != nil && *o.TimeSliceTarget == 0, ".timeSliceTarget", "is 0", "write a share above 0")
	indicator := s.Indicator
	if o.Indicator != nil {
		indicator = o.Indicator
	}
	if indicator != nil && indicator.Spec.ThresholdMetric != nil {
		bad(o.Op == "", ".op", "is missing with a thresholdMetric", "write lte, gte, lt or gt")
		bad(o.Value == nil, ".value", "is missing with a thresholdMetric", "write what the metric is compared with")
	}
	return ps
}

// Validate implements estate.Validator.
func (w *TimeWindow) Validate() []estate.Problem {
	var ps []estate.Problem
	if w.Duration.IsZero() {
		ps = append(ps, estate.Missing("duration", "write 30d, or 1M with a calendar"))
	}
	switch {
	case w.rolling() && w.Calendar != nil:
		ps = append(ps, estate.Problem{Field: "calendar", What: "stands beside isRolling: true", Remedy: "keep one of the two"})
	case !w.rolling() && w.Calendar == nil:
		ps = append(ps, estate.Missing("calendar", "write startTime and timeZone, or isRolling: true"))
	}
	return ps
}

func (w *TimeWindow) rolling() bool { return w.IsRolling != nil && *w.IsRolling }

// Validate implements estate.Validator.
func (c *Calendar) Validate() []estate.Problem {
	var ps []estate.Problem
	if _, err := time.Parse(time.DateTime, c.StartTime); err != nil {
		ps = append(ps, estate.Problem{Field: "startTime", What: "is not a date with a time", Remedy: "write 2026-01-01 00:00:00"})
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		ps = append(ps, estate.Problem{Field: "timeZone", What: "is not a time zone", Remedy: "write a name such as Europe/Vienna, or UTC"})
	}
	return ps
}

// An SLI is a document of its kind.
type SLI struct {
	head
	Spec SLISpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (s *SLI) Validate() []estate.Problem { return s.problems() }

// SLISpec is what an SLI says: one of its metrics.
type SLISpec struct {
	Description     string  `yaml:"description"`
	ThresholdMetric *Metric `yaml:"thresholdMetric"`
	RatioMetric     *Ratio  `yaml:"ratioMetric"`
}

// Validate implements estate.Validator.
func (s *SLISpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	switch {
	case s.ThresholdMetric == nil && s.RatioMetric == nil:
		ps = append(ps, estate.Problem{What: "has no metric", Remedy: "write a ratioMetric or a thresholdMetric"})
	case s.ThresholdMetric != nil && s.RatioMetric != nil:
		ps = append(ps, estate.Problem{Field: "thresholdMetric", What: "stands beside ratioMetric", Remedy: "keep one of the two"})
	}
	return ps
}

// A Metric is where a number comes from.
type Metric struct {
	MetricSource MetricSource `yaml:"metricSource"`
}

// A MetricSource is a query in its source's own terms.
type MetricSource struct {
	MetricSourceRef string         `yaml:"metricSourceRef"`
	Type            string         `yaml:"type"`
	Spec            estate.Section `yaml:"spec"`
}

// Validate implements estate.Validator.
func (m *Metric) Validate() []estate.Problem {
	s := &m.MetricSource
	if asked, ok := s.Spec.Plain().(map[string]any); s.Spec.IsZero() || !ok || len(asked) == 0 {
		return []estate.Problem{estate.Missing("metricSource.spec", "write what the source is asked, such as query: sum(events_total)")}
	}
	return nil
}

// A Ratio is good or bad of total, or a ratio that is there already.
type Ratio struct {
	Counter bool    `yaml:"counter"`
	Good    *Metric `yaml:"good"`
	Bad     *Metric `yaml:"bad"`
	Total   *Metric `yaml:"total"`
	RawType string  `yaml:"rawType"`
	Raw     *Metric `yaml:"raw"`
}

// Validate implements estate.Validator.
func (r *Ratio) Validate() []estate.Problem {
	var ps []estate.Problem
	switch parts := r.Good != nil || r.Bad != nil; {
	case r.Raw != nil && (parts || r.Total != nil):
		ps = append(ps, estate.Problem{Field: "raw", What: "stands beside good, bad or total", Remedy: "write either the ratio or what it is made of"})
	case r.Raw != nil:
		if p, bad := estate.OneOf("rawType", r.RawType, "success", "failure"); bad {
			ps = append(ps, p)
		}
	case r.Total == nil:
		ps = append(ps, estate.Missing("total", "write all events beside good or bad"))
	case r.Good != nil && r.Bad != nil:
		ps = append(ps, estate.Problem{Field: "bad", What: "stands beside good", Remedy: "keep one of the two"})
	case !parts:
		ps = append(ps, estate.Missing("good", "write the good events, or bad"))
	}
	return ps
}

// An AlertPolicy is a document of its kind.
type AlertPolicy struct {
	head
	Spec AlertPolicySpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (p *AlertPolicy) Validate() []estate.Problem { return p.problems() }

// AlertPolicySpec is what an alert policy says.
type AlertPolicySpec struct {
	Description         string              `yaml:"description"`
	AlertWhenNoData     *bool               `yaml:"alertWhenNoData"`
	AlertWhenResolved   *bool               `yaml:"alertWhenResolved"`
	AlertWhenBreaching  *bool               `yaml:"alertWhenBreaching"`
	Conditions          []ConditionOfPolicy `yaml:"conditions"`
	NotificationTargets []TargetOfPolicy    `yaml:"notificationTargets"`
}

// Validate implements estate.Validator.
func (s *AlertPolicySpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	if len(s.Conditions) != 1 {
		ps = append(ps, estate.Problem{Field: "conditions", What: fmt.Sprintf("are %d", len(s.Conditions)), Remedy: "write exactly one: the specification allows no more"})
	}
	if len(s.NotificationTargets) == 0 {
		ps = append(ps, estate.Missing("notificationTargets", "write at least one, such as - targetRef: on-call"))
	}
	return ps
}

// A PolicyOfSLO is an alert policy of an SLO: written there, or by name.
type PolicyOfSLO struct {
	AlertPolicyRef string           `yaml:"alertPolicyRef"`
	APIVersion     string           `yaml:"apiVersion"`
	Kind           string           `yaml:"kind"`
	Metadata       Metadata         `yaml:"metadata"`
	Spec           *AlertPolicySpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (p *PolicyOfSLO) Validate() []estate.Problem {
	return inlineProblems(kindAlertPolicy, "alertPolicyRef", p.AlertPolicyRef, p.Kind, p.Metadata, p.Spec != nil)
}

// A ConditionOfPolicy is an alert condition: written there, or by name.
type ConditionOfPolicy struct {
	ConditionRef string         `yaml:"conditionRef"`
	APIVersion   string         `yaml:"apiVersion"`
	Kind         string         `yaml:"kind"`
	Metadata     Metadata       `yaml:"metadata"`
	Spec         *ConditionSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (c *ConditionOfPolicy) Validate() []estate.Problem {
	return inlineProblems(kindAlertCondition, "conditionRef", c.ConditionRef, c.Kind, c.Metadata, c.Spec != nil)
}

// A TargetOfPolicy is who is told: written there, or by name.
type TargetOfPolicy struct {
	TargetRef  string      `yaml:"targetRef"`
	APIVersion string      `yaml:"apiVersion"`
	Kind       string      `yaml:"kind"`
	Metadata   Metadata    `yaml:"metadata"`
	Spec       *TargetSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (t *TargetOfPolicy) Validate() []estate.Problem {
	return inlineProblems(kindAlertNotificationTarget, "targetRef", t.TargetRef, t.Kind, t.Metadata, t.Spec != nil)
}

// inlineProblems says what is wrong with something that is either referred to
// or written out.
func inlineProblems(is kind, refKey, ref, said string, m Metadata, spec bool) []estate.Problem {
	switch {
	case ref != "" && (said != "" || spec):
		return []estate.Problem{{Field: refKey, What: "stands beside one that is written out", Remedy: "keep one of the two"}}
	case ref != "":
		return nil
	case !spec:
		return []estate.Problem{{What: "is neither written out nor referred to", Remedy: fmt.Sprintf("write %s: NAME, or kind: %s with metadata and spec", refKey, is)}}
	case kind(said) != is:
		return []estate.Problem{{Field: "kind", What: "is not " + string(is), Remedy: "write kind: " + string(is)}}
	case m.Name == "":
		return []estate.Problem{estate.Missing("metadata.name", "write a short name")}
	}
	return nil
}

// An AlertCondition is a document of its kind.
type AlertCondition struct {
	head
	Spec ConditionSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (c *AlertCondition) Validate() []estate.Problem { return c.problems() }

// ConditionSpec is when there is an alert.
type ConditionSpec struct {
	Description string    `yaml:"description"`
	Severity    string    `yaml:"severity"`
	Condition   Condition `yaml:"condition"`
}

// Validate implements estate.Validator.
func (s *ConditionSpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	if s.Severity == "" {
		ps = append(ps, estate.Missing("severity", "write page or ticket"))
	}
	if s.Condition.Op == "" && s.Condition.Kind == "" {
		ps = append(ps, estate.Missing("condition", "write kind: burnrate with op, threshold and lookbackWindow"))
	}
	return ps
}

// burnrate is the one kind of condition there is.
const burnrate = "burnrate"

// A Condition compares a burn rate.
type Condition struct {
	Kind           string    `yaml:"kind"`
	Op             string    `yaml:"op"`
	Threshold      *float64  `yaml:"threshold"`
	LookbackWindow Shorthand `yaml:"lookbackWindow"`
	AlertAfter     Shorthand `yaml:"alertAfter"`
}

// Validate implements estate.Validator. A condition that says nothing at all is
// told where it stands.
func (c *Condition) Validate() []estate.Problem {
	if *c == (Condition{}) {
		return nil
	}
	var ps []estate.Problem
	if c.Kind != "" && c.Kind != burnrate {
		ps = append(ps, estate.Problem{Field: "kind", What: fmt.Sprintf("is not known: %q", c.Kind), Remedy: "write burnrate"})
	}
	if p, bad := estate.OneOf("op", c.Op, operators()...); bad {
		ps = append(ps, p)
	}
	if c.Threshold == nil {
		ps = append(ps, estate.Missing("threshold", "write the burn rate, such as 14.4"))
	}
	if c.LookbackWindow.IsZero() {
		ps = append(ps, estate.Missing("lookbackWindow", "write how far it looks back, such as 1h"))
	}
	return ps
}

// An AlertNotificationTarget is a document of its kind.
type AlertNotificationTarget struct {
	head
	Spec TargetSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (t *AlertNotificationTarget) Validate() []estate.Problem { return t.problems() }

// TargetSpec is who is told.
type TargetSpec struct {
	Description string `yaml:"description"`
	Target      string `yaml:"target"`
}

// Validate implements estate.Validator.
func (s *TargetSpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	if s.Target == "" {
		ps = append(ps, estate.Missing("target", "write what is told, such as email or slack"))
	}
	return ps
}

// A Service is a document of its kind.
type Service struct {
	head
	Spec ServiceSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (s *Service) Validate() []estate.Problem { return s.problems() }

// ServiceSpec is what a service says.
type ServiceSpec struct {
	Description string `yaml:"description"`
}

// Validate implements estate.Validator.
func (s *ServiceSpec) Validate() []estate.Problem { return describes(s.Description) }

// A DataSource is a document of its kind.
type DataSource struct {
	head
	Spec DataSourceSpec `yaml:"spec"`
}

// Validate implements estate.Validator.
func (d *DataSource) Validate() []estate.Problem { return d.problems() }

// DataSourceSpec is how a source is connected to, in its own terms.
type DataSourceSpec struct {
	Description       string         `yaml:"description"`
	Type              string         `yaml:"type"`
	ConnectionDetails estate.Section `yaml:"connectionDetails"`
}

// Validate implements estate.Validator.
func (s *DataSourceSpec) Validate() []estate.Problem {
	ps := describes(s.Description)
	if s.Type == "" {
		ps = append(ps, estate.Missing("type", "write what the source is, such as Prometheus"))
	}
	if s.ConnectionDetails.IsZero() {
		ps = append(ps, estate.Missing("connectionDetails", "write how it is connected to, such as url: http://127.0.0.1:9090"))
	}
	return ps
}
