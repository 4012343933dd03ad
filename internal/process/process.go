// Package process is the catalogue of finance processes: pure data.
//
// A process is a finance outcome (invoice-posting), not a component. The
// catalogue gives each its service tier and objectives, in normal days and in
// its critical window, its recovery objectives, the components it needs by
// role, the work expected of it, and the words people need when it stops: its
// first symptoms, the workaround, what to do first and what must not be done.
// An estate overrides any field.
//
// Tiers, targets, thresholds, recovery objectives, windows and trigger times
// are defaults of judgement, not measurements and not law: they are to be
// agreed with those who answer for each process. Symptoms and duplicate risks
// are those that users of Odoo and of its community modules have reported.
package process

import (
	"cmp"
	"fmt"
	"time"
)

// A ServiceTier is how much a process matters.
type ServiceTier string

// Service tiers.
const (
	Critical   ServiceTier = "A"
	Important  ServiceTier = "B"
	Standard   ServiceTier = "C"
	Deferrable ServiceTier = "D"
)

// ServiceTiers lists the tiers, the one that matters most first.
func ServiceTiers() []ServiceTier {
	return []ServiceTier{Critical, Important, Standard, Deferrable}
}

// A Role is what a component is to a process.
type Role string

// Roles.
const (
	Hard      Role = "hard"      // without it the outcome fails
	Redundant Role = "redundant" // one of several; losing one leaves n-1
	Soft      Role = "soft"      // without it the outcome is slower or poorer
)

// Roles lists the roles.
func Roles() []Role { return []Role{Hard, Redundant, Soft} }

// Kinds of component that processes need. A kind that an estate declares no
// component of is not watched, whether or not a collector for it exists.
const (
	Postgres  = "postgres"  // system of record
	Standby   = "standby"   // a copy of it, discovered and judged with its cluster
	Backup    = "backup"    // repository that it can be restored from
	Odoo      = "odoo"      // application
	Traefik   = "traefik"   // ingress
	Redis     = "redis"     // sessions and queues, where Odoo has modules for it
	Bank      = "bank"      // interface of a bank or payment provider
	Tax       = "tax"       // tax engine or authority
	Identity  = "identity"  // sign-on
	Documents = "documents" // mail, printing, document exchange and recognition
)

// Kinds lists the kinds of component that processes need.
func Kinds() []string {
	return []string{Postgres, Standby, Backup, Odoo, Traefik, Redis, Bank, Tax, Identity, Documents}
}

// A Dependency is a component in its role for a process: one by name, or all
// of a kind. The catalogue knows kinds only.
type Dependency struct {
	Component string // one by name; then Kind is empty
	Kind      string
	Role      Role
	Use       string // told to people: "sessions"
}

// Recovery holds a process's recovery objectives.
type Recovery struct {
	RTO time.Duration // how long the outcome may be away
	RPO time.Duration // how much committed work may be lost, as time
}

// A WindowKind says what a critical window is placed by.
type WindowKind string

// Window kinds.
const (
	WorkingDays    WindowKind = "working-days"    // around the end of a period
	BeforeDeadline WindowKind = "before-deadline" // before each deadline of the process
	Always         WindowKind = "always"
)

// A Window is when a process is in its critical window. Its places are counted
// by the calendar of the entity.
type Window struct {
	Kind WindowKind
	// From and To are working days around a period end, both included: -2 is
	// WD-2, 2 is WD+2. There is no 0.
	From, To int
	// Before is how long before a deadline the window begins, BeforeDays the
	// same in whole working days. It ends with the deadline.
	Before     time.Duration
	BeforeDays int
	Says       string // what makes it critical: "receipt cut-off", "payment cut-off"
}

// String says when the window is: "WD-2 to WD+2 (receipt cut-off)".
func (w Window) String() string {
	why := ""
	if w.Says != "" {
		why = " (" + w.Says + ")"
	}
	deadline := w.Says
	if deadline == "" {
		deadline = "each deadline"
	}
	switch {
	case w.Kind == Always:
		return "always" + why
	case w.Kind == BeforeDeadline && w.BeforeDays == 1:
		return "1 working day before " + deadline
	case w.Kind == BeforeDeadline && w.BeforeDays > 0:
		return fmt.Sprintf("%d working days before %s", w.BeforeDays, deadline)
	case w.Kind == BeforeDeadline && w.Before%time.Hour == 0:
		return fmt.Sprintf("%d h before %s", w.Before/time.Hour, deadline)
	case w.Kind == BeforeDeadline:
		return fmt.Sprintf("%d min before %s", w.Before/time.Minute, deadline)
	case w.From == w.To:
		return fmt.Sprintf("WD%+d%s", w.From, why)
	default:
		return fmt.Sprintf("WD%+d to WD%+d%s", w.From, w.To, why)
	}
}

// A WorkSource says how it is known what should have happened by now.
type WorkSource string

// Work sources.
const (
	QueueJobs       WorkSource = "queue_job"        // jobs of an OCA queue channel wait to be taken
	ScheduledAction WorkSource = "scheduled_action" // an ir.cron row has its interval
	Schedule        WorkSource = "schedule"         // it is declared when a metric must show it done
	History         WorkSource = "history"          // as much as on earlier days of the same kind
)

// WorkSources lists the sources.
func WorkSources() []WorkSource { return []WorkSource{QueueJobs, ScheduledAction, Schedule, History} }

// Work is work that must happen for the outcome to happen: its absence is a
// symptom even when nothing reports an error.
type Work struct {
	Source WorkSource
	Match  []string // of QueueJobs and ScheduledAction: channels or action names; * matches any run of characters
	// Within is how long after it became runnable, or was due, it is done in time;
	// History has none.
	Within time.Duration
	Says   string // "e-invoices waiting to be sent"

	// Of Schedule and History.
	Metric string            // published; absent where the database has no such thing
	Labels map[string]string // those its series have, besides tenant, entity and environment
	By     string            // the label whose values are judged each by itself; "" is all series together

	// Of Schedule.
	Due  string // "every working day 10:00", "WD+1 10:00", "payday - 2 BD 22:00"
	Done Done
	// Habit judges a series only while it has as a rule been done in time: what
	// not everybody does cannot be missing.
	Habit bool

	// Of History: how many there must usually be by a time of day for fewer to
	// mean anything.
	Least float64
}

// Done says when a schedule's metric shows the work done. Exactly one is set.
type Done struct {
	Dated    *int     // the timestamp lies at most so many working days before the day it is due
	Advances *float64 // the counter has advanced by so much since it was last done
	AtMost   *float64 // the value is no higher
	AtLeast  *float64 // the value is no lower
}

// String says when the work is done; "" when nothing is set.
func (d Done) String() string {
	switch {
	case d.Dated != nil && *d.Dated == 0:
		return "dated the day it is due"
	case d.Dated != nil:
		return fmt.Sprintf("dated at most %d BD before", *d.Dated)
	case d.Advances != nil:
		return fmt.Sprintf("advances by %g", *d.Advances)
	case d.AtMost != nil:
		return fmt.Sprintf("at most %g", *d.AtMost)
	case d.AtLeast != nil:
		return fmt.Sprintf("at least %g", *d.AtLeast)
	default:
		return ""
	}
}

// An ObjectiveKind is how good is told from bad.
type ObjectiveKind string

// Objective kinds.
const (
	Availability ObjectiveKind = "availability" // events that succeed
	Latency      ObjectiveKind = "latency"      // events that take no longer than the threshold
	Deadline     ObjectiveKind = "deadline"     // occasions on which the work is done when it is due
	Freshness    ObjectiveKind = "freshness"    // units of work that are no older than the threshold
	Completeness ObjectiveKind = "completeness" // units that are there and settled when they are counted
)

// ObjectiveKinds lists the kinds of objective.
func ObjectiveKinds() []ObjectiveKind {
	return []ObjectiveKind{Availability, Latency, Deadline, Freshness, Completeness}
}

// HasThreshold reports whether an objective of this kind needs a threshold.
func (k ObjectiveKind) HasThreshold() bool { return k == Latency || k == Freshness }

// An Objective is a service-level objective of a process.
type Objective struct {
	Name      string // unique in its process; that of its kind where one is enough
	Kind      ObjectiveKind
	Target    Share // of good events, below the whole; 0 with Every
	Threshold time.Duration
	// Every says that none may be missed: each miss counts, and no budget
	// allows for any.
	Every bool
	// CriticalTarget and CriticalThreshold hold inside the critical window; 0 is
	// as outside it.
	CriticalTarget    Share
	CriticalThreshold time.Duration
	CriticalOnly      bool   // holds inside the critical window only
	Says              string // what is good, in words: "approved bills are in the file before its cut-off"

	Indicator  *Indicator // what it is measured on; nil is the process's flows and users' operations
	Unmeasured string     // why nothing here measures it, in words; "" when something can
	Budget     Budget
}

// In returns the objective with the target and the threshold in force, those of
// the critical window when critical. The target is never lower there.
func (o Objective) In(critical bool) Objective {
	if critical {
		o.Target = max(o.Target, o.CriticalTarget)
		o.Threshold = cmp.Or(o.CriticalThreshold, o.Threshold)
	}
	return o
}

// A Detector is what sees a symptom.
type Detector string

// Detectors; the empty one is nothing yet.
const (
	ByFlow   Detector = "flow"   // a synthetic flow
	ByUsers  Detector = "users"  // operations of real users
	ByWork   Detector = "work"   // expected work that does not happen
	BySignal Detector = "signal" // a signal of a component
)

// A Symptom is one of the first things people see when the outcome is in
// trouble.
type Symptom struct {
	Says   string   // "drafts pile up and nothing is posted"
	By     Detector // "" while nothing sees it
	Signal string   // its name, with BySignal
}

// A Responsibility says whose duty something is.
type Responsibility string

// Responsibilities.
const (
	Provider Responsibility = "provider"
	Customer Responsibility = "customer"
	Vendor   Responsibility = "vendor"
	Shared   Responsibility = "shared"
)

// Responsibilities lists the responsibilities.
func Responsibilities() []Responsibility {
	return []Responsibility{Provider, Customer, Vendor, Shared}
}

// A Process is one finance outcome.
type Process struct {
	Name      string
	Title     string // "Invoice posting"
	Tier      ServiceTier
	CloseTier ServiceTier // tier inside its critical window
	Windows   []Window    // its critical window; the close itself when it names none

	Recovery         Recovery
	CriticalRecovery Recovery // inside the critical window; the zero Recovery is as outside it
	// Refetch names the records from which lost work is had again. With them, a
	// recovery point objective of 0 is met whatever the age of copies is.
	Refetch string // "the bank's records"

	Needs      []Dependency
	Flows      []string // synthetic flows that exercise the outcome
	Operations []string // real-user operations that are the outcome: "account.move/action_post"
	Progress   string   // published counter that advances when real work is done; "" when none is known
	Work       []Work
	Objectives []Objective

	Team           string // role on call
	Owner          string // role in finance that decides for the business
	Vendor         string // whom to escalate to outside: "the bank"; "" when nobody
	Responsibility Responsibility

	Stops    string // what a person cannot do when it stops: "No invoice or bill can be posted"
	Symptoms []Symptom
	// Meanwhile is what everybody who uses it can do meanwhile, in a few words
	// that follow "please": "keep saving drafts and do not resubmit".
	Meanwhile       string
	Workaround      string        // what finance can do meanwhile
	WorkaroundAfter time.Duration // when it is started: this long after the outcome stopped
	DoFirst         []string      // first safe actions, in order
	DoNot           []string      // what would make it worse, duplicates first
}

// RecoveryIn returns the recovery objectives, those of the critical window
// when critical. They are never looser there than outside.
func (p Process) RecoveryIn(critical bool) Recovery {
	if critical && p.CriticalRecovery != (Recovery{}) {
		return Recovery{
			RTO: min(p.Recovery.RTO, p.CriticalRecovery.RTO),
			RPO: min(p.Recovery.RPO, p.CriticalRecovery.RPO),
		}
	}
	return p.Recovery
}

// TierIn returns the service tier, that of the critical window when critical.
// It is never lower there than outside: tiers are letters in their order.
func (p Process) TierIn(critical bool) ServiceTier {
	if critical && p.CloseTier != "" {
		return min(p.Tier, p.CloseTier)
	}
	return p.Tier
}

// Tolerates reports whether committed work may have been in one place for as
// long as exposure.
func (p Process) Tolerates(exposure time.Duration, critical bool) bool {
	rpo := p.RecoveryIn(critical).RPO
	return exposure <= rpo || rpo == 0 && p.Refetch != ""
}
