package tiering

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A Confidence says how sure a probable cause is.
type Confidence string

// Confidences.
const (
	High     Confidence = "high"
	Likely   Confidence = "likely"
	Possible Confidence = "possible"
)

// Kinds of candidate that are no component.
const (
	CalendarCause    = "calendar"    // a lock date
	TestCause        = "test"        // the test transaction itself
	IntegrationCause = "integration" // somebody outside, who is not watched
	InputCause       = "input"       // people who have not done it yet
	ChangeCause      = "change"      // a change that concerns all components
	UnknownCause     = "unknown"     // nothing that is watched explains it
)

// A Candidate is something that may be behind the symptoms.
type Candidate struct {
	Component  string       `json:"component,omitempty"` // "" for what is no component
	Kind       string       `json:"kind"`                // of the component, or one of those above
	Family     string       `json:"family,omitempty"`    // what sort of trouble it is in
	What       string       `json:"what"`                // "erp has a job runner that does not work"
	Confidence Confidence   `json:"confidence"`
	Score      int          `json:"score"`
	Inferred   bool         `json:"inferred,omitempty"` // nothing measured in it is bad: it is what remains
	State      signal.State `json:"state"`              // the worst of its signals
	Since      time.Time    `json:"since,omitzero"`
	For        []string     `json:"for"`
	Against    []string     `json:"against,omitempty"`
}

// id tells candidates apart across ticks.
func (c *Candidate) id() string { return c.Kind + "/" + c.Component + "/" + c.Family }

// A suspect is a candidate while it is weighed.
type suspect struct {
	Candidate

	family    *Family
	evidence  []string // what its signals say
	health    bool     // they are part of its component's state
	explained bool     // a component it rests on accounts for it
	past      *Past    // it is no longer found: what is seen began under it; nil of what is
}

func (c *suspect) add(points int, list *[]string, format string, args ...any) {
	c.Score += points
	*list = append(*list, fmt.Sprintf(format, args...))
}

// An Exclusion is a component that was ruled out, and why.
type Exclusion struct {
	Component string `json:"component"`
	Why       string `json:"why"` // "answers, no session waits for a lock"
}

// A Suspicion keeps the first candidate from changing places with the second
// at every tick.
type Suspicion struct {
	First string    `json:"first,omitempty"` // candidate told first
	Ahead string    `json:"ahead,omitempty"` // one that has more points, though not by much
	Since time.Time `json:"since,omitzero"`  // since when it has
	Past  *Past     `json:"past,omitempty"`  // what was measured to be the cause; nil when nothing was lately
}

// A diagnosis is one ranking in the making.
type diagnosis struct {
	at    time.Time
	e     *Evidence
	rules Rules
	graph graph
	signs []Sign
	onset time.Time // of what is seen; zero when nobody can tell
	found []suspect
}

// diagnose ranks what may be behind the symptoms, and lists what is not. A
// subject with nothing wrong about it has neither.
func diagnose(at time.Time, e *Evidence, rules Rules) ([]suspect, []Exclusion, Suspicion) {
	signs := signsOf(e)
	if len(signs) == 0 && !slices.ContainsFunc(e.Needs, unwell) {
		return nil, nil, Suspicion{Past: e.Suspicion.Past.at(at, rules)}
	}
	e = ordered(e)
	d := diagnosis{at: at, e: e, rules: rules, graph: newGraph(e.Needs), signs: signs, onset: onsetOf(e)}
	d.graph.arrive = len(signs) > 0 && !slices.ContainsFunc(signs, func(s Sign) bool { return slices.Contains(onTheWay, s) })
	d.measured()
	d.exposed()
	d.overlay()
	d.echoed()
	if len(signs) > 0 {
		d.past()
		d.application()
		d.calendar()
		d.test()
		d.outside()
		d.changes()
	}
	return d.rank()
}

// ordered returns evidence with its needs by name and their signals worst first:
// the order in which they were found is no evidence.
func ordered(e *Evidence) *Evidence {
	out := *e
	out.Needs = slices.Clone(e.Needs)
	slices.SortFunc(out.Needs, func(a, b Need) int { return cmp.Compare(a.Component, b.Component) })
	for i := range out.Needs {
		n := &out.Needs[i]
		if !slices.IsSortedFunc(n.Signals, compareSignals) {
			n.Signals = slices.Clone(n.Signals)
			slices.SortFunc(n.Signals, compareSignals)
		}
	}
	return &out
}

// compareSignals orders bad signals: worst first, part of health before what is
// told beside it, earlier before later.
func compareSignals(a, b SignalSeen) int {
	rank := func(s SignalSeen) int {
		if s.Health {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.State, a.State), cmp.Compare(rank(a), rank(b)), a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text),
	)
}

// inferred is a suspect that nothing measured points to: it is what remains.
func inferred(c Candidate) suspect {
	c.Inferred = true
	return suspect{Candidate: c, family: &Family{Effect: hurts}}
}

func unwell(n Need) bool { return n.State == signal.Critical || n.State == signal.Warning }

// signsOf lists what is seen to be impaired, each once, in a fixed order.
func signsOf(e *Evidence) []Sign {
	var out []Sign
	add := func(s Sign) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			add(Sign(f.Kind))
			add(FlowFails(f.Name))
		}
	}
	for _, b := range e.Burns {
		switch {
		case b.Firing && b.Indicator == "latency":
			add(TakesLong)
		case b.Firing && b.Source == "users":
			add(UsersFail)
		}
	}
	for _, w := range e.Work {
		if w.Missing {
			add(Sign(cmp.Or(w.Source, process.QueueJobs)))
		}
	}
	for _, f := range e.Findings {
		if suffers(f.Symptom) {
			add(Sign(f.Symptom))
		}
	}
	if !e.Recovery.BeyondSince.IsZero() {
		add(Exposed)
	}
	slices.Sort(out)
	return out
}

// An onset is since when a sign is seen.
type onset struct {
	sign Sign
	at   time.Time
}

// onsetsOf lists since when each sign is seen, as far as anybody can tell.
func onsetsOf(e *Evidence) []onset {
	var out []onset
	add := func(at time.Time, signs ...Sign) {
		for _, s := range signs {
			if !at.IsZero() {
				out = append(out, onset{s, at})
			}
		}
	}
	for _, f := range e.Flows {
		if f.State == FlowFailing {
			add(f.FirstFailure, Sign(f.Kind), FlowFails(f.Name))
		}
	}
	for _, w := range e.Work {
		if w.Missing {
			add(w.Since, Sign(cmp.Or(w.Source, process.QueueJobs)))
		}
	}
	for _, f := range e.Findings {
		if suffers(f.Symptom) {
			add(f.Since, Sign(f.Symptom))
		}
	}
	add(e.Recovery.BeyondSince, Exposed)
	return out
}

// suffers reports whether the outcome is impaired by a symptom that a signal
// shows; of the others nobody has seen it suffer.
func suffers(s Symptom) bool { return s == FailedPosting || s == Integrity }

// onsetOf is the earliest instant at which something was seen to be impaired.
func onsetOf(e *Evidence) time.Time {
	var first time.Time
	for _, o := range onsetsOf(e) {
		if first.IsZero() || o.at.Before(first) {
			first = o.at
		}
	}
	return first
}

// measured finds the components with bad signals, one candidate for each family
// of trouble they are in.
func (d *diagnosis) measured() {
	for i, n := range d.e.Needs {
		byFamily := map[*Family]*suspect{}
		var order []*suspect
		of := func(f *Family) *suspect {
			c := byFamily[f]
			if c == nil {
				c = &suspect{Candidate: Candidate{Component: n.Component, Kind: n.Kind, Family: f.Name, What: n.Component + " " + f.Says}, family: f}
				byFamily[f] = c
				order = append(order, c)
			}
			return c
		}
		for _, s := range n.Signals {
			c := of(FamilyOf(n.Kind, s.Name))
			c.State, c.health = signal.Worst(c.State, s.State), c.health || s.Health
			if c.Since.IsZero() || s.Since.Before(c.Since) {
				c.Since = s.Since
			}
			c.evidence = append(c.evidence, s.Text)
		}
		if len(n.Signals) == 0 && unwell(n) {
			c := of(FamilyOf(n.Kind, ""))
			c.State, c.health, c.Since, c.evidence = n.State, true, n.Since, n.Evidence
		}
		slices.SortFunc(order, func(a, b *suspect) int { return cmp.Compare(a.Family, b.Family) })
		for _, c := range order {
			if d.concerns(c) {
				d.weigh(i, c)
				d.found = append(d.found, *c)
			}
		}
	}
}

// concerns reports whether a family of trouble can have to do with what is
// seen at all.
func (d *diagnosis) concerns(c *suspect) bool {
	switch f := c.family; {
	case f.Effect == risk, f.Name == lockDates: // those of a lock date speak for the calendar
		return c.health && f.Effect == risk
	case len(d.signs) == 0:
		return c.health
	case f.Effect == part || !c.health:
		return f.brings(d.signs)
	default:
		return true
	}
}

// lockDates is the family whose signals speak for the calendar.
const lockDates = "lock-dates"

// weigh counts what speaks for and against a measured candidate.
func (d *diagnosis) weigh(i int, c *suspect) {
	n := d.e.Needs[i]
	c.Score = base(n.Role, c.State, c.health)
	c.For = append(c.For, c.evidence[:min(maxSaid, len(c.evidence))]...)
	switch {
	case len(d.signs) == 0:
	case c.family.brings(d.signs):
		c.Score += fits
	default:
		c.add(unfit, &c.Against, "it does not bring about what is seen (%s)", words(d.signs))
	}
	d.timing(c)
	d.changed(c)
	d.others(n, c)
	if c.family.Effect == stops && c.State == signal.Critical {
		d.accounts(i, c)
	}
	if by, ok := d.graph.explainer(i, c.family); ok {
		c.explained = true
		c.add(explained, &c.Against, "%s is critical, which explains it", d.e.Needs[by].Component)
	}
	if d.silent(n, c) {
		c.explained = true
		c.add(explained, &c.Against, "%s does not work at all, which explains it", n.Component)
	}
	if n.Role == process.Redundant {
		if left, of := d.graph.left(i); left > 0 && of > 1 {
			c.add(oneIsLeft, &c.Against, "%d of %d are left", left, of)
		}
	}
}

// silent reports whether a component stands still as a whole since before a
// lesser trouble of it was seen. That its copies do not follow is trouble of its
// own.
func (d *diagnosis) silent(n Need, c *suspect) bool {
	if c.family.Effect == stops || slices.Contains(c.family.Brings, Exposed) {
		return false
	}
	return slices.ContainsFunc(n.Signals, func(s SignalSeen) bool {
		return s.Health && s.State == signal.Critical && FamilyOf(n.Kind, s.Name).Effect == stops && s.Since.Sub(c.Since) <= d.rules.Prolonged
	})
}

// accounts looks for components that rest on a candidate and are unhealthy too.
func (d *diagnosis) accounts(i int, c *suspect) {
	var above []string
	for j, other := range d.e.Needs {
		if unwell(other) && slices.Contains(d.graph.beneath[j], i) {
			above = append(above, other.Component)
		}
	}
	if len(above) > 0 {
		c.add(accountsFor, &c.For, "%s, which rest%s on it, %s unhealthy too", and(above), plural(above), verb(above, "is", "are"))
	}
}

// timing compares when a candidate began with when the outcome did: a cause
// comes before its effect, or within what a tick or two and a hold hide.
func (d *diagnosis) timing(c *suspect) {
	effect := d.onsetFor(c)
	if effect.IsZero() || c.Since.IsZero() {
		return
	}
	before := effect.Sub(c.Since)
	switch {
	case before < -d.rules.Prolonged:
		c.add(afterwards, &c.Against, "it began %s later", short(-before))
	case before > lastDay:
		c.add(longBefore, &c.Against, "it had been so for %s while the outcome worked", short(before))
	case before > shortly:
	case before >= time.Second:
		c.add(began, &c.For, "it began %s earlier", short(before))
	default:
		c.add(began, &c.For, "it began at the same time")
	}
}

// onsetFor is when what a candidate brings about began: the first of it that did
// not begin before the candidate, or else the last of it. Of two troubles at once
// the later one is not blamed for what the other began with.
func (d *diagnosis) onsetFor(c *suspect) time.Time {
	var first, last time.Time
	for _, o := range onsetsOf(d.e) {
		if !c.family.brings([]Sign{o.sign}) {
			continue
		}
		if o.at.After(last) {
			last = o.at
		}
		if c.Since.Sub(o.at) <= d.rules.Prolonged && (first.IsZero() || o.at.Before(first)) {
			first = o.at
		}
	}
	switch {
	case !first.IsZero():
		return first
	case !last.IsZero():
		return last
	default:
		return d.onset
	}
}

// changed looks for a change of the candidate's component before the outcome
// was impaired.
func (d *diagnosis) changed(c *suspect) {
	change, ago, ok := d.lastChange(func(x Change) bool { return x.Component == c.Component })
	if !ok {
		return
	}
	c.add(d.pointsOf(ago), &c.For, "%s", change.before(ago))
}

func (d *diagnosis) pointsOf(ago time.Duration) int {
	if ago <= cmp.Or(d.rules.Just, DefaultJust) {
		return changedJust
	}
	return changedToday
}

// before tells a change: "erp was changed 12m before: deployed revision a1b2c3".
func (x Change) before(ago time.Duration) string {
	what := x.What
	if x.Reference != "" && !strings.Contains(what, x.Reference) {
		what += " (" + x.Reference + ")"
	}
	return fmt.Sprintf("%s was changed %s before (%s): %s", cmp.Or(x.Component, "the estate"), short(ago), x.Kind, what)
}

// lastChange is the newest change of a sort before the outcome was impaired,
// and how long before. Changes are newest first.
func (d *diagnosis) lastChange(of func(Change) bool) (Change, time.Duration, bool) {
	onset := d.onset
	if onset.IsZero() {
		onset = d.at
	}
	for _, x := range d.e.Changes {
		if ago := onset.Sub(x.At); of(x) && ago >= -d.rules.Prolonged && ago <= lastDay {
			return x, max(0, ago), true
		}
	}
	return Change{}, 0, false
}

// others looks at the other processes that need the component.
func (d *diagnosis) others(n Need, c *suspect) {
	if len(d.signs) == 0 || c.family.Effect == part {
		return
	}
	if len(n.Works) > 0 && n.Role == process.Hard {
		points := someWork
		if c.family.Effect == stops {
			points = othersWork
		}
		c.add(points, &c.Against, "%s, which need%s it too", worksWords(n.Works), plural(n.Works))
		return
	}
	if len(n.Fails) > 0 && n.Role == process.Hard {
		c.add(othersFail, &c.For, "%s, which need%s it too", failsWords(n.Fails), plural(n.Fails))
	}
}

func plural(names []string) string {
	if len(names) == 1 {
		return "s"
	}
	return ""
}

func worksWords(names []string) string { return and(names) + " " + verb(names, "works", "work") }
func failsWords(names []string) string { return and(names) + " " + verb(names, "fails", "fail") }

func verb(names []string, one, several string) string {
	if len(names) == 1 {
		return one
	}
	return several
}

// and lists names: "a, b and c".
func and(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// words says in words what is seen.
func words(signs []Sign) string {
	var out []string
	for _, s := range signs {
		if !strings.HasPrefix(string(s), flowPrefix) {
			out = append(out, strings.NewReplacer("-", " ", "_", " ").Replace(string(s)))
		}
	}
	return strings.Join(out, ", ")
}

// exposed accounts for committed work that is in one place only: by its own
// health the system of record may well be fine, its copies are not.
func (d *diagnosis) exposed() {
	r := d.e.Recovery
	if r.BeyondSince.IsZero() {
		return
	}
	i := slices.IndexFunc(d.e.Needs, func(n Need) bool { return n.Component == r.Component })
	told := func(c suspect) bool { return slices.Contains(c.family.Brings, Exposed) }
	if i < 0 || slices.ContainsFunc(d.found, told) {
		return
	}
	n := d.e.Needs[i]
	c := suspect{
		Candidate: Candidate{
			Component: n.Component, Kind: n.Kind, Family: "copies", What: n.Component + ": the newest work is " + r.nowhere(), Since: r.BeyondSince,
			State: signal.Warning, Score: base(process.Hard, signal.Warning, true) + fits,
		},
		family: &Family{Effect: hurts, Brings: []Sign{Exposed}}, evidence: n.Evidence, health: true,
	}
	c.For = append(c.For, n.Evidence[:min(maxSaid, len(n.Evidence))]...)
	d.changed(&c)
	d.found = append(d.found, c)
}

// overlay takes points from what rests on a component in trouble that fits: an
// application whose database is locked has busy workers.
func (d *diagnosis) overlay() {
	if len(d.signs) == 0 {
		return
	}
	for i := range d.found {
		c := &d.found[i]
		at := d.place(c.Component)
		if c.explained || c.family.Effect == part || at < 0 {
			continue
		}
		for _, j := range d.graph.beneath[at] {
			under := slices.IndexFunc(d.found, func(o suspect) bool {
				return o.Component == d.e.Needs[j].Component && o.family.Effect != part && o.family.brings(d.signs) && !o.explained && !o.Since.After(c.Since.Add(d.rules.Prolonged))
			})
			if under >= 0 {
				c.add(overlaid, &c.Against, "%s, on which it rests, is in trouble as well", d.found[under].Component)
				break
			}
		}
	}
}

func (d *diagnosis) place(component string) int {
	return slices.IndexFunc(d.e.Needs, func(n Need) bool { return n.Component == component })
}

// accounted reports whether a measured candidate brings a sign about. What an
// ingress says of the servers behind it does not: it says that something there
// fails, not what.
func (d *diagnosis) accounted(sign Sign) bool {
	return slices.ContainsFunc(d.found, func(c suspect) bool {
		return !c.Inferred && c.family.brings([]Sign{sign}) && !c.explained && !c.echoes()
	})
}

// echoes reports whether a candidate only tells of what stands behind it.
func (c *suspect) echoes() bool { return c.Kind == process.Traefik && c.family.Effect == echo }

// echoed takes what an ingress tells of the servers behind it for an effect of
// trouble that fits and is measured there.
func (d *diagnosis) echoed() {
	for i := range d.found {
		c := &d.found[i]
		if !c.echoes() || c.explained {
			continue
		}
		behind := slices.IndexFunc(d.found, func(o suspect) bool {
			at := d.place(o.Component)
			return at >= 0 && o.Component != c.Component && d.graph.behind(at) && o.family.Effect != part && o.family.brings(d.signs) && !o.explained
		})
		if behind >= 0 {
			c.explained = true
			c.add(explained, &c.Against, "%s, which stands behind it, is in trouble", d.found[behind].Component)
		}
	}
}

// application suspects the application itself: it is healthy by all that is
// measured, and its outcome fails all the same.
func (d *diagnosis) application() {
	i := slices.IndexFunc(d.e.Needs, func(n Need) bool {
		return n.Kind == process.Odoo && n.Role == process.Hard && n.State != signal.Critical
	})
	if i < 0 || slices.ContainsFunc(d.found, func(c suspect) bool {
		return c.Component == d.e.Needs[i].Component && c.family.Effect != part && c.family.brings(d.signs) && !c.explained
	}) {
		return
	}
	n := d.e.Needs[i]
	from, seen := d.fromInside(n.Component)
	if !seen {
		return
	}
	part, flows := from.part, ""
	if from.certain && part == "" {
		part, flows = d.partTested()
	}
	c := inferred(Candidate{
		Component: n.Component, Kind: n.Kind, Family: cmp.Or(part, "application"), What: n.Component + " " + from.says, State: n.State, Since: d.onset, Score: guessed,
	})
	if from.certain {
		c.add(inside, &c.For, "it answers, and its answer is the failure (%s)", words([]Sign{from.sign}))
	}
	if flows != "" {
		c.For = append(c.For, "what fails is "+flows+", which tests that part of it alone")
	}
	if !d.accounted(from.sign) {
		var fine []string
		for _, j := range d.graph.beneath[i] {
			if d.e.Needs[j].State == signal.OK {
				fine = append(fine, d.e.Needs[j].Component)
			}
		}
		if len(fine) > 0 {
			c.add(allElseFine, &c.For, "what it rests on is healthy (%s)", and(fine))
		}
	}
	if usersFine(d.e) {
		c.add(usersDoIt, &c.Against, "users still get their work done")
	}
	d.heard(&c)
	d.changed(&c)
	d.found = append(d.found, c)
}

// partTested is the part of an application that every failing flow tests, and
// names those flows; "" when one tests more than that.
func (d *diagnosis) partTested() (tested, flows string) {
	var names []string
	for _, f := range d.e.Flows {
		if f.State != FlowFailing {
			continue
		}
		i := slices.IndexFunc(families, func(of Family) bool {
			return of.Kind == process.Odoo && of.Effect == part && slices.Contains(of.Brings, FlowFails(f.Name))
		})
		if i < 0 || tested != "" && families[i].Name != tested {
			return "", ""
		}
		tested, names = families[i].Name, append(names, f.Name)
	}
	return tested, and(names)
}

// fromInside returns the first thing that is seen and can come from inside an
// application, and that nothing measured accounts for; what is certain to,
// unless a part of the application does. Else its ingress may hear errors from it.
func (d *diagnosis) fromInside(component string) (insider, bool) {
	for _, from := range insiders {
		byPart := slices.ContainsFunc(d.found, func(c suspect) bool {
			return c.Component == component && c.family.Effect == part && c.family.brings([]Sign{from.sign})
		})
		if slices.Contains(d.signs, from.sign) && !byPart && (from.certain || !d.accounted(from.sign)) {
			return from, true
		}
	}
	echo := slices.ContainsFunc(d.found, func(c suspect) bool { return c.echoes() && !c.explained })
	return insider{says: "fails for whoever asks it through the ingress"}, echo && d.graph.arrive
}

// heard has what an ingress tells of the servers behind it speak for the
// application that stands there, and no longer for the ingress. It is measured
// then, if by another. Of requests that do not get as far it hears nothing.
func (d *diagnosis) heard(application *suspect) {
	if !d.graph.arrive {
		return
	}
	for i := range d.found {
		c := &d.found[i]
		if c.echoes() && !c.explained {
			c.explained = true
			c.add(explained, &c.Against, "it tells of %s, which stands behind it", application.Component)
			application.add(accountsFor, &application.For, "%s gets no good answer from it", c.Component)
			application.Inferred, application.State = false, signal.Worst(application.State, c.State)
			application.evidence = append(application.evidence, c.evidence...)
		}
	}
}

// calendar suspects a lock date when that is what is answered.
func (d *diagnosis) calendar() {
	if !slices.Contains(d.signs, Sign(fault.Locked)) {
		return
	}
	c := inferred(Candidate{
		Kind: CalendarCause, What: "a lock date closes the period that is posted to", Since: d.onset, Score: guessed + fits,
		For: []string{"Odoo answers that it is locked"},
	})
	for _, n := range d.e.Needs {
		for _, s := range n.Signals {
			if FamilyOf(n.Kind, s.Name).Name == lockDates {
				c.Inferred = false
				c.add(began, &c.For, "%s", s.Text)
			}
		}
	}
	if x, ago, ok := d.lastChange(func(x Change) bool { return x.Kind == "lock-date" }); ok {
		c.add(d.pointsOf(ago), &c.For, "%s", x.before(ago))
	}
	d.found = append(d.found, c)
}

// test suspects the test transaction itself.
func (d *diagnosis) test() {
	failing := slices.IndexFunc(d.e.Flows, func(f Flow) bool { return f.State == FlowFailing })
	if failing < 0 {
		return
	}
	f := d.e.Flows[failing]
	c := inferred(Candidate{Kind: TestCause, What: "the test transaction itself: its account, its data or its rights", Since: d.onset})
	if usersFine(d.e) {
		c.add(usersWork, &c.For, "users still get their work done")
	}
	switch f.Kind {
	case fault.Auth, fault.Denied:
		c.add(guessed+inside, &c.For, "its account is refused (%s)", f.Kind)
	case fault.Blocked:
		c.add(guessed+inside, &c.For, "a guard of its own stopped it")
	case fault.Internal, fault.Rejected, fault.Assertion, fault.Schema:
		c.Score += inside
	default: // what does not get as far as an answer is not the test's own
	}
	if len(c.For) == 0 {
		return
	}
	if slices.Contains(d.signs, UsersFail) {
		c.add(-usersWork, &c.Against, "users fail too")
	}
	d.found = append(d.found, c)
}

// outside suspects whoever is not watched, and people, of work that is not
// done.
func (d *diagnosis) outside() {
	if !slices.Contains(d.signs, NotDone) && !slices.Contains(d.signs, LessDone) {
		return
	}
	for _, what := range d.e.NotWatched {
		kind, _, _ := strings.Cut(what, " ")
		if kind == process.Bank || kind == process.Tax || kind == process.Documents {
			d.found = append(d.found, inferred(Candidate{
				Kind: IntegrationCause, Family: kind, What: what + " delivers nothing or takes nothing; it is not watched", Since: d.onset,
				Score: guessed + inside, For: []string{"what is missing comes from or goes to it"},
			}))
		}
	}
	d.found = append(d.found, inferred(Candidate{
		Kind: InputCause, What: "nobody has done it yet", Since: d.onset, Score: guessed + byPeople, For: []string{"it is work that people begin"},
	}))
}

// changes suspects a change of a component that is healthy by all that is
// measured, or of the estate as a whole.
func (d *diagnosis) changes() {
	var told []string
	for _, x := range d.e.Changes {
		change, ago, ok := d.lastChange(func(other Change) bool { return other == x })
		if !ok || slices.Contains(told, x.Component) || slices.ContainsFunc(d.found, func(c suspect) bool { return x.Component != "" && c.Component == x.Component }) {
			continue
		}
		told = append(told, x.Component)
		c := inferred(Candidate{
			Component: x.Component, Kind: ChangeCause, Family: "change", What: "a change of " + cmp.Or(x.Component, "the estate"), Since: x.At, Score: guessed,
		})
		if i := d.place(x.Component); i >= 0 {
			c.Kind, c.State = d.e.Needs[i].Kind, d.e.Needs[i].State
		}
		c.add(d.pointsOf(ago), &c.For, "%s", change.before(ago))
		d.found = append(d.found, c)
	}
}

// rank orders the candidates, says how sure each is, and lists what is ruled
// out.
func (d *diagnosis) rank() ([]suspect, []Exclusion, Suspicion) {
	found := slices.DeleteFunc(d.found, func(c suspect) bool { return c.Score < least })
	slices.SortFunc(found, func(a, b suspect) int {
		return cmp.Or(
			cmp.Compare(b.Score, a.Score),
			cmp.Compare(b.State, a.State),
			a.Since.Compare(b.Since),
			cmp.Compare(a.id(), b.id()),
		)
	})
	suspicion := d.steady(found)
	for i := range found {
		c := &found[i]
		switch {
		case c.Score >= high && !c.explained && !c.Inferred && i == 0 && (len(found) == 1 || c.Score-found[1].Score >= ahead):
			c.Confidence = High
		case c.Score >= likely && !c.explained:
			c.Confidence = Likely
		default:
			c.Confidence = Possible
		}
	}
	if len(found) == 0 && len(d.signs) > 0 {
		found = append(found, d.unknown())
	}
	suspicion.Past = d.remembered(found)
	return found[:min(len(found), maxCandidates)], d.excluded(found), suspicion
}

// steady keeps the candidate of the tick before in the first place until another
// is clearly ahead, or has been ahead for a while.
func (d *diagnosis) steady(found []suspect) Suspicion {
	if len(found) == 0 {
		return Suspicion{}
	}
	first, before := found[0].id(), d.e.Suspicion
	was := slices.IndexFunc(found, func(c suspect) bool { return c.id() == before.First })
	if was <= 0 || found[0].Score-found[was].Score >= margin || found[was].explained {
		return Suspicion{First: first}
	}
	s := Suspicion{First: before.First, Ahead: first, Since: d.at}
	if before.Ahead == first {
		s.Since = before.Since
	}
	if d.at.Sub(s.Since) >= d.rules.Prolonged {
		return Suspicion{First: first}
	}
	kept := found[was]
	copy(found[1:], found[:was])
	found[0] = kept
	return s
}

// unknown is what is told when nothing that is watched explains what is seen.
func (d *diagnosis) unknown() suspect {
	c := inferred(Candidate{Kind: UnknownCause, What: "nothing that is watched explains it", Since: d.onset, Confidence: Possible})
	var unseen []string
	for _, n := range d.e.Needs {
		if n.State == signal.Unknown {
			unseen = append(unseen, n.Component)
		}
	}
	if len(unseen) > 0 {
		c.For = append(c.For, and(unseen)+" cannot be seen")
	}
	return c
}

// excluded lists the components that are seen to be well and are no candidate,
// with what shows it.
func (d *diagnosis) excluded(found []suspect) []Exclusion {
	var out []Exclusion
	for _, n := range d.e.Needs {
		if n.State != signal.OK || slices.ContainsFunc(found, func(c suspect) bool { return c.Component == n.Component }) {
			continue
		}
		var why []string
		for i := range families {
			if f := &families[i]; f.Kind == n.Kind && f.Fine != "" && slices.Contains(n.Fine, f.Name) {
				why = append(why, f.Fine)
			}
		}
		if len(n.Works) > 0 && n.Role == process.Hard {
			why = append(why, worksWords(n.Works)+" with it")
		}
		if len(why) == 0 {
			why = append(why, "is healthy")
		}
		out = append(out, Exclusion{n.Component, strings.Join(why[:min(maxSaid, len(why))], ", ")})
	}
	return out
}
