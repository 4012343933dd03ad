package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/wording"
)

// A text is something people read, at a field of the estate.
type text struct{ field, says string }

// texts looks at all that an estate itself has people read.
func texts(e *estate.Estate) []Finding {
	var out []Finding
	for _, t := range written(e) {
		for _, f := range wording.PII(t.says) {
			is, instead := says(f.Why)
			out = append(out, Finding{Discretion, true, estate.Problem{Field: t.field, What: fmt.Sprintf("%q %s", f.Text, is), Remedy: instead}})
		}
		for _, f := range wording.Jargon(t.says) {
			out = append(out, Finding{PlainWords, false, estate.Problem{Field: t.field, What: fmt.Sprintf("%q says nothing to finance", f.Text), Remedy: f.Why}})
		}
	}
	return out
}

// written lists them in the order of the estate's sections.
func written(e *estate.Estate) []text {
	var out []text
	add := func(field, says string) {
		if says != "" {
			out = append(out, text{field, says})
		}
	}
	for i, ent := range e.Entities {
		add(fmt.Sprintf("entities[%d].name", i), ent.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Processes)) {
		o, at := e.Processes[name], "processes."+name+"."
		for _, t := range []struct {
			field string
			said  *string
		}{
			{"title", o.Title},
			{"refetch", o.Refetch},
			{"team", o.Team},
			{"owner", o.Owner},
			{"vendor", o.Vendor},
			{"stops", o.Stops},
			{"meanwhile", o.Meanwhile},
			{"workaround", o.Workaround},
		} {
			if t.said != nil {
				add(at+t.field, *t.said)
			}
		}
		for i, line := range o.DoFirst {
			add(fmt.Sprintf("%sdoFirst[%d]", at, i), line)
		}
		for i, line := range o.DoNot {
			add(fmt.Sprintf("%sdoNot[%d]", at, i), line)
		}
		for i, w := range o.CriticalWindow {
			add(fmt.Sprintf("%scriticalWindow[%d].says", at, i), w.Says)
		}
		for i, n := range o.Needs {
			add(fmt.Sprintf("%sneeds[%d].use", at, i), n.Use)
		}
		for i, w := range o.Work {
			add(fmt.Sprintf("%swork[%d].says", at, i), w.Says)
		}
		for i, s := range o.Symptoms {
			add(fmt.Sprintf("%ssymptoms[%d].says", at, i), s.Says)
		}
		for _, objective := range slices.Sorted(maps.Keys(o.Objectives)) {
			if says := o.Objectives[objective].Says; says != nil {
				add(at+"objectives."+objective+".says", *says)
			}
		}
	}
	for i, c := range e.Calendar.Cutoffs {
		add(fmt.Sprintf("calendar.cutoffs[%d].title", i), c.Title)
	}
	for i, d := range e.Calendar.Deadlines {
		add(fmt.Sprintf("calendar.deadlines[%d].title", i), d.Title)
	}
	for _, plan := range slices.Sorted(maps.Keys(e.Calendar.ClosePlans)) {
		for i, m := range e.Calendar.ClosePlans[plan].Milestones {
			at := fmt.Sprintf("calendar.closePlans.%s.milestones[%d].", plan, i)
			add(at+"title", m.Title)
			add(at+"owner", m.Owner)
		}
	}
	return out
}

// says cuts why a word has no place into what it is and what to say instead.
func says(why string) (is, instead string) {
	is, instead, found := strings.Cut(why, ": ")
	if !found {
		instead = "leave it out"
	}
	return is, instead
}
