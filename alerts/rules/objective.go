package rules

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/slo"
)

// A Match is a condition on one label: it has one of the values, or with Not
// none of them.
type Match struct {
	Label  string
	Values []string
	Not    bool
}

// A Counter selects counter series.
type Counter struct {
	Metric string
	Match  []Match
}

// An Objective is a target for events that counters tell.
type Objective struct {
	ID          string // unique and for ever: windows are kept by it
	Process     string
	Title       string // of the process, for people: "Invoice posting"
	Tenant      string
	Environment string
	Indicator   string // "availability" or "latency"
	Source      slo.Source
	Team        string
	Critical    bool   // of service tier A
	Says        string // what is good: "an entry is posted without an error"
	Runbook     string // address of the runbook; "" when nobody serves it
	Target      *big.Rat
	MinBad      uint64

	// All selects what every series of the source has, whatever it counts: any
	// of them shows that the source is collected.
	All   Counter
	Total Counter
	Good  Counter
}

// Options shape the rules.
type Options struct {
	slo.Settings // Burns nil: slo.BurnWindows()
	// Hold is how long an alert stays after its burn ended, so that a gap of a
	// scrape does not end it; 0 ends it at once.
	Hold time.Duration
	// Away is how long a source may be away before what it counted meanwhile is
	// lost; 0 is DefaultAway. A longer one reads more samples.
	Away time.Duration
	// Blind is how long a source may be away before that is an alert; 0 is
	// DefaultBlind.
	Blind time.Duration
	// Page has fast burns of critical processes page. Beside a daemon that pages
	// itself they are tickets.
	Page bool
	// Signals are those to alert on, of components in Environments; the closes of
	// Entities make their limits stricter.
	Signals      []Signal
	Environments []string
	Entities     []Entity
	// BlindRunbook is the address of the runbook for what is not measured; "" when
	// nobody serves it.
	BlindRunbook string
	// Header and NotCovered are told in comments at the head of the file.
	Header     []string
	NotCovered []string
}

// Defaults of Options.
const (
	DefaultHold  = 15 * time.Minute
	DefaultAway  = time.Hour
	DefaultBlind = 10 * time.Minute
)

// String writes the counter as PromQL.
func (c Counter) String() string {
	conditions := make([]string, len(c.Match))
	for i, m := range c.Match {
		conditions[i] = m.String()
	}
	return c.Metric + "{" + strings.Join(conditions, ",") + "}"
}

// String writes the condition as PromQL.
func (m Match) String() string {
	operator, value := "=", strings.Join(m.Values, "")
	if m.Not {
		operator = "!="
	}
	if len(m.Values) != 1 {
		quoted := make([]string, len(m.Values))
		for i, v := range m.Values {
			quoted[i] = regexp.QuoteMeta(v)
		}
		value = strings.Join(quoted, "|")
		operator = map[bool]string{false: "=~", true: "!~"}[m.Not]
	}
	return m.Label + operator + strconv.Quote(value)
}

// check returns what is wrong with the input.
func check(o Options, objectives []Objective) error {
	if o.Tick < time.Second || o.Tick%time.Second != 0 {
		return fmt.Errorf("write rules: the evaluation interval is %v; use whole seconds", o.Tick)
	}
	if o.Scale <= 0 {
		return fmt.Errorf("write rules: windows are scaled by %v; use a positive number", o.Scale)
	}
	seen := map[string]bool{}
	for _, obj := range objectives {
		if seen[obj.ID] {
			return fmt.Errorf("write rules: objective %q is declared twice", obj.ID)
		}
		seen[obj.ID] = true
		if obj.Target == nil || obj.Target.Sign() <= 0 || obj.Target.Cmp(big.NewRat(1, 1)) >= 0 {
			return fmt.Errorf("write rules: objective %q: the target must lie between 0 and 1 to leave an error budget", obj.ID)
		}
	}
	return nil
}
