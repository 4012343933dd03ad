package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// width is what is printed in at most: a terminal beside another.
const width = 100

func printResolved(out io.Writer, file string, r app.Resolved) {
	fmt.Fprintf(out, "%s: no mistakes. %s watches %s of %s; configuration %s.\n",
		file, r.Name, wording.Count(len(r.Components), "component", "components"), wording.Count(len(r.Entities), "entity", "entities"), r.Hash[:12])
	t := newTable(out)
	t.AppendHeader(table.Row{"component", "kind", "environment", "responsibility"})
	for _, c := range r.Components {
		t.AppendRow(table.Row{c.Name, c.Kind, c.Environment, c.Responsibility})
	}
	t.Render()
	if len(r.Processes) > 0 {
		printObjectives(out, r.Processes)
		printDuties(out, r.Processes)
		printGroups(out, "needs", r.Processes, needsWords)
		printNotWatched(out, r.Processes)
		printMeasured(out, r.Processes)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, hang("note: ", note))
	}
}

// printObjectives prints how much each process matters and how soon it must be
// back: outside → inside its critical window.
func printObjectives(out io.Writer, ps []app.ResolvedProcess) {
	fmt.Fprintln(out, "Outside → inside the critical window:")
	t := newTable(out)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: 36, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"process", "tier", "RTO", "RPO", "critical window"})
	for _, p := range ps {
		t.AppendRow(table.Row{
			p.Title, arrow(string(p.Tier), string(p.CloseTier)),
			arrow(duration(p.Recovery.RTO), duration(p.CriticalRecovery.RTO)), arrow(duration(p.Recovery.RPO), duration(p.CriticalRecovery.RPO)),
			windowWords(p, "; "),
		})
	}
	t.Render()
}

// printDuties prints who answers for each process and what tells whether it
// works.
func printDuties(out io.Writer, ps []app.ResolvedProcess) {
	t := newTable(out)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 16, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: 18, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"process", "owner", "on call", "exercised by", "measured"})
	for _, p := range ps {
		measured := 0
		for _, o := range p.Objectives {
			if len(o.MeasuredBy) > 0 {
				measured++
			}
		}
		t.AppendRow(table.Row{p.Title, p.Owner, p.Team, dash(strings.Join(p.Flows, ", ")), fmt.Sprintf("%d of %d", measured, len(p.Objectives))})
	}
	t.Render()
}

// printGroups prints what processes have in common once, with their titles.
func printGroups(out io.Writer, head string, ps []app.ResolvedProcess, words func(app.ResolvedProcess) string) {
	var order []string
	titles := map[string][]string{}
	for _, p := range ps {
		w := words(p)
		if w != "" && titles[w] == nil {
			order = append(order, w)
		}
		titles[w] = append(titles[w], p.Title)
	}
	for _, w := range order {
		fmt.Fprintln(out, hang(head+" ", w+": "+titleList(titles[w], len(ps))))
	}
}

// titleList is a list of titles, or that it is all of them.
func titleList(titles []string, all int) string {
	if len(titles) == all {
		return "every process"
	}
	return strings.Join(titles, ", ")
}

func needsWords(p app.ResolvedProcess) string {
	var words []string
	for _, n := range p.Needs {
		words = append(words, fmt.Sprintf("%s (%s)", n.Component, n.Role))
	}
	return strings.Join(words, ", ")
}

// printNotWatched prints the kinds of component that processes need and the
// estate does not declare.
func printNotWatched(out io.Writer, ps []app.ResolvedProcess) {
	titles := map[string][]string{}
	for _, p := range ps {
		for _, n := range p.NotWatched {
			if !slices.Contains(titles[n.Kind], p.Title) {
				titles[n.Kind] = append(titles[n.Kind], p.Title)
			}
		}
	}
	if len(titles) == 0 {
		return
	}
	fmt.Fprintln(out, "Not watched, since no such component is declared; neither ok nor failing:")
	kinds := process.Kinds()
	for kind := range titles {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		if len(titles[kind]) > 0 {
			fmt.Fprintln(out, hang(fmt.Sprintf("  %-11s", kind), titleList(titles[kind], len(ps))))
		}
	}
}

// printMeasured says how many objectives nothing here measures.
func printMeasured(out io.Writer, ps []app.ResolvedProcess) {
	all, not := 0, map[process.ObjectiveKind]int{}
	unmeasured := 0
	for _, p := range ps {
		for _, o := range p.Objectives {
			all++
			if len(o.MeasuredBy) == 0 {
				not[o.Kind]++
				unmeasured++
			}
		}
	}
	if unmeasured == 0 {
		return
	}
	var words []string
	for _, kind := range process.ObjectiveKinds() {
		if not[kind] > 0 {
			words = append(words, fmt.Sprintf("%d of %s", not[kind], kind))
		}
	}
	fmt.Fprintln(out, hang("", fmt.Sprintf("Not measured here: %d of %d objectives (%s); closewatch check --process NAME says why.", unmeasured, all, strings.Join(words, ", "))))
}

// printProcess prints everything about one process.
func printProcess(out io.Writer, p app.ResolvedProcess) {
	fmt.Fprintf(out, "%s (%s)\n", p.Title, p.Name)
	line := func(label string, lines ...string) {
		for i, l := range lines {
			if i > 0 {
				label = ""
			}
			wrapped := strings.Split(hang(fmt.Sprintf("  %-13s ", label), l), "\n")
			fmt.Fprintln(out, strings.Join(wrapped, "\n  ")) // what goes on stands further in than what begins
		}
	}
	line("matters", fmt.Sprintf("tier %s; in its critical window %s", p.Tier, p.CloseTier))
	line("critical", windowWords(p, "; "))
	line("recovery", fmt.Sprintf("RTO %s, RPO %s; in its critical window RTO %s, RPO %s",
		duration(p.Recovery.RTO), duration(p.Recovery.RPO), duration(p.CriticalRecovery.RTO), duration(p.CriticalRecovery.RPO)))
	if p.Refetch != "" {
		line("", "RPO 0: lost work is had again from "+p.Refetch)
	}
	line("owner", p.Owner)
	line("on call", p.Team)
	line("escalate to", dash(p.Vendor))
	line("duty of", string(p.Responsibility))
	line("objectives", objectiveLines(p.Objectives)...)
	line("needs", needLines(p.Needs)...)
	line("not watched", needLines(p.NotWatched)...)
	if len(p.Cadence) == 0 {
		line("exercised by", dash(""))
	}
	line("exercised by", p.Cadence...)
	line("users'", dash(strings.Join(p.Operations, ", ")))
	line("work", workLines(p.Work)...)
	line("when it stops", p.Stops)
	line("symptoms", symptomLines(p.Symptoms)...)
	line("do first", p.DoFirst...)
	line("do not", p.DoNot...)
	line("meanwhile", "please "+p.Meanwhile)
	line("workaround", fmt.Sprintf("after %s: %s", duration(p.WorkaroundAfter), p.Workaround))
}

func objectiveLines(os []app.ResolvedObjective) []string {
	var out []string
	for _, o := range os {
		resolved := process.Objective{
			Name: o.Name, Kind: o.Kind, Target: o.Target, Threshold: o.Threshold, Every: o.Every,
			CriticalTarget: o.CriticalTarget, CriticalThreshold: o.CriticalThreshold, CriticalOnly: o.CriticalOnly, Says: o.Says,
		}
		measured := "not measured here: " + o.NotMeasured
		if len(o.MeasuredBy) > 0 {
			measured = "measured by " + strings.Join(o.MeasuredBy, " and ")
		}
		if o.NoPolicy {
			measured += "; no policy: nothing is asked for when its budget runs low"
		}
		out = append(out, fmt.Sprintf("%s: %s; %s", o.Name, wording.Objective(resolved), measured))
	}
	return out
}

func needLines(ns []app.ResolvedNeed) []string {
	var out []string
	for _, n := range ns {
		words := n.Kind
		if n.Component != "" {
			words = fmt.Sprintf("%s (%s)", n.Component, n.Kind)
		}
		words += ", " + string(n.Role)
		if n.Use != "" {
			words += ": " + n.Use
		}
		out = append(out, words)
	}
	return out
}

func symptomLines(ss []app.ResolvedSymptom) []string {
	var out []string
	for _, s := range ss {
		seen := map[process.Detector]string{
			process.ByFlow: "test transactions", process.ByUsers: "real users' operations", process.ByWork: "expected work",
			process.BySignal: "the signal " + s.Signal, "": "nothing yet",
		}[s.By]
		out = append(out, s.Says+" (seen by "+seen+")")
	}
	return out
}

func workLines(ws []app.ResolvedWork) []string {
	var out []string
	for _, w := range ws {
		var words string
		switch match := strings.Join(w.Match, ", "); w.Source {
		case process.QueueJobs:
			words = fmt.Sprintf(" within %s (jobs of: %s)", duration(w.Within), match)
		case process.ScheduledAction:
			words = fmt.Sprintf(" within %s (scheduled action: %s)", duration(w.Within), match)
		case process.Schedule:
			words = fmt.Sprintf(", due %s, too late after %s more (%s %s)", w.Due, duration(w.Within), seriesWords(w), w.Done)
			if w.Habit {
				words += "; judged where it is done in time as a rule"
			}
		case process.History:
			words = fmt.Sprintf(", as many as by the same time on earlier days of the kind, where %g are usual at least (%s)", w.Least, seriesWords(w))
		}
		out = append(out, w.Says+words)
	}
	return out
}

// seriesWords says what a piece of work is read from: metric{state="failed"}, each journal.
func seriesWords(w app.ResolvedWork) string {
	out := w.Metric
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(w.Labels)) {
		labels = append(labels, fmt.Sprintf("%s=%q", name, w.Labels[name]))
	}
	if len(labels) > 0 {
		out += "{" + strings.Join(labels, ",") + "}"
	}
	if w.By != "" {
		out += ", each " + w.By
	}
	return out
}

func windowWords(p app.ResolvedProcess, sep string) string {
	if len(p.Windows) == 0 {
		return "pre-close and close"
	}
	return strings.Join(p.Windows, sep)
}

// arrow says a value outside and inside the critical window, once when they
// are the same.
func arrow(normal, critical string) string {
	if normal == critical {
		return normal
	}
	return normal + " → " + critical
}

func duration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return wording.Duration(d)
}

// hang wraps text after a label, below itself.
func hang(label, s string) string {
	indent := text.StringWidth(label)
	lines := strings.Split(text.WrapSoft(s, width-2-indent), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return label + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}
