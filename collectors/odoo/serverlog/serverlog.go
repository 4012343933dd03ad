package serverlog

import (
	"context"
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/internal/logtail"
)

// Settings is what a log is read with.
type Settings struct {
	Component string
	File      string
	Format    string        // one of Formats
	Slow      time.Duration // from which a call counts as slow
	Tenants   []string      // databases whose names are labels; the first is the component's own
	StateDir  string        // where the position is kept; "" keeps it in memory
	Log       *slog.Logger
	Now       func() time.Time
}

// A Log follows one server's log and publishes what it counts. It implements
// collector.Collector.
type Log struct {
	follower *logtail.Follower[*state]
	tally    *tally // of the follower's goroutine; its lists never change
	watch    watch
	now      func() time.Time
}

// savedEvery is how often the position and the counts are made durable, and
// then published.
const savedEvery = 3 * time.Second

// New resumes where a former process stopped. It reads no log yet.
func New(s Settings) *Log {
	t := newTally(s.Format, s.Slow, s.Tenants, s.Now)
	return &Log{
		tally: t, now: s.Now,
		follower: logtail.New(logtail.Options{
			Path: s.File, State: logtail.StateFile(s.StateDir, "odoolog", s.Component), Name: "Odoo's log",
			Hint:  "check log.file against Odoo's logfile, and that its directory is mounted here",
			Every: savedEvery, Now: s.Now, Log: s.Log,
		}, t),
	}
}

// Run follows the log until ctx is done.
func (l *Log) Run(ctx context.Context) { l.follower.Run(ctx) }
