package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Fallback brings pages to people while no Alertmanager does. Without any
// endpoint it always does.
//
// A page goes to every channel once, and so does its end, also when an
// Alertmanager is back by then. What an Alertmanager had taken before the outage
// is its own to tell of.
type Fallback struct {
	After    time.Duration // how long no Alertmanager may have taken alerts; 2 minutes when 0
	Channels []Channel
	// Silent is told when After is over, and ends when an Alertmanager has
	// taken alerts for as long.
	Silent Alert
}

// DefaultAfter is how long no Alertmanager may have taken alerts.
const DefaultAfter = 2 * time.Minute

// fallbackFile keeps what was told by which channel, and since when there is
// an outage.
const fallbackFile = "fallback.json"

// fallback is a Fallback at work. It is guarded by the Delivery's mutex.
type fallback struct {
	delivery *Delivery
	settings Fallback
	silent   map[string]string // labels of Silent
	began    time.Time
	outage   time.Time // since when no Alertmanager takes alerts, once that is too long
	channels []*channel
	active   *metrics.Gauge
}

// channel is one way to people and what was told by it.
type channel struct {
	fallback *fallback
	to       Channel
	woken    chan struct{}
	told     map[string]told      // by key
	refused  map[string]time.Time // messages that are not tried again before, by ID
	failures int
	health   ChannelStatus
	sent     *metrics.Counter
	queue    *metrics.Gauge
	failed   map[fault.Kind]*metrics.Counter
}

// told is what a channel told last of an alert.
type told struct {
	StartsAt time.Time `json:"startsAt"`
	Resolved bool      `json:"resolved,omitempty"`
}

// fallbackState is the content of fallbackFile.
type fallbackState struct {
	Outage time.Time                  `json:"outage,omitzero"`
	Told   map[string]map[string]told `json:"told"` // by channel and key
}

func newFallback(d *Delivery) *fallback {
	f := &fallback{delivery: d, settings: d.settings.Fallback, began: d.settings.Now()}
	f.settings.After = cmp.Or(f.settings.After, DefaultAfter)
	if silent, err := f.settings.Silent.clean(); err == nil {
		f.settings.Silent, f.silent = silent, silent.Labels
	}
	own := d.settings.Own
	f.active = own.Gauge("closewatch_notifications_fallback_active", "1 while pages go by webhook or email because no Alertmanager takes them.")
	var kept fallbackState
	content, _, err := durable.ReadChecked(f.path())
	if err == nil && content != nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil {
		d.settings.Log.Error("what was told by webhook and email is forgotten; pages that fire may be told again", "err", err)
	}
	f.outage = kept.Outage
	for _, to := range f.settings.Channels {
		c := &channel{
			fallback: f, to: to, woken: make(chan struct{}, 1), told: kept.Told[to.Name()], refused: map[string]time.Time{},
			health: ChannelStatus{Name: to.Name()}, failed: map[fault.Kind]*metrics.Counter{},
			sent:  own.Counter("closewatch_notifications_fallback_sent_total", "Pages and their ends that were told without an Alertmanager.", "channel", to.Name()),
			queue: own.Gauge("closewatch_notifications_fallback_queue_length", "Pages and their ends that are still to be told without an Alertmanager.", "channel", to.Name()),
		}
		if c.told == nil {
			c.told = map[string]told{}
		}
		for _, k := range fault.Kinds() {
			c.failed[k] = own.Counter("closewatch_notifications_fallback_failed_total", "Pages and their ends that could not be told without an Alertmanager, by kind of failure.", "channel", to.Name(), "kind", string(k))
		}
		f.channels = append(f.channels, c)
	}
	return f
}

func (f *fallback) path() string { return filepath.Join(f.delivery.outbox.dir, fallbackFile) }

// save keeps what was told. When it cannot, a restart may tell a page again.
func (f *fallback) save() {
	s := fallbackState{Outage: f.outage, Told: map[string]map[string]told{}}
	for _, c := range f.channels {
		s.Told[c.to.Name()] = c.told
	}
	content, err := json.Marshal(s)
	if err == nil {
		err = f.delivery.outbox.disk.WriteChecked(f.path(), content)
	}
	if err != nil {
		f.delivery.settings.Log.Error("cannot keep what was told by webhook and email; a restart may tell it again", "err", err)
	}
}

// alone reports whether there is no Alertmanager at all.
func (f *fallback) alone() bool { return len(f.delivery.endpoints) == 0 }

// judge says whether there is an outage.
func (f *fallback) judge(now time.Time) {
	if f.alone() {
		f.active.Set(1)
		return
	}
	silent, last := true, f.began
	var answering time.Time // since when one does
	for _, e := range f.delivery.endpoints {
		h := e.health
		silent = silent && !h.Answers && !h.Since.IsZero()
		if h.LastSuccess.After(last) {
			last = h.LastSuccess
		}
		if h.Answers && (answering.IsZero() || h.Since.Before(answering)) {
			answering = h.Since
		}
	}
	log, before := f.delivery.settings.Log, f.outage
	switch {
	case f.outage.IsZero() && silent && now.Sub(last) >= f.settings.After:
		f.outage = last.UTC()
		log.Error("no Alertmanager takes alerts: pages go by "+f.names(), "since", f.outage.Format(time.RFC3339))
	case !f.outage.IsZero() && !answering.IsZero() && now.Sub(answering) >= f.settings.After:
		f.outage = time.Time{}
		log.Info("Alertmanager takes alerts again: pages go by it", "after_seconds", now.Sub(before).Seconds())
	}
	f.active.Set(boolean(!f.outage.IsZero()))
	if !f.outage.Equal(before) {
		f.save()
	}
}

func (f *fallback) names() string {
	var out []string
	for _, c := range f.channels {
		out = append(out, c.to.Name())
	}
	return strings.Join(out, " and ")
}

// why says why a message comes this way.
func (f *fallback) why() string {
	switch {
	case f.alone():
		return "Closewatch sent this itself: its estate has no Alertmanager."
	case f.outage.IsZero():
		return "Closewatch sent this itself, because it told of the beginning: Alertmanager takes pages again."
	default:
		return "Closewatch sent this itself: no Alertmanager has taken a page since " + f.outage.UTC().Format("15:04 UTC") + "."
	}
}

// pages reports whether an alert is one that is told: a page, and where there
// is no Alertmanager at all a ticket, too.
func (f *fallback) pages(r *record) bool {
	severity := r.Labels["severity"]
	return severity == "page" || severity == "ticket" && f.alone()
}

// ours reports whether nobody but the fallback tells of r.
func (f *fallback) ours(r *record) bool {
	switch {
	case !f.pages(r):
		return false
	case f.alone():
		return r.TakenAt.IsZero()
	case f.outage.IsZero():
		return false
	case r.TakenAt.IsZero() && f.answered() && f.delivery.settings.Now().Sub(r.changed()) < f.settings.After:
		return false // one answers again and is about to take it
	default: // an Alertmanager that died within a group_interval may not have told
		return r.TakenAt.IsZero() || r.TakenAt.After(f.outage.Add(-f.delivery.settings.Hold)) && !r.TakenAt.After(f.outage)
	}
}

// answered reports whether an Alertmanager took the last request.
func (f *fallback) answered() bool {
	return slices.ContainsFunc(f.delivery.endpoints, func(e *endpoint) bool { return e.health.Answers })
}

// silence is the outage as an alert that fires, or that has ended.
func (f *fallback) silence(starts, ends time.Time) *record {
	s := f.settings.Silent
	return &record{Labels: s.Labels, Annotations: s.Annotations, GeneratorURL: s.GeneratorURL, StartsAt: starts, EndsAt: ends}
}

// A telling is a message that is due, and what it is about.
type telling struct {
	key    string
	record *record
}

// due lists what the channel is to tell, in order.
func (c *channel) due(now time.Time) []telling {
	f := c.fallback
	var out []telling
	for k, r := range f.delivery.book.records {
		if c.owes(k, r) {
			out = append(out, telling{k, r})
		}
	}
	if f.silent != nil && !f.alone() {
		k := key(f.silent)
		t, known := c.told[k]
		switch {
		case !f.outage.IsZero() && (!known || !t.StartsAt.Equal(f.outage)):
			out = append(out, telling{k, f.silence(f.outage, time.Time{})})
		case f.outage.IsZero() && known && !t.Resolved:
			out = append(out, telling{k, f.silence(t.StartsAt, now.UTC())})
		}
	}
	slices.SortFunc(out, func(a, b telling) int {
		x, y := a.record, b.record
		return cmp.Or(
			cmp.Compare(boolean(!x.firing()), boolean(!y.firing())), x.EndsAt.Compare(y.EndsAt), cmp.Compare(rank(x.Labels), rank(y.Labels)),
			x.StartsAt.Compare(y.StartsAt), cmp.Compare(a.key, b.key),
		)
	})
	return out
}

// owes reports whether the channel is still to tell of r. What it told the
// beginning of, it tells the end of; what came and went untold, it tells once.
func (c *channel) owes(k string, r *record) bool {
	t, known := c.told[k]
	known = known && t.StartsAt.Equal(r.StartsAt)
	switch {
	case known:
		return !r.firing() && !t.Resolved
	case r.firing():
		return c.fallback.ours(r)
	default:
		return c.fallback.ours(r) && !r.EndsAt.Before(c.fallback.outage)
	}
}

// forget drops what is told whole, or of what is not known any more.
func (c *channel) forget(now time.Time) {
	f := c.fallback
	maps.DeleteFunc(c.refused, func(_ string, until time.Time) bool { return !now.Before(until) })
	for k, t := range c.told {
		r := f.delivery.book.records[k]
		if r != nil && (r.firing() || r.StartsAt.Equal(t.StartsAt)) {
			continue
		}
		if f.silent == nil || k != key(f.silent) || t.Resolved {
			delete(c.told, k)
		}
	}
}

// run tells what is due until ctx is done.
func (c *channel) run(ctx context.Context) {
	d := c.fallback.delivery
	look := min(max(c.fallback.settings.After/8, 50*time.Millisecond), 5*time.Second)
	for ctx.Err() == nil {
		m, owed := c.next()
		if owed == nil {
			timer := time.NewTimer(look)
			select {
			case <-ctx.Done():
			case <-c.woken:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, d.settings.Timeout)
		err := c.to.Send(bounded, m)
		cancel()
		if err != nil && ctx.Err() != nil {
			return
		}
		if wait := c.outcome(m, *owed, err); wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

// next returns the first message that is due, and nil when none is.
func (c *channel) next() (Message, *telling) {
	f := c.fallback
	d := f.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	f.judge(now)
	c.forget(now)
	due := c.due(now)
	c.queue.Set(float64(len(due)))
	c.health.Pending = len(due)
	for _, t := range due {
		m := t.record.message(f.why())
		if _, refused := c.refused[m.ID()]; !refused {
			return m, &t
		}
	}
	return Message{}, nil
}

// outcome notes what became of a message, and returns how long to wait before
// the next.
func (c *channel) outcome(m Message, t telling, err error) time.Duration {
	f := c.fallback
	d := f.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	kind := fault.KindOf(err)
	log := d.settings.Log.With("channel", c.to.Name())
	if err != nil && kind != c.health.Kind {
		log.Error("a page cannot be told", "kind", string(kind), "err", err, "hint", fault.HintOf(err))
	}
	c.health.Kind, c.health.Error, c.health.Hint = kind, "", ""
	if err != nil {
		c.health.Error, c.health.Hint = cut(err.Error()), fault.HintOf(err)
		c.failed[kind].Inc()
		if kind == fault.Rejected || kind == fault.Schema { // of this one: the others need not wait
			c.refused[m.ID()] = now.Add(d.settings.Resend)
			return 0
		}
		c.failures++
		return backoff(c.failures, d.settings.Resend)
	}
	c.failures, c.health.LastSuccess = 0, now
	c.sent.Inc()
	c.told[t.key] = told{StartsAt: t.record.StartsAt, Resolved: !t.record.firing()}
	f.save()
	log.Info("told", "alertname", m.Labels["alertname"], "resolved", m.Resolved())
	return 0
}

// owed reports whether a channel is still to tell of a resolved alert.
func (f *fallback) owed(k string, r *record) bool {
	return slices.ContainsFunc(f.channels, func(c *channel) bool { return c.owes(k, r) })
}

// take notes when an Alertmanager first took a page. It reports whether that is
// new.
func (f *fallback) take(now time.Time, i item) bool {
	r := f.delivery.book.records[i.key]
	if len(f.channels) == 0 || r == nil || !r.firing() || !i.record.firing() || !f.pages(r) || !r.TakenAt.IsZero() || !r.StartsAt.Equal(i.record.StartsAt) {
		return false
	}
	taken := *r
	taken.TakenAt = now.UTC()
	f.delivery.book.records[i.key] = &taken
	return true
}

// take notes the pages of a batch that an Alertmanager took, and keeps that.
func (d *Delivery) take(now time.Time, batch []item) {
	first := false
	for _, i := range batch {
		first = d.fallback.take(now, i) || first
	}
	if first {
		if err := d.save(now); err != nil {
			d.settings.Log.Error("cannot keep which pages an Alertmanager took", "err", err)
		}
	}
}

// announce says in the log how pages get to people.
func (f *fallback) announce() {
	log := f.delivery.settings.Log
	switch {
	case len(f.channels) > 0 && f.alone():
		log.Info("there is no Alertmanager: pages go by " + f.names())
	case len(f.channels) == 0 && f.alone():
		log.Warn("there is neither an Alertmanager nor a webhook or email: nobody is paged")
	}
}

func (c *channel) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}
