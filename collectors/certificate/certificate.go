package certificate

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "certificate"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component, Environment string
	Config                 Config
	Log                    *slog.Logger     // nil discards
	Now                    func() time.Time // time.Now
	Resolver               *net.Resolver    // of host names; the system's
}

// New prepares the watch over a set of certificates. It reads nothing.
func New(s Settings) collector.Instance {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return instance{s}
}

type instance struct{ settings Settings }

// seriesEach bounds what one target publishes, from its file and its server.
const seriesEach = 60

// Tasks implements collector.Instance: each target is one.
func (i instance) Tasks() []collector.Task {
	s := i.settings
	tasks := make([]collector.Task, len(s.Config.Targets))
	for n, t := range s.Config.Targets {
		if t.CA == "" {
			t.CA = s.Config.CA
		}
		tasks[n] = collector.Task{
			Component: s.Component, Environment: s.Environment, Kind: Kind, Name: t.Name,
			Collector: newWatch(t, s),
			Interval:  s.Config.Interval.D(), Timeout: s.Config.Timeout.D(), MaxSeries: seriesEach,
		}
	}
	return tasks
}

// Run implements collector.Instance. Targets wait for their turn: there is
// nothing to do between.
func (instance) Run(context.Context) error { return nil }

// Close implements collector.Instance. Every look closes its own connection.
func (instance) Close() {}
