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
	channelLabels = []string{"tenant", "channel"}

	queueJobs = prometheus.NewDesc(
		"odoo_queue_jobs", "Queue jobs that are not done, by channel and state, counted up to odoo_queue_jobs_limit per state.",
		[]string{"tenant", "channel", "state"}, nil,
	)
	queueLimit = prometheus.NewDesc(
		"odoo_queue_jobs_limit", "How many jobs of one state are counted at most.", []string{"tenant"}, nil,
	)
	queueOldestRunnable = prometheus.NewDesc(
		"odoo_queue_job_oldest_runnable_timestamp_seconds", "Since when the oldest pending job whose time has come could have run.", channelLabels, nil,
	)
	queueOldestEnqueued = prometheus.NewDesc(
		"odoo_queue_job_oldest_enqueued_timestamp_seconds", "When the oldest job still in state enqueued was handed out; nobody takes it back after a crash.", channelLabels, nil,
	)
	queueOldestStarted = prometheus.NewDesc(
		"odoo_queue_job_oldest_started_timestamp_seconds", "When the oldest job still in state started began; nobody takes it back after a crash.", channelLabels, nil,
	)
	queueLastEnqueued = prometheus.NewDesc(
		"odoo_queue_job_last_enqueued_timestamp_seconds", "When the job runner last took a job, as far as seen; it stands still when the runner is deaf.", channelLabels, nil,
	)
	queueLastStarted = prometheus.NewDesc(
		"odoo_queue_job_last_started_timestamp_seconds", "When a job last began, as far as seen.", channelLabels, nil,
	)
	queueDone = prometheus.NewDesc(
		"odoo_queue_jobs_done_total", "Jobs that left the queue (done, cancelled or deleted) since this process began watching.", channelLabels, nil,
	)
	queueCreated = prometheus.NewDesc(
		"odoo_queue_jobs_created_total", "Jobs put into the queue since this process began watching.", channelLabels, nil,
	)
	queueFailed = prometheus.NewDesc(
		"odoo_queue_jobs_failed_total", "Jobs by which state failed was seen to grow since this process began watching: those set back between two looks hide as many.", channelLabels, nil,
	)
	queueRunnable = prometheus.NewDesc(
		"odoo_queue_runnable_jobs", "Jobs that wait to be run and whose time has come: pending or handed out, an eta in the future left out.", channelLabels, nil,
	)
	queueWaiting = prometheus.NewDesc(
		"odoo_queue_waiting_seconds", "How long the oldest pending job whose time has come has waited, on the database server's clock; 0 when none waits.", channelLabels, nil,
	)
	queueDrain = prometheus.NewDesc(
		"odoo_queue_drain_jobs_per_second", "Jobs that left the queue, over the last 5 minutes; absent until half a minute is known, and while a state holds more jobs than are counted.", channelLabels, nil,
	)
	queueCatchUp = prometheus.NewDesc(
		"odoo_queue_catch_up_seconds", "How long the runnable jobs take at the present rate of draining; 0 when none waits, absent when jobs wait and none drains.", channelLabels, nil,
	)
)

// openStates are the states of jobs that are not over. Failed ones wait for a
// person.
var openStates = []string{"wait_dependencies", "pending", "enqueued", "started", "failed"}

const (
	maxCounted  = 10001 // jobs read of one state
	maxChannels = 100   // further channels are published as "other"
	lateCommit  = 2 * time.Minute
	firstLook   = 1000 // newest jobs looked at to begin with
)

// otherChannel stands for channels beyond maxChannels.
const otherChannel = "other"

// queue reports the jobs of OCA's queue_job.
type queue struct {
	db       *database
	begun    bool
	limit    time.Duration // a job takes no longer
	limited  bool          // the last look did not count all jobs
	base     int64         // arrivals are counted above this id
	mark     watermark
	channels map[string]*channel
	now      time.Time // the server's, at the last look
	moved    time.Time // when a job was last seen to leave the queue
	runner   runner
	known    known
}

// A channel is what is remembered of one channel between two looks.
type channel struct {
	open         int64 // jobs not over, at the last look
	above        int64 // jobs above base, at the last look
	done         float64
	created      float64
	failed       float64
	failing      int64 // jobs in state failed, at the last look
	owed         int64 // departures not yet believed: negative after a late commit
	pace         pace
	lastEnqueued time.Time
	lastStarted  time.Time
	idle         time.Time // the last look at which no job waited whose time had come; zero when there was none
	look         channelLook
	held         heldLook
}

// A channelLook is what one look found.
type channelLook struct {
	states                                        map[string]int64
	later                                         int64 // pending jobs with an eta in the future
	arrived, kept                                 int64 // above the old base, above the new one
	oldestRunnable, oldestEnqueued, oldestStarted time.Time
	lastEnqueued, lastStarted                     time.Time
}

func newQueue(db *database) *queue {
	return &queue{db: db, limit: defaultJobLimit, mark: watermark{lag: lateCommit}, channels: map[string]*channel{}}
}

// within says how long a job may run.
func (q *queue) within(limit time.Duration) *queue {
	q.limit = limit
	return q
}

// Describe implements collector.Collector.
func (*queue) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queueJobs, queueLimit, queueOldestRunnable, queueOldestEnqueued, queueOldestStarted, queueLastEnqueued, queueLastStarted,
		queueDone, queueCreated, queueFailed, queueRunnable, queueWaiting, queueDrain, queueCatchUp,
		orphanJobs, requeueRisk, retryingJobs, duplicateJobs, runnerState, runnerSessions,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (q *queue) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := q.db.look(ctx)
	if err != nil {
		return err
	}
	if len(t.columns["queue_job"]) == 0 {
		return nil // queue_job is no part of Odoo: nothing to measure
	}
	if err := t.require("queue_job", "id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started"); err != nil {
		return err
	}
	if err := q.look(ctx); err != nil {
		return err
	}
	q.publish(ch)
	return q.watch(ctx, t, ch)
}

const queueHighSQL = `
select coalesce((select max(id) from queue_job), 0) as high, clock_timestamp() as now`

// queueSQL counts what is open and what has arrived in one statement, so that
// both are of one instant. $1 is the limit per state, $2 the old base, $3 the
// new one.
const queueSQL = `
select 'open' as part, coalesce(channel, '') as channel, state, count(*) as n, 0 as kept,
       count(*) filter (where state = 'pending' and eta > (now() at time zone 'utc')) as later,
       min(greatest(date_created, coalesce(eta, date_created))) filter (where state = 'pending' and (eta is null or eta <= (now() at time zone 'utc'))) as oldest_runnable,
       min(date_enqueued) filter (where state = 'enqueued') as oldest_enqueued,
       min(date_started) filter (where state = 'started') as oldest_started,
       max(date_enqueued) as last_enqueued, max(date_started) as last_started
from unnest($4::text[]) as s(name)
cross join lateral (
    select channel, state, eta, date_created, date_enqueued, date_started
    from queue_job where state = s.name limit $1
) as job
group by 2, 3
union all
select 'new', coalesce(channel, ''), '', count(*), count(*) filter (where id > $3), 0, null, null, null, max(date_enqueued), max(date_started)
from queue_job where id > $2
group by 2`

// look reads the queue and brings the channels up to date.
func (q *queue) look(ctx context.Context) error {
	rs := q.db.ask(ctx, pgsession.Query{Name: "queue_job ids", SQL: queueHighSQL})
	if err := q.db.judge(rs); err != nil {
		return err
	}
	first := rs[0].First()
	id, _ := first.Int("high")
	now, _ := first.Time("now")
	if !q.begun {
		q.base = max(0, id-firstLook)
	}
	base := max(q.base, q.mark.advance(now, id))
	if !q.begun {
		base = q.base
	}
	rs = q.db.ask(ctx, pgsession.Query{Name: "queue_job", SQL: queueSQL, Args: []any{maxCounted, q.base, base, openStates}})
	if err := q.db.judge(rs); err != nil {
		return err
	}
	q.update(rs[0], now, base)
	return nil
}

// update takes one answer in.
func (q *queue) update(r pgsession.Result, now time.Time, base int64) {
	for _, c := range q.channels {
		c.look = channelLook{states: map[string]int64{}}
	}
	perState := map[string]int64{}
	for _, row := range r.Rows {
		c := q.channel(label(row.String("channel")))
		n, _ := row.Int("n")
		c.look.take(row, n)
		if state := row.String("state"); state != "" {
			perState[state] += n
		}
	}
	for _, c := range q.channels {
		c.wait(now)
	}
	limited := false
	for _, n := range perState {
		limited = limited || n >= maxCounted
	}
	count := q.begun && !limited && !q.limited
	for _, c := range q.channels {
		if c.settle(count) {
			q.moved = now
		}
		if limited {
			c.pace = pace{} // what leaves is not seen
		} else {
			c.pace.note(now, c.done)
		}
	}
	q.now, q.base, q.begun, q.limited = now, base, true, limited
}

// channel returns the channel of a name, made if need be.
func (q *queue) channel(name string) *channel {
	if _, known := q.channels[name]; !known && len(q.channels) >= maxChannels {
		name = otherChannel
	}
	if q.channels[name] == nil {
		q.channels[name] = &channel{idle: q.now, look: channelLook{states: map[string]int64{}}}
	}
	return q.channels[name]
}

// take adds one row of the answer.
func (l *channelLook) take(row pgsession.Row, n int64) {
	if row.String("part") == "new" {
		kept, _ := row.Int("kept")
		l.arrived += n
		l.kept += kept
	} else {
		later, _ := row.Int("later")
		l.states[row.String("state")] += n
		l.later += later
		l.oldestRunnable = earliest(l.oldestRunnable, at(row, "oldest_runnable"))
		l.oldestEnqueued = earliest(l.oldestEnqueued, at(row, "oldest_enqueued"))
		l.oldestStarted = earliest(l.oldestStarted, at(row, "oldest_started"))
	}
	l.lastEnqueued = latest(l.lastEnqueued, at(row, "last_enqueued"))
	l.lastStarted = latest(l.lastStarted, at(row, "last_started"))
}

func at(row pgsession.Row, col string) time.Time {
	t, _ := row.Time(col)
	return t
}

// wait says since when the oldest job waits. A job that was set back to pending
// has the date it was made at, and none of when it was set back: it waits no
// longer than since nothing waited.
func (c *channel) wait(now time.Time) {
	if c.look.oldestRunnable.IsZero() {
		c.idle = now
	} else {
		c.look.oldestRunnable = latest(c.look.oldestRunnable, c.idle)
	}
}

// settle counts the departures since the last look: arrivals that did not make
// the open states grow. count is false when there is nothing to compare with.
// It reports whether there were any.
func (c *channel) settle(count bool) (left bool) {
	open := int64(0)
	for _, n := range c.look.states {
		open += n
	}
	if count {
		arrived := c.look.arrived - c.above
		c.owed += arrived - (open - c.open)
		if left = c.owed > 0; left {
			c.done += float64(c.owed)
			c.owed = 0
		}
		c.created += float64(max(0, arrived)) // deleting young jobs makes it negative
		c.failed += float64(max(0, c.look.states["failed"]-c.failing))
	}
	c.open, c.above, c.failing = open, c.look.kept, c.look.states["failed"]
	c.lastEnqueued = latest(c.lastEnqueued, c.look.lastEnqueued)
	c.lastStarted = latest(c.lastStarted, c.look.lastStarted)
	return left
}

// runnable counts the jobs that could run now.
func (c *channel) runnable() int64 {
	return c.look.states["pending"] - c.look.later + c.look.states["enqueued"]
}

func (q *queue) publish(ch chan<- prometheus.Metric) {
	tenant := q.db.tenant
	gauge(ch, queueLimit, maxCounted, tenant)
	for _, name := range slices.SortedFunc(maps.Keys(q.channels), cmp.Compare[string]) {
		c := q.channels[name]
		for _, state := range openStates {
			gauge(ch, queueJobs, float64(c.look.states[state]), tenant, name, state)
		}
		counter(ch, queueDone, c.done, tenant, name)
		counter(ch, queueCreated, c.created, tenant, name)
		counter(ch, queueFailed, c.failed, tenant, name)
		c.publishPace(ch, q.now, tenant, name)
		instant(ch, queueOldestRunnable, c.look.oldestRunnable, tenant, name)
		instant(ch, queueOldestEnqueued, c.look.oldestEnqueued, tenant, name)
		instant(ch, queueOldestStarted, c.look.oldestStarted, tenant, name)
		instant(ch, queueLastEnqueued, c.lastEnqueued, tenant, name)
		instant(ch, queueLastStarted, c.lastStarted, tenant, name)
	}
}

// publishPace tells how long jobs wait and when they will be done.
func (c *channel) publishPace(ch chan<- prometheus.Metric, now time.Time, tenant, name string) {
	waiting := time.Duration(0)
	if oldest := c.look.oldestRunnable; !oldest.IsZero() {
		waiting = max(0, now.Sub(oldest))
	}
	gauge(ch, queueWaiting, waiting.Seconds(), tenant, name)
	gauge(ch, queueRunnable, float64(c.runnable()), tenant, name)
	rate, known := c.pace.rate()
	if known {
		gauge(ch, queueDrain, rate, tenant, name)
	}
	switch n := c.runnable(); {
	case n == 0:
		gauge(ch, queueCatchUp, 0, tenant, name)
	case known && rate > 0:
		gauge(ch, queueCatchUp, float64(n)/rate, tenant, name)
	}
}

// queueSignals say whether jobs are done.
func queueSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_queue_waiting", Title: "Queue jobs are run in time", Metric: "odoo_queue_waiting_seconds", By: []string{"channel"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: time.Hour.Seconds(), Critical: signal.Never(), Exit: 0.5,
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Unit: "seconds",
			Close: &signal.Limits{Warning: (15 * time.Minute).Seconds(), Critical: signal.Never(), Exit: 0.5, For: 2 * time.Minute},
			Says:  "Jobs of channel {channel} wait: the oldest has waited for {value}",
		},
		{
			Name: "odoo_queue_catch_up", Title: "The job queue catches up", Metric: "odoo_queue_catch_up_seconds", By: []string{"channel"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: (2 * time.Hour).Seconds(), Critical: signal.Never(), Exit: 0.5,
			For: 10 * time.Minute, Fresh: fresh, Role: signal.Context, Unit: "seconds", Optional: true,
			Close: &signal.Limits{Warning: (30 * time.Minute).Seconds(), Critical: signal.Never(), Exit: 0.5, For: 10 * time.Minute},
			Says:  "The jobs that wait in channel {channel} take another {value} at the present pace",
		},
		{
			Name: "odoo_queue_jobs_failed", Title: "Queue jobs fail", Metric: "odoo_queue_jobs",
			Match: map[string]string{"state": "failed"}, By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.5,
			Fresh: fresh, Role: signal.Context,
			Says: "{value} jobs of channel {channel} have failed",
		},
	}
}
