package scenario

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
)

// What the head of a scenario file may hold is little: a name, an estate and
// steps. Everything else has a default.
const beginning = "write name, estate and steps"

// A Scenario is one file. It is not changed after Parse.
type Scenario struct {
	Name    string          `yaml:"name" doc:"What happens, as a sentence."`
	Why     string          `yaml:"why" doc:"What the scenario shows, for people."`
	Estate  string          `yaml:"estate" doc:"The estate file, relative to this one."`
	Inline  estate.Section  `yaml:"inline" doc:"An estate written here instead of in a file of its own."`
	Zone    estate.Zone     `yaml:"zone" doc:"The time zone of times that name none. Default: that of the estate."`
	Start   Instant         `yaml:"start" doc:"When the clock begins: a day and a time."`
	Entity  string          `yaml:"entity" doc:"Whose calendar counts working days. Default: the first entity."`
	Tick    estate.Duration `yaml:"tick" doc:"The grid on which everything is decided. Default: that of the estate. Coarser is faster, and sees less."`
	Healthy Healthy         `yaml:"healthy" doc:"What is well unless a step says otherwise: all, or names of components. Default: nothing."`
	Steps   []Step          `yaml:"steps" doc:"What happens, and what is expected, in the order of time."`
	End     End             `yaml:"end" doc:"What is expected of the whole."`

	File string           `yaml:"-"`
	doc  *estate.Document // knows the places of everything
}

// A Step is an instant at which something changes, is told or is looked at.
type Step struct {
	At     Instant         `yaml:"at" doc:"+90m after the start, a day and a time, or the next WD+1 09:00."`
	Says   string          `yaml:"says" doc:"What happens, for people."`
	Set    Set             `yaml:"set" doc:"What is measured from now on, until it is set again."`
	For    estate.Duration `yaml:"for" doc:"How long that holds; then it is again as it was before."`
	Tell   Tell            `yaml:"tell" doc:"What people and pipelines tell the daemon."`
	Expect Expect          `yaml:"expect" doc:"What is decided at this instant."`
}

// Parse reads a scenario; name stands for its file in mistakes. The error is
// estate.Mistakes: all of them, in the order of the file.
func Parse(name string, data []byte) (*Scenario, error) {
	s := &Scenario{File: name}
	doc, mistakes := estate.ReadDocument(name, data, "scenario", beginning, s)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	s.doc = doc
	return s, nil
}

// Problem remembers a mistake in the scenario that only those can tell who know
// its estate.
func (s *Scenario) Problem(field, what, remedy string) {
	s.doc.Problem(estate.Problem{Field: field, What: what, Remedy: remedy})
}

// Mistakes are all that were found so far, in the order of the file.
func (s *Scenario) Mistakes() estate.Mistakes { return s.doc.Mistakes() }

// Line is where a field stands in the file: "steps[3].expect".
func (s *Scenario) Line(field string) int { return s.doc.Line(field) }

// Bounds of a scenario: a year of steps, on a grid that the holds of tiers still
// mean something on.
const (
	mostSteps   = 2000
	longestTick = 15 * time.Minute
)

// Validate implements estate.Validator.
func (s *Scenario) Validate() []estate.Problem {
	var ps []estate.Problem
	if s.Name == "" {
		ps = append(ps, estate.Missing("name", "write what happens, such as the primary dies during the close"))
	}
	switch inline := !s.Inline.IsZero(); {
	case s.Estate == "" && !inline:
		ps = append(ps, estate.Missing("estate", "write the estate file, relative to this one, or an estate below inline"))
	case s.Estate != "" && inline:
		ps = append(ps, estate.Problem{Field: "inline", What: "stands beside estate", Remedy: "keep one of the two"})
	}
	if !s.Start.Absolute() {
		ps = append(ps, estate.Problem{Field: "start", What: "is not an instant", Remedy: "write a day and a time such as 2026-12-01 09:00"})
	}
	if s.Tick < 0 || s.Tick.D() > longestTick || s.Tick.D()%time.Second != 0 {
		ps = append(ps, estate.Problem{Field: "tick", What: "is no grid", Remedy: "write whole seconds, at most 15m: holds and gaps mean something on a grid only that is finer"})
	}
	switch {
	case len(s.Steps) == 0:
		ps = append(ps, estate.Missing("steps", "write at least one, such as - {at: +10m, expect: {pages: []}}"))
	case len(s.Steps) > mostSteps:
		ps = append(ps, estate.Problem{Field: "steps", What: fmt.Sprintf("are more than %d", mostSteps), Remedy: "split the scenario"})
	case !s.expects():
		ps = append(ps, estate.Problem{Field: "steps", What: "expect nothing, so that the scenario cannot fail", Remedy: "write an expect, or an end"})
	}
	return ps
}

// expects reports whether anything is.
func (s *Scenario) expects() bool {
	for _, step := range s.Steps {
		if !step.Expect.IsZero() {
			return true
		}
	}
	return !s.End.IsZero()
}

// Validate implements estate.Validator.
func (s *Step) Validate() []estate.Problem {
	var ps []estate.Problem
	if s.At.IsZero() {
		ps = append(ps, estate.Missing("at", "write when, such as +10m"))
	}
	switch {
	case s.For < 0:
		ps = append(ps, estate.Problem{Field: "for", What: "is negative", Remedy: "write how long it holds, such as 10m"})
	case s.For > 0 && s.Set.IsZero():
		ps = append(ps, estate.Problem{Field: "for", What: "ends nothing: the step sets nothing", Remedy: "remove it, or say what is set"})
	}
	return ps
}
