package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

func newExpected() *cobra.Command {
	var entity string
	var daemon daemonAt
	var missing, asJSON bool
	cmd := &cobra.Command{
		Use:   "expected [PROCESS]",
		Short: "Print what should have happened by now, and whether it did",
		Long: `The expected work of a running daemon, what is missing first: jobs that wait to be taken, scheduled actions by their
interval, what the estate has declared to be due, and what is usual by now on days of this kind.

What a database does not have, and what was not watched when it was due, is not listed: nobody can tell.

Ends with 1 when something is missing.`,
		Example: "  closewatch expected\n  closewatch expected bank-feed\n  closewatch expected --missing --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				if name = args[0]; !knownProcess(name) {
					return unknownProcess(name)
				}
			}
			found, err := fetchExplanations(cmd.Context(), daemon, app.Question{Process: name, Entity: entity})
			if err != nil {
				return &findings{err}
			}
			if len(found) == 0 {
				return &findings{undecidedAll(name, entity)}
			}
			work := expectedOf(found)
			n := slices.IndexFunc(work, func(w expectedWork) bool { return !w.Missing })
			if n < 0 {
				n = len(work)
			}
			if missing {
				work = work[:n]
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), work)
			} else {
				printExpected(cmd.OutOrStdout(), work, n)
			}
			if err == nil && n > 0 {
				err = &findings{}
			}
			return err
		},
	}
	daemon.register(cmd)
	cmd.Flags().StringVar(&entity, "entity", "", "only this entity")
	cmd.Flags().BoolVar(&missing, "missing", false, "only what is missing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// undecidedAll says why there may be no verdict on a process, or on any.
func undecidedAll(process, entity string) error {
	if process != "" {
		return undecided(process, entity)
	}
	if entity != "" {
		return fmt.Errorf("the daemon has no verdict on %q: the estate has no such entity, or the first tick is still to come", entity)
	}
	return errors.New("the daemon has no verdict yet: the first tick is still to come, or the estate has no odoo component")
}

// An expectedWork is one piece of expected work of one process.
type expectedWork struct {
	Process     string             `json:"process"`
	Title       string             `json:"title"`
	Entity      string             `json:"entity"`
	Tenant      string             `json:"tenant"`
	Environment string             `json:"environment"`
	Source      process.WorkSource `json:"source"`
	Work        string             `json:"work"`
	Says        string             `json:"says"`
	Due         time.Time          `json:"due,omitzero"` // the next, or that which is missed
	Missing     bool               `json:"missing"`
	Lacks       int                `json:"lacks,omitempty"` // how many should have happened and did not
	Waiting     int                `json:"waiting,omitempty"`
	Since       time.Time          `json:"since,omitzero"`
	CatchUp     time.Duration      `json:"catch_up_ns,omitempty"`
	Why         string             `json:"why,omitempty"`
}

// expectedOf lists the expected work: what is missing first, then what is due
// soonest.
func expectedOf(found []app.Explanation) []expectedWork {
	out := []expectedWork{}
	for _, x := range found {
		for _, w := range x.Work {
			out = append(out, expectedWork{
				Process: x.Impact.Process, Title: x.Title, Entity: x.Impact.Entity, Tenant: x.Impact.Tenant, Environment: x.Impact.Environment,
				Source: w.Source, Work: w.Name, Says: w.Says, Due: w.Due, Missing: w.Missing, Lacks: w.Lacks, Waiting: w.Count,
				Since: w.Since, CatchUp: w.CatchUp, Why: w.Why,
			})
		}
	}
	rank := func(w expectedWork) int {
		switch {
		case w.Missing:
			return 0
		case !w.Due.IsZero():
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(out, func(a, b expectedWork) int { return cmp.Or(rank(a)-rank(b), a.Due.Compare(b.Due)) })
	return out
}

// printExpected prints a table, and the first of it, that which is missing, in
// words.
func printExpected(out io.Writer, work []expectedWork, missing int) {
	if len(work) == 0 {
		fmt.Fprintln(out, "No expected work is missing.")
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"process", "entity", "what", "due", "done?"})
	for _, w := range work {
		t.AppendRow(table.Row{w.Process, w.Entity, whatWords(w), dueWords(w), doneWords(w)})
	}
	t.Render()
	for _, w := range work[:missing] {
		fmt.Fprintln(out, hang("", fmt.Sprintf("%s of %s: %s (%s)", w.Title, w.Entity, w.Says, w.Why)))
	}
	fmt.Fprintf(out, "%d missing of %d that can be told.\n", missing, len(work))
}

func whatWords(w expectedWork) string {
	if w.Work == w.Says {
		return w.Says
	}
	return w.Says + ": " + w.Work
}

func dueWords(w expectedWork) string {
	if w.Due.IsZero() {
		return "–"
	}
	return w.Due.UTC().Format("2006-01-02 15:04Z")
}

func doneWords(w expectedWork) string {
	switch {
	case w.Missing && w.CatchUp > 0:
		return fmt.Sprintf("missing: %d, %s to catch up", max(1, w.Lacks), wording.Duration(w.CatchUp))
	case w.Missing:
		return fmt.Sprintf("missing: %d", max(1, w.Lacks))
	case w.Source == process.QueueJobs && w.Waiting > 0:
		return fmt.Sprintf("%d wait", w.Waiting)
	case w.Source == process.History:
		return "as usual"
	default:
		return "in time"
	}
}
