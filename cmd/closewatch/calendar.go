package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/calendar/ics"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/wording"
)

func newCalendar() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "calendar",
		Short: "Show the finance calendar, ask what would hold at an instant, compare two",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCalendarShow(), newCalendarWhatIf(), newCalendarDiff())
	return cmd
}

// shown is how much of the calendar is shown unless told otherwise: a close and
// the way to the next.
const shown = 45 * 24 * time.Hour

// longestShown bounds what is laid out at once.
const longestShown = 5 * 366 * 24 * time.Hour

func newCalendarShow() *cobra.Command {
	var file, entity, data, from, to, format string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show phases, working days, holidays, milestones, cut-offs, deadlines, freezes and maintenance",
		Long: `Show what the calendar of an estate says, in order, in the time of each entity. Cut-offs return every banking day: the
table lists them once, with the next; ICS and JSON list each.`,
		Example: "  closewatch calendar show -f closewatch.yaml --entity acme-uk\n  closewatch calendar show --from 2026-12-01 --to 2027-02-01 --format ics > close.ics",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"table", "ics", "json"}, format) {
				return fmt.Errorf("--format %q is not a format; write table, ics or json", format)
			}
			plan, err := loadFor(file, entity)
			if err != nil {
				return err
			}
			if err := plan.ReadCloses(data); err != nil {
				return err
			}
			begin, end, err := span(from, to, plan.Estate.Calendar.Timezone.Location())
			if err != nil {
				return err
			}
			calendars, out := plan.Calendars(entity, begin, end), cmd.OutOrStdout()
			switch format {
			case "json":
				return printJSON(out, calendars)
			case "ics":
				return ics.Encode(out, icsEvents(calendars), time.Now())
			}
			for i, c := range calendars {
				if i > 0 {
					fmt.Fprintln(out)
				}
				printCalendar(out, c)
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&entity, "entity", "", "only this entity")
	cmd.Flags().StringVar(&data, "data", "", "data directory that tells how closes really went (default the estate's)")
	cmd.Flags().StringVar(&from, "from", "", "first day to show (default today)")
	cmd.Flags().StringVar(&to, "to", "", "day to stop before (default 45 days after the first)")
	cmd.Flags().StringVar(&format, "format", "table", "table, ics or json")
	return cmd
}

// span reads the days to show.
func span(from, to string, zone *time.Location) (begin, end time.Time, err error) {
	now := time.Now().In(zone)
	begin = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	if from != "" {
		if begin, err = time.ParseInLocation(time.DateOnly, from, zone); err != nil {
			return begin, end, fmt.Errorf("--from %q is not a day; write one such as 2026-12-31", from)
		}
	}
	end = begin.Add(shown)
	if to != "" {
		if end, err = time.ParseInLocation(time.DateOnly, to, zone); err != nil {
			return begin, end, fmt.Errorf("--to %q is not a day; write one such as 2027-01-31", to)
		}
	}
	if !end.After(begin) || end.Sub(begin) > longestShown {
		return begin, end, fmt.Errorf("--to must be after --from (%s), by at most 5 years", begin.Format(time.DateOnly))
	}
	return begin, end, nil
}

// loadFor reads an estate that must have an entity; an empty name is any.
func loadFor(file, entity string) (*app.Plan, error) {
	plan, err := load(file)
	if err != nil {
		return nil, err
	}
	if names := plan.Entities(); entity != "" && !slices.Contains(names, entity) {
		return nil, fmt.Errorf("there is no entity %q in %s; the entities are %s", entity, file, strings.Join(names, ", "))
	}
	return plan, nil
}

func icsEvents(calendars []app.EntityCalendar) []ics.Event {
	var out []ics.Event
	for _, c := range calendars {
		for _, e := range c.Events {
			summary := c.Entity + ": " + e.Title
			if e.What != "phase" {
				summary = fmt.Sprintf("%s: %s (%s)", c.Entity, e.Title, e.What)
			}
			end := e.End
			if !end.After(e.Start) {
				end = time.Time{} // an instant
			}
			out = append(out, ics.Event{
				UID:     fmt.Sprintf("%s-%s-%s-%s@closewatch", c.Entity, strings.ReplaceAll(e.What, " ", "-"), e.ID, e.Start.UTC().Format("20060102T150405Z")),
				Summary: summary, Description: strings.Trim(e.Detail+"\n"+e.Day, "\n"), Start: e.Start, End: end, AllDay: e.AllDay,
				Categories: []string{e.What},
			})
		}
	}
	return out
}

func printCalendar(out io.Writer, c app.EntityCalendar) {
	plan := c.ClosePlan
	if plan == "" {
		plan = "none"
	}
	fmt.Fprintf(out, "%s, time of %s: closes by plan %s on the days of %s; calendar %s.\n", c.Entity, c.Zone, plan, c.CloseCalendar, c.Hash[:12])
	for _, x := range c.Extensions {
		fmt.Fprintln(out, "extended:", x)
	}
	for _, cl := range c.Closes {
		fmt.Fprintln(out, closeWords(cl))
	}
	if len(c.Closes) == 0 && c.ClosePlan != "" {
		fmt.Fprintln(out, "Closes are shown as planned: no lock dates tell how they went.")
	}
	t := newTable(out)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: 70, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"day", "working day", "time", "what", "more"})
	last := ""
	for _, e := range c.Events {
		if e.What == "cut-off" {
			continue
		}
		day, at := eventTime(e)
		working := e.Day
		if strings.HasPrefix(working, "no working day") {
			working = "–"
		}
		if day == last {
			day, working = "", ""
		} else {
			if last != "" {
				t.AppendSeparator()
			}
			last = day
		}
		t.AppendRow(table.Row{day, working, at, eventWords(e), eventMore(e)})
	}
	t.Render()
	printDays(out, c)
	if len(c.Cutoffs) == 0 {
		return
	}
	fmt.Fprintln(out, "cut-offs, on every banking day")
	t = newTable(out)
	t.AppendHeader(table.Row{"cut-off", "process", "returns", "banking days", "next", "source"})
	for _, cut := range c.Cutoffs {
		t.AppendRow(table.Row{cut.Title, cut.Process, cut.Rule, cut.Calendar, moment(cut.Next), cut.Source})
	}
	t.Render()
}

// closeWords tells of one close, planned against actual.
func closeWords(c app.Close) string {
	return hang("close of "+c.Period+"  ", c.Words)
}

// printDays tells which calendars of working days are in force, what they are
// made of, and whether they can be relied on.
func printDays(out io.Writer, c app.EntityCalendar) {
	fmt.Fprintln(out, "calendars in force")
	for _, d := range c.Days {
		fmt.Fprintln(out, hang("  "+d.Name+"  ", fmt.Sprintf("for %s; works %s; answers for %s", strings.Join(d.For, ", "), d.Week, answersFor(d))))
		for _, s := range d.Sources {
			fmt.Fprintln(out, hang("    from  ", sourceWords(s, d.Name)))
		}
		if len(d.Doubts) > 0 {
			fmt.Fprintln(out, hang("    in doubt  ", fmt.Sprintf("from %s on, when everything counts as critical: %s", d.DoubtFrom, strings.Join(d.Doubts, "; "))))
		}
	}
}

func answersFor(d app.DaysShown) string {
	switch {
	case d.First == "" && d.Last == "":
		return "any day"
	case d.First == "":
		return "days up to " + d.Last
	case d.Last == "":
		return "days from " + d.First
	}
	return d.First + " to " + d.Last
}

// sourceWords says what days are made of, with the name of the calendar they
// are taken from when it is another one.
func sourceWords(s app.SourceShown, of string) string {
	said := cmp.Or(s.Title, "its own days")
	if s.Name != of {
		said = strings.TrimSuffix(s.Name+": "+s.Title, ": ")
	}
	if s.Source != "" {
		said += "; source " + s.Source
	}
	return said + "; checked " + cmp.Or(s.Checked, "on no day that is told")
}

// dayLayout and clockLayout are how times are written for people.
const (
	dayLayout   = "Mon 2 Jan 2006"
	clockLayout = "15:04 MST"
)

// dueAt renders an instant up to which something is done or lasts: a midnight
// is the end of the day before, as people say it.
func dueAt(at time.Time) (day, clock string) {
	if at.Hour() == 0 && at.Minute() == 0 {
		return at.AddDate(0, 0, -1).Format(dayLayout), "24:00 " + at.Format("MST")
	}
	return at.Format(dayLayout), at.Format(clockLayout)
}

// moment renders an instant up to which something is done or lasts on one line.
func moment(at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	day, clock := dueAt(at)
	return day + " " + clock
}

// eventTime tells the day an event belongs to, and when on it.
func eventTime(e app.CalendarEvent) (day, clock string) {
	switch {
	case e.AllDay:
		return e.Start.Format(dayLayout), "all day"
	case e.What == "maintenance":
		return e.Start.Format(dayLayout), e.Start.Format("15:04–") + e.End.Format(clockLayout)
	case e.Start.Equal(e.End):
		return dueAt(e.Start)
	}
	return e.Start.Format(dayLayout), e.Start.Format(clockLayout)
}

func eventWords(e app.CalendarEvent) string {
	if e.What == "phase" || strings.HasPrefix(e.Title, e.What) {
		return e.Title
	}
	return e.What + ": " + e.Title
}

func eventMore(e app.CalendarEvent) string {
	switch {
	case e.What == "phase":
		return "until " + moment(e.End)
	case e.What == "freeze":
		return "until " + moment(e.End) + "; " + e.Detail
	case e.Process != "":
		return e.Process + "; " + e.Detail
	}
	return e.Detail
}

func newCalendarWhatIf() *cobra.Command {
	var file, entity, data, process string
	var at instant
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "what-if",
		Short: "Tell what would hold at an instant: phase, deadlines, how much each process matters, who is paged",
		Long: `Tell, for an instant, where each entity is in its close, what is due next, and for each process: how much it matters
there, because of which window and until when, the recovery objectives in force, and what a confirmed failure of it
would be, from the decision table. With --process also the objectives in force.`,
		Example: "  closewatch calendar what-if --at 2026-12-31T15:00Z\n  closewatch calendar what-if --at 2027-01-04T09:00+01:00 --entity acme-at --process payroll",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := loadFor(file, entity)
			if err != nil {
				return err
			}
			if err := plan.ReadCloses(data); err != nil {
				return err
			}
			if at.IsZero() {
				at.Time = time.Now()
			}
			w, out := plan.WhatIf(at.Time, entity), cmd.OutOrStdout()
			if process != "" {
				if _, err := theProcess(plan.Resolved(), process); err != nil {
					return err
				}
				only(&w, process)
			}
			if asJSON {
				return printJSON(out, w)
			}
			printWhatIf(out, w, process != "")
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().Var(&at, "at", "instant to ask about, such as 2026-12-31T15:00Z (default now)")
	cmd.Flags().StringVar(&entity, "entity", "", "only this entity")
	cmd.Flags().StringVar(&data, "data", "", "data directory that tells how closes really went (default the estate's)")
	cmd.Flags().StringVar(&process, "process", "", "only this process, with its objectives")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// only keeps one process and what is due for it.
func only(w *app.WhatIf, process string) {
	for i := range w.Entities {
		e := &w.Entities[i]
		e.Processes = slices.DeleteFunc(e.Processes, func(p app.ProcessWhatIf) bool { return p.Process != process })
		e.Deadlines = slices.DeleteFunc(e.Deadlines, func(d app.DeadlineAhead) bool { return d.Process != process })
	}
}

func printWhatIf(out io.Writer, w app.WhatIf, closely bool) {
	fmt.Fprintf(out, "At %s: %s. Calendar %s, configuration %s.\n", w.At.Format(dayLayout+" "+clockLayout), group(w), w.CalendarHash[:12], w.ConfigHash[:12])
	for _, e := range w.Entities {
		fmt.Fprintln(out)
		printEntityWhatIf(out, e)
		if closely {
			for _, p := range e.Processes {
				printProcessWhatIf(out, p)
			}
			continue
		}
		printFailures(out, e)
	}
}

// group says the phase of all entities together, when there are several.
func group(w app.WhatIf) string {
	if len(w.Entities) == 1 {
		return w.Group
	}
	return fmt.Sprintf("%s over %d entities", w.Group, len(w.Entities))
}

func printEntityWhatIf(out io.Writer, e app.EntityWhatIf) {
	fmt.Fprintf(out, "%s (%s): %s there, %s\n", e.Entity, e.Environment, e.At.Format(dayLayout+" "+clockLayout), e.Day)
	until := ""
	if !e.Ends.IsZero() {
		until = " until " + moment(e.Ends)
	}
	fact := func(what, said string) { fmt.Fprintln(out, hang(fmt.Sprintf("  %-13s", what), said)) }
	fact("phase", e.Place+until)
	if e.Doubt != "" {
		fact("in doubt", e.Doubt)
	}
	for _, cl := range e.Closes {
		if cl.State != app.ClosePlanned {
			fmt.Fprintln(out, "  "+closeWords(cl))
		}
	}
	for _, f := range e.Freezes {
		fact("freeze", f+" (it lowers no alert)")
	}
	for _, m := range e.Maintenance {
		fact("maintenance", m+" (it lowers no alert)")
	}
	if len(e.Deadlines) == 0 {
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"due next", "in", "at", "for the process"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 1, WidthMax: 35, WidthMaxEnforcer: text.WrapSoft}})
	for _, d := range e.Deadlines {
		day, clock := dueAt(d.At)
		t.AppendRow(table.Row{deadlineWords(d), wording.Duration(d.Left), withoutYear(day) + " " + clock, cmp.Or(titleOf(e, d.Process), "–")})
	}
	t.Render()
}

// deadlineWords names a deadline with what it is for, and the bank's own time
// when the house is earlier.
func deadlineWords(d app.DeadlineAhead) string {
	said := fmt.Sprintf("%s (%s)", d.Title, d.For)
	if !d.Bank.Equal(d.At) {
		said += ", bank " + d.Bank.Format("15:04")
	}
	return said
}

// titleOf is what people call a process of an entity.
func titleOf(e app.EntityWhatIf, process string) string {
	i := slices.IndexFunc(e.Processes, func(p app.ProcessWhatIf) bool { return p.Process == process })
	if i < 0 {
		return process
	}
	return e.Processes[i].Title
}

// printFailures tells what a confirmed failure of each process would be: the
// worst first, then what is due first.
func printFailures(out io.Writer, e app.EntityWhatIf) {
	due := map[string]int{}
	for i, d := range slices.Backward(e.Deadlines) {
		due[d.Process] = i - len(e.Deadlines) // below 0, that of what has no deadline
	}
	ps := slices.Clone(e.Processes)
	slices.SortStableFunc(ps, func(a, b app.ProcessWhatIf) int {
		return cmp.Or(cmp.Compare(b.AlertTier, a.AlertTier), cmp.Compare(due[a.Process], due[b.Process]))
	})
	var order []string
	of := map[string][]app.ProcessWhatIf{}
	for _, p := range ps {
		said := failureWords(p)
		if _, seen := of[said]; !seen {
			order = append(order, said)
		}
		of[said] = append(of[said], p)
	}
	for _, said := range order {
		fmt.Fprintln(out, hang("", wording.Capital(said)+"."))
		t := newTable(out)
		t.AppendHeader(table.Row{"process", "tier", "RTO", "RPO", "critical"})
		t.SetColumnConfigs([]table.ColumnConfig{
			{Number: 1, WidthMin: processWidth, WidthMax: processWidth, WidthMaxEnforcer: text.WrapSoft},
			{Number: 3, WidthMin: len("24h")},
			{Number: 4, WidthMin: len("24h")},
			{Number: 5, WidthMin: criticalWidth, WidthMax: criticalWidth, WidthMaxEnforcer: text.WrapSoft},
		})
		for _, p := range of[said] {
			t.AppendRow(table.Row{p.Title, p.ServiceTier, duration(p.RTO), duration(p.RPO), criticalWords(p)})
		}
		t.Render()
	}
	fmt.Fprintln(out, "The objectives in force: add --process NAME, or --json.")
}

// The widths of the columns that vary, so that all tables are alike and none is
// wider than width.
const (
	processWidth  = 27
	criticalWidth = 47
)

// failureWords says what a confirmed failure of a process would be, who would
// hear of it and why.
func failureWords(p app.ProcessWhatIf) string {
	said := map[string]string{
		incident.Page: "a failure would page " + p.Team, incident.Ticket: "a failure would be a ticket for " + p.Team, incident.Info: "a failure would be in the digest of " + p.Team,
	}[p.Severity]
	if said == "" {
		return "nobody would hear of a failure"
	}
	return fmt.Sprintf("%s (%s): %s", said, p.AlertTier, p.Because)
}

// criticalWords says which window is open and until when.
func criticalWords(p app.ProcessWhatIf) string {
	switch {
	case !p.Critical:
		return "no"
	case p.Until.IsZero():
		return p.Why
	}
	day, clock := dueAt(p.Until)
	return fmt.Sprintf("%s, until %s %s", p.Why, withoutYear(day), clock[:len("24:00")])
}

// withoutYear shortens a day that is rendered where its year is plain.
func withoutYear(day string) string { return day[:len(day)-len(" 2006")] }

// printProcessWhatIf tells everything about one process.
func printProcessWhatIf(out io.Writer, p app.ProcessWhatIf) {
	fmt.Fprintf(out, "%s, tier %s\n", p.Title, p.ServiceTier)
	fact := func(what, said string) { fmt.Fprintln(out, hang(fmt.Sprintf("  %-13s", what), said)) }
	fact("critical", criticalWords(p))
	lost := "losing no work"
	if p.RPO > 0 {
		lost = "losing at most " + duration(p.RPO) + " of work"
	}
	fact("recovery", "back within "+duration(p.RTO)+", "+lost)
	fact("routes", failureWords(p)+"; for the business the "+p.Owner+" decides")
	for _, o := range p.Objectives {
		fact("objective", o.Name+": "+o.Words)
	}
}

func newCalendarDiff() *cobra.Command {
	var from string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in words what changes from the calendar of one estate file to that of another",
		Long: `Say in words what changes from the calendar of one estate file to that of another, over two years: holidays, phases,
cut-offs, deadlines, milestones, freezes, maintenance. Look before a reload. Exit 1 when anything changes.`,
		Example: "  closewatch calendar diff closewatch.yaml new.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name two estate files, such as closewatch calendar diff closewatch.yaml new.yaml")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			begin, _, err := span(from, "", time.UTC)
			if err != nil {
				return err
			}
			old, err := load(args[0])
			if err != nil {
				return err
			}
			now, err := load(args[1])
			if err != nil {
				return err
			}
			changes, out := app.CalendarChanges(old, now, begin), cmd.OutOrStdout()
			if asJSON {
				if err := printJSON(out, changes); err != nil {
					return err
				}
			} else {
				for _, c := range changes {
					fmt.Fprintf(out, "%s  %-11s %s\n", c.Entity, c.What, c.Text)
				}
			}
			if len(changes) > 0 {
				return &findings{}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first day to compare (default today)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
