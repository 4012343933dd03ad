package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGenerateRules() *cobra.Command {
	var file, out, test, address string
	var page, asJSON bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Write the objectives as Prometheus rules",
		Long: `Write the availability and latency objectives of an estate as recording and alerting rules for a Prometheus, a Mimir, a
Thanos ruler or a vmalert that scrapes Closewatch, byte-identical for the same version and estate. They fire and resolve
on the same evaluation as the daemon's burn rates; what differs is named in docs/rules.md.

Rules know burn rates and nothing else: tiers by the calendar, deadlines, recovery points, causes and incidents are the
daemon's. So they are tickets, beside a daemon that pages; where rules are all that pages, --page has fast burns of
processes of tier A page. With --test an example for "promtool test rules" is written as well.`,
		Example: "  closewatch generate rules -f closewatch.yaml --out rules/closewatch.yml --test rules/closewatch_test.yml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := load(file)
			if err != nil {
				return err
			}
			found, err := rulesBeside(test, out)
			if err != nil {
				return err
			}
			rules, err := plan.Rules(app.RuleOptions{Version: buildVersion(), URL: strings.TrimRight(address, "/"), Page: page}, found)
			if err != nil {
				return &findings{err}
			}
			for _, f := range []struct {
				path    string
				content []byte
			}{{out, rules.File}, {test, rules.Test}} {
				if f.path == "" {
					continue
				}
				if err := replace(f.path, f.content); err != nil {
					return &findings{fmt.Errorf("write rules: %w", err)}
				}
			}
			switch {
			case asJSON:
				return printJSON(cmd.OutOrStdout(), rules.Summary(out, test))
			case out == "":
				_, err := cmd.OutOrStdout().Write(rules.File)
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s\n", out,
				wording.Count(len(rules.Objectives), "objective", "objectives"), notCovered(len(rules.NotCovered)))
			if test != "" {
				fmt.Fprintln(cmd.OutOrStdout(), test)
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write to; without it the rules are printed")
	cmd.Flags().StringVar(&test, "test", "", "file to write an example for promtool test rules to")
	cmd.Flags().StringVar(&address, "url", "", "where people reach Closewatch; the alerts link to its runbooks")
	cmd.Flags().BoolVar(&page, "page", false, "fast burns of processes of tier A page")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

func notCovered(n int) string {
	if n == 0 {
		return "none left out"
	}
	return fmt.Sprintf("%d more that only the daemon can tell (named at the head of the file)", n)
}

// rulesBeside is the path of the rules as seen from where the test is.
func rulesBeside(test, rules string) (string, error) {
	switch {
	case test == "":
		return "", nil
	case rules == "":
		return "", errors.New("--test needs --out: the test reads the rules from a file")
	}
	from, err := filepath.Abs(filepath.Dir(test))
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(rules)
	if err != nil {
		return "", err
	}
	path, err := filepath.Rel(from, to)
	return filepath.ToSlash(path), err
}
