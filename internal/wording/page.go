// Package wording is the one voice of alerts, web pages, explanations, updates
// and runbooks.
//
// From one Situation come the page of whoever is on call, a summary for triage,
// the update that stakeholders read and the line of the status page. A page has
// a fixed order — impact, deadline, cause, what to do first, what not to do,
// workaround, who, why this tier, recent changes, clocks — and is complete
// without opening a link. An update and a status line name no component. All
// say counts and never names of people or amounts, and keep to their limits by
// dropping the least important words first.
//
// Jargon and PII find words that have no place in any of them; tests hold
// everything people read to both. The package is pure text: it decides nothing.
package wording

import (
	"fmt"
	"slices"
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
	Told        string // the higher tier that another alert tells of, by now; "" when there is none
	Process     string // "Invoice posting"
	Entity      string
	Entities    []string // all whose outcome is impaired alike; Entity when it names none
	Of          int      // how many entities have the outcome; 0 when that is not known
	Environment string
	Symptom     string // tiering's symptom of the first reason
	Doubt       string // why a failure may be none of users': "while users still get their work done"; "" when it is one
	Unmeasured  bool   // nothing tells whether the outcome works
	Headline    string // what was found
	Because     string // why that means this tier
	Since       time.Time
	Worse       time.Time // when its incident last rose to a higher tier than it was raised at; zero when it did not
	At          time.Time
	Zone        *time.Location

	Stops           string
	Meanwhile       string // follows "please"
	Workaround      string
	WorkaroundAfter time.Duration // after Since; 0 is at once
	DoFirst         []string
	Order           []string // in which to recover, from the ground up, when there is more than one thing to
	DoNot           []string
	Team            string
	Owner           string
	Vendor          string

	Deadline     string // "AP cut-off"; "" when none is near
	DeadlineAt   time.Time
	DeadlineLeft time.Duration
	// DeadlineNever says that nothing of what waits is being done.
	DeadlineNever bool
	// Becomes is when it becomes business-critical if nothing changes but the time
	// that is left; zero when it does not within days, or is.
	Becomes time.Time

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
	Changes     []string // to what it needs in the day before, newest first: "13:40 odoo: deployed revision a1b2c3"

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
	for _, list := range []*[]string{&s.Entities, &s.DoFirst, &s.Order, &s.DoNot, &s.Changes, &s.Evidence, &s.RuledOut, &s.Unseen, &s.Also, &s.Witnesses} {
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
	// why, changes, clocks.
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
		return process + ": the books may be wrong"
	case "split-brain":
		return process + ": two servers take work"
	case "primary-lost":
		return process + ": its database takes no work"
	case "failed-posting":
		return process + ": background posting fails"
	case "deadline-risk":
		return process + " may be late"
	case "unusual":
		return process + " works, a number is unusual"
	case "recovery-point":
		return process + ": recent work is at risk"
	case "work-missing":
		return process + ": expected work is missing"
	case "slow":
		return process + " is slow"
	case "burning-slowly":
		return process + " fails too often"
	case "blind":
		return process + " cannot be seen"
	case "cause-only":
		return process + " works, a part is unhealthy"
	default:
		return process + " is impaired"
	}
}

// RoomForCause is how many characters of its cause every page has at least.
const RoomForCause = 120

// room is how long each section may be at least, in characters, so that all of
// them, their heads and the incident's address find room on a page.
var room = map[string]int{
	"impact": 200, "deadline": 80, "cause": RoomForCause, "do_first": 130, "do_not": 130, "workaround": 80, "who": 80, "why": 80, "clocks": 80,
}

// Compose writes the page.
func Compose(s Situation) Page {
	s = s.tidy()
	sections := []section{
		{"impact", "IMPACT", impact(s)},
		{"deadline", "DEADLINE", deadline(s)},
		{"cause", "CAUSE", cause(s)},
		{"do_first", "DO FIRST", first(s, len(s.DoFirst))},
		{"do_not", "DO NOT", strings.Join(s.DoNot, " ")},
		{"workaround", "WORKAROUND", workaround(s)},
		{"who", "WHO", who(s)},
		{"why", "WHY " + Badge(s.Tier), why(s)},
		{"changes", "CHANGED", said(s.Changes)},
		{"clocks", "CLOCKS", clocks(s)},
	}
	if few := fewer(s); few != nil {
		sections = slices.DeleteFunc(sections, func(sec section) bool { return !slices.Contains(few, sec.name) })
	}
	p := Page{Title: title(s), Parts: map[string]string{}}
	for _, sec := range sections {
		if sec.text != "" {
			p.Parts[sec.name] = sec.text
		}
	}
	// Shorten until it fits: what a reader can do without goes first.
	put := func(name, text string) {
		if p.Parts[name] != "" {
			p.Parts[name] = text
		}
	}
	put("who", who(s)+promise(s))
	shorten := []func(){
		func() {},
		func() { put("do_first", first(s, 2)) },
		func() { put("do_not", strings.Join(s.DoNot[:min(2, len(s.DoNot))], " ")) }, // the runbook has them all
		func() { s.Unseen = nil; put("cause", cause(s)) },
		func() { s.Evidence = s.Evidence[:min(2, len(s.Evidence))]; put("cause", cause(s)) },
		func() { s.RuledOut = bare(s.RuledOut); put("cause", cause(s)) },
		func() {
			if len(s.Changes) == 0 {
				delete(p.Parts, "changes")
			}
		},
		func() { put("who", who(s)) },
		func() { s.Vendor = ""; put("who", who(s)) },
		func() { s.Budget = spent(s.Budget); put("clocks", clocks(s)) },
		func() { s.Or = ""; put("cause", cause(s)) },
		func() { s.Evidence = s.Evidence[:min(1, len(s.Evidence))]; put("cause", cause(s)) },
		func() {
			if len(s.Changes) > 1 {
				put("changes", said(s.Changes[:1]))
			}
		},
		func() { s.Order = nil; put("do_first", first(s, 2)) }, // the incident has it
		func() { s.Witnesses = nil; put("why", why(s)) },
		func() {
			if s.Exposure >= 0 && s.Exposure < max(s.RPO/4, 10*time.Second) { // far from what is allowed
				s.Exposure = -1
				put("clocks", clocks(s))
			}
		},
		func() { s.RuledOut = nil; put("cause", cause(s)) },
		func() { s.Evidence = nil; put("cause", cause(s)) },
		func() { put("do_first", first(s, 1)) },
		func() { put("cause", Cut(cause(s), 200)) },
		func() { put("workaround", Cut(workaround(s), 100)) },
		func() { put("changes", Cut(p.Parts["changes"], 60)) },
		func() { delete(p.Parts, "changes") },
		func() { put("impact", Cut(impact(s), 300)) },
	}
	for _, sec := range sections { // what others wrote is endless: of each section what there is room for
		if most, bounded := room[sec.name]; bounded {
			shorten = append(shorten, func() { put(sec.name, Cut(p.Parts[sec.name], most)) })
		}
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

// A section of a page.
type section struct{ name, head, text string }

// fewer are the sections of a page that asks for little; nil is all of them. Of what
// is informational it says what was seen and why, and of what works again what it
// was, what still must not be done, and who hears of it.
func fewer(s Situation) []string {
	switch {
	case s.Tier == "informational":
		return []string{"impact", "cause", "why"}
	case calm(s):
		few := []string{"impact", "cause", "do_first", "do_not", "who", "clocks"}
		if s.Deadline != "" {
			few = append(few, "deadline")
		}
		return few
	}
	return nil
}

// calm reports whether all of an incident works again, which is not over yet.
func calm(s Situation) bool { return !s.Works.IsZero() && !s.Resolved && len(s.Also) == 0 }

// spent is a budget that somebody has to think of: none that is as it was.
func spent(budget string) string {
	if strings.HasPrefix(budget, "100%") {
		return ""
	}
	return budget
}

// Note is an impact in one line of a digest: what was seen, and that nobody has
// to get up for it.
func Note(s Situation) string {
	s = s.tidy()
	var text string
	switch {
	case s.Resolved:
		text = title(s) + " since " + clock(s, s.Ended) + "."
	case !s.Works.IsZero():
		text = title(s) + ". It was: " + Sentence(s.Headline)
	case s.Told != "":
		text = title(s) + ", since " + clock(s, s.Since) + ". It is " + s.Told + " by now: another alert says what to do."
	case s.Tier == "informational":
		text = title(s) + ", since " + clock(s, s.Since) + ". " + Sentence(s.Headline) + " Nothing to do at once: look at it in working hours."
	default:
		text = title(s) + ", since " + clock(s, s.Since) + ". " + Sentence(s.Headline)
	}
	return Cut(text, MaxTriage)
}

// Title is the title of a page.
func Title(s Situation) string { return title(s.tidy()) }

// Over is the title of a message that an alert has ended. It says that the
// outcome works only where that is known: what ends may go on as less.
func Over(s Situation) string {
	s = s.tidy()
	what := s.Process
	if s.Resolved || !s.Works.IsZero() {
		what = again(s)
	}
	return Cut(fmt.Sprintf("[%s over] %s: %s", Badge(s.Tier), at(s), what), MaxTitle)
}

// again says that it is as it should be.
func again(s Situation) string {
	if s.Symptom == "recovery-point" {
		return s.Process + ": recent work is safe again"
	}
	return s.Process + " works again"
}

func title(s Situation) string {
	state := Outcome(s.Process, s.Symptom)
	switch {
	case s.Resolved:
		state = again(s)
	case !s.Works.IsZero() && len(s.Also) > 0:
		state = fmt.Sprintf("%s, %s not yet", again(s), s.Also[0])
	case !s.Works.IsZero():
		state = again(s) + ", watched for a while"
	}
	t := fmt.Sprintf("[%s] %s: %s", Badge(s.Tier), at(s), state)
	if utf8.RuneCountInString(t) > MaxTitle && calm(s) {
		t = fmt.Sprintf("[%s] %s: %s", Badge(s.Tier), at(s), again(s))
	}
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
		parts = append(parts, fmt.Sprintf("%s since %s.", again(s), s.Works.In(s.Zone).Format("15:04:05 MST")))
		if len(s.Also) > 0 {
			parts = append(parts, "Still impaired: "+strings.Join(s.Also, ", ")+".")
		}
		parts = append(parts, "It was:")
	}
	if (s.Symptom == "failing" || s.Symptom == "primary-lost") && s.Stops != "" {
		parts = append(parts, s.Stops)
	}
	if s.Symptom == "recovery-point" && s.Works.IsZero() {
		parts = append(parts, "Work goes on, but what was entered last is on one server only: if that fails now, it is lost.")
	}
	parts = append(parts, Sentence(s.Headline))
	parts = append(parts, fmt.Sprintf("Since %s%s.", s.Since.In(s.Zone).Format("15:04:05 MST"), radius(s)))
	if s.Lead != "" {
		parts = append(parts, "Part of a larger incident led by "+s.Lead+".")
	} else if len(s.Also) > 0 && s.Works.IsZero() {
		parts = append(parts, "Also impaired: "+strings.Join(s.Also, ", ")+".")
	}
	return strings.Join(parts, " ")
}

// radius says for how many of those who have the outcome; nothing when that is
// one of one.
func radius(s Situation) string {
	n := max(len(s.Entities), 1)
	switch {
	case s.Of <= 1 && n == 1 || n > s.Of:
		if n == 1 {
			return ""
		}
		return " for " + places(s, 3)
	case n == 1:
		return fmt.Sprintf(" for 1 of %d entities", s.Of)
	case n > 3:
		return fmt.Sprintf(" for %d of %d entities", n, s.Of)
	default:
		return fmt.Sprintf(" for %s (%d of %d entities)", places(s, 3), n, s.Of)
	}
}

// becomes says from when on it is worse than it is.
func becomes(s Situation) string {
	if s.Becomes.IsZero() || s.Resolved || !s.Works.IsZero() {
		return ""
	}
	return " It becomes business-critical " + clock(s, s.Becomes) + " if it lasts."
}

func deadline(s Situation) string { return due(s) + becomes(s) }

func due(s Situation) string {
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

// promise says when stakeholders hear of it next; nothing where another impact
// speaks for the incident.
func promise(s Situation) string {
	next := NextUpdate(s)
	if next.IsZero() || s.Lead != "" {
		return ""
	}
	return " Stakeholders: next update " + clock(s, next) + ", draft ready."
}

func why(s Situation) string {
	if s.Told != "" {
		return "it was that at first. It is " + s.Told + " by now: another alert says what to do."
	}
	text := s.Because
	if len(s.Witnesses) > 0 {
		text += " (" + strings.Join(s.Witnesses, "; ") + ")"
	}
	return fmt.Sprintf("%s; service tier %s, %s.", text, s.ServiceTier, s.Phase)
}

// said says what was changed before.
func said(changes []string) string {
	if len(changes) == 0 {
		return "nothing known in the 24h before."
	}
	return strings.Join(changes, "; ") + "."
}

func clocks(s Situation) string {
	how, until := "down", s.At
	if !slices.Contains([]string{"failing", "primary-lost", "split-brain", "burning-fast"}, s.Symptom) {
		how = "impaired"
	}
	if calm(s) {
		how, until = "was "+how, s.Works
	}
	parts := []string{fmt.Sprintf("%s %s of RTO %s", how, Duration(until.Sub(s.Since)), Duration(s.RTO))}
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

// first are the first steps, most of them, and in which order to recover.
func first(s Situation, most int) string {
	if calm(s) {
		text := "nothing has to be restored: this ends by itself once it has worked for a while."
		if s.Symptom == "failing" {
			text += " Look for what was under way when it failed, and whether it went through."
		}
		return text
	}
	text := numbered(s.DoFirst[:min(most, len(s.DoFirst))])
	if len(s.Order) < 2 {
		return text
	}
	return strings.TrimSpace(text + " Recover in this order: " + strings.Join(s.Order, ", ") + ".")
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
