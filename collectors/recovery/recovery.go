package recovery

import (
	"context"
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "backup"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component, Environment string
	Config                 Config
	Log                    *slog.Logger     // nil discards
	Now                    func() time.Time // time.Now
	// StateDir is where restore tests that were told are remembered; "" forgets
	// them with the process.
	StateDir string
}

// New prepares the watch over the backups of a system. It reads nothing.
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

// maxSeries is more than the most sources publish.
const maxSeries = 3000

// Tasks implements collector.Instance. There is one: what a set of backups is
// worth depends on all its sources.
func (i instance) Tasks() []collector.Task {
	s := i.settings
	return []collector.Task{{
		Component: s.Component, Environment: s.Environment, Kind: Kind, Name: "evidence",
		Collector: newWatch(s),
		Interval:  s.Config.Interval.D(), Timeout: s.Config.Timeout.D(), MaxSeries: maxSeries,
	}}
}

// Run implements collector.Instance: there is nothing to do between turns.
func (instance) Run(context.Context) error { return nil }

// Close implements collector.Instance. Every file is closed when it is read.
func (instance) Close() {}
