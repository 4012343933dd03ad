package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/wording"
)

// A Text is something people read, at a field of the estate.
type Text struct{ Field, Says string }

// filledIn are the places of a text where a value comes: its name is not read.
var filledIn = regexp.MustCompile(`\{[^{}]*\}`)

// texts looks at all that an estate itself has people read.
func texts(all []Text) []Finding {
	var out []Finding
	for _, t := range all {
		says := filledIn.ReplaceAllString(t.Says, "…")
		for _, f := range wording.PII(says) {
			is, instead := instead(f.Why)
			out = append(out, Finding{Discretion, true, estate.Problem{Field: t.Field, What: fmt.Sprintf("%q %s", f.Text, is), Remedy: instead}})
		}
		for _, f := range wording.Jargon(says) {
			out = append(out, Finding{PlainWords, false, estate.Problem{Field: t.Field, What: fmt.Sprintf("%q says nothing to finance", f.Text), Remedy: f.Why}})
		}
	}
	return out
}

// signals looks whether what signals of the estate tell fits on a page, beside
// what else shows the cause.
func signals(all []Text) []Finding {
	var out []Finding
	for _, t := range all {
		if n := utf8.RuneCountInString(t.Says); n > wording.RoomForCause {
			out = append(out, Finding{Room, false, estate.Problem{
				Field: t.Field, What: fmt.Sprintf("has %d characters, and a page has room for %d", n, wording.RoomForCause), Remedy: "say it in fewer words",
			}})
		}
	}
	return out
}

// written lists them in the order of the estate's sections.
func written(e *estate.Estate) []Text {
	var out []Text
	add := func(field, says string) {
		if says != "" {
			out = append(out, Text{field, says})
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
	for i, f := range e.Calendar.Freezes {
		add(fmt.Sprintf("calendar.freezes[%d].title", i), f.Title)
	}
	for i, m := range e.Calendar.Maintenance {
		add(fmt.Sprintf("calendar.maintenance[%d].title", i), m.Title)
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

// instead cuts why a word has no place into what it is and what to say instead.
func instead(why string) (is, instead string) {
	is, instead, found := strings.Cut(why, ": ")
	if !found {
		instead = "leave it out"
	}
	return is, instead
}
