package main

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/wording"
)

// checkLive asks the estate's components and prints what is missing.
func checkLive(cmd *cobra.Command, plan *app.Plan, asJSON bool) error {
	out, progress := cmd.OutOrStdout(), io.Discard
	if !asJSON && isTerminal(os.Stderr) {
		progress = cmd.ErrOrStderr()
	}
	found := plan.Live(cmd.Context(), buildVersion(), func(component string) {
		fmt.Fprintf(progress, "looked at %s\n", component)
	})
	bad := 0
	for _, f := range found {
		if !f.State.Good() {
			bad++
		}
	}
	if asJSON {
		if err := printJSON(out, map[string]any{"file": plan.Estate.File, "findings": append([]app.LiveFinding{}, found...), "bad": bad}); err != nil {
			return err
		}
	} else {
		printLive(out, found)
	}
	if bad > 0 {
		return &findings{}
	}
	return nil
}

// isTerminal reports whether somebody watches.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printLive prints a table of everything, and below it what to do, whole and
// unwrapped so that it can be pasted.
func printLive(out io.Writer, found []app.LiveFinding) {
	ordered := app.WorstFirst(found)
	t := newTable(out)
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 27, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: 45, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"component", "what", "state", "found"})
	for _, f := range ordered {
		t.AppendRow(table.Row{f.Component, f.Subject, f.State, f.Text})
	}
	t.Render()
	printRemedies(out, ordered)
	totals := app.LiveTotals(found)
	fmt.Fprintf(out, "check --live: %s ok, %d missing, %d refused, %d unknown, %d advised\n",
		wording.Count(totals[collector.Fine], "thing", "things"), totals[collector.Missing], totals[collector.Refused], totals[collector.Unclear], totals[collector.Advised])
}

// printRemedies prints what to do below what it is for, once for each component.
func printRemedies(out io.Writer, ordered []app.LiveFinding) {
	said := map[string]bool{}
	head := ""
	for _, f := range ordered {
		if f.Do == "" || said[f.Component+"\n"+f.Do] {
			continue
		}
		if len(said) == 0 {
			fmt.Fprintln(out, "Do this:")
		}
		said[f.Component+"\n"+f.Do] = true
		if h := fmt.Sprintf("  %s, %s (%s):", f.Component, f.Subject, f.State); h != head {
			head = h
			fmt.Fprintln(out, head)
		}
		fmt.Fprintln(out, "    "+f.Do)
	}
}
