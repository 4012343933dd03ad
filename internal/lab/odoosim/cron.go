package odoosim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A cronJob is a scheduled action that is due.
type cronJob struct {
	id       int64
	name     string
	interval time.Duration
	nextcall time.Time
	failures int
}

// runCrons is the cron worker: one action after the other, in one process.
func (s *Server) runCrons(ctx context.Context) {
	w := &worker{pid: cronPID, dsn: s.opts.DSN}
	defer w.drop()
	tick := time.NewTicker(s.opts.CronTick)
	defer tick.Stop()
	for rebased := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !rebased {
			rebased = s.rebaseCrons(ctx, w) == nil
			continue
		}
		if s.faults.isIdle() {
			continue
		}
		if err := s.runDue(ctx, w); err != nil && ctx.Err() == nil {
			s.opts.Log.Warn("cron worker cannot run its actions", "err", err)
		}
	}
}

// rebaseCrons brings calls that a scaled interval would not wait for nearer.
func (s *Server) rebaseCrons(ctx context.Context, w *worker) error {
	if s.opts.CronScale == 1 {
		return nil
	}
	return w.once(ctx, pgx.ReadCommitted, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE ir_cron SET nextcall = least(nextcall, $1::timestamp + $2 * (`+intervalSQL+`)) WHERE active`, s.now(), s.opts.CronScale)
		return err
	})
}

const intervalSQL = `make_interval(
	months => CASE interval_type WHEN 'months' THEN interval_number ELSE 0 END,
	days => CASE interval_type WHEN 'days' THEN interval_number WHEN 'weeks' THEN 7 * interval_number ELSE 0 END,
	hours => CASE interval_type WHEN 'hours' THEN interval_number ELSE 0 END,
	mins => CASE interval_type WHEN 'minutes' THEN interval_number ELSE 0 END)`

// runDue runs every action that is due. While a module waits to be installed
// or upgraded none runs, as in Odoo.
func (s *Server) runDue(ctx context.Context, w *worker) error {
	var due []int64
	err := w.once(ctx, pgx.ReadCommitted, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.id::int8 FROM ir_cron c
			WHERE c.active AND (c.nextcall <= $1 OR EXISTS (SELECT FROM ir_cron_trigger t WHERE t.cron_id = c.id AND t.call_at <= $1))
				AND NOT EXISTS (SELECT FROM ir_module_module WHERE state IN ('to install', 'to upgrade', 'to remove'))
			ORDER BY c.failure_count, c.priority, c.id`, s.now())
		if err != nil {
			return err
		}
		due, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range due {
		if err := s.runCron(ctx, w, id); err != nil {
			return err
		}
	}
	return nil
}

// runCron runs one action under its row lock. Its failure is written to the
// row: lastcall and nextcall move on all the same.
func (s *Server) runCron(ctx context.Context, w *worker, id int64) error {
	err := w.once(ctx, pgx.ReadCommitted, func(tx pgx.Tx) error {
		job, err := lockCron(ctx, tx, id)
		if err != nil || job == nil {
			return err
		}
		if err := s.misbehave(ctx, job); err != nil {
			return err
		}
		var done int64
		actionErr := pgx.BeginFunc(ctx, tx, func(nested pgx.Tx) error {
			done, err = s.perform(ctx, nested, job.name)
			return err
		})
		if actionErr != nil {
			s.opts.Log.Error("scheduled action failed", "action", job.name, "err", actionErr)
		}
		return s.reschedule(ctx, tx, job, done, actionErr != nil)
	})
	if isConcurrency(err) {
		return nil // the next tick tries again
	}
	return err
}

// misbehave has an action do what faults make of it. As in Odoo it reports that
// it begins, in a transaction of its own, with one more in the count of runs
// that did not end.
func (s *Server) misbehave(ctx context.Context, job *cronJob) error {
	f := s.faults.workFaults()
	if job.name != f.hog && job.name != f.killed {
		return nil
	}
	reporter := &worker{pid: cronPID, dsn: s.opts.DSN}
	defer reporter.drop()
	err := reporter.once(ctx, pgx.ReadCommitted, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO ir_cron_progress (cron_id, remaining, done, timed_out_counter, deactivate, create_date, write_date)
			SELECT $1, 0, 0, coalesce((SELECT timed_out_counter FROM ir_cron_progress WHERE cron_id = $1 ORDER BY id DESC LIMIT 1), 0) + 1, false, $2, $2`, job.id, s.now())
		return err
	})
	if err != nil {
		return err
	}
	if job.name == f.killed {
		return errKilled
	}
	s.faults.while(ctx, func(f workFaults) bool { return f.hog == job.name })
	return ctx.Err()
}

// errKilled ends the turn of the cron worker: what else was due waits for the
// next one.
var errKilled = errors.New("the cron worker was killed")

// lockCron takes a due action's row; nil when another process has it.
func lockCron(ctx context.Context, tx pgx.Tx, id int64) (*cronJob, error) {
	job := &cronJob{id: id}
	var seconds float64
	err := tx.QueryRow(ctx, `SELECT cron_name, extract(epoch FROM `+intervalSQL+`)::float8, nextcall, coalesce(failure_count, 0)
		FROM ir_cron WHERE id = $1 AND active FOR NO KEY UPDATE SKIP LOCKED`, id).Scan(&job.name, &seconds, &job.nextcall, &job.failures)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	job.interval = time.Duration(seconds * float64(time.Second))
	return job, err
}

func (s *Server) reschedule(ctx context.Context, tx pgx.Tx, job *cronJob, done int64, failed bool) error {
	now := s.now()
	step := max(time.Duration(float64(job.interval)*s.opts.CronScale), time.Second)
	next := job.nextcall
	if !next.After(now) {
		next = now.Add(step - now.Sub(next)%step) // on the grid of the calls missed
	}
	failures := 0
	if failed {
		failures = job.failures + 1
	}
	if _, err := tx.Exec(ctx, `UPDATE ir_cron SET lastcall = $2, nextcall = $3, failure_count = $4,
			first_failure_date = CASE WHEN $4 = 0 THEN NULL ELSE coalesce(first_failure_date, $2) END, write_date = $2 WHERE id = $1`,
		job.id, now, next, failures); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM ir_cron_trigger WHERE cron_id = $1 AND call_at <= $2`, job.id, now); err != nil {
		return err
	}
	if job.name == s.faults.workFaults().loops {
		if _, err := tx.Exec(ctx, `INSERT INTO ir_cron_trigger (cron_id, call_at, create_date, write_date) VALUES ($1, $2, $2, $2)`, job.id, now); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO ir_cron_progress (cron_id, remaining, done, timed_out_counter, deactivate, create_date, write_date)
		VALUES ($1, 0, $2, 0, false, $3, $3)`, job.id, done, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM ir_cron_progress WHERE cron_id = $1 AND id < (SELECT max(id) - 1000 FROM ir_cron_progress)`, job.id)
	return err
}

// perform does the work of an action and says how much there was. Actions
// without work of their own in the stand-in only take their turn.
func (s *Server) perform(ctx context.Context, tx pgx.Tx, name string) (int64, error) {
	e := s.system(ctx, tx)
	switch name {
	case CronAutoVacuum:
		return e.affected(`DELETE FROM account_payment_register WHERE create_date < $1`, e.now.Add(-time.Hour))
	case CronMailQueue:
		return e.affected(`UPDATE mail_mail SET state = 'sent', write_date = $1 WHERE state = 'outgoing'`, e.now)
	case CronAutoPost:
		return e.autoPost()
	case CronRecurringInvoices:
		return e.invoiceContract()
	case CronJobsGC:
		return e.affected(`UPDATE queue_job SET state = 'pending', date_enqueued = NULL WHERE state = 'enqueued' AND date_enqueued < $1`, e.now.Add(-5*time.Minute))
	case CronJobsVacuum:
		return e.affected(`DELETE FROM queue_job WHERE state IN ('done', 'cancelled') AND date_created < $1`, e.now.AddDate(0, 0, -30))
	}
	return 0, nil
}

func (e *env) affected(sql string, args ...any) (int64, error) {
	tag, err := e.tx.Exec(e.ctx, sql, args...)
	return tag.RowsAffected(), err
}

// autoPost posts drafts whose day has come, at most a hundred a run.
func (e *env) autoPost() (int64, error) {
	ids, err := e.ids(`SELECT id FROM account_move WHERE state = 'draft' AND auto_post <> 'no' AND date <= $1::text::date ORDER BY id LIMIT 100`, e.today())
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := e.s.faults.beforePosting(e.ctx, 0); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := e.postByID(id); err != nil {
			return 0, err
		}
	}
	return int64(len(ids)), nil
}

func (e *env) postByID(id int64) error {
	m, err := e.move(id)
	if err != nil {
		return err
	}
	if err := e.checkPostable(m); err != nil {
		return err
	}
	return e.post(m)
}

// invoiceContract bills one contract of the main company.
func (e *env) invoiceContract() (int64, error) {
	if err := e.s.faults.beforePosting(e.ctx, 0); err != nil {
		return 0, err
	}
	customer := FirstCustomer + e.now.Unix()%(LastCustomer-FirstCustomer+1)
	id, err := e.createMove(map[string]any{
		"move_type": "out_invoice", "journal_id": int64(MainSaleJournal), "partner_id": customer, "invoice_date": e.today(),
		"invoice_origin": fmt.Sprintf("CONTRACT/%03d", customer-FirstCustomer+1),
		"invoice_line_ids": []any{[]any{int64(0), int64(0), map[string]any{
			"name": "Subscription", "quantity": 1.0, "price_unit": 49.0, "tax_ids": []any{},
		}}},
	})
	if err != nil {
		return 0, err
	}
	return 1, e.postByID(id)
}
