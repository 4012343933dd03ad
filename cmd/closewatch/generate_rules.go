package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGenerateRules() *cobra.Command {
	var file, out, test, address, target, org string
	var page, asJSON bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Write objectives and signals as Prometheus rules",
		Long: `Write the availability and latency objectives of an estate, and every signal with its limits, as recording and alerting
rules for a Prometheus, a Mimir, a Thanos ruler or a vmalert that scrapes Closewatch, byte-identical for the same version
and estate. Burn rates fire and resolve on the same evaluation as the daemon's; what differs is named in docs/rules.md.

--for says at the head of the file what its evaluator must be told. A Mimir takes the folder for the tenant and the file's
name for the namespace: --org NAME has --out name the folder above, and writes NAME/closewatch.yml there.

Rules know burn rates and nothing else: tiers by the calendar, deadlines, recovery points, causes and incidents are the
daemon's. So they are tickets, beside a daemon that pages; where rules are all that pages, --page has fast burns of
processes of tier A page. With --test unit tests for "promtool test rules" are written as well: well, firing, resolved,
not measured.`,
		Example: "  closewatch generate rules -f closewatch.yaml --out rules/closewatch.yml --test rules/closewatch_test.yml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := load(file)
			if err != nil {
				return err
			}
			if !slices.Contains(app.RuleTargets(), app.RuleTarget(target)) {
				return fmt.Errorf("--for %s is not prometheus, mimir or vmalert", target)
			}
			if out, err = rulesOf(org, target, out); err != nil {
				return err
			}
			found, err := rulesBeside(test, out)
			if err != nil {
				return err
			}
			rules, err := plan.Rules(app.RuleOptions{Version: buildVersion(), URL: strings.TrimRight(address, "/"), Page: page, For: app.RuleTarget(target), Org: org}, found)
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
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s\n", out, wording.Count(len(rules.Objectives), "objective", "objectives"),
				wording.Count(rules.Signals, "signal", "signals"), notCovered(len(rules.NotCovered)))
			if test != "" {
				fmt.Fprintln(cmd.OutOrStdout(), test)
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write to; without it the rules are printed")
	cmd.Flags().StringVar(&test, "test", "", "file to write unit tests for promtool test rules to")
	cmd.Flags().StringVar(&target, "for", string(app.ForPrometheus), "what evaluates the rules: prometheus (and Thanos), mimir or vmalert")
	cmd.Flags().StringVar(&org, "org", "", "with --for mimir: the tenant; --out is the folder of all tenants")
	cmd.Flags().StringVar(&address, "url", "", "where people reach Closewatch, whose runbooks the alerts link to; default: web.externalURL of the estate")
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

// rulesOf is where the rules go: for a tenant of a Mimir, into its folder.
func rulesOf(org, target, out string) (string, error) {
	switch {
	case org == "":
		return out, nil
	case target != string(app.ForMimir):
		return "", errors.New("--org needs --for mimir: others have no tenants")
	case !tenantName.MatchString(org) || strings.Trim(org, ".") == "":
		return "", fmt.Errorf("--org %q is no tenant of a Mimir: use letters, digits, - and _", org)
	case out == "":
		return "", errors.New("--org needs --out: the folder of all tenants")
	}
	dir := filepath.Join(out, org)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", &findings{fmt.Errorf("write rules: %w", err)}
	}
	return filepath.Join(dir, "closewatch.yml"), nil
}

// tenantName is what names a folder and a tenant alike.
var tenantName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,150}$`)

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
