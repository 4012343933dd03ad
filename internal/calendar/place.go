package calendar

import (
	"slices"
	"time"
)

// A Place is where an instant lies in an entity's calendar.
type Place struct {
	Phase       Phase
	Period      string      // "2026-11": the period the phase belongs to; "" in Normal
	Ends        time.Time   // of the phase; zero when nothing is planned to follow
	Standing    Standing    // of the close to its plan
	Planned     time.Time   // when the plan has the close end; zero when that is when it does, or nobody knows better
	Freeze      FreezeLevel // the strictest in force; "" is none
	Frozen      string      // ids of the freezes in force: "close-freeze, year-end"
	Maintenance string      // ids of the windows in force
	Doubt       string      // why the calendar cannot be relied on here; "" when it can
}

// Critical reports whether the place is in the close's critical window, or
// might be.
func (p Place) Critical() bool { return p.Doubt != "" || p.Phase.Critical() }

// String renders the place for people.
func (p Place) String() string {
	said := "normal days"
	switch p.Phase {
	case PreClose:
		said = "pre-close of " + p.Period
	case Close:
		said = "close of " + p.Period
	case Tail:
		said = "tail of " + p.Period
	case Unknown:
		said = "unknown days"
	case Normal:
	}
	switch p.Standing {
	case Overran:
		said += ", past its planned end"
	case OpenAgain:
		said += ", opened again"
	case Early:
		said += ", closed early"
	case AsPlanned:
	}
	if p.Doubt != "" {
		said += ", calendar in doubt"
	}
	return said
}

// Group is the place of a group of entities: the most critical of theirs. A
// doubt about one is a doubt about the group. Each entity keeps its own.
func Group(places []Place) Place {
	if len(places) == 0 {
		return Place{Phase: Normal}
	}
	return slices.MinFunc(places, func(a, b Place) int {
		if a.Critical() != b.Critical() {
			if a.Critical() {
				return -1
			}
			return 1
		}
		return a.Phase.rank() - b.Phase.rank()
	})
}

// A Kind says what a deadline comes from.
type Kind string

// Kinds.
const (
	CutoffKind    Kind = "cut-off"
	DueKind       Kind = "deadline"
	MilestoneKind Kind = "milestone"
)

// A Deadline is an instant by which a process's work must be done.
type Deadline struct {
	ID      string
	Title   string
	Process string // "" is none
	At      time.Time
	Kind    Kind
	Bank    time.Time // when the bank closes: At unless the house is earlier
	For     string    // the value date, the period or the day it is counted from
}
