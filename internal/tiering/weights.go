package tiering

import (
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// What speaks for and against a candidate, in points. They are judgement: only
// their order matters, and the situations of the tests hold them to it.
const (
	fits         = 30  // it brings about what is seen
	unfit        = -15 // it does not
	began        = 15  // it began shortly before, or with, what is seen
	longBefore   = -10 // it was so for a day while the outcome worked
	afterwards   = -20 // it began later than what is seen
	changedJust  = 12  // the component was changed within Rules.Just before
	changedToday = 5   // within the day before
	othersFail   = 10  // what else needs it fails as well
	othersWork   = -25 // what else needs it works, and it stops all or nothing
	someWork     = -8  // what else needs it works, and it need not stop all
	accountsFor  = 10  // what rests on it is unhealthy too
	explained    = -45 // a component it rests on is critical
	overlaid     = -20 // a component it rests on is in trouble that fits
	oneIsLeft    = -15 // it is one of several and others are left

	guessed     = 20  // a healthy application, by elimination
	inside      = 15  // its failure comes from inside it
	allElseFine = 10  // nothing that it rests on is in trouble
	usersWork   = 30  // the test fails while users succeed: the test
	usersDoIt   = -15 // the same, for the application
	byPeople    = 5   // it is work that people begin

	margin        = 12 // by how much another must be ahead to become first at once
	high          = 60
	likely        = 35
	ahead         = 15 // by how much the first of several must lead to be certain
	least         = 6  // below which a candidate is not told
	maxSaid       = 4  // signals told of one candidate
	maxCandidates = 8
)

// Spans of time that points depend on.
const (
	shortly = 30 * time.Minute // before what is seen
	lastDay = 24 * time.Hour   // of a change, or of a state
)

// base is what an unhealthy component counts by its role; a signal that is told
// only beside a component's state counts by its own state.
func base(role process.Role, state signal.State, health bool) int {
	if !health {
		if state == signal.Critical {
			return 22
		}
		return 12
	}
	points := map[process.Role][2]int{process.Hard: {20, 40}, process.Redundant: {8, 18}, process.Soft: {12, 28}}[role]
	if state == signal.Critical {
		return points[1]
	}
	return points[0]
}

// An insider says what an application does that fails by itself, by what is seen
// of it.
type insider struct {
	sign    Sign
	says    string
	certain bool   // it comes from inside
	part    string // family of the function that what is seen names; "" for the application
}

// insiders lists them; the first that is seen counts.
var insiders = []insider{
	{Sign(fault.Rejected), "refuses it: a setting, a right, a lock date or a module stands in the way", true, ""},
	{Sign(fault.Assertion), "gives a wrong result", true, ""},
	{Sign(fault.Schema), "answers in another form than before: its version or a module has changed", true, ""},
	{Sign(fault.Internal), "fails inside", true, ""},
	{Sign(fault.Conflict), "has transactions that lose against each other", true, ""},
	{Queued, "does not take its jobs", false, "job-runner"},
	{ActionDue, "does not run the action", false, "scheduled-actions"},
	{TakesLong, "is slow itself", false, ""},
	{Sign(fault.Timeout), "does not answer in time", false, ""},
	{UsersFail, "fails for users", false, ""},
	{NotDone, "does not do it", false, ""},
	{Unposted, "fails to post what nobody waits for", false, ""},
	{Sign(fault.Unavailable), "is not available", false, ""},
	{Sign(fault.Unreachable), "cannot be reached", false, ""},
	{Sign(fault.Limit), "has reached a limit", false, ""},
}
