package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGate() *cobra.Command {
	var file string
	var at instant
	var daemon daemonAt
	var asJSON, strict bool
	q := app.GateQuestion{Duration: app.GateDuration}
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Ask whether a change may be made now, and when otherwise",
		Long: `Ask whether a change may be made now: go, caution or no, with every reason and until when it stands, and the next window
in which nothing speaks against it, over all entities that the components serve.

No: a hard freeze covers a component; a process of tier A that cannot do without it is in the critical window of a close,
or has a deadline before the change and the recovery from it (its RTO) would be over; a business-critical incident is
open; the error-budget policy of a process of tier A or B freezes deploys; a calendar is in doubt. Caution: a soft freeze;
less than twice the RTO before a deadline, or the days before one; a process that matters less or can do without the
component; a lesser incident; changes need approval because little is left of an error budget; an outcome that nothing
measures now.

Without -f a running daemon is asked, which knows what goes on now. With -f the estate and its calendar answer.

Exit codes: 0 go or caution, 1 no (with --strict: caution, too), 2 usage.`,
		Example: "  closewatch gate --component erp\n  closewatch gate -f closewatch.yaml --component db --at 2026-12-31T15:00Z --duration 2h\n  closewatch gate --component erp --strict && ./deploy.sh",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := askGate(cmd, file, daemon, q, at)
			if err != nil {
				return err
			}
			if out := cmd.OutOrStdout(); asJSON {
				err = printJSON(out, v)
			} else {
				printGate(out, v)
			}
			if err == nil && (v.Answer == app.No || strict && v.Answer == app.Caution) {
				err = &findings{}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "estate file; without one a running daemon is asked")
	daemon.register(cmd)
	cmd.Flags().StringSliceVar(&q.Components, "component", nil, "what is to be changed (default everything)")
	cmd.Flags().StringSliceVar(&q.Entities, "entity", nil, "only the calendars of these entities (default all that the components serve)")
	cmd.Flags().StringVar(&q.Environment, "environment", "", "environment, when no component is named (default the estate's)")
	cmd.Flags().Var(&at, "at", "when the change begins (default now)")
	cmd.Flags().DurationVar(&q.Duration, "duration", q.Duration, "how long the change takes")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 1 on caution, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// askGate asks the estate in a file or, without one, a running daemon.
func askGate(cmd *cobra.Command, file string, d daemonAt, q app.GateQuestion, at instant) (v app.GateVerdict, err error) {
	if file != "" {
		plan, err := load(file)
		if err != nil {
			return v, err
		}
		if q.At = at.Time; q.At.IsZero() {
			q.At = time.Now()
		}
		return plan.Gate(q)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
	defer cancel()
	values := url.Values{"component": q.Components, "entity": q.Entities, "duration": {q.Duration.String()}}
	if q.Environment != "" {
		values.Set("environment", q.Environment)
	}
	if !at.IsZero() {
		values.Set("at", at.Format(time.RFC3339))
	}
	resp, err := d.ask(ctx, http.MethodGet, "/api/v1/gate?"+values.Encode(), http.NoBody)
	if err != nil {
		return v, err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusOK {
		return v, d.refused(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&v); err != nil {
		return v, fmt.Errorf("the daemon at %s did not answer the question: %w", d.url(), err)
	}
	if v.Answer == "" {
		return v, errors.New("the daemon did not answer the question: it is of another version")
	}
	return v, nil
}

func printGate(out io.Writer, v app.GateVerdict) {
	const form = "Mon 2 Jan 2006 15:04 MST"
	what := "everything in " + v.Environment
	if len(v.Components) > 0 {
		what = wording.List(v.Components) + " in " + v.Environment
	}
	fmt.Fprintf(out, "%s: changing %s, %s, for %s.\n", strings.ToUpper(string(v.Answer)), what, v.At.Format(form), wording.Duration(time.Duration(v.Duration)))
	if len(v.Entities) > 0 {
		fmt.Fprintf(out, "It serves %s.\n", wording.List(v.Entities))
	}
	for _, r := range v.Reasons {
		fmt.Fprintln(out)
		about := ""
		if len(r.Entities) > 0 {
			about = wording.List(r.Entities) + ": "
		}
		fmt.Fprintf(out, "  %-8s %s%s\n", r.Answer, about, r.Text)
		if !r.Until.IsZero() {
			fmt.Fprintf(out, "           until %s\n", r.Until.UTC().Format(form))
		}
		if r.Override != "" {
			fmt.Fprintf(out, "           %s\n", r.Override)
		}
	}
	if len(v.Reasons) == 0 {
		fmt.Fprintln(out, "Nothing speaks against it.")
	}
	if len(v.Reasons) > 0 {
		fmt.Fprintln(out)
	}
	if len(v.Maintenance) > 0 {
		fmt.Fprintf(out, "Announced maintenance now: %s.\n", wording.List(v.Maintenance))
	}
	provided := func(allowed app.Answer) string {
		if v.Open(allowed) {
			return ", if what has no end above is over"
		}
		return ""
	}
	if v.NextCaution != nil {
		fmt.Fprintf(out, "With caution%s: begin %s.\n", provided(app.Caution), beginWords(*v.NextCaution, form))
	}
	switch {
	case v.Next != nil:
		fmt.Fprintf(out, "Next safe window%s: begin %s.\n", provided(app.Go), beginWords(*v.Next, form))
	case v.Answer != app.Go:
		fmt.Fprintf(out, "No safe window until %s: ask again when a reason is gone, or break the glass.\n", v.SearchedTo.Format(form))
	}
	for _, n := range v.NotAsked {
		fmt.Fprintf(out, "Not asked: %s.\n", n)
	}
}

func beginWords(w app.SafeWindow, form string) string {
	said := fmt.Sprintf("from %s, before %s", w.From.Format(form), w.Until.Format(form))
	if w.Maintenance != "" {
		said += " (maintenance: " + w.Maintenance + ")"
	}
	return said
}
