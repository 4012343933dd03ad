// Package process is the catalogue of finance processes: pure data.
//
// A process is a finance outcome (invoice-posting), not a component. The
// catalogue gives each its service tier, objectives, recovery objectives, the
// components it needs by role, the work expected of it, and the words an
// on-call engineer needs: what it means when it stops, the workaround, and what
// must not be done. An estate overrides any field. Numbers are defaults, to be
// tuned with those who answer for the process.
package process

import "time"

// A ServiceTier is how much a process matters.
type ServiceTier string

// Service tiers.
const (
	Critical   ServiceTier = "A"
	Important  ServiceTier = "B"
	Standard   ServiceTier = "C"
	Deferrable ServiceTier = "D"
)

// A Role is what a component is to a process.
type Role string

// Roles.
const (
	Hard      Role = "hard"      // without it the outcome fails
	Redundant Role = "redundant" // one of several; losing one leaves n-1
	Soft      Role = "soft"      // without it the outcome is slower or poorer
)

// A Dependency names a kind of component and its role. An estate resolves the
// kind to its components; a kind the estate does not declare is not watched.
type Dependency struct {
	Kind string `yaml:"kind"` // "postgres", "redis", "traefik", "odoo"
	Role Role   `yaml:"role"`
	Use  string `yaml:"use,omitempty"` // "sessions": told to people
}

// Recovery holds a process's recovery objectives.
type Recovery struct {
	RTO time.Duration // how long the outcome may be away
	RPO time.Duration // how much committed work may be lost, as time
}

// A WorkSource says where a kind of source is looked for.
type WorkSource string

// Work sources.
const (
	QueueJobs       WorkSource = "queue_job"        // jobs of an OCA queue channel
	ScheduledAction WorkSource = "scheduled_action" // an ir.cron row
)

// Work is work that must happen for the outcome to happen: its absence is a
// symptom even when nothing reports an error.
type Work struct {
	Source WorkSource
	Match  []string      // channels or action names; * matches any run of characters
	Within time.Duration // due this long after it became runnable or should have run
	Says   string        // "e-invoices waiting to be sent"
}

// An Objective is a default service-level objective of a process.
type Objective struct {
	Name    string  // "availability", "latency"
	Target  float64 // share of good events, below 1
	Latency time.Duration
}

// A Process is one finance outcome.
type Process struct {
	Name       string
	Title      string // "Invoice posting"
	Tier       ServiceTier
	CloseTier  ServiceTier // tier inside its critical window
	Recovery   Recovery
	Needs      []Dependency
	Flows      []string // synthetic flows that exercise the outcome
	Operations []string // real-user operations that are the outcome: "account.move/action_post"
	Progress   string   // published counter that advances when real work is done; "" when none is known
	Work       []Work
	Objectives []Objective
	Team       string // owner role on call
	Owner      string // owner role in finance

	Stops      string   // what a person cannot do when it stops: "No invoice or bill can be posted"
	Workaround string   // what finance can do meanwhile
	DoFirst    []string // first safe actions, in order
	DoNot      []string // what would make it worse, duplicates first
}
