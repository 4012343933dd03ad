package main

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic"
)

func newProbe() *cobra.Command {
	var file, data, component, level string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "probe FLOW",
		Short: "Run a synthetic flow once and show its steps",
		Long: `Run a synthetic flow once, by hand: each step with its duration and what was asserted, then the clean-up and what it
cost. The flow takes the same lease and keeps the same guards as the daemon's own runs, and its run is kept beside
theirs; it decides nothing. Exit 1 when it fails or is held back.

Without -f the running demo is used, when there is one.

Flows: ` + synthetic.NameList(),
		Example: "  closewatch probe invoice-posting\n  closewatch probe invoice-posting --level L1 -f closewatch.yaml --json\n" +
			"  closewatch probe --all\n  closewatch probe history --failed --since 24h",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return errors.New("--all runs every flow; name none beside it")
			case all && level != "":
				return errors.New("--level is one flow's; name the flow instead of --all")
			case all:
				return nil
			}
			return oneFlow(args)
		},
		ValidArgs: synthetic.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("file") {
				file, data = demoEstate(file, data)
			}
			plan, err := load(file)
			if err != nil {
				return err
			}
			settings := app.ProbeSettings{
				Flow: strings.Join(args, ""), Data: data, Component: component, Level: flow.Level(strings.ToUpper(level)), Version: buildVersion(),
				Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})),
			}
			return probe(cmd, plan, settings, asJSON)
		},
	}
	cmd.AddCommand(newProbeDoctor(), newProbeSetup(), newProbeHistory(), newProbePause(), newProbeResume(), newProbeProof())
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&data, "data", "", "the daemon's data directory, for its lease, intent log and runs; overrides data in the estate")
	cmd.Flags().StringVar(&component, "component", "", "only this Odoo component")
	cmd.Flags().StringVar(&level, "level", "", "L0, L1 or L3; the estate's when not given")
	cmd.Flags().BoolVar(&all, "all", false, "every flow that the estate turns on, one after the other")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// probe runs flows and shows them while they run. Of those that did not pass,
// the exit code tells.
func probe(cmd *cobra.Command, plan *app.Plan, s app.ProbeSettings, asJSON bool) error {
	var view *liveView
	if !asJSON {
		view = newLiveView(cmd.OutOrStdout())
		s.Watch = view
	}
	runs, err := app.Probe(cmd.Context(), plan, s)
	if view != nil {
		view.close()
		printTally(cmd.OutOrStdout(), runs)
	}
	if err != nil {
		return &findings{err}
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), runs); err != nil {
			return err
		}
	}
	for _, r := range runs {
		if r.Outcome != flow.Passed {
			return &findings{}
		}
	}
	return nil
}

// oneFlow wants the name of one flow.
func oneFlow(args []string) error {
	if len(args) != 1 {
		return errors.New("name one flow to run, such as closewatch probe invoice-posting; the flows are " + synthetic.NameList())
	}
	return nil
}

// demoEstate is the running demo's estate, when the default file does not
// exist.
func demoEstate(file, data string) (string, string) {
	if c, err := readControl(); err == nil && !exists(file) {
		return c.Estate, c.Data
	}
	return file, data
}

var errNoDemo = errors.New("none is running")
