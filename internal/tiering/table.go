package tiering

import (
	"strings"

	"github.com/closewatch/closewatch/internal/process"
)

// A Symptom is a way in which an outcome is impaired.
type Symptom string

// Symptoms, worst first.
const (
	Failing       Symptom = "failing"        // the outcome fails: a flow, or real users
	RecoveryPoint Symptom = "recovery-point" // committed work would be lost in a failover
	WorkMissing   Symptom = "work-missing"   // expected work does not happen
	BurningSlowly Symptom = "burning-slowly" // the error budget is spent too fast to last
	Slow          Symptom = "slow"           // the outcome works but takes too long
	Blind         Symptom = "blind"          // nothing tells whether the outcome works
	CauseOnly     Symptom = "cause-only"     // a component is unhealthy, the outcome is not
	Unusually     Symptom = "unusual"        // a number is not as is usual at this time; nothing else is wrong
)

// A Fact is a condition a row of the table may ask for.
type Fact uint16

// Facts.
const (
	Witnessed  Fact = 1 << iota // two failing runs, or a flow and users, or the outcome and a component
	UsersFine                   // the ledger goes on advancing beside the failing runs
	Prolonged                   // it has lasted longer than a blip
	SlackShort                  // the next deadline is closer than RTO plus catch-up
	SlackGone                   // the deadline can no longer be met, or has passed
	InWindow                    // the process's critical window: its own, or else pre-close and close
	OnThePath                   // the unhealthy component is a hard dependency
	Unusual                     // only what is usual says so: nobody has declared it
)

var factNames = []struct {
	fact Fact
	name string
}{
	{Witnessed, "witnessed"},
	{UsersFine, "users demonstrably fine"},
	{Prolonged, "prolonged"},
	{SlackShort, "slack short"},
	{SlackGone, "slack gone"},
	{InWindow, "critical window"},
	{OnThePath, "hard dependency"},
	{Unusual, "unusual only"},
}

// String lists the facts in words.
func (f Fact) String() string {
	var names []string
	for _, n := range factNames {
		if f&n.fact != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// A Row of the decision table: when the symptom is present, all of If hold and
// none of Unless, the tier is the one for the process's service tier.
type Row struct {
	ID      string
	Symptom Symptom
	If      Fact
	Unless  Fact
	A, B    Tier
	C, D    Tier
	Because string
}

// For returns the row's tier for a service tier.
func (r Row) For(t process.ServiceTier) Tier {
	switch t {
	case process.Critical:
		return r.A
	case process.Important:
		return r.B
	case process.Standard:
		return r.C
	default:
		return r.D
	}
}

// Table is the decision table. For each symptom the first matching row counts;
// the verdict is the highest tier over all symptoms.
func Table() []Row {
	const (
		none = None
		info = Informational
		degr = Degradation
		crit = BusinessCritical
	)
	return []Row{
		{"failing-users-fine", Failing, UsersFine, SlackGone, degr, degr, info, info, "the test transaction fails while real entries are still being posted"},
		{"failing-out-of-time", Failing, Witnessed | SlackShort, 0, crit, crit, degr, degr, "the outcome fails and its next deadline is closer than the time to recover"},
		{"failing-confirmed", Failing, Witnessed, 0, crit, degr, degr, info, "the outcome fails, confirmed by a second witness"},
		{"failing-unconfirmed", Failing, 0, 0, info, info, info, none, "a single failing run, not yet confirmed"},

		{"recovery-point-lost", RecoveryPoint, Prolonged, 0, crit, degr, degr, info, "committed work beyond the recovery point objective exists in one place only"},
		{"recovery-point-blip", RecoveryPoint, 0, 0, none, none, none, none, "beyond the recovery point objective, but not for long"},

		{"work-unusual", WorkMissing, Unusual, 0, info, info, info, none, "less is done than is usual by now, and nobody has said that it must be"},
		{"work-out-of-time", WorkMissing, SlackGone, 0, crit, degr, degr, info, "expected work is missing and can no longer be done in time"},
		{"work-short-of-time", WorkMissing, SlackShort | InWindow, 0, crit, degr, degr, info, "expected work is missing, in the critical window, with little time left"},
		{"work-missing", WorkMissing, 0, 0, degr, degr, info, info, "expected work is missing; there is still time"},

		{"burning-in-window", BurningSlowly, InWindow, 0, degr, degr, degr, info, "the error budget will not last the critical window"},
		{"burning", BurningSlowly, 0, 0, degr, info, info, none, "the error budget is spent faster than it lasts"},

		{"slow-out-of-time", Slow, SlackGone, 0, crit, degr, degr, info, "too slow to meet the next deadline"},
		{"slow", Slow, 0, 0, degr, degr, info, info, "the outcome works, but slower than its objective"},

		{"blind-in-window", Blind, Prolonged | InWindow, 0, degr, degr, info, none, "nobody can tell whether the outcome works, in its critical window"},
		{"blind", Blind, Prolonged, 0, info, info, none, none, "nobody can tell whether the outcome works"},

		{"cause-on-the-path", CauseOnly, OnThePath, 0, info, info, none, none, "a component it depends on is unhealthy, the outcome is not affected"},

		{"unusual", Unusually, 0, 0, info, info, info, none, "a number is not as is usual for this time of the week and of the close, and nobody notices anything"},
	}
}
