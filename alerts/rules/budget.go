package rules

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/slo"
)

// What is recorded of the error budget of thirty days.
const (
	consumed  = prefix + "error_budget_consumed:ratio"
	remaining = prefix + "error_budget_remaining:ratio"
)

// budgetPace is how often: a budget moves slowly, and its sums are the longest.
// Series that are farther apart have holes where one evaluation fails, since
// Prometheus looks back five minutes,
// https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness.
const budgetPace = 2 * time.Minute

// pace is how often budgets are evaluated, in whole ticks.
func (t tenant) pace() time.Duration {
	return t.ticks(max(1, int64(float64(budgetPace)*min(1, t.options.Scale)/float64(t.options.Tick))))
}

// period is the window that a budget is reckoned over.
func (t tenant) period() window {
	ticks, cell := t.options.Grid(slo.Period)
	return window{duration(slo.Period), ticks, cell}
}

// ofBudgets is what is counted of a budget: how much of its window has begun
// makes no difference to it.
func ofBudgets() []string { return []string{events, bad} }

// budgets records how much of the budget is consumed, and how much remains; none
// is where nothing was counted.
func (t tenant) budgets(objectives []Objective) []rule {
	w := t.period()
	var out []rule
	for _, what := range ofBudgets() {
		out = append(out, rule{record: what + ":sum" + w.name, expr: t.sumOfBudget(what, w)})
	}
	explained("Sums over thirty days.", out)
	var shares []string
	for _, of := range byTarget(objectives) {
		allowed := new(big.Rat).Sub(big.NewRat(1, 1), of[0].Target)
		shares = append(shares, "  "+bad+":sum"+w.name+t.here("objective=~"+strconv.Quote(anyOf(of)))+" * "+allowed.Denom().String()+"\n"+
			"  / ("+t.of(events+":sum"+w.name)+" * "+allowed.Num().String()+" > 0)")
	}
	return append(out,
		rule{record: consumed + w.name, says: "Bad events by those that may be: 1 is the whole budget of thirty days.", expr: strings.Join(shares, "\nor\n")},
		rule{record: remaining + w.name, says: "What is left of it: below 0 it is overspent.", expr: "1 - " + t.of(consumed+w.name)})
}

// sumOfBudget is what was counted in the budget's window: in its full cells, and
// in the one that is filling, which is part of the newest full one once that has
// been recorded with the same tick.
func (t tenant) sumOfBudget(what string, w window) string {
	if w.cell == 1 {
		return t.sum(what, w)
	}
	full, cell := t.fullCells(what, w), what+":cell"+suffix(w.cell)+t.here()
	filling := what + ":filling" + suffix(w.cell) + t.here()
	filling = "(" + filling + " unless timestamp(" + cell + ") >= timestamp(" + filling + "))"
	return "  " + full + "\n  + " + filling + "\nor\n  " + full + "\nor\n  " + filling
}

// byTarget sorts objectives by their target.
func byTarget(objectives []Objective) [][]Objective {
	var out [][]Objective
	for _, obj := range objectives {
		i := slices.IndexFunc(out, func(of []Objective) bool { return of[0].Target.Cmp(obj.Target) == 0 })
		if i < 0 {
			i, out = len(out), append(out, nil)
		}
		out[i] = append(out[i], obj)
	}
	slices.SortFunc(out, func(a, b []Objective) int { return a[0].Target.Cmp(b[0].Target) })
	return out
}

// anyOf matches the names of objectives.
func anyOf(objectives []Objective) string {
	ids := make([]string, len(objectives))
	for i, obj := range objectives {
		ids[i] = regexp.QuoteMeta(obj.ID)
	}
	return strings.Join(ids, "|")
}
