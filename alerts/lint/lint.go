package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// A Rule is a part of the policy, by name.
type Rule string

// Rules.
const (
	Complete   Rule = "complete"    // whoever is woken can act without opening a link
	Discretion Rule = "discretion"  // no person, account, document or amount
	Resource   Rule = "resource"    // no page on a resource's metric alone
	PlainWords Rule = "plain-words" // nothing of the machine room
	Room       Rule = "room"        // titles and sections fit
	DoNot      Rule = "do-not"      // what must not be done is said so
	Deadline   Rule = "deadline"    // a critical window before deadlines has some
	Budget     Rule = "page-budget" // not more pages than people can bear
)

// A Finding is something wrong with a page, at a field of the estate.
type Finding struct {
	Rule    Rule
	Refused bool // the page is not to be sent like this; otherwise it is advice
	estate.Problem
}

// An Outcome is a process of one entity that an estate judges.
type Outcome struct {
	Process             process.Process // as the estate has it
	Entity, Environment string
	Flows               []Flow // that exercise it there
}

// A Flow is how often a test transaction runs in critical windows.
type Flow struct {
	Name  string
	Every time.Duration
}

// An Input is what is looked at.
type Input struct {
	Estate   *estate.Estate
	Outcomes []Outcome
	Symptoms []string          // that a page may be about
	Queries  map[string]string // what the estate asks of a Prometheus, by the query's name
	Signals  []Text            // what signals that the estate itself defines tell
}

// A Result is what was found, and what a shift is to expect.
type Result struct {
	Findings []Finding
	Pages    float64 // in a shift; see Pages
}

// Check looks at everything people would read.
func Check(in Input) Result {
	read := append(written(in.Estate), in.Signals...)
	r := Result{Findings: slices.Concat(texts(read), signals(in.Signals), entities(in.Estate)), Pages: Pages(in.Outcomes)}
	for _, p := range processes(in.Outcomes) {
		r.Findings = append(r.Findings, p.page(in.Symptoms)...)
		r.Findings = append(r.Findings, p.doNot(in.Estate)...)
		r.Findings = append(r.Findings, p.resources(in.Queries)...)
		r.Findings = append(r.Findings, p.deadlines(in.Estate)...)
	}
	if r.Pages > Bearable {
		r.Findings = append(r.Findings, Finding{Budget, false, estate.Problem{
			Field:  "processes",
			What:   fmt.Sprintf("were every objective only just met, on-call would be paged %.1f times in a shift of 12 h, and people bear %d", r.Pages, Bearable),
			Remedy: "aim higher for the processes of tier A, give them more time to recover, run their flows less often, or make fewer of them tier A",
		}})
	}
	return r
}

// An outcomes is one process with all places in which it is judged.
type outcomes struct {
	process.Process
	places []Outcome
}

// processes gathers outcomes by process, in the order of the first of each.
func processes(all []Outcome) []outcomes {
	var out []outcomes
	for _, o := range all {
		i := slices.IndexFunc(out, func(p outcomes) bool { return p.Name == o.Process.Name })
		if i < 0 {
			out = append(out, outcomes{Process: o.Process})
			i = len(out) - 1
		}
		out[i].places = append(out[i].places, o)
	}
	return out
}

// pages reports whether the process can be business-critical: the decision table
// gives that to tiers A and B only.
func (p outcomes) pages() bool { return p.TierIn(true) <= process.Important }

func (p outcomes) finding(rule Rule, refused bool, field, what, remedy string) Finding {
	return Finding{rule, refused, estate.Problem{Field: "processes." + p.Name + field, What: what, Remedy: remedy}}
}

// fieldOf is where an estate says what a page lacks.
var fieldOf = map[string]string{"impact": ".stops", "what to do first": ".doFirst", "workaround": ".workaround", "team": ".team", "owner": ".owner", "by when": ".rto"}

// page writes the page of the process and looks whether somebody could act on it,
// and the title of each symptom in each place.
func (p outcomes) page(symptoms []string) []Finding {
	var out []Finding
	s := situation(p.Process, p.places[0], "failing")
	page := wording.Compose(s)
	for _, part := range []struct{ name, field string }{{"impact", ".stops"}, {"do_first", ".doFirst"}, {"do_not", ".doNot"}, {"workaround", ".workaround"}} {
		if strings.Contains(page.Parts[part.name], "…") {
			out = append(out, p.finding(Room, false, part.field, "is cut on the page: there is no room for it", "say it in fewer words"))
		}
	}
	if p.pages() {
		for _, lack := range wording.Lacks(s, wording.RunbookFor("FinanceProcessImpaired", p.Name)) {
			what, _, _ := strings.Cut(lack, ":")
			if what != "discretion" { // told where it stands
				out = append(out, p.finding(Complete, true, fieldOf[what], "a page of it lacks "+lack, "write it, or leave the key out for what the catalogue says"))
			}
		}
	}
	if longest := p.longestTitle(symptoms); longest != "" {
		out = append(out, p.finding(Room, false, ".title", fmt.Sprintf("titles of its pages are cut: %q", longest), "shorten it, or the name of the entity"))
	}
	return out
}

// longestTitle is the title of a page that has to be cut; "" when none has. The
// names of entities that leave no room for any are told once, where they stand.
func (p outcomes) longestTitle(symptoms []string) string {
	longest := ""
	for _, place := range p.places {
		if utf8.RuneCountInString(place.Entity) > longEntity {
			continue
		}
		for _, symptom := range symptoms {
			s := situation(p.Process, place, symptom)
			if title := wording.Title(s); strings.HasSuffix(title, "…") && len(title) > len(longest) {
				longest = title
			}
		}
	}
	return longest
}

// longEntity is how many characters the name of an entity may have for titles to
// have room for what is wrong.
const longEntity = 24

// entities looks for names that leave no room.
func entities(e *estate.Estate) []Finding {
	var out []Finding
	for i, ent := range e.Entities {
		if n := utf8.RuneCountInString(ent.Name); n > longEntity {
			out = append(out, Finding{Room, false, estate.Problem{
				Field: fmt.Sprintf("entities[%d].name", i), What: fmt.Sprintf("has %d characters: titles of pages have no room for what is wrong", n),
				Remedy: fmt.Sprintf("write a name of at most %d; it begins every page", longEntity),
			}})
		}
	}
	return out
}

// situation is an ordinary one: what an engine would find is of its usual length.
func situation(p process.Process, o Outcome, symptom string) wording.Situation {
	at := time.Date(2026, 12, 1, 14, 5, 0, 0, time.UTC)
	inForce := p.RecoveryIn(true)
	suspected := "the database does not answer"
	if len(p.Needs) > 0 && p.Needs[0].Component != "" {
		suspected = p.Needs[0].Component + " does not answer"
	}
	return wording.Situation{
		Tier: "business-critical", Process: p.Title, Entity: o.Entity, Environment: o.Environment, Symptom: symptom,
		Headline: "test transaction " + p.Name + " failed twice in a row at step post (rejected)", Because: "the outcome fails, confirmed by a second witness",
		Since: at.Add(-13 * time.Minute), At: at, Stops: p.Stops, Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
		DoFirst: p.DoFirst, DoNot: p.DoNot, Team: p.Team, Owner: p.Owner, Vendor: p.Vendor, Refetch: p.Refetch,
		Suspected: suspected, Confidence: "likely", ServiceTier: string(p.TierIn(true)), Phase: "close of 2026-11",
		RTO: inForce.RTO, RPO: inForce.RPO, Exposure: 3 * time.Second, Incident: "I-0123abcd", URL: "http://127.0.0.1:9977/incidents/I-0123abcd",
	}
}

// doNot looks at the lines that an estate says itself.
func (p outcomes) doNot(e *estate.Estate) []Finding {
	var out []Finding
	for i, line := range e.Processes[p.Name].DoNot {
		if !strings.HasPrefix(line, "Do not ") && !strings.HasPrefix(line, "Never ") {
			out = append(out, p.finding(DoNot, false, fmt.Sprintf(".doNot[%d]", i), "does not say what must not be done: it reads as something to do", "begin it with Do not or Never"))
		}
	}
	if len(p.DoNot) == 0 && p.pages() {
		out = append(out, p.finding(DoNot, false, ".doNot", "says nothing", "write what must not be repeated: a payment file, an e-invoice, a statement, a job"))
	}
	return out
}

// deadlines looks for those that the critical window comes before. An estate
// that declares none at all is one without a calendar.
func (p outcomes) deadlines(e *estate.Estate) []Finding {
	c := e.Calendar
	waits := slices.ContainsFunc(p.Windows, func(w process.Window) bool { return w.Kind == process.BeforeDeadline })
	other := slices.ContainsFunc(p.Windows, func(w process.Window) bool { return w.Kind != process.BeforeDeadline })
	if !waits || other || !p.pages() || len(c.Cutoffs)+len(c.Deadlines) == 0 {
		return nil
	}
	due := slices.ContainsFunc(c.Cutoffs, func(x estate.Cutoff) bool { return x.Process == p.Name }) ||
		slices.ContainsFunc(c.Deadlines, func(x estate.Deadline) bool { return x.Process == p.Name })
	for _, plan := range c.ClosePlans {
		due = due || slices.ContainsFunc(plan.Milestones, func(m estate.Milestone) bool { return m.Process == p.Name })
	}
	if due {
		return nil
	}
	return []Finding{p.finding(Deadline, false, ".criticalWindow", "is before deadlines, and the calendar has none of this process: it never comes", "write its cut-off or deadline under calendar, or another window")}
}
