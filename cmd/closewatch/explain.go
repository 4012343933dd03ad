package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// explaining are the flags of closewatch explain.
type explaining struct {
	daemon daemonAt
	entity string
	whyNot string
	at     instant
	data   string
	asJSON bool
}

func newExplain() *cobra.Command {
	var x explaining
	cmd := &cobra.Command{
		Use:   "explain [PROCESS | TRACE_ID]",
		Short: "Print the decision table, or how a verdict was reached",
		Long: `Without an argument: the decision table, row by row. For each symptom the first matching row counts; the verdict is
the highest tier over all symptoms.

With a process: the newest verdict of a running daemon about it, with the evidence it rests on and every row that was
considered. With the trace_id of an alert: that very verdict, judged again from what was recorded, which must come out
the same to the byte.

--why-not says what keeps a process from a tier, row by row. --at asks about an earlier time. --data reads the tick record
in a data directory instead of asking a daemon.`,
		Example: "  closewatch explain\n  closewatch explain invoice-posting\n  closewatch explain invoice-posting --why-not business-critical\n" +
			"  closewatch explain payroll --at 2026-12-18T15:00Z --data /var/lib/closewatch\n  closewatch explain T6a0c1f30-0123456789abcdef",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return x.table(cmd)
			}
			return x.verdict(cmd, args[0])
		},
	}
	x.daemon.register(cmd)
	cmd.Flags().StringVar(&x.entity, "entity", "", "only this entity")
	cmd.Flags().StringVar(&x.whyNot, "why-not", "", "say what keeps it from this tier: business-critical, degradation or informational")
	cmd.Flags().Var(&x.at, "at", "the verdict at this time: 2026-12-31T15:00Z")
	cmd.Flags().StringVar(&x.data, "data", "", "read the tick record in this data directory; no daemon is asked")
	cmd.Flags().BoolVar(&x.asJSON, "json", false, "print JSON")
	return cmd
}

// table prints the decision table.
func (x *explaining) table(cmd *cobra.Command) error {
	if x.whyNot != "" || x.data != "" || !x.at.IsZero() || x.entity != "" {
		return errors.New("name a process: --why-not, --at, --data and --entity are about its verdict")
	}
	if x.asJSON {
		return printJSON(cmd.OutOrStdout(), tableRows())
	}
	printTable(cmd.OutOrStdout())
	return nil
}

// verdict prints the explanations of a process or of a trace.
func (x *explaining) verdict(cmd *cobra.Command, about string) error {
	q := app.Question{Process: about, Entity: x.entity, At: x.at.Time}
	if _, is := tiering.TracedAt(about); is {
		q = app.Question{Trace: about}
	} else if !knownProcess(about) {
		return unknownProcess(about)
	}
	if x.whyNot != "" {
		tier, err := app.ParseTier(x.whyNot)
		if err != nil {
			return err
		}
		q.WhyNot = tier
	}
	found, err := x.ask(cmd.Context(), q)
	if err != nil {
		return &findings{err}
	}
	if len(found) == 0 {
		return &findings{undecided(about, x.entity)}
	}
	out := cmd.OutOrStdout()
	if x.asJSON {
		return printJSON(out, found)
	}
	for i := range found {
		if found[i].WhyNot != nil {
			printWhyNot(out, &found[i])
		} else {
			printExplanation(out, &found[i])
		}
	}
	return nil
}

// ask answers from a data directory, or asks a running daemon.
func (x *explaining) ask(ctx context.Context, q app.Question) ([]app.Explanation, error) {
	if x.data == "" {
		return fetchExplanations(ctx, x.daemon, q)
	}
	if q.At.IsZero() {
		q.At = time.Now()
	}
	if inside := filepath.Join(x.data, "ticks"); !isDir(inside) {
		return nil, fmt.Errorf("%s has no tick record; name the data directory of a daemon", x.data)
	}
	return app.ExplainRecorded(x.data, q)
}

// undecided says why there may be no verdict.
func undecided(process, entity string) error {
	if entity != "" {
		return fmt.Errorf("the daemon has no verdict on %s of %q: the estate has no such entity, the process is disabled, or the first tick is still to come", process, entity)
	}
	return fmt.Errorf("the daemon has no verdict on %s: the process is disabled in the estate, or the first tick is still to come", process)
}

func unknownProcess(name string) error {
	return fmt.Errorf("there is no process %q; the processes are %s", name, strings.Join(processNames(), ", "))
}

func processNames() []string {
	var out []string
	for _, p := range process.Catalog() {
		out = append(out, p.Name)
	}
	return out
}

func knownProcess(name string) bool {
	for _, p := range process.Catalog() {
		if p.Name == name {
			return true
		}
	}
	return false
}

// fetchExplanations asks a running daemon.
func fetchExplanations(ctx context.Context, d daemonAt, q app.Question) ([]app.Explanation, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, err := d.ask(ctx, http.MethodGet, "/api/v1/explain?"+q.Query().Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	if resp.StatusCode != http.StatusOK {
		return nil, d.refused(resp)
	}
	var found []app.Explanation
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&found); err != nil {
		return nil, fmt.Errorf("the daemon at %s did not answer with an explanation: %w", d.url(), err)
	}
	return found, nil
}

// A row of the decision table as JSON.
type tableRow struct {
	ID      string       `json:"id"`
	Symptom string       `json:"symptom"`
	When    string       `json:"when,omitempty"`
	Unless  string       `json:"unless,omitempty"`
	A       tiering.Tier `json:"tier_a"`
	B       tiering.Tier `json:"tier_b"`
	C       tiering.Tier `json:"tier_c"`
	D       tiering.Tier `json:"tier_d"`
	Because string       `json:"because"`
}

func tableRows() []tableRow {
	var out []tableRow
	for _, r := range tiering.Table() {
		out = append(out, tableRow{r.ID, string(r.Symptom), r.If.String(), r.Unless.String(), r.A, r.B, r.C, r.D, r.Because})
	}
	return out
}

func newTable(out io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = false
	t.Style().Format.Header = text.FormatDefault
	return t
}
