package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// An Answer is what the gate says to a change.
type Answer string

// Answers, the best first.
const (
	Go      Answer = "go"
	Caution Answer = "caution" // with a reason that a person has weighed
	No      Answer = "no"
)

// rank orders answers by how much they forbid.
func (a Answer) rank() int { return slices.Index([]Answer{Go, Caution, No}, a) }

// Gate bounds.
const (
	// GateDuration is how long a change is taken to last unless it is said.
	GateDuration = 30 * time.Minute
	// maxGateDuration bounds what may be asked for.
	maxGateDuration = 7 * 24 * time.Hour
	// gateAhead is how far the next safe window is looked for.
	gateAhead = 62 * 24 * time.Hour
	// gateStep is how fine windows are told.
	gateStep = 15 * time.Minute
)

// A GateQuestion is what is to be changed, where, when and for how long.
type GateQuestion struct {
	At          time.Time
	Duration    time.Duration // of the change itself
	Components  []string      // empty: everything in the environment
	Environment string        // "" is the estate's
	Entities    []string      // whose calendars count; empty: every entity the components serve
}

// A GateReason is one thing that speaks against a change.
type GateReason struct {
	Answer   Answer    `json:"answer"`
	Entities []string  `json:"entities"` // whose calendars say so; empty: it is about the environment
	Source   string    `json:"source"`   // freeze, process, deadline, calendar, incident, budget, monitoring
	Text     string    `json:"text"`
	Until    time.Time `json:"until,omitzero"` // for the last of the entities; zero: nobody knows
	Override string    `json:"override,omitempty"`

	Budgets []GateBudget `json:"budgets,omitempty"` // of source budget
}

// A SafeWindow is a time in which a change may begin.
type SafeWindow struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"` // a change begins before it
	// Maintenance is the announced window that it lies in; "" is none.
	Maintenance string `json:"maintenance,omitempty"`
}

// A GateVerdict is the gate's answer with its reasons.
type GateVerdict struct {
	At           time.Time    `json:"at"`
	Duration     Duration     `json:"duration_seconds"`
	Environment  string       `json:"environment"`
	Components   []string     `json:"components"`
	Entities     []string     `json:"entities"`
	Answer       Answer       `json:"answer"`
	Reasons      []GateReason `json:"reasons"`                // what forbids most first
	Maintenance  []string     `json:"maintenance"`            // announced windows in force: what the change may use
	NotAsked     []string     `json:"not_asked"`              // what this answer does not know
	Next         *SafeWindow  `json:"next,omitempty"`         // in which nothing speaks against it
	NextCaution  *SafeWindow  `json:"next_caution,omitempty"` // in which nothing forbids it, when that comes earlier
	SearchedTo   time.Time    `json:"searched_to"`            // how far the next window was looked for
	ConfigHash   string       `json:"config_hash"`
	CalendarHash string       `json:"calendar_hash"`
}

// A Duration is told to machines in seconds.
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%g", time.Duration(d).Seconds()), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var seconds float64
	_, err := fmt.Sscanf(string(b), "%g", &seconds)
	*d = Duration(seconds * float64(time.Second))
	return err
}

// A gate asks the calendars about changes of some components.
type gate struct {
	q         GateQuestion
	calendars string                        // their hash
	layout    map[string]*calendar.Timeline // by entity: reaches farther than is looked ahead
	subjects  []served
	env       string
	entities  []string
	now       []GateReason // what goes on now, besides what the calendars say
}

// A served is a process that a change touches, and how hard.
type served struct {
	subject
	role process.Role // the hardest in which it needs one of the components
}

// Gate answers from the estate and its calendar alone: what goes on now only a
// running daemon knows.
func (p *Plan) Gate(q GateQuestion) (GateVerdict, error) {
	subjects := resolveSubjects(p.Estate, p.tenants, p.scheduled)
	g, err := newGate(p.Estate, subjects, newCalendars(p.Estate, entities(p.Estate, p.tenants)), q)
	if err != nil {
		return GateVerdict{}, err
	}
	v := g.verdict(p.Estate.Hash)
	g.ahead(&v)
	v.NotAsked = []string{onlyNow + ": no daemon was asked"}
	return v, nil
}

// onlyNow is what only a running daemon knows.
const onlyNow = "open incidents, error budgets and what is not measured now"

// newGate resolves a question in an estate; the error says what is wrong with
// it.
func newGate(e *estate.Estate, subjects []subject, cals *calendars, q GateQuestion) (*gate, error) {
	g := &gate{q: q, calendars: cals.hash, layout: cals.around(q.At).of, env: cmp.Or(q.Environment, e.Environment)}
	op := "ask whether a change may be made"
	wrong := func(hint, format string, args ...any) error {
		return &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf(format, args...), Hint: hint}
	}
	if q.Duration <= 0 || q.Duration > maxGateDuration {
		return nil, wrong("write how long it takes, such as 30m, and at most a week", "a change of %s", q.Duration)
	}
	for _, name := range q.Components {
		c, known := e.Component(name)
		switch {
		case !known:
			return nil, wrong("use one of "+strings.Join(componentNames(e), ", "), "there is no component %q in the estate", name)
		case q.Environment != "" && c.Environment != q.Environment:
			return nil, wrong("leave the environment out", "%s is in %s, not in %s", name, c.Environment, q.Environment)
		}
		g.env = c.Environment
	}
	known := map[string]bool{}
	for _, s := range subjects {
		known[s.key.Entity] = true
		if s.key.Environment != g.env || len(q.Entities) > 0 && !slices.Contains(q.Entities, s.key.Entity) {
			continue
		}
		if role, touched := touches(s, q.Components); touched {
			g.subjects = append(g.subjects, served{s, role})
			if !slices.Contains(g.entities, s.key.Entity) {
				g.entities = append(g.entities, s.key.Entity)
			}
		}
	}
	for _, name := range q.Entities {
		if !known[name] {
			return nil, wrong("closewatch check lists the entities", "there is no entity %q in the estate", name)
		}
	}
	return g, nil
}

func componentNames(e *estate.Estate) []string {
	var out []string
	for _, c := range e.Components {
		out = append(out, c.Name)
	}
	return out
}

// touches tells in which role a process needs one of the components; none named
// is all of them.
func touches(s subject, components []string) (role process.Role, touched bool) {
	order := process.Roles() // the hardest first
	best := len(order)
	for _, n := range s.needs {
		if len(components) == 0 || slices.Contains(components, n.component) {
			if i := slices.Index(order, n.role); i >= 0 && i < best {
				best = i
			}
		}
	}
	if best == len(order) {
		return "", false
	}
	return order[best], true
}

// verdict is what the calendars answer.
func (g *gate) verdict(config string) GateVerdict {
	v := GateVerdict{
		At: g.q.At.UTC(), Duration: Duration(g.q.Duration), Environment: g.env, Components: filled(g.q.Components), Entities: filled(g.entities),
		Maintenance: []string{}, NotAsked: []string{}, ConfigHash: config, CalendarHash: g.calendars, SearchedTo: g.q.At.Add(gateAhead).UTC(),
	}
	v.Reasons = g.reasons(g.q.At)
	v.judge()
	for _, entity := range g.entities {
		for _, m := range g.layout[entity].WhatIf(g.q.At).Works {
			if said := cmp.Or(m.Title, m.ID); g.covered(m.Components) && !slices.Contains(v.Maintenance, said) {
				v.Maintenance = append(v.Maintenance, said)
			}
		}
	}
	return v
}

// judge takes the answer from the reasons and puts what forbids most first.
func (v *GateVerdict) judge() {
	v.Answer = Go
	for _, r := range v.Reasons {
		if r.Answer.rank() > v.Answer.rank() {
			v.Answer = r.Answer
		}
	}
	slices.SortStableFunc(v.Reasons, func(a, b GateReason) int { return cmp.Compare(b.Answer.rank(), a.Answer.rank()) })
}

// covered reports whether a freeze or a maintenance window is about one of the
// components; an empty list is about all.
func (g *gate) covered(components []string) bool {
	return len(components) == 0 || len(g.q.Components) == 0 ||
		slices.ContainsFunc(g.q.Components, func(name string) bool { return slices.Contains(components, name) })
}

// reasons are what the calendars say against a change that begins at an
// instant: they must hold at its end, too.
func (g *gate) reasons(at time.Time) []GateReason {
	out := []GateReason{}
	end := at.Add(g.q.Duration)
	for _, entity := range g.entities {
		for _, instant := range []time.Time{at, end} {
			tl := g.layout[entity]
			if doubt := tl.At(instant).Doubt; doubt != "" {
				out = withReason(out, entity, GateReason{Answer: No, Source: "calendar", Text: "the calendar is in doubt: " + doubt})
				continue
			}
			for _, f := range tl.FreezesAt(instant) {
				if g.covered(f.Components) {
					out = withReason(out, entity, frozen(f, freezeEnds(tl, f, instant)))
				}
			}
		}
	}
	for _, s := range g.subjects {
		out = g.process(out, s, at, end)
	}
	return out
}

// withReason adds a reason of one entity, or the entity to a reason that is
// there.
func withReason(reasons []GateReason, entity string, r GateReason) []GateReason {
	i := slices.IndexFunc(reasons, func(x GateReason) bool { return x.Answer == r.Answer && x.Source == r.Source && x.Text == r.Text })
	if i < 0 {
		r.Entities = []string{entity}
		return append(reasons, r)
	}
	x := &reasons[i]
	if !slices.Contains(x.Entities, entity) {
		x.Entities = append(x.Entities, entity)
	}
	if x.Until.IsZero() || r.Until.IsZero() {
		x.Until = time.Time{}
	} else if r.Until.After(x.Until) {
		x.Until = r.Until
	}
	return reasons
}

func frozen(f calendar.Freeze, until time.Time) GateReason {
	r := GateReason{
		Answer: Caution, Source: "freeze", Until: until, Text: cmp.Or(f.Title, f.ID) + ": changes need a reason",
		Override: "say why it cannot wait",
	}
	if f.Level == calendar.HardFreeze {
		r.Answer, r.Text, r.Override = No, cmp.Or(f.Title, f.ID)+": nothing is changed", ""
		switch {
		case f.BreakGlass.Approvers > 0 && f.BreakGlass.Ticket:
			r.Override = fmt.Sprintf("break glass: %d approvers and a ticket", f.BreakGlass.Approvers)
		case f.BreakGlass.Approvers > 0:
			r.Override = fmt.Sprintf("break glass: %d approvers", f.BreakGlass.Approvers)
		case f.BreakGlass.Ticket:
			r.Override = "break glass: a ticket"
		}
	}
	return r
}

// freezeEnds is when a freeze that is in force ends: the first span without it.
func freezeEnds(tl *calendar.Timeline, f calendar.Freeze, at time.Time) time.Time {
	for _, s := range tl.Spans() {
		if s.From.After(at) && !slices.Contains(strings.Split(s.Place.Frozen, ", "), f.ID) {
			return s.From
		}
	}
	return time.Time{}
}

// process adds what a process says: it is in its critical window while the
// change lasts, or one of its deadlines comes sooner than the change and the time
// to recover from it. What matters less, or can do without the component for a
// while, asks for caution only. So does a window before a deadline: how near the
// deadline is counts then, by the limits at which tiering makes a failure
// business-critical and a degradation.
func (g *gate) process(out []GateReason, s served, at, end time.Time) []GateReason {
	p, entity := s.process, s.key.Entity
	worst := Caution
	if s.role == process.Hard && p.TierIn(true) == process.Critical {
		worst = No
	}
	for _, instant := range []time.Time{at, end} {
		tl := g.layout[entity]
		if tl.At(instant).Doubt != "" || p.TierIn(true) > process.Important {
			continue // a doubt is said for the entity
		}
		for _, windows := range eachWindow(s.windows) {
			c := tl.Critical(p.Name, windows, instant)
			if !c.Critical || g.lasting(s, windows, c) {
				continue
			}
			answer := worst
			if len(windows) == 1 && windows[0].Kind == calendar.BeforeDeadline {
				answer = Caution
			}
			out = withReason(out, entity, GateReason{Answer: answer, Source: "process", Text: p.Title + " is in its critical window: " + c.Why, Until: c.Until})
		}
	}
	tl := g.layout[entity]
	rto := p.RecoveryIn(true).RTO
	for _, d := range tl.Deadlines(at, p.Name) {
		left, answer := d.At.Sub(end), worst
		if left >= 2*rto {
			continue
		}
		if left >= rto {
			answer = Caution
		}
		out = withReason(out, entity, GateReason{
			Answer: answer, Source: "deadline", Until: d.At,
			Text: fmt.Sprintf("%s: %s leaves %s after the change, and recovering may take %s", p.Title, d.Title, remains(left), wording.Duration(rto)),
		})
	}
	return out
}

// remains is what is left in words.
func remains(left time.Duration) string {
	if left <= 0 {
		return "nothing"
	}
	return wording.Duration(left)
}

// eachWindow lists windows one by one; none is the close itself.
func eachWindow(all []calendar.Window) [][]calendar.Window {
	if len(all) == 0 {
		return [][]calendar.Window{nil}
	}
	out := make([][]calendar.Window, len(all))
	for i := range all {
		out[i] = all[i : i+1]
	}
	return out
}

// lasting reports whether a window follows itself without a break, as that of a
// daily cut-off does: it would say the same for ever.
func (g *gate) lasting(s served, windows []calendar.Window, c calendar.Criticality) bool {
	if c.Until.IsZero() {
		return true
	}
	return g.layout[s.key.Entity].Critical(s.process.Name, windows, c.Until.Add(time.Second)).Critical
}

// ahead looks for the next windows, when the answer is not to go. What goes on
// now and has an end is waited for; what nobody knows the end of is not.
func (g *gate) ahead(v *GateVerdict) {
	if v.Answer == Go {
		return
	}
	reasons := g.foreseen(v.At)
	v.Next = g.search(reasons, Go)
	if v.Answer != No {
		return
	}
	if w := g.search(reasons, Caution); w != nil && (v.Next == nil || w.From.Before(v.Next.From)) {
		v.NextCaution = w
	}
}

// foreseen is what is known to speak against a change at an instant.
func (g *gate) foreseen(at time.Time) []GateReason {
	out := g.reasons(at)
	for _, r := range g.now {
		if r.Until.After(at) {
			out = append(out, r)
		}
	}
	return out
}

// Open reports whether something that forbids more than the answer of a window
// has no known end: the window holds only when it is over by then.
func (v *GateVerdict) Open(allowed Answer) bool {
	return slices.ContainsFunc(v.Reasons, func(r GateReason) bool { return r.Until.IsZero() && r.Answer.rank() > allowed.rank() })
}

// search steps through the time ahead; where something says until when it
// stands, it goes on from there.
func (g *gate) search(reasons []GateReason, allowed Answer) *SafeWindow {
	at, horizon := g.q.At, g.q.At.Add(gateAhead)
	forbids := func(reasons []GateReason) (found bool, until time.Time) {
		for _, r := range reasons {
			if r.Answer.rank() > allowed.rank() {
				found = true
				if r.Until.After(until) {
					until = r.Until
				}
			}
		}
		return found, until
	}
	for at.Before(horizon) {
		stands, until := forbids(reasons)
		if !stands {
			break
		}
		step := at.Add(gateStep).Truncate(gateStep)
		if until.After(step) {
			step = ceilTo(until, gateStep)
		}
		at = step
		reasons = g.foreseen(at)
	}
	if !at.Before(horizon) {
		return nil
	}
	w := &SafeWindow{From: at.UTC()}
	for until := at.Add(gateStep).Truncate(gateStep); ; until = until.Add(gateStep) {
		if stands, _ := forbids(g.foreseen(until)); stands || !until.Before(horizon) {
			w.Until = until.UTC()
			break
		}
	}
	w.Maintenance = g.maintained(w.From)
	return w
}

func ceilTo(t time.Time, step time.Duration) time.Time {
	if on := t.Truncate(step); on.Before(t) {
		return on.Add(step)
	}
	return t
}

// maintained names an announced window for the components that is in force.
func (g *gate) maintained(at time.Time) string {
	for _, entity := range g.entities {
		for _, m := range g.layout[entity].WhatIf(at).Works {
			if g.covered(m.Components) {
				return cmp.Or(m.Title, m.ID)
			}
		}
	}
	return ""
}

// gate answers with what goes on now besides what the calendar says.
func (a *App) gate(q GateQuestion) (GateVerdict, error) {
	g, err := newGate(a.estate, a.assembler.subjects, a.calendars, q)
	if err != nil {
		return GateVerdict{}, err
	}
	v := g.verdict(a.estate.Hash)
	t := a.engine.last.Load()
	switch {
	case t == nil:
		v.NotAsked = append(v.NotAsked, onlyNow+": the first tick is still to come")
	case q.At.Sub(t.At).Abs() > maxGateAge:
		v.NotAsked = append(v.NotAsked, "open incidents, error budgets and what is not measured: they are known for now only")
	default:
		g.now = g.goingOn(t)
		v.Reasons = append(v.Reasons, g.now...)
	}
	v.judge()
	g.ahead(&v)
	return v, nil
}

// maxGateAge is how far from the newest tick a question is still about now.
const maxGateAge = 15 * time.Minute

// goingOn is what speaks against a change in what is decided now: whatever is
// impaired is not to be changed besides being mended, and what nobody can see
// fails unnoticed.
func (g *gate) goingOn(t *Tick) []GateReason {
	out := []GateReason{}
	for _, inc := range t.Incidents {
		if !inc.Open() || inc.Environment != g.env {
			continue
		}
		r := GateReason{Answer: Caution, Entities: []string{}, Source: "incident", Override: "a change that mends it may go ahead: tell of it with closewatch change"}
		if inc.Tier() == tiering.BusinessCritical {
			r.Answer = No
		}
		r.Text = fmt.Sprintf("incident %s is open: %s is %s", inc.ID, inc.Lead.Process, inc.Tier())
		if inc.Tier() > tiering.Informational {
			out = append(out, r)
		}
	}
	out = g.budgets(out, t)
	for _, s := range g.subjects {
		i := slices.IndexFunc(t.Impacts, func(im tiering.Impact) bool { return im.Key == s.key })
		if i < 0 || !t.Impacts[i].Unknown || t.Impacts[i].Paused || s.role != process.Hard || s.process.TierIn(false) != process.Critical {
			continue
		}
		out = append(out, GateReason{
			Answer: Caution, Entities: []string{s.key.Entity}, Source: "monitoring",
			Text: s.process.Title + " is not measured now: a change that breaks it would not be seen",
		})
	}
	return out
}

// serveGate answers GET /api/v1/gate.
func (a *App) serveGate(w http.ResponseWriter, r *http.Request) {
	q, err := readGateQuestion(r.URL.Query(), a.now())
	if err == nil {
		var v GateVerdict
		if v, err = a.gate(q); err == nil {
			writeJSON(w, v)
			return
		}
	}
	web.Problem(w, r, http.StatusUnprocessableEntity, strings.Trim(fault.TextOf(err)+"; "+fault.HintOf(err), "; "))
}

// readGateQuestion reads the parameters component and entity (each as often as
// there are), environment, at and duration.
func readGateQuestion(values map[string][]string, now time.Time) (GateQuestion, error) {
	q := GateQuestion{At: now, Duration: GateDuration, Components: values["component"], Entities: values["entity"]}
	one := func(name string) string {
		if len(values[name]) == 0 {
			return ""
		}
		return values[name][0]
	}
	q.Environment = one("environment")
	var err error
	if text := one("at"); text != "" {
		if q.At, err = time.Parse(time.RFC3339, text); err != nil {
			return q, errors.New("at: write a time such as 2026-12-31T15:00:00Z")
		}
	}
	if text := one("duration"); text != "" {
		if q.Duration, err = time.ParseDuration(text); err != nil {
			return q, errors.New("duration: write how long the change takes, such as 30m")
		}
	}
	return q, nil
}
