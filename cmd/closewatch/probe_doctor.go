package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
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
	marks := map[flows.State]string{flows.OK: "ok", flows.Wrong: "WRONG", flows.Untold: "UNKNOWN"}
	for _, f := range d.Findings {
		what := f.What
		if f.Why != "" {
			what += ": " + f.Why
		}
		printWrapped(out, fmt.Sprintf("  %-7s  ", marks[f.State]), what)
		if f.Remedy != "" {
			printWrapped(out, strings.Repeat(" ", 11)+"next: ", f.Remedy)
		}
	}
	fmt.Fprintln(out, "\nHow far each flow could go now, and what it cannot detect there:")
	for _, r := range d.Ladder {
		if slices.ContainsFunc(d.Findings, func(f flows.Finding) bool { return f.Remedy == r.Remedy }) {
			r.Remedy = "" // it was said above
		}
		printRung(out, r)
	}
}

// printRung says how far a flow goes, how far it could go, what is in the way
// of more, and what it cannot detect.
func printRung(out io.Writer, r flows.Rung) {
	could := "could not run"
	if r.Highest != "" {
		could = "could run at " + string(r.Highest)
	}
	runs := "off in the estate"
	if r.Configured != "" {
		runs = "set to run at " + string(r.Configured)
	}
	fmt.Fprintf(out, "  %-20s  %s, %s\n", r.Flow, runs, could)
	indent := strings.Repeat(" ", 24)
	if r.Obstacle != "" {
		printWrapped(out, indent+"in the way: ", r.Obstacle)
	}
	if r.Remedy != "" {
		printWrapped(out, indent+"next: ", r.Remedy)
	}
	if len(r.CannotDetect) > 0 {
		printWrapped(out, indent+"not detected: ", strings.Join(r.CannotDetect, "; "))
	}
}
