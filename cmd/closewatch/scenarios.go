package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/scenario"
)

func newTest() *cobra.Command {
	var asJSON, verbose, schema bool
	var run string
	cmd := &cobra.Command{
		Use:   "test FILE|DIR...",
		Short: "Run scenarios: what is measured along a clock, and the pages that come of it",
		Long: `Run scenario files against the estates that they name, as the daemon would decide: what collectors measure, flows find,
users do and people tell, along a simulated clock; and which impacts, incidents and pages are expected of it. Nothing is
connected to, and secrets of the estate are not needed. A month takes seconds.

Of a directory every YAML file in it and below is run that is not an estate. What is expected and does not come is shown
with what came instead and why; -v prints all that happened. docs/scenarios.md is the tutorial, --schema prints the JSON
Schema for editors.

Exit codes: 0 all passed, 1 one failed or is written wrongly, 2 usage.`,
		Example: "  closewatch test scenarios/\n  closewatch test scenarios/payday.yaml -v\n  closewatch test scenarios/ --run 'close|payroll'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !schema {
				return errors.New("name scenario files, or directories that hold some")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if schema {
				_, err := out.Write(scenario.Schema())
				return err
			}
			pattern, err := regexp.Compile(run)
			if err != nil {
				return fmt.Errorf("--run %q is not a pattern: %w", run, err)
			}
			files, err := scenarioFiles(args)
			if err != nil {
				return err
			}
			results := runTrials(files, pattern)
			if len(results) == 0 {
				return fmt.Errorf("no scenario matches --run %q", run)
			}
			if asJSON {
				return sayTrials(results, func(counts map[string]int) error {
					return printJSON(out, map[string]any{"passed": counts["passed"], "failed": counts["failed"], "scenarios": results})
				})
			}
			for _, r := range results {
				r.print(out, verbose)
			}
			return sayTrials(results, func(counts map[string]int) error {
				_, err := fmt.Fprintf(out, "test-scenarios: %d passed, %d failed\n", counts["passed"], counts["failed"])
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with all that happened")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print all that happened, with the pages as people get them")
	cmd.Flags().StringVar(&run, "run", "", "only scenarios whose name or file matches this regular expression")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of a scenario and stop")
	return cmd
}

// sayTrials prints what came of them, and is a finding when one did not pass.
func sayTrials(results []trialResult, say func(map[string]int) error) error {
	counts := map[string]int{}
	for _, r := range results {
		if r.passed() {
			counts["passed"]++
		} else {
			counts["failed"]++
		}
	}
	if err := say(counts); err != nil {
		return err
	}
	if counts["failed"] > 0 {
		return &findings{}
	}
	return nil
}

var isEstate = regexp.MustCompile(`(?m)^kind:\s*Estate\s*$`)

// scenarioFiles lists the scenarios that are named, and those in directories
// that are.
func scenarioFiles(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, fmt.Errorf("cannot find %s: name a scenario file, or a directory that holds some", arg)
		}
		if !info.IsDir() {
			out = append(out, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".yaml" && ext != ".yml" {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && !isEstate.Match(data) {
				out = append(out, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", arg, err)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no scenario in %s", strings.Join(args, ", "))
	}
	return out, nil
}

// A trialResult is how one file went: a report, or mistakes in it.
type trialResult struct {
	File     string          `json:"file"`
	Report   *app.Report     `json:"report,omitempty"`
	Mistakes estate.Mistakes `json:"mistakes,omitempty"`
	Error    string          `json:"error,omitempty"`

	trial *app.Trial
	took  time.Duration
}

func (r *trialResult) passed() bool { return r.Report != nil && r.Report.Passed }

// runTrials runs every file that matches, several at a time, and returns the
// results in the order of the files.
func runTrials(files []string, pattern *regexp.Regexp) []trialResult {
	results := make([]*trialResult, len(files))
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, file := range files {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			results[i] = runTrial(file, pattern)
		})
	}
	wg.Wait()
	var out []trialResult
	for _, r := range results {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}

// runTrial runs one file; nil when it does not match.
func runTrial(file string, pattern *regexp.Regexp) *trialResult {
	r := &trialResult{File: file}
	trial, err := app.LoadTrial(file)
	if err != nil {
		if ms, ok := errors.AsType[estate.Mistakes](err); ok {
			r.Mistakes = ms
		} else {
			r.Error = err.Error()
		}
		if !pattern.MatchString(file) {
			return nil
		}
		return r
	}
	if !pattern.MatchString(file) && !pattern.MatchString(trial.Scenario.Name) {
		return nil
	}
	began := time.Now()
	r.trial = trial
	if r.Report, err = trial.Run(); err != nil {
		r.Error = err.Error()
	}
	r.took = time.Since(began)
	return r
}

// print prints a result as go test does, with what differs.
func (r *trialResult) print(out io.Writer, verbose bool) {
	switch {
	case len(r.Mistakes) > 0:
		fmt.Fprintf(out, "FAIL  %s  is written wrongly\n", r.File)
		for _, m := range r.Mistakes {
			fmt.Fprintf(out, "      %s\n", m)
		}
		return
	case r.Report == nil:
		fmt.Fprintf(out, "FAIL  %s  cannot be run: %s\n", r.File, r.Error)
		return
	}
	verdict := "PASS"
	if !r.Report.Passed {
		verdict = "FAIL"
	}
	fmt.Fprintf(out, "%s  %s  %s (%s, %d ticks)\n", verdict, r.File, r.Report.Name, r.took.Round(10*time.Millisecond), r.Report.Ticks)
	if verbose {
		for _, m := range r.Report.Timeline {
			fmt.Fprintf(out, "      %s  %s\n", r.trial.Local(m.At), m.Text)
			for line := range strings.Lines(m.Detail) {
				fmt.Fprintf(out, "          %s\n", strings.TrimRight(line, "\n"))
			}
		}
	}
	for i := range r.Report.Failures {
		r.printFailure(out, &r.Report.Failures[i])
	}
	if !r.Report.Passed && !verbose {
		fmt.Fprintf(out, "      closewatch test -v %s prints all that happened\n", r.File)
	}
}

func (r *trialResult) printFailure(out io.Writer, f *app.Failure) {
	fmt.Fprintf(out, "      %s:%d: %s: %s\n", r.File, f.Line, r.trial.Local(f.At), f.What)
	for _, w := range f.Want {
		fmt.Fprintf(out, "        - expected %s\n", w)
	}
	for _, g := range f.Got {
		fmt.Fprintf(out, "        + came     %s\n", g)
	}
	for _, w := range f.Why {
		fmt.Fprintf(out, "          because  %s\n", w)
	}
}
