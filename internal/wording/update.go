package wording

import (
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

// condition is how an outcome is, in one word of the status page.
func condition(s Situation) string {
	if s.Resolved {
		return working
	}
	switch s.Symptom {
	case "failing":
		return "Paused"
	case "work-missing":
		return "Delayed"
	case "slow":
		return "Slow"
	case "burning-slowly":
		return "Unsteady"
	case "blind":
		return "Unknown"
	default:
		return working
	}
}

const working = "Working"

// state says how an outcome is for whom and since when, in a sentence for
// everybody.
func state(s Situation) string {
	whom, since := " for "+places(s, 3), " since "+clock(s, s.Since)
	if s.Resolved {
		return s.Process + " works again" + whom + " since " + clock(s, s.Ended) + "."
	}
	switch s.Symptom {
	case "failing":
		return s.Process + " is paused" + whom + since + "."
	case "work-missing":
		return s.Process + " is delayed" + whom + since + "."
	case "slow":
		return s.Process + " is slow" + whom + since + "."
	case "burning-slowly":
		return s.Process + " has failed now and then" + whom + since + "."
	case "blind":
		return "Whether " + s.Process + " works" + whom + " cannot be told" + since + "."
	case "recovery-point":
		return s.Process + " works" + whom + "; the latest entries have not been protected by a second copy" + since + "."
	default:
		return s.Process + " works" + whom + "."
	}
}

// Update is what stakeholders read: what is impaired for whom, what of their
// work is safe, what they can do, what of the deadline, and when they hear
// more. It names no component and no person. It is empty for an impact that
// stakeholders do not hear of.
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
		parts = append(parts, safety(s))
		if s.Meanwhile != "" && condition(s) != working {
			parts = append(parts, "Please "+s.Meanwhile+".")
		}
	}
	parts = append(parts, outlook(s)...)
	if s.Resolved {
		parts = append(parts, "This is the last update.")
	} else {
		parts = append(parts, "Next update "+clock(s, s.At.Add(every))+".")
	}
	return Cut(strings.Join(parts, " "), MaxUpdate)
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
	case s.Resolved:
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

// Status is the line of the public status page.
func Status(s Situation) string {
	s = s.tidy()
	word := condition(s)
	if word == working {
		return Cut(s.Process+": "+working, MaxStatus)
	}
	next := ""
	if every := UpdateEvery(s.Tier); every > 0 {
		next = " · Next update " + clock(s, s.At.Add(every))
	}
	doing := ""
	if s.Meanwhile != "" {
		doing = " · What you can do: " + s.Meanwhile
	}
	since := " since " + clock(s, s.Since)
	for _, line := range []string{
		s.Process + ": " + word + " for " + places(s, 3) + since + doing + next,
		s.Process + ": " + word + " for " + places(s, 0) + since + doing + next,
		s.Process + ": " + word + " for " + places(s, 0) + since + next,
	} {
		if utf8.RuneCountInString(line) <= MaxStatus {
			return line
		}
	}
	return Cut(s.Process+": "+word+since+next, MaxStatus)
}

// Digest is the line of an anomaly that asks for nothing today. It is empty for
// anything worse.
func Digest(s Situation) string {
	if Badge(s.Tier) != "INFO" {
		return ""
	}
	s = s.tidy()
	what := Outcome(s.Process, s.Symptom) + ": " + strings.TrimSuffix(s.Headline, ".")
	switch {
	case s.Resolved:
		what = s.Process + " works as usual again"
	case s.Symptom == "cause-only":
		what += "; no effect on users"
	}
	const nothing = ". Nothing to do today."
	return Cut(fmt.Sprintf("[INFO] %s: %s", at(s), what), MaxDigest-utf8.RuneCountInString(nothing)) + nothing
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
	if s.Cause != "" {
		text += " Probably " + s.Cause + "."
	} else {
		text += " Cause not known."
	}
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

// clock tells a time in the reader's zone, with the day unless it is the
// situation's.
func clock(s Situation, t time.Time) string {
	t, now := t.In(s.Zone), s.At.In(s.Zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04")
	}
	return t.Format("Mon 15:04")
}
