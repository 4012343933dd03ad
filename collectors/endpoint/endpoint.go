package endpoint

import (
	"context"
	"net"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "endpoint"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component, Environment string
	Config                 Config
	Now                    func() time.Time // time.Now
	Resolver               *net.Resolver    // of host names; the system's
}

// New prepares the watch over one service. It asks nothing.
func New(s Settings) collector.Instance {
	if s.Now == nil {
		s.Now = time.Now
	}
	return instance{s}
}

type instance struct{ settings Settings }

// seriesEach bounds what one check publishes: a histogram, a counter for each
// kind of failure and a handful of numbers.
const seriesEach = 100

// Tasks implements collector.Instance: each check is one.
func (i instance) Tasks() []collector.Task {
	s := i.settings
	tasks := make([]collector.Task, len(s.Config.Checks))
	for n, c := range s.Config.Checks {
		tasks[n] = collector.Task{
			Component: s.Component, Environment: s.Environment, Kind: Kind, Name: c.Name,
			Collector: newProbe(c, s),
			Interval:  c.Interval.D(), Timeout: c.Timeout.D(), MaxSeries: seriesEach,
		}
	}
	return tasks
}

// Run implements collector.Instance. Checks wait for their turn: there is
// nothing to do between.
func (instance) Run(context.Context) error { return nil }

// Close implements collector.Instance. Every check closes its own connection.
func (instance) Close() {}
