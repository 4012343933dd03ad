package odoosim

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// jobWorkers is how many jobs may run at once: the sum of the channels, as
// each job occupies a worker.
func jobWorkers(channels map[string]int) int {
	n := 0
	for _, capacity := range channels {
		n += capacity
	}
	return max(n, 1)
}

// runJobs is the job runner: it hands pending jobs to workers, channel by
// channel, as far as capacity goes. Rows left enqueued or started by a crash of
// the server count against it, and nobody starts them again, as with OCA's
// runner. What it enqueued itself without learning that it did, because the
// connection broke, it puts back.
func (s *Server) runJobs(ctx context.Context) {
	runner := &worker{pid: runnerPID, dsn: s.opts.DSN}
	defer runner.drop()
	var running sync.WaitGroup
	defer running.Wait()
	started := newIDSet()
	broken := false
	tick := time.NewTicker(s.opts.JobTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s.faults.workFaults().gone {
			runner.drop()
			continue
		}
		if s.faults.isDeaf() {
			continue
		}
		ids, err := s.takeJobs(ctx, runner, broken, started.list())
		broken = err != nil
		if broken && ctx.Err() == nil {
			s.opts.Log.Warn("job runner cannot look for jobs", "err", err)
		}
		for _, id := range ids {
			started.add(id)
			running.Go(func() {
				defer started.remove(id)
				s.runJob(ctx, id)
			})
		}
	}
}

// An idSet is a set of records, safe for concurrent use.
type idSet struct {
	mu  sync.Mutex
	ids map[int64]bool
}

func newIDSet() *idSet { return &idSet{ids: map[int64]bool{}} }

func (s *idSet) add(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id] = true
}

func (s *idSet) remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

func (s *idSet) list() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.AppendSeq([]int64{}, maps.Keys(s.ids))
}

// takeJobs enqueues what every channel has room for. After the connection
// broke it first puts back what is enqueued but not among the known.
func (s *Server) takeJobs(ctx context.Context, w *worker, broken bool, known []int64) (taken []int64, err error) {
	channels := make([]string, 0, len(s.opts.JobChannels))
	for channel := range s.opts.JobChannels {
		channels = append(channels, channel)
	}
	slices.Sort(channels)
	err = w.once(ctx, pgx.ReadCommitted, func(tx pgx.Tx) error {
		if broken {
			if _, err := tx.Exec(ctx, `UPDATE queue_job SET state = 'pending', date_enqueued = NULL WHERE state = 'enqueued' AND id <> ALL($1)`, known); err != nil {
				return err
			}
		}
		for _, channel := range channels {
			rows, err := tx.Query(ctx, `
				UPDATE queue_job SET state = 'enqueued', date_enqueued = $3
				WHERE id IN (
					SELECT id FROM queue_job
					WHERE state = 'pending' AND (eta IS NULL OR eta <= $3) AND (channel = $1 OR ($1 = 'root' AND channel <> ALL($4)))
					ORDER BY priority, date_created, id
					LIMIT greatest(0, $2 - (SELECT count(*) FROM queue_job
						WHERE state IN ('enqueued', 'started') AND (channel = $1 OR ($1 = 'root' AND channel <> ALL($4)))))
					FOR UPDATE SKIP LOCKED)
				RETURNING id::int8`, channel, s.opts.JobChannels[channel], s.now(), channels)
			if err != nil {
				return err
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				return err
			}
			taken = append(taken, ids...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// What its session is known by: the last statement is the one that keeps it alive.
	if _, err := w.conn.Exec(ctx, "SELECT 1"); err != nil && ctx.Err() == nil {
		s.opts.Log.Warn("job runner cannot keep its connection alive", "err", err)
	}
	return taken, nil
}

// runJob performs one job. Its state is written until that succeeds or the
// server stops: only a crash leaves a job behind.
func (s *Server) runJob(ctx context.Context, id int64) {
	var w *worker
	select {
	case w = <-s.jobs:
	case <-ctx.Done():
		return
	}
	defer func() { s.jobs <- w }()
	started := s.now()
	killed := s.faults.workFaults().jobsKilled
	pid := w.pid
	if killed {
		pid += deadPIDs
	}
	s.persist(ctx, w, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE queue_job SET state = 'started', date_started = $2, worker_pid = $3 WHERE id = $1 AND state = 'enqueued'`, id, started, pid)
		return err
	})
	if killed {
		s.faults.abandon(id)
		w.drop()
		return
	}
	s.faults.while(ctx, func(f workFaults) bool { return f.jobsEndless })
	if sleep(ctx, time.Duration(float64(s.opts.JobCost)*(0.5+rand.Float64()))) != nil {
		return
	}
	if s.faults.workFaults().jobsFailing {
		s.persist(ctx, w, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE queue_job SET state = 'failed', exc_name = 'odoo.addons.queue_job.exception.JobError', exc_message = 'Job failed' WHERE id = $1`, id)
			return err
		})
		return
	}
	s.persist(ctx, w, func(tx pgx.Tx) error {
		done := s.now()
		var method string
		err := tx.QueryRow(ctx, `UPDATE queue_job SET state = 'done', date_done = $2, exec_time = $3 WHERE id = $1 RETURNING coalesce(method_name, '')`,
			id, done, done.Sub(started).Seconds()).Scan(&method)
		if err == nil && strings.Contains(method, "mail") {
			_, err = tx.Exec(ctx, `DELETE FROM mail_mail WHERE id = (SELECT id FROM mail_mail WHERE state = 'outgoing' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)`)
		}
		return err
	})
}

func (s *Server) persist(ctx context.Context, w *worker, fn func(pgx.Tx) error) {
	for ctx.Err() == nil {
		err := w.once(ctx, pgx.ReadCommitted, fn)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			s.opts.Log.Warn("cannot write a job's state, trying again", "err", err)
		}
		_ = sleep(ctx, time.Second) // ends early only with ctx, which ends the loop
	}
}
