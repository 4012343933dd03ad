package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGenerateOpenSLO() *cobra.Command {
	var file, out, address string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "openslo",
		Short: "Write the objectives as OpenSLO documents",
		Long: `Write every objective of an estate that something measures as OpenSLO v1 documents, byte-identical for the same version
and estate: a Service for each process, an SLO with its SLI for each objective, tenant and source, and an AlertPolicy for
each burn rate that the daemon judges by. Series are asked of Closewatch's Prometheus API.

What OpenSLO cannot say stands in annotations that begin with closewatch/. "closewatch import openslo" makes of the
documents what they were made from. What nothing measures is named at the head of the file.`,
		Example: "  closewatch generate openslo -f closewatch.yaml --out slo.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := load(file)
			if err != nil {
				return err
			}
			docs := plan.OpenSLO(buildVersion(), strings.TrimRight(address, "/")+"/prometheus")
			if out != "" {
				if err := replace(out, docs.File); err != nil {
					return &findings{fmt.Errorf("write OpenSLO documents: %w", err)}
				}
			}
			switch {
			case asJSON:
				return printJSON(cmd.OutOrStdout(), map[string]any{"file": out, "slos": listed(docs.Documents), "not_covered": listed(docs.NotCovered)})
			case out == "":
				_, err := cmd.OutOrStdout().Write(docs.File)
				return err
			}
			left := "none left out"
			if n := len(docs.NotCovered); n > 0 {
				left = fmt.Sprintf("%d more that nothing measures (named at the head of the file)", n)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s\n", out, wording.Count(len(docs.Documents), "SLO", "SLOs"), left)
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write to; without it the documents are printed")
	cmd.Flags().StringVar(&address, "url", dashboards.DefaultURL, "where Closewatch is reached: its Prometheus API is the data source")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

// listed is a list that is no null in JSON.
func listed[T any](all []T) []T { return append([]T{}, all...) }
