// Package collector is the contract between the daemon and its collectors.
//
// A collector gathers on its own schedule with its own deadline; what it
// gathered is published as an immutable Snapshot. A scrape of /metrics serves
// the last snapshots and never waits for a monitored system: a hung database
// costs freshness, not the endpoint. Partial results are published together
// with the failure.
package collector

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A Collector turns the state of one system into metrics.
//
// Collect must return when ctx is done, is never called concurrently with
// itself, and may send metrics before returning an error: partial truth beats
// silence. What it asks of the system is charged to ctx (Charge). Errors are *fault.Error so that their kind becomes a label. The
// labels environment and component are added by the runner; a collector sends
// neither.
type Collector interface {
	Describe(ch chan<- *prometheus.Desc)
	Collect(ctx context.Context, ch chan<- prometheus.Metric) error
}

// A Task is one collector of one component with its cadence and bounds.
type Task struct {
	Component   string
	Environment string
	Name        string // subject, unique within the component: "replication"
	Kind        string // the component's kind: "postgres"
	Collector   Collector
	Interval    time.Duration
	Timeout     time.Duration // at most Interval; the context given to Collect ends then
	MaxSeries   int           // more are dropped and counted; 0 means DefaultMaxSeries
	Budget      Budget        // of each run
	// Fresh is how long those who read the results take them for current; 0 when
	// nobody says. A target that costs more than the budget is asked less often,
	// within this: see Runner.
	Fresh time.Duration
}

// A Spender is a Collector that tells what it costs the system it watches
// besides what is charged to the context of its runs (Charge): what fills the
// memory that it reads. That counts against the budget but not for the pace:
// nothing would be asked less.
type Spender interface {
	// Spent is the cost since the start. It is called from other goroutines than
	// Collect.
	Spent() Spent
}

// A Budget is what one run may spend. A run beyond it is counted, not stopped:
// its bounds are the deadline and the collector's own. When it happens again and
// again the runs become fewer. 0 is no limit.
type Budget struct {
	Requests uint64
	Waiting  time.Duration
	CPU      time.Duration // of ours, on the run's own thread
}

// DefaultMaxSeries bounds a task that sets no bound of its own.
const DefaultMaxSeries = 5000

// An Instance is all that watches one component.
type Instance interface {
	// Tasks lists the instance's collectors. It is called once.
	Tasks() []Task
	// Run does what cannot wait for a task's turn (a one-second sampler, a log
	// follower) until ctx is done, and returns only then. An instance without
	// such work returns nil at once.
	Run(ctx context.Context) error
	// Close releases connections. It is called after Run has returned.
	Close()
}

// A Snapshot is what one run of a task published. It is immutable.
type Snapshot struct {
	Task        *Task
	At          time.Time // when the run ended
	Duration    time.Duration
	Families    []*dto.MetricFamily // sorted by name, with environment and component
	Gathered    time.Time           // when Families were gathered: At, or earlier when this run failed with nothing to show
	Err         error               // nil, or why the run was partial or empty
	LastSuccess time.Time           // zero until a run succeeds
	Series      int
	Dropped     int // series over MaxSeries

	part *part // Families, to be served
}
