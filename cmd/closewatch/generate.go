package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/dashboards"
)

func newGenerate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "generate", Short: "Write files for the tools around the daemon", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGenerateDashboards())
	return cmd
}

func newGenerateDashboards() *cobra.Command {
	var dir, address string
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Write the Grafana dashboards",
		Long: `Write the Grafana dashboards as JSON files, byte-identical for the same version. Add Closewatch to Grafana as a
Prometheus data source at http://HOST:9977/prometheus and import or provision the files.`,
		Example: "  closewatch generate dashboards --out /etc/grafana/dashboards",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := dashboards.Write(dir, dashboards.Options{URL: strings.TrimRight(address, "/")})
			if err != nil {
				return &findings{err}
			}
			for _, f := range files {
				fmt.Fprintln(cmd.OutOrStdout(), f)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "url", dashboards.DefaultURL, "where people reach Closewatch; the dashboards link to it")
	cmd.Flags().StringVarP(&dir, "out", "o", "dashboards", "directory to write to; made when it does not exist")
	return cmd
}
