package estate

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A ClosePlan says how a period is closed. What it does not say of the phases
// is as in the default plan.
type ClosePlan struct {
	Target     Mark        `yaml:"target"` // when it is closed hard; the end of the close when it names none
	Phases     Phases      `yaml:"phases"`
	Milestones []Milestone `yaml:"milestones"`
}

// Phases are written [from, to]; an empty list is no such phase.
type Phases struct {
	PreClose []Mark `yaml:"preClose"`
	Close    []Mark `yaml:"close"`
	Tail     []Mark `yaml:"tail"`
}

// A Mark is a place around the end of a period: WD+5 18:00, or period_end.
type Mark struct {
	calendar.Mark
	given bool
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mark) UnmarshalText(b []byte) (err error) {
	m.Mark, err = calendar.ParseMark(string(b))
	m.given = err == nil
	return err
}

// decodeNode implements custom: between brackets within braces YAML takes the
// colon of a time for that of a key.
func (m *Mark) decodeNode(d *decoder, n node, path string) {
	if n.shape == mapping {
		d.mistake(n.at, path, "is "+n.shape.String(), "write it in quotes, such as \"WD+5 18:00\"")
		return
	}
	d.unmarshalText(n, reflect.ValueOf(m).Elem(), path)
}

// SetDefaults implements Defaulter.
func (p *Phases) SetDefaults() {
	d := calendar.DefaultClosePlan()
	marks := func(s calendar.Span) []Mark { return []Mark{{s.From, true}, {s.To, true}} }
	*p = Phases{marks(d.PreClose), marks(d.Close), marks(d.Tail)}
}

// Validate implements Validator.
func (p *Phases) Validate() []Problem {
	var ps []Problem
	for field, marks := range map[string][]Mark{"preClose": p.PreClose, "close": p.Close, "tail": p.Tail} {
		if n := len(marks); n != 2 && n != 0 {
			ps = append(ps, Problem{field, fmt.Sprintf("does not have two places but %d", n), "write its start and its end, such as [period_end, WD+5 24:00]"})
		}
	}
	return ps
}

// A Milestone is a step of the close with a due time.
type Milestone struct {
	ID          string                   `yaml:"id"`
	Title       string                   `yaml:"title"` // told to people: "bank statements complete"
	Due         Mark                     `yaml:"due"`
	Depends     []string                 `yaml:"depends"`
	Process     string                   `yaml:"process"` // the process that does it, if one does
	Owner       string                   `yaml:"owner"`   // role
	Source      calendar.MilestoneSource `yaml:"source"`  // probe (looked at) or attest (said by a person)
	Check       string                   `yaml:"check"`
	SoftClose   calendar.LockKind        `yaml:"softClose"` // the lock date that is set with it
	ReviewerNot string                   `yaml:"reviewerNot"`
}

// Validate implements Validator.
func (m *Milestone) Validate() []Problem {
	ps := idProblems(m.ID, "bank-complete")
	if !m.Due.given {
		ps = append(ps, Missing("due", "write a working day and a time, such as WD+2 12:00"))
	}
	if m.Owner == "" {
		ps = append(ps, Missing("owner", "write the role that answers for it, such as treasury lead"))
	}
	if p, bad := OneOf("source", m.Source, calendar.Probe, calendar.Attest); bad {
		ps = append(ps, p)
	}
	if m.Source == calendar.Probe && m.Check == "" {
		ps = append(ps, Missing("check", "write what is looked at, or source: attest"))
	}
	if p, bad := OneOf("softClose", m.SoftClose, calendar.SoftLocks()...); bad && m.SoftClose != "" {
		ps = append(ps, p)
	}
	return ps
}

// idProblems are those of a short name that must be there.
func idProblems(id, such string) []Problem {
	if id == "" {
		return []Problem{Missing("id", "write a short name such as "+such)}
	}
	if p, bad := nameProblem("id", id); bad {
		return []Problem{p}
	}
	return nil
}

// Validate implements Validator.
func (p *ClosePlan) Validate() []Problem {
	if !p.whole() {
		return nil // said at the places that are wrong
	}
	var ps []Problem
	for _, f := range p.of("").Flaws() {
		ps = append(ps, Problem{f.Field, f.What, f.Remedy})
	}
	return ps
}

// whole reports whether every place of the plan could be read.
func (p *ClosePlan) whole() bool {
	for _, marks := range [][]Mark{p.Phases.PreClose, p.Phases.Close, p.Phases.Tail} {
		if len(marks) != 0 && len(marks) != 2 || slices.ContainsFunc(marks, func(m Mark) bool { return !m.given }) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Milestones, func(m Milestone) bool { return !m.Due.given || m.ID == "" })
}

// of is the plan as calendars compute with it; the plan must be whole.
func (p *ClosePlan) of(name string) calendar.ClosePlan {
	span := func(marks []Mark) (s calendar.Span) {
		if len(marks) == 2 {
			s = calendar.Span{From: marks[0].Mark, To: marks[1].Mark}
		}
		return s
	}
	out := calendar.ClosePlan{Name: name, PreClose: span(p.Phases.PreClose), Close: span(p.Phases.Close), Tail: span(p.Phases.Tail), Target: p.Target.Mark}
	if !p.Target.given {
		out.Target = out.Close.To
	}
	for _, m := range p.Milestones {
		out.Milestones = append(out.Milestones, calendar.Milestone{
			ID: m.ID, Title: m.Title, Process: m.Process, Due: m.Due.Mark, Depends: m.Depends, Owner: m.Owner, Source: m.Source, Check: m.Check,
			SoftClose: m.SoftClose, ReviewerNot: m.ReviewerNot,
		})
	}
	return out
}

// closePlan returns a plan by name; nil is none.
func (e *Estate) closePlan(name string) *calendar.ClosePlan {
	if name == NoClose {
		return nil
	}
	plan, declared := e.Calendar.ClosePlans[name]
	if !declared {
		def := calendar.DefaultClosePlan()
		return &def
	}
	if !plan.whole() {
		return nil
	}
	out := plan.of(name)
	return &out
}

// An Extension lets a close or a milestone of one period end later: who allowed
// it, when and why.
type Extension struct {
	Entity    string         `yaml:"entity"` // empty: every entity
	Period    string         `yaml:"period"`
	Phase     calendar.Phase `yaml:"phase"` // close or tail; or
	Milestone string         `yaml:"milestone"`
	To        Mark           `yaml:"to"`
	By        string         `yaml:"by"`
	On        Date           `yaml:"on"`
	Reason    string         `yaml:"reason"`
}

// Validate implements Validator.
func (x *Extension) Validate() []Problem {
	var ps []Problem
	if x.Period == "" {
		ps = append(ps, Missing("period", "write the period that is closed later, such as 2026-11"))
	}
	if (x.Phase == "") == (x.Milestone == "") {
		ps = append(ps, Problem{"", "needs either a phase or a milestone", "write phase: close, or the id of a milestone"})
	} else if p, bad := OneOf("phase", x.Phase, calendar.Close, calendar.Tail); bad && x.Phase != "" {
		ps = append(ps, p)
	}
	if !x.To.given {
		ps = append(ps, Missing("to", "write the new end, such as WD+7 18:00"))
	}
	if x.By == "" {
		ps = append(ps, Missing("by", "write the role that approved it, such as group controller"))
	}
	if x.On.IsZero() {
		ps = append(ps, Missing("on", "write the date of the approval, such as 2026-12-04"))
	}
	if x.Reason == "" {
		ps = append(ps, Missing("reason", "write why, in a few words"))
	}
	return ps
}

// A Freeze keeps changes away from the close. It never mutes an alert.
type Freeze struct {
	ID         string               `yaml:"id"`
	Title      string               `yaml:"title"`
	Scope      Extent               `yaml:"scope"`
	From       Mark                 `yaml:"from"`
	To         Mark                 `yaml:"to"`
	Level      calendar.FreezeLevel `yaml:"level"` // soft: a reason; hard: break-glass
	BreakGlass BreakGlass           `yaml:"breakGlass"`
}

// An Extent says what a freeze or maintenance is about; an empty list is all.
type Extent struct {
	Entities   []string `yaml:"entities"`
	Components []string `yaml:"components"`
}

// about reports whether it holds an entity.
func (s Extent) about(entity string) bool {
	return len(s.Entities) == 0 || slices.Contains(s.Entities, entity)
}

// BreakGlass is what a change during a hard freeze needs.
type BreakGlass struct {
	Approvers int  `yaml:"approvers"`
	Ticket    bool `yaml:"ticket"`
}

// Validate implements Validator.
func (f *Freeze) Validate() []Problem {
	ps := idProblems(f.ID, "close-freeze")
	switch {
	case !f.From.given:
		ps = append(ps, Missing("from", "write where it begins, such as WD-2 00:00"))
	case !f.To.given:
		ps = append(ps, Missing("to", "write where it ends, such as WD+5 18:00"))
	case f.To.Compare(f.From.Mark) <= 0:
		ps = append(ps, Problem{"to", fmt.Sprintf("%s is not after the start %s", f.To, f.From), "write a later place"})
	}
	if p, bad := OneOf("level", f.Level, calendar.SoftFreeze, calendar.HardFreeze); bad {
		ps = append(ps, p)
	}
	if f.Level == calendar.HardFreeze && f.BreakGlass.Approvers < 1 {
		ps = append(ps, Problem{"breakGlass.approvers", "lets nobody break a hard freeze", "write how many must approve an emergency change, such as 2"})
	}
	if f.BreakGlass.Approvers < 0 || f.BreakGlass.Approvers > 9 {
		ps = append(ps, Problem{"breakGlass.approvers", "is not between 1 and 9", "write how many must approve an emergency change, such as 2"})
	}
	return ps
}
