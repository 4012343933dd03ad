package odoosim

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/fault"
)

// ChannelTest is the channel of the test job.
const ChannelTest = "root.closewatch"

// AddTestJob adds to a database what closewatch probe setup makes of it where
// queue_job is installed: a test job of the synthetic company that has run once,
// and the right of the probe user to requeue it. It returns the job's id.
func AddTestJob(ctx context.Context, dsn string) (int64, error) {
	const op = "add a test job"
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, fault.Wrap(op, err, "")
	}
	defer end(ctx, conn)
	id, err := newUUID()
	if err != nil {
		return 0, fault.Wrap(op, err, "")
	}
	var job int64
	err = conn.QueryRow(ctx, `WITH g AS (
			INSERT INTO res_groups (id, name) VALUES ($1, '{"en_US": "Closewatch: background job"}') ON CONFLICT (id) DO NOTHING
		), member AS (
			INSERT INTO res_groups_users_rel (gid, uid) VALUES ($1, $2) ON CONFLICT DO NOTHING
		)
		INSERT INTO queue_job (user_id, company_id, priority, retry, max_retries, uuid, name, model_name, method_name, func_string, state, channel,
			date_created, date_enqueued, date_started, date_done, exec_time)
		SELECT $2, $3, 10, 1, 5, $4, 'closewatch round trip', 'queue.job', '_test_job', 'queue.job()._test_job()', 'done', $5, t, t, t, t, 0.01
		FROM (SELECT now() AT TIME ZONE 'utc' AS t) AS n RETURNING id`,
		groupTestJob, ProbeUID, SyntheticCompany, id, ChannelTest).Scan(&job)
	return job, fault.Wrap(op, err, "")
}

// queueRights: managers may do anything, who has been given the test job may
// requeue it.
func queueRights() map[operation]rule {
	const manager = "Job Queue/Job Queue Manager"
	rights := allRights(rule{[]int64{groupSystem}, manager})
	rights[opRead] = rule{[]int64{groupSystem, groupTestJob}, manager}
	rights[opWrite] = rights[opRead]
	return rights
}

// requeueJobs makes jobs pending as if they had never run. Those that wait for
// others are left as they are.
func requeueJobs(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), opWrite); err != nil {
		return nil, err
	}
	if err := e.visible(e.model(c), ids, "write"); err != nil {
		return nil, err
	}
	return true, e.exec(`UPDATE queue_job SET state = 'pending', date_enqueued = NULL, date_started = NULL, date_done = NULL, date_cancelled = NULL,
		exec_time = NULL, worker_pid = NULL, retry = 0 WHERE id = ANY($1) AND state <> 'wait_dependencies'`, ids)
}
