package odoo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
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
	limited  bool  // the last look did not count all jobs
	base     int64 // arrivals are counted above this id
	mark     watermark
	channels map[string]*channel
}

// A channel is what is remembered of one channel between two looks.
type channel struct {
	open         int64 // jobs not over, at the last look
	above        int64 // jobs above base, at the last look
	done         float64
	owed         int64 // departures not yet believed: negative after a late commit
	lastEnqueued time.Time
	lastStarted  time.Time
	look         channelLook
}

// A channelLook is what one look found.
type channelLook struct {
	states                                        map[string]int64
	arrived, kept                                 int64 // above the old base, above the new one
	oldestRunnable, oldestEnqueued, oldestStarted time.Time
	lastEnqueued, lastStarted                     time.Time
}

func newQueue(db *database) *queue {
	return &queue{db: db, mark: watermark{lag: lateCommit}, channels: map[string]*channel{}}
}

// Describe implements collector.Collector.
func (*queue) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queueJobs, queueLimit, queueOldestRunnable, queueOldestEnqueued, queueOldestStarted, queueLastEnqueued, queueLastStarted, queueDone,
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
		return &fault.Error{
			Op: "read queue_job", Kind: fault.Schema, Err: errMissing,
			Hint: "write sql.queue: false if this Odoo does not use OCA's queue_job",
		}
	}
	if err := t.require("queue_job", wanted["queue_job"]...); err != nil {
		return err
	}
	if err := q.look(ctx); err != nil {
		return err
	}
	q.publish(ch)
	return nil
}

const queueHighSQL = `
select coalesce((select max(id) from queue_job), 0) as high, clock_timestamp() as now`

// queueSQL counts what is open and what has arrived in one statement, so that
// both are of one instant. $1 is the limit per state, $2 the old base, $3 the
// new one.
const queueSQL = `
select 'open' as part, coalesce(channel, '') as channel, state, count(*) as n, 0 as kept,
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
select 'new', coalesce(channel, ''), '', count(*), count(*) filter (where id > $3), null, null, null, max(date_enqueued), max(date_started)
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
	q.update(rs[0], base)
	return nil
}

// update takes one answer in.
func (q *queue) update(r pgsession.Result, base int64) {
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
	limited := false
	for _, n := range perState {
		limited = limited || n >= maxCounted
	}
	for _, c := range q.channels {
		c.settle(q.begun && !limited && !q.limited)
	}
	q.base, q.begun, q.limited = base, true, limited
}

// channel returns the channel of a name, made if need be.
func (q *queue) channel(name string) *channel {
	if _, known := q.channels[name]; !known && len(q.channels) >= maxChannels {
		name = otherChannel
	}
	if q.channels[name] == nil {
		q.channels[name] = &channel{look: channelLook{states: map[string]int64{}}}
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
		l.states[row.String("state")] += n
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

// settle counts the departures since the last look: arrivals that did not make
// the open states grow. count is false when there is nothing to compare with.
func (c *channel) settle(count bool) {
	open := int64(0)
	for _, n := range c.look.states {
		open += n
	}
	if count {
		c.owed += c.look.arrived - c.above - (open - c.open)
		if c.owed > 0 {
			c.done += float64(c.owed)
			c.owed = 0
		}
	}
	c.open, c.above = open, c.look.kept
	c.lastEnqueued = latest(c.lastEnqueued, c.look.lastEnqueued)
	c.lastStarted = latest(c.lastStarted, c.look.lastStarted)
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
		instant(ch, queueOldestRunnable, c.look.oldestRunnable, tenant, name)
		instant(ch, queueOldestEnqueued, c.look.oldestEnqueued, tenant, name)
		instant(ch, queueOldestStarted, c.look.oldestStarted, tenant, name)
		instant(ch, queueLastEnqueued, c.lastEnqueued, tenant, name)
		instant(ch, queueLastStarted, c.lastStarted, tenant, name)
	}
}

// queueSignals say whether jobs are done.
func queueSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_queue_jobs_failed", Title: "Queue jobs fail", Metric: "odoo_queue_jobs",
			Match: map[string]string{"state": "failed"}, By: []string{"channel"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.5,
			Fresh: fresh, Role: signal.Context,
			Says: "{value} jobs of channel {channel} have failed",
		},
	}
}
