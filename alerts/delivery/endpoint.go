package delivery

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"

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
// client are guarded by the Delivery's mutex.
type endpoint struct {
	delivery *Delivery
	name     string // the URL without credentials
	client   *client
	woken    chan struct{}
	sent     map[string]sending // by record key
	failures int                // in a row
	health   EndpointStatus
	counters
}

// sending is the last time an alert was taken, or given up until its next
// turn.
type sending struct {
	version uint64
	at      time.Time
	shut    bool // not taken, for a reason that is not the alert's: wrong password, wrong address
}

type counters struct {
	taken, dropped *metrics.Counter
	failed         map[fault.Kind]*metrics.Counter
	success, queue *metrics.Gauge
}

func newEndpoint(d *Delivery, address string) (*endpoint, error) {
	c, err := newClient(address, d.settings)
	if err != nil {
		return nil, err
	}
	e := &endpoint{delivery: d, name: c.name, client: c, woken: make(chan struct{}, 1), sent: map[string]sending{}}
	e.health.URL = c.name
	e.counters = e.count()
	return e, nil
}

func (e *endpoint) count() counters {
	own := e.delivery.settings.Own
	c := counters{
		taken:   own.Counter("closewatch_notifications_sent_total", "Alerts an Alertmanager took, repetitions included.", "endpoint", e.name),
		dropped: own.Counter("closewatch_notifications_dropped_total", "Alerts an Alertmanager refused.", "endpoint", e.name),
		success: own.Gauge("closewatch_notifications_last_success_timestamp_seconds", "When an Alertmanager last took alerts; 0 until it does.", "endpoint", e.name),
		queue:   own.Gauge("closewatch_notifications_queue_length", "Alerts an Alertmanager is still to be told of.", "endpoint", e.name),
		failed:  map[fault.Kind]*metrics.Counter{},
	}
	for _, k := range fault.Kinds() {
		c.failed[k] = own.Counter("closewatch_notifications_failed_total", "Requests to an Alertmanager that failed, by kind of failure.", "endpoint", e.name, "kind", string(k))
	}
	return c
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
			err := e.send(ctx, due)
			if err == nil {
				continue
			}
			e.sleep(ctx, e.pause(err))
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

// due returns the next batch, what was not told yet before repetitions, or how
// long until there is one.
func (e *endpoint) due() (batch []item, wait time.Duration) {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	wait = d.settings.Resend
	for _, k := range d.book.sorted() {
		r := d.book.records[k]
		in, first := e.dueIn(now, k, r)
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
	slices.SortStableFunc(batch, func(a, b item) int { return cmp.Compare(b2i(b.first), b2i(a.first)) })
	return batch[:min(len(batch), maxBatch)], wait
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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
	case !r.firing() && now.Sub(r.EndsAt) > resolvedFor*d.settings.Resend:
		return d.settings.Resend, false
	default:
		return s.at.Add(d.settings.Resend).Sub(now), false
	}
}

// pending counts what has not been told yet.
func (e *endpoint) pending() int {
	n := 0
	for k, r := range e.delivery.book.records {
		if !e.told(k, r) {
			n++
		}
	}
	return n
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
	d := e.delivery
	err := e.client.post(ctx, d.settings.Now().Add(endsAfter*d.settings.Resend), batch)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.outcome(batch, err)
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

// outcome notes what became of a request.
func (e *endpoint) outcome(batch []item, err error) {
	d := e.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	defer func() { e.queue.Set(float64(e.pending())) }()
	e.note(now, err)
	if err != nil {
		e.failures++
		e.failed[fault.KindOf(err)].Inc()
		return
	}
	e.failures = 0
	e.taken.Add(len(batch))
	e.success.Set(float64(now.UnixMilli()) / 1000)
	e.mark(batch, false)
}

// mark notes that a batch need not be sent again before the next Resend.
func (e *endpoint) mark(batch []item, shut bool) {
	now := e.delivery.settings.Now()
	for _, i := range batch {
		e.sent[i.key] = sending{i.record.version, now, shut}
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
	e.queue.Set(float64(e.pending()))
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
	longest := min(longestPause, d.settings.Resend/2)
	wait := min(firstPause<<min(max(e.failures-1, 0), 16), longest)
	wait = wait/2 + rand.N(wait/2+1)
	return max(wait, min(retryAfter(err), longest))
}
