package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/openslo"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import", Short: "Make a part of an estate of what other tools say", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImportOpenSLO())
	return cmd
}

// maxImport bounds what is read of one file.
const maxImport = 32 << 20

func newImportOpenSLO() *cobra.Command {
	var file, out string
	var services map[string]string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "openslo FILE...",
		Short: "Make objectives of an estate of OpenSLO documents",
		Long: `Read OpenSLO v1 documents (SLO, SLI, AlertPolicy, AlertCondition, AlertNotificationTarget, Service, DataSource) and write
their objectives as a part of an estate: what goes below processes, and the queries that a prometheus component is to ask.
Every mistake is told in one go, with its place. So is whatever an estate cannot say, and what is different in it: nothing
is dropped in silence.

With -f only what is different from that estate is written, so that nothing is written for documents that were generated
from it. A service is the finance process of the same name, the one that the annotation closewatch/process names, or the
one that --service says. "-" reads standard input.

Exit codes: 0 done, 1 mistakes, or nothing that an estate can say, 2 usage.`,
		Example: "  closewatch import openslo slo.yaml -f closewatch.yaml\n  closewatch import openslo slo/*.yaml --service billing=subscription-billing --out part.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var into *app.Plan
			if file != "" {
				plan, err := load(file)
				if err != nil {
					return err
				}
				into = plan
			}
			if err := checkServices(services); err != nil {
				return err
			}
			files, err := readEach(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			made, err := app.ImportOpenSLO(files, into, services)
			if ms, ok := errors.AsType[estate.Mistakes](err); ok {
				if asJSON {
					return errors.Join(printJSON(cmd.OutOrStdout(), map[string]any{"mistakes": ms}), &findings{})
				}
				return &findings{fmt.Errorf("%w\n%s", ms, wording.Count(len(ms), "mistake", "mistakes"))}
			}
			part := partFile(made)
			if out != "" && len(made.Part) > 0 {
				if err := replace(out, part); err != nil {
					return &findings{fmt.Errorf("write the part of an estate: %w", err)}
				}
			}
			return sayImport(cmd, made, part, out, asJSON)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "estate file that the objectives are to go into; without one what differs from the catalogue is written")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write to; without it the part is printed")
	cmd.Flags().StringToStringVar(&services, "service", nil, "which process a service is, as SERVICE=PROCESS; as often as there are")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkServices reports a service that is said to be a process that there is
// none of.
func checkServices(services map[string]string) error {
	var names []string
	for _, p := range process.Catalog() {
		names = append(names, p.Name)
	}
	for _, service := range slices.Sorted(maps.Keys(services)) {
		if !slices.Contains(names, services[service]) {
			return fmt.Errorf("--service %s=%s: there is no process %q; the processes are %s", service, services[service], services[service], strings.Join(names, ", "))
		}
	}
	return nil
}

// readEach reads files, "-" from standard input.
func readEach(in io.Reader, names []string) ([]openslo.File, error) {
	var out []openslo.File
	for _, name := range names {
		source, from := name, in
		if name == "-" {
			source = "stdin"
		} else {
			f, err := os.Open(name)
			if err != nil {
				return nil, fmt.Errorf("cannot read %s: name a file with OpenSLO documents", name)
			}
			defer func() { _ = f.Close() }() // nothing was written
			from = f
		}
		data, err := io.ReadAll(io.LimitReader(from, maxImport+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("cannot read %s: %w", name, err)
		case len(data) > maxImport:
			return nil, fmt.Errorf("%s is larger than %d MiB: split it", name, maxImport>>20)
		}
		out = append(out, openslo.File{Name: source, Data: data})
	}
	return out, nil
}

// partFile is the part of an estate, with all that is to be known about it at
// its head.
func partFile(r openslo.Result) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# Part of an estate, made of OpenSLO documents: put it in the place of what the estate says of these.")
	for _, line := range noteLines(r.Notes) {
		fmt.Fprintln(&b, strings.TrimRight("# "+line, " "))
	}
	if len(r.Part) == 0 {
		fmt.Fprintln(&b, "#\n# Nothing to put there: "+importCounts(r)+".")
	}
	b.Write(r.Part)
	return b.Bytes()
}

// noteLines are what an estate cannot say, and what is different in it.
func noteLines(notes []openslo.Note) []string {
	var out []string
	for _, group := range []struct {
		leftOut bool
		title   string
	}{{true, "Left out, because an estate cannot say it:"}, {false, "Different in the estate:"}} {
		first := true
		for _, n := range notes {
			if n.LeftOut != group.leftOut {
				continue
			}
			if first {
				out = append(out, "", group.title)
				first = false
			}
			out = append(out, "- "+n.String())
		}
	}
	return out
}

func sayImport(cmd *cobra.Command, r openslo.Result, part []byte, out string, asJSON bool) error {
	done := &findings{errors.New("none of the objectives can be said in an estate")}
	if len(r.Objectives)+len(r.Same)+len(r.Part) > 0 {
		done = nil
	}
	switch {
	case asJSON:
		err := printJSON(cmd.OutOrStdout(), map[string]any{
			"part": string(r.Part), "objectives": listed(r.Objectives), "same": listed(r.Same), "notes": listed(r.Notes),
		})
		if err != nil {
			return err
		}
	case out == "":
		if _, err := cmd.OutOrStdout().Write(part); err != nil {
			return err
		}
	default:
		for _, line := range noteLines(r.Notes) {
			fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "\n%s\n", importSummary(r, out))
	}
	if done != nil {
		return done
	}
	return nil
}

// importSummary says what was written in one line.
func importSummary(r openslo.Result, out string) string {
	if len(r.Part) == 0 {
		return "nothing to write: " + importCounts(r)
	}
	processes := map[string]bool{}
	for _, o := range r.Objectives {
		processes[o.Process] = true
	}
	return fmt.Sprintf("%s: %s of %s; %s", out, wording.Count(len(r.Objectives), "objective", "objectives"), wording.Count(len(processes), "process", "processes"), importCounts(r))
}

// importCounts says what else there was.
func importCounts(r openslo.Result) string {
	left := 0
	for _, n := range r.Notes {
		if n.LeftOut {
			left++
		}
	}
	return fmt.Sprintf("%s already there, %s left out, %d different", wording.Count(len(r.Same), "objective is", "objectives are"), wording.Count(left, "thing", "things"), len(r.Notes)-left)
}
