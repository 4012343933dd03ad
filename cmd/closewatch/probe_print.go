package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/wording"
)

// A palette colours text for terminals that can. The zero palette does not.
type palette struct{ on bool }

func (p palette) paint(code, word string) string {
	if !p.on {
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

func (p palette) bold(word string) string { return p.paint("1", word) }

// outcome paints a word as a verdict is painted.
func (p palette) outcome(o flow.Outcome, word string) string {
	switch o {
	case flow.Passed:
		return p.paint("32", word)
	case flow.Failed:
		return p.paint("31", word)
	default:
		return p.paint("33", word)
	}
}

// placeOf says which flow runs where.
func placeOf(s flow.Series) string {
	return fmt.Sprintf("%s at %s on %s (%s)", s.Flow, s.Level, s.Tenant, s.Environment)
}

// printVerdict prints what a run came to, and what to do about it. every is the
// interval of its schedule, 0 when that is not known.
func printVerdict(out io.Writer, r flow.Run, every time.Duration, p palette) {
	verdict := strings.ToUpper(string(r.Outcome))
	fmt.Fprintf(out, "%s: %s in %s\n", placeOf(flow.SeriesOf(r)), p.outcome(r.Outcome, verdict), milliseconds(r.Duration))
	say := func(what, said string) {
		if said != "" {
			printWrapped(out, fmt.Sprintf("%-6s ", what), said)
		}
	}
	say("why", r.Reason)
	say("next", r.Hint)
	for _, l := range r.Leftovers {
		say("left", l)
	}
	if len(r.CannotDetect) > 0 {
		say("note", "this level cannot detect "+strings.Join(r.CannotDetect, "; "))
	}
	say("cost", costOf(r.Cost, every))
	say("trace", r.TraceID)
	say("run", r.ID)
}

// printTally counts what several runs came to, and names those that did not
// pass.
func printTally(out io.Writer, runs []flow.Run) {
	if len(runs) < 2 {
		return
	}
	var passed int
	var others []string
	for _, r := range runs {
		if r.Outcome == flow.Passed {
			passed++
			continue
		}
		others = append(others, fmt.Sprintf("%s %s on %s", r.Flow, r.Outcome, r.Tenant))
	}
	printWrapped(out, "", strings.Join(append([]string{fmt.Sprintf("\n%d of %d flows passed", passed, len(runs))}, others...), "; "))
}

// costOf says what a run cost, as far as that is known.
func costOf(c *flow.Cost, every time.Duration) string {
	if c == nil {
		return ""
	}
	parts := []string{
		wording.Count(c.Requests, "request", "requests"),
		bytesOf(c.Sent) + " sent and " + bytesOf(c.Received) + " received",
		fmt.Sprintf("at most %.1f s of a worker", c.Busy.Seconds()),
	}
	if every > 0 {
		parts[2] += fmt.Sprintf(", which is %.1f%% of one at a run every %s", 100*c.Busy.Seconds()/every.Seconds(), wording.Duration(every))
	}
	if c.Rows != nil {
		parts = append(parts, fmt.Sprintf("at most %s written (sampled %s)", wording.Count(int(c.Rows.Written()), "row", "rows"), c.Rows.At.UTC().Format("2006-01-02 15:04Z")))
	}
	return strings.Join(parts, "; ")
}

func bytesOf(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1000)
}

// pageWidth is how wide lines may become, in columns.
const pageWidth = 100

// printWrapped prints text behind a label, and what does not fit below it.
func printWrapped(out io.Writer, label, said string) {
	indent := text.StringWidthWithoutEscSequences(label)
	said = strings.TrimRight(text.WrapSoft(said, pageWidth-indent), "\n ")
	for i, line := range strings.Split(said, "\n") {
		if i > 0 {
			label = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(out, label+strings.TrimRight(line, " "))
	}
}

// detailIndent is where that stands which belongs to the line above.
const detailIndent = "         "

// printStep prints a step that has ended behind its mark, and what was said of
// it: on the same line, or below when that is full.
func printStep(out io.Writer, mark string, s flow.Step) {
	said := s.Note
	if s.Error != "" {
		said = fmt.Sprintf("%s: %s", s.Kind, s.Error)
	}
	line := fmt.Sprintf("  %s %-32s %9s", mark, stepName(s), milliseconds(s.Duration))
	switch {
	case said == "":
		fmt.Fprintln(out, line)
	case text.StringWidthWithoutEscSequences(line)+2+text.StringWidthWithoutEscSequences(said) <= pageWidth:
		fmt.Fprintln(out, line+"  "+said)
	default:
		fmt.Fprintln(out, line)
		printWrapped(out, detailIndent, said)
	}
}

func stepName(s flow.Step) string {
	if s.Cleanup {
		return "clean up: " + s.Name
	}
	return s.Name
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
