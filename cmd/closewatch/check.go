package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newCheck() *cobra.Command {
	var file, process string
	var asJSON, live, signals bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check an estate file and print what it comes to",
		Long: `Check an estate file: every mistake in one go, each with file, line, column, what is wrong and what to write instead;
exit 1 when there is any. A file without mistakes is resolved: what is watched; of each process its tier, its recovery
objectives and its critical window, who answers for it, what exercises it and what measures it; and what is not watched.
The pages it would send are looked at, too: exit 1 when one could not be acted on (no word on what people cannot do, what
to do first and meanwhile, who is on call, who decides and by when), tells of a person, an account, a document or an
amount, or rests on a resource's metric alone; advice on jargon, titles and sections that do not fit, and how many pages a
shift of 12 h may have. With --process everything about one process, as pages and runbooks will say it. With --signals every signal: what makes
it bad, for how long that must hold, what is different in the close, and where the estate has changed it.

With --live every component is asked as well: does it answer with these credentials, who are we there, which version is
it, and what is missing; each missing thing as a command to paste. So is every Alertmanager, and of notifications the
webhook and the mail server: reached and logged in to, and sent no message. Nothing is changed anywhere. Exit 1 when something is
missing, refused or could not be found out; what is merely advised is not counted.`,
		Example: "  closewatch check -f closewatch.yaml\n  closewatch check -f closewatch.yaml --process payroll\n  closewatch check -f closewatch.yaml --json\n  closewatch check -f closewatch.yaml --live",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			plan, err := load(file)
			if ms := mistakesOf(err); len(ms) > 0 {
				if asJSON {
					if err := printJSON(out, map[string]any{"file": file, "mistakes": ms}); err != nil {
						return err
					}
					return &findings{}
				}
				return &findings{fmt.Errorf("%w\n%s: %s", ms, file, wording.Count(len(ms), "mistake", "mistakes"))}
			}
			if err != nil {
				return err
			}
			if live {
				return checkLive(cmd, plan, asJSON)
			}
			if signals {
				if asJSON {
					return printJSON(out, plan.Signals())
				}
				printSignals(out, plan.Signals())
				return nil
			}
			resolved := plan.Resolved()
			if process != "" {
				one, err := theProcess(resolved, process)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(out, one)
				}
				printProcess(out, one)
				return nil
			}
			pages, err := plan.Lint()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(out, checked{resolved, pages})
			} else {
				printResolved(out, file, resolved)
				printLint(out, pages)
			}
			if n := pages.Refused(); err == nil && n > 0 {
				err = &findings{fmt.Errorf("%s: %s that cannot be sent like this", file, wording.Count(n, "page text", "page texts"))}
			}
			return err
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&process, "process", "", "print everything about one process")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&live, "live", false, "ask every component what is missing")
	cmd.Flags().BoolVar(&signals, "signals", false, "print every signal with its limits")
	cmd.MarkFlagsMutuallyExclusive("live", "process", "signals")
	return cmd
}

// theProcess finds a process of the estate.
func theProcess(r app.Resolved, name string) (app.ResolvedProcess, error) {
	if p, ok := r.Process(name); ok {
		return p, nil
	}
	var names []string
	for _, p := range r.Processes {
		names = append(names, p.Name)
	}
	switch {
	case len(names) == 0:
		return app.ResolvedProcess{}, errors.New("the estate has no process: it declares no entity and no odoo component")
	case knownProcess(name):
		return app.ResolvedProcess{}, fmt.Errorf("the estate has no process %q: it is disabled there; the processes are %s", name, strings.Join(names, ", "))
	default:
		return app.ResolvedProcess{}, fmt.Errorf("there is no process %q; the processes are %s", name, strings.Join(names, ", "))
	}
}
