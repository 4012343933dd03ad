package odoosim

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/fault"
)

// workFaults are those of jobs and scheduled actions.
type workFaults struct {
	gone        bool    // the job runner is not connected
	jobsKilled  bool    // workers die with the job they have begun
	jobsEndless bool    // jobs do not end
	jobsFailing bool    // jobs end in an exception
	abandoned   []int64 // jobs whose worker has died
	hog         string  // this action does not end
	killed      string  // the worker dies with this action
	loops       string  // this action asks to be run again
}

// SetJobrunnerGone makes the job runner lose its connection and take nothing, as
// after a failover of the database.
func (f *Faults) SetJobrunnerGone(on bool) { f.set(func() { f.work.gone = on }) }

// SetJobsKilled makes workers die with the jobs they begin: those stay started,
// under the number of a process that is gone. Clear puts them back.
func (f *Faults) SetJobsKilled(on bool) { f.set(func() { f.work.jobsKilled = on }) }

// SetJobsEndless makes jobs that begin not end while it is on, so that they use
// up the capacity of their channels.
func (f *Faults) SetJobsEndless(on bool) { f.set(func() { f.work.jobsEndless = on }) }

// SetJobsFailing makes jobs end in state failed while it is on.
func (f *Faults) SetJobsFailing(on bool) { f.set(func() { f.work.jobsFailing = on }) }

// SetCronHog makes the named scheduled action not end while it is on: the others
// of the one cron worker wait. "" ends it.
func (f *Faults) SetCronHog(name string) { f.set(func() { f.work.hog = name }) }

// SetCronKilled makes the cron worker die whenever it has begun the named
// scheduled action, and be started again. "" ends it.
func (f *Faults) SetCronKilled(name string) { f.set(func() { f.work.killed = name }) }

// SetCronLoops makes the named scheduled action ask to be run again whenever it
// has run. "" ends it.
func (f *Faults) SetCronLoops(name string) { f.set(func() { f.work.loops = name }) }

func (f *Faults) workFaults() workFaults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.work
}

// abandon notes a job whose worker has died.
func (f *Faults) abandon(id int64) {
	f.set(func() { f.work.abandoned = append(f.work.abandoned, id) })
}

// clearWork ends the faults and puts back the jobs that were abandoned.
func (f *Faults) clearWork(ctx context.Context) error {
	f.mu.Lock()
	abandoned := f.work.abandoned
	f.work = workFaults{abandoned: abandoned}
	f.mu.Unlock()
	if len(abandoned) == 0 {
		return nil
	}
	const op = "put abandoned jobs back"
	conn, err := pgx.Connect(ctx, f.s.opts.DSN)
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	defer end(ctx, conn)
	if _, err := conn.Exec(ctx, `UPDATE queue_job SET state = 'pending', date_enqueued = NULL, date_started = NULL, worker_pid = NULL WHERE id = ANY($1) AND state = 'started'`, abandoned); err != nil {
		return fault.Wrap(op, err, "")
	}
	f.set(func() { f.work.abandoned = f.work.abandoned[len(abandoned):] })
	return nil
}

// while waits until a fault is over or ctx is done.
func (f *Faults) while(ctx context.Context, on func(workFaults) bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for on(f.workFaults()) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
