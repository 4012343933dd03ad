package calendar

import "time"

// Budgets are reckoned over stretches of the calendar. Each is half-open and
// begins and ends at the start of a civil day, or where the calendar says: a day
// on which clocks change has 23 or 25 hours.

// CivilMonth is the month of the civil calendar that t lies in, in the entity's
// time zone.
func (tl *Timeline) CivilMonth(t time.Time) (name string, from, to time.Time) {
	zone := tl.plan.zone()
	d := DateOf(t.In(zone))
	first, next := Date{d.Year, d.Month, 1}, Date{d.Year, d.Month + 1, 1}
	return t.In(zone).Format("2006-01"), first.In(zone), next.In(zone)
}

// FiscalPeriod is the period of the entity's fiscal year that t lies in; false
// when the fiscal calendar does not cover it.
func (tl *Timeline) FiscalPeriod(t time.Time) (name string, from, to time.Time, ok bool) {
	fiscal, zone := tl.plan.Fiscal, tl.plan.zone()
	if fiscal == nil {
		fiscal = Monthly()
	}
	p, ok := fiscal.Month(DateOf(t.In(zone)))
	if !ok {
		return "", time.Time{}, time.Time{}, false
	}
	return p.Name, p.First.In(zone), p.Last.Add(1).In(zone), true
}

// CriticalSpan is the whole critical window of a process that t lies in; false
// outside one, and for one without a beginning. Where the process has no window
// of its own, it is pre-close and close of a period together. One that ends when
// a lock is set, and is overdue, ends with the day that t lies in: its end moves.
func (tl *Timeline) CriticalSpan(process string, windows []Window, t time.Time) (from, to time.Time, ok bool) {
	if len(windows) == 0 {
		from, to = tl.criticalPhases(t.Unix())
		return from, to, !from.IsZero()
	}
	c := tl.Critical(process, windows, t)
	if c.Until.IsZero() {
		zone := tl.plan.zone()
		c.Until = DateOf(t.In(zone)).Add(1).In(zone)
	}
	return c.From, c.Until, c.Critical && !c.From.IsZero()
}

// criticalPhases are pre-close and close of the period whose pre-close or close
// an instant lies in; zero when it lies in neither, and when that is in doubt.
func (tl *Timeline) criticalPhases(at int64) (from, to time.Time) {
	if at < tl.from || at >= tl.to {
		return time.Time{}, time.Time{}
	}
	first := tl.index(at)
	last := first
	here := tl.places[first]
	same := func(i int) bool {
		return i >= 0 && i < len(tl.places) && tl.places[i].Phase.Critical() && tl.places[i].Doubt == "" && tl.places[i].Period == here.Period
	}
	if !same(first) {
		return time.Time{}, time.Time{}
	}
	for same(first - 1) {
		first--
	}
	for same(last + 1) {
		last++
	}
	return time.Unix(tl.starts[first], 0).UTC(), time.Unix(tl.endOf(last), 0).UTC()
}

// PhaseSpan is the whole phase that t lies in, a freeze or maintenance within it
// included; false where the calendar is in doubt, and for one that begins or ends
// outside the compiled time.
func (tl *Timeline) PhaseSpan(t time.Time) (from, to time.Time, ok bool) {
	at := t.Unix()
	if at < tl.from || at >= tl.to {
		return time.Time{}, time.Time{}, false
	}
	first := tl.index(at)
	last := first
	here := tl.places[first]
	same := func(i int) bool {
		return i >= 0 && i < len(tl.places) && tl.places[i].Phase == here.Phase && tl.places[i].Period == here.Period && tl.places[i].Doubt == ""
	}
	for same(first - 1) {
		first--
	}
	for same(last + 1) {
		last++
	}
	if here.Doubt != "" || first == 0 || last == len(tl.places)-1 {
		return time.Time{}, time.Time{}, false
	}
	return time.Unix(tl.starts[first], 0).UTC(), time.Unix(tl.endOf(last), 0).UTC(), true
}
