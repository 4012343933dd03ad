package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newReload() *cobra.Command {
	var daemon daemonAt
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running daemon read its estate again",
		Long: `Have a running daemon read its estate again, as SIGHUP does. It needs a token with the scope admin, also on the daemon's
own machine. A file with mistakes is refused: they are printed, and the running configuration stays.`,
		Example: "  closewatch reload --token-file /run/secrets/closewatch-admin",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := askReload(cmd.Context(), daemon)
			if err != nil {
				return &findings{err}
			}
			fmt.Fprintln(cmd.OutOrStdout(), answer)
			return nil
		},
	}
	daemon.register(cmd)
	return cmd
}

func askReload(ctx context.Context, d daemonAt) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, err := d.ask(ctx, http.MethodPost, "/-/reload", http.NoBody)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusUnprocessableEntity {
		return "", d.refused(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("the daemon at %s did not finish its answer: %w", d.url(), err)
	}
	answer := strings.TrimSpace(string(body))
	if resp.StatusCode == http.StatusUnprocessableEntity {
		return "", errors.New(answer)
	}
	return answer, nil
}
