// Package wording is the one voice of alerts, web pages, explanations, updates
// and runbooks.
//
// From one Situation come the page of whoever is on call, a summary for triage,
// the update that stakeholders read and the line of the status page. A page has
// a fixed order — impact, deadline, cause, what to do first, what not to do,
// workaround, who, why this tier, clocks — and is complete without opening a
// link. An update and a status line name no component. All
// say counts and never names of people or amounts, and keep to their limits by
// dropping the least important words first.
//
// Jargon and PII find words that have no place in any of them; tests hold
// everything people read to both. The package is pure text: it decides nothing.
package wording

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits in characters.
const (
	MaxTitle  = 80
	MaxBody   = 1200
	MaxTriage = 400
	MaxUpdate = 600
	MaxStatus = 160
)

// A Situation is everything that may be said about one impact.
type Situation struct {
	Tier        string // "business-critical", "degradation", "informational"
	Process     string // "Invoice posting"
	Entity      string
	Entities    []string // all whose outcome is impaired alike; Entity when it names none
	Environment string
	Symptom     string // tiering's symptom of the first reason
	Doubt       string // why a failure may be none of users': "while users still get their work done"; "" when it is one
	Unmeasured  bool   // nothing tells whether the outcome works
	Headline    string // what was found
	Because     string // why that means this tier
	Since       time.Time
	At          time.Time
	Zone        *time.Location

	Stops           string
	Meanwhile       string // follows "please"
	Workaround      string
	WorkaroundAfter time.Duration // after Since; 0 is at once
	DoFirst         []string
	DoNot           []string
	Team            string
	Owner           string
	Vendor          string

	Deadline     string // "AP cut-off"; "" when none is near
	DeadlineAt   time.Time
	DeadlineLeft time.Duration
	// DeadlineNever says that nothing of what waits is being done.
	DeadlineNever bool

	Suspected  string // "db does not answer"; "" when nothing is
	Confidence string // "high", "likely" or "possible"
	Evidence   []string
	Or         string   // what else is likely
	RuledOut   []string // "db (answers)"
	Unseen     []string // kinds of component it needs that are not watched
	Also       []string // other impaired processes of the incident
	Lead       string   // process that leads the incident when this one does not

	ServiceTier string
	Phase       string
	Witnesses   []string

	RTO, RPO time.Duration
	Refetch  string        // with RPO 0: records that lost work is had again from
	Exposure time.Duration // recovery point exposure; negative when not known
	Postings *float64      // journal entries posted within it; nil when not known
	Budget   string        // "62% left"; "" when not measured

	Incident string
	URL      string

	Works    time.Time // since when it works again while the incident goes on; zero while it does not
	Resolved bool
	Ended    time.Time // when it worked again
	Verified string    // what shows that it works: "test transactions go through"; "" when nothing does
	Backlog  string    // what is left to catch up: "31 e-invoices waiting to be sent"; "" when not known
}

// tidy returns s without line breaks and control characters in what others
// wrote: a text from outside cannot begin a section of its own.
func (s Situation) tidy() Situation {
	for _, text := range []*string{
		&s.Process, &s.Entity, &s.Environment, &s.Doubt, &s.Headline, &s.Because, &s.Stops, &s.Meanwhile, &s.Workaround, &s.Team, &s.Owner,
		&s.Vendor, &s.Deadline, &s.Suspected, &s.Confidence, &s.Or, &s.Lead, &s.ServiceTier, &s.Phase, &s.Budget, &s.Incident, &s.URL, &s.Refetch, &s.Verified, &s.Backlog,
	} {
		*text = OneLine(*text)
	}
	for _, list := range []*[]string{&s.Entities, &s.DoFirst, &s.DoNot, &s.Evidence, &s.RuledOut, &s.Unseen, &s.Also, &s.Witnesses} {
		lines := make([]string, len(*list))
		for i, line := range *list {
			lines[i] = OneLine(line)
		}
		*list = lines
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return s
}

// A Page is the text of one alert.
type Page struct {
	Title string
	Body  string
	// Parts are the body's sections by name, for receivers that lay them out
	// themselves: impact, deadline, cause, do_first, do_not, workaround, who,
	// why, clocks.
	Parts map[string]string
}

// Badge is the short form of a tier in titles.
func Badge(tier string) string {
	switch tier {
	case "business-critical":
		return "BIZ"
	case "degradation":
		return "DEG"
	default:
		return "INFO"
	}
}

// Outcome says in a few words what happens to the process.
func Outcome(process, symptom string) string {
	switch symptom {
	case "failing":
		return process + " fails"
	case "burning-fast":
		return process + " fails often"
	case "integrity":
		return process + ": the books are not what they must be"
	case "split-brain":
		return process + ": two servers take work at once"
	case "primary-lost":
		return process + ": its database takes no work"
	case "failed-posting":
		return process + ": posting in the background fails"
	case "deadline-risk":
		return process + " may be late"
	case "unusual":
		return process + " works, a number is not as usual"
	case "recovery-point":
		return process + ": recent work is at risk"
	case "work-missing":
		return process + ": expected work is not happening"
	case "slow":
		return process + " is slow"
	case "burning-slowly":
		return process + " fails too often"
	case "blind":
		return process + " cannot be seen"
	case "cause-only":
		return process + " works, a part it needs is unhealthy"
	default:
		return process + " is impaired"
	}
}

// Compose writes the page.
func Compose(s Situation) Page {
	s = s.tidy()
	sections := []struct{ name, head, text string }{
		{"impact", "IMPACT", impact(s)},
		{"deadline", "DEADLINE", deadline(s)},
		{"cause", "CAUSE", cause(s)},
		{"do_first", "DO FIRST", numbered(s.DoFirst)},
		{"do_not", "DO NOT", strings.Join(s.DoNot, " ")},
		{"workaround", "WORKAROUND", workaround(s)},
		{"who", "WHO", who(s)},
		{"why", "WHY " + Badge(s.Tier), why(s)},
		{"clocks", "CLOCKS", clocks(s)},
	}
	if s.Tier == "informational" { // nothing to do: say what was seen and why, no more
		keep := sections[:0]
		for _, sec := range sections {
			if sec.name == "impact" || sec.name == "cause" || sec.name == "why" {
				keep = append(keep, sec)
			}
		}
		sections = keep
	}
	p := Page{Title: title(s), Parts: map[string]string{}}
	for _, sec := range sections {
		if sec.text != "" {
			p.Parts[sec.name] = sec.text
		}
	}
	// Shorten until it fits: what a reader can do without goes first.
	shorten := []func(){
		func() {},
		func() { p.Parts["do_first"] = numbered(s.DoFirst[:min(2, len(s.DoFirst))]) },
		func() { p.Parts["do_not"] = strings.Join(s.DoNot[:min(2, len(s.DoNot))], " ") }, // the runbook has them all
		func() { s.Unseen = nil; p.Parts["cause"] = cause(s) },
		func() { s.Evidence = s.Evidence[:min(2, len(s.Evidence))]; p.Parts["cause"] = cause(s) },
		func() { s.RuledOut = bare(s.RuledOut); p.Parts["cause"] = cause(s) },
		func() { s.Vendor = ""; p.Parts["who"] = who(s) },
		func() { s.Or = ""; p.Parts["cause"] = cause(s) },
		func() { s.Evidence = s.Evidence[:min(1, len(s.Evidence))]; p.Parts["cause"] = cause(s) },
		func() { s.RuledOut = nil; p.Parts["cause"] = cause(s) },
		func() { s.Witnesses = nil; p.Parts["why"] = why(s) },
		func() { p.Parts["do_first"] = numbered(s.DoFirst[:min(1, len(s.DoFirst))]) },
		func() { p.Parts["cause"] = Cut(cause(s), 200) },
		func() { p.Parts["workaround"] = Cut(workaround(s), 100) },
		func() { p.Parts["impact"] = Cut(impact(s), 300) },
	}
	for _, drop := range shorten {
		drop()
		var b strings.Builder
		for _, sec := range sections {
			if text := p.Parts[sec.name]; text != "" {
				fmt.Fprintf(&b, "%s: %s\n", sec.head, text)
			}
		}
		if s.Incident != "" {
			fmt.Fprintf(&b, "%s %s\n", s.Incident, s.URL)
		}
		p.Body = strings.TrimSpace(b.String())
		if utf8.RuneCountInString(p.Body) <= MaxBody {
			break
		}
	}
	p.Body = Cut(p.Body, MaxBody)
	for name, text := range p.Parts {
		if text == "" {
			delete(p.Parts, name)
		}
	}
	return p
}

func title(s Situation) string {
	state := Outcome(s.Process, s.Symptom)
	switch {
	case s.Resolved:
		state = s.Process + " works again"
	case !s.Works.IsZero() && len(s.Also) > 0:
		state = fmt.Sprintf("%s works again, %s not yet", s.Process, s.Also[0])
	case !s.Works.IsZero():
		state = s.Process + " works again, watched for a while"
	}
	t := fmt.Sprintf("[%s] %s: %s", Badge(s.Tier), at(s), state)
	if s.Deadline != "" && !s.Resolved {
		with := fmt.Sprintf("%s (%s %s)", t, s.Deadline, left(s.DeadlineAt.Sub(s.At)))
		if utf8.RuneCountInString(with) <= MaxTitle {
			t = with
		}
	}
	return Cut(t, MaxTitle)
}

func impact(s Situation) string {
	parts := []string{}
	if !s.Works.IsZero() && !s.Resolved {
		parts = append(parts, fmt.Sprintf("%s works again since %s.", s.Process, s.Works.In(s.Zone).Format("15:04:05 MST")))
		if len(s.Also) > 0 {
			parts = append(parts, "Still impaired: "+strings.Join(s.Also, ", ")+".")
		}
		parts = append(parts, "It was:")
	}
	if (s.Symptom == "failing" || s.Symptom == "primary-lost") && s.Stops != "" {
		parts = append(parts, s.Stops)
	}
	parts = append(parts, Sentence(s.Headline))
	parts = append(parts, fmt.Sprintf("Since %s.", s.Since.In(s.Zone).Format("15:04:05 MST")))
	if s.Lead != "" {
		parts = append(parts, "Part of a larger incident led by "+s.Lead+".")
	} else if len(s.Also) > 0 && s.Works.IsZero() {
		parts = append(parts, "Also impaired: "+strings.Join(s.Also, ", ")+".")
	}
	return strings.Join(parts, " ")
}

func deadline(s Situation) string {
	if s.Deadline == "" {
		return "none within a day."
	}
	text := fmt.Sprintf("%s due %s (%s).", s.Deadline, s.DeadlineAt.In(s.Zone).Format("Mon 15:04:05 MST"), left(s.DeadlineAt.Sub(s.At)))
	switch {
	case s.DeadlineNever:
		return text + " It cannot be met at this rate: nothing of what waits is being done."
	case s.DeadlineLeft < 0:
		return text + " It can no longer be met with the time needed to catch up."
	}
	return text + " Slack after catching up " + Duration(s.DeadlineLeft) + "."
}

// workaround says from when on finance helps itself.
func workaround(s Situation) string {
	switch {
	case s.Workaround == "" || s.WorkaroundAfter == 0:
		return s.Workaround
	case s.At.Before(s.Since.Add(s.WorkaroundAfter)):
		return "from " + clock(s, s.Since.Add(s.WorkaroundAfter)) + ": " + s.Workaround
	default:
		return "start now: " + s.Workaround
	}
}

func who(s Situation) string {
	text := s.Team + " on call."
	if s.Owner != "" {
		text += " Decides for the business: " + s.Owner + "."
	}
	if s.Vendor != "" {
		text += " Vendor: " + s.Vendor + "."
	}
	return text
}

func why(s Situation) string {
	text := s.Because
	if len(s.Witnesses) > 0 {
		text += " (" + strings.Join(s.Witnesses, "; ") + ")"
	}
	return fmt.Sprintf("%s; service tier %s, %s.", text, s.ServiceTier, s.Phase)
}

func clocks(s Situation) string {
	parts := []string{fmt.Sprintf("down %s of RTO %s", Duration(s.At.Sub(s.Since)), Duration(s.RTO))}
	if s.Exposure >= 0 {
		allowed := " of RPO " + Duration(s.RPO)
		if s.RPO == 0 && s.Refetch != "" {
			allowed = ", to be had again from " + s.Refetch
		}
		parts = append(parts, "unprotected work "+Duration(s.Exposure)+postings(s.Postings)+allowed)
	}
	if s.Budget != "" {
		parts = append(parts, "error budget "+s.Budget)
	}
	return strings.Join(parts, " · ") + "."
}

// postings says how much work that is, without an amount; nothing when it is not
// known or none.
func postings(n *float64) string {
	if n == nil || *n < 1 {
		return ""
	}
	return " (about " + Count(int(*n), "posting", "postings") + ")"
}

func numbered(steps []string) string {
	if len(steps) == 1 {
		return steps[0]
	}
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = fmt.Sprintf("%d) %s", i+1, s)
	}
	return strings.Join(out, " ")
}

func left(d time.Duration) string {
	if d < 0 {
		return Duration(-d) + " ago"
	}
	return "in " + Duration(d)
}
