package app

import (
	"cmp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// symptomOf says of which signals a process is impaired by themselves; "" is
// none. What is wrong with the server of a database is one of every process that cannot do
// without it; anything else is one of the processes whose catalogue entry names
// the signal.
func symptomOf(name string) tiering.Symptom {
	switch name {
	case "odoo_entries_unbalanced", "odoo_hash_chain_broken", "odoo_sequence_gaps", "probe_foreign_records", "probe_not_neutral":
		return tiering.Integrity
	case "postgres_split_brain":
		return tiering.SplitBrain
	case "postgres_up", "postgres_writable":
		return tiering.PrimaryLost
	case "odoo_conflicts_exhausted", "odoo_queue_jobs_failed", "odoo_auto_post_stuck", "odoo_auto_post_looping":
		return tiering.FailedPosting
	default:
		return ""
	}
}

// symptomatic are the bad readings that are a symptom of some process, in the
// order of the readings.
func symptomatic(readings []signal.Reading) []signal.Reading {
	var out []signal.Reading
	for _, r := range readings {
		if (r.State == signal.Warning || r.State == signal.Critical) && symptomOf(r.Signal) != "" {
			out = append(out, r)
		}
	}
	return out
}

// findings lists what of the bad readings is a symptom of a subject, worst
// first.
func (a *assembler) findings(s subject, bad []signal.Reading) []tiering.Finding {
	var out []tiering.Finding
	for _, r := range bad {
		symptom := symptomOf(r.Signal)
		if r.Environment != s.key.Environment || !a.concerns(s, r, symptom) {
			continue
		}
		out = append(out, tiering.Finding{Symptom: symptom, Signal: r.Signal, Component: r.Component, State: r.State, Since: r.Since, Text: r.Text})
	}
	slices.SortStableFunc(out, func(a, b tiering.Finding) int { return cmp.Compare(b.State, a.State) })
	return out
}

// concerns reports whether a reading is about the subject: about a database it
// cannot do without, or about its entity, tenant or component where its process
// names the signal.
func (a *assembler) concerns(s subject, r signal.Reading, symptom tiering.Symptom) bool {
	needs := func(role ...process.Role) bool {
		return slices.ContainsFunc(s.needs, func(n need) bool {
			return n.component == r.Component && (len(role) == 0 || slices.Contains(role, n.role))
		})
	}
	if symptom == tiering.SplitBrain || symptom == tiering.PrimaryLost {
		return r.State == signal.Critical && needs(process.Hard)
	}
	if !slices.ContainsFunc(s.process.Symptoms, func(x process.Symptom) bool { return x.By == process.BySignal && x.Signal == r.Signal }) {
		return false
	}
	if r.Tenant != "" && r.Tenant != s.key.Tenant || r.Tenant == "" && !needs() {
		return false
	}
	entity, told := r.Labels["entity"]
	switch {
	case !told || entity == s.key.Entity:
		return true
	case entity == "synthetic":
		return false
	default: // a company that the estate names no entity for: it speaks for the tenant
		return !slices.ContainsFunc(a.subjects, func(x subject) bool { return x.key.Tenant == s.key.Tenant && x.key.Entity == entity })
	}
}

// integritySignals say whether the prober left the books of real companies
// alone.
func integritySignals() []signal.Definition {
	const patience = 15 * time.Minute // a proof counts until the next; this is how often it is published, and then some
	return []signal.Definition{
		{
			Name: "probe_foreign_records", Title: "Test transactions stay out of real books", Metric: "closewatch_probe_foreign_records",
			Aggregate: signal.Sum, Warning: signal.Never(), Critical: 0, Fresh: patience, Optional: true, Role: signal.Context,
			Says: "{value} records of test transactions are in the books of real companies of {tenant}: stop flows that write, and hand them to the controller",
		},
		{
			Name: "probe_not_neutral", Title: "Test transactions cannot reach real books", Metric: "closewatch_probe_neutral",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: signal.Never(), Fresh: patience, Optional: true, Role: signal.Context,
			Says: "It was not shown that test transactions leave the books of real companies of {tenant} alone: run closewatch probe proof and read why",
		},
	}
}

// holidayOf names the holiday it is at an entity, when nothing of the process is
// due within two working days.
func holidayOf(tl *calendar.Timeline, at time.Time, deadlines []calendar.Deadline) string {
	name := tl.Holiday(at)
	if name == "" {
		return ""
	}
	last, known := tl.WorkingDay(calendar.DateOf(at.In(tl.Zone())), 2)
	until := last.Add(1).In(tl.Zone())
	if !known || slices.ContainsFunc(deadlines, func(d calendar.Deadline) bool { return d.At.Before(until) }) {
		return ""
	}
	return name
}

// complete adds to the evidence of a tick what is told by several components or
// processes together: signals that are symptoms, and deadlines that wait for
// others.
func (a *assembler) complete(at time.Time, layout *calendarLayout, readings []signal.Reading, all []tiering.Evidence) {
	if bad := symptomatic(readings); len(bad) > 0 {
		for i, subj := range a.subjects {
			all[i].Findings = a.findings(subj, bad)
		}
	}
	a.block(at, layout, all)
}

// block adds to the evidence of a tick which deadlines wait for milestones of
// other processes of the entity that are behind themselves.
func (a *assembler) block(at time.Time, layout *calendarLayout, all []tiering.Evidence) {
	for i := range all {
		ev := &all[i]
		tl := layout.of[ev.Entity]
		for _, d := range ev.Deadlines {
			if d.Kind != calendar.MilestoneKind || d.At.Sub(at) > tiering.DefaultRules().SlackGuard {
				continue
			}
			for _, m := range tl.Preceding(d.ID) {
				j := slices.IndexFunc(all, func(x tiering.Evidence) bool {
					return x.Process.Name == m.Process && x.Entity == ev.Entity && x.Tenant == ev.Tenant
				})
				if j < 0 || j == i {
					continue
				}
				if behind := all[j].Behind(); behind > 0 {
					ev.Blockers = append(ev.Blockers, tiering.Blocker{Deadline: d.ID, Title: cmp.Or(m.Title, m.ID), Process: m.Process, CatchUp: behind})
				}
			}
		}
	}
}
