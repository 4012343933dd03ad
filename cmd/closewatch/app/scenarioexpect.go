package app

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A pending is something that is expected and not yet seen, or that is to stay.
type pending struct {
	field string // "steps[3].expect.pages"
	from  time.Time
	until time.Time // zero: it is looked at once
	stays bool      // at every tick up to until; else by until at the latest
	check func(*Tick) *Failure
}

// expect begins to look for what a step expects.
func (r *course) expect(i int, at time.Time) {
	e := &r.trial.Scenario.Steps[i].Expect
	field := fmt.Sprintf("steps[%d].expect", i)
	from := at
	until, stays := at.Add(e.Within.D()), false
	if to, ok := r.trial.clock.On(e.Until, at); ok {
		until, stays = to, true
	}
	look := func(part string, check func(*Tick) *Failure) {
		r.pending = append(r.pending, &pending{field: field + part, from: from, until: until, stays: stays, check: check})
	}
	for n := range e.Impacts {
		look(fmt.Sprintf(".impacts[%d]", n), func(t *Tick) *Failure { return r.impact(t, &e.Impacts[n]) })
	}
	if e.Pages != nil {
		look(".pages", func(t *Tick) *Failure { return fires(t, incident.Page, *e.Pages, true) })
	}
	if e.Tickets != nil {
		look(".tickets", func(t *Tick) *Failure { return fires(t, incident.Ticket, *e.Tickets, len(*e.Tickets) == 0) })
	}
	for n := range e.Routes {
		look(fmt.Sprintf(".routes[%d]", n), func(t *Tick) *Failure { return r.routed(t, &e.Routes[n]) })
	}
	if e.Incidents != nil {
		look(".incidents", func(t *Tick) *Failure { return incidents(t, *e.Incidents) })
	}
	if e.Recovered {
		look(".recovered", func(t *Tick) *Failure { return incidents(t, 0) })
	}
	if len(e.Members) > 0 {
		look(".members", func(t *Tick) *Failure { return members(t, e.Members) })
	}
	for n := range e.Clocks {
		look(fmt.Sprintf(".clocks[%d]", n), func(t *Tick) *Failure { return clock(t, &e.Clocks[n]) })
	}
	if e.Waits != nil {
		look(".waits", func(t *Tick) *Failure { return awaited(t, *e.Waits) })
	}
	for _, name := range slices.Sorted(maps.Keys(e.Components)) {
		look(".components."+name, func(t *Tick) *Failure { return component(t, name, e.Components[name]) })
	}
	for _, entity := range slices.Sorted(maps.Keys(e.Phases)) {
		look(".phases."+entity, func(t *Tick) *Failure { return phase(t, entity, e.Phases[entity]) })
	}
	for _, name := range slices.Sorted(maps.Keys(e.Deadlines)) {
		look(".deadlines."+name, func(t *Tick) *Failure { return r.deadline(t, name, e.Deadlines[name]) })
	}
	for _, s := range slices.Sorted(maps.Keys(e.Critical)) {
		look(".critical."+string(s), func(t *Tick) *Failure { return critical(t, s, e.Critical[s]) })
	}
}

// check looks for what is pending.
func (r *course) check(t *Tick) {
	r.pending = slices.DeleteFunc(r.pending, func(p *pending) bool {
		if t.At.Before(p.from) {
			return false
		}
		f := p.check(t)
		over := !t.At.Before(p.until)
		if f == nil {
			return !p.stays || over
		}
		if !p.stays && !over {
			return false
		}
		f.Field, f.At, f.Line = p.field, t.At, r.trial.Scenario.Line(p.field)
		r.outcome.Failures = append(r.outcome.Failures, *f)
		return true
	})
}

// impact compares an impact. Without an entity, that of each of the estate's own
// environment.
func (r *course) impact(t *Tick, w *scenario.ImpactWant) *Failure {
	_, entity := w.Of.Split()
	for i := range t.Impacts {
		im := &t.Impacts[i]
		if !w.Of.Names(im.Key) || entity == "" && im.Environment != r.trial.plan.Estate.Environment {
			continue
		}
		if f := contrast(im, w); f != nil {
			return f
		}
	}
	return nil
}

// contrast holds an impact against what is expected of it.
func contrast(im *tiering.Impact, w *scenario.ImpactWant) *Failure {
	f := &Failure{What: subjectOf(im.Key)}
	is := func(ok bool, want, got string) {
		if !ok {
			f.Want, f.Got = append(f.Want, want), append(f.Got, got)
		}
	}
	tier := "tier " + im.Tier.String()
	if w.Tier != nil {
		is(im.Tier == tiering.Tier(*w.Tier), "tier "+w.Tier.String(), tier)
	}
	if w.AtLeast != nil {
		is(im.Tier >= tiering.Tier(*w.AtLeast), "tier at least "+w.AtLeast.String(), tier)
	}
	if w.AtMost != nil {
		is(im.Tier <= tiering.Tier(*w.AtMost), "tier at most "+w.AtMost.String(), tier)
	}
	if w.Row != "" {
		is(slices.ContainsFunc(im.Reasons, func(x tiering.Reason) bool { return x.Row == w.Row }), "row "+w.Row, "rows "+orNone(reasonRows(*im)))
	}
	if w.Says != "" {
		said := strings.Join(grounding(*im), "; ")
		is(strings.Contains(said, w.Says), "says "+w.Says, "says "+orNone(said))
	}
	if w.Cause != "" {
		cause := "none"
		if im.Cause != nil {
			cause = im.Cause.Component
		}
		is(cause == w.Cause, "cause "+w.Cause, "cause "+cause)
	}
	if w.Suspect != "" {
		said := ranked(im)
		is(strings.Contains(said, w.Suspect), "first suspect "+w.Suspect, "first suspect "+said)
	}
	if !w.Slack.IsZero() {
		var left *time.Duration
		said := "none"
		if im.Slack != nil {
			left, said = &im.Slack.Left, fmt.Sprintf("%s to %s", im.Slack.Left.Round(time.Second), im.Slack.Deadline)
		}
		is(w.Slack.Holds(left), "slack "+w.Slack.String(), "slack "+said)
	}
	for _, x := range []struct {
		name string
		want *bool
		got  bool
	}{{"unknown", w.Unknown, im.Unknown}, {"frozen", w.Frozen, im.Frozen}, {"flapping", w.Flapping, im.Flapping}, {"recovers", w.Recovers, im.Recovering}} {
		if x.want != nil {
			is(*x.want == x.got, fmt.Sprintf("%s %t", x.name, *x.want), fmt.Sprintf("%s %t", x.name, x.got))
		}
	}
	if w.Critical == "none" {
		is(im.CriticalWhy == "", "critical none", "critical "+orNone(im.CriticalWhy))
	} else if w.Critical != "" {
		is(strings.Contains(im.CriticalWhy, w.Critical), "critical "+w.Critical, "critical "+orNone(im.CriticalWhy))
	}
	if w.ServiceTier != "" {
		is(im.ServiceTier == w.ServiceTier, "service tier "+string(w.ServiceTier), "service tier "+string(im.ServiceTier))
	}
	if len(f.Want) == 0 {
		return nil
	}
	f.Why = grounds(im, w)
	return f
}

// ranked is the cause that is ranked first, with what speaks for it.
func ranked(im *tiering.Impact) string {
	if len(im.Candidates) == 0 {
		return "none"
	}
	c := im.Candidates[0]
	return fmt.Sprintf("%s (%s): %s", c.What, c.Confidence, strings.Join(c.For, "; "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// grounds is what speaks for what came: the reasons, and of the trace the rows
// that decided and the one that was expected.
func grounds(im *tiering.Impact, w *scenario.ImpactWant) []string {
	out := grounding(*im)
	if len(out) == 0 {
		out = append(out, im.Headline())
	}
	for _, s := range im.Trace {
		switch {
		case s.Matched:
			out = append(out, fmt.Sprintf("decided by row %s: %s", s.Row, s.Tier))
		case s.Row == w.Row || w.Tier != nil && s.Tier == tiering.Tier(*w.Tier):
			out = append(out, fmt.Sprintf("row %s would be %s: %s", s.Row, s.Tier, s.Why))
		}
	}
	if im.Now != im.Tier {
		out = append(out, fmt.Sprintf("the newest evidence alone says %s: a hold lasts", im.Now))
	}
	return out
}

// fires compares the alerts of a severity: exactly those, or those among others.
func fires(t *Tick, severity string, want []scenario.Subject, exactly bool) *Failure {
	var got []string
	var free []tiering.Key
	for _, o := range outstandings(t) {
		if o.alert.Severity == severity {
			free = append(free, o.of.Impact.Key)
			got = append(got, fmt.Sprintf("%s, incident %s: %s", subjectOf(o.of.Impact.Key), o.inc.ID, o.of.Impact.Headline()))
		}
	}
	missed, left := match(want, free)
	if len(missed) == 0 && (len(left) == 0 || !exactly) {
		return nil
	}
	f := &Failure{What: severity + "s that fire", Got: got}
	for _, s := range want {
		f.Want = append(f.Want, string(s))
	}
	return f.filled()
}

// match pairs what is wanted with what is there, the most particular first, and
// returns what of both is left.
func match(want []scenario.Subject, there []tiering.Key) (missed []scenario.Subject, left []tiering.Key) {
	left = slices.Clone(there)
	ordered := slices.Clone(want)
	slices.SortStableFunc(ordered, func(a, b scenario.Subject) int { return strings.Count(string(b), "/") - strings.Count(string(a), "/") })
	for _, s := range ordered {
		i := slices.IndexFunc(left, s.Names)
		if i < 0 {
			missed = append(missed, s)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	return missed, left
}

// filled says none where there is nothing.
func (f *Failure) filled() *Failure {
	for _, list := range []*[]string{&f.Want, &f.Got} {
		if len(*list) == 0 {
			*list = []string{"none"}
		}
	}
	return f
}

// serious reports whether an incident is more than informational.
func serious(inc *incident.Incident) bool { return inc.Tier() > tiering.Informational }

func incidents(t *Tick, want int) *Failure {
	f := &Failure{What: "open incidents", Want: []string{strconv.Itoa(want)}}
	for _, inc := range t.Incidents {
		if inc.Open() && serious(inc) {
			f.Got = append(f.Got, incidentLine(inc))
		}
	}
	if len(f.Got) == want {
		return nil
	}
	return f.filled()
}

func incidentLine(inc *incident.Incident) string {
	said := []string{fmt.Sprintf("%s %s", inc.ID, inc.Tier()), "led by " + subjectOf(inc.Lead)}
	if inc.Cause != nil {
		said = append(said, "cause "+inc.Cause.Component)
	}
	for _, c := range inc.Checks {
		if c.Holds() {
			said = append(said, "waits: "+c.Text)
		}
	}
	return strings.Join(said, ", ")
}

// members compares who shares an incident with whom.
func members(t *Tick, want map[scenario.Subject]string) *Failure {
	f := &Failure{What: "who shares an incident"}
	ids, groups := map[string]string{}, map[string]string{}
	wrong := false
	for _, s := range slices.Sorted(maps.Keys(want)) {
		group, id := want[s], "none"
		for _, inc := range t.Incidents {
			if inc.Open() && slices.ContainsFunc(inc.Members, func(m incident.Member) bool { return m.Active() && s.Names(m.Impact.Key) }) {
				id = inc.ID
			}
		}
		f.Want, f.Got = append(f.Want, string(s)+" in "+group), append(f.Got, string(s)+" in "+id)
		if group == "none" || id == "none" {
			wrong = wrong || group != id
			continue
		}
		if was, known := ids[group]; known && was != id {
			wrong = true
		}
		if was, known := groups[id]; known && was != group {
			wrong = true
		}
		ids[group], groups[id] = id, group
	}
	if !wrong {
		return nil
	}
	return f
}

func component(t *Tick, name string, want scenario.State) *Failure {
	for _, c := range t.Components {
		if c.Name == name && c.State != signal.State(want) {
			return &Failure{What: name, Want: []string{want.String()}, Got: []string{c.State.String()}, Why: slices.Concat(c.Evidence, c.Context)}
		}
	}
	return nil
}

func phase(t *Tick, entity, want string) *Failure {
	for _, p := range t.Places {
		if p.Entity == entity && string(p.Place.Phase) != want {
			f := &Failure{What: "phase of " + entity, Want: []string{want}, Got: []string{string(p.Place.Phase)}}
			if p.Place.Doubt != "" {
				f.Why = []string{p.Place.Doubt}
			}
			return f
		}
	}
	return nil
}

// deadline compares when a deadline is due next, by id or entity/id.
func (r *course) deadline(t *Tick, name string, want scenario.Instant) *Failure {
	entity, id, named := strings.Cut(name, "/")
	if !named {
		entity, id = "", name
	}
	due, _ := r.trial.clock.On(want, t.At)
	f := &Failure{What: "deadline " + name, Want: []string{r.trial.Local(due)}}
	for _, p := range t.Places {
		for _, d := range p.Deadlines {
			if d.ID == id && (entity == "" || p.Entity == entity) {
				if d.At.Equal(due) {
					return nil
				}
				f.Got = append(f.Got, r.trial.Local(d.At)+" of "+p.Entity)
			}
		}
	}
	return f.filled()
}

func critical(t *Tick, s scenario.Subject, want bool) *Failure {
	for i := range t.Evidence {
		ev := &t.Evidence[i]
		if s.Names(ev.Key) && ev.Critical != want {
			return &Failure{
				What: subjectOf(ev.Key), Want: []string{fmt.Sprintf("critical window %t", want)},
				Got: []string{fmt.Sprintf("critical window %t", ev.Critical)}, Why: []string{orNone(ev.CriticalWhy)},
			}
		}
	}
	return nil
}

// report closes the run: what is expected of the whole.
func (r *course) report() *Report {
	out, end := &r.outcome, r.trial.Scenario.End
	var paged []tiering.Key
	var pages, tickets, all []string
	for _, s := range out.Sent {
		line := fmt.Sprintf("%s %s: %s", r.trial.Local(s.At), subjectOf(s.Key), s.Title)
		switch s.Severity {
		case incident.Page:
			paged, pages = append(paged, s.Key), append(pages, line)
		case incident.Ticket:
			tickets = append(tickets, line)
		}
	}
	for id, tier := range r.opened {
		if tier > tiering.Informational {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	var open []string
	for _, inc := range r.lastOpen {
		if serious(inc) {
			open = append(open, incidentLine(inc))
		}
	}
	whole := func(field, what string, want *int, got []string) {
		if want != nil && *want != len(got) {
			f := Failure{Field: "end." + field, What: what, Want: []string{strconv.Itoa(*want)}, Got: got}
			f.filled()
			f.Got[0] = fmt.Sprintf("%d: %s", len(got), f.Got[0])
			out.Failures = append(out.Failures, f)
		}
	}
	whole("pages", "pages sent in all", end.Pages, pages)
	whole("tickets", "tickets sent in all", end.Tickets, tickets)
	whole("incidents", "incidents in all", end.Incidents, all)
	whole("open", "incidents still open", end.Open, open)
	if end.Paged != nil {
		if missed, left := match(*end.Paged, paged); len(missed)+len(left) > 0 {
			f := Failure{Field: "end.paged", What: "pages sent in all", Got: pages}
			for _, s := range *end.Paged {
				f.Want = append(f.Want, string(s))
			}
			out.Failures = append(out.Failures, *f.filled())
		}
	}
	for i := range out.Failures {
		if f := &out.Failures[i]; f.At.IsZero() {
			f.At, f.Line = out.To, r.trial.Scenario.Line(f.Field)
		}
	}
	out.Passed = len(out.Failures) == 0
	return out
}
