package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
)

func newAcknowledge() *cobra.Command {
	var daemon daemonAt
	cmd := &cobra.Command{
		Use:   "acknowledge INCIDENT",
		Short: "Tell a running daemon that somebody has taken an incident",
		Long: `Tell a running daemon that somebody has taken an incident: its page and its timeline say so, and it is evidence. Alerts go
on; silence them in Alertmanager. It needs a token with the scope operate, whose name is what is shown.`,
		Example: "  closewatch acknowledge I-118a2b3c --token-file /run/secrets/closewatch-oncall",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ack app.Acknowledgement
			if err := daemon.tell(cmd.Context(), "/api/v1/incidents/"+url.PathEscape(args[0])+"/acknowledge", nil, &ack); err != nil {
				return &findings{err}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is taken by %s\n", ack.Incident, ack.By)
			return err
		},
	}
	daemon.register(cmd)
	return cmd
}

func newChange() *cobra.Command {
	var daemon daemonAt
	var at instant
	change := app.Change{}
	cmd := &cobra.Command{
		Use:   "change WHAT",
		Short: "Tell a running daemon what was changed in the estate",
		Long: `Tell a running daemon what was changed, from a pipeline or by hand: incidents show the changes of the day before, and each
is evidence. Telling the same change twice is telling it once. It needs a token with the scope operate.

Kinds: ` + strings.Join(app.ChangeKinds(), ", ") + `.`,
		Example: "  closewatch change --kind deploy --component erp --reference pipeline-77 'deployed revision a1b2c3'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			change.What, change.At = args[0], at.Time
			body, err := json.Marshal(change)
			if err != nil {
				return err
			}
			var kept app.Change
			if err := daemon.tell(cmd.Context(), "/api/v1/changes", body, &kept); err != nil {
				return &findings{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", kept.ID, kept)
			return err
		},
	}
	daemon.register(cmd)
	cmd.Flags().StringVar(&change.Kind, "kind", "deploy", "what sort of change it was")
	cmd.Flags().StringVar(&change.Component, "component", "", "component of the estate it concerns (default all)")
	cmd.Flags().StringVar(&change.Environment, "environment", "", "environment it was made in (default the estate's)")
	cmd.Flags().StringVar(&change.Reference, "reference", "", "ticket or pipeline")
	cmd.Flags().Var(&at, "at", "when it took effect (default now)")
	return cmd
}

// tell posts something to the daemon and reads what it kept.
func (d *daemonAt) tell(ctx context.Context, path string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := d.ask(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusOK {
		return d.refused(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into); err != nil {
		return fmt.Errorf("the daemon at %s did not say what it kept: %w", d.url(), err)
	}
	return nil
}
