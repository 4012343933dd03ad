package postgres

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// How often every server is looked at, and how long a look may take.
const (
	lookEvery   = time.Second
	lookTimeout = 3 * time.Second
)

// A sampler looks at one server until told to stop. It has a connection of its
// own, so that a slow statistic never delays a look.
type sampler struct {
	name    string
	session *pgsession.Session
	cluster *cluster
	now     func() time.Time
	log     *slog.Logger
	failing error // what was logged last
}

func (s *sampler) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *sampler) look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	sent := s.now()
	results := s.session.Batch(bounded, lookQueries...)
	received := s.now()
	if ctx.Err() != nil {
		return // we are stopping: that says nothing about the server
	}
	l, err := readLook(results, sent, received)
	if err != nil {
		s.cluster.failed(s.name, err, received)
	} else {
		s.cluster.observe(s.name, l)
	}
	s.report(ctx, err)
}

// report logs the beginning, change and end of a failure, not every second of
// it.
func (s *sampler) report(ctx context.Context, err error) {
	switch {
	case err != nil && (s.failing == nil || fault.KindOf(err) != fault.KindOf(s.failing)):
		s.log.WarnContext(ctx, "server does not answer", "server", s.name, "kind", string(fault.KindOf(err)), "err", err)
	case err == nil && s.failing != nil:
		s.log.InfoContext(ctx, "server answers again", "server", s.name)
	}
	s.failing = err
}

// saver keeps the history on disk until ctx is done, and once more then.
func (i *instance) saver(ctx context.Context) {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	var last error
	for {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		err := i.save()
		if err != nil && (last == nil || !errors.Is(err, last)) {
			i.log.WarnContext(ctx, "the WAL history is not kept on disk: a restart during an outage would lose it", "err", err)
		}
		last = err
		if ctx.Err() != nil {
			return
		}
	}
}

// saveEvery is how much of the history a crash of the daemon can cost.
const saveEvery = 10 * time.Second
