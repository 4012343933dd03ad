package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

func newExplain() *cobra.Command {
	var entity string
	var daemon daemonAt
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [PROCESS]",
		Short: "Print the decision table, or how a verdict was reached",
		Long: `Without an argument: the decision table, row by row. For each symptom the first matching row counts; the verdict is
the highest tier over all symptoms.

With a process: the newest verdict of a running daemon about it, with the evidence it rests on and every row that was
considered.`,
		Example: "  closewatch explain\n  closewatch explain invoice-posting\n  closewatch explain invoice-posting --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				if asJSON {
					return printJSON(out, tableRows())
				}
				printTable(out)
				return nil
			}
			if !knownProcess(args[0]) {
				return unknownProcess(args[0])
			}
			found, err := fetchExplanations(cmd.Context(), daemon, args[0], entity)
			if err != nil {
				return &findings{err}
			}
			if len(found) == 0 {
				return &findings{undecided(args[0], entity)}
			}
			if asJSON {
				return printJSON(out, found)
			}
			for _, x := range found {
				printExplanation(out, x)
			}
			return nil
		},
	}
	daemon.register(cmd)
	cmd.Flags().StringVar(&entity, "entity", "", "only this entity")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// undecided says why there may be no verdict.
func undecided(process, entity string) error {
	if entity != "" {
		return fmt.Errorf("the daemon has no verdict on %s of %q: the estate has no such entity, the process is disabled, or the first tick is still to come", process, entity)
	}
	return fmt.Errorf("the daemon has no verdict on %s: the process is disabled in the estate, or the first tick is still to come", process)
}

func unknownProcess(name string) error {
	return fmt.Errorf("there is no process %q; the processes are %s", name, strings.Join(processNames(), ", "))
}

func processNames() []string {
	var out []string
	for _, p := range process.Catalog() {
		out = append(out, p.Name)
	}
	return out
}

func knownProcess(name string) bool {
	for _, p := range process.Catalog() {
		if p.Name == name {
			return true
		}
	}
	return false
}

// fetchExplanations asks a running daemon.
func fetchExplanations(ctx context.Context, d daemonAt, process, entity string) ([]app.Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q := url.Values{"process": {process}, "entity": {entity}}
	resp, err := d.ask(ctx, http.MethodGet, "/api/v1/explain?"+q.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusOK {
		return nil, d.refused(resp)
	}
	var found []app.Explanation
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&found); err != nil {
		return nil, fmt.Errorf("the daemon at %s did not answer with an explanation: %w", d.url(), err)
	}
	return found, nil
}

// A row of the decision table as JSON.
type tableRow struct {
	ID      string       `json:"id"`
	Symptom string       `json:"symptom"`
	When    string       `json:"when,omitempty"`
	Unless  string       `json:"unless,omitempty"`
	A       tiering.Tier `json:"tier_a"`
	B       tiering.Tier `json:"tier_b"`
	C       tiering.Tier `json:"tier_c"`
	D       tiering.Tier `json:"tier_d"`
	Because string       `json:"because"`
}

func tableRows() []tableRow {
	var out []tableRow
	for _, r := range tiering.Table() {
		out = append(out, tableRow{r.ID, string(r.Symptom), r.If.String(), r.Unless.String(), r.A, r.B, r.C, r.D, r.Because})
	}
	return out
}

func newTable(out io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = false
	t.Style().Format.Header = text.FormatDefault
	return t
}

func printTable(out io.Writer) {
	fmt.Fprintln(out, "For each symptom the first matching row counts; the verdict is the highest tier over all symptoms.")
	t := newTable(out)
	t.AppendHeader(table.Row{"symptom", "row", "when", "unless", "A", "B", "C", "D"})
	last := ""
	for _, r := range tableRows() {
		symptom := r.Symptom
		if symptom == last {
			symptom = ""
		} else if last != "" {
			t.AppendSeparator()
		}
		last = r.Symptom
		when := r.When
		if when == "" {
			when = "otherwise"
		}
		t.AppendRow(table.Row{symptom, r.ID, when, r.Unless, wordOf(r.A), wordOf(r.B), wordOf(r.C), wordOf(r.D)})
	}
	t.Render()
	fmt.Fprintln(out, "A to D: the process's service tier; in its critical window (pre-close and close, unless it has its own), its tier of the window.")
}

func wordOf(t tiering.Tier) string {
	if t == tiering.None {
		return "–"
	}
	return t.String()
}

func printExplanation(out io.Writer, x app.Explanation) {
	im := x.Impact
	fmt.Fprintf(out, "%s of %s (%s, %s): %s\n", x.Title, im.Entity, im.Tenant, im.Environment, verdictWords(im))
	fmt.Fprintf(out, "  decided at   %s\n", x.At.Format(time.RFC3339))
	fmt.Fprintf(out, "  stands since %s\n", im.Since.Format(time.RFC3339))
	fmt.Fprintf(out, "  matters      service tier %s, %s\n", im.ServiceTier, im.Phase)
	if im.CriticalWhy != "" {
		fmt.Fprintf(out, "  critical     %s\n", im.CriticalWhy)
	}
	for _, r := range im.Reasons {
		fmt.Fprintf(out, "  reason       %s\n               → %s: %s\n", r.Text, r.Tier, r.Because)
	}
	for _, w := range im.Witnesses {
		fmt.Fprintf(out, "  witness      %s\n", w)
	}
	if im.Cause != nil {
		fmt.Fprintf(out, "  cause        %s is %s: %s\n", im.Cause.Component, im.Cause.State, strings.Join(im.Cause.Evidence, "; "))
	}
	if len(im.RuledOut) > 0 {
		fmt.Fprintf(out, "  ruled out    %s\n", strings.Join(im.RuledOut, ", "))
	}
	if im.Slack != nil {
		fmt.Fprintf(out, "  slack        %s until %s at %s (catch-up %s)\n", wording.Duration(im.Slack.Left), im.Slack.Deadline, im.Slack.At.Format(time.RFC3339), wording.Duration(im.Slack.CatchUp))
	}
	if len(im.NotWatched) > 0 {
		fmt.Fprintf(out, "  not watched  %s\n", strings.Join(im.NotWatched, ", "))
	}
	fmt.Fprintln(out, "evidence")
	for _, f := range x.Flows {
		fmt.Fprintf(out, "  flow         %s at %s is %s", f.Flow, f.Level, f.State)
		if f.Failures > 0 {
			fmt.Fprintf(out, ", %d in a row, at step %s (%s): %s", f.Failures, f.Step, f.Kind, f.Reason)
		}
		fmt.Fprintln(out)
		for _, c := range f.CannotDetect {
			fmt.Fprintf(out, "               cannot detect: %s\n", c)
		}
	}
	for _, n := range x.Needs {
		fmt.Fprintf(out, "  needs        %s (%s, %s) is %s", n.Component, n.Kind, n.Role, n.State)
		if len(n.Evidence) > 0 {
			fmt.Fprintf(out, ": %s", strings.Join(n.Evidence, "; "))
		}
		fmt.Fprintln(out)
	}
	for _, w := range x.Work {
		state := "on time"
		if w.Missing {
			state = "missing: " + w.Why
		}
		fmt.Fprintf(out, "  work         %s (%s): %s\n", w.Says, w.Name, state)
	}
	if x.Exposure != nil {
		fmt.Fprintf(out, "  exposure     %s of unprotected work, objective %s\n", wording.Duration(*x.Exposure), wording.Duration(x.RPO))
	}
	if x.PerMinute != nil {
		fmt.Fprintf(out, "  ledger       %.0f entries a minute\n", *x.PerMinute)
	}
	for _, b := range x.Burns {
		if b.Firing {
			fmt.Fprintf(out, "  burn         %s of %s: %d of %d bad, %.1f× (%s)\n", b.Indicator, b.Source, b.Bad, b.Total, b.Rate, b.Window)
		}
	}
	if len(im.Trace) > 0 {
		fmt.Fprintln(out, "rows considered")
		t := newTable(out)
		t.AppendHeader(table.Row{"symptom", "row", "matched", "tier", "why"})
		for _, s := range im.Trace {
			t.AppendRow(table.Row{s.Symptom, s.Row, map[bool]string{true: "yes", false: "no"}[s.Matched], wordOf(s.Tier), s.Why})
		}
		t.Render()
	}
	fmt.Fprintln(out)
}

func verdictWords(im tiering.Impact) string {
	switch {
	case im.Tier > tiering.None && im.Recovering:
		return im.Tier.String() + ", recovering"
	case im.Tier > tiering.None && im.Frozen:
		return im.Tier.String() + ", held because evidence is missing"
	case im.Tier > tiering.None:
		return im.Tier.String()
	case im.Paused:
		return "not exercised"
	case im.Unknown:
		return "unknown"
	default:
		return "works"
	}
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
