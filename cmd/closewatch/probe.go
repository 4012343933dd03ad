package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic"
)

func newProbe() *cobra.Command {
	var file, data, component, level string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "probe FLOW",
		Short: "Run a synthetic flow once and show its steps",
		Long: `Run a synthetic flow once, by hand: each step with its duration and what was asserted, then the clean-up. The flow
takes the same lease and keeps the same guards as the daemon's own runs. Exit 1 when it fails or is held back.

Without -f the running demo is used, when there is one.

Flows: ` + synthetic.NameList(),
		Example:   "  closewatch probe invoice-posting\n  closewatch probe invoice-posting --level L1 -f closewatch.yaml --json",
		Args:      oneFlow,
		ValidArgs: synthetic.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("file") {
				file, data = demoEstate(file, data)
			}
			plan, err := load(file)
			if err != nil {
				return err
			}
			traces := sdktrace.NewTracerProvider()
			runs, err := app.Probe(cmd.Context(), plan, args[0], app.ProbeSettings{
				Data: data, Component: component, Level: flow.Level(strings.ToUpper(level)), Version: buildVersion(),
				Tracer: traces.Tracer("closewatch/flows"), Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			if err != nil {
				return &findings{err}
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), runs); err != nil {
					return err
				}
			} else {
				for _, r := range runs {
					printFlowRun(cmd.OutOrStdout(), r)
				}
			}
			for _, r := range runs {
				if r.Outcome != flow.Passed {
					return &findings{}
				}
			}
			return nil
		},
	}
	cmd.AddCommand(newProbeSetup())
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&data, "data", "", "the daemon's data directory, for its lease and intent log; overrides data in the estate")
	cmd.Flags().StringVar(&component, "component", "", "only this Odoo component")
	cmd.Flags().StringVar(&level, "level", "", "L0, L1 or L3; the estate's when not given")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// oneFlow wants the name of one flow.
func oneFlow(_ *cobra.Command, args []string) error {
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

func printFlowRun(out io.Writer, r flow.Run) {
	fmt.Fprintf(out, "%s at %s on %s (%s): %s in %s\n", r.Flow, r.Level, r.Tenant, r.Environment, strings.ToUpper(string(r.Outcome)), milliseconds(r.Duration))
	if len(r.Steps) > 0 {
		printSteps(out, r.Steps)
	}
	if r.Reason != "" {
		fmt.Fprintf(out, "why    %s\n", r.Reason)
	}
	if r.Hint != "" {
		fmt.Fprintf(out, "next   %s\n", r.Hint)
	}
	for _, l := range r.Leftovers {
		fmt.Fprintf(out, "left   %s\n", l)
	}
	for _, c := range r.CannotDetect {
		fmt.Fprintf(out, "note   this level cannot detect %s\n", c)
	}
	if r.TraceID != "" {
		fmt.Fprintf(out, "trace  %s\n", r.TraceID)
	}
}

func printSteps(out io.Writer, steps []flow.Step) {
	t := newTable(out)
	t.AppendHeader(table.Row{"", "step", "took", "asserted"})
	for _, s := range steps {
		mark, said := "ok", s.Note
		if s.Error != "" {
			mark, said = "FAILED", fmt.Sprintf("%s: %s", s.Kind, s.Error)
		}
		name := s.Name
		if s.Cleanup {
			name = "clean up: " + name
		}
		t.AppendRow(table.Row{mark, name, milliseconds(s.Duration), said})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: 90}})
	t.Render()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

var errNoDemo = errors.New("none is running")
