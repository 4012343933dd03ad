package main

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

func newProbeProof() *cobra.Command {
	var file, component string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "proof",
		Short: "Prove that the prober left the books of real companies as they were",
		Long: `Compares, at one instant and in the database, what each company's books say with what they would say without the
prober's records: how many entries, items, payments and matches are the prober's, the last numbers of every journal, and
the trial balance of every account. It holds while people work. Amounts and numbers stay in the database.

The daemon does the same once a day and keeps it as evidence (closewatch evidence show DIR --class flow). Exit 1 when
real books are not neutral, or when it cannot be told.`,
		Example: "  closewatch probe proof\n  closewatch probe proof -f closewatch.yaml --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("file") {
				file, _ = demoEstate(file, "")
			}
			plan, err := load(file)
			if err != nil {
				return err
			}
			proofs, err := app.ProveNeutrality(cmd.Context(), plan, component, buildVersion(),
				slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})))
			if err != nil {
				return &findings{err}
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), proofs); err != nil {
					return err
				}
			} else {
				for _, p := range proofs {
					printProof(cmd.OutOrStdout(), p)
				}
			}
			for _, p := range proofs {
				if p.Verdict != neutrality.Neutral {
					return &findings{}
				}
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&component, "component", "", "only this Odoo component")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// proofWords say a verdict to people.
var proofWords = map[neutrality.Verdict]string{
	neutrality.Neutral:    "NEUTRAL: real books hold nothing of the prober's",
	neutrality.NotNeutral: "NOT NEUTRAL",
	neutrality.Unknown:    "UNKNOWN",
}

func printProof(out io.Writer, p app.TenantProof) {
	fmt.Fprintf(out, "%s (%s), %s: %s\n", p.Tenant, p.Environment, p.At.UTC().Format(time.RFC3339), proofWords[p.Verdict])
	for _, r := range p.Reasons {
		fmt.Fprintf(out, "why    %s\n", r)
	}
	if p.Hint != "" {
		fmt.Fprintf(out, "next   %s\n", p.Hint)
	}
	if len(p.Companies) == 0 {
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"company", "entries", "items", "payments", "the prober's", "numbers without", "balances without"})
	for _, c := range p.Companies {
		name := strconv.FormatInt(c.ID, 10)
		if c.Synthetic {
			name += " (synthetic)"
		}
		t.AppendRow(table.Row{name, c.Entries, c.Items, c.Payments, c.Own, same(c.Numbers, c.NumbersWithout), same(c.Balances, c.BalancesWithout)})
	}
	t.Render()
}

// same says whether books are as they would be without the prober.
func same(with, without string) string {
	switch with {
	case "":
		return "none"
	case without:
		return "same, " + with[:8]
	}
	return "DIFFERENT, " + with[:8]
}
