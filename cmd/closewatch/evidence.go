package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/wording"
)

func newEvidence() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Verify and read the evidence log",
		Long: `The evidence log is the hash-chained record of what was observed, decided, sent, viewed and changed. These commands
need its directory and nothing else: no daemon, no estate, no network. They only read, also beside a running daemon.`,
	}
	cmd.AddCommand(newEvidenceVerify(), newEvidenceShow(), newEvidenceGaps())
	return cmd
}

// evidenceDir is the directory of evidence that was named, or the one inside the
// data directory that was, and how it is to be printed.
func evidenceDir(named string) (dir fs.FS, shown string, err error) {
	if inside := filepath.Join(named, "evidence"); isDir(inside) {
		return os.DirFS(inside), "evidence", nil
	}
	if !isDir(named) {
		return nil, "", fmt.Errorf("%s is not a directory; name the data directory or the evidence directory in it", named)
	}
	abs, err := filepath.Abs(named)
	return os.DirFS(named), filepath.Base(abs), err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func newEvidenceVerify() *cobra.Command {
	var anchors string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check that the evidence log is whole, and name the first bad record",
		Long: `Reads the log from its oldest record to its newest: every hash, sequence number, header, seal, anchor and gap.

With --anchors it is also held to a copy of anchors.txt that was kept elsewhere: only that tells a log which somebody
wrote anew from its first record on.`,
		Example: "  closewatch evidence verify /var/lib/closewatch\n  closewatch evidence verify ./evidence --anchors /mnt/vault/anchors.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, shown, err := evidenceDir(args[0])
			if err != nil {
				return err
			}
			options, err := readAnchors(anchors)
			if err != nil {
				return err
			}
			report, err := evidence.Verify(dir, options)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), verdict{report.Intact(), report})
			} else {
				printReport(cmd.OutOrStdout(), report, shown)
				if anchors == "" && report.Intact() {
					fmt.Fprintln(cmd.OutOrStdout(), "  note       whoever can write the directory can write all of it anew: hold it to a copy of its anchors with --anchors")
				}
			}
			if err != nil || report.Intact() {
				return err
			}
			return &findings{}
		},
	}
	cmd.Flags().StringVar(&anchors, "anchors", "", "a copy of anchors.txt that was kept elsewhere")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

type verdict struct {
	Intact bool `json:"intact"`
	evidence.Report
}

func readAnchors(path string) (evidence.Options, error) {
	if path == "" {
		return evidence.Options{}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return evidence.Options{}, err
	}
	defer f.Close()
	anchors, err := evidence.ReadAnchors(f, path)
	if err == nil && len(anchors) == 0 {
		err = fmt.Errorf("%s holds no anchor", path)
	}
	return evidence.Options{Anchors: anchors}, err
}

// printReport prints the verdict in one line, and then what else there is to
// say.
func printReport(out io.Writer, r evidence.Report, dir string) {
	for i := range r.Findings {
		r.Findings[i].File = dir + "/" + r.Findings[i].File
	}
	fmt.Fprintf(out, "evidence verify: %s\n", r)
	for i, f := range r.Findings {
		if i > 0 {
			fmt.Fprintf(out, "  also       %s\n", f)
		}
	}
	if r.More > 0 {
		fmt.Fprintf(out, "  also       %d more\n", r.More)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(out, "  warning    %s/%s\n", dir, w)
	}
	if r.Quieter > 0 {
		fmt.Fprintf(out, "  warning    %d more\n", r.Quieter)
	}
	if r.StartsAfter > 0 && !r.Removed.IsZero() {
		fmt.Fprintf(out, "  retention  the records up to %d were removed, as recorded at %s\n", r.StartsAfter, r.Removed.Format(time.RFC3339))
	}
	fmt.Fprintf(out, "  anchors    %s\n", anchorWords(r))
	if r.Gaps.Count > 0 {
		fmt.Fprintf(out, "  gaps       %s, %s in which nothing was watched\n", gapCount(r.Gaps.Count), wording.Duration(r.Gaps.Unwatched))
	}
	var classes []string
	for _, class := range evidence.Classes() {
		if n := r.Classes[class]; n > 0 {
			classes = append(classes, fmt.Sprintf("%s %d", class, n))
		}
	}
	if len(classes) > 0 {
		fmt.Fprintf(out, "  classes    %s\n", strings.Join(classes, ", "))
	}
	if r.Records > 0 {
		fmt.Fprintf(out, "  head       %d %s\n", r.LastSeq, r.LastHash)
	}
}

func anchorWords(r evidence.Report) string {
	words := []string{fmt.Sprintf("%d agree", r.Anchored)}
	if r.Before > 0 {
		words = append(words, fmt.Sprintf("%d are of records that were removed", r.Before))
	}
	if r.Unreached > 0 {
		words = append(words, fmt.Sprintf("%d could not be compared", r.Unreached))
	}
	return strings.Join(words, ", ")
}

func newEvidenceShow() *cobra.Command {
	var class string
	var from, to instant
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DIR",
		Short: "Print the records of the evidence log",
		Long: `Prints records in their order, one a line. Where the log is damaged that is said at its place, and the exit code is 1;
records behind damage follow from the next segment on.`,
		Example: "  closewatch evidence show /var/lib/closewatch --class access --from 2026-11-01 --to 2026-12-01",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if class != "" && !slices.Contains(evidence.Classes(), evidence.Class(class)) {
				return fmt.Errorf("--class %q is not a class; the classes are %s", class, classNames())
			}
			dir, _, err := evidenceDir(args[0])
			if err != nil {
				return err
			}
			return show(cmd, dir, asJSON, func(r evidence.Record) bool {
				return (class == "" || r.Class == evidence.Class(class)) && within(r.At, from.Time, to.Time)
			})
		},
	}
	cmd.Flags().StringVar(&class, "class", "", "only records of this class")
	addPeriod(cmd, &from, &to)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one record a line")
	return cmd
}

func classNames() string {
	var out []string
	for _, c := range evidence.Classes() {
		out = append(out, string(c))
	}
	return strings.Join(out, ", ")
}

func show(cmd *cobra.Command, dir fs.FS, asJSON bool, wanted func(evidence.Record) bool) error {
	out := cmd.OutOrStdout()
	lines := json.NewEncoder(out)
	damaged := false
	for r, err := range evidence.Read(dir) {
		switch {
		case err != nil:
			damaged = true
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		case !wanted(r):
		case asJSON:
			if err := lines.Encode(r); err != nil {
				return err
			}
		default:
			fmt.Fprintln(out, recordLine(r))
		}
	}
	if damaged {
		return &findings{}
	}
	return nil
}

// recordLine is a record as people read it.
func recordLine(r evidence.Record) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%8d  %s  %-15s %s by %s", r.Seq, r.At.Format("2006-01-02T15:04:05.000Z07:00"), r.Class, r.Action, r.Actor)
	for _, key := range slices.Sorted(maps.Keys(r.Refs)) {
		fmt.Fprintf(&s, " %s=%s", key, r.Refs[key])
	}
	if r.Outcome != "" {
		fmt.Fprintf(&s, " -> %s", r.Outcome)
	}
	if r.Note != "" {
		fmt.Fprintf(&s, " %q", r.Note)
	}
	return s.String()
}

func newEvidenceGaps() *cobra.Command {
	var from, to instant
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "gaps DIR",
		Short: "Print when nothing was watched, and why",
		Long: `Prints the register of gaps with totals for each reason. Gaps that overlap count once in the time in which nothing was
watched; a gap of one component does not count there. When the log is damaged, the register is what can be read of it
and the exit code is 1.`,
		Example: "  closewatch evidence gaps /var/lib/closewatch --from 2026-11-01 --to 2026-12-01",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, _, err := evidenceDir(args[0])
			if err != nil {
				return err
			}
			register, damaged := evidence.ReadGaps(dir, from.Time, to.Time)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), register)
			} else {
				printGaps(cmd.OutOrStdout(), register)
			}
			if err != nil || damaged == nil {
				return err
			}
			return &findings{damaged}
		},
	}
	addPeriod(cmd, &from, &to)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printGaps(out io.Writer, r evidence.Register) {
	if len(r.Gaps) == 0 {
		fmt.Fprintln(out, "no gap is recorded")
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"from", "to", "for", "why", "not watched", "missed"})
	for _, g := range r.Gaps {
		missed := ""
		if g.Missed > 0 {
			missed = strconv.FormatUint(g.Missed, 10)
		}
		t.AppendRow(table.Row{g.From.Format(time.RFC3339), g.To.Format(time.RFC3339), wording.Duration(g.Duration()), g.Reason, g.Scope, missed})
	}
	t.Render()
	var sums []string
	for _, reason := range evidence.Reasons() {
		if d := r.ByReason[reason]; d > 0 {
			sums = append(sums, fmt.Sprintf("%s %s", reason, wording.Duration(d)))
		}
	}
	fmt.Fprintf(out, "%s: %s; nothing at all was watched for %s\n", gapCount(len(r.Gaps)), strings.Join(sums, ", "), wording.Duration(r.Unwatched))
	if r.Left > 0 {
		fmt.Fprintf(out, "%d more gaps are in no figure: choose a shorter period\n", r.Left)
	}
}

func gapCount(n int) string {
	if n == 1 {
		return "1 gap"
	}
	return fmt.Sprintf("%d gaps", n)
}

func addPeriod(cmd *cobra.Command, from, to *instant) {
	cmd.Flags().Var(from, "from", "only from this time on, such as 2026-11-01 or 2026-11-01T08:00Z")
	cmd.Flags().Var(to, "to", "only before this time")
}

// within reports whether a time lies in a period; a zero end is no limit.
func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
}
