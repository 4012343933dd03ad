package app

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// runsDir is the directory of the archive inside the data directory.
const runsDir = "runs"

// A runBook remembers how runs went: in memory for what is decided and
// published, on disk for people and for the next start. A disk that refuses
// keeps no run from being decided on.
type runBook struct {
	history *flow.History
	archive *flow.Archive
	log     *slog.Logger
	refused *metrics.Counter
	lost    *metrics.Counter

	mu     sync.Mutex
	failed bool // the last run could not be kept: said once
}

func newRunBook(h *flow.History, a *flow.Archive, log *slog.Logger, own *telemetry.Own) *runBook {
	return &runBook{
		history: h, archive: a, log: log,
		refused: own.Counter("closewatch_probe_records_refused_total", "Times that a run could not be written to disk at once; it is tried again with the next run."),
		lost:    own.Counter("closewatch_probe_records_lost_total", "Runs that are in no record, because the disk refused them for too long."),
	}
}

// add remembers a run.
func (b *runBook) add(run flow.Run) {
	b.history.Add(run)
	err := b.archive.Add(run)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost.Set(uint64(b.archive.Lost())) //nolint:gosec // a count
	if err != nil {
		b.refused.Inc()
		if !b.failed {
			b.log.Error("runs of flows cannot be kept on disk; they wait in memory", "err", err)
		}
	} else if b.failed {
		b.log.Info("runs of flows can be kept on disk again")
	}
	b.failed = err != nil
}

// takeUp remembers the runs of before the start. Those a person started decide
// nothing, nor do those of a time that has not come. told hears of each that
// counts; the error names the first damage, if there is any.
func (b *runBook) takeUp(now time.Time, told func(flow.Run)) error {
	var first error
	runs, damaged := 0, 0
	for run, err := range b.archive.Runs() {
		switch {
		case errors.Is(err, durable.ErrDamaged):
			damaged++
			if first == nil {
				first = err
			}
		case err != nil:
			return err
		case run.ByHand, run.Started.After(now):
		case b.history.Restore(run):
			runs++
			told(run)
		}
	}
	b.log.Info("took up the runs of before", "runs", runs)
	if damaged > 1 {
		return fmt.Errorf("%w, and %d more", first, damaged-1)
	}
	return first
}
