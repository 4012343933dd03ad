package prometheus

import (
	"context"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "prometheus"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component, Environment string
	Config                 Config
	Now                    func() time.Time // time.Now
}

// New prepares the queries to one server. It asks nothing.
func New(s Settings) collector.Instance {
	if s.Now == nil {
		s.Now = time.Now
	}
	return instance{s, newClient(s.Config)}
}

type instance struct {
	settings Settings
	client   *client
}

// seriesEach bounds what one query publishes: its values and a handful of
// numbers about them.
const seriesEach = maxValues + 10

// Tasks implements collector.Instance: each query is one.
func (i instance) Tasks() []collector.Task {
	s := i.settings
	tasks := make([]collector.Task, len(s.Config.Queries))
	for n, q := range s.Config.Queries {
		tasks[n] = collector.Task{
			Component: s.Component, Environment: s.Environment, Kind: Kind, Name: q.Name,
			Collector: newWatch(q, s, i.client),
			Interval:  s.Config.Interval.D(), Timeout: s.Config.Timeout.D(), MaxSeries: seriesEach,
			Budget: collector.Budget{Requests: maxRedirects + 1, Waiting: s.Config.Timeout.D() / 2}, Fresh: q.freshness(s.Config.Interval.D()),
		}
	}
	return tasks
}

// Run implements collector.Instance. Queries wait for their turn: there is
// nothing to do between.
func (instance) Run(context.Context) error { return nil }

// Close implements collector.Instance.
func (i instance) Close() { i.client.close() }
