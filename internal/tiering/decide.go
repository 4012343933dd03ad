package tiering

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
)

// Rules are the numbers of the decision that are not in the table.
type Rules struct {
	// Prolonged is how long a recovery point must stay beyond its objective
	// before it counts.
	Prolonged time.Duration `json:"prolonged_ns"`
	// Blind is how long nothing may tell whether an outcome works before that
	// counts, or a tenth of its RTO where that is less.
	Blind time.Duration `json:"blind_ns"`
	// Stalled is how long nothing may move: nothing of a backlog be worked off, or
	// a database take no writes where nothing shows the outcome; a quarter of the
	// RTO where that is less.
	Stalled time.Duration `json:"stalled_ns"`
	// SlackGuard bounds how far ahead a deadline matters.
	SlackGuard time.Duration `json:"slack_guard_ns"`
	// Just is how long ago a change is suspected most; DefaultJust when 0, as in
	// what was recorded before there was a choice.
	Just time.Duration `json:"just_ns,omitzero"`
}

// DefaultJust is how long ago a change is suspected most: a release shows its
// faults when people come to use it, within the hour.
const DefaultJust = time.Hour

// DefaultRules are used in production; a demo scales them.
func DefaultRules() Rules {
	return Rules{Prolonged: 2 * time.Minute, Blind: 5 * time.Minute, Stalled: 15 * time.Minute, SlackGuard: 24 * time.Hour, Just: DefaultJust}
}

// Scale multiplies what is waited for, for a demo with scaled windows. Recovery
// objectives are not scaled, and neither is what is measured against them.
func (r Rules) Scale(f float64) Rules {
	for _, d := range []*time.Duration{&r.Prolonged, &r.Blind, &r.Just} {
		*d = time.Duration(float64(*d) * f)
	}
	return r
}

// lowBudget is the share of an error budget, in thousandths, under which it is
// nearly spent.
const lowBudget = 250

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

// A Verdict is Decide's answer for one subject at one tick.
type Verdict struct {
	Key
	At          time.Time           `json:"at"`
	Tier        Tier                `json:"tier"`
	Unknown     bool                `json:"unknown"` // nothing tells whether the outcome works
	Paused      bool                `json:"paused"`  // deliberately not exercised, and no users seen
	ServiceTier process.ServiceTier `json:"service_tier"`
	Phase       string              `json:"phase"`
	Calendar    Fact                `json:"calendar,omitempty"`     // the facts that the calendar decides
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

// Decide judges one subject by its evidence alone. It is a pure function of its
// arguments.
func Decide(at time.Time, e Evidence, rules Rules) Verdict {
	return decide(at, &e, rules, calendarFacts(&e))
}

// decide judges one subject as if the calendar said what when says.
func decide(at time.Time, e *Evidence, rules Rules, when Fact) Verdict {
	v := Verdict{Key: e.Key, At: at, ServiceTier: serviceTier(e, when), Phase: e.Place.String(), Calendar: when, CriticalWhy: e.CriticalWhy, NotWatched: e.NotWatched}
	v.diagnosed(at, e, rules)
	v.FailsAt = failsAt(e)
	v.Unknown, v.Paused = measured(e)
	v.Witnesses = witnesses(e, v.Cause)
	if s, near := tightest(at, e, rules); near {
		v.Slack = &s
	}
	v.weigh(anomalies(e, symptoms(at, e, rules)), facts(e, &v))
	return v
}

// weigh looks up each symptom in the table: the first matching row of each
// counts, and the highest tier over all.
func (v *Verdict) weigh(found []finding, common Fact) {
	for _, s := range found {
		have := common | s.facts
		for _, row := range table {
			if row.Symptom != s.symptom {
				continue
			}
			if s.beside && (!row.matches(have) || row.For(v.ServiceTier) <= v.Tier) {
				continue
			}
			step := Step{Row: row.ID, Symptom: row.Symptom, Matched: row.matches(have), Tier: row.For(v.ServiceTier)}
			switch {
			case step.Matched:
				step.Why = s.text
			case row.If&^have != 0:
				step.Why = "not " + (row.If &^ have).String()
			default:
				step.Why = "but " + (row.Unless & have).String()
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
}

// serviceTier is how much the process matters then.
func serviceTier(e *Evidence, when Fact) process.ServiceTier {
	return e.Process.TierIn(when&InWindow != 0)
}

// calendarFacts are the facts that the calendar decides now. Nobody who can rely
// on the calendar is in close because of a doubt; whoever cannot, might be.
func calendarFacts(e *Evidence) Fact {
	var f Fact
	if e.Place.Phase == calendar.PreClose {
		f |= PreClose
	}
	switch {
	case e.Critical:
		f |= InWindow
		if e.Place.Phase == calendar.Close || e.Place.Doubt != "" {
			f |= InClose
		}
	case e.Holiday != "":
		f |= Holiday
	}
	return f
}

// facts gathers what holds for the subject as a whole.
func facts(e *Evidence, v *Verdict) Fact {
	f := v.Calendar
	if len(v.Witnesses) > 0 {
		f |= Witnessed
	}
	if usersFine(e) {
		f |= UsersFine
	}
	if v.Slack != nil {
		f |= v.Slack.facts(hurried(e))
	}
	for _, b := range e.Budgets {
		if b.Left < lowBudget && b.Indicator == "availability" {
			f |= BudgetLow
		}
	}
	return f
}
