package rules

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/slo"
)

// Names of the alerts. None is a name that the daemon sends: an Alertmanager
// that hears both tells them apart.
const (
	BurnFast   = "FinanceErrorBudgetBurnFast"
	BurnSlow   = "FinanceErrorBudgetBurnSlow"
	Unmeasured = "FinanceObjectivesUnmeasured"
)

// alerts are those of an objective: one for the fast pairs of windows and one
// for the slow ones, while any of them burns.
func (t tenant) alerts(obj Objective) []rule {
	var out []rule
	for _, fast := range []bool{true, false} {
		var pairs, words []string
		for _, b := range t.options.Burns {
			if b.Fast == fast {
				pairs = append(pairs, burn+pair(b)+t.here("objective="+strconv.Quote(obj.ID)))
				words = append(words, fmt.Sprintf("%s times over %s and %s", decimal(b.Factor()), duration(b.Lookback), duration(b.Short)))
			}
		}
		if len(pairs) == 0 {
			continue
		}
		out = append(out, rule{
			alert: map[bool]string{true: BurnFast, false: BurnSlow}[fast],
			expr:  "max without (goal) (\n  " + strings.Join(pairs, "\n  or\n  ") + "\n)", keep: t.scaled(t.options.Hold),
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

// value is how many bad events there were, as a template of Prometheus.
const value = `{{ $value | printf "%.0f" }}`

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
	description := value + fmt.Sprintf(" bad events lately. Of all events %s%% are to be good: %s. "+
		"The error budget of 30 days is being spent faster than it lasts: at more than %s. "+
		"This rule sees neither deadlines nor causes: where Closewatch runs, look at its incidents first.", percent, obj.Says, pace)
	return annotations(obj.Title+" "+what+" "+whom, description, obj.Runbook)
}

// annotations are what people read, and where they read on.
func annotations(summary, description, runbook string) [][2]string {
	out := [][2]string{{"summary", summary}, {"description", description}}
	if runbook != "" {
		out = append(out, [2]string{"runbook_url", runbook})
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
			annotations: annotations(
				"Objectives of "+t.name+" are not measured: "+obj.All.Metric+" is missing",
				"Nothing is known about the objectives that are counted from this metric; that is neither good nor bad news. "+
					"Look whether Closewatch runs, whether it is scraped, and what \"closewatch check --live\" says.",
				t.options.BlindRunbook,
			),
		})
	}
	return explained("Sources that tell nothing.", out)
}
