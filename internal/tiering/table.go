package tiering

import (
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/process"
)

// A Symptom is a way in which an outcome is impaired, or about to be.
type Symptom string

// Symptoms, in the order in which they are looked for and told.
const (
	Integrity     Symptom = "integrity"      // the books are not what they must be
	SplitBrain    Symptom = "split-brain"    // two servers of one database accept writes
	Failing       Symptom = "failing"        // the outcome fails now: a flow does
	BurningFast   Symptom = "burning-fast"   // so much fails that the error budget is gone within hours or days
	FailedPosting Symptom = "failed-posting" // posting that nobody waits for fails: jobs, actions, retries
	PrimaryLost   Symptom = "primary-lost"   // the database it needs takes no writes
	RecoveryPoint Symptom = "recovery-point" // committed work would be lost in a failover
	WorkMissing   Symptom = "work-missing"   // expected work does not happen
	DeadlineRisk  Symptom = "deadline-risk"  // work waits that may not be done when it is due
	BurningSlowly Symptom = "burning-slowly" // the error budget is spent too fast to last
	Slow          Symptom = "slow"           // the outcome works but takes too long
	Blind         Symptom = "blind"          // nothing tells whether the outcome works
	CauseOnly     Symptom = "cause-only"     // a component is unhealthy, the outcome is not
	Unusually     Symptom = "unusual"        // a number is not as is usual at this time; nothing else is wrong
)

// Symptoms lists them in their order.
func Symptoms() []Symptom {
	return []Symptom{
		Integrity, SplitBrain, Failing, BurningFast, FailedPosting, PrimaryLost, RecoveryPoint, WorkMissing, DeadlineRisk,
		BurningSlowly, Slow, Blind, CauseOnly, Unusually,
	}
}

// PhaseEscalation is the row that a reason cites when a tier rises because the
// phase of the calendar changed, not the evidence.
const PhaseEscalation = "phase-escalation"

// A Fact is a condition a row of the table may ask for.
type Fact uint32

// Facts.
const (
	Witnessed  Fact = 1 << iota // two failing runs, or a flow and users, or the outcome and a component
	UsersFine                   // the ledger goes on advancing beside the failing runs
	Severe                      // the signal is critical, not only a warning
	Prolonged                   // it has lasted longer than a blip
	WithinHour                  // what burns does so within an hour: as fast as is told apart
	BothBurn                    // test transactions and real users both burn the budget
	BudgetLow                   // less than a quarter of an error budget is left
	SlackNear                   // the next deadline is closer than twice the RTO of the critical window plus catch-up
	SlackShort                  // it is closer than that RTO plus catch-up
	SlackGone                   // it can no longer be met, or has passed
	PreClose                    // the days before a close
	InWindow                    // the process's critical window: its own, or else pre-close and close
	InClose                     // in its critical window while the entity closes its books
	Holiday                     // a holiday, and nothing of the process is due within two working days
	OnThePath                   // the unhealthy component is a hard dependency
	Unusual                     // only what is usual says so: nobody has declared it
)

var factNames = []struct {
	fact Fact
	name string
}{
	{Witnessed, "witnessed"},
	{UsersFine, "users demonstrably fine"},
	{Severe, "severe"},
	{Prolonged, "prolonged"},
	{WithinHour, "within an hour"},
	{BothBurn, "tests and users alike"},
	{BudgetLow, "budget under a quarter"},
	{SlackNear, "slack under twice the RTO"},
	{SlackShort, "slack under the RTO"},
	{SlackGone, "slack gone"},
	{PreClose, "pre-close"},
	{InWindow, "critical window"},
	{InClose, "close"},
	{Holiday, "holiday"},
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

// each yields the single facts of f, in their order.
func (f Fact) each(yield func(Fact) bool) {
	for _, n := range factNames {
		if f&n.fact != 0 && !yield(n.fact) {
			return
		}
	}
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

// matches reports whether the row's conditions hold among the facts.
func (r Row) matches(have Fact) bool { return r.If&^have == 0 && r.Unless&have == 0 }

// Table is the decision table. For each symptom the first matching row counts;
// the verdict is the highest tier over all symptoms. The rows of a symptom
// stand together, in the order of Symptoms.
//
// Decision record 19 says where the rows come from.
func Table() []Row { return slices.Clone(table) }

var table = decisionTable()

func decisionTable() []Row {
	const (
		none = None
		info = Informational
		degr = Degradation
		crit = BusinessCritical
	)
	return []Row{
		{"integrity-broken", Integrity, Severe, 0, crit, crit, degr, degr, "the books are provably wrong: that is never a matter of time or of witnesses"},
		{"integrity-doubtful", Integrity, 0, 0, degr, degr, info, info, "something in the books has to be explained"},

		{"split-brain", SplitBrain, 0, 0, crit, crit, degr, degr, "what one of the two servers takes is lost when the other stays"},

		{"failing-users-fine", Failing, UsersFine, SlackGone, degr, degr, info, info, "the test transaction fails while real entries are still being posted"},
		{"failing-out-of-time", Failing, Witnessed | SlackShort, 0, crit, crit, degr, degr, "the outcome fails and its next deadline is closer than the time to recover"},
		{"failing-on-holiday", Failing, Witnessed | Holiday, 0, degr, degr, degr, info, "the outcome fails on a holiday, with nothing due for days"},
		{"failing-confirmed", Failing, Witnessed, 0, crit, degr, degr, info, "the outcome fails, confirmed by a second witness"},
		{"failing-unconfirmed", Failing, 0, 0, info, info, info, none, "a single failing run, not yet confirmed"},

		{"burning-fast-users-fine", BurningFast, UsersFine, SlackGone, degr, degr, info, none, "tests fail often while real entries are still being posted"},
		{"burning-fast-out-of-time", BurningFast, Witnessed | SlackShort, 0, crit, crit, degr, degr, "too much fails, and the next deadline is closer than the time to recover"},
		{"burning-fast-on-holiday", BurningFast, Witnessed | Holiday, 0, degr, degr, degr, info, "too much fails on a holiday, with nothing due for days"},
		{"burning-fast-confirmed", BurningFast, Witnessed | WithinHour, 0, crit, degr, degr, info, "so much fails that the error budget is gone within days, confirmed by a second witness"},
		{"burning-fast-in-window", BurningFast, Witnessed | InWindow, 0, crit, degr, degr, info, "too much fails in the critical window, confirmed by a second witness"},
		{"burning-fast", BurningFast, 0, 0, degr, degr, info, none, "so much fails that the error budget is gone within days"},

		{"failed-posting", FailedPosting, Severe, 0, crit, degr, degr, info, "posting fails again and again, and nobody who waits for it would notice"},
		{"failed-posting-some-in-window", FailedPosting, InWindow, 0, degr, degr, info, none, "some posting fails, in the critical window"},
		{"failed-posting-some", FailedPosting, 0, 0, info, info, info, none, "some posting fails"},

		{"primary-lost-confirmed", PrimaryLost, Witnessed, 0, crit, crit, degr, degr, "the database takes no writes, and the outcome shows it"},
		{"primary-lost-for-long", PrimaryLost, Prolonged, 0, crit, degr, degr, info, "the database has taken no writes for long and the application cannot work; nothing else shows the outcome"},
		{"primary-lost", PrimaryLost, 0, 0, degr, degr, info, info, "the database takes no writes; nothing has shown yet that the outcome fails"},

		{"recovery-point-lost", RecoveryPoint, Prolonged, 0, crit, degr, degr, info, "committed work beyond the recovery point objective exists in one place only"},
		{"recovery-point-blip", RecoveryPoint, 0, 0, none, none, none, none, "beyond the recovery point objective, but not for long"},

		{"work-unusual", WorkMissing, Unusual, 0, info, info, info, none, "less is done than is usual by now, and nobody has said that it must be"},
		{"work-out-of-time", WorkMissing, SlackGone, 0, crit, degr, degr, info, "expected work is missing and can no longer be done in time"},
		{"work-short-of-time", WorkMissing, SlackShort | InWindow, 0, crit, degr, degr, info, "expected work is missing, in the critical window, with little time left"},
		{"work-missing", WorkMissing, 0, 0, degr, degr, info, info, "expected work is missing; there is still time"},

		{"deadline-gone", DeadlineRisk, SlackGone, 0, crit, degr, degr, info, "what waits can no longer be done in time at the rate it is done"},
		{"deadline-short-in-window", DeadlineRisk, SlackShort | InWindow, 0, crit, degr, degr, info, "what waits takes most of the time left, and a failure now could not be recovered from in time"},
		{"deadline-short", DeadlineRisk, SlackShort, 0, degr, degr, info, info, "what waits takes most of the time left, and a failure now could not be recovered from in time"},
		{"deadline-near-in-window", DeadlineRisk, InWindow, 0, degr, degr, info, info, "what waits takes most of the time left, in the critical window"},
		{"deadline-near", DeadlineRisk, 0, 0, info, info, info, none, "what waits takes most of the time left"},

		{"burning-last-quarter", BurningSlowly, InWindow | BudgetLow | BothBurn, 0, crit, degr, degr, info, "the error budget of the critical window is nearly spent, and tests and users both go on spending it"},
		{"burning-in-window", BurningSlowly, InWindow, 0, degr, degr, degr, info, "the error budget will not last the critical window"},
		{"burning-before-close", BurningSlowly, PreClose, 0, degr, degr, info, none, "the error budget is spent faster than it lasts, just before the close"},
		{"burning", BurningSlowly, 0, 0, info, info, info, none, "the error budget is spent faster than it lasts"},

		{"slow-out-of-time", Slow, SlackGone, 0, crit, degr, degr, info, "too slow to meet the next deadline"},
		{"slow", Slow, 0, 0, degr, degr, info, info, "the outcome works, but slower than its objective"},

		{"blind-in-close", Blind, Prolonged | InClose, 0, crit, degr, info, none, "nobody can tell whether the outcome works while the books are being closed"},
		{"blind-in-window", Blind, Prolonged | InWindow, 0, degr, degr, info, none, "nobody can tell whether the outcome works, in its critical window"},
		{"blind", Blind, Prolonged, 0, info, info, none, none, "nobody can tell whether the outcome works"},

		{"cause-before-deadline", CauseOnly, OnThePath | InWindow | SlackNear, 0, degr, degr, info, none, "a component it depends on is unhealthy in the critical window, with a deadline near; the outcome is not affected"},
		{"cause-on-the-path", CauseOnly, OnThePath, 0, info, info, none, none, "a component it depends on is unhealthy, the outcome is not affected"},

		{"unusual", Unusually, 0, 0, info, info, info, none, "a number is not as is usual for this time of the week and of the close, and nobody notices anything"},
	}
}
