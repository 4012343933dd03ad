package postgres

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// How often every server is looked at, and how long a look may take.
const (
	lookEvery   = time.Second
	lookTimeout = 3 * time.Second
)

// lookBudget is what looking at servers may cost while one run of the task that
// publishes it passes: three statements a second of each, of which one is the
// rule. Time is not limited: asking less often would blind the clock.
func lookBudget(servers int, every time.Duration) collector.Budget {
	looks := uint64(every/lookEvery) + 1
	return collector.Budget{Requests: 3 * looks * uint64(servers)}
}

// A sampler looks at one server until told to stop. It has a connection of its
// own, so that a slow statistic never delays a look.
type sampler struct {
	name    string
	batch   func(context.Context, ...pgsession.Query) pgsession.Results // of the connection
	close   func()                                                      // ends it
	cluster *cluster
	now     func() time.Time
	log     *slog.Logger
	failing error // what was logged last

	last       look      // the latest; the zero look after a failure
	moving     bool      // whether the log had grown at the latest
	identified time.Time // when its identity was told, by our clock
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
	l, err := s.ask(bounded)
	if ctx.Err() != nil {
		return // we are stopping: that says nothing about the server
	}
	if err != nil {
		s.last = look{}
		s.cluster.failed(s.name, err, s.now())
	} else {
		s.last = l
		s.cluster.observe(s.name, l)
	}
	s.report(ctx, err)
}

// topics are what a look asks besides the position.
type topics struct{ identity, neighbours, replay bool }

// ask asks in one round trip what is due, and in a second one what the first
// shows to be due as well.
func (s *sampler) ask(ctx context.Context) (look, error) {
	sent, last := s.now(), &s.last
	first := topics{
		identity:   sent.Sub(s.identified) >= identityEvery || last.process.IsZero() || (last.cutOff() && sent.Sub(s.identified) >= neighboursEvery),
		neighbours: sent.Sub(last.met) >= neighboursEvery || s.moving || last.behind(),
	}
	results := s.batch(ctx, append([]pgsession.Query{positionQuery}, first.queries()...)...)
	l, err := readPosition(results.Named(positionQuery.Name), sent, s.now())
	if err != nil {
		return look{}, err
	}
	changed := !l.started.Equal(last.process) || l.recovering != last.recovering
	s.moving = !last.process.IsZero() && l.moved(last)
	second := topics{
		identity:   changed && !first.identity,
		neighbours: (changed || s.moving) && !first.neighbours,
		replay:     l.stuck(last),
	}
	if due := second.queries(); len(due) > 0 {
		results = append(results, s.batch(ctx, due...)...)
	}
	err = s.assemble(&l, results)
	return l, err
}

// assemble adds to a position what else was told, and what was told before
// where it was not asked again.
func (s *sampler) assemble(l *look, results pgsession.Results) error {
	l.identity, l.neighbours = s.last.identity, s.last.neighbours
	for _, r := range results {
		switch r.Name {
		case identityQuery.Name:
			id, err := readIdentity(r, results.Named(sourcesQuery.Name), l.started)
			if err != nil {
				return err
			}
			l.identity, s.identified = id, l.sent
		case neighboursQuery.Name:
			l.neighbours = readNeighbours(r, l.received)
		case startupQuery.Name:
			l.conflict = flag(r.First(), "conflict")
		}
	}
	if l.recovering && !l.stuck(&s.last) {
		l.conflict = new(false)
	}
	l.settle()
	return nil
}

func (t topics) queries() []pgsession.Query {
	var list []pgsession.Query
	if t.identity {
		list = append(list, identityQuery, sourcesQuery)
	}
	if t.neighbours {
		list = append(list, neighboursQuery)
	}
	if t.replay {
		list = append(list, startupQuery)
	}
	return list
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
