package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/collectors/recovery"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

func newRestoreTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore-test",
		Short: "Verify reports of restore tests",
		Long: `A report of a restore test is one JSON object and the line of its seal (docs/restore-tests.md). The daemon reads them from
the directory that a backup component names; these commands say beforehand what they are worth.`,
	}
	cmd.AddCommand(newRestoreTestVerify(), newRestoreTestExample())
	return cmd
}

func newRestoreTestExample() *cobra.Command {
	return &cobra.Command{
		Use: "example", Short: "Print a report to start from", Args: cobra.NoArgs,
		Example: "  closewatch restore-test example > report.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(recovery.ExampleRestoreTest(time.Now()))
			return err
		},
	}
}

func newRestoreTestVerify() *cobra.Command {
	var file, component, key string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [PATH…]",
		Short: "Say of each report whether it is evidence, and what it proves",
		Long: `Reads reports, files or directories of them, and holds each to what must be said and cannot be: the set that was restored,
the target, the integrity checks, what was achieved, who signed it off, and its seal. What was achieved is compared with
the recovery objectives of the processes.

With -f the estate's backup component says which checks are asked for, which key must have signed, and which backups
there are; without PATH its directory is read. Exit 1 when a report is no evidence, or its restore did not pass.`,
		Example: "  closewatch restore-test verify report.json\n  closewatch restore-test verify -f closewatch.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			v := verification{out: cmd.OutOrStdout(), now: time.Now()}
			if err := v.prepare(cmd, file, component, key, args); err != nil {
				return err
			}
			if err := v.read(cmd); err != nil {
				return err
			}
			return v.conclude(asJSON)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "estate file")
	cmd.Flags().StringVar(&component, "component", "", "backup component of the estate, when there are several")
	cmd.Flags().StringVar(&key, "key", "", "PEM file of the Ed25519 key that must have signed them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// A verification is one run of restore-test verify.
type verification struct {
	out        io.Writer
	now        time.Time
	standard   recovery.Standard
	objectives []objective
	paths      []string
	verdicts   []reportVerdict
}

// An objective is what a process can bear.
type objective struct {
	Title    string
	RTO, RPO time.Duration
}

// A reportVerdict is what one report is worth.
type reportVerdict struct {
	File    string                `json:"file"`
	Verdict recovery.Verdict      `json:"verdict"`
	Why     string                `json:"why,omitempty"`
	Passed  bool                  `json:"passed"`
	Test    *recovery.RestoreTest `json:"test,omitempty"`
	// Processes for which what was achieved is not enough.
	LateFor  []string `json:"rto_not_met,omitempty"`
	LossyFor []string `json:"rpo_not_met,omitempty"`
}

func (v *verification) prepare(cmd *cobra.Command, file, component, key string, args []string) error {
	v.standard, v.paths = recovery.DefaultStandard(v.now), args
	for _, p := range process.Catalog() {
		v.objectives = append(v.objectives, objective{p.Title, p.Recovery.RTO, p.Recovery.RPO})
	}
	if file != "" {
		if err := v.fromEstate(cmd, file, component); err != nil {
			return err
		}
	}
	if key != "" {
		k, err := recovery.ReadKey(key)
		if err != nil {
			return err
		}
		v.standard.Key = k
	}
	if len(v.paths) == 0 {
		return errors.New("name reports or a directory of them, or an estate with -f whose backup component has restoreTests")
	}
	return nil
}

// fromEstate takes the standard of a backup component, and the objectives of
// the estate's processes.
func (v *verification) fromEstate(cmd *cobra.Command, file, component string) error {
	plan, err := load(file)
	if err != nil {
		return err
	}
	backup, err := theBackup(plan.Backups(), component)
	if err != nil {
		return err
	}
	standard, keyed, err := recovery.StandardFor(cmd.Context(), backup.Config, v.now)
	if !keyed {
		return err
	}
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "reports are not held to backups that cannot be read: %v\n", err)
	}
	v.standard = standard
	if dir := backup.Config.RestoreTests; dir != "" && len(v.paths) == 0 {
		v.paths = []string{dir}
	}
	v.objectives = nil
	for _, p := range plan.Resolved().Processes {
		v.objectives = append(v.objectives, objective{p.Title, p.Recovery.RTO, p.Recovery.RPO})
	}
	return nil
}

func theBackup(all []app.Backup, component string) (app.Backup, error) {
	var names []string
	for _, b := range all {
		if b.Component == component || component == "" && len(all) == 1 {
			return b, nil
		}
		names = append(names, b.Component)
	}
	switch {
	case len(all) == 0:
		return app.Backup{}, errors.New("the estate has no backup component; leave -f out to hold reports to the defaults")
	case component == "":
		return app.Backup{}, fmt.Errorf("the estate has several backup components; choose one with --component: %s", strings.Join(names, ", "))
	}
	return app.Backup{}, fmt.Errorf("the estate has no backup component %q; there are %s", component, strings.Join(names, ", "))
}

// read verifies what was named.
func (v *verification) read(cmd *cobra.Command) error {
	for _, path := range v.paths {
		var reports []recovery.Report
		var err error
		if isDir(path) {
			reports, err = recovery.VerifyRestoreTests(cmd.Context(), path, v.standard, nil)
			for n := range reports {
				reports[n].File = filepath.Join(path, reports[n].File)
			}
		} else {
			var r recovery.Report
			r, err = recovery.ReadRestoreTest(path, v.standard)
			reports = []recovery.Report{r}
		}
		if err != nil {
			return &findings{err}
		}
		for _, r := range reports {
			v.verdicts = append(v.verdicts, v.judge(r))
		}
	}
	return nil
}

func (v *verification) judge(r recovery.Report) reportVerdict {
	out := reportVerdict{File: r.File, Verdict: r.Verdict, Why: r.What}
	if r.Verdict != recovery.Valid {
		return out
	}
	out.Test, out.Passed = &r.Test, r.Test.Passed()
	rto, rpo := seconds(*r.Test.Achieved.RTOSeconds), seconds(*r.Test.Achieved.RPOSeconds)
	for _, o := range v.objectives {
		if rto > o.RTO {
			out.LateFor = append(out.LateFor, o.Title)
		}
		if rpo > o.RPO {
			out.LossyFor = append(out.LossyFor, o.Title)
		}
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// conclude prints the verdicts.
func (v *verification) conclude(asJSON bool) error {
	proved, passed := 0, 0
	for _, r := range v.verdicts {
		if r.Test != nil {
			proved++
		}
		if r.Passed {
			passed++
		}
	}
	if asJSON {
		if err := printJSON(v.out, append([]reportVerdict{}, v.verdicts...)); err != nil {
			return err
		}
	} else {
		for _, r := range v.verdicts {
			v.print(r)
		}
		fmt.Fprintf(v.out, "restore-test verify: %s, %d evidence, %d passed\n", wording.Count(len(v.verdicts), "report", "reports"), proved, passed)
	}
	if passed < len(v.verdicts) {
		return &findings{}
	}
	return nil
}

func (v *verification) print(r reportVerdict) {
	if r.Test == nil {
		fmt.Fprintf(v.out, "%s: no evidence (%s): %s\n", r.File, r.Verdict, r.Why)
		return
	}
	t := r.Test
	verdict := "passed"
	if !r.Passed {
		verdict = "the restore did not pass"
	}
	fmt.Fprintf(v.out, "%s: evidence, %s\n", r.File, verdict)
	line := func(label, format string, args ...any) {
		fmt.Fprintln(v.out, hang(fmt.Sprintf("  %-10s ", label), fmt.Sprintf(format, args...)))
	}
	line("test", "%s, in %s, %s to %s, with %s %s", plain(t.ID), plain(t.Environment.Name), stamp(t.StartedAt), stamp(t.FinishedAt), plain(t.Tool), plain(t.ToolVersion))
	line("restored", "%s, which ended at %s", plain(t.Backup.Set), stamp(t.Backup.FinishedAt))
	if t.Target.Time != nil {
		line("target", "%s", stamp(*t.Target.Time))
	} else {
		line("target", "%s", plain(t.Target.LSN))
	}
	var checks []string
	for _, c := range t.Checks {
		checks = append(checks, fmt.Sprintf("%s %s (%s)", plain(c.Name), c.Result, wording.Count(int(c.Records), "record", "records")))
	}
	line("checks", "%s", strings.Join(checks, ", "))
	line("RTO", "%s achieved: %s", duration(seconds(*t.Achieved.RTOSeconds)), enough(r.LateFor))
	line("RPO", "%s achieved: %s", duration(seconds(*t.Achieved.RPOSeconds)), enough(r.LossyFor))
	seal := "a checksum: whoever can write the file can seal it anew"
	if v.standard.Key != nil {
		seal = "a signature"
	}
	line("seal", "%s", seal)
	line("signed off", "by %s at %s", plain(t.SignOff.Role), stamp(t.SignOff.At))
}

// enough says for whom it is not.
func enough(short []string) string {
	if len(short) == 0 {
		return "enough for every process"
	}
	return "not enough for " + strings.Join(short, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plain makes a short printable line of what somebody else wrote.
func plain(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}
