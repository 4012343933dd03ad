package estate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
)

// A ProcessOverride is what an estate says differently about a process of the
// catalogue. What it does not say stays: a nil pointer or list is not said.
// Lists replace the catalogue's, they do not add to it; objectives are changed
// one by one.
type ProcessOverride struct {
	Enabled         *bool                        `yaml:"enabled"` // false: this estate has no such process
	Title           *string                      `yaml:"title"`
	Tier            *process.ServiceTier         `yaml:"tier"`
	CloseTier       *process.ServiceTier         `yaml:"closeTier"`
	CriticalWindow  []CriticalWindow             `yaml:"criticalWindow"`
	RTO             *Duration                    `yaml:"rto"`
	RPO             *Duration                    `yaml:"rpo"`
	RTOCritical     *Duration                    `yaml:"rtoCritical"`
	RPOCritical     *Duration                    `yaml:"rpoCritical"`
	Refetch         *string                      `yaml:"refetch"` // records that lost work is had again from
	Needs           []Need                       `yaml:"needs"`
	Flows           []string                     `yaml:"flows"`
	Operations      []string                     `yaml:"operations"`
	Progress        *string                      `yaml:"progress"`
	Work            []Work                       `yaml:"work"`
	Objectives      map[string]ObjectiveOverride `yaml:"objectives"`
	Team            *string                      `yaml:"team"`
	Owner           *string                      `yaml:"owner"`
	Vendor          *string                      `yaml:"vendor"`
	Responsibility  *Responsibility              `yaml:"responsibility"`
	Stops           *string                      `yaml:"stops"`
	Symptoms        []Symptom                    `yaml:"symptoms"`
	Meanwhile       *string                      `yaml:"meanwhile"`
	Workaround      *string                      `yaml:"workaround"`
	WorkaroundAfter *Duration                    `yaml:"workaroundAfter"`
	DoFirst         []string                     `yaml:"doFirst"`
	DoNot           []string                     `yaml:"doNot"`
}

// A CriticalWindow is when a process is in its critical window: between two working
// days around a period end, before each of its deadlines, or always.
type CriticalWindow struct {
	From       WindowDay `yaml:"from"` // WD-2
	To         WindowDay `yaml:"to"`   // WD+2, included
	Before     Duration  `yaml:"before"`
	BeforeDays int       `yaml:"beforeDays"` // working days
	Always     bool      `yaml:"always"`
	Says       string    `yaml:"says"` // told to people: "receipt cut-off"; the deadline's name after before
}

// A WindowDay is a working day around a period end, written WD-2 or WD+1. The
// zero WindowDay is none: there is no WD0.
type WindowDay int

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *WindowDay) UnmarshalText(b []byte) error {
	const remedy = "write WD-2 for the last working day but one of the period, or WD+1 for the first after it"
	number, ok := strings.CutPrefix(string(b), "WD")
	n, err := strconv.Atoi(number)
	switch {
	case ok && err == nil && n == 0:
		return fmt.Errorf("is WD0, which does not exist; %s", remedy)
	case !ok || err != nil || number[0] != '-' && number[0] != '+':
		return fmt.Errorf("is not a working day: %q; %s", b, remedy)
	case n < -maxWindowDay || n > maxWindowDay:
		return fmt.Errorf("is further than a month from the period end: %q; write a day between WD-%d and WD+%d", b, maxWindowDay, maxWindowDay)
	}
	*w = WindowDay(n)
	return nil
}

// maxWindowDay is the most working days a month can have.
const maxWindowDay = 23

// A Need is something a process depends on: one component by name, or every
// component of a kind.
type Need struct {
	Component string       `yaml:"component"`
	Kind      string       `yaml:"kind"`
	Role      process.Role `yaml:"role"`
	Use       string       `yaml:"use"` // told to people: "sessions"
}

// Work is work that must happen for the process's outcome to happen.
type Work struct {
	Source process.WorkSource `yaml:"source"`
	Match  []string           `yaml:"match"` // of queue_job and scheduled_action: channels or action names; * matches any run of characters
	Within Duration           `yaml:"within"`
	Says   string             `yaml:"says"`

	Metric string            `yaml:"metric"` // of schedule and history: what shows it
	Labels map[string]string `yaml:"labels"` // of its series
	By     string            `yaml:"by"`     // the label whose values are judged each by itself

	Due   string `yaml:"due"`   // of schedule: every working day 10:00, WD+1 10:00, payday - 2 BD 22:00
	Done  *Done  `yaml:"done"`  // of schedule
	Habit bool   `yaml:"habit"` // of schedule: judge only what has as a rule been done in time

	Least float64 `yaml:"least"` // of history: fewer that are usual tell nothing
}

// Done says when a metric shows work done: one of its fields.
type Done struct {
	Dated    *int     `yaml:"dated"`    // a timestamp at most so many working days before the day it is due
	Advances *float64 `yaml:"advances"` // a counter that has advanced by so much since it was last done
	AtMost   *float64 `yaml:"atMost"`
	AtLeast  *float64 `yaml:"atLeast"`
}

// A Symptom is one of the first things people see.
type Symptom struct {
	Says   string           `yaml:"says"`
	By     process.Detector `yaml:"by"`
	Signal string           `yaml:"signal"`
}

// Validate implements Validator.
func (o *ProcessOverride) Validate() []Problem {
	var ps []Problem
	for field, tier := range map[string]*process.ServiceTier{"tier": o.Tier, "closeTier": o.CloseTier} {
		if tier != nil {
			ps = appendOneOf(ps, field, *tier, process.ServiceTiers())
		}
	}
	if o.Responsibility != nil {
		ps = appendOneOf(ps, "responsibility", *o.Responsibility, process.Responsibilities())
	}
	for field, d := range map[string]*Duration{"rto": o.RTO, "rtoCritical": o.RTOCritical} {
		if d != nil && *d == 0 {
			ps = append(ps, Problem{field, "is 0", "write how long the outcome may be away, such as 1h"})
		}
	}
	for field, pair := range map[string][2]*Duration{"rtoCritical": {o.RTO, o.RTOCritical}, "rpoCritical": {o.RPO, o.RPOCritical}} {
		if normal, critical := pair[0], pair[1]; normal != nil && critical != nil && *critical > *normal {
			ps = append(ps, Problem{field, "is longer than outside the critical window", "write at most " + model.Duration(*normal).String()})
		}
	}
	if o.WorkaroundAfter != nil && *o.WorkaroundAfter == 0 {
		ps = append(ps, Problem{"workaroundAfter", "is 0", "write how long after it stopped the workaround starts, such as 30m"})
	}
	for field, s := range map[string]*string{"title": o.Title, "team": o.Team, "owner": o.Owner, "stops": o.Stops, "workaround": o.Workaround, "meanwhile": o.Meanwhile} {
		if s != nil && strings.TrimSpace(*s) == "" {
			ps = append(ps, Problem{field, "is empty", "write what people are to read, or remove the key"})
		}
	}
	for field, lines := range map[string][]string{"doFirst": o.DoFirst, "doNot": o.DoNot} {
		for i, line := range lines {
			ps = appendLine(ps, fmt.Sprintf("%s[%d]", field, i), line)
		}
	}
	if o.Meanwhile != nil && utf8.RuneCountInString(*o.Meanwhile) > maxMeanwhile {
		ps = append(ps, Problem{"meanwhile", "is too long for a status line", fmt.Sprintf("write at most %d characters", maxMeanwhile)})
	}
	return ps
}

// Limits of what stands on a page among much else, in characters.
const (
	maxSentence  = 160
	maxMeanwhile = 70
)

func appendLine(ps []Problem, field, line string) []Problem {
	switch n := utf8.RuneCountInString(line); {
	case strings.TrimSpace(line) == "":
		return append(ps, Problem{field, "is empty", "write one sentence, or remove it"})
	case n > maxSentence:
		return append(ps, Problem{field, fmt.Sprintf("has %d characters", n), fmt.Sprintf("write at most %d: a page must be read at a glance", maxSentence)})
	}
	return ps
}

func appendOneOf[T ~string](ps []Problem, field string, value T, known []T) []Problem {
	if p, bad := OneOf(field, value, known...); bad {
		return append(ps, p)
	}
	return ps
}

// Validate implements Validator.
func (w *CriticalWindow) Validate() []Problem {
	const remedy = "write one of {from: WD-2, to: WD+2}, {before: 4h}, {beforeDays: 2} and {always: true}"
	days, kinds := w.From != 0 || w.To != 0, 0
	for _, said := range []bool{days, w.Before != 0, w.BeforeDays != 0, w.Always} {
		if said {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return []Problem{{"", "says no time", remedy}}
	case kinds > 1:
		return []Problem{{"", "is of two kinds at once", remedy}}
	case days && w.From == 0:
		return []Problem{Missing("from", "write its first working day, such as WD-2")}
	case days && w.To == 0:
		return []Problem{Missing("to", "write its last working day, such as WD+2")}
	case days && w.From > w.To:
		return []Problem{{"to", fmt.Sprintf("is before from: WD%+d", w.To), fmt.Sprintf("write WD%+d or later", w.From)}}
	case w.BeforeDays < 0 || w.BeforeDays > maxWindowDay:
		return []Problem{{"beforeDays", "is out of range", fmt.Sprintf("write a number of working days from 1 to %d", maxWindowDay)}}
	}
	return nil
}

// SetDefaults implements Defaulter.
func (n *Need) SetDefaults() { n.Role = process.Hard }

// Validate implements Validator.
func (n *Need) Validate() []Problem {
	var ps []Problem
	if (n.Component == "") == (n.Kind == "") {
		ps = append(ps, Problem{"", "needs either a component or a kind", "write component: NAME or kind: postgres"})
	}
	return appendOneOf(ps, "role", n.Role, process.Roles())
}

// Validate implements Validator.
func (w *Work) Validate() []Problem {
	ps := appendOneOf(nil, "source", w.Source, process.WorkSources())
	var fits []string // besides says
	switch w.Source {
	case process.Schedule:
		ps, fits = w.schedule(ps), []string{"metric", "labels", "by", "due", "done", "habit", "within"}
	case process.History:
		ps, fits = w.history(ps), []string{"metric", "labels", "by", "least"}
	default: // what is no source is told already
		ps, fits = w.waiting(ps), []string{"match", "within"}
	}
	if w.Says == "" {
		ps = append(ps, Missing("says", "write what is waiting, such as e-invoices waiting to be sent"))
	}
	if !slices.Contains(process.WorkSources(), w.Source) {
		return ps
	}
	for field, said := range map[string]bool{
		"match": w.Match != nil, "within": w.Within != 0, "metric": w.Metric != "", "labels": w.Labels != nil, "by": w.By != "",
		"due": w.Due != "", "done": w.Done != nil, "habit": w.Habit, "least": w.Least != 0,
	} {
		if said && !slices.Contains(fits, field) {
			ps = append(ps, Problem{field, "means nothing with source: " + string(w.Source), "remove it; beside says, write " + strings.Join(fits, ", ")})
		}
	}
	return ps
}

// waiting checks what waits to be taken or to run.
func (w *Work) waiting(ps []Problem) []Problem {
	if len(w.Match) == 0 {
		ps = append(ps, Missing("match", "list channels or action names; * matches any run of characters"))
	}
	for i, m := range w.Match {
		if m == "" {
			ps = append(ps, Problem{fmt.Sprintf("match[%d]", i), "is empty", "write a channel or an action name"})
		}
	}
	if w.Within == 0 {
		ps = append(ps, Missing("within", "write how long after it is due it must be done, such as 15m"))
	}
	return ps
}

// schedule checks what is due at an instant of the calendar.
func (w *Work) schedule(ps []Problem) []Problem {
	ps = w.metric(ps)
	if w.Due == "" {
		ps = append(ps, Missing("due", "write when, such as every working day 10:00, WD+1 10:00 or payday - 2 BD 22:00"))
	} else if _, err := calendar.ParseRecurrence(w.Due); err != nil {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		ps = append(ps, Problem{"due", what, remedy})
	}
	if w.Done == nil {
		ps = append(ps, Missing("done", "write what shows it done: dated, advances, atMost or atLeast with a number"))
	}
	if w.Within == 0 {
		ps = append(ps, Missing("within", "write how long after it is due it is too late, such as 4h"))
	}
	return ps
}

// history checks what is compared with earlier days.
func (w *Work) history(ps []Problem) []Problem {
	ps = w.metric(ps)
	if !(w.Least >= 1) || w.Least > 1e9 {
		ps = append(ps, Problem{"least", "is no number from 1", "write how many are usual at least for fewer to mean anything, such as 20"})
	}
	return ps
}

func (w *Work) metric(ps []Problem) []Problem {
	ps = metricProblems(ps, w.Metric, "odoo_bank_last_statement_timestamp_seconds")
	for name, value := range w.Labels {
		if value == "" {
			ps = append(ps, Problem{"labels." + name, "is empty", "write the value that its series have"})
		}
	}
	return ps
}

// mostDated is how many working days old the newest may be.
const mostDated = 60

// Validate implements Validator.
func (d *Done) Validate() []Problem {
	said := 0
	for _, is := range []bool{d.Dated != nil, d.Advances != nil, d.AtMost != nil, d.AtLeast != nil} {
		if is {
			said++
		}
	}
	switch {
	case said != 1:
		return []Problem{{"", "must say one thing", "write one of {dated: 1}, {advances: 1}, {atMost: 0} and {atLeast: 1}"}}
	case d.Dated != nil && (*d.Dated < 0 || *d.Dated > mostDated):
		return []Problem{{"dated", fmt.Sprintf("is out of range: %d", *d.Dated), fmt.Sprintf("write how many working days old the newest may be, 0 to %d", mostDated)}}
	case d.Advances != nil && !(*d.Advances > 0):
		return []Problem{{"advances", "is not above 0", "write by how much the counter advances each time, such as 1"}}
	}
	return nil
}

// Validate implements Validator.
func (s *Symptom) Validate() []Problem {
	var ps []Problem
	if s.Says == "" {
		ps = append(ps, Missing("says", "write what people see first, such as drafts pile up"))
	}
	if s.By != "" {
		ps = appendOneOf(ps, "by", s.By, []process.Detector{process.ByFlow, process.ByUsers, process.ByWork, process.BySignal})
	}
	switch {
	case s.By == process.BySignal && s.Signal == "":
		ps = append(ps, Missing("signal", "write the name of the signal that sees it"))
	case s.By != process.BySignal && s.Signal != "":
		ps = append(ps, Problem{"signal", "is given, and by does not say signal", "write by: signal, or remove it"})
	}
	return ps
}

// IsEnabled reports whether the estate has the process at all.
func (o ProcessOverride) IsEnabled() bool { return o.Enabled == nil || *o.Enabled }

// Apply returns p as the override changes it. p's own lists are not touched.
func (o ProcessOverride) Apply(p process.Process) process.Process {
	set(&p.Title, o.Title)
	set(&p.Tier, o.Tier)
	set(&p.CloseTier, o.CloseTier)
	setEach(&p.Windows, o.CriticalWindow, CriticalWindow.window)
	p.Recovery, p.CriticalRecovery = o.recovery(p)
	set(&p.Refetch, o.Refetch)
	setEach(&p.Needs, o.Needs, func(n Need) process.Dependency { return process.Dependency(n) })
	setEach(&p.Flows, o.Flows, itself)
	setEach(&p.Operations, o.Operations, itself)
	set(&p.Progress, o.Progress)
	setEach(&p.Work, o.Work, Work.work)
	p.Objectives = o.objectives(p.Objectives)
	set(&p.Team, o.Team)
	set(&p.Owner, o.Owner)
	set(&p.Vendor, o.Vendor)
	set(&p.Responsibility, o.Responsibility)
	set(&p.Stops, o.Stops)
	setEach(&p.Symptoms, o.Symptoms, func(s Symptom) process.Symptom { return process.Symptom(s) })
	set(&p.Meanwhile, o.Meanwhile)
	set(&p.Workaround, o.Workaround)
	setDuration(&p.WorkaroundAfter, o.WorkaroundAfter)
	setEach(&p.DoFirst, o.DoFirst, itself)
	setEach(&p.DoNot, o.DoNot, itself)
	return p
}

// recovery returns the recovery objectives outside and inside the critical
// window.
func (o ProcessOverride) recovery(p process.Process) (normal, critical process.Recovery) {
	normal, critical = p.Recovery, p.CriticalRecovery
	if o.RTOCritical != nil || o.RPOCritical != nil { // what is not said inside is as outside
		critical = cmp.Or(critical, normal)
	}
	setDuration(&normal.RTO, o.RTO)
	setDuration(&normal.RPO, o.RPO)
	setDuration(&critical.RTO, o.RTOCritical)
	setDuration(&critical.RPO, o.RPOCritical)
	return normal, critical
}

func (w CriticalWindow) window() process.Window {
	out := process.Window{
		Kind: process.WorkingDays, From: int(w.From), To: int(w.To),
		Before: w.Before.D(), BeforeDays: w.BeforeDays, Says: w.Says,
	}
	switch {
	case w.Always:
		out.Kind = process.Always
	case w.Before > 0 || w.BeforeDays > 0:
		out.Kind = process.BeforeDeadline
	}
	return out
}

func (w Work) work() process.Work {
	out := process.Work{
		Source: w.Source, Match: slices.Clone(w.Match), Within: w.Within.D(), Says: w.Says,
		Metric: w.Metric, Labels: maps.Clone(w.Labels), By: w.By, Due: w.Due, Habit: w.Habit, Least: w.Least,
	}
	if w.Done != nil {
		out.Done = process.Done(*w.Done)
	}
	return out
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func setDuration(to *time.Duration, from *Duration) {
	if from != nil {
		*to = from.D()
	}
}

// setEach replaces a list, unless the estate names none.
func setEach[To, From any](to *[]To, from []From, as func(From) To) {
	if from == nil {
		return
	}
	*to = make([]To, len(from))
	for i, f := range from {
		(*to)[i] = as(f)
	}
}

func itself(s string) string { return s }
