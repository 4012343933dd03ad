package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An Expect is what is decided at an instant, at every tick until another, or by
// another at the latest.
type Expect struct {
	Within     estate.Duration    `yaml:"within" doc:"It may take so long to become true."`
	Until      Instant            `yaml:"until" doc:"It is true at every tick up to this one."`
	Impacts    []ImpactWant       `yaml:"impacts" doc:"What becomes of processes."`
	Pages      *[]Subject         `yaml:"pages" doc:"The pages that fire: exactly these, [] is none."`
	Tickets    *[]Subject         `yaml:"tickets" doc:"Tickets that fire: these and perhaps others, [] is none at all."`
	Routes     []RouteWant        `yaml:"routes" doc:"Who is told of alerts at this time."`
	Incidents  *int               `yaml:"incidents" doc:"How many incidents are open that are more than informational."`
	Members    map[Subject]string `yaml:"members" doc:"Which open incident an impact is in, by any name you choose: the same name is the same incident."`
	Clocks     []ClockWant        `yaml:"clocks" doc:"How recovery objectives are kept."`
	Waits      *[]string          `yaml:"waits" doc:"Checks that recovery of an open incident waits for: these and perhaps others, [] is none."`
	Components map[string]State   `yaml:"components" doc:"By name: ok, warning, critical or unknown."`
	Phases     map[string]string  `yaml:"phases" doc:"By entity: pre_close, close, tail, normal or unknown."`
	Deadlines  map[string]Instant `yaml:"deadlines" doc:"By id or entity/id: when it is due next."`
	Critical   map[Subject]bool   `yaml:"critical" doc:"By process: whether it is in its critical window."`
	Recovered  bool               `yaml:"recovered" doc:"No incident is open that is more than informational."`
}

// IsZero reports whether nothing is expected.
func (e Expect) IsZero() bool {
	return len(e.Impacts)+len(e.Members)+len(e.Components)+len(e.Phases)+len(e.Deadlines)+len(e.Critical)+len(e.Clocks)+len(e.Routes) == 0 &&
		e.Waits == nil && e.Pages == nil && e.Tickets == nil && e.Incidents == nil && !e.Recovered
}

// Validate implements estate.Validator.
func (e *Expect) Validate() []estate.Problem {
	var ps []estate.Problem
	if e.Within != 0 && !e.Until.IsZero() {
		ps = append(ps, estate.Problem{Field: "within", What: "stands beside until", Remedy: "keep one: within is for what comes, until for what stays"})
	}
	if (e.Within != 0 || !e.Until.IsZero()) && e.IsZero() {
		ps = append(ps, estate.Problem{What: "expects nothing", Remedy: "write what is expected, such as pages: []"})
	}
	for _, entity := range slices.Sorted(maps.Keys(e.Phases)) {
		if p, bad := estate.OneOf("phases."+entity, e.Phases[entity], phases()...); bad {
			ps = append(ps, p)
		}
	}
	if e.Within < 0 {
		ps = append(ps, estate.Problem{Field: "within", What: "is negative", Remedy: "write how long it may take, such as 3m"})
	}
	return ps
}

// An ImpactWant is what is expected of an impact. What is not said is not
// looked at.
type ImpactWant struct {
	Of          Subject             `yaml:"of" doc:"process, or process/entity."`
	Tier        *Tier               `yaml:"tier" doc:"none, informational, degradation or business-critical: what stands."`
	AtLeast     *Tier               `yaml:"atLeast" doc:"This tier or a higher one."`
	AtMost      *Tier               `yaml:"atMost" doc:"This tier or a lower one."`
	Row         string              `yaml:"row" doc:"A row of the decision table among its reasons: failing-confirmed."`
	Says        string              `yaml:"says" doc:"Words in one of its reasons."`
	Cause       string              `yaml:"cause" doc:"The component that is the probable cause; none when there is none."`
	Suspect     string              `yaml:"suspect" doc:"Words in the cause that is ranked first, with what speaks for it: deployed revision a1b2c3."`
	Slack       Distance            `yaml:"slack" doc:"How much time is left before its deadline: under 2h, over 1d, gone, or none."`
	Unknown     *bool               `yaml:"unknown" doc:"Whether nothing tells if the outcome works."`
	Frozen      *bool               `yaml:"frozen" doc:"Whether it stands for lack of evidence."`
	Flapping    *bool               `yaml:"flapping" doc:"Whether it comes and goes."`
	Recovers    *bool               `yaml:"recovers" doc:"Whether evidence is better and the quiet time not over."`
	Critical    string              `yaml:"critical" doc:"Words in why it is in its critical window; none when it is not."`
	ServiceTier process.ServiceTier `yaml:"serviceTier" doc:"How much the process matters now: A, B, C or D."`
}

// Validate implements estate.Validator.
func (w *ImpactWant) Validate() []estate.Problem {
	if w.Of == "" {
		return []estate.Problem{estate.Missing("of", "write the process, such as invoice-posting/acme-uk")}
	}
	one := *w
	one.Of = ""
	if one == (ImpactWant{}) {
		return []estate.Problem{{What: "expects nothing", Remedy: "write a tier, a row or a cause"}}
	}
	if p, bad := estate.OneOf("serviceTier", w.ServiceTier, process.ServiceTiers()...); bad && w.ServiceTier != "" {
		return []estate.Problem{p}
	}
	return nil
}

// An End is what is expected of the whole scenario.
type End struct {
	At        Instant    `yaml:"at" doc:"When the clock stops. Default: with the last step."`
	Pages     *int       `yaml:"pages" doc:"How many pages were sent."`
	Paged     *[]Subject `yaml:"paged" doc:"For which impacts: exactly these, each as often as it is listed."`
	Tickets   *int       `yaml:"tickets" doc:"How many tickets were sent."`
	Incidents *int       `yaml:"incidents" doc:"How many incidents there were that became more than informational."`
	Open      *int       `yaml:"open" doc:"How many of them are still open."`
}

// IsZero reports whether nothing is expected.
func (e End) IsZero() bool {
	return e.Pages == nil && e.Paged == nil && e.Tickets == nil && e.Incidents == nil && e.Open == nil
}

// A Subject names impacts: process, or process/entity.
type Subject string

// Split returns the process and the entity; an empty one is any.
func (s Subject) Split() (process, entity string) {
	process, entity, _ = strings.Cut(string(s), "/")
	return process, entity
}

// Names reports whether an impact is one of those.
func (s Subject) Names(k tiering.Key) bool {
	process, entity := s.Split()
	return k.Process == process && (entity == "" || k.Entity == entity)
}

// A Tier is an alert tier as it is written.
type Tier tiering.Tier

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Tier) UnmarshalText(b []byte) error {
	for c := tiering.None; c <= tiering.BusinessCritical; c++ {
		if c.String() == string(b) {
			*t = Tier(c)
			return nil
		}
	}
	return fmt.Errorf("is not a tier: %q; write none, informational, degradation or business-critical", b)
}

// String is the tier's label value.
func (t Tier) String() string { return tiering.Tier(t).String() }

// A State is what a component or a signal says.
type State signal.State

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for c := signal.Unknown; c <= signal.Critical; c++ {
		if c.String() == string(b) {
			*s = State(c)
			return nil
		}
	}
	return fmt.Errorf("is not a state: %q; write ok, warning, critical or unknown", b)
}

// String is the state in a word.
func (s State) String() string { return signal.State(s).String() }

// A Distance is how much time is expected to be left.
type Distance struct {
	text  string
	under bool
	over  bool
	gone  bool
	none  bool
	by    time.Duration
}

// IsZero reports whether nothing is expected.
func (d Distance) IsZero() bool { return d == Distance{} }

// String is the distance as it was written.
func (d Distance) String() string { return d.text }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Distance) UnmarshalText(b []byte) error {
	*d = Distance{text: string(b)}
	word, rest, _ := strings.Cut(d.text, " ")
	switch {
	case d.text == "gone":
		d.gone = true
		return nil
	case d.text == "none":
		d.none = true
		return nil
	case word == "under":
		d.under = true
	case word == "over":
		d.over = true
	default:
		return fmt.Errorf("is not how much time is left: %q; write under 2h, over 1d, gone or none", d.text)
	}
	by, err := model.ParseDuration(rest)
	if err != nil {
		return fmt.Errorf("is not a duration: %q; write %s 2h", rest, word)
	}
	d.by = time.Duration(by)
	return nil
}

// Holds reports whether so much time is left; nil is no deadline.
func (d Distance) Holds(left *time.Duration) bool {
	switch {
	case d.none || left == nil:
		return d.none && left == nil
	case d.gone:
		return *left < 0
	case d.under:
		return *left < d.by
	default:
		return *left > d.by
	}
}

// phases are what expect.phases may say.
func phases() []string {
	var out []string
	for _, p := range calendar.Phases() {
		out = append(out, string(p))
	}
	return out
}
