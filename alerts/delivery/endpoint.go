package delivery

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/alertmanager/api/v2/models"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxBatch bounds the alerts of one request.
const maxBatch = 64

// Pauses after a failure: the first, doubled with each further one up to half
// a Resend or the longest.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// endpoint is one Alertmanager and what it has been told. Its fields but
// client and met are guarded by the Delivery's mutex.
type endpoint struct {
	delivery *Delivery
	name     string // the URL without credentials
	client   *client
	woken    chan struct{}
	sent     map[string]sending // by record key
	met      bool               // it has answered, so its clock is known; of run's own goroutine
	failures int                // in a row
	clock    peerClock
	stepped  time.Time // when the clocks were last seen to differ otherwise than before
	health   EndpointStatus
	counters
}

// sending is the last time an alert was taken, or given up until its next
// turn.
type sending struct {
	version uint64
	at      time.Time
	firing  time.Time // when it was last sent as firing; zero when it was not
	shut    bool      // not taken, for a reason that is not the alert's: wrong password, wrong address
}

type counters struct {
	taken, dropped *metrics.Counter
	failed         map[fault.Kind]*metrics.Counter
	success, queue *metrics.Gauge
	up             *metrics.Gauge
	oldest         atomic.Int64 // Unix time in milliseconds; 0 when nothing waits
}

func newEndpoint(d *Delivery, address string) (*endpoint, error) {
	c, err := newClient(address, d.settings)
	if err != nil {
		return nil, err
	}
	e := &endpoint{delivery: d, name: c.name, client: c, woken: make(chan struct{}, 1), sent: map[string]sending{}}
	e.health.URL = c.name
	e.count()
	return e, nil
}

func (e *endpoint) count() {
	own := e.delivery.settings.Own
	c := &e.counters
	c.taken = own.Counter("closewatch_notifications_sent_total", "Alerts an Alertmanager took, repetitions included.", "endpoint", e.name)
	c.dropped = own.Counter("closewatch_notifications_dropped_total", "Alerts an Alertmanager refused.", "endpoint", e.name)
	c.success = own.Gauge("closewatch_notifications_last_success_timestamp_seconds", "When an Alertmanager last took alerts; 0 until it does.", "endpoint", e.name)
	c.queue = own.Gauge("closewatch_notifications_queue_length", "Alerts an Alertmanager is still to be told of.", "endpoint", e.name)
	c.up = own.Gauge("closewatch_notifications_endpoint_up", "1 when the last request to an Alertmanager was taken.", "endpoint", e.name)
	own.GaugeFunc("closewatch_notifications_queue_oldest_timestamp_seconds", "Since when the oldest alert waits that an Alertmanager is still to be told of; absent when none does.", func() float64 {
		if at := e.oldest.Load(); at != 0 {
			return float64(at) / 1000
		}
		return math.NaN()
	}, "endpoint", e.name)
	c.failed = map[fault.Kind]*metrics.Counter{}
	for _, k := range fault.Kinds() {
		c.failed[k] = own.Counter("closewatch_notifications_failed_total", "Requests to an Alertmanager that failed, by kind of failure.", "endpoint", e.name, "kind", string(k))
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (e *endpoint) wake() {
	select {
	case e.woken <- struct{}{}:
	default:
	}
}

// run sends what is due, and again after a pause what could not be sent, until
// ctx is done.
func (e *endpoint) run(ctx context.Context) {
	for ctx.Err() == nil {
		due, wait := e.due()
		if len(due) > 0 {
			var err error
			if e.met {
				err = e.send(ctx, due)
			} else {
				err = e.greet(ctx)
			}
			if err != nil {
				e.sleep(ctx, e.pause(err))
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-e.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (e *endpoint) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// item is one alert to be sent, as it is at that moment.
type item struct {
	key    string
	record *record // immutable
	first  bool    // this state has not been told yet
}

// due returns the next batch in the order of inOrder, or how long until there
// is one.
func (e *endpoint) due() (batch []item, wait time.Duration) {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	wait = d.settings.Resend
	holds := e.holds(now)
	for k, r := range d.book.records {
		in, first := e.dueIn(now, k, r)
		if first && !r.firing() {
			in = holds[subject(r.Labels)]
		}
		if in <= 0 {
			batch = append(batch, item{k, r, first})
		}
		wait = min(wait, max(in, time.Millisecond))
	}
	for k := range e.sent {
		if d.book.records[k] == nil {
			delete(e.sent, k)
		}
	}
	inOrder(batch)
	return batch[:min(untilMuted(batch), maxBatch)], wait
}

// dueIn returns how long until r is to be sent, and whether that is the first
// time in this state.
func (e *endpoint) dueIn(now time.Time, k string, r *record) (in time.Duration, first bool) {
	d := e.delivery
	s, known := e.sent[k]
	first = !known || s.version != r.version
	switch {
	case r.Heartbeat && r.firing() && now.Sub(d.published) > aliveFor*d.settings.Resend:
		return d.settings.Resend, false // the program does not publish: let it end
	case first:
		return 0, true
	case s.at.After(now): // the clock was set back
		return 0, false
	case !r.firing() && now.Sub(r.EndsAt) > resolvedFor*d.settings.Resend:
		return d.settings.Resend, false
	default:
		return s.at.Add(d.settings.Resend).Sub(now), false
	}
}

// pending counts what has not been told yet, and since when the oldest waits.
func (e *endpoint) pending() (n int, oldest time.Time) {
	for k, r := range e.delivery.book.records {
		if e.told(k, r) {
			continue
		}
		if n++; n == 1 || r.changed().Before(oldest) {
			oldest = r.changed()
		}
	}
	return n, oldest
}

// queued publishes how much waits.
func (e *endpoint) queued() {
	n, oldest := e.pending()
	e.queue.Set(float64(n))
	if n == 0 {
		e.oldest.Store(0)
	} else {
		e.oldest.Store(oldest.UnixMilli())
	}
}

// told reports whether the endpoint has taken r in its present state, or
// never will.
func (e *endpoint) told(k string, r *record) bool {
	s, known := e.sent[k]
	return known && s.version == r.version && !s.shut
}

// send sends a batch. A batch that is refused for what is in it is halved
// until the alert that is at fault is alone; that one is dropped. The error is
// one worth trying again for.
func (e *endpoint) send(ctx context.Context, batch []item) error {
	date, err := e.client.post(ctx, e.alerts(batch))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.outcome(batch, date, err)
	switch {
	case err == nil || !refused(err):
		return err
	case len(batch) > 1 && fault.KindOf(err) == fault.Rejected:
		half := len(batch) / 2
		if err := e.send(ctx, batch[:half]); err != nil {
			return err
		}
		return e.send(ctx, batch[half:])
	default:
		e.drop(batch, err)
		return nil
	}
}

// greet sends a batch without alerts, whose answer says what time it is there:
// an end by another clock could be one that has passed. The error is one worth
// trying again for.
func (e *endpoint) greet(ctx context.Context) error {
	date, err := e.client.post(ctx, models.PostableAlerts{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.outcome(nil, date, err)
	if err != nil && !refused(err) {
		return err
	}
	e.met = true
	return nil
}

// alerts are a batch as Alertmanager takes it.
func (e *endpoint) alerts(batch []item) models.PostableAlerts {
	d := e.delivery
	d.mu.Lock()
	now := d.settings.Now()
	skew := e.clock.skew(now)
	d.mu.Unlock()
	out := make(models.PostableAlerts, 0, len(batch))
	for _, i := range batch {
		starts, ends := i.record.span(now, skew, endsAfter*d.settings.Resend)
		out = append(out, postable(i.record, starts, ends))
	}
	return out
}

// outcome notes what became of a request.
func (e *endpoint) outcome(batch []item, date time.Time, err error) {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	defer e.queued()
	again := e.look(now, date)
	e.note(now, err)
	e.up.Set(boolean(err == nil))
	if err != nil {
		e.failures++
		e.failed[fault.KindOf(err)].Inc()
		e.try(batch, now)
		return
	}
	e.failures = 0
	e.taken.Add(len(batch))
	e.success.Set(float64(now.UnixMilli()) / 1000)
	if !again {
		e.mark(batch, false)
	}
	e.delivery.take(now, batch)
}

// try notes that a batch may have been taken: an answer can be lost.
func (e *endpoint) try(batch []item, now time.Time) {
	for _, i := range batch {
		if s := e.sent[i.key]; i.record.firing() {
			s.firing = now
			e.sent[i.key] = s
		}
	}
}

// mark notes that a batch need not be sent again before the next Resend.
func (e *endpoint) mark(batch []item, shut bool) {
	now := e.delivery.settings.Now()
	for _, i := range batch {
		s := sending{version: i.record.version, at: now, firing: e.sent[i.key].firing, shut: shut}
		if i.record.firing() {
			s.firing = now
		}
		e.sent[i.key] = s
	}
}

// drop gives up on alerts the endpoint will not take, until their next turn.
func (e *endpoint) drop(batch []item, err error) {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	e.dropped.Add(len(batch))
	kind := fault.KindOf(err)
	e.mark(batch, kind != fault.Rejected)
	e.queued()
	if batch[0].first {
		d.settings.Log.Error("Alertmanager refused alerts; dropped until their next turn", "endpoint", e.name, "alerts", len(batch),
			"alertname", batch[0].record.Labels["alertname"], "kind", string(kind), "err", err, "hint", fault.HintOf(err))
	}
}

// pause returns how long to wait after a failure, between half and all of a
// time that doubles with each.
func (e *endpoint) pause(err error) time.Duration {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(backoff(e.failures, d.settings.Resend), min(retryAfter(err), longest(d.settings.Resend)))
}

func longest(resend time.Duration) time.Duration { return min(longestPause, resend/2) }

// backoff is a pause after so many failures in a row.
func backoff(failures int, resend time.Duration) time.Duration {
	wait := min(firstPause<<min(max(failures-1, 0), 16), longest(resend))
	return wait/2 + rand.N(wait/2+1)
}
