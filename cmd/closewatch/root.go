package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built; a development build says what it was
// built from.
var version = "dev"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "closewatch",
		Short: "Watch the finance outcomes of an Odoo estate",
		Long: `Closewatch answers one question: which finance outcome is at risk, how badly, until when, and what do we do first?

It collects from PostgreSQL, Redis, Traefik and Odoo, exercises invoice posting and reconciliation in a synthetic
company, decides what that means for each finance process, and pages through Alertmanager.

Exit codes: 0 good, 1 findings, 2 usage.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newRun(), newCheck(), newProbe(), newExplain(), newExpected(), newAcknowledge(), newChange(), newGate(), newReload(), newCalendar(), newTest(), newEvidence(), newReplay(), newRestoreTest(), newGenerate(), newImport(), newDemo(), newVersion(),
	)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "closewatch %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildVersion is the version, or for a development build the revision.
func buildVersion() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}
