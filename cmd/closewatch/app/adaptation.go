package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// An adaptation decides recorded evidence under another configuration: its
// holds and rules, tiers and recovery objectives, calendar and critical windows,
// and which component matters how to which process. What was measured and
// counted stays as it was, and so does what was made of it then: states of
// signals, burn windows, expected work.
type adaptation struct {
	plan     *Plan
	judge    *judge
	book     *outcomeBook
	layout   *calendars
	subjects map[tiering.Key]subject
	beyond   *assembler // since when recovery points are beyond their objective
	dropped  map[tiering.Key]bool
	seen     map[tiering.Key]bool
	unseen   map[string]bool // dependencies that were not recorded
}

func newAdaptation(p *Plan) *adaptation {
	a := &adaptation{
		plan: p, book: newOutcomeBook(p), layout: newCalendars(p.Estate, entities(p.Estate, p.tenants)), subjects: map[tiering.Key]subject{},
		beyond: &assembler{beyond: map[tiering.Key]time.Time{}}, dropped: map[tiering.Key]bool{}, seen: map[tiering.Key]bool{}, unseen: map[string]bool{},
	}
	for _, s := range resolveSubjects(p.Estate, p.tenants, p.scheduled) {
		a.subjects[s.key] = s
	}
	return a
}

// step decides a recorded tick. What stood before the first is taken up as it
// was recorded.
func (a *adaptation) step(rec *recorded) error {
	if a.judge == nil {
		m, err := unpackMemory(rec.start)
		if err != nil {
			return err
		}
		a.judge = newJudge(a.plan.holds(), a.plan.rules(), m)
	}
	t := rec.tick()
	t.Evidence = make([]tiering.Evidence, 0, len(rec.evidence))
	for i := range rec.evidence {
		ev := rec.evidence[i]
		subj, declared := a.subjects[ev.Key]
		if !declared {
			a.dropped[ev.Key] = true
			continue
		}
		a.seen[ev.Key] = true
		t.Evidence = append(t.Evidence, a.adapt(rec.At, ev, subj))
	}
	a.judge.decide(t)
	a.book.observe(t, a.judge, rec)
	return nil
}

func (a *adaptation) adapt(at time.Time, ev tiering.Evidence, subj subject) tiering.Evidence {
	timeline := a.layout.around(at).of[subj.key.Entity]
	window := timeline.Critical(subj.process.Name, subj.windows, at)
	ev.Process, ev.NotWatched = subj.process, subj.unseen
	ev.Place, ev.Critical, ev.CriticalWhy = timeline.At(at), window.Critical, window.Why
	ev.Deadlines = timeline.Deadlines(at, subj.process.Name)
	recorded := ev.Needs
	ev.Needs = nil
	for _, n := range subj.needs {
		i := slices.IndexFunc(recorded, func(r tiering.Need) bool { return r.Component == n.component })
		if i < 0 {
			a.unseen[n.component] = true
			continue
		}
		need := recorded[i]
		need.Role = n.role
		ev.Needs = append(ev.Needs, need)
	}
	ev.Recovery.BeyondSince = a.beyond.beyondSince(at, subj, ev.Recovery, ev.Critical)
	return ev
}

func (a *adaptation) outcome() Outcome { return a.book.outcome() }

// notes says what cannot be decided again under another configuration.
func (a *adaptation) notes() []string {
	out := []string{"thresholds of signals, targets and burn windows of objectives, schedules of flows and expected work are those in force then: what they made of measurements is recorded, not the measurements"}
	add := func(keys map[tiering.Key]bool, says string) {
		var names []string
		for k := range keys {
			names = append(names, k.Process+" of "+k.Entity)
		}
		if slices.Sort(names); len(names) > 0 {
			out = append(out, fmt.Sprintf(says, shortList(names)))
		}
	}
	add(a.dropped, "no longer in the configuration and left out: %s")
	missing := map[tiering.Key]bool{}
	for k := range a.subjects {
		if !a.seen[k] {
			missing[k] = true
		}
	}
	add(missing, "in the configuration and not recorded: %s")
	if len(a.unseen) > 0 {
		out = append(out, "components that were not watched then: "+shortList(slices.Sorted(maps.Keys(a.unseen))))
	}
	return out
}

// shortList names the first of many.
func shortList(names []string) string {
	const most = 6
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// A Comparison is how the alerts under another configuration differ.
type Comparison struct {
	Severities []SeverityChange `json:"severities"`
	Changes    []AlertChange    `json:"changes"`
	Notes      []string         `json:"notes"` // what could not be decided again
}

// A SeverityChange counts what becomes of the alerts of one severity.
type SeverityChange struct {
	Severity string `json:"severity"`
	Removed  int    `json:"removed"`
	Added    int    `json:"added"`
	Delayed  int    `json:"delayed"`
	Earlier  int    `json:"earlier"`
}

// An AlertChange is an alert that is sent under one configuration only, or at
// another time.
type AlertChange struct {
	What  string        `json:"what"` // removed, added, delayed, earlier
	By    time.Duration `json:"by_ns,omitempty"`
	Alert ReplayAlert   `json:"alert"`
}

// comparisonOf holds alerts of one severity and process against each other: those
// that fire at the same time are the same.
func comparisonOf(was, is Outcome, notes []string) *Comparison {
	c := &Comparison{Changes: []AlertChange{}, Notes: notes}
	taken := make([]bool, len(is.Alerts))
	for _, a := range was.Alerts {
		i := -1
		for n, b := range is.Alerts {
			if !taken[n] && a.Key == b.Key && a.Severity == b.Severity && overlap(a, b) {
				i = n
				break
			}
		}
		if i < 0 {
			c.Changes = append(c.Changes, AlertChange{What: "removed", Alert: a})
			continue
		}
		taken[i] = true
		switch by := is.Alerts[i].Sent.Sub(a.Sent); {
		case by > 0:
			c.Changes = append(c.Changes, AlertChange{"delayed", by, is.Alerts[i]})
		case by < 0:
			c.Changes = append(c.Changes, AlertChange{"earlier", -by, is.Alerts[i]})
		}
	}
	for n, b := range is.Alerts {
		if !taken[n] {
			c.Changes = append(c.Changes, AlertChange{What: "added", Alert: b})
		}
	}
	slices.SortStableFunc(c.Changes, func(x, y AlertChange) int { return x.Alert.Sent.Compare(y.Alert.Sent) })
	for _, severity := range []string{incident.Page, incident.Ticket, incident.Info} {
		count := func(what string) (n int) {
			for _, ch := range c.Changes {
				if ch.Alert.Severity == severity && ch.What == what {
					n++
				}
			}
			return n
		}
		c.Severities = append(c.Severities, SeverityChange{severity, count("removed"), count("added"), count("delayed"), count("earlier")})
	}
	return c
}

// overlap reports whether two alerts fire at the same time.
func overlap(a, b ReplayAlert) bool {
	return !endOf(a).Before(b.Sent) && !endOf(b).Before(a.Sent)
}

func endOf(a ReplayAlert) time.Time {
	if a.Ended.IsZero() {
		return endOfTime
	}
	return a.Ended
}

// alertWord is what people call an alert of a severity.
func alertWord(severity string) string {
	if severity == incident.Info {
		return "note"
	}
	return severity
}

// Sentence says what the other configuration would have changed.
func (c *Comparison) Sentence() string {
	var parts []string
	for _, s := range c.Severities {
		for _, change := range []struct {
			verb string
			n    int
		}{{"removed", s.Removed}, {"added", s.Added}, {"delayed", s.Delayed}, {"sent earlier", s.Earlier}} {
			if change.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", change.verb, wording.Count(change.n, alertWord(s.Severity), alertWord(s.Severity)+"s")))
			}
		}
	}
	if len(parts) == 0 {
		return "this configuration would have sent the same alerts at the same times"
	}
	return "this configuration would have " + strings.Join(parts, ", ")
}
