package calendar

import (
	"fmt"
	"slices"
	"time"
)

// A LockKind is one of Odoo's lock dates.
type LockKind string

// Lock kinds. Odoo 17 has period, fiscalyear and tax; Odoo 18 has sale,
// purchase, tax and fiscalyear, which exceptions open, and hard, which nothing
// opens.
const (
	PeriodLock     LockKind = "period_lock_date"     // for all but advisers
	SaleLock       LockKind = "sale_lock_date"       // for sales journals
	PurchaseLock   LockKind = "purchase_lock_date"   // for purchase journals
	TaxLock        LockKind = "tax_lock_date"        // for entries with taxes
	FiscalYearLock LockKind = "fiscalyear_lock_date" // for everyone
	HardLock       LockKind = "hard_lock_date"       // for everyone, for good
)

// SoftLocks are the kinds that close a part of a period.
func SoftLocks() []LockKind { return []LockKind{PeriodLock, SaleLock, PurchaseLock, TaxLock} }

// A State says how far a period is closed.
type State string

// States.
const (
	Open       State = "open"
	SoftClosed State = "soft_close" // for some entries or people
	HardClosed State = "hard_close" // for everyone
	Reopened   State = "reopened"   // was closed hard and is not any more
)

// Locks is what an ERP says about its lock dates.
type Locks struct {
	Dates      map[LockKind]Date // the last locked day of each kind that is set
	Exceptions []LockException
}

// A LockException opens a lock for a while.
type LockException struct {
	Kind     LockKind
	From     Date      // entries from this day on are open again; zero is all
	Until    time.Time // zero: it never ends
	Everyone bool      // not one user only
}

// stands reports whether the exception opens a part of the period at t.
func (x LockException) stands(p Period, t time.Time) bool {
	return (x.Until.IsZero() || t.Before(x.Until)) && !p.Last.Before(x.From)
}

// opens reports whether the exception opens a part of a period that is closed
// hard: only one to the lock for everyone does, and nothing opens the hard lock.
func (l Locks) opens(x LockException, p Period, t time.Time) bool {
	return x.Kind == FiscalYearLock && !l.covers(HardLock, p) && x.stands(p, t)
}

// covers reports whether a lock of the kind reaches the end of the period.
func (l Locks) covers(kind LockKind, p Period) bool {
	d, set := l.Dates[kind]
	return set && !d.Before(p.Last)
}

// State tells how far a period is closed. reached is the farthest it was seen
// closed before.
func (l Locks) State(p Period, reached State) State {
	switch {
	case l.covers(HardLock, p), l.covers(FiscalYearLock, p):
		return HardClosed
	case reached == HardClosed, reached == Reopened:
		return Reopened
	case slices.ContainsFunc(SoftLocks(), func(k LockKind) bool { return l.covers(k, p) }):
		return SoftClosed
	}
	return Open
}

// A Closing is what a plan says about the locks of one period.
type Closing struct {
	Period  Period
	End     time.Time // the first instant after the period
	Ends    time.Time // when the close is planned to end; zero when the plan has none
	Target  time.Time // when it must be closed hard
	Soft    []SoftClose
	Reached State // how far the ERP was seen closed before
}

// A SoftClose is a lock that a milestone sets.
type SoftClose struct {
	Milestone string
	Kind      LockKind
	Due       time.Time
}

// A FindingKind is a way in which locks and plan differ.
type FindingKind string

// Finding kinds.
const (
	NotLocked   FindingKind = "not-locked"   // due, and not set
	LockedEarly FindingKind = "locked-early" // set before the plan has it
	WasReopened FindingKind = "reopened"
	Overrunning FindingKind = "overrun"   // its close goes on past its planned end
	Excepted    FindingKind = "exception" // a lock is open for somebody although the period is closed hard
)

// A Finding is a difference between the plan and the locks, in words.
type Finding struct {
	Kind   FindingKind
	Lock   LockKind // "" for a finding about the whole period
	Text   string
	Remedy string
}

// Against compares the locks with the plan for a period at an instant. No lock
// that the plan does not ask for is missed.
func Against(c Closing, l Locks, at time.Time) []Finding {
	var out []Finding
	state := l.State(c.Period, c.Reached)
	name := c.Period.Name
	switch {
	case state == Reopened:
		out = append(out, Finding{WasReopened, "", name + " was closed hard and is open again", "ask the close manager who reopened it and why, and record an extension"})
	case state != HardClosed && !at.Before(c.Target):
		out = append(out, Finding{
			NotLocked, FiscalYearLock, fmt.Sprintf("%s should be closed hard since %s and is not: state %s", name, stamp(c.Target), state),
			"set the lock date, or record an extension with its approver",
		})
	case state == HardClosed && at.Before(c.End):
		out = append(out, Finding{
			LockedEarly, FiscalYearLock, fmt.Sprintf("%s is closed hard before it ends on %s: nothing more can be posted in it", name, c.Period.Last),
			"check the lock date with the close manager",
		})
	}
	if state != HardClosed {
		out = append(out, softFindings(c, l, at)...)
	}
	for _, x := range l.Exceptions {
		if state == HardClosed && l.opens(x, c.Period, at) {
			out = append(out, exceptionFinding(x, name))
		}
	}
	return out
}

func softFindings(c Closing, l Locks, at time.Time) []Finding {
	var out []Finding
	for _, s := range c.Soft {
		set := l.covers(s.Kind, c.Period)
		switch {
		case !set && !at.Before(s.Due):
			out = append(out, Finding{
				NotLocked, s.Kind, fmt.Sprintf("%s of %s: %s should be set since %s", s.Milestone, c.Period.Name, s.Kind, stamp(s.Due)),
				"set it, or record an extension with its approver",
			})
		case set && at.Before(s.Due):
			out = append(out, Finding{
				LockedEarly, s.Kind, fmt.Sprintf("%s of %s: %s is set already, the plan has it on %s", s.Milestone, c.Period.Name, s.Kind, stamp(s.Due)),
				"tell those who still expect to post, or open it until then",
			})
		}
	}
	return out
}

func exceptionFinding(x LockException, period string) Finding {
	who, until := "one user", "until "+stamp(x.Until)
	if x.Everyone {
		who = "everyone"
	}
	if x.Until.IsZero() {
		until = "for ever"
	}
	return Finding{
		Excepted, x.Kind, fmt.Sprintf("%s is closed hard, and an exception opens %s for %s %s", period, x.Kind, who, until),
		"end the exception, or have the controller confirm it",
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// Closing returns what the plan says about the locks of a period; false when
// it is not in the compiled time.
func (tl *Timeline) Closing(period string, reached State) (Closing, bool) {
	for i := range tl.closes {
		if tl.closes[i].period.Name == period {
			return tl.closing(&tl.closes[i], reached), true
		}
	}
	return Closing{}, false
}

// Closings returns what the plan says about the locks of the periods that matter
// at an instant: the one it lies in, and those that ended up to two months ago.
// How far they were seen closed is for the caller to say.
func (tl *Timeline) Closings(at time.Time) []Closing {
	day := tl.civil(at.Unix())
	var out []Closing
	for i := range tl.closes {
		if p := tl.closes[i].period; !day.Before(p.First) && day.Sub(p.Last) <= lead {
			out = append(out, tl.closing(&tl.closes[i], ""))
		}
	}
	return out
}

func (tl *Timeline) closing(c *closing, reached State) Closing {
	works, zone := tl.plan.works(), tl.plan.zone()
	out := Closing{Period: c.period, End: c.period.Last.Add(1).In(zone), Target: time.Unix(c.target, 0).UTC(), Reached: reached}
	if s, has := c.spans[Close]; has {
		out.Ends = time.Unix(s.to, 0).UTC()
	}
	for _, m := range c.plan.Milestones {
		if due, ok := m.Due.in(c.period, works, zone); ok && m.SoftClose != "" {
			out.Soft = append(out.Soft, SoftClose{m.ID, m.SoftClose, due.UTC()})
		}
	}
	return out
}
