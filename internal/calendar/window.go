package calendar

import (
	"cmp"
	"fmt"
	"time"
)

// A WindowKind says what a critical window is tied to.
type WindowKind string

// Window kinds.
const (
	Always         WindowKind = "always"
	WorkingDays    WindowKind = "working_days"    // whole days around the period's end
	BeforeDeadline WindowKind = "before_deadline" // up to each deadline of the process
)

// A Window is when a process matters more than usual.
type Window struct {
	Kind       WindowKind
	From, To   int           // of WorkingDays: WD±n, both inclusive
	Before     time.Duration // of BeforeDeadline: this long, and
	BeforeDays int           // from the start of this many working days before its day, whichever is earlier
	// Says is the window in words: "4 h before the payment cut-off"; "" is said
	// by its places.
	Says string
}

// Criticality says whether a process is in its critical window.
type Criticality struct {
	Critical bool
	Why      string    // "close of 2026-11", "4 h before the payment cut-off: SEPA file"; "" when it is not
	Until    time.Time // zero when it does not end, or nobody knows
	From     time.Time // of the window; zero when it does not begin, or nobody knows
}

// Critical tells whether a process is in one of its windows at t, in that which
// ends last when it is in several; without windows of its own, pre-close and
// close are. A calendar in doubt is critical for every process.
func (tl *Timeline) Critical(process string, windows []Window, t time.Time) Criticality {
	place := tl.At(t)
	switch {
	case place.Doubt != "":
		return Criticality{Critical: true, Why: "the calendar is in doubt: " + place.Doubt}
	case len(windows) == 0 && place.Critical():
		from, _ := tl.criticalPhases(t.Unix())
		return Criticality{true, place.String(), place.Ends, from}
	}
	var out Criticality
	for _, w := range windows {
		if c := tl.window(process, w, t); c.Critical && (!out.Critical || c.outlasts(out)) {
			out = c
		}
	}
	return out
}

// CriticalUntil is Critical, and until when it stays what it is at t.
func (tl *Timeline) CriticalUntil(process string, windows []Window, t time.Time) (c Criticality, until time.Time) {
	at := t.Unix()
	next := tl.to
	if at < tl.from || at >= tl.to {
		return tl.Critical(process, windows, t), t.Add(time.Second)
	}
	change := func(at2 int64) {
		if at2 > at {
			next = min(next, at2)
		}
	}
	change(tl.endOf(tl.index(at)))
	for _, w := range windows {
		switch w.Kind {
		case Always:
		case WorkingDays:
			tl.periodEndChanges(w, change)
		case BeforeDeadline:
			for _, d := range tl.Deadlines(t, process) {
				change(d.At.Unix())
				if from, ok := tl.before(w, d); ok {
					change(from.Unix())
				}
			}
		}
	}
	return tl.Critical(process, windows, t), time.Unix(next, 0).UTC()
}

// periodEndChanges tells when what a window around period ends says may change.
func (tl *Timeline) periodEndChanges(w Window, change func(int64)) {
	works, zone := tl.plan.works(), tl.plan.zone()
	for i := range tl.closes {
		p := tl.closes[i].period
		change(tl.closes[i].last - farFrom)
		change(tl.closes[i].last + farFrom + 1)
		first, ok := works.nth(p.Last, w.From)
		last, also := works.nth(p.Last, w.To)
		if !ok || !also {
			continue
		}
		planned := stretch{first.In(zone).Unix(), last.Add(1).In(zone).Unix()}
		s := tl.moved(tl.closes[i], planned)
		for _, at := range []int64{planned.from, planned.to, s.from, s.to} {
			change(at)
		}
	}
}

// outlasts reports whether c ends later, or not at all.
func (c Criticality) outlasts(other Criticality) bool {
	return !other.Until.IsZero() && (c.Until.IsZero() || c.Until.After(other.Until))
}

func (tl *Timeline) window(process string, w Window, t time.Time) Criticality {
	switch w.Kind {
	case Always:
		return Criticality{Critical: true, Why: "always critical"}
	case WorkingDays:
		return tl.aroundPeriodEnd(w, t)
	case BeforeDeadline:
		return tl.beforeDeadline(process, w, t)
	}
	return Criticality{}
}

// farFrom is how many seconds from a period's end no window around it reaches.
const farFrom = int64(lead * 24 * time.Hour / time.Second)

// aroundPeriodEnd looks at the ends of the periods around t. Without a day to
// count from, nobody can say that t is outside the window.
func (tl *Timeline) aroundPeriodEnd(w Window, t time.Time) Criticality {
	works, zone := tl.plan.works(), tl.plan.zone()
	for i := range tl.closes {
		p := tl.closes[i].period
		if t.Unix()-tl.closes[i].last > farFrom || tl.closes[i].last-t.Unix() > farFrom {
			continue
		}
		first, ok := works.nth(p.Last, w.From)
		last, also := works.nth(p.Last, w.To)
		if !ok || !also {
			return Criticality{Critical: true, Why: "the working days around the end of " + p.Name + " are not known"}
		}
		planned := stretch{first.In(zone).Unix(), last.Add(1).In(zone).Unix()}
		s := tl.moved(tl.closes[i], planned)
		from, to := time.Unix(s.from, 0).In(zone), time.Unix(s.to, 0).In(zone)
		if s.to == tl.to {
			to = time.Time{} // it ends when a lock is set
		}
		if !t.Before(from) && (to.IsZero() || t.Before(to)) {
			why := cmp.Or(w.Says, fmt.Sprintf("WD%+d to WD%+d", w.From, w.To)) + " of " + p.Name
			if t.Unix() >= planned.to {
				why += ", whose close goes on"
			}
			return Criticality{true, why, to, from}
		}
	}
	return Criticality{}
}

func (tl *Timeline) beforeDeadline(process string, w Window, t time.Time) Criticality {
	for _, d := range tl.Deadlines(t, process) {
		from, ok := tl.before(w, d)
		if !ok {
			return Criticality{Critical: true, Why: "the working days before " + d.Title + " are not known"}
		}
		if !t.Before(from) {
			if w.Says != "" {
				return Criticality{true, w.Says + ": " + d.Title, d.At, from}
			}
			return Criticality{true, "before " + d.Title, d.At, from}
		}
	}
	return Criticality{}
}

// before is when a window before a deadline begins; false when the working days
// before it are not known.
func (tl *Timeline) before(w Window, d Deadline) (from time.Time, ok bool) {
	from = d.At.Add(-w.Before)
	if w.BeforeDays == 0 {
		return from, true
	}
	zone := tl.plan.zone()
	first, ok := tl.plan.works().step(DateOf(d.At.Add(-time.Second).In(zone)), -w.BeforeDays) // one at 24:00 belongs to the day that ends
	if start := first.In(zone); ok && start.Before(from) {
		from = start
	}
	return from, ok
}
