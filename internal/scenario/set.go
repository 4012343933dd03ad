package scenario

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Set is what is measured from an instant on. Names without a tenant mean
// every tenant of the estate's own environment.
type Set struct {
	Components map[string]Health  `yaml:"components" doc:"By name: ok, down (it does not answer), or unknown (nothing is measured)."`
	Signals    map[string]Value   `yaml:"signals" doc:"By component/signal, with labels in braces where it has several: a state or a value."`
	Flows      map[string]Outcome `yaml:"flows" doc:"By name or tenant/name: passing, failing at STEP (KIND), held back, stopped."`
	Users      map[string]Traffic `yaml:"users" doc:"Operations of real users a minute, by process or tenant/process: 20 good, 5 bad, 1 slow; or none."`
	Posted     map[string]Entries `yaml:"posted" doc:"Journal entries that people post, by entity: 30 a minute, or none."`
	Jobs       map[string]Jobs    `yaml:"jobs" doc:"Jobs of a queue, by channel or tenant/channel: none, 31 waiting, or 31 waiting, 10 a minute taken."`
	Actions    map[string]Action  `yaml:"actions" doc:"Scheduled actions, by name or tenant/name: every 1d, late, or off."`
	Metrics    map[Series]Value   `yaml:"metrics" doc:"Any other metric that is published, by its name with labels in braces."`
}

// IsZero reports whether nothing is set.
func (s Set) IsZero() bool {
	return len(s.Components)+len(s.Signals)+len(s.Flows)+len(s.Users)+len(s.Posted)+len(s.Jobs)+len(s.Actions)+len(s.Metrics) == 0
}

// A Healthy says what is well unless a step says otherwise.
type Healthy struct {
	All   bool
	Names []string // of components
}

// UnmarshalText implements encoding.TextUnmarshaler: all, or names with commas.
func (h *Healthy) UnmarshalText(b []byte) error {
	*h = Healthy{}
	for name := range strings.SplitSeq(string(b), ",") {
		switch name = strings.TrimSpace(name); name {
		case "all":
			h.All = true
		case "":
			return errors.New("names no component; write all, or names such as db, erp")
		default:
			h.Names = append(h.Names, name)
		}
	}
	return nil
}

// includes reports whether a component is well.
func (h Healthy) includes(component string) bool { return h.All || slices.Contains(h.Names, component) }

// A Health is what a component is as a whole.
type Health string

// What a component may be.
const (
	Well    Health = "ok"
	Down    Health = "down"    // it does not answer: nothing but that is measured
	Unknown Health = "unknown" // nothing is measured
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Health) UnmarshalText(b []byte) error {
	*h = Health(b)
	if !slices.Contains([]Health{Well, Down, Unknown}, *h) {
		return fmt.Errorf("is not what a component can be: %q; write ok, down or unknown, or set one of its signals", b)
	}
	return nil
}

// An Outcome is how the runs of a flow end.
type Outcome struct {
	text  string
	State FlowState
	Step  string // at which it fails
	Kind  fault.Kind
	Takes time.Duration // of a run that passes
}

// A FlowState is what a flow's runs do.
type FlowState uint8

// What runs may do.
const (
	Passing FlowState = iota + 1
	Failing
	HeldBack // a guard or a person stops them
	Stopped  // there are none
)

// usual is how long a run takes unless the scenario says.
const usual = 800 * time.Millisecond

var failing = regexp.MustCompile(`^failing at ([a-z0-9-]+) \(([a-z]+)\)$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(b []byte) error {
	text := string(b)
	*o = Outcome{text: text, Takes: usual}
	if m := failing.FindStringSubmatch(text); m != nil {
		if !slices.Contains(fault.Kinds(), fault.Kind(m[2])) {
			return fmt.Errorf("fails in a way that there is not: %q; write one of %s", m[2], kinds())
		}
		o.State, o.Step, o.Kind = Failing, m[1], fault.Kind(m[2])
		return nil
	}
	takes, slow := strings.CutPrefix(text, "passing in ")
	switch {
	case slow:
		d, err := model.ParseDuration(takes)
		if err != nil {
			return fmt.Errorf("is not a duration: %q; write passing in 5s", takes)
		}
		o.State, o.Takes = Passing, time.Duration(d)
	case text == "passing":
		o.State = Passing
	case text == "held back":
		o.State = HeldBack
	case text == "stopped":
		o.State = Stopped
	default:
		return fmt.Errorf("is not how a flow ends: %q; write passing, passing in 5s, failing at post-invoice (rejected), held back or stopped", text)
	}
	return nil
}

func kinds() string {
	names := make([]string, 0, len(fault.Kinds()))
	for _, k := range fault.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// A Traffic is what real users do in a minute.
type Traffic struct {
	text            string
	Good, Bad, Slow uint64 // slow ones are good, and take longer than any threshold
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Traffic) UnmarshalText(b []byte) error {
	*t = Traffic{text: string(b)}
	if t.text == "none" {
		return nil
	}
	for part := range strings.SplitSeq(t.text, ",") {
		n, word, _ := strings.Cut(strings.TrimSpace(part), " ")
		into := map[string]*uint64{"good": &t.Good, "bad": &t.Bad, "slow": &t.Slow}[word]
		v, err := strconv.ParseUint(n, 10, 32)
		if into == nil || err != nil {
			return fmt.Errorf("is no traffic: %q; write how many a minute, such as 20 good, 5 bad, 1 slow, or none", t.text)
		}
		*into = v
	}
	return nil
}

// Entries is how many journal entries people post in a minute.
type Entries uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Entries) UnmarshalText(b []byte) error {
	if string(b) == "none" {
		*e = 0
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(b), " a minute"), 10, 32)
	if err != nil {
		return fmt.Errorf("is not how many are posted: %q; write 30 a minute, or none", b)
	}
	*e = Entries(n)
	return nil
}

// Jobs are those of one channel that wait.
type Jobs struct {
	text    string
	Waiting uint64
	Taken   uint64 // a minute
}

var waiting = regexp.MustCompile(`^([0-9]{1,9}) waiting(?:, ([0-9]{1,9}) a minute taken)?$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (j *Jobs) UnmarshalText(b []byte) error {
	*j = Jobs{text: string(b)}
	if j.text == "none" {
		return nil
	}
	m := waiting.FindStringSubmatch(j.text)
	if m == nil {
		return fmt.Errorf("is not what a queue holds: %q; write none, 31 waiting, or 31 waiting, 10 a minute taken", j.text)
	}
	j.Waiting, _ = strconv.ParseUint(m[1], 10, 64) // digits only
	if m[2] != "" {
		j.Taken, _ = strconv.ParseUint(m[2], 10, 64)
	}
	return nil
}

// An Action is how a scheduled action runs.
type Action struct {
	text  string
	Every time.Duration // it runs in time
	Off   bool          // somebody has switched it off
	Late  bool          // it was due and does not run
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Action) UnmarshalText(b []byte) error {
	*a = Action{text: string(b)}
	every, ok := strings.CutPrefix(a.text, "every ")
	switch {
	case ok:
		d, err := model.ParseDuration(every)
		if err != nil || d == 0 {
			return fmt.Errorf("is not an interval: %q; write every 1d", every)
		}
		a.Every = time.Duration(d)
	case a.text == "off":
		a.Off = true
	case a.text == "late":
		a.Late = true
	default:
		return fmt.Errorf("is not how a scheduled action runs: %q; write every 1d, late or off", a.text)
	}
	return nil
}

// A Series names one series of a metric.
type Series string

var (
	selector = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$`)
	label    = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)="([^"]*)"\s*$`)
)

// split reads a series; false when it is none.
func (s Series) split() (metric string, labels map[string]string, ok bool) {
	m := selector.FindStringSubmatch(string(s))
	if m == nil {
		return "", nil, false
	}
	labels, ok = braces(m[2])
	return m[1], labels, ok
}

// braces reads name="value" pairs with commas between them.
func braces(text string) (map[string]string, bool) {
	labels := map[string]string{}
	for part := range strings.SplitSeq(text, `",`) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		if !strings.HasSuffix(strings.TrimSpace(part), `"`) {
			part += `"`
		}
		m := label.FindStringSubmatch(part)
		if m == nil {
			return nil, false
		}
		labels[m[1]] = m[2]
	}
	return labels, true
}

// Validate implements estate.Validator.
func (s *Set) Validate() []estate.Problem {
	var ps []estate.Problem
	for _, series := range slices.Sorted(maps.Keys(s.Metrics)) {
		if _, _, ok := series.split(); !ok {
			ps = append(ps, estate.Problem{Field: "metrics." + string(series), What: "is no series", Remedy: `write a metric with labels such as odoo_queue_jobs{channel="root",state="pending"}`})
		}
		if s.Metrics[series].kind == state {
			ps = append(ps, estate.Problem{Field: "metrics." + string(series), What: "is set to a state", Remedy: "write a value: only signals have states"})
		}
	}
	return ps
}
