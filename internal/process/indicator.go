package process

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An Indicator says what an objective is measured on, where that is not the
// process's flows and users. One of its forms is used.
//
// Series are those of the process's tenant: what has a label tenant must have
// its value. Whatever is published can be named, the answers to PromQL queries
// of an estate's Prometheus included.
type Indicator struct {
	// Counters of events: all, and those that were good or bad.
	Total, Good, Bad *Series

	// A histogram of durations, in seconds: events within the objective's
	// threshold are good. It must have a bucket that ends there.
	Histogram *Series

	// When the oldest unit of work began to wait, as a Unix timestamp. A tick is
	// good when that is no longer ago than the objective's threshold. While there
	// is no such series, Idle says that nothing waits: without a series of
	// either, nobody can tell.
	Oldest, Idle *Series

	// A number that is good up to AtMost, or from AtLeast. Each tick is judged;
	// with Due, each occasion.
	Value   *Series
	AtMost  *float64
	AtLeast *float64
	Dated   *int   // of Value, a date: at most so many working days before the day it is due
	Due     string // "every working day 10:00", "WD+2 18:00"

	// What a piece of expected work, declared with a schedule, says: each
	// occasion is good when it was done in time.
	Work string
}

// Composite is the name of the objective that a process is as a whole: no other
// has it.
const Composite = "composite"

// A Series names published series by metric and labels. A label's value may be
// several, with | between them.
type Series struct {
	Metric string
	Labels map[string]string
}

// Has reports whether labels are those of the series.
func (s Series) Has(labels map[string]string) bool {
	for name, want := range s.Labels {
		if got := labels[name]; got != want && !among(got, want) {
			return false
		}
	}
	return true
}

// among reports whether a value is one of several with | between them.
func among(value, several string) bool {
	for one := range strings.SplitSeq(several, "|") {
		if one == value {
			return true
		}
	}
	return false
}

// String is the series as Prometheus writes it: metric{state="failed"}.
func (s Series) String() string {
	if len(s.Labels) == 0 {
		return s.Metric
	}
	labels := make([]string, 0, len(s.Labels))
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		op := "="
		if strings.Contains(s.Labels[name], "|") {
			op = "=~"
		}
		labels = append(labels, fmt.Sprintf("%s%s%q", name, op, s.Labels[name]))
	}
	return s.Metric + "{" + strings.Join(labels, ",") + "}"
}

// Occasional reports whether what is judged are occasions, not what happens
// all the time.
func (i *Indicator) Occasional() bool { return i != nil && (i.Work != "" || i.Due != "") }

// String says what is counted.
func (i *Indicator) String() string {
	switch {
	case i == nil:
		return "flows and users"
	case i.Work != "":
		return i.Work
	case i.Good != nil:
		return fmt.Sprintf("%s of %s", i.Good, i.Total)
	case i.Bad != nil:
		return fmt.Sprintf("all but %s of %s", i.Bad, i.Total)
	case i.Histogram != nil:
		return i.Histogram.String()
	case i.Oldest != nil:
		return "age of " + i.Oldest.String()
	case i.Value != nil:
		return i.value()
	default:
		return ""
	}
}

func (i *Indicator) value() string {
	text := i.Value.String()
	if goal := (Done{Dated: i.Dated, AtMost: i.AtMost, AtLeast: i.AtLeast}).String(); goal != "" {
		text += " " + goal
	}
	if i.Due != "" {
		text += " on " + i.Due
	}
	return text
}

// A BudgetWindow is over what an error budget is reckoned.
type BudgetWindow string

// Budget windows. All of them are kept for every objective; an objective names
// the one that counts outside the critical window. Inside it, its own does.
const (
	RollingWindow  BudgetWindow = "rolling" // the last thirty days
	MonthWindow    BudgetWindow = "month"   // of the civil calendar, in the entity's time zone
	FiscalWindow   BudgetWindow = "fiscal"  // the entity's fiscal period
	CriticalWindow BudgetWindow = "critical"
)

// BudgetWindows lists the windows.
func BudgetWindows() []BudgetWindow {
	return []BudgetWindow{RollingWindow, MonthWindow, FiscalWindow, CriticalWindow}
}
