package rules

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/slo"
)

// Names of the alerts. None is a name that the daemon sends: an Alertmanager
// that hears both tells them apart.
const (
	BurnFast   = "FinanceErrorBudgetBurnFast"
	BurnSlow   = "FinanceErrorBudgetBurnSlow"
	Unmeasured = "FinanceObjectivesUnmeasured"
)

// burns records of each pair of windows whether it burns, and alerts: once for
// the fast pairs and once for the slow ones, when any of them burns.
func (t tenant) burns(obj Objective) ([]rule, error) {
	identity := t.labels([2]string{"objective", obj.ID})
	var out []rule
	for _, b := range t.options.Burns {
		expr, err := t.burn(obj, b)
		if err != nil {
			return nil, fmt.Errorf("write rules: objective %q: %w", obj.ID, err)
		}
		out = append(out, rule{record: burn + duration(b.Lookback), expr: expr, labels: identity})
	}
	explained(obj.ID+": bad events of the long window, while a pair of windows burns.", out)
	for _, fast := range []bool{true, false} {
		var pairs, words []string
		for _, b := range t.options.Burns {
			if b.Fast == fast {
				pairs = append(pairs, t.of(burn, obj, b.Lookback))
				words = append(words, fmt.Sprintf("%s times over %s and %s", decimal(b.Factor()), duration(b.Lookback), duration(b.Short)))
			}
		}
		if len(pairs) == 0 {
			continue
		}
		out = append(out, rule{
			alert: map[bool]string{true: BurnFast, false: BurnSlow}[fast],
			expr:  strings.Join(pairs, "\nor\n"), keep: t.scaled(t.options.Hold),
			labels: t.labels(append([][2]string{
				{"process", obj.Process},
				{"objective", obj.ID},
				{"indicator", obj.Indicator},
				{"source", string(obj.Source)},
				{"team", obj.Team},
			}, t.severity(obj, fast)...)...),
			annotations: obj.words(strings.Join(words, ", or ")),
		})
	}
	return out, nil
}

// severity says how loud a burn is. Rules know neither the calendar nor a
// witness: none is business-critical.
func (t tenant) severity(obj Objective, fast bool) [][2]string {
	tier, severity := "informational", "info"
	if fast {
		tier, severity = "degradation", "ticket"
		if t.options.Page && obj.Critical {
			severity = "page"
		}
	}
	return [][2]string{{"tier", tier}, {"severity", severity}}
}

// of selects what is recorded of an objective over a window.
func (t tenant) of(what string, obj Objective, d time.Duration) string {
	if what != burn {
		what += ":sum"
	}
	return what + duration(d) + "{objective=" + strconv.Quote(obj.ID) + "}"
}

// burn is one pair as an expression: the bad events of the long window, while it
// burns with enough evidence, and while the burn goes on by what is recent. As
// long as the source is silent for half of the short window nobody can say that
// it has ended: then what burned goes on, and nothing begins to.
func (t tenant) burn(obj Objective, b slo.BurnWindow) (string, error) {
	at, err := b.Threshold(obj.Target)
	if err != nil {
		return "", err
	}
	floor := max(obj.MinBad, 1)
	long := func(what string) string { return t.of(what, obj, b.Lookback) }
	silent := "2 * " + t.of(observed, obj, b.Short) + " < " + t.of(evaluations, obj, b.Short)
	return long(bad) + "\n" +
		"and " + t.above(obj, at, b.Lookback) + "\n" +
		"and " + long(bad) + " >= " + evidence(at.Enough, at.Plenty, floor, long(events)) + "\n" +
		"and (\n  (\n    " + indent(t.recent(obj, b, at, floor), "    ") + "\n  )\n" +
		"  unless " + silent + "\n" +
		"  or\n" +
		"  " + t.of(burn, obj, b.Lookback) + " offset " + duration(t.options.Tick) + "\n    and " + silent + "\n)", nil
}

// above is whether a window burns, compared in integers. The traffic of the part
// of it that has not begun is taken to be like the rest and healthy.
func (t tenant) above(obj Objective, at slo.Threshold, d time.Duration) string {
	ticks, _ := t.options.Grid(d)
	right := new(big.Int).Mul(new(big.Int).SetUint64(at.Num), big.NewInt(ticks))
	return t.of(bad, obj, d) + " * " + strconv.FormatUint(at.Den, 10) + " * " + t.of(evaluations, obj, d) +
		" > " + t.of(events, obj, d) + " * " + right.String()
}

// recent is whether the burn goes on: by the short window, or by the next longer
// one that has as many events as must be bad.
func (t tenant) recent(obj Objective, b slo.BurnWindow, at slo.Threshold, floor uint64) string {
	windows := slo.Recents(b, t.options.Burns)
	goesOn := func(d time.Duration) string {
		return t.above(obj, at, d) + " and (" + t.of(bad, obj, d) + " >= " + strconv.FormatUint(floor, 10) +
			" or " + t.of(bad, obj, b.Lookback) + " >= " + evidence(at.Sure, at.Plenty, 1, t.of(events, obj, b.Lookback)) + ")"
	}
	cases := make([]string, len(windows))
	for i, d := range windows {
		cases[i] = goesOn(d)
		if i > 0 {
			cases[i] += "\n  and " + t.of(events, obj, windows[i-1]) + " < " + strconv.FormatUint(floor, 10)
		}
		if i < len(windows)-1 {
			cases[i] += "\n  and " + t.of(events, obj, d) + " >= " + strconv.FormatUint(floor, 10)
		}
	}
	return strings.Join(cases, "\nor\n")
}

// evidence is how many bad events are needed among so many: more and more, up to
// where the ratio speaks for itself, and never fewer than least.
func evidence(most []uint64, plenty, least uint64, total string) string {
	most = most[min(uint64(len(most)), least-1):]
	if len(most) == 0 {
		return strconv.FormatUint(least, 10)
	}
	steps := make([]string, len(most))
	for i, n := range most {
		steps[i] = "(" + total + " > bool " + strconv.FormatUint(n, 10) + ")"
	}
	return fmt.Sprintf("%d + (\n      %s\n    ) * (%s < bool %d)", least, strings.Join(steps, "\n      + "), total, plenty)
}

// words are what people read.
func (obj Objective) words(pace string) [][2]string {
	what := "fails too often"
	if obj.Indicator == "latency" {
		what = "is too slow"
	}
	whom := "for users"
	if obj.Source == slo.Synthetic {
		whom = "in synthetic runs"
	}
	percent := decimal(new(big.Rat).Mul(obj.Target, big.NewRat(100, 1)))
	description := fmt.Sprintf("{{ $value | printf \"%%.0f\" }} bad events lately. Of all events %s%% are to be good: %s. "+
		"The error budget of 30 days is being spent faster than it lasts: at more than %s. "+
		"This rule sees neither deadlines nor causes: where Closewatch runs, look at its incidents first.", percent, obj.Says, pace)
	out := [][2]string{{"summary", obj.Title + " " + what + " " + whom}, {"description", description}}
	if obj.Runbook != "" {
		out = append(out, [2]string{"runbook_url", obj.Runbook})
	}
	return out
}

// blind are the alerts on sources that tell nothing: an objective without
// events is not met, it is not measured.
func (t tenant) blind(objectives []Objective) []rule {
	var out []rule
	for _, obj := range bySource(objectives) {
		out = append(out, rule{
			alert: Unmeasured, expr: "absent(" + t.source(obj) + ")", hold: t.scaled(t.options.Blind),
			labels: t.labels([2]string{"metric", obj.All.Metric}, [2]string{"team", "finance-platform"}, [2]string{"tier", "degradation"}, [2]string{"severity", "ticket"}),
			annotations: [][2]string{
				{"summary", "Objectives of " + t.name + " are not measured: " + obj.All.Metric + " is missing"},
				{"description", "Nothing is known about the objectives that are counted from this metric; that is neither good nor bad news. " +
					"Look whether Closewatch runs, whether it is scraped, and what \"closewatch check --live\" says."},
			},
		})
	}
	return explained("Sources that tell nothing.", out)
}
