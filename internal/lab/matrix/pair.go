package matrix

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Pair is two faults at once, as seen by one subject that both impair.
type Pair struct {
	A, B    string // the faults
	Process string
	First   string // the candidates that are put first and second; "" when there is none
	Second  string
	// Right says that the cause of one of them is first: of the one that lies
	// deeper, when the other rests on it, or else of one that is critical when the
	// other is only a warning. The other must be second where anything but the way
	// in which a flow fails shows it.
	Right bool
	Why   string // what is wrong; "" when it is right
}

// Pairs lays every two faults over one another. Two that impair no subject both
// make no pair.
func Pairs(cases []Case) []Pair {
	var out []Pair
	for i, a := range cases {
		for _, b := range cases[i+1:] {
			if p, ok := pair(a, b); ok {
				out = append(out, p)
			}
		}
	}
	return out
}

// pair judges the first subject, the one that either looked at first, of which
// each fault alone is found to be the cause.
func pair(a, b Case) (Pair, bool) {
	for _, name := range append([]string{a.Process, b.Process}, subjects(a)...) {
		sa, seenA := a.of(name)
		sb, seenB := b.of(name)
		if !seenA || !seenB || !sa.impaired() || !sb.impaired() {
			continue
		}
		fa, okA := first(a, sa)
		fb, okB := first(b, sb)
		if okA && okB {
			both, at := over(a, b, sa, sb)
			a.At = at
			return judged(a, b, both, fa, fb), true
		}
	}
	return Pair{}, false
}

func subjects(c Case) []string {
	var out []string
	for _, s := range c.Seen {
		out = append(out, s.Process)
	}
	return out
}

// first is the cause, when it is the candidate that is put first.
func first(c Case, s Seen) (tiering.Candidate, bool) {
	ranked := c.ranked(s)
	if len(ranked) == 0 || !slices.Contains(c.Causes, Name(ranked[0])) {
		return tiering.Candidate{}, false
	}
	return ranked[0], true
}

func judged(a, b Case, both Seen, fa, fb tiering.Candidate) Pair {
	p := Pair{A: a.Fault, B: b.Fault, Process: both.Process}
	ranked := a.ranked(both)
	if len(ranked) > 0 {
		p.First = Name(ranked[0])
	}
	if len(ranked) > 1 {
		p.Second = Name(ranked[1])
	}
	isA, isB := slices.Contains(a.Causes, p.First), slices.Contains(b.Causes, p.First)
	switch {
	case !isA && !isB:
		p.Why = "neither is first"
	case isA && !isB && below(both, fb, fa), isB && !isA && below(both, fa, fb):
		p.Why = "the other lies deeper"
	case isA && !isB && graver(fb, fa), isB && !isA && graver(fa, fb):
		p.Why = "the other is critical"
	case isA && !isB && shows(fb, b, fa, both) && !slices.Contains(b.Causes, p.Second),
		isB && !isA && shows(fa, a, fb, both) && !slices.Contains(a.Causes, p.Second):
		p.Why = "the other is not second"
	default:
		p.Right = true
	}
	return p
}

// below reports whether what stops one component lies beneath the other.
func below(s Seen, deep, high tiering.Candidate) bool {
	if deep.State != signal.Critical || deep.Inferred {
		return false
	}
	i := slices.IndexFunc(s.Needs, func(n tiering.Need) bool { return n.Component == high.Component })
	return i >= 0 && slices.Contains(s.Needs[i].DependsOn, deep.Component)
}

// graver reports whether one is measured to be critical and the other only to be
// a warning.
func graver(a, b tiering.Candidate) bool {
	return !a.Inferred && !b.Inferred && a.State == signal.Critical && b.State == signal.Warning
}

// shows reports whether a cause can still be told while another is there too. One
// that a component in the same trouble, or beneath it, accounts for cannot: it is
// found when that is mended. Nor can one that is inferred from how a flow fails
// when the flow does not get that far.
func shows(c tiering.Candidate, from Case, other tiering.Candidate, both Seen) bool {
	if c.Component == other.Component && other.State == signal.Critical || below(both, other, c) {
		return false
	}
	if !c.Inferred {
		return true
	}
	alone, _ := from.of(both.Process)
	for _, f := range alone.Flows {
		if f.State != tiering.FlowFailing {
			continue
		}
		i := slices.IndexFunc(both.Flows, func(o tiering.Flow) bool { return o.Name == f.Name })
		if i < 0 || both.Flows[i].Kind != f.Kind {
			return false
		}
	}
	return true
}

// over lays what was seen under one fault over what was seen under another, as
// if both had been injected at the same instant, and returns it with the instant
// of the later verdict.
func over(a, b Case, sa, sb Seen) (Seen, time.Time) {
	by := a.Injected.Sub(b.Injected)
	at := b.At.Add(by)
	if at.Before(a.At) {
		at = a.At
	}
	sb = moved(sb, by)
	out := sa
	out.Flows, out.Needs = slices.Clone(sa.Flows), slices.Clone(sa.Needs)
	for i := range out.Flows {
		if j := slices.IndexFunc(sb.Flows, func(f tiering.Flow) bool { return f.Name == out.Flows[i].Name }); j >= 0 {
			out.Flows[i] = worse(out.Flows[i], sb.Flows[j])
		}
	}
	for i := range out.Needs {
		if j := slices.IndexFunc(sb.Needs, func(n tiering.Need) bool { return n.Component == out.Needs[i].Component }); j >= 0 {
			out.Needs[i] = worst(out.Needs[i], sb.Needs[j])
		}
	}
	out.Burns = append(slices.Clone(sa.Burns), sb.Burns...)
	out.Work = append(slices.Clone(sa.Work), sb.Work...)
	out.Changes = append(slices.Clone(sa.Changes), sb.Changes...)
	out.Findings = append(slices.Clone(sa.Findings), sb.Findings...)
	if sb.Progress.Advanced.Before(sa.Progress.Advanced) {
		out.Progress = sb.Progress
	}
	if beyond := sa.Recovery.BeyondSince; beyond.IsZero() || sb.Recovery.BeyondSince.Before(beyond) && !sb.Recovery.BeyondSince.IsZero() {
		out.Recovery = sb.Recovery
	}
	return out, at
}

// onTheWay are kinds of failure in the order in which a request meets them:
// whatever comes first hides what would have come.
var onTheWay = []fault.Kind{
	fault.DNS, fault.Unreachable, fault.TLS, fault.Unavailable, fault.Timeout, fault.Limit, fault.Schema, fault.Auth, fault.Denied,
	fault.Internal, fault.Conflict, fault.Locked, fault.Rejected, fault.Assertion, fault.Blocked,
}

// worse is the flow that fails, or of two the one that gets less far. What has
// failed longer has failed longer.
func worse(a, b tiering.Flow) tiering.Flow {
	switch {
	case b.State != tiering.FlowFailing:
		return a
	case a.State != tiering.FlowFailing:
		return b
	}
	if slices.Index(onTheWay, b.Kind) < slices.Index(onTheWay, a.Kind) {
		a, b = b, a
	}
	if b.FirstFailure.Before(a.FirstFailure) {
		a.FirstFailure = b.FirstFailure
	}
	return a
}

// worst is a component with what is wrong with it under either fault.
func worst(a, b tiering.Need) tiering.Need {
	out := a
	switch {
	case signal.Worst(a.State, b.State) != a.State:
		out.State, out.Since = b.State, b.Since
	case a.State == b.State && b.Since.Before(a.Since):
		out.Since = b.Since
	}
	out.Signals = slices.Clone(a.Signals)
	for _, s := range b.Signals {
		i := slices.IndexFunc(out.Signals, func(o tiering.SignalSeen) bool { return o.Name == s.Name })
		switch {
		case i < 0:
			out.Signals = append(out.Signals, s)
		case s.State > out.Signals[i].State || s.State == out.Signals[i].State && s.Since.Before(out.Signals[i].Since):
			out.Signals[i] = s
		}
	}
	out.Evidence = append(slices.Clone(a.Evidence), b.Evidence...)
	out.Fine = slices.DeleteFunc(slices.Clone(a.Fine), func(f string) bool { return !slices.Contains(b.Fine, f) })
	out.Fails = union(a.Fails, b.Fails)
	out.Works = slices.DeleteFunc(slices.Clone(a.Works), func(w string) bool { return !slices.Contains(b.Works, w) })
	return out
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// moved shifts every instant of what was seen.
func moved(s Seen, by time.Duration) Seen {
	shift := func(ts ...*time.Time) {
		for _, t := range ts {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
	s.Flows, s.Work, s.Needs = slices.Clone(s.Flows), slices.Clone(s.Work), slices.Clone(s.Needs)
	s.Changes, s.Findings = slices.Clone(s.Changes), slices.Clone(s.Findings)
	for i := range s.Flows {
		f := &s.Flows[i]
		shift(&f.Next, &f.FirstFailure, &f.Previous, &f.LastRun)
	}
	for i := range s.Work {
		w := &s.Work[i]
		shift(&w.Oldest, &w.Due, &w.Stalled, &w.Since)
	}
	for i := range s.Needs {
		n := &s.Needs[i]
		shift(&n.Since)
		n.Signals = slices.Clone(n.Signals)
		for j := range n.Signals {
			shift(&n.Signals[j].Since)
		}
	}
	for i := range s.Changes {
		shift(&s.Changes[i].At)
	}
	for i := range s.Findings {
		shift(&s.Findings[i].Since)
	}
	shift(&s.Progress.Advanced, &s.Recovery.BeyondSince)
	return s
}
