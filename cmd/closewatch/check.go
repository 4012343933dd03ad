package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newCheck() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check an estate file and print what it comes to",
		Long: `Check an estate file: every mistake in one go, each with file, line, column, what is wrong and what to write instead;
exit 1 when there is any. A file without mistakes is resolved: what is watched, what each process needs, what exercises
it, and what is not watched.`,
		Example: "  closewatch check -f closewatch.yaml\n  closewatch check -f closewatch.yaml --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			plan, err := load(file)
			if ms := mistakesOf(err); len(ms) > 0 {
				if asJSON {
					if err := printJSON(out, map[string]any{"file": file, "mistakes": ms}); err != nil {
						return err
					}
					return &findings{}
				}
				return &findings{fmt.Errorf("%w\n%s: %s", ms, file, count(len(ms), "mistake", "mistakes"))}
			}
			if err != nil {
				return err
			}
			resolved := plan.Resolved()
			if asJSON {
				return printJSON(out, resolved)
			}
			printResolved(out, file, resolved)
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printResolved(out io.Writer, file string, r app.Resolved) {
	fmt.Fprintf(out, "%s: no mistakes. %s watches %s of %s; configuration %s.\n",
		file, r.Name, count(len(r.Components), "component", "components"), count(len(r.Entities), "entity", "entities"), r.Hash[:12])
	t := newTable(out)
	t.AppendHeader(table.Row{"component", "kind", "environment"})
	for _, c := range r.Components {
		t.AppendRow(table.Row{c.Name, c.Kind, c.Environment})
	}
	t.Render()
	t = newTable(out)
	t.AppendHeader(table.Row{"process", "tier", "RTO", "RPO", "needs", "exercised by", "not watched"})
	for _, p := range r.Processes {
		exercised := strings.Join(p.Flows, ", ")
		if exercised == "" {
			exercised = "–"
		}
		t.AppendRow(table.Row{p.Title, p.Tier, wording.Duration(p.RTO), wording.Duration(p.RPO), strings.Join(p.Needs, ", "), exercised, strings.Join(p.NotWatched, ", ")})
	}
	t.Render()
	for _, note := range r.Notes {
		fmt.Fprintln(out, "note:", note)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
