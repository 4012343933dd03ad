package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/flow"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
)

func newProbeDoctor() *cobra.Command {
	var file, data, component string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what stands between the flows and Odoo",
		Long: `Look at everything that the flows need: that Odoo is reached and lets the monitoring user in, what that user may do and see,
the synthetic company with its journals, lock dates and audit settings, that no mail, e-invoice or payment can leave, which
database it is, and whether flows are held back. Then say for each flow how far it could go now, and what that cannot detect.
It asks the same guards as the flows do, and writes nothing to Odoo.

Without -f the running demo is used, when there is one. Exit 1 when anything is wrong or cannot be told.`,
		Example: "  closewatch probe doctor -f closewatch.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("file") {
				file, data = demoEstate(file, data)
			}
			plan, err := load(file)
			if err != nil {
				return err
			}
			found, err := app.Doctor(cmd.Context(), plan, app.ProbeSettings{
				Data: data, Component: component, Version: buildVersion(),
				Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})),
			})
			if err != nil {
				return &findings{err}
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), found); err != nil {
					return err
				}
			} else {
				for _, d := range found {
					printDiagnosis(cmd.OutOrStdout(), d)
				}
			}
			if slices.ContainsFunc(found, func(d flows.Diagnosis) bool { return !d.Healthy() }) {
				return &findings{}
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&data, "data", "", "the daemon's data directory, for its lease and intent log; overrides data in the estate")
	cmd.Flags().StringVar(&component, "component", "", "only this Odoo component")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printDiagnosis(out io.Writer, d flows.Diagnosis) {
	fmt.Fprintf(out, "%s, database %s (%s)\n", d.Component, d.Tenant, d.Environment)
	t := newTable(out)
	t.AppendHeader(table.Row{"", "what", "why", "what to do"})
	marks := map[flows.State]string{flows.OK: "ok", flows.Wrong: "WRONG", flows.Untold: "UNKNOWN"}
	for _, f := range d.Findings {
		t.AppendRow(table.Row{marks[f.State], f.What, f.Why, f.Remedy})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 70, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}})
	t.Render()
	fmt.Fprintln(out, "\nHow far each flow could go now:")
	l := newTable(out)
	l.AppendHeader(table.Row{"flow", "runs at", "could run at", "in the way of more", "cannot detect there"})
	for _, r := range d.Ladder {
		way := r.Obstacle
		if r.Remedy != "" {
			way += " (" + r.Remedy + ")"
		}
		l.AppendRow(table.Row{r.Flow, level(r.Configured, "off"), level(r.Highest, "none"), way, strings.Join(r.CannotDetect, "; ")})
	}
	l.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}, {Number: 5, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}})
	l.Render()
}

func level(l flow.Level, none string) string { return cmp.Or(string(l), none) }
