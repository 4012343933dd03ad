package app

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// Status implements web.Source.
func (v view) Status() web.Status {
	t := v.app.engine.last.Load()
	delivery := v.delivery()
	s := web.Status{
		Estate: v.app.estate.Metadata.Name, Zone: v.app.zone,
		Parts: []web.Part{{Name: "Delivery", State: delivery.State, Text: delivery.Text}},
	}
	if t == nil {
		return s
	}
	s.AsOf = t.At
	var told []outcome
	s.NotMeasured, told = v.app.outcomes(t)
	for _, o := range told {
		s.Lines = append(s.Lines, web.StatusLine(wording.Status(o.situation)))
	}
	return s
}

// An outcome is what can be said to everybody of one process in one condition,
// and of all entities in which it is so.
type outcome struct {
	line      wording.StatusLine // of the first entity
	situation wording.Situation
	tier      tiering.Tier
}

// outcomes says how each process is, what stops people first. What works is
// said only of a process that works everywhere; of what nothing measures only
// the name is told.
func (a *App) outcomes(t *Tick) (notMeasured []string, told []outcome) {
	var unseen []outcome
	for i, im := range t.Impacts {
		ev := t.Evidence[i]
		o := a.outcome(t, im, ev.Process)
		switch at := slices.IndexFunc(told, o.alike); {
		case !im.Known() && (im.Paused || len(ev.Flows) == 0):
			unseen = append(unseen, o)
		case at < 0:
			told = append(told, o)
		default:
			told[at].add(o)
		}
	}
	worse := func(o outcome) bool {
		return o.line.Condition == wording.Working && slices.ContainsFunc(told, func(other outcome) bool {
			return other.line.Process == o.line.Process && other.line.Condition != wording.Working
		})
	}
	told = slices.DeleteFunc(slices.Clone(told), worse) // worse reads the list while it is cut
	slices.SortStableFunc(told, func(x, y outcome) int {
		return cmp.Or(cmp.Compare(urgency(x.line.Condition), urgency(y.line.Condition)), cmp.Compare(x.line.Process, y.line.Process))
	})
	for _, o := range unseen {
		if !slices.ContainsFunc(told, func(other outcome) bool { return other.line.Process == o.line.Process }) {
			notMeasured = append(notMeasured, o.line.Process)
		}
	}
	slices.Sort(notMeasured)
	return slices.Compact(notMeasured), told
}

// outcome says how a process is in one entity, in the condition that people
// feel most.
func (a *App) outcome(t *Tick, im tiering.Impact, p process.Process) outcome {
	o := outcome{tier: im.Tier, situation: wording.Situation{
		Tier: im.Tier.String(), Process: p.Title, Entities: []string{im.Entity}, Environment: im.Environment,
		Unmeasured: im.Unknown, Since: im.Since, At: t.At, Zone: a.zone,
		Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
	}}
	if im.Tier == tiering.None { // nothing is known to be wrong
		o.situation.Since = time.Time{}
	}
	o.line = wording.Status(o.situation)
	for _, r := range im.Reasons {
		s := o.situation
		s.Symptom, s.Doubt = string(r.Symptom), doubts[r.Row]
		if line := wording.Status(s); urgency(line.Condition) < urgency(o.line.Condition) {
			o.situation, o.line = s, line
		}
	}
	return o
}

// alike reports whether the same can be said of two.
func (o outcome) alike(other outcome) bool {
	return o.line.Process == other.line.Process && o.line.Condition == other.line.Condition
}

// add says it of another entity too: since the first of which that is known, and
// as often as the worst asks for.
func (o *outcome) add(other outcome) {
	s := &o.situation
	if entity := other.situation.Entities[0]; !slices.Contains(s.Entities, entity) {
		s.Entities = append(s.Entities, entity)
	}
	if since := other.situation.Since; s.Since.IsZero() || !since.IsZero() && since.Before(s.Since) {
		s.Since = since
	}
	if other.tier > o.tier {
		o.tier, s.Tier = other.tier, other.situation.Tier
	}
}

// urgency orders conditions for people: what stops them first.
func urgency(c wording.Condition) int {
	return slices.Index([]wording.Condition{wording.Paused, wording.Delayed, wording.Slow, wording.Unsteady, wording.Unknown, wording.Working}, c)
}

// Runbooks implements web.Source.
func (v view) Runbooks() []web.Runbook {
	var out []web.Runbook
	for _, name := range wording.Runbooks() {
		if b, ok := v.Runbook(name); ok {
			out = append(out, b)
		}
	}
	return out
}

// Runbook implements web.Source.
func (v view) Runbook(name string) (web.Runbook, bool) {
	text, ok := Runbook(v.app.estate, name)
	return web.Runbook{Name: name, Process: slices.ContainsFunc(process.Catalog(), named(name)), Text: text}, ok
}

// Runbook returns a runbook as Markdown: that of a process as the estate has it.
// Without an estate, or of a process that it does not have, it is as shipped.
func Runbook(e *estate.Estate, name string) (text string, ok bool) {
	if e != nil {
		here := e.Catalog(process.Catalog())
		if i := slices.IndexFunc(here, named(name)); i >= 0 {
			return wording.RunbookOf(here[i])
		}
	}
	return wording.Runbook(name)
}

func named(name string) func(process.Process) bool {
	return func(p process.Process) bool { return p.Name == name }
}
