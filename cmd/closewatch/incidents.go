package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

func newIncidents() *cobra.Command {
	var daemon daemonAt
	var openOnly, asJSON bool
	cmd := &cobra.Command{
		Use:   "incidents [INCIDENT]",
		Short: "List incidents, or show the life of one",
		Long: `The incidents of a running daemon, open ones first. Of one: how long detecting, taking and restoring took, what recovery
still waits for, how each process stands against its recovery objectives, and its timeline.

Ends with 1 while one of them is open and more than informational.`,
		Example: "  closewatch incidents --open\n  closewatch incidents I-118a2b3c\n  closewatch incidents I-118a2b3c --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				var in web.Incident
				if err := daemon.read(cmd.Context(), "/api/v1/incidents/"+url.PathEscape(args[0]), &in); err != nil {
					return &findings{err}
				}
				if asJSON {
					return graveness(printJSON(out, in), in.IncidentSummary)
				}
				printIncident(out, in)
				return graveness(nil, in.IncidentSummary)
			}
			var all struct{ Incidents []web.IncidentSummary }
			if err := daemon.read(cmd.Context(), "/api/v1/incidents", &all); err != nil {
				return &findings{err}
			}
			list := all.Incidents
			if openOnly {
				list = slices.DeleteFunc(list, func(s web.IncidentSummary) bool { return !s.Open() })
			}
			if asJSON {
				return graveness(printJSON(out, list), list...)
			}
			printIncidents(out, list, time.Now())
			return graveness(nil, list...)
		},
	}
	daemon.register(cmd)
	cmd.Flags().BoolVar(&openOnly, "open", false, "only open ones")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// read asks for JSON.
func (d *daemonAt) read(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, err := d.ask(ctx, http.MethodGet, path, http.NoBody)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusOK {
		return d.refused(resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(into); err != nil {
		return fmt.Errorf("the daemon at %s did not answer as expected: %w", d.url(), err)
	}
	return nil
}

// graveness is a finding while one of some incidents is open and more than
// informational.
func graveness(err error, list ...web.IncidentSummary) error {
	grave := func(s web.IncidentSummary) bool { return s.Open() && s.Tier != web.TierInformational }
	if err == nil && slices.ContainsFunc(list, grave) {
		return &findings{}
	}
	return err
}

func printIncidents(out io.Writer, list []web.IncidentSummary, now time.Time) {
	if len(list) == 0 {
		fmt.Fprintln(out, "there is no incident")
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"incident", "state", "tier", "lead", "cause", "began (UTC)", "lasted"})
	for _, s := range list {
		end := now
		if !s.Open() {
			end = s.Resolved
		}
		t.AppendRow(table.Row{
			s.ID, s.State, string(s.Tier), s.Process + " of " + s.Entity, cmp.Or(s.Cause, "not found"), s.Opened.UTC().Format(clockTime), wording.Duration(end.Sub(s.Opened)),
		})
	}
	t.Render()
}

// clockTime is how instants are printed, in UTC.
const clockTime = "2006-01-02 15:04:05"

func printIncident(out io.Writer, in web.Incident) {
	fmt.Fprintf(out, "%s  %s\n", in.ID, in.Title)
	fmt.Fprintf(out, "  state       %s, %s, of %s in %s\n", in.State, in.Tier, in.Entity, in.Environment)
	if in.PartOf != "" {
		fmt.Fprintf(out, "  goes on as  %s\n", in.PartOf)
	}
	fmt.Fprintf(out, "  cause       %s\n", cmp.Or(in.Cause, "not found"))
	fmt.Fprintf(out, "  began       %s UTC, raised after %s\n", in.Opened.UTC().Format(clockTime), wording.Duration(in.Life.ToDetect.D()))
	if took := in.Life.ToAcknowledge; took != nil {
		fmt.Fprintf(out, "  taken       after %s%s\n", wording.Duration(took.D()), takenBy(in.Life.Taken))
	} else {
		fmt.Fprintln(out, "  taken       by nobody")
	}
	switch took := in.Life.ToRestore; {
	case took != nil:
		fmt.Fprintf(out, "  restored    after %s\n", wording.Duration(took.D()))
	case !in.Life.Recovering.IsZero():
		fmt.Fprintf(out, "  recovering  since %s UTC\n", in.Life.Recovering.UTC().Format(clockTime))
	}
	for i, c := range in.Checks {
		fmt.Fprintf(out, "  %-11s %-12s %s\n", map[bool]string{true: "checks"}[i == 0], c.State+",", c.Text)
	}
	printRecoveries(out, in.Measured())
	for i, e := range in.Timeline {
		fmt.Fprintf(out, "  %-11s %s  %s\n", map[bool]string{true: "timeline"}[i == 0], e.At.UTC().Format(clockTime), e.Text)
	}
}

func takenBy(taken []web.Taken) string {
	var who []string
	for _, x := range taken {
		who = append(who, x.By)
	}
	if len(who) == 0 {
		return ""
	}
	return " by " + strings.Join(who, ", then ")
}

func printRecoveries(out io.Writer, list []web.Recovery) {
	if len(list) == 0 {
		return
	}
	t := newTable(out)
	t.AppendHeader(table.Row{"process", "entity", "away", "of RTO", "verdict", "at risk", "of RPO", "verdict"})
	clock := func(c *web.Clock) (used, of string) {
		if c == nil {
			return "", ""
		}
		if c.Elapsed != nil {
			used = wording.Duration(c.Elapsed.D())
		}
		return used, wording.Duration(c.Objective.D())
	}
	for _, r := range list {
		away, rto := clock(r.RTO)
		risk, rpo := clock(r.RPO)
		t.AppendRow(table.Row{r.Process, r.Entity, away, rto, r.RTOIs, risk, rpo, r.RPOIs})
	}
	t.Render()
}
