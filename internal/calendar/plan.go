package calendar

import "fmt"

// A Phase is where an instant lies around a period's end.
type Phase string

// Phases. Where two meet, the one further up in Phases holds.
const (
	Unknown  Phase = "unknown"   // no period is known here, or the compiled calendar has ended
	Close    Phase = "close"     // the period's end to the close target
	PreClose Phase = "pre_close" // the last days of the period
	Tail     Phase = "tail"      // after the close target, late entries still expected
	Normal   Phase = "normal"
)

// Phases lists the phases, the more critical first: close before pre-close,
// because work on the period that is already over is due sooner; pre-close
// before tail; any before normal.
func Phases() []Phase { return []Phase{Unknown, Close, PreClose, Tail, Normal} }

// Critical reports whether the phase is a critical window. What is unknown is:
// a calendar that fails must not make a fault look harmless.
func (p Phase) Critical() bool { return p == PreClose || p == Close || p == Unknown }

// rank is the place of p in Phases.
func (p Phase) rank() int {
	for i, other := range Phases() {
		if p == other {
			return i
		}
	}
	return len(Phases())
}

// A Span is a half-open part of the close: from a mark up to, not including,
// another.
type Span struct{ From, To Mark }

// IsZero reports whether the close has no such part.
func (s Span) IsZero() bool { return s == Span{} }

// A ClosePlan says how a period is closed: its phases and what must be done
// when.
type ClosePlan struct {
	Name     string
	PreClose Span
	Close    Span
	Tail     Span
	// Target is when the period must be closed hard.
	Target     Mark
	Milestones []Milestone
}

// DefaultClosePlan closes a month in five working days: pre-close from the
// start of WD-3, close from the period's end to the end of WD+5, tail to the
// end of WD+8.
func DefaultClosePlan() ClosePlan {
	return ClosePlan{
		Name:     "month",
		PreClose: Span{Mark{-3, TimeOfDay{}}, PeriodEnd()},
		Close:    Span{PeriodEnd(), Mark{5, EndOfDay()}},
		Tail:     Span{Mark{5, EndOfDay()}, Mark{8, EndOfDay()}},
		Target:   Mark{5, EndOfDay()},
	}
}

// span returns a phase's part of the plan.
func (p *ClosePlan) span(phase Phase) *Span {
	switch phase { //nolint:exhaustive // the others have none
	case PreClose:
		return &p.PreClose
	case Close:
		return &p.Close
	case Tail:
		return &p.Tail
	}
	return nil
}

// An Extension moves the end of a phase, or the due time of a milestone, of one
// period: an event with an approver, not a silent change of a date.
type Extension struct {
	Period    string // "2026-11"
	Milestone string // its id; or
	Phase     Phase  // Close or Tail
	To        Mark
	By        string // role of the approver
	On        Date
	Reason    string
}

// Words says what was extended, by whom and why.
func (x Extension) Words() string {
	what := x.Milestone
	if what == "" {
		what = string(x.Phase)
	}
	return fmt.Sprintf("%s of %s until %s: approved by %s on %s, %s", what, x.Period, x.To, x.By, x.On, x.Reason)
}

// extended returns the plan of one period with the extensions that apply to it.
// An extension never makes anything earlier.
func (p ClosePlan) extended(period string, extensions []Extension) ClosePlan {
	out := p
	out.Milestones = append([]Milestone(nil), p.Milestones...)
	for _, x := range extensions {
		if x.Period != period {
			continue
		}
		for i := range out.Milestones {
			if m := &out.Milestones[i]; x.Milestone != "" && m.ID == x.Milestone && x.To.Compare(m.Due) > 0 {
				m.Due = x.To
			}
		}
		if s := out.span(x.Phase); x.Milestone == "" && s != nil && x.To.Compare(s.To) > 0 {
			was := s.To
			s.To = x.To
			if x.Phase == Close {
				out.followClose(was)
			}
		}
	}
	return out
}

// followClose moves what was tied to the old end of the close.
func (p *ClosePlan) followClose(was Mark) {
	if p.Target == was {
		p.Target = p.Close.To
	}
	if p.Tail.IsZero() {
		return
	}
	if p.Tail.From == was {
		p.Tail.From = p.Close.To
	}
	if p.Tail.To.Compare(p.Tail.From) < 0 {
		p.Tail.To = p.Tail.From
	}
}
