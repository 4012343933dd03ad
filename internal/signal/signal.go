// Package signal turns published metrics into typed measurements with a state.
//
// A signal is data: the metric it reads, how its series are aggregated, the
// thresholds with their hysteresis and how fresh the metric must be. Nothing
// is decided on a number that cannot be looked up at /metrics. Missing data is
// Unknown: never OK, never zero. The package is pure: no I/O, no clock, no
// Prometheus types.
package signal

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// A State is what a signal says about its subject.
type State uint8

// States in order of badness for display; Unknown is its own state and never
// the worse or better of two: see Worst.
const (
	Unknown State = iota
	OK
	Warning
	Critical
)

func (s State) String() string {
	return [...]string{"unknown", "ok", "warning", "critical"}[s]
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. An unknown name is Unknown.
func (s *State) UnmarshalText(b []byte) error {
	*s = Unknown
	for c := Unknown; c <= Critical; c++ {
		if c.String() == string(b) {
			*s = c
		}
	}
	return nil
}

// Worst returns the worse of two states: Critical and Warning outrank Unknown,
// Unknown outranks OK, since a part that is not seen leaves the whole unproven.
func Worst(a, b State) State {
	rank := func(s State) int { return [...]int{1, 0, 2, 3}[s] }
	if rank(a) >= rank(b) {
		return a
	}
	return b
}

// A Sample is one series' value as published at an instant.
type Sample struct {
	Name   string
	Labels map[string]string // includes environment and component
	Value  float64
	At     time.Time // when it was collected, not when it was read
	// Created is when a counter began at zero; zero where its source does not say.
	Created time.Time
}

// Aggregate says how the series of one reading become one number.
type Aggregate uint8

// Aggregates.
const (
	Max Aggregate = iota
	Min
	Sum
	Count
)

// Direction says which side of a threshold is bad.
type Direction uint8

// Directions.
const (
	Above Direction = iota // bad when value > threshold
	Below                  // bad when value < threshold
)

// Role says what the tiering engine makes of a signal.
type Role uint8

// Roles.
const (
	Health   Role = iota // part of its component's health
	Recovery             // recovery point exposure in seconds, compared with each process's RPO
	Context              // evidence only: shown beside a cause, never one itself
)

func (r Role) String() string { return [...]string{"health", "recovery", "context"}[r] }

// A Definition is a signal as data.
type Definition struct {
	Name      string            // snake_case, unique: "postgres_up"
	Kind      string            // the component kind that publishes Metric: "postgres"
	Title     string            // for people: "PostgreSQL answers"
	Metric    string            // the published metric's name
	Match     map[string]string // labels that must be equal; with environment or component, only that one is expected to have a reading
	By        []string          // labels, besides environment, component and tenant, that make separate readings
	Aggregate Aggregate
	Direction Direction
	Warning   float64 // NaN: this state does not exist
	Critical  float64 // NaN: this state does not exist
	// Exit is the share of a threshold at which its state is left again, to
	// keep a value that hovers from flapping: 0.8 leaves an Above threshold of
	// 10 at 8 and a Below threshold of 10 at 12. 0 and 1 mean no hysteresis.
	Exit  float64
	For   time.Duration // how long a worse state must hold before it is believed
	Fresh time.Duration // older samples count as missing
	// Close are the limits while an entity that the reading concerns is in its
	// pre-close or close, or might be; nil: the same as ever.
	Close *Limits
	// At are the limits of components that have others, by name.
	At map[string]Exception
	// Optional says that no series at all is normal (nothing of that sort
	// exists here), so that absence gives no reading instead of Unknown.
	Optional bool
	Role     Role
	Unit     string // "seconds", "bytes", "ratio" (0 to 1), "" for a plain number
	// Says is what a bad reading tells a person, with {value}, {threshold},
	// {component}, {environment}, {tenant} and the By labels in braces:
	// "PostgreSQL {component} does not answer".
	Says string
}

// Never is a threshold that does not exist.
func Never() float64 { return math.NaN() }

// A Reading is a signal measured at a tick.
type Reading struct {
	Signal      string            `json:"signal"`
	Role        Role              `json:"-"`
	Environment string            `json:"environment"`
	Component   string            `json:"component"`
	Tenant      string            `json:"tenant,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"` // the By labels
	Value       float64           `json:"-"`                // NaN when nothing fresh was measured
	State       State             `json:"state"`
	Since       time.Time         `json:"since"` // tick at which State was entered
	Text        string            `json:"text"`  // Says filled in when bad, else what is known, in words
}

// separator is a byte that is in no valid label value.
const separator = "\xff"

// key identifies a reading across ticks.
func (r Reading) key() string {
	var b strings.Builder
	b.WriteString(strings.Join([]string{r.Signal, r.Environment, r.Component, r.Tenant}, separator))
	names := make([]string, 0, len(r.Labels))
	for n := range r.Labels {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		b.WriteString(separator + n + separator + r.Labels[n])
	}
	return b.String()
}

// Compare orders readings by environment, component, signal and labels.
func Compare(a, b Reading) int {
	return cmp.Or(
		cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.Component, b.Component),
		cmp.Compare(a.key(), b.key()),
	)
}
