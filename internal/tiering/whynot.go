package tiering

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// A Gate is what keeps a row of the table from giving a tier: everything that
// must be otherwise, the first of it in words. With all of it otherwise the row
// gives the tier.
type Gate struct {
	Row     string  `json:"row"`
	Symptom Symptom `json:"symptom"`
	Tier    Tier    `json:"tier"` // what the row gives once it matches, to the service tier it needs
	Open    bool    `json:"open"` // nothing is missing: the row matches now
	// Absent says that the symptom is not there at all.
	Absent bool `json:"absent,omitempty"`
	// Missing are facts the row asks for that do not hold, Excess those that hold
	// and keep it from counting: because it excludes them, or because a row before
	// it takes them.
	Missing Fact `json:"missing,omitempty"`
	Excess  Fact `json:"excess,omitempty"`
	// Service is the service tier that the process would have to have; "" when its
	// own will do.
	Service process.ServiceTier `json:"service_tier,omitempty"`
	First   string              `json:"first"` // the first of it, in words
	Rest    string              `json:"rest,omitempty"`
}

// A WhyNot is why a subject has not reached a tier.
type WhyNot struct {
	Tier    Tier   `json:"tier"`
	Reached bool   `json:"reached"` // it stands at this tier or a higher one
	Pending string `json:"pending,omitempty"`
	Gates   []Gate `json:"gates"` // the rows that can give it: those with least missing first
}

// WhyNot says what keeps a subject from a tier, row by row, or that the verdict
// is there and its hold is not over.
func (j Judge) WhyNot(at time.Time, prior *Impact, e Evidence, tier Tier) WhyNot {
	im := j.Next(at, prior, e)
	out := WhyNot{Tier: tier, Reached: im.Tier >= tier}
	if im.Now >= tier && im.Tier < tier {
		ends := im.Hold.Reached[tier].Add(j.Holds.Enter[tier])
		out.Pending = fmt.Sprintf("the evidence says %s since %s; it stands from %s on if it lasts",
			im.Now, im.Hold.Reached[tier].UTC().Format("15:04:05"), ends.UTC().Format("15:04:05 MST"))
	}
	if prior != nil {
		e.Suspicion = prior.Suspicion
	}
	v := Decide(at, e, j.Rules)
	common := facts(&e, &v)
	found := anomalies(&e, symptoms(at, &e, j.Rules))
	for _, row := range table {
		if g, can := gateOf(row, tier, v.ServiceTier, found, common); can {
			g.say(at, &e, j.Rules)
			out.Gates = append(out.Gates, g)
		}
	}
	slices.SortStableFunc(out.Gates, func(a, b Gate) int { return a.missing() - b.missing() })
	return out
}

// missing counts what must be otherwise.
func (g Gate) missing() int {
	n := 0
	for range (g.Missing | g.Excess).each {
		n++
	}
	if g.Absent {
		n += 2 // a symptom is more than a fact about one
	}
	if g.Service != "" {
		n++
	}
	return n
}

// gateOf looks at one row; false when it can give the tier to no service tier.
// Of several findings of one symptom the one counts that lacks least.
func gateOf(row Row, tier Tier, service process.ServiceTier, found []finding, common Fact) (Gate, bool) {
	g := Gate{Row: row.ID, Symptom: row.Symptom}
	if row.For(service) < tier {
		for _, better := range slices.Backward(process.ServiceTiers()) {
			if row.For(better) >= tier {
				g.Service = better // the lowest that will do
				service = better
				break
			}
		}
		if g.Service == "" {
			return g, false
		}
	}
	g.Tier = row.For(service)
	best := g
	seen := false
	consider := func(have Fact, absent bool) {
		c := g
		c.Absent = absent
		c.Missing = row.If &^ have
		c.Excess = row.Unless & have
		after := implied(have | row.If)
		for _, before := range table { // a row before this one that would match and gives less has to be kept from it
			if before.ID == row.ID {
				break
			}
			if before.Symptom != row.Symptom || before.For(service) >= tier || !before.matches(after&^c.Excess) {
				continue
			}
			for f := range (before.If &^ row.If).each {
				c.Excess |= f
				break
			}
		}
		if !seen || c.missing() < best.missing() {
			best, seen = c, true
		}
	}
	for _, f := range found {
		if f.symptom == row.Symptom {
			consider(common|f.facts, false)
		}
	}
	if !seen {
		consider(common, true)
	}
	best.Open = best.missing() == 0
	return best, true
}

// implied adds to facts what follows from them.
func implied(f Fact) Fact {
	if f&SlackGone != 0 {
		f |= SlackShort
	}
	if f&SlackShort != 0 {
		f |= SlackNear
	}
	if f&InClose != 0 {
		f |= InWindow
	}
	return f
}

// say says what is missing: the first thing so that somebody can look for it, and
// the rest.
func (g *Gate) say(at time.Time, e *Evidence, rules Rules) {
	var all []string
	if g.Absent {
		all = append(all, absence[g.Symptom])
	}
	for f := range g.Missing.each {
		all = append(all, needs(f, at, e, rules))
	}
	for f := range g.Excess.each {
		all = append(all, "holds back: "+f.String())
	}
	if g.Service != "" {
		all = append(all, fmt.Sprintf("needs service tier %s: it is %s now", g.Service, e.Process.TierIn(e.Critical)))
	}
	if len(all) == 0 {
		g.First = "nothing is missing: this row counts"
		return
	}
	g.First, g.Rest = all[0], strings.Join(all[1:], "; ")
}

// absence says of each symptom that there is none.
var absence = map[Symptom]string{
	Integrity:     "no check of the books has found anything",
	SplitBrain:    "no database has two servers that take work",
	Failing:       "no test transaction fails",
	BurningFast:   "no error budget burns fast",
	FailedPosting: "no posting in the background fails",
	PrimaryLost:   "its database takes work",
	RecoveryPoint: "the recovery point is within its objective",
	WorkMissing:   "no expected work is missing",
	DeadlineRisk:  "no backlog takes most of the time left",
	BurningSlowly: "no error budget burns slowly",
	Slow:          "nothing is slower than its objective",
	Blind:         "the outcome is measured",
	CauseOnly:     "no component it needs is unhealthy, or the outcome shows more",
	Unusually:     "every number is as usual, or something else is wrong",
}

// needs says what a missing fact would take.
func needs(f Fact, at time.Time, e *Evidence, rules Rules) string {
	switch f {
	case Witnessed:
		once := slices.IndexFunc(e.Flows, func(x Flow) bool { return x.State == FlowFailing && x.Failures == 1 })
		switch {
		case once < 0:
			return "needs a second witness: two failing runs in a row, real users, or an unhealthy component"
		case e.Flows[once].Next.After(at):
			return "needs a second witness: one failing run so far; next run " + e.Flows[once].Next.UTC().Format("15:04:05 MST")
		default:
			return "needs a second witness: one failing run so far"
		}
	case SlackGone, SlackShort, SlackNear:
		return "needs less time: " + f.String() + ", and " + slackWords(at, e, rules)
	case InWindow, InClose, PreClose, Holiday:
		return "needs another phase: " + f.String() + ", and it is " + e.Place.String()
	case Prolonged:
		return "needs to last longer"
	case Severe:
		return "needs to be severe, not a warning"
	case BudgetLow:
		return "needs less than a quarter of an error budget left"
	case BothBurn:
		return "needs tests and real users to burn alike"
	case WithinHour:
		return "needs to burn faster: within an hour"
	case OnThePath:
		return "needs a component that it cannot do without"
	default:
		return "needs: " + f.String()
	}
}

func slackWords(at time.Time, e *Evidence, rules Rules) string {
	s, near := tightest(at, e, rules)
	if !near {
		return "no deadline is near"
	}
	return "slack is " + short(s.Left) + " until " + s.Deadline
}
