package tiering

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A finding is a symptom that is present, and what holds for it alone.
type finding struct {
	symptom Symptom
	text    string
	facts   Fact
	// beside says that others tell more of the outcome: it counts only when it is
	// worse than all of them.
	beside bool
}

// symptoms lists what is impaired, in the order of Symptoms.
func symptoms(at time.Time, e *Evidence, rules Rules) []finding {
	var out []finding
	out = signalled(out, e, Integrity, SplitBrain)
	if text := failing(e); text != "" {
		out = append(out, finding{Failing, text, 0, false})
	}
	if b, n := firing(e.Burns, "availability", true); n > 0 {
		f := finding{BurningFast, failed(b), 0, false}
		if slices.ContainsFunc(e.Burns, Burn.withinHour) {
			f.facts = WithinHour
		}
		out = append(out, f)
	}
	out = signalled(out, e, FailedPosting)
	for _, f := range signalled(nil, e, PrimaryLost) {
		if lostForLong(at, e, rules) {
			f.facts |= Prolonged
		}
		out = append(out, f)
	}
	if r := e.Recovery; r.Known && !r.BeyondSince.IsZero() {
		f := finding{RecoveryPoint, fmt.Sprintf("recovery point: %s of committed work is %s (objective %s)",
			short(r.Exposure), r.nowhere(), short(e.Process.RecoveryIn(e.Critical).RPO)), 0, false}
		if at.Sub(r.BeyondSince) >= rules.Prolonged {
			f.facts = Prolonged
		}
		out = append(out, f)
	}
	for _, w := range e.Work {
		if w.Missing {
			f := finding{WorkMissing, "expected work missing: " + w.Says + " (" + w.Why + ")", 0, false}
			if w.Source == process.History {
				f.facts = Unusual
			}
			out = append(out, f)
		}
	}
	if text := late(at, e, rules); text != "" {
		out = append(out, finding{DeadlineRisk, text, 0, false})
	}
	if b, n := firing(e.Burns, "availability", false); n > 0 {
		f := finding{BurningSlowly, fmt.Sprintf("%s: %d of %d failed, error budget burns %.1f times too fast (%s)", who(b.Source), b.Bad, b.Total, b.Rate, b.Window), 0, false}
		if goesOn(e, "users") && goesOn(e, "synthetic") {
			f.facts = BothBurn
		}
		out = append(out, f)
	}
	if b, slow := slowest(e.Burns); slow {
		out = append(out, finding{Slow, fmt.Sprintf("%s: %d of %d took longer than the objective (%s)", who(b.Source), b.Bad, b.Total, b.Window), 0, false})
	}
	others := slices.ContainsFunc(out, func(f finding) bool { return f.facts&Unusual == 0 })
	if unknown, paused := measured(e); unknown && !paused {
		f := finding{Blind, "nothing measures the outcome: " + blindness(e), 0, others}
		if since := blindSince(e); !since.IsZero() && shouldBeSeen(e) && at.Sub(since) >= min(rules.Blind, e.Process.Recovery.RTO/10) {
			f.facts = Prolonged
		}
		out = append(out, f)
	}
	for _, n := range e.Needs {
		if n.State == signal.Critical {
			f := finding{CauseOnly, fmt.Sprintf("%s is unhealthy: %s", n.Component, strings.Join(n.Evidence, "; ")), 0, others}
			if n.Role == process.Hard {
				f.facts = OnThePath
			}
			return append(out, f)
		}
	}
	return out
}

// signalled adds the findings of some symptoms, in the order of the symptoms.
func signalled(out []finding, e *Evidence, of ...Symptom) []finding {
	for _, s := range of {
		for _, x := range e.Findings {
			if x.Symptom != s {
				continue
			}
			f := finding{s, x.Text, 0, false}
			if x.State == signal.Critical {
				f.facts = Severe
			}
			out = append(out, f)
		}
	}
	return out
}

// lostForLong reports whether a database has taken no writes for long, an
// application cannot work without it, and nothing else shows the outcome: two
// that tell the same stand for it.
func lostForLong(at time.Time, e *Evidence, rules Rules) bool {
	unseen, _ := measured(e)
	down := func(n Need) bool {
		return n.Kind == process.Odoo && n.Role == process.Hard && n.State == signal.Critical
	}
	return unseen && slices.ContainsFunc(e.Needs, down) && slices.ContainsFunc(e.Findings, func(f Finding) bool {
		return f.Symptom == PrimaryLost && at.Sub(f.Since) >= min(rules.Stalled, e.Process.Recovery.RTO/4)
	})
}

// failsAt is where the first flow that fails does: "post-invoice (rejected)".
func failsAt(e *Evidence) string {
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			return fmt.Sprintf("%s (%s)", f.Step, f.Kind)
		}
	}
	return ""
}

// failing describes a flow that fails, or returns "".
func failing(e *Evidence) string {
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			runs := "once"
			if f.Failures == 2 {
				runs = "twice in a row"
			} else if f.Failures > 2 {
				runs = fmt.Sprintf("%d times in a row", f.Failures)
			}
			return fmt.Sprintf("test transaction %s failed %s at step %s (%s)", f.Name, runs, f.Step, f.Kind)
		}
	}
	return ""
}

func failed(b Burn) string {
	return fmt.Sprintf("%s: %d of %d failed (%s)", who(b.Source), b.Bad, b.Total, b.Window)
}

// firing returns the burn of an indicator and pace that fires with the most
// failures among as many events, and how many fire.
func firing(all []Burn, indicator string, fast bool) (worst Burn, n int) {
	for _, b := range all {
		if b.Firing && b.Indicator == indicator && b.Fast == fast {
			if n == 0 || worse(b, worst) {
				worst = b
			}
			n++
		}
	}
	return worst, n
}

// slowest returns the latency burn that fires worst, fast or slow.
func slowest(all []Burn) (worst Burn, found bool) {
	for _, fast := range []bool{true, false} {
		if b, n := firing(all, "latency", fast); n > 0 && (!found || worse(b, worst)) {
			worst, found = b, true
		}
	}
	return worst, found
}

// worse compares the shares of two windows in integers; counts of events stay
// far below 2^32.
func worse(a, b Burn) bool { return a.Bad*b.Total > b.Bad*a.Total }

// goesOn reports whether a source burns the availability budget at any pace, and
// has seen failures within the last minutes: a slow window goes on firing
// for hours after it is mended.
func goesOn(e *Evidence, source string) bool {
	of := func(b Burn) bool { return b.Source == source && b.Indicator == "availability" }
	return slices.ContainsFunc(e.Burns, func(b Burn) bool { return of(b) && b.Firing }) &&
		slices.ContainsFunc(e.Burns, func(b Burn) bool { return of(b) && b.Lately > 0 && b.Length <= time.Hour })
}

// burnsFast reports whether a source burns the availability budget fast.
func burnsFast(e *Evidence, source string) bool {
	return slices.ContainsFunc(e.Burns, func(b Burn) bool {
		return b.Firing && b.Fast && b.Source == source && b.Indicator == "availability"
	})
}

// burnsNow reports whether a source burns the availability budget within the
// hour.
func burnsNow(e *Evidence, source string) bool {
	return slices.ContainsFunc(e.Burns, func(b Burn) bool { return b.Source == source && b.withinHour() })
}

// withinHour reports whether the pair fires for failures of the last hour.
func (b Burn) withinHour() bool {
	return b.Firing && b.Fast && b.Indicator == "availability" && b.Length > 0 && b.Length <= time.Hour
}

// measured reports whether anything tells if the outcome works, and when
// nothing does, whether that is deliberate.
func measured(e *Evidence) (unknown, paused bool) {
	if slices.ContainsFunc(e.Work, Work.Continuous) {
		return false, false
	}
	if len(e.Flows) == 0 {
		traffic := slices.ContainsFunc(e.Burns, func(b Burn) bool { return b.Total > 0 })
		return len(e.Work) == 0 && !traffic, false
	}
	paused = true
	for i := range e.Flows {
		switch e.Flows[i].State {
		case FlowPassing, FlowFailing:
			return false, false
		case FlowBlocked:
		default:
			paused = false
		}
	}
	return true, paused
}

func blindness(e *Evidence) string {
	parts := make([]string, 0, len(e.Flows))
	for _, f := range e.Flows {
		parts = append(parts, f.Name+" "+f.State.String())
	}
	if len(parts) == 0 {
		return "no flow, no user operation and no expected work is known for it"
	}
	return strings.Join(parts, ", ")
}

// shouldBeSeen reports whether something should tell of the outcome and does
// not. Work that is only looked at around its time is not missed at others.
func shouldBeSeen(e *Evidence) bool {
	return len(e.Unseen) > 0 || slices.ContainsFunc(e.Flows, func(f Flow) bool { return f.State == FlowStale })
}

// blindSince is since when nothing tells of the outcome: as the evidence says, or
// else since the newest run of a flow that has stopped.
func blindSince(e *Evidence) time.Time {
	if !e.UnseenSince.IsZero() {
		return e.UnseenSince
	}
	var since time.Time
	for _, f := range e.Flows {
		if f.State == FlowStale && f.LastRun.After(since) {
			since = f.LastRun
		}
	}
	return since
}

// witnesses lists what confirms that the outcome fails. Posting that fails
// severely has failed many real users.
func witnesses(e *Evidence, c *Cause) []string {
	var out []string
	flowFails := false
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			flowFails = true
			if f.Failures >= 2 {
				out = append(out, fmt.Sprintf("%d failing runs of %s in a row", f.Failures, f.Name))
			}
		}
	}
	// What burns within the hour fails now, or did five minutes ago; longer windows
	// go on firing after it is mended.
	testsFail := flowFails || burnsNow(e, "synthetic")
	usersFail := burnsNow(e, "users") || burnsFast(e, "users") && flowFails
	if testsFail && usersFail {
		out = append(out, "real users fail too")
	}
	posting := has(e, FailedPosting, signal.Critical)
	if testsFail && posting {
		out = append(out, "posting in the background fails too")
	}
	if (testsFail || burnsFast(e, "users") || posting) && c != nil && c.State == signal.Critical && !c.Past {
		out = append(out, c.Component+" is unhealthy")
	}
	// A ledger that stands still confirms nothing by itself: nights are quiet.
	if len(out) > 0 && flowFails && e.Progress.Known && !usersFine(e) {
		out = append(out, "no entry of users is being posted")
	}
	return out
}

// has reports whether a symptom was found by a signal at least as bad.
func has(e *Evidence, s Symptom, state signal.State) bool {
	return slices.ContainsFunc(e.Findings, func(f Finding) bool { return f.Symptom == s && f.State >= state })
}

// usersFine holds while the ledger goes on advancing beside the failing runs:
// HTTP success proves nothing, a posted entry does. What counts is an advance
// since the last failing run but one, so that entries posted just before it all
// stopped do not count for ever.
func usersFine(e *Evidence) bool {
	if !e.Progress.Known || burnsFast(e, "users") {
		return false
	}
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			return e.Progress.Advanced.After(f.Previous)
		}
	}
	return false
}

func who(source string) string {
	if source == "users" {
		return "real users"
	}
	return "test transactions"
}

// short renders a duration as people say it: 95s, 12m, 3h06m.
func short(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < 0:
		return "-" + short(-d)
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	default:
		return fmt.Sprintf("%dh%02dm", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
}
