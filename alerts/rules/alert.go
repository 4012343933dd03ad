package rules

import (
	"fmt"
	"math/big"
	"slices"
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

// burns are the alerts of an objective: one for the fast pairs of windows and
// one for the slow ones, each firing when any of its pairs burns.
func (t tenant) burns(obj Objective) []rule {
	var out []rule
	for _, fast := range []bool{true, false} {
		var pairs, words []string
		for _, b := range t.options.Burns {
			if b.Fast == fast {
				pairs = append(pairs, t.burn(obj, b))
				words = append(words, fmt.Sprintf("%s times over %s and over %s", decimal(b.Factor()), duration(b.Lookback), duration(b.Short)))
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
	return out
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

// burn is one pair as an expression: the bad events of the long window where
// both windows burn and they are evidence. The traffic of the part of a window
// that has not begun is taken to be like the rest and healthy.
func (t tenant) burn(obj Objective, b slo.BurnWindow) string {
	limit := b.Limit(obj.Target)
	of := func(what string, d time.Duration) string {
		return what + ":sum" + duration(d) + "{objective=" + strconv.Quote(obj.ID) + "}"
	}
	above := func(d time.Duration) string {
		return of(bad, d) + " * " + limit.Denom().String() + " * " + of(evaluations, d) +
			"\n    > " + of(events, d) + " * " + new(big.Int).Mul(limit.Num(), big.NewInt(t.options.Ticks(d))).String()
	}
	return "  " + of(bad, b.Lookback) + "\n" +
		"  and " + above(b.Lookback) + "\n" +
		"  and " + above(b.Short) + "\n" +
		"  and " + of(bad, b.Lookback) + " >= " + evidence(limit, max(obj.MinBad, 1), of(events, b.Lookback))
}

// evidence is how many bad events are needed among so many: more and more up to
// where the ratio speaks for itself, never fewer than least.
func evidence(limit *big.Rat, least uint64, total string) string {
	most, plenty := slo.Evidence(limit)
	most = slices.DeleteFunc(most[min(uint64(len(most)), least-1):], func(n uint64) bool { return n+1 >= plenty })
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
	var seen []string
	for _, obj := range objectives {
		if slices.Contains(seen, obj.All.Metric) {
			continue
		}
		seen = append(seen, obj.All.Metric)
		out = append(out, rule{
			alert: Unmeasured, expr: "absent(" + sources + t.here("metric="+strconv.Quote(obj.All.Metric)) + ")", hold: t.scaled(t.options.Blind),
			labels: t.labels([2]string{"metric", obj.All.Metric}, [2]string{"tier", "degradation"}, [2]string{"severity", "ticket"}, [2]string{"team", "finance-platform"}),
			annotations: [][2]string{
				{"summary", "Objectives of " + t.name + " are not measured: " + obj.All.Metric + " is missing"},
				{"description", "Nothing is known about the objectives that are counted from this metric; that is neither good nor bad news. " +
					"Look whether Closewatch runs, whether it is scraped, and what \"closewatch check --live\" says."},
			},
		})
	}
	return out
}
