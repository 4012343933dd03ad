package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGenerate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "generate", Short: "Write files for the tools around the daemon", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGenerateAlertmanager(), newGenerateDashboards(), newGenerateOpenSLO(), newGenerateRules(), newGenerateRunbooks())
	return cmd
}

func newGenerateRunbooks() *cobra.Command {
	var dir, file string
	cmd := &cobra.Command{
		Use:   "runbooks",
		Short: "Write the runbooks that alerts lead to",
		Long: `Write the runbooks as Markdown files that link to one another, byte-identical for the same version and estate. With
--file what must not be done, the workaround and the people are the estate's own, as on the pages of the daemon.`,
		Example: "  closewatch generate runbooks --out wiki/runbooks -f closewatch.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var e *estate.Estate
			if file != "" {
				plan, err := load(file)
				if err != nil {
					return err
				}
				e = plan.Estate
			}
			files, err := writeRunbooks(dir, e)
			if err != nil {
				return &findings{err}
			}
			for _, f := range files {
				fmt.Fprintln(cmd.OutOrStdout(), f)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "estate file whose words to use; without it they are as shipped")
	cmd.Flags().StringVarP(&dir, "out", "o", "runbooks", "directory to write to; made when it does not exist")
	return cmd
}

// writeRunbooks writes every runbook to dir and returns the paths. What else is
// in dir stays.
func writeRunbooks(dir string, e *estate.Estate) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write runbooks: %w", err)
	}
	var paths []string
	for _, name := range wording.Runbooks() {
		text, ok := app.Runbook(e, name)
		if !ok {
			return nil, fmt.Errorf("write runbooks: there is none for %s", name)
		}
		path := filepath.Join(dir, name+".md")
		if err := replace(path, []byte(text)); err != nil {
			return nil, fmt.Errorf("write runbooks: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// replace writes content to path by rename, so that nobody reads half a file.
func replace(path string, content []byte) error {
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, content) {
		return nil
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, content, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
