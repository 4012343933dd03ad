package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

func printTable(out io.Writer) {
	fmt.Fprintln(out, "For each symptom the first matching row counts; the verdict is the highest tier over all symptoms.")
	t := newTable(out)
	t.AppendHeader(table.Row{"symptom", "row", "when", "unless", "A", "B", "C", "D"})
	last := ""
	for _, r := range tableRows() {
		symptom := r.Symptom
		if symptom == last {
			symptom = ""
		} else if last != "" {
			t.AppendSeparator()
		}
		last = r.Symptom
		when := r.When
		if when == "" {
			when = "otherwise"
		}
		t.AppendRow(table.Row{symptom, r.ID, when, r.Unless, badgeOf(r.A), badgeOf(r.B), badgeOf(r.C), badgeOf(r.D)})
	}
	t.Render()
	rules, holds := tiering.DefaultRules(), tiering.DefaultHolds()
	d := wording.Duration
	for _, line := range []string{
		"A to D: the process's service tier; in its critical window (pre-close and close, unless it has its own), its tier of the window.",
		"BIZ: business-critical, may page; DEG: degradation, a ticket; INFO: informational; –: nothing.",
		"severe: a signal is critical, not only a warning.",
		"witnessed: two failing runs in a row, tests and users, or the outcome and an unhealthy component.",
		"prolonged: a recovery point " + d(rules.Prolonged) + " beyond its objective; blindness of " + d(rules.Blind) + " or a tenth of the RTO; a lost primary, or a backlog that stands still, for " + d(rules.Stalled) + " or a quarter of the RTO.",
		"slack: time to the next deadline less what the backlog takes at the rate it is done, less the RTO when it is not done at all.",
		fmt.Sprintf("A tier stands once it has lasted %s (business-critical), %s (degradation) or %s (informational), and at once when the calendar raises what stands.",
			d(holds.Enter[tiering.BusinessCritical]), d(holds.Enter[tiering.Degradation]), d(holds.Enter[tiering.Informational])),
		fmt.Sprintf("It falls after %s, %s or %s of better evidence; never for lack of evidence; after %s when it came and went more than %d times within that time.",
			d(holds.Leave[tiering.BusinessCritical]), d(holds.Leave[tiering.Degradation]), d(holds.Leave[tiering.Informational]), d(holds.FlapWindow), holds.FlapCount),
		"Burn windows: The Site Reliability Workbook, chapter 5. Why each row is as it is: decision record 19.",
	} {
		fmt.Fprintln(out, line)
	}
}

func wordOf(t tiering.Tier) string {
	if t == tiering.None {
		return "–"
	}
	return t.String()
}

// badgeOf is a tier as titles have it.
func badgeOf(t tiering.Tier) string {
	if t == tiering.None {
		return "–"
	}
	return wording.Badge(t.String())
}

// instantOf is a time for people who compare it with logs.
func instantOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// A sheet prints lines under names.
type sheet struct{ out io.Writer }

func (s sheet) line(name, format string, args ...any) {
	fmt.Fprintf(s.out, "  %-13s"+format+"\n", append([]any{name}, args...)...)
}

func printHead(out io.Writer, x *app.Explanation) {
	im := &x.Impact
	fmt.Fprintf(out, "%s of %s (%s, %s): %s\n", x.Title, im.Entity, im.Tenant, im.Environment, verdictWords(im))
}

func printExplanation(out io.Writer, x *app.Explanation) {
	printHead(out, x)
	s := sheet{out}
	printReached(s, x)
	fmt.Fprintln(out, "evidence")
	printEvidence(s, x)
	if im := &x.Impact; len(im.Trace) > 0 {
		fmt.Fprintln(out, "rows considered")
		t := newTable(out)
		t.AppendHeader(table.Row{"symptom", "row", "matched", "tier", "why"})
		for _, st := range im.Trace {
			t.AppendRow(table.Row{st.Symptom, st.Row, map[bool]string{true: "yes", false: "no"}[st.Matched], wordOf(st.Tier), st.Why})
		}
		t.Render()
	}
	fmt.Fprintln(out)
}

func printReached(s sheet, x *app.Explanation) {
	im := &x.Impact
	s.line("decided at", "%s", instantOf(x.At))
	s.line("stands since", "%s", instantOf(im.Since))
	if x.Before != im.Tier && im.Tier > tiering.None {
		s.line("before", "%s", wordOf(x.Before))
	}
	s.line("matters", "service tier %s, %s", im.ServiceTier, im.Phase)
	if im.CriticalWhy != "" {
		s.line("critical", "%s", im.CriticalWhy)
	}
	if im.Calendar != 0 {
		s.line("calendar", "%s", im.Calendar)
	}
	for _, r := range im.Reasons {
		s.line("reason", "%s", r.Text)
		s.line("", "→ %s by %s: %s", r.Tier, r.Row, r.Because)
	}
	for _, w := range im.Witnesses {
		s.line("witness", "%s", w)
	}
	printCauses(s, x)
	if im.Slack != nil {
		s.line("slack", "%s", slackWords(im.Slack))
	}
	if c := im.Clock; !c.Began.IsZero() {
		state := "running"
		if !c.Stopped.IsZero() {
			state = "stopped at " + instantOf(c.Stopped)
		}
		s.line("RTO clock", "%s of %s since %s, %s", wording.Duration(c.Elapsed), wording.Duration(c.Objective), instantOf(c.Began), state)
	}
	if im.Flapping {
		s.line("flapping", "it came and went %d times lately, and is held for longer", len(im.Hold.Entries))
	}
	if len(im.NotWatched) > 0 {
		s.line("not watched", "%s", strings.Join(im.NotWatched, ", "))
	}
	if x.TraceID != "" {
		s.line("trace", "%s", x.TraceID)
	}
	if x.Rederived != "" {
		s.line("re-derived", "%s", x.Rederived)
	}
	s.line("cites", "configuration %s, calendar %s", cutHash(x.ConfigHash), cutHash(x.CalendarHash))
}

// printCauses prints what may be behind it, the most probable first, with what
// speaks for (+) and against (−) each; what is ruled out; whom the cause reaches;
// and in which order to recover.
func printCauses(s sheet, x *app.Explanation) {
	im := &x.Impact
	for i, c := range im.Candidates {
		label := ""
		if i == 0 {
			label = "cause"
		}
		s.line(label, "%d. %s (%s)", i+1, c.What, c.Confidence)
		for _, text := range c.For {
			s.line("", "   + %s", text)
		}
		for _, text := range c.Against {
			s.line("", "   − %s", text)
		}
	}
	for i, out := range im.Excluded {
		label := ""
		if i == 0 {
			label = "ruled out"
		}
		s.line(label, "%s: %s", out.Component, out.Why)
	}
	printReach(s, x)
	for i, turn := range x.Order {
		label, what := "", turn.Component
		if i == 0 {
			label = "recover"
		}
		if turn.Process != nil {
			what = turn.Process.Process + " of " + turn.Process.Entity
		}
		s.line(label, "%d. %s (%s)", i+1, what, turn.Why)
	}
}

// printReach prints who needs the component that is the cause, by how they are.
func printReach(s sheet, x *app.Explanation) {
	label := "reaches"
	for _, g := range []struct {
		condition tiering.Condition
		words     string
	}{{tiering.ConditionFails, "impaired"}, {tiering.ConditionUnknown, "not known"}, {tiering.ConditionWorks, "seen to work"}} {
		var who []string
		for _, r := range x.Reaches {
			if r.Condition == g.condition {
				who = append(who, r.Process+" of "+r.Entity)
			}
		}
		if len(who) > 0 {
			s.line(label, "%s: %s", g.words, strings.Join(who, ", "))
			label = ""
		}
	}
}

func cutHash(h string) string { return h[:min(12, len(h))] }

func slackWords(s *tiering.Slack) string {
	due := fmt.Sprintf("%s at %s", s.Deadline, instantOf(s.At))
	switch {
	case s.Never:
		return due + " cannot be met at this rate: nothing of what waits is being done"
	case s.Waits != "":
		return fmt.Sprintf("%s until %s (catch-up %s, with %s, which comes first)", wording.Duration(s.Left), due, wording.Duration(s.CatchUp), s.Waits)
	default:
		return fmt.Sprintf("%s until %s (catch-up %s)", wording.Duration(s.Left), due, wording.Duration(s.CatchUp))
	}
}

func printEvidence(s sheet, x *app.Explanation) {
	for _, f := range x.Flows {
		text := fmt.Sprintf("%s at %s is %s", f.Flow, f.Level, f.State)
		if f.Failures > 0 {
			text += fmt.Sprintf(", %d in a row, at step %s (%s): %s", f.Failures, f.Step, f.Kind, f.Reason)
		}
		s.line("flow", "%s", text)
		for _, c := range f.CannotDetect {
			s.line("", "cannot detect: %s", c)
		}
	}
	for _, f := range x.Findings {
		s.line("signal", "%s of %s is %s since %s: %s", f.Signal, f.Component, f.State, instantOf(f.Since), f.Text)
	}
	for _, n := range x.Needs {
		text := fmt.Sprintf("%s (%s, %s) is %s", n.Component, n.Kind, n.Role, n.State)
		if len(n.Evidence) > 0 {
			text += ": " + strings.Join(n.Evidence, "; ")
		}
		s.line("needs", "%s", text)
	}
	for _, w := range x.Work {
		state := "on time"
		if w.Missing {
			state = "missing: " + w.Why
		}
		s.line("work", "%s (%s): %s", w.Says, w.Name, state)
	}
	for _, b := range x.Blockers {
		s.line("comes first", "%s by %s, which still takes %s", b.Title, b.Process, wording.Duration(b.CatchUp))
	}
	if x.Exposure != nil {
		s.line("exposure", "%s of unprotected work, objective %s", wording.Duration(*x.Exposure), wording.Duration(x.RPO))
	}
	if x.PerMinute != nil {
		s.line("ledger", "%.0f entries a minute", *x.PerMinute)
	}
	for _, b := range x.Burns {
		if state := burnState(b); state != "" {
			s.line("burn", "%s of %s: %d of %d bad, %.1f× (%s), %s", b.Indicator, b.Source, b.Bad, b.Total, b.Rate, b.Window, state)
		}
	}
	for _, b := range x.Budgets {
		s.line("budget", "%s of %s: %d.%d %% of %s left", b.Indicator, b.Source, b.Left/10, max(b.Left%10, -(b.Left%10)), b.Of)
	}
}

func burnState(b app.BurnSeen) string {
	switch {
	case b.Firing:
		return "burning"
	case b.Lingers:
		return "not over yet"
	default:
		return ""
	}
}

// printWhyNot prints for each row that could give the tier what keeps it from
// counting.
func printWhyNot(out io.Writer, x *app.Explanation) {
	printHead(out, x)
	s := sheet{out}
	s.line("decided at", "%s", instantOf(x.At))
	if x.WhyNot.Reached {
		s.line("answer", "it stands at %s: closewatch explain %s says why", x.Impact.Tier, x.Impact.Process)
		fmt.Fprintln(out)
		return
	}
	if x.WhyNot.Pending != "" {
		s.line("answer", "%s", x.WhyNot.Pending)
	}
	fmt.Fprintf(out, "what keeps it from %s, nearest first\n", x.WhyNot.Tier)
	t := newTable(out)
	t.AppendHeader(table.Row{"row", "first", "and then"})
	for _, g := range x.WhyNot.Gates {
		t.AppendRow(table.Row{g.Row, g.First, g.Rest})
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft}, {Number: 3, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft}})
	t.Render()
	fmt.Fprintln(out)
}

func verdictWords(im *tiering.Impact) string {
	switch {
	case im.Tier > tiering.None && im.Recovering:
		return im.Tier.String() + ", recovering"
	case im.Tier > tiering.None && im.Frozen:
		return im.Tier.String() + ", held because evidence is missing"
	case im.Tier > tiering.None:
		return im.Tier.String()
	case im.Paused:
		return "not exercised"
	case im.Unknown:
		return "unknown"
	default:
		return "works"
	}
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
