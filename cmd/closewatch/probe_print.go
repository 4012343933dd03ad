package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/wording"
)

// A palette colours text for terminals that can. The zero palette does not.
type palette struct{ on bool }

func (p palette) paint(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string { return p.paint("1", text) }

// outcome paints text as a verdict is painted.
func (p palette) outcome(o flow.Outcome, text string) string {
	switch o {
	case flow.Passed:
		return p.paint("32", text)
	case flow.Failed:
		return p.paint("31", text)
	default:
		return p.paint("33", text)
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
	say := func(what, text string) {
		if text != "" {
			fmt.Fprintf(out, "%-6s %s\n", what, text)
		}
	}
	say("why", r.Reason)
	say("next", r.Hint)
	for _, l := range r.Leftovers {
		say("left", l)
	}
	for _, c := range r.CannotDetect {
		say("note", "this level cannot detect "+c)
	}
	say("cost", costOf(r.Cost, every))
	say("trace", r.TraceID)
	say("run", r.ID)
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

// stepLine is a step that has ended, in one line without its mark.
func stepLine(s flow.Step) string {
	said := s.Note
	if s.Error != "" {
		said = fmt.Sprintf("%s: %s", s.Kind, s.Error)
	}
	return strings.TrimRight(fmt.Sprintf("%-32s %9s  %s", stepName(s), milliseconds(s.Duration), said), " ")
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
