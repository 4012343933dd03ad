package odoo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	causeLabels = []string{"tenant", "channel", "cause"}

	orphanJobs = prometheus.NewDesc(
		"odoo_queue_orphan_jobs", "Jobs that are marked as enqueued or started and that nobody works on, by cause: they hold capacity of their channel until they are set back. worker_gone: the session of the worker has ended; no_lock: started without a row in queue_job_lock; not_taken: handed out a minute ago and not begun; over_limit: started longer ago than a job may run, and whether its worker lives cannot be told.",
		causeLabels, nil,
	)
	requeueRisk = prometheus.NewDesc(
		"odoo_queue_requeue_risk_jobs", "Jobs that would be done twice or given up if they were touched. still_running: started longer ago than a job may run, and its worker lives; last_try: it has failed before, and the next failure is the last, looked for among the first 2001 pending jobs.",
		causeLabels, nil,
	)
	retryingJobs = prometheus.NewDesc(
		"odoo_queue_retrying_jobs", "Pending jobs that have been tried before, among the first 2001.", channelLabels, nil,
	)
	duplicateJobs = prometheus.NewDesc(
		"odoo_queue_duplicate_jobs", "Pending jobs with the identity of another pending job of the channel: the same work twice. Looked for among the first 2001.", channelLabels, nil,
	)
	runnerState = prometheus.NewDesc(
		"odoo_jobrunner_state", "What the job runner does, 1 for the one that holds. idle: nothing waits; taking: jobs are taken; full: jobs wait while others run; blocked: jobs wait behind orphans; deaf: jobs wait, nothing holds them up and none is taken; gone: not connected, jobs wait and none is taken.",
		[]string{"tenant", "state"}, nil,
	)
	runnerSessions = prometheus.NewDesc(
		"odoo_jobrunner_sessions", "Sessions of job runners in the database; absent when the role may not see what other sessions do.", []string{"tenant"}, nil,
	)
)

// What is told of jobs that are held.
const (
	workerGone   = "worker_gone"
	noLock       = "no_lock"
	notTaken     = "not_taken"
	overLimit    = "over_limit"
	stillRunning = "still_running"
	lastTry      = "last_try"
)

// What the runner does.
const (
	runnerIdle    = "idle"
	runnerTaking  = "taking"
	runnerFull    = "full"
	runnerBlocked = "blocked"
	runnerDeaf    = "deaf"
	runnerGone    = "gone"
)

var runnerStates = []string{runnerIdle, runnerTaking, runnerFull, runnerBlocked, runnerDeaf, runnerGone}

const (
	// defaultJobLimit is well above limit_time_real, 120 s unless set: many raise
	// it for the workers that run jobs.
	defaultJobLimit = 10 * time.Minute
	// handOver is how long a job may be enqueued: the runner asks for it by HTTP,
	// gives up after a second and puts the job back.
	handOver = time.Minute
	// settling is how long a job that has begun may look orphaned: its state is
	// committed before its row is locked. The runner itself waits 10 s.
	settling = 30 * time.Second
	// runnerGrace is how long runnable jobs may wait untouched: the runner sleeps
	// for a minute at most.
	runnerGrace = 90 * time.Second
	maxHeld     = 1001 // jobs looked at of each of enqueued and started
	// maxPending is how many pending jobs are looked at for what is peculiar; what
	// is counted of all is read once, in queueSQL.
	maxPending = 2001
)

// A runner is what is known of the job runner at a look.
type runner struct {
	sessions int64
	visible  bool // sessions are known
	named    bool // sessions of workers bear their number; once seen, it is taken for true
}

// known says what can be told of jobs: the role may see it, and this version of
// queue_job has it.
type known struct {
	workers, locks, tries, identities bool
}

func knownOf(t *tables, r runner) known {
	return known{
		workers:    r.visible && r.named && t.readable("queue_job", "worker_pid"),
		locks:      t.readable("queue_job_lock", "queue_job_id"),
		tries:      t.readable("queue_job", "retry") && t.readable("queue_job", "max_retries"),
		identities: t.readable("queue_job", "identity_key"),
	}
}

// A heldJob is one that is enqueued or started.
type heldJob struct {
	state             string
	enqueued, started time.Time
	session, locked   *bool // nil when that cannot be known
}

// A heldLook is what one look found of a channel's held and pending jobs.
type heldLook struct {
	orphans, risk        map[string]int64
	live                 int64 // being worked on, or just handed out
	retrying, duplicates int64
}

// judge says why a job is an orphan, or what makes it risky to set it back, or
// nothing.
func (j heldJob) judge(now time.Time, limit time.Duration) (orphan, risk string) {
	if j.state == "enqueued" {
		if !j.enqueued.IsZero() && now.Sub(j.enqueued) > handOver {
			return notTaken, ""
		}
		return "", ""
	}
	ran := time.Duration(0)
	if since := latest(j.started, j.enqueued); !since.IsZero() {
		ran = now.Sub(since)
	}
	switch {
	case ran > settling && j.session != nil && !*j.session:
		return workerGone, ""
	case ran > settling && j.locked != nil && !*j.locked:
		return noLock, ""
	case ran <= limit:
		return "", ""
	case j.session != nil:
		return "", stillRunning
	}
	return overLimit, ""
}

// state judges the runner: what it does while a job has been runnable since
// oldest and none was taken since taken.
func (r runner) state(now, oldest, taken time.Time, live, orphans int64) string {
	switch {
	case oldest.IsZero():
		return runnerIdle
	case now.Sub(oldest) <= runnerGrace || now.Sub(taken) <= runnerGrace:
		return runnerTaking
	case r.visible && r.sessions == 0:
		return runnerGone
	case live > 0:
		return runnerFull
	case orphans > 0:
		return runnerBlocked
	}
	return runnerDeaf
}

// sessionsSQL looks for the runner: it listens, asks for jobs with a cursor of a
// name of its own, marks them outside of any transaction, and says SELECT 1
// when there is nothing to do. Like every session of Odoo it bears the number
// of its process, unless the deployment names them otherwise. A role without
// pg_monitor does not see what the sessions of others do.
const sessionsSQL = `
select count(*) filter (where hidden) as hidden, count(*) filter (where named) as named,
       count(*) filter (where runs) as runners, count(*) filter (where runs and named) as named_runners
from (
    select application_name ~ '^odoo-[0-9]+$' as named, query = '<insufficient privilege>' or coalesce(state, 'disabled') = 'disabled' as hidden,
           query = 'SELECT 1' or query ~* '^\s*listen\s+"?queue_job"?' or query ~ '^\s*(DECLARE|FETCH|CLOSE)[^;]*select_jobs'
           or state = 'idle' and query ~* '^\s*update\s+"?queue_job"?\s' as runs
    from pg_stat_activity
    where datname = current_database() and coalesce(backend_type, 'client backend') = 'client backend' and pid <> pg_backend_pid()
) as session`

// heldSQL reads the jobs that are held and whether someone works on them. $1 is
// the limit per state.
func heldSQL(t *tables) string {
	pid, locked := "null::int", "null::bool"
	if t.readable("queue_job", "worker_pid") {
		pid = "worker_pid"
	}
	if t.readable("queue_job_lock", "queue_job_id") {
		locked = "exists (select from queue_job_lock as l where l.queue_job_id = job.id)"
	}
	return `
with present as materialized (
    select distinct application_name from pg_stat_activity where datname = current_database()
)
select coalesce(channel, '') as channel, state, date_enqueued, date_started,
       worker_pid is not null as numbered, p.application_name is not null as session, ` + locked + ` as locked
from unnest(array['enqueued', 'started']) as s(name)
cross join lateral (
    select id, channel, state, date_enqueued, date_started, ` + pid + ` as worker_pid from queue_job where state = s.name limit $1
) as job
left join present as p on p.application_name = 'odoo-' || job.worker_pid`
}

// pendingSQL counts what is peculiar about pending jobs. $1 is the limit.
func pendingSQL(t *tables) string {
	retry, most, identity := "null::int", "null::int", "null::text"
	k := knownOf(t, runner{})
	if k.tries {
		retry, most = "retry", "max_retries"
	}
	if k.identities {
		identity = "identity_key"
	}
	return `
select coalesce(channel, '') as channel, count(*) filter (where retry > 0) as retrying,
       count(*) filter (where retry > 0 and max_retries > 0 and retry >= max_retries - 1) as last_try,
       count(identity) - count(distinct identity) as duplicates
from (
    select channel, ` + retry + ` as retry, ` + most + ` as max_retries, ` + identity + ` as identity
    from queue_job where state = 'pending' limit $1
) as job
group by 1`
}

// watch looks at who works on the jobs and publishes what it finds.
func (q *queue) watch(ctx context.Context, t *tables, ch chan<- prometheus.Metric) error {
	rs := q.db.ask(ctx,
		pgsession.Query{Name: "sessions", SQL: sessionsSQL},
		pgsession.Query{Name: "held jobs", SQL: heldSQL(t), Args: []any{maxHeld}},
		pgsession.Query{Name: "pending jobs", SQL: pendingSQL(t), Args: []any{maxPending}},
	)
	if err := q.db.judge(rs); err != nil {
		return err
	}
	q.runner = readRunner(rs[0].First(), q.runner)
	q.known = knownOf(t, q.runner)
	for _, c := range q.channels {
		c.held = heldLook{orphans: map[string]int64{}, risk: map[string]int64{}}
	}
	for _, row := range rs[1].Rows {
		q.channel(label(row.String("channel"))).held.take(readHeld(row, q.known), q.now, q.limit)
	}
	for _, row := range rs[2].Rows {
		h := &q.channel(label(row.String("channel"))).held
		for _, n := range []struct {
			col string
			to  *int64
		}{{"retrying", &h.retrying}, {"duplicates", &h.duplicates}} {
			v, _ := row.Int(n.col)
			*n.to += v
		}
		v, _ := row.Int("last_try")
		h.risk[lastTry] += v
	}
	q.publishRunner(ch)
	return nil
}

func readRunner(row pgsession.Row, before runner) runner {
	hidden, _ := row.Int("hidden")
	named, _ := row.Int("named")
	sessions, known := row.Int("runners")
	if named > 0 || before.named {
		sessions, known = row.Int("named_runners")
	}
	return runner{sessions: sessions, visible: known && hidden == 0, named: named > 0 || before.named}
}

func readHeld(row pgsession.Row, k known) heldJob {
	j := heldJob{state: row.String("state"), enqueued: at(row, "date_enqueued"), started: at(row, "date_started")}
	if numbered, _ := row.Bool("numbered"); numbered && k.workers {
		session, _ := row.Bool("session")
		j.session = &session
	}
	if locked, known := row.Bool("locked"); known {
		j.locked = &locked
	}
	return j
}

// take counts one held job.
func (h *heldLook) take(j heldJob, now time.Time, limit time.Duration) {
	orphan, risk := j.judge(now, limit)
	if orphan != "" {
		h.orphans[orphan]++
		return
	}
	h.live++
	if risk != "" {
		h.risk[risk]++
	}
}

func (q *queue) publishRunner(ch chan<- prometheus.Metric) {
	tenant := q.db.tenant
	var oldest time.Time
	taken := q.moved
	live, orphans := int64(0), int64(0)
	for _, name := range slices.SortedFunc(maps.Keys(q.channels), cmp.Compare[string]) {
		c := q.channels[name]
		c.held.publish(ch, q.known, tenant, name)
		for _, n := range c.held.orphans {
			orphans += n
		}
		live += c.held.live
		oldest = earliest(oldest, c.look.oldestRunnable)
		taken = latest(taken, c.lastEnqueued)
	}
	if q.runner.visible {
		gauge(ch, runnerSessions, float64(q.runner.sessions), tenant)
	}
	oneOf(ch, runnerState, runnerStates, q.runner.state(q.now, oldest, taken, live, orphans), tenant)
}

// publish reports what can be known.
func (h *heldLook) publish(ch chan<- prometheus.Metric, k known, tenant, channel string) {
	for _, cause := range []struct {
		name  string
		known bool
	}{{workerGone, k.workers}, {noLock, k.locks}, {notTaken, true}, {overLimit, true}} {
		if cause.known {
			gauge(ch, orphanJobs, float64(h.orphans[cause.name]), tenant, channel, cause.name)
		}
	}
	if k.workers {
		gauge(ch, requeueRisk, float64(h.risk[stillRunning]), tenant, channel, stillRunning)
	}
	if k.tries {
		gauge(ch, requeueRisk, float64(h.risk[lastTry]), tenant, channel, lastTry)
		gauge(ch, retryingJobs, float64(h.retrying), tenant, channel)
	}
	if k.identities {
		gauge(ch, duplicateJobs, float64(h.duplicates), tenant, channel)
	}
}

// oneOf publishes 1 for the state that holds and 0 for the others.
func oneOf(ch chan<- prometheus.Metric, d *prometheus.Desc, states []string, holds, tenant string) {
	for _, state := range states {
		v := 0.0
		if state == holds {
			v = 1
		}
		gauge(ch, d, v, tenant, state)
	}
}

// runnerSignals say whether someone takes the jobs and works on them.
func runnerSignals() []signal.Definition {
	is := func(state string) map[string]string { return map[string]string{"state": state} }
	const hold = 30 * time.Second
	return []signal.Definition{
		{
			Name: "odoo_jobrunner_deaf", Title: "The job runner takes jobs", Metric: "odoo_jobrunner_state", Match: is(runnerDeaf),
			Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0.5,
			For: hold, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "The job runner of {component} takes no jobs, although some are waiting and nothing holds it up: restart it",
		},
		{
			Name: "odoo_jobrunner_gone", Title: "The job runner is connected", Metric: "odoo_jobrunner_state", Match: is(runnerGone),
			Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0.5,
			For: hold, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "No job runner of {component} is connected to the database and jobs are waiting: start it, or restart it if it runs, as it has lost its connection",
		},
		{
			Name: "odoo_queue_stuck", Title: "Queue jobs are not held up", Metric: "odoo_jobrunner_state", Match: is(runnerBlocked),
			Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0.5,
			For: hold, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Jobs of {component} wait behind jobs that nobody works on: find out what those did, then set them back to pending",
		},
		{
			Name: "odoo_queue_orphans", Title: "Somebody works on each job that was taken", Metric: "odoo_queue_orphan_jobs", By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} jobs of channel {channel} were taken and nobody works on them: find out what they did, then set them back to pending",
		},
		{
			Name: "odoo_queue_requeue_risk", Title: "No job runs longer than it may", Metric: "odoo_queue_requeue_risk_jobs",
			Match: map[string]string{"cause": stillRunning}, By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} jobs of channel {channel} still run, longer than a job may: do not set them back, they would be done twice",
		},
		{
			Name: "odoo_queue_last_try", Title: "Queue jobs have tries left", Metric: "odoo_queue_requeue_risk_jobs",
			Match: map[string]string{"cause": lastTry}, By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} jobs of channel {channel} have failed several times and are given up when they fail once more",
		},
		{
			Name: "odoo_queue_duplicates", Title: "No job waits twice", Metric: "odoo_queue_duplicate_jobs", By: []string{"channel"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} jobs of channel {channel} wait although the same work is already waiting",
		},
	}
}
