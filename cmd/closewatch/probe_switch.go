package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/fault"
)

func newProbePause() *cobra.Command {
	var s switchFlags
	var reason string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Let no flow write until they are resumed",
		Long: `Turn the kill switch on: no flow writes any more, in this daemon and after a restart. Reading goes on, and so does
cleaning up what was already written. A running daemon does it, asks for a token with the scope operate, and keeps it as
evidence; where none runs, the file of the kill switch is made in the data directory.`,
		Example: "  closewatch probe pause --reason 'year end' --token-file /run/secrets/closewatch-oncall",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := json.Marshal(map[string]string{"reason": reason})
			if err != nil {
				return err
			}
			return s.turn(cmd.Context(), cmd.OutOrStdout(), "pause", body, func(p *app.Plan, data string) (string, error) {
				return app.PauseByFile(p, data, reason, time.Now())
			})
		},
	}
	s.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why; pages and evidence show it, so name no person and no amount")
	_ = cmd.MarkFlagRequired("reason") // it is the line above
	return cmd
}

func newProbeResume() *cobra.Command {
	var s switchFlags
	cmd := &cobra.Command{
		Use:     "resume",
		Short:   "Let flows write again",
		Long:    `Turn the kill switch off, whoever turned it on: its file is removed. schedule.paused in the estate stays as it is.`,
		Example: "  closewatch probe resume --token-file /run/secrets/closewatch-oncall",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.turn(cmd.Context(), cmd.OutOrStdout(), "resume", nil, app.ResumeByFile)
		},
	}
	s.register(cmd)
	return cmd
}

// switchFlags say where the kill switch is.
type switchFlags struct {
	daemon     daemonAt
	file, data string
}

func (s *switchFlags) register(cmd *cobra.Command) {
	s.daemon.register(cmd)
	estateFlag(cmd, &s.file)
	cmd.Flags().StringVar(&s.data, "data", "", "data directory of the daemon, for when it does not run; overrides data in the estate")
}

// turn has a daemon turn the switch, or does so itself where none answers. A
// daemon that refuses is not circumvented.
func (s *switchFlags) turn(ctx context.Context, out io.Writer, what string, body []byte, byFile func(*app.Plan, string) (string, error)) error {
	var now app.Probing
	err := s.daemon.tell(ctx, "/api/v1/probing/"+what, body, &now)
	if err == nil {
		return printProbing(out, now)
	}
	if fault.KindOf(err) != fault.Unreachable {
		return &findings{err}
	}
	plan, problem := load(s.file)
	if problem != nil {
		return problem
	}
	path, problem := byFile(plan, s.data)
	if problem != nil {
		return &findings{problem}
	}
	done := map[string]string{"pause": "flows write no more: %s was made", "resume": "flows may write again: %s was removed"}[what]
	_, err = fmt.Fprintf(out, done+" (no daemon answers at %s)\n", path, s.daemon.url())
	return err
}

func printProbing(out io.Writer, p app.Probing) error {
	said := "flows may write"
	if p.Paused {
		said = "flows write no more: " + p.Reason
		if p.By != "" {
			said += ", by " + p.By
		}
	}
	_, err := fmt.Fprintln(out, said)
	return err
}
