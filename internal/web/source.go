package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/wording"
)

// A Source is where the pages come from. Its methods return at once from
// memory, may be called concurrently, and hand over values nobody changes
// afterwards.
type Source interface {
	Overview() Overview
	// Incidents lists incidents, open ones first, then the latest.
	Incidents() []IncidentSummary
	Incident(id string) (Incident, bool)
	Status() Status
	Runbooks() []Runbook
	Runbook(name string) (Runbook, bool)
}

// A Tier is what happened to a process.
type Tier string

// Tiers. Unknown means that the process cannot be judged: never that it works.
const (
	TierNone             Tier = "none"
	TierInformational    Tier = "informational"
	TierDegradation      Tier = "degradation"
	TierBusinessCritical Tier = "business-critical"
	TierUnknown          Tier = "unknown"
)

// Seconds is a duration that JSON carries as a number of seconds.
type Seconds time.Duration

// D returns s as a time.Duration.
func (s Seconds) D() time.Duration { return time.Duration(s) }

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON implements json.Unmarshaler, for clients of the API.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	*s = Seconds(seconds * float64(time.Second))
	return nil
}

// An Overview is the estate at one tick.
type Overview struct {
	Estate     string         `json:"estate"`
	Zone       *time.Location `json:"-"`              // for display; nil means UTC
	AsOf       time.Time      `json:"as_of,omitzero"` // the tick all verdicts were reached at; zero before the first
	ConfigHash string         `json:"config_hash,omitempty"`
	Phase      string         `json:"phase,omitempty"` // "WD+1 of the November close"

	Processes  []Process         `json:"processes"`
	Incidents  []IncidentSummary `json:"incidents"` // open ones, worst first
	Components []Component       `json:"components"`
	BlindSpots []BlindSpot       `json:"blind_spots"`
	Delivery   Delivery          `json:"delivery"`
}

// A Process is one finance outcome in one entity, tenant and environment.
type Process struct {
	Name        string `json:"process"`
	Title       string `json:"title"`
	Entity      string `json:"entity"`
	Tenant      string `json:"tenant"`
	Environment string `json:"environment"`
	ServiceTier string `json:"service_tier,omitempty"` // A to D

	Tier       Tier      `json:"tier"`
	Since      time.Time `json:"since,omitzero"` // when Tier was entered
	Reasons    []Reason  `json:"reasons"`        // the first is why
	IncidentID string    `json:"incident_id,omitempty"`
	Standing
	Deadline *Deadline `json:"deadline,omitempty"` // the one with the least slack
	DataAt   time.Time `json:"data_at,omitzero"`   // the oldest sample the verdict rests on

	Objectives []Objective `json:"objectives,omitempty"`
	Flows      []Coverage  `json:"flows,omitempty"`
	NotWatched []string    `json:"not_watched,omitempty"` // needed, but not declared in the estate
}

// Watched reports whether anything at all measures the process.
func (p Process) Watched() bool {
	return p.Tier != TierUnknown || p.Paused || len(p.Flows) > 0 || !p.DataAt.IsZero()
}

// Undetected counts what its flows say that they cannot detect.
func (p Process) Undetected() int {
	n := 0
	for _, f := range p.Flows {
		n += len(f.CannotDetect)
	}
	return n
}

// A Reason is one finding and why it means the tier it means.
type Reason struct {
	Text    string `json:"text"`
	Because string `json:"because,omitempty"`
}

// Standing says what keeps a verdict from being the newest evidence alone.
type Standing struct {
	Recovering bool `json:"recovering,omitempty"` // evidence is better, the quiet time is not over
	Frozen     bool `json:"frozen,omitempty"`     // evidence is missing: what stood still stands
	Flapping   bool `json:"flapping,omitempty"`   // it came and went too often and is held
	Paused     bool `json:"paused,omitempty"`     // deliberately not exercised, and no users seen
}

// A Deadline is an instant by which work must be done.
type Deadline struct {
	Name  string    `json:"name"`
	At    time.Time `json:"at"`
	Slack *Seconds  `json:"slack_seconds,omitempty"` // time left after catching up; nil when it cannot be told
}

// An Objective is a service-level objective and what is left of its budget.
type Objective struct {
	Name     string   `json:"name"`
	Target   float64  `json:"target"`                           // share of good events, below 1; 0 where none may fail
	Budget   *float64 `json:"budget_remaining_ratio,omitempty"` // 1 is untouched, below 0 is overspent; nil when not measured
	Burn     *float64 `json:"burn_rate,omitempty"`              // 1 spends the budget exactly over its period
	Measured *float64 `json:"measured_ratio,omitempty"`         // share of the period that was seen
}

// Coverage is what one flow proves about a process, and what it cannot.
type Coverage struct {
	Flow         string       `json:"flow"`
	Level        flow.Level   `json:"level"`
	Outcome      flow.Outcome `json:"outcome"`
	At           time.Time    `json:"at,omitzero"` // when its latest run ended; zero when it never ran
	Duration     Seconds      `json:"duration_seconds,omitempty"`
	Reason       string       `json:"reason,omitempty"`
	CannotDetect []string     `json:"cannot_detect,omitempty"`
}

// A Component is a thing that can fail.
type Component struct {
	Name        string       `json:"component"`
	Kind        string       `json:"kind"`
	Environment string       `json:"environment"`
	State       signal.State `json:"state"`
	Since       time.Time    `json:"since,omitzero"`
	DataAt      time.Time    `json:"data_at,omitzero"`
	Summary     string       `json:"summary,omitempty"` // "primary, 1 standby streaming"
	Findings    []Finding    `json:"findings,omitempty"`
	UsedBy      []string     `json:"used_by,omitempty"` // titles of processes
}

// A Finding is one thing wrong with a component, and what to do about it.
type Finding struct {
	State signal.State `json:"state"`
	Text  string       `json:"text"`
	Hint  string       `json:"hint,omitempty"`
	Since time.Time    `json:"since,omitzero"`
}

// A BlindSpot is something that ought to be seen and is not.
type BlindSpot struct {
	What   string    `json:"what"`
	Why    string    `json:"why,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// Delivery says whether pages get through.
type Delivery struct {
	State   signal.State     `json:"state"`
	Text    string           `json:"text"`
	Pending int              `json:"pending"`
	Targets []DeliveryTarget `json:"targets,omitempty"`
}

// A DeliveryTarget is one Alertmanager.
type DeliveryTarget struct {
	Name        string       `json:"name"`
	State       signal.State `json:"state"`
	LastSuccess time.Time    `json:"last_success,omitzero"`
	Error       string       `json:"error,omitempty"`
}

// An IncidentSummary is an incident in one line.
type IncidentSummary struct {
	ID           string    `json:"id"`
	Title        string    `json:"title"`
	Tier         Tier      `json:"tier"` // of the lead impact; the highest reached once it is resolved
	Process      string    `json:"process"`
	ProcessTitle string    `json:"process_title"`
	Entity       string    `json:"entity"`
	Tenant       string    `json:"tenant"`
	Environment  string    `json:"environment"`
	State        string    `json:"state"`             // "open", "acknowledged", "recovering", "recovered" or "merged"
	PartOf       string    `json:"part_of,omitempty"` // the incident that it was merged into
	Cause        string    `json:"cause,omitempty"`   // in a few words; "" while it is not known
	Impacts      int       `json:"impacts"`
	Opened       time.Time `json:"opened"`
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	Resolved     time.Time `json:"resolved,omitzero"`
	Deadline     *Deadline `json:"deadline,omitempty"`
}

// Open reports whether the incident is not resolved.
func (s IncidentSummary) Open() bool { return s.Resolved.IsZero() }

// An Incident is everything known about one incident.
type Incident struct {
	IncidentSummary

	Estate string         `json:"estate"`
	Zone   *time.Location `json:"-"`
	AsOf   time.Time      `json:"as_of,omitzero"`

	Triage     string     `json:"triage,omitempty"` // all of it in two or three sentences
	Stops      string     `json:"stops,omitempty"`  // what people cannot do
	ImpactList []Impact   `json:"impact_list"`      // the lead first
	CauseFound *Cause     `json:"cause_found,omitempty"`
	Suspects   []Suspect  `json:"suspects,omitempty"`       // what else may be behind it, the more probable first
	Reach      *Reach     `json:"blast_radius,omitempty"`   // who needs the component that is the cause
	Order      []Turn     `json:"recovery_order,omitempty"` // in which order to recover today
	DoFirst    []string   `json:"do_first,omitempty"`
	DoNot      []string   `json:"do_not,omitempty"`
	Workaround string     `json:"workaround,omitempty"`
	Who        []Contact  `json:"who,omitempty"`
	Trace      []TraceRow `json:"trace,omitempty"` // why this tier, in the order it was decided
	RTO        *Clock     `json:"rto,omitempty"`
	RPO        *Clock     `json:"rpo,omitempty"` // exposure of committed work
	Life       Life       `json:"life"`
	Checks     []Check    `json:"recovery_checks,omitempty"`     // what must hold before recovery is said
	Recoveries []Recovery `json:"recovery_objectives,omitempty"` // of each process, the lead first
	Timeline   []Event    `json:"timeline"`
	Changes    []Event    `json:"changes,omitempty"` // changes of the last day
	Runs       []flow.Run `json:"runs,omitempty"`    // latest first
	Links      []Link     `json:"links,omitempty"`

	Update      string    `json:"update,omitempty"`     // draft of what stakeholders are told now; "" when they are not told
	NextUpdate  time.Time `json:"next_update,omitzero"` // when they hear next; zero once it is over
	UpdateEvery Seconds   `json:"update_every_seconds,omitempty"`
	Runbook     string    `json:"runbook,omitempty"` // name of the runbook of its alert
}

// A Status is what everybody may read: how each outcome is, in public words.
// It names no component, no machine and no person.
type Status struct {
	Estate      string         `json:"estate"`
	Zone        *time.Location `json:"-"`
	AsOf        time.Time      `json:"as_of,omitzero"` // zero before the first tick
	Lines       []StatusLine   `json:"processes"`
	NotMeasured []string       `json:"not_measured,omitempty"` // of these nothing can be said here
	Parts       []Part         `json:"parts,omitempty"`        // of the daemon itself; also before the first tick
}

// A Part is something the daemon itself has to do, and whether it can.
type Part struct {
	Name  string       `json:"part"` // "Delivery"
	State signal.State `json:"state"`
	Text  string       `json:"text"` // without addresses: everybody may read it
}

// A StatusLine is how one outcome is for some or all entities.
type StatusLine struct {
	Process    string            `json:"process"` // as people call it
	Condition  wording.Condition `json:"condition"`
	Places     string            `json:"places,omitempty"`     // for whom
	Since      time.Time         `json:"since,omitzero"`       // zero when it works or is not known
	Meanwhile  string            `json:"meanwhile,omitempty"`  // what people can do
	Workaround string            `json:"workaround,omitempty"` // how finance helps itself, and from when on
	Next       time.Time         `json:"next_update,omitzero"`
	Text       string            `json:"text"` // all but the workaround in one line
}

// A Runbook is what to do about one process, alert or kind of component.
type Runbook struct {
	Name    string // as in links: "invoice-posting"
	Process bool   // whether it is about a finance process
	Text    string // Markdown that begins with its title
}

// An Impact is the verdict on one process within an incident.
type Impact struct {
	Process     string    `json:"process"`
	Title       string    `json:"title"`
	Entity      string    `json:"entity"`
	Tenant      string    `json:"tenant"`
	Environment string    `json:"environment"`
	ServiceTier string    `json:"service_tier,omitempty"`
	Tier        Tier      `json:"tier"`
	Lead        bool      `json:"lead"`
	Severity    string    `json:"severity,omitempty"` // how it was sent: page, ticket, info
	Since       time.Time `json:"since,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	Standing
	Reasons  []Reason  `json:"reasons"`
	Deadline *Deadline `json:"deadline,omitempty"`
}

// A Cause is the most probable cause, with what speaks for it.
type Cause struct {
	Component  string     `json:"component,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Text       string     `json:"text"`
	Confidence string     `json:"confidence,omitempty"` // "high", "likely"
	Evidence   []Evidence `json:"evidence,omitempty"`
	For        []string   `json:"for,omitempty"` // what else speaks for it
	Against    []string   `json:"against,omitempty"`
	RuledOut   []Evidence `json:"ruled_out,omitempty"`
}

// A Suspect is something else that may be behind an incident.
type Suspect struct {
	Text       string   `json:"text"`
	Confidence string   `json:"confidence"`
	For        []string `json:"for,omitempty"`
	Against    []string `json:"against,omitempty"`
}

// Reach is who needs a component, by how they are.
type Reach struct {
	Component string       `json:"component"`
	Groups    []ReachGroup `json:"groups"`
}

// A ReachGroup is the outcomes that are alike: "Invoice posting of acme".
type ReachGroup struct {
	State signal.State `json:"state"` // unknown where nothing tells
	Word  string       `json:"word"`  // "impaired"
	Who   []string     `json:"who"`
}

// maxWho bounds the outcomes named on the page; the API has all.
const maxWho = 6

// Some names the outcomes, a few of many.
func (g ReachGroup) Some() string {
	if more := len(g.Who) - maxWho; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(g.Who[:maxWho], ", "), more)
	}
	return wording.List(g.Who)
}

// A Turn is one step of a recovery.
type Turn struct {
	What string `json:"what"` // a component, or a process and whose
	Why  string `json:"why"`
}

// Evidence is one observation about a cause.
type Evidence struct {
	Text   string       `json:"text"`
	State  signal.State `json:"state"`
	Signal string       `json:"signal,omitempty"` // name of the signal, to look it up
	At     time.Time    `json:"at,omitzero"`
}

// A Contact is a role and what it does in this incident.
type Contact struct {
	Role string `json:"role"`
	Does string `json:"does,omitempty"`
}

// A TraceRow is one row of the decision table that was considered.
type TraceRow struct {
	Symptom string `json:"symptom"`
	Row     string `json:"row"`
	Matched bool   `json:"matched"`
	Tier    Tier   `json:"tier"`
	Why     string `json:"why"` // what was missing, or that it matched
}

// A Clock compares a running time with its objective.
type Clock struct {
	Elapsed   *Seconds `json:"elapsed_seconds,omitempty"` // nil when it cannot be measured
	Objective Seconds  `json:"objective_seconds"`
	Running   bool     `json:"running"`
	Note      string   `json:"note,omitempty"`
}

// An Event is one line of a timeline.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind,omitempty"` // "opened", "paged", "cause", "acknowledged", "recovered"
	Text string    `json:"text"`
}

// A Link leads to further help; only http and https addresses and paths of
// this server are shown.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}
