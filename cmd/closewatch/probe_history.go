package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/wording"
	"github.com/closewatch/closewatch/synthetic"
)

// A runFilter says which runs are asked for.
type runFilter struct {
	flow, component, tenant string
	failed                  bool
	since                   time.Time // zero: all
}

func (f runFilter) wants(r flow.Run) bool {
	return (f.flow == "" || r.Flow == f.flow) && (f.component == "" || r.Component == f.component) && (f.tenant == "" || r.Tenant == f.tenant) &&
		(!f.failed || r.Outcome != flow.Passed) && !r.Started.Before(f.since)
}

func newProbeHistory() *cobra.Command {
	var where runsPlace
	var filter runFilter
	var since estate.Duration
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history [FLOW]",
		Short: "List the runs of flows that are kept",
		Long: `Lists the runs of flows, those of the daemon and those started by hand, oldest first. It reads the directory runs in the
daemon's data directory and nothing else, also while the daemon runs. Runs that did not pass are kept longer than those
that passed.

Without -f and --data the running demo's runs are read, when there is one.

Flows: ` + synthetic.NameList(),
		Example: "  closewatch probe history\n  closewatch probe history invoice-posting --failed --since 24h\n" +
			"  closewatch probe history show 20260303T101500Z-1a2b3c4d",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !slices.Contains(synthetic.Names(), args[0]) {
				return errors.New("name one flow or none; the flows are " + synthetic.NameList())
			}
			if limit < 1 {
				return errors.New("--limit is how many runs are listed; write 1 or more")
			}
			return nil
		},
		ValidArgs: synthetic.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := where.dir(cmd)
			if err != nil {
				return err
			}
			filter.flow = strings.Join(args, "")
			if since > 0 {
				filter.since = time.Now().Add(-since.D())
			}
			runs, more, err := readRuns(cmd, dir, filter.wants, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), append([]flow.Run{}, runs...))
			}
			printRuns(cmd.OutOrStdout(), runs, more)
			return nil
		},
	}
	where.flags(cmd)
	cmd.Flags().BoolVar(&filter.failed, "failed", false, "only runs that did not pass")
	cmd.Flags().Var(durationFlag{&since}, "since", "only runs that began within this time, such as 24h or 30d")
	cmd.Flags().StringVar(&filter.component, "component", "", "only of this Odoo component")
	cmd.Flags().StringVar(&filter.tenant, "tenant", "", "only of this tenant")
	cmd.Flags().IntVar(&limit, "limit", 50, "the newest so many")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(newProbeHistoryShow())
	return cmd
}

func newProbeHistoryShow() *cobra.Command {
	var where runsPlace
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show one run with all its steps",
		Long: `Shows a run by its id, or by a beginning of it that no other has: when each step began and how long it took, what was
asserted, and of a step that failed the shape of the request and of its answer, without anybody's data.`,
		Example: "  closewatch probe history show 20260303T101500Z-1a2b3c4d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := where.dir(cmd)
			if err != nil {
				return err
			}
			found, _, err := readRuns(cmd, dir, func(r flow.Run) bool { return strings.HasPrefix(r.ID, args[0]) }, 2)
			if err != nil {
				return err
			}
			exact := slices.IndexFunc(found, func(r flow.Run) bool { return r.ID == args[0] })
			switch {
			case len(found) == 0:
				return &findings{fmt.Errorf("no run %s is kept in %s; closewatch probe history lists those that are", args[0], dir)}
			case len(found) > 1 && exact < 0:
				return &findings{fmt.Errorf("more than one run begins with %s; write more of the id", args[0])}
			}
			run := found[max(exact, 0)]
			if asJSON {
				return printJSON(cmd.OutOrStdout(), run)
			}
			printWaterfall(cmd.OutOrStdout(), run)
			printVerdict(cmd.OutOrStdout(), run, 0, palette{})
			return nil
		},
	}
	where.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// A runsPlace is where runs are read, as the command line says.
type runsPlace struct{ file, data string }

func (p *runsPlace) flags(cmd *cobra.Command) {
	estateFlag(cmd, &p.file)
	cmd.Flags().StringVar(&p.data, "data", "", "the daemon's data directory; then no estate is needed")
}

// dir is the directory of the archive.
func (p *runsPlace) dir(cmd *cobra.Command) (string, error) {
	data := p.data
	if data == "" && !cmd.Flags().Changed("file") {
		p.file, data = demoEstate(p.file, data)
	}
	if data == "" {
		plan, err := load(p.file)
		if err != nil {
			return "", err
		}
		data = plan.Estate.Data
	}
	dir := app.RunsDir(data)
	if !isDir(dir) {
		return "", &findings{fmt.Errorf("no runs are kept in %s; name the daemon's data directory with --data", data)}
	}
	return dir, nil
}

// readRuns returns the newest runs that are wanted, oldest first, and how many
// more there are. Damaged lines are told and left out.
func readRuns(cmd *cobra.Command, dir string, wants func(flow.Run) bool, limit int) (runs []flow.Run, more int, err error) {
	damaged := 0
	for run, err := range flow.ReadArchive(dir) {
		switch {
		case errors.Is(err, durable.ErrDamaged):
			if damaged++; damaged == 1 {
				fmt.Fprintln(cmd.ErrOrStderr(), err)
			}
		case err != nil:
			return nil, 0, &findings{err}
		case wants(run):
			if runs = append(runs, run); len(runs) > 2*limit {
				more += len(runs) - limit
				runs = slices.Delete(runs, 0, len(runs)-limit)
			}
		}
	}
	if damaged > 1 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d lines in all are damaged and left out\n", damaged)
	}
	slices.SortStableFunc(runs, func(a, b flow.Run) int { return a.Started.Compare(b.Started) })
	if extra := len(runs) - limit; extra > 0 {
		more += extra
		runs = slices.Delete(runs, 0, extra)
	}
	return runs, more, nil
}

func printRuns(out io.Writer, runs []flow.Run, more int) {
	if len(runs) == 0 {
		fmt.Fprintln(out, "no such run is kept")
		return
	}
	for _, r := range runs {
		fmt.Fprintf(out, "%-25s  %-23s  %-16s %9s  %s\n", r.ID, r.Flow+" "+string(r.Level), outcomeOf(r), milliseconds(r.Duration), r.Component+"/"+r.Tenant)
		if r.Outcome == flow.Passed && r.Reason == "" {
			continue
		}
		why := r.Reason
		if r.Kind != "" {
			why = fmt.Sprintf("%s: %s", r.Kind, why)
		}
		if r.FailedStep != "" {
			why = r.FailedStep + ": " + why
		}
		printWrapped(out, strings.Repeat(" ", 27), why)
	}
	if more > 0 {
		fmt.Fprintf(out, "%s not listed; see --limit\n", wording.Count(more, "older one is", "older ones are"))
	}
}

// outcomeOf says what a run came to, and whether a person started it.
func outcomeOf(r flow.Run) string {
	said := string(r.Outcome)
	if r.Outcome != flow.Passed {
		said = strings.ToUpper(said)
	}
	if r.ByHand {
		said += ", by hand"
	}
	return said
}

// barWidth is how wide a run is drawn, in columns.
const barWidth = 40

// printWaterfall draws when each step of a run took its time.
func printWaterfall(out io.Writer, r flow.Run) {
	fmt.Fprintf(out, "%s, began %s\n", placeOf(flow.SeriesOf(r)), r.Started.UTC().Format(time.RFC3339))
	total := max(r.Ended().Sub(r.Started), time.Nanosecond)
	column := func(t time.Time) int {
		return min(max(int(float64(t.Sub(r.Started))/float64(total)*barWidth), 0), barWidth)
	}
	for _, s := range r.Steps {
		from, to := column(s.Started), column(s.Started.Add(s.Duration))
		to = max(to, from+1)
		mark := "ok"
		if s.Error != "" {
			mark = "FAILED"
		}
		bar := strings.Repeat(" ", from) + strings.Repeat("█", to-from) + strings.Repeat(" ", max(barWidth-to, 0))
		printStep(out, fmt.Sprintf("%-6s │%s│", mark, bar), s)
		for line := range strings.Lines(s.Exchange) {
			fmt.Fprintln(out, detailIndent+strings.TrimRight(line, "\n"))
		}
	}
}

// A durationFlag is an estate's duration on the command line: days, too.
type durationFlag struct{ *estate.Duration }

// Set implements pflag.Value.
func (f durationFlag) Set(text string) error { return f.UnmarshalText([]byte(text)) }

// Type implements pflag.Value.
func (durationFlag) Type() string { return "duration" }

// String implements pflag.Value.
func (f durationFlag) String() string {
	if f.Duration == nil || *f.Duration == 0 {
		return ""
	}
	text, err := f.MarshalText()
	if err != nil { // never
		return ""
	}
	return string(text)
}
