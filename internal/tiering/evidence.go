package tiering

import (
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A Tier is what happened to a process, as an alert tier.
type Tier uint8

// Tiers in rising order.
const (
	None Tier = iota
	Informational
	Degradation
	BusinessCritical
)

// String is the tier's label value.
func (t Tier) String() string {
	return [...]string{"none", "informational", "degradation", "business-critical"}[t]
}

// MarshalText implements encoding.TextMarshaler.
func (t Tier) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. An unknown name is None.
func (t *Tier) UnmarshalText(b []byte) error {
	*t = None
	for c := None; c <= BusinessCritical; c++ {
		if c.String() == string(b) {
			*t = c
		}
	}
	return nil
}

// A Key identifies an impact: a process in one entity, tenant and environment.
type Key struct {
	Process     string `json:"process"`
	Entity      string `json:"entity"`
	Tenant      string `json:"tenant"`
	Environment string `json:"environment"`
}

// Evidence is all that is known about one subject at a tick. Every field that
// is missing stays missing: absence is never taken for health.
type Evidence struct {
	Key
	Process process.Process
	Place   calendar.Place
	// Critical says that the process is in its critical window, or that the
	// calendar cannot tell; CriticalWhy is the reason. Freezes and maintenance
	// have no say in it.
	Critical    bool
	CriticalWhy string
	// Holiday names the holiday it is at the entity, while nothing of the process
	// is due within two working days; "" otherwise.
	Holiday     string
	Deadlines   []calendar.Deadline // of this process, soonest first
	Blockers    []Blocker           // what must be done first for one of the deadlines
	Flows       []Flow
	Burns       []Burn
	Budgets     []Budget
	Progress    Progress
	Work        []Work
	Findings    []Finding // what signals show that is a symptom of the process, worst first
	Recovery    Recovery
	Needs       []Need
	Unusual     []Anomaly // what is not as usual
	Unseen      []Unseen  // what should tell of the outcome and does not
	UnseenSince time.Time // since when nothing tells whether the outcome works; zero while something does, and where nothing ever could
	NotWatched  []string  // what the process needs and the estate declares no component for, in words
	Changes     []Change  // of the last day to what it needs, newest first
	Suspicion   Suspicion // what the tick before took for the cause; the engine fills it in
}

// A Finding is a signal that is a symptom by itself.
type Finding struct {
	Symptom   Symptom // Integrity, SplitBrain, PrimaryLost or FailedPosting
	Signal    string
	Component string
	State     signal.State // Warning or Critical
	Since     time.Time
	Text      string // what the signal says
}

// A Blocker is work of another process without which a deadline cannot be met.
type Blocker struct {
	Deadline string        // id of the deadline that waits
	Title    string        // of the milestone that comes first
	Process  string        // that does it
	CatchUp  time.Duration // how long it still takes, at least
}

// FlowState is what the newest runs of a flow say.
type FlowState uint8

// Flow states.
const (
	FlowNever   FlowState = iota // has not run yet
	FlowPassing                  // the newest run passed
	FlowFailing                  // the newest run failed
	FlowBlocked                  // a guard or a person stopped it: it measures nothing, on purpose
	FlowStale                    // should have run and did not
)

func (s FlowState) String() string {
	return [...]string{"never run", "passing", "failing", "held back", "stale"}[s]
}

// A Flow is one synthetic flow's evidence.
type Flow struct {
	Name         string
	Level        string
	State        FlowState
	Next         time.Time // when the next run is to begin; zero when nobody knows
	Failures     int       // consecutive
	FirstFailure time.Time // start of the first run of the row
	// Previous is the start of the failing run before the newest; of the newest
	// when it is the only one.
	Previous     time.Time
	LastRun      time.Time
	Kind         fault.Kind
	Step         string
	Reason       string
	CannotDetect []string
}

// A Burn is one firing or quiet pair of burn windows of one objective.
type Burn struct {
	Objective string        // its name in the process: "availability"
	Scope     string        // "rolling", the last thirty days; "critical", the critical window, which has a budget of its own
	Target    process.Share // that the burn is reckoned by
	Indicator string        // "availability", "latency", "freshness" or "completeness"
	Source    string        // "synthetic", "users" or "records"
	Window    string
	Length    time.Duration // of the long window, unscaled
	Fast      bool
	Firing    bool
	// Lingers says that the long window has not come back to four fifths of its
	// threshold: what stands because of it is not over.
	Lingers bool
	Rate    float64 // told to people; nothing is decided on it
	Bad     uint64  // in the long window
	Total   uint64
	Lately  uint64 // bad in the short window
}

// A Budget is what is left of an error budget.
type Budget struct {
	Objective string
	Indicator string
	Source    string // "synthetic" or "users"
	Of        string // "30 days", "the close of 2026-11"
	// Left is the share that is left in thousandths, rounded down; negative when
	// overspent.
	Left int64
}

// Progress says whether real work of the process is being done.
type Progress struct {
	Known     bool
	Advanced  time.Time // newest instant at which the ledger was seen to advance
	PerMinute float64
}

// Work is one piece of expected work.
type Work struct {
	Source  process.WorkSource
	Name    string // channel, scheduled action, journal, or what Says says
	Says    string // "e-invoices waiting to be sent"
	Count   int    // units waiting; 0 when nothing tells how many
	Oldest  time.Time
	Due     time.Time     // when the oldest must be done, or the next is due; zero when nobody says
	CatchUp time.Duration // backlog ÷ measured drain rate; 0 when there is no backlog
	Drains  bool          // the backlog is being worked off
	Stalled time.Time     // since when nothing of a backlog has been worked off; zero when it drains, or nobody can tell
	Done    time.Time     // when a job was last taken, or the action last began; zero when nobody can tell
	Missing bool          // it should be happening and is not
	Lacks   int           // how many should have happened and did not: jobs, runs, statements, entries
	Since   time.Time     // since when it is missing; zero when it is not, or nobody can tell
	Why     string        // "31 jobs pending, none taken since 14:02:10"
}

// Continuous reports whether the work shows at any time that the outcome
// happens. What is declared for some instants, or usual by a time of day, tells
// that less well than a flow does.
func (w Work) Continuous() bool {
	return w.Source != process.Schedule && w.Source != process.History
}

// Recovery is the recovery point exposure on the process's system of record.
type Recovery struct {
	Known     bool
	Component string
	Exposure  time.Duration
	// BeyondSince is when the exposure first exceeded the process's RPO and
	// stayed beyond; zero while within.
	BeyondSince time.Time
	Copies      []Copy // each that tells; Exposure is the best of them
	// Postings is how many journal entries were posted within the exposure; nil
	// when that is not known.
	Postings *float64
}

// A Copy is one place that committed work could be had from again.
type Copy struct {
	Component string
	Archive   bool          // a backup and the log archived since; otherwise the standbys of a database
	Exposure  time.Duration // how old the oldest work is that it may lack
}

// A Need is a component the process depends on, as found now.
type Need struct {
	Component string
	Kind      string
	Role      process.Role
	State     signal.State
	Since     time.Time
	Evidence  []string     // what its bad signals say
	Signals   []SignalSeen // the bad ones, worst first
	// Fine names the families of trouble whose signals are all measured and
	// healthy.
	Fine []string
	// DependsOn are the components it rests on; nil when nobody says, and then
	// its kind does.
	DependsOn []string
	// Fails and Works are other processes that need the component too and fail,
	// or are seen to work. Acquaint fills them in.
	Fails, Works []string
}

// A SignalSeen is a bad signal of a component.
type SignalSeen struct {
	Name   string
	Health bool // it is part of the component's state
	State  signal.State
	Since  time.Time
	Text   string
}

// A Change is something that was changed in the estate.
type Change struct {
	At        time.Time
	Kind      string // "deploy"
	Component string // "" concerns all of them
	What      string
	Reference string // revision, ticket or pipeline
}

// nowhere says where committed work is not.
func (r Recovery) nowhere() string {
	archived, standby := false, false
	for _, c := range r.Copies {
		archived, standby = archived || c.Archive, standby || !c.Archive
	}
	switch {
	case archived && standby:
		return "neither on a standby of " + r.Component + " nor archived"
	case archived:
		return "not archived by " + r.Component
	default:
		return "not on any standby of " + r.Component
	}
}
