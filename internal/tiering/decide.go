package tiering

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// Rules are the numbers of the decision that are not in the table.
type Rules struct {
	// Prolonged is how long a recovery point must stay beyond its objective,
	// and blindness last, before it counts.
	Prolonged time.Duration
	// SlackGuard bounds how far ahead a deadline matters.
	SlackGuard time.Duration
}

// DefaultRules are used in production; a demo scales them.
func DefaultRules() Rules { return Rules{Prolonged: 2 * time.Minute, SlackGuard: 24 * time.Hour} }

// A Reason is one finding in words, with the row that judged it.
type Reason struct {
	Symptom Symptom `json:"symptom"`
	Row     string  `json:"row"`
	Tier    Tier    `json:"tier"`
	Text    string  `json:"text"`    // what was found: "invoice-posting failed at post twice (rejected)"
	Because string  `json:"because"` // why that means this tier
}

// A Step is one row considered for one symptom.
type Step struct {
	Row     string  `json:"row"`
	Symptom Symptom `json:"symptom"`
	Matched bool    `json:"matched"`
	Tier    Tier    `json:"tier"`
	Why     string  `json:"why"` // what was missing, or that it matched
}

// Slack is the time left before a deadline after catching up.
type Slack struct {
	Deadline string        `json:"deadline"`
	At       time.Time     `json:"at"`
	CatchUp  time.Duration `json:"catch_up_ns"`
	Left     time.Duration `json:"left_ns"` // negative: it cannot be met any more
}

// A Verdict is Decide's answer for one subject at one tick.
type Verdict struct {
	Key
	At          time.Time           `json:"at"`
	Tier        Tier                `json:"tier"`
	Unknown     bool                `json:"unknown"` // nothing tells whether the outcome works
	Paused      bool                `json:"paused"`  // deliberately not exercised, and no users seen
	ServiceTier process.ServiceTier `json:"service_tier"`
	Phase       string              `json:"phase"`
	CriticalWhy string              `json:"critical_why,omitempty"` // why the process is in its critical window; "" when it is not
	Reasons     []Reason            `json:"reasons"`
	Witnesses   []string            `json:"witnesses"`
	Facts       Fact                `json:"-"`
	Cause       *Cause              `json:"cause,omitempty"`
	FailsAt     string              `json:"fails_at,omitempty"`   // the step of its flow and the kind of failure; "" when no flow fails
	Candidates  []Candidate         `json:"candidates,omitempty"` // what may be behind it, the most probable first
	Suspicion   Suspicion           `json:"suspicion,omitzero"`
	RuledOut    []string            `json:"ruled_out"` // the components of Excluded
	Excluded    []Exclusion         `json:"excluded,omitempty"`
	Slack       *Slack              `json:"slack,omitempty"`
	NotWatched  []string            `json:"not_watched"`
	Trace       []Step              `json:"trace"`
}

// Headline is the first reason's text, or why there is none.
func (v Verdict) Headline() string {
	switch {
	case len(v.Reasons) > 0:
		return v.Reasons[0].Text
	case v.Paused:
		return "not exercised: its flows are held back"
	case v.Unknown:
		return "unknown: nothing has measured it yet"
	default:
		return "works"
	}
}

// Decide judges one subject. It is a pure function of its arguments.
func Decide(at time.Time, e Evidence, rules Rules) Verdict {
	v := Verdict{Key: e.Key, At: at, ServiceTier: serviceTier(e), Phase: e.Place.String(), CriticalWhy: e.CriticalWhy, NotWatched: e.NotWatched}
	found := anomalies(e, symptoms(at, e, rules))
	v.diagnosed(at, &e, rules)
	v.FailsAt = failsAt(e)
	v.Unknown, v.Paused = measured(e)
	v.Witnesses = witnesses(e, v.Cause)
	v.Slack = slack(at, e, rules)
	common := facts(e, v)
	for _, s := range found {
		have := common | s.facts
		for _, row := range Table() {
			if row.Symptom != s.symptom {
				continue
			}
			step := Step{Row: row.ID, Symptom: row.Symptom, Tier: row.For(v.ServiceTier)}
			missing, excluded := row.If&^have, row.Unless&have
			step.Matched = missing == 0 && excluded == 0
			switch {
			case step.Matched:
				step.Why = s.text
			case missing != 0:
				step.Why = "not " + missing.String()
			default:
				step.Why = "but " + excluded.String()
			}
			v.Trace = append(v.Trace, step)
			if step.Matched {
				v.Facts |= have
				if step.Tier > None {
					v.Reasons = append(v.Reasons, Reason{s.symptom, row.ID, step.Tier, s.text, row.Because})
				}
				v.Tier = max(v.Tier, step.Tier)
				break
			}
		}
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return cmp.Compare(b.Tier, a.Tier) })
	return v
}

// serviceTier is how much the process matters now.
func serviceTier(e Evidence) process.ServiceTier {
	return e.Process.TierIn(e.Critical)
}

type finding struct {
	symptom Symptom
	text    string
	facts   Fact
}

// symptoms lists what is impaired, in the table's order.
func symptoms(at time.Time, e Evidence, rules Rules) []finding {
	var out []finding
	if text := failing(e); text != "" {
		out = append(out, finding{Failing, text, 0})
	}
	if r := e.Recovery; r.Known && !r.BeyondSince.IsZero() {
		f := finding{RecoveryPoint, fmt.Sprintf("recovery point: %s of committed work is %s (objective %s)",
			short(r.Exposure), r.nowhere(), short(e.Process.RecoveryIn(e.Critical).RPO)), 0}
		if at.Sub(r.BeyondSince) >= rules.Prolonged {
			f.facts = Prolonged
		}
		out = append(out, f)
	}
	for _, w := range e.Work {
		if w.Missing {
			f := finding{WorkMissing, "expected work missing: " + w.Says + " (" + w.Why + ")", 0}
			if w.Source == process.History {
				f.facts = Unusual
			}
			out = append(out, f)
		}
	}
	if b, n := firing(e.Burns, "availability", false); n > 0 {
		out = append(out, finding{BurningSlowly, fmt.Sprintf("%s: %d of %d failed, error budget burns %.1f times too fast (%s)", who(b.Source), b.Bad, b.Total, b.Rate, b.Window), 0})
	}
	if b, n := firing(e.Burns, "latency", true); n > 0 {
		out = append(out, finding{Slow, fmt.Sprintf("%s: %d of %d took longer than the objective (%s)", who(b.Source), b.Bad, b.Total, b.Window), 0})
	}
	if slices.ContainsFunc(out, func(f finding) bool { return f.facts&Unusual == 0 }) {
		return out
	}
	if unknown, paused := measured(e); unknown && !paused {
		f := finding{Blind, "nothing measures the outcome: " + blindness(e), 0}
		if since := blindSince(e); !since.IsZero() && at.Sub(since) >= rules.Prolonged {
			f.facts = Prolonged
		}
		out = append(out, f)
	}
	for _, n := range e.Needs {
		if n.State == signal.Critical {
			f := finding{CauseOnly, fmt.Sprintf("%s is unhealthy: %s", n.Component, strings.Join(n.Evidence, "; ")), 0}
			if n.Role == process.Hard {
				f.facts = OnThePath
			}
			return append(out, f)
		}
	}
	return out
}

// failsAt is where the first flow that fails does: "post-invoice (rejected)".
func failsAt(e Evidence) string {
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			return fmt.Sprintf("%s (%s)", f.Step, f.Kind)
		}
	}
	return ""
}

// failing describes a failing outcome, or returns "".
func failing(e Evidence) string {
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
	for _, b := range e.Burns {
		if b.Firing && b.Fast && b.Indicator == "availability" {
			return fmt.Sprintf("%s: %d of %d failed (%s)", who(b.Source), b.Bad, b.Total, b.Window)
		}
	}
	return ""
}

// firing returns the fastest firing burn of an indicator and how many fire.
func firing(burns []Burn, indicator string, includeFast bool) (worst Burn, n int) {
	for _, b := range burns {
		if b.Firing && b.Indicator == indicator && (includeFast || !b.Fast) {
			if n == 0 || b.Rate > worst.Rate {
				worst = b
			}
			n++
		}
	}
	return worst, n
}

// measured reports whether anything tells if the outcome works, and when
// nothing does, whether that is deliberate.
func measured(e Evidence) (unknown, paused bool) {
	if slices.ContainsFunc(e.Work, Work.Continuous) {
		return false, false
	}
	if len(e.Flows) == 0 {
		traffic := slices.ContainsFunc(e.Burns, func(b Burn) bool { return b.Total > 0 })
		return len(e.Work) == 0 && !traffic, false
	}
	paused = true
	for _, f := range e.Flows {
		switch f.State {
		case FlowPassing, FlowFailing:
			return false, false
		case FlowBlocked:
		default:
			paused = false
		}
	}
	return true, paused
}

func blindness(e Evidence) string {
	parts := make([]string, 0, len(e.Flows))
	for _, f := range e.Flows {
		parts = append(parts, f.Name+" "+f.State.String())
	}
	if len(parts) == 0 {
		return "no flow, no user operation and no expected work is known for it"
	}
	return strings.Join(parts, ", ")
}

func blindSince(e Evidence) time.Time {
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

// witnesses lists what confirms that the outcome fails.
func witnesses(e Evidence, c *Cause) []string {
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
	usersFail := false
	for _, b := range e.Burns {
		if b.Firing && b.Fast && b.Source == "users" && b.Indicator == "availability" {
			usersFail = true
		}
	}
	if flowFails && usersFail {
		out = append(out, "real users fail too")
	}
	if (flowFails || usersFail) && c != nil && c.State == signal.Critical {
		out = append(out, c.Component+" is unhealthy")
	}
	// A ledger that stands still confirms nothing by itself: nights are quiet.
	if len(out) > 0 && flowFails && e.Progress.Known && !usersFine(e) {
		out = append(out, "no entry of users is being posted")
	}
	return out
}

// facts gathers what holds for the subject as a whole.
func facts(e Evidence, v Verdict) Fact {
	var f Fact
	if len(v.Witnesses) > 0 {
		f |= Witnessed
	}
	if usersFine(e) {
		f |= UsersFine
	}
	if e.Critical {
		f |= InWindow
	}
	if v.Slack != nil {
		if v.Slack.Left < 0 {
			f |= SlackGone | SlackShort
		} else if v.Slack.Left < e.Process.Recovery.RTO {
			f |= SlackShort
		}
	}
	return f
}

// usersFine holds while the ledger goes on advancing beside the failing runs:
// HTTP success proves nothing, a posted entry does. What counts is an advance
// since the last failing run but one, so that entries posted just before it all
// stopped do not count for ever.
func usersFine(e Evidence) bool {
	if !e.Progress.Known {
		return false
	}
	for _, b := range e.Burns {
		if b.Firing && b.Fast && b.Source == "users" && b.Indicator == "availability" {
			return false
		}
	}
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			return e.Progress.Advanced.After(f.Previous)
		}
	}
	return false
}

// slack returns the tightest deadline's slack, or nil when none is near.
func slack(at time.Time, e Evidence, rules Rules) *Slack {
	var tightest *Slack
	consider := func(name string, due time.Time, catchUp time.Duration) {
		s := &Slack{Deadline: name, At: due, CatchUp: catchUp, Left: due.Sub(at) - catchUp}
		if tightest == nil || s.Left < tightest.Left {
			tightest = s
		}
	}
	var backlog time.Duration
	for _, w := range e.Work {
		if w.Due.IsZero() {
			continue
		}
		catchUp := w.CatchUp
		if !w.Drains && w.Missing {
			catchUp = e.Process.Recovery.RTO // nothing drains: assume it must be recovered first
		}
		backlog = max(backlog, catchUp)
		if w.Missing {
			consider(w.Says, w.Due, catchUp)
		}
	}
	for _, d := range e.Deadlines {
		if d.At.Sub(at) <= rules.SlackGuard {
			consider(d.Title, d.At, backlog)
		}
	}
	return tightest
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
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	default:
		return fmt.Sprintf("%dh%02dm", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
}
