package wording

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// UpdateEvery is how often stakeholders hear of an impact while it lasts; 0 for
// one they do not hear of.
func UpdateEvery(tier string) time.Duration {
	switch tier {
	case "business-critical":
		return 30 * time.Minute
	case "degradation":
		return 2 * time.Hour
	default:
		return 0
	}
}

// NextUpdate is when stakeholders hear of an impact next: every UpdateEvery
// from the minute in which it began, so that what was promised stays promised.
// It is zero when they do not hear of it, or not any more.
func NextUpdate(s Situation) time.Time { return slot(s, s.At) }

// slot is the first instant after t at which stakeholders hear of an impact.
func slot(s Situation, t time.Time) time.Time {
	every := UpdateEvery(s.Tier)
	if every == 0 || s.Resolved || s.Since.IsZero() {
		return time.Time{}
	}
	began := s.Since.Truncate(time.Minute)
	passed := max(0, t.Sub(began))
	return began.Add(passed - passed%every + every)
}

// A Condition is how an outcome is, in one word for everybody.
type Condition string

// Conditions.
const (
	Working  Condition = "Working"
	Slow     Condition = "Slow"
	Unsteady Condition = "Unsteady" // it fails now and then
	Delayed  Condition = "Delayed"
	Paused   Condition = "Paused"
	Unknown  Condition = "Unknown" // nothing tells whether it works
)

func condition(s Situation) Condition {
	if s.Resolved || !s.Works.IsZero() {
		return Working
	}
	switch s.Symptom {
	case "failing":
		if s.Doubt != "" {
			return Unsteady
		}
		return Paused
	case "primary-lost":
		return Paused
	case "work-missing", "deadline-risk", "failed-posting":
		return Delayed
	case "slow":
		return Slow
	case "burning-slowly", "burning-fast", "split-brain":
		return Unsteady
	case "blind":
		return Unknown
	default:
		if s.Unmeasured {
			return Unknown
		}
		return Working
	}
}

// state says how an outcome is for whom and since when, in a sentence for
// everybody.
func state(s Situation) string {
	whom, since := " for "+places(s, 3), " since "+clock(s, s.Since)
	if s.Symptom == "recovery-point" && (s.Resolved || !s.Works.IsZero()) {
		return s.Process + " works" + whom + "; the latest entries are protected again by a second copy since " + clock(s, cmp.Or(s.Ended, s.Works)) + "."
	}
	if s.Resolved {
		return s.Process + " works again" + whom + " since " + clock(s, s.Ended) + "."
	}
	if !s.Works.IsZero() {
		return s.Process + " works again" + whom + " since " + clock(s, s.Works) + ", and is watched for a while."
	}
	works := s.Process + " works" + whom
	if s.Unmeasured {
		works = "Whether " + s.Process + " works" + whom + " cannot be told"
	}
	switch s.Symptom {
	case "failing":
		if s.Doubt != "" {
			return "Tests of " + s.Process + " fail" + whom + since + ", " + s.Doubt + "."
		}
		return s.Process + " is paused" + whom + since + "."
	case "primary-lost":
		return s.Process + " is paused" + whom + since + "."
	case "work-missing":
		return s.Process + " is delayed" + whom + since + "."
	case "deadline-risk":
		return s.Process + " may be late" + whom + "."
	case "failed-posting":
		return s.Process + " is delayed" + whom + since + ": what is posted in the background fails."
	case "burning-fast":
		if s.Doubt != "" {
			return "Tests of " + s.Process + " fail" + whom + since + ", " + s.Doubt + "."
		}
		return s.Process + " has failed often" + whom + since + "."
	case "split-brain":
		return "What is entered in " + s.Process + whom + " since " + clock(s, s.Since) + " may have to be entered again."
	case "integrity":
		return works + "; the controller is asked to look at the books" + since + "."
	case "slow":
		return s.Process + " is slow" + whom + since + "."
	case "burning-slowly":
		return s.Process + " has failed now and then" + whom + since + "."
	case "blind":
		return "Whether " + s.Process + " works" + whom + " cannot be told" + since + "."
	case "recovery-point":
		return works + "; the latest entries have not been protected by a second copy" + since + "."
	default:
		return works + "."
	}
}

// Update is what stakeholders read: what is impaired for whom, what of their
// work is safe, what they can do, what of the deadline, and when they hear
// more. It names no component and no person. It is empty for an impact that
// stakeholders do not hear of. One that is sent in the second half of a period
// is the one that is due at its end, and promises the one after.
func Update(s Situation) string {
	every := UpdateEvery(s.Tier)
	if every == 0 {
		return ""
	}
	s = s.tidy()
	parts := []string{clock(s, s.At) + " " + state(s)}
	if s.Resolved {
		parts = append(parts, recovered(s)...)
	} else {
		if worse(s) {
			parts = append(parts, "It has become more serious since "+clock(s, s.Worse)+".")
		}
		parts = append(parts, safety(s))
		if s.Meanwhile != "" && condition(s) != Working && s.Doubt == "" {
			parts = append(parts, "Please "+s.Meanwhile+".")
		}
	}
	if s.Doubt == "" {
		parts = append(parts, outlook(s)...)
	}
	if s.Resolved {
		parts = append(parts, "This is the last update.")
	} else {
		parts = append(parts, "Next update "+clock(s, slot(s, s.At.Add(every/2)))+".")
	}
	return Cut(strings.Join(parts, " "), MaxUpdate)
}

// settled is how long after its beginning nobody is told that it has become worse:
// an impact rises through the tiers while it is found out what it is.
const settled = 5 * time.Minute

// worse reports whether it has become worse since stakeholders last heard of it.
func worse(s Situation) bool {
	return s.Works.IsZero() && s.Worse.Sub(s.Since) >= settled && s.At.Sub(s.Worse) < UpdateEvery(s.Tier)
}

// safety says whether what people entered is safe. What is not measured is not
// called safe.
func safety(s Situation) string {
	switch {
	case s.Exposure < 0:
		return "Whether the latest entries are protected is not known yet."
	case s.Exposure < time.Minute:
		return "Entered data is safe."
	default:
		return "Data entered until " + clock(s, s.At.Add(-s.Exposure)) + " is safe."
	}
}

func recovered(s Situation) []string {
	parts := []string{"It was impaired for " + Duration(s.Ended.Sub(s.Since)) + "."}
	if s.Verified != "" {
		parts = append(parts, "Checked: "+s.Verified+".")
	} else {
		parts = append(parts, "No test has confirmed it yet.")
	}
	if s.Backlog != "" {
		return append(parts, "Left to catch up: "+s.Backlog+".")
	}
	return append(parts, "How much is left to catch up is not measured.")
}

// outlook says what of the next deadline, and until when somebody must decide.
func outlook(s Situation) []string {
	if s.Deadline == "" {
		return nil
	}
	due := fmt.Sprintf("%s (%s)", Capital(s.Deadline), clock(s, s.DeadlineAt))
	fixBy := s.At.Add(s.DeadlineLeft)
	switch {
	case s.DeadlineLeft < 0 && s.Resolved, s.DeadlineLeft < 0 && s.Owner == "":
		return []string{due + " can no longer be met in full."}
	case s.DeadlineLeft < 0:
		return []string{due + " can no longer be met in full: the decision is with the " + role(s.Owner) + "."}
	case s.Resolved, !s.Works.IsZero():
		return []string{due + " can be met."}
	}
	parts := []string{due + " can still be met if this is fixed by " + clock(s, fixBy) + "."}
	if decide := fixBy.Add(-30 * time.Minute); decide.After(s.At) && s.Owner != "" {
		parts = append(parts, "Decision point "+clock(s, decide)+" by the "+role(s.Owner)+".")
	}
	return parts
}

// role begins a title like "Close manager" small, and leaves one like "AP
// lead".
func role(owner string) string {
	r, n := utf8.DecodeRuneInString(owner)
	if next, _ := utf8.DecodeRuneInString(owner[n:]); next >= 'a' && next <= 'z' {
		return strings.ToLower(string(r)) + owner[n:]
	}
	return owner
}

// A StatusLine is how one outcome is, for everybody: it names no component, no
// machine and no person.
type StatusLine struct {
	Process    string // "Invoice posting", with its environment unless that is production
	Condition  Condition
	Places     string    // for whom: "acme-uk and acme-ie"; "" of one that works
	Since      time.Time // zero when it works, or when nobody can tell
	Meanwhile  string    // what people can do: "keep saving drafts"
	Workaround string    // how finance helps itself, and from when on
	Next       time.Time // when more is said; zero when nothing is promised
	Text       string    // all but the workaround in one line of at most MaxStatus characters
}

// Status is an outcome on the public status page.
func Status(s Situation) StatusLine {
	s = s.tidy()
	line := StatusLine{Process: s.Process, Condition: condition(s)}
	if s.Environment != "" && s.Environment != "production" {
		line.Process += " (" + s.Environment + ")"
	}
	head := line.Process + ": " + string(line.Condition)
	if line.Condition == Working {
		line.Text = Cut(head, MaxStatus)
		return line
	}
	line.Places = places(s, 3)
	since, doing, next := "", "", ""
	if !s.Since.IsZero() { // something is known to be wrong
		line.Since, line.Next = s.Since, NextUpdate(s)
		if s.Doubt == "" {
			line.Meanwhile, line.Workaround = s.Meanwhile, workaround(s)
		}
		since = " since " + clock(s, line.Since)
	}
	if line.Meanwhile != "" {
		doing = " · What you can do: " + line.Meanwhile
	}
	if !line.Next.IsZero() {
		next = " · Next update " + clock(s, line.Next)
	}
	line.Text = Cut(head+since+next, MaxStatus)
	for _, text := range []string{
		head + " for " + line.Places + since + doing + next,
		head + " for " + places(s, 0) + since + doing + next,
		head + " for " + places(s, 0) + since + next,
	} {
		if utf8.RuneCountInString(text) <= MaxStatus {
			line.Text = text
			break
		}
	}
	return line
}

// Triage is an impact in two or three sentences: what, since when, how long
// there is, the probable cause and the first thing to do.
func Triage(s Situation) string {
	s = s.tidy()
	if s.Resolved {
		return Cut(fmt.Sprintf("%s: %s works again. %s", places(s, 3), s.Process, strings.Join(recovered(s), " ")), MaxTriage)
	}
	text := fmt.Sprintf("%s: %s, since %s (%s of RTO %s).", places(s, 3), Outcome(s.Process, s.Symptom), clock(s, s.Since), Duration(s.At.Sub(s.Since)), Duration(s.RTO))
	switch {
	case s.Deadline != "" && s.DeadlineLeft < 0:
		text += fmt.Sprintf(" %s %s cannot be met any more.", Capital(s.Deadline), left(s.DeadlineAt.Sub(s.At)))
	case s.Deadline != "":
		text += fmt.Sprintf(" %s %s, slack %s.", Capital(s.Deadline), left(s.DeadlineAt.Sub(s.At)), Duration(s.DeadlineLeft))
	}
	text += " " + suspicion(s)
	if len(s.DoFirst) > 0 {
		text += " First: " + s.DoFirst[0]
	}
	return Cut(text, MaxTriage)
}

// places says for whom: up to most by name, more as a number.
func places(s Situation, most int) string {
	all := s.Entities
	if len(all) == 0 {
		all = []string{s.Entity}
	}
	if len(all) > most {
		return Count(len(all), "company", "companies")
	}
	return List(all)
}

// at is where the situation is, the environment beside the entity unless it is
// production.
func at(s Situation) string {
	if s.Environment != "" && s.Environment != "production" {
		return s.Entity + " (" + s.Environment + ")"
	}
	return s.Entity
}

// Clock tells a time in the reader's zone, with the day unless it is the
// situation's.
func Clock(s Situation, t time.Time) string {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return clock(s, t)
}

// clock tells a time in the reader's zone, with the day unless it is the
// situation's.
func clock(s Situation, t time.Time) string {
	t, now := t.In(s.Zone), s.At.In(s.Zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04")
	}
	return t.Format("Mon 15:04")
}
