package collector

import "time"

const (
	// streak is how many runs in a row it takes to change a task's pace.
	streak = 2
	// maxStretch is how many intervals a task waits between runs at most.
	maxStretch = 8
)

// A pace is how long a task waits from one run to the next. Runs that cost more
// than they may double the interval, good ones halve it again, both after a
// streak of them.
type pace struct {
	normal, longest time.Duration
	interval        time.Duration // from normal to longest
	costly, good    int           // runs in a row
}

// newPace returns the normal pace of a task. One without a budget keeps it: a
// check is there to look at what is slow. The others are never stretched so far that
// results would be withdrawn, or would no longer be current, before the next
// run has ended: being asked less must not look like not answering.
func newPace(t Task, withdraw time.Duration) pace {
	current := withdraw
	if t.Fresh > 0 {
		current = min(current, t.Fresh)
	}
	longest := min(maxStretch*t.Interval, current-t.Timeout-patience)
	if t.Budget == (Budget{}) {
		longest = t.Interval
	}
	return pace{normal: t.Interval, longest: max(longest, t.Interval), interval: t.Interval}
}

// An outcome is what a run says about the pace.
type outcome int

const (
	silent outcome = iota // it failed at once and learnt nothing: neither
	good
	costly
)

// after takes note of a run and reports whether the interval was made longer.
func (p *pace) after(o outcome) (longer bool) {
	switch o {
	case costly:
		p.costly, p.good = p.costly+1, 0
	case good:
		p.costly, p.good = 0, p.good+1
	default:
		return false
	}
	before := p.interval
	switch {
	case p.costly == streak:
		p.costly, p.interval = 0, min(2*p.interval, p.longest)
	case p.good == streak:
		p.good, p.interval = 0, max(p.interval/2, p.normal)
	}
	return p.interval > before
}
