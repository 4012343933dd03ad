package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

func newReplay() *cobra.Command {
	var from, to instant
	var data, file string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Decide recorded ticks again, and say what they came to",
		Long: `Reads the tick record of a data directory, decides every tick again and holds what comes out to what was recorded,
byte for byte. Then it says what the decisions came to: what was paged and whether a page can be acted on as it
is, how many pages there were in any twelve hours against a budget of two, how long processes were impaired, and
what was not watched. The daemon may be running; nothing is written.

With -f, the recorded evidence is decided under another configuration besides, and the differences are printed: what
a change of tiers, recovery objectives, calendars, critical windows or dependencies would have done.

Ends with 1 when something came out otherwise than it was recorded.`,
		Example: "  closewatch replay --data /var/lib/closewatch --from 2026-11-30 --to 2026-12-04\n  closewatch replay --data /var/lib/closewatch -f proposal.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req := app.ReplayRequest{Data: data, From: from.Time, To: to.Time}
			if !req.To.IsZero() && !req.To.After(req.From) {
				return fmt.Errorf("--to must be after --from (%s)", from.String())
			}
			if data == "" || cmd.Flags().Changed("file") {
				plan, err := load(file)
				if err != nil {
					return err
				}
				if data == "" {
					req.Data = plan.Estate.Data
				}
				if cmd.Flags().Changed("file") {
					req.Plan = plan
				}
			}
			if !isDir(req.Data) {
				return fmt.Errorf("%s is not a directory; name the data directory of a daemon with --data", req.Data)
			}
			return replay(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), req, asJSON, all)
		},
	}
	cmd.Flags().Var(&from, "from", "first tick (default the first that is recorded)")
	cmd.Flags().Var(&to, "to", "tick to stop before (default after the last)")
	cmd.Flags().StringVar(&data, "data", "", "data directory (default that of the estate file)")
	cmd.Flags().StringVarP(&file, "file", "f", defaultEstate, "estate file to decide under besides")
	cmd.Flags().BoolVar(&all, "all", false, "print every line of what happened")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func replay(ctx context.Context, out, progress io.Writer, req app.ReplayRequest, asJSON, all bool) error {
	req.Progress = reportProgress(progress)
	r, err := app.ReplayTicks(ctx, req)
	if err != nil {
		return &findings{err}
	}
	if asJSON {
		err = printJSON(out, r)
	} else {
		printReplay(out, r, all)
	}
	if err == nil && !r.Identical() {
		err = &findings{}
	}
	return err
}

// reportProgress says how far a replay is, when it takes long.
func reportProgress(out io.Writer) func(time.Time) {
	const every = 5 * time.Second
	next := time.Now().Add(every)
	n := 0
	return func(at time.Time) {
		if n++; n%256 != 0 {
			return
		}
		if now := time.Now(); now.After(next) {
			fmt.Fprintf(out, "decided again up to %s, %d ticks\n", at.Format("2006-01-02 15:04"), n)
			next = now.Add(every)
		}
	}
}

// clock is how a replay prints an instant.
const clock = "2006-01-02 15:04:05"

func printReplay(out io.Writer, r *app.Replay, all bool) {
	verdict := "all came out byte for byte as they were recorded"
	if !r.Identical() {
		verdict = fmt.Sprintf("%d came out otherwise than they were recorded", r.Unlike)
	}
	fmt.Fprintf(out, "replay: %s decided again, %s to %s UTC: %s\n", wording.Count(r.Ticks, "tick", "ticks"), r.From.Format(clock), r.To.Format(clock), verdict)
	printDifference(out, r.First)
	for _, c := range r.Configs {
		fmt.Fprintf(out, "  in force   from %s: configuration %s, calendar %s, closewatch %s\n", c.At.Format(clock), short(c.Config), short(c.Calendar), c.Version)
	}
	printUnwatched(out, r)
	printOutcome(out, &r.Decided, all)
	if r.Compared == nil {
		return
	}
	fmt.Fprintf(out, "\nunder the other configuration: %s\n", r.Compared.Sentence())
	printBudget(out, r.Other)
	if len(r.Compared.Changes) > 0 {
		t := newTable(out)
		t.AppendHeader(table.Row{"sent", "change", "severity", "process", "entity", "tier"})
		for _, c := range cut(r.Compared.Changes, all) {
			what := c.What
			if c.By > 0 {
				what += " by " + wording.Duration(c.By)
			}
			t.AppendRow(table.Row{c.Alert.Sent.Format(clock), what, c.Alert.Severity, c.Alert.Process, c.Alert.Entity, c.Alert.Tier})
		}
		t.Render()
		more(out, len(r.Compared.Changes), all)
	}
	for _, n := range r.Compared.Notes {
		fmt.Fprintf(out, "  note       %s\n", n)
	}
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

// printUnwatched says what was not watched, or cannot be decided again.
func printUnwatched(out io.Writer, r *app.Replay) {
	for _, d := range r.Damage {
		fmt.Fprintf(out, "  damaged    %s\n", d)
	}
	if r.Unread > 0 {
		fmt.Fprintf(out, "  left out   %s that build on a record which is lost or before --from\n", wording.Count(r.Unread, "tick", "ticks"))
	}
	if len(r.Gaps) == 0 {
		fmt.Fprintln(out, "  gaps       none")
	}
	for _, g := range cut(r.Gaps, false) {
		fmt.Fprintf(out, "  gap        %s to %s (%s): %s\n", g.From.Format(clock), g.To.Format(clock), wording.Duration(g.To.Sub(g.From)), gapWords(g))
	}
	if n := len(r.Gaps); n > lines {
		fmt.Fprintf(out, "  gaps       %d more\n", n-lines)
	}
}

func gapWords(g tickrecord.Gap) string { return string(g.Reason) + "; nothing is made up for it" }

func printDifference(out io.Writer, d *app.Difference) {
	if d == nil {
		return
	}
	if d.Subject == nil {
		fmt.Fprintf(out, "  first      at %s: the impacts are alike, the incidents are not\n", d.At.Format(clock))
		return
	}
	fmt.Fprintf(out, "  first      at %s: %s of %s (%s, %s)\n", d.At.Format(clock), d.Subject.Process, d.Subject.Entity, d.Subject.Tenant, d.Subject.Environment)
	for _, side := range []struct {
		name   string
		impact *tiering.Impact
	}{{"recorded", d.Recorded}, {"decided", d.Decided}} {
		if side.impact == nil {
			fmt.Fprintf(out, "  %-10s nothing\n", side.name)
			continue
		}
		fmt.Fprintf(out, "  %-10s %s: %s\n", side.name, verdictWords(side.impact), side.impact.Headline())
		for _, s := range side.impact.Trace {
			fmt.Fprintf(out, "             %s %s: %s\n", s.Row, map[bool]string{true: "matched", false: "did not match"}[s.Matched], s.Why)
		}
		if b, err := json.Marshal(side.impact); err == nil {
			fmt.Fprintf(out, "             %s\n", b)
		}
	}
}

// lines is how many lines of a list are printed unless all are asked for.
const lines = 40

func cut[T any](list []T, all bool) []T {
	if all {
		return list
	}
	return list[:min(len(list), lines)]
}

func more(out io.Writer, n int, all bool) {
	if !all && n > lines {
		fmt.Fprintf(out, "%d more: --all prints them, --json lists everything\n", n-lines)
	}
}

func printBudget(out io.Writer, o *app.Outcome) {
	fmt.Fprintf(out, "  incidents  %d", o.Incidents)
	if o.Incidents > 0 {
		fmt.Fprintf(out, ", raised %s after their first bad tick in the median, %s at most", wording.Duration(o.Detection.Median), wording.Duration(o.Detection.Longest))
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "  alerts     %s, %s, %s", wording.Count(o.Pages, "page", "pages"), wording.Count(o.Tickets, "ticket", "tickets"), wording.Count(o.Notes, "note", "notes"))
	if o.Stood > 0 {
		fmt.Fprintf(out, "; %d fired before", o.Stood)
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "  pages      at most %d in any 12 h, the budget is %d: %s\n", o.PerShift.Most, o.PerShift.Budget, budgetWords(o.PerShift))
}

func budgetWords(l app.ShiftLoad) string {
	if l.Over == 0 {
		return "kept"
	}
	return fmt.Sprintf("exceeded by %s, the worst from %s on", wording.Count(l.Over, "page", "pages"), l.From.Format(clock))
}

func printOutcome(out io.Writer, o *app.Outcome, all bool) {
	printBudget(out, o)
	if o.Pages > 0 {
		words := "each can be acted on as it is: impact, deadline, cause, what to do first, workaround, who"
		if o.Lacking > 0 {
			words = fmt.Sprintf("%d of %d lack something", o.Lacking, o.Pages)
		}
		fmt.Fprintf(out, "  complete   %s\n", words)
	}
	for _, a := range o.Alerts {
		if a.Severity != incident.Page {
			continue
		}
		for _, l := range a.Lacks {
			fmt.Fprintf(out, "             the page of %s about %s of %s lacks %s\n", a.Sent.Format(clock), a.Process, a.Entity, l)
		}
	}
	if len(o.Timeline) > 0 {
		fmt.Fprintln(out, "\nwhat happened")
		t := newTable(out)
		t.AppendHeader(table.Row{"at (UTC)", "what", "incident", "process", "entity", ""})
		together := gather(o.Timeline)
		for _, e := range cut(together, all) {
			t.AppendRow(table.Row{e.At.Format(clock), e.What, e.Incident, e.Process, e.Entity, e.Text})
		}
		t.Render()
		more(out, len(together), all)
	}
	if len(o.Tiers) > 0 {
		fmt.Fprintln(out, "\nhow long processes were impaired")
		t := newTable(out)
		t.AppendHeader(table.Row{"process", "entity", "business-critical", "degradation", "informational", "unknown"})
		for _, x := range cut(o.Tiers, all) {
			t.AppendRow(table.Row{x.Process, x.Entity, spent(x.BusinessCritical), spent(x.Degradation), spent(x.Informational), spent(x.Unknown)})
		}
		t.Render()
		more(out, len(o.Tiers), all)
	}
}

// gather makes one line of all that happened alike at one tick.
func gather(events []app.ReplayEvent) []app.ReplayEvent {
	var out []app.ReplayEvent
	for i := 0; i < len(events); {
		e, n := events[i], 1
		processes, entities := []string{e.Process}, []string{e.Entity}
		for i+n < len(events) && alike(e, events[i+n]) {
			processes, entities = once(processes, events[i+n].Process), once(entities, events[i+n].Entity)
			n++
		}
		e.Process, e.Entity = someOf(processes), someOf(entities)
		out = append(out, e)
		i += n
	}
	return out
}

func alike(a, b app.ReplayEvent) bool {
	return a.At.Equal(b.At) && a.What == b.What && a.Incident == b.Incident && a.Text == b.Text
}

func once(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// someOf names one and counts the others.
func someOf(names []string) string {
	if n := len(names); n > 1 {
		return fmt.Sprintf("%s and %d more", names[0], n-1)
	}
	return names[0]
}

func spent(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return wording.Duration(d)
}
