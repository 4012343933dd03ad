package delivery

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// Settings are what a Delivery needs from its program.
type Settings struct {
	// Endpoints are the Alertmanagers' base URLs, every peer of a cluster by
	// its own: http://127.0.0.1:9093. A user and password in it are sent as
	// basic authentication and never shown.
	Endpoints []string
	Dir       string        // of the outbox
	Resend    time.Duration // DefaultResend when 0
	Timeout   time.Duration // of one request; 10 s, at most Resend, when 0
	// Hold is how long a resolve waits after the alert was last sent firing:
	// the group_interval of Alertmanager's routes. At most 4 Resends, because
	// the alert would end by itself after 5.
	Hold      time.Duration
	Transport http.RoundTripper // calls directly when nil
	Fallback  Fallback
	Disk      durable.Disk     // that the outbox is on; the real one when zero
	Now       func() time.Time // time.Now when nil
	Log       *slog.Logger     // discards when nil
	Own       *telemetry.Own   // counts nothing when nil
}

// DefaultResend is how often what fires is sent again.
const DefaultResend = time.Minute

// Times in Resends, as Prometheus has them for its own alerts.
const (
	endsAfter   = 5  // how far ahead a firing alert's end is set
	resolvedFor = 15 // how long a resolved alert is sent again
	holdMost    = 4  // how long a resolve may wait
	aliveFor    = 2  // how long a heartbeat goes on without a Publish
)

// owedFor is how long a resolved alert is kept for whoever has not been told of
// its end. Alertmanager ends it by itself long before, but for whom it told of
// the beginning, and was restarted since.
const owedFor = 7 * 24 * time.Hour

// A Delivery owns an outbox. Publish and Status are safe for concurrent use,
// also before and after Run.
type Delivery struct {
	settings  Settings
	outbox    outbox
	endpoints []*endpoint
	fallback  *fallback
	invalid   interface{ Add(int) }
	shed      interface{ Add(int) }

	mu        sync.Mutex
	book      *book
	published time.Time // when Publish was last called
	unsaved   bool      // the outbox lacks a fact
	outworn   bool      // words in the outbox are not the newest
	saved     time.Time // when the outbox was last written
}

// New opens the outbox. Its error is a *fault.Error: an endpoint that is no
// URL, or a directory that cannot be used.
func New(s Settings) (*Delivery, error) {
	s.setDefaults()
	o, err := openOutbox(s.Dir, s.Disk)
	if err != nil {
		return nil, err
	}
	records, err := o.load()
	if err != nil {
		s.Log.Error("the outbox was damaged and is begun anew", "err", err)
	}
	d := &Delivery{
		settings: s, outbox: o, book: newBook(records),
		invalid: s.Own.Counter("closewatch_notifications_invalid_total", "Alerts that could not be sent because of how they were made."),
		shed:    s.Own.Counter("closewatch_notifications_shed_total", "Informational alerts that were not taken because too many fire, the oldest first."),
	}
	for _, address := range s.Endpoints {
		e, err := newEndpoint(d, address)
		if err != nil {
			return nil, err
		}
		d.endpoints = append(d.endpoints, e)
	}
	d.fallback = newFallback(d)
	d.fallback.announce()
	return d, nil
}

func (s *Settings) setDefaults() {
	s.Resend = cmp.Or(s.Resend, DefaultResend)
	s.Timeout = cmp.Or(s.Timeout, min(10*time.Second, s.Resend))
	s.Hold = min(s.Hold, holdMost*s.Resend)
	s.Log = cmp.Or(s.Log, slog.New(slog.DiscardHandler))
	s.Own = cmp.Or(s.Own, telemetry.NewOwn())
	if s.Now == nil {
		s.Now = time.Now
	}
}

// Publish takes the full set of what fires at a tick. When it returns, the set
// is on disk: no kill can lose which alerts fire and since when, of which incident
// each is, and what has ended. The words of what fired before, which count minutes,
// are written with the next of these or a Resend after the last write. What is new,
// changed or no longer there is sent at once.
//
// An error names alerts that cannot be sent (the others are), or says that the
// outbox cannot be written: everything is still sent, and written with the
// next Publish.
func (d *Delivery) Publish(at time.Time, firing []Alert) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.settings.Now()
	changed, shed, err := d.book.publish(now, at, firing)
	if err != nil {
		d.invalid.Add(countErrors(err))
	}
	d.shed.Add(shed)
	d.published = now
	forgotten := d.book.prune(func(k string, r *record) bool { return d.over(now, k, r) })
	d.outworn = d.outworn || changed == words
	if changed == facts || forgotten || d.unsaved || d.outworn && now.Sub(d.saved).Abs() >= d.settings.Resend {
		err = errors.Join(err, d.save(now))
	}
	for _, e := range d.endpoints {
		e.queued()
		if changed != nothing {
			e.wake()
		}
	}
	for _, c := range d.fallback.channels {
		if changed != nothing {
			c.wake()
		}
	}
	return err
}

// save writes the outbox, which then lacks nothing.
func (d *Delivery) save(now time.Time) error {
	err := d.outbox.save(d.book)
	d.saved = now
	if d.unsaved = err != nil; !d.unsaved {
		d.outworn = false
	}
	return err
}

// over reports whether a resolved alert need not be told any more.
func (d *Delivery) over(now time.Time, k string, r *record) bool {
	age := now.Sub(r.EndsAt)
	if age <= resolvedFor*d.settings.Resend {
		return false
	}
	if d.fallback.owed(k, r) && age <= owedFor {
		return false
	}
	for _, e := range d.endpoints {
		if !e.told(k, r) && age <= owedFor {
			return false
		}
	}
	return true
}

// countErrors counts the errors that were joined in err.
func countErrors(err error) int {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return len(joined.Unwrap())
	}
	return 1
}

// Run sends until ctx is done. What is not sent then is sent by the next
// Delivery on the same directory.
func (d *Delivery) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, e := range d.endpoints {
		wg.Go(func() { e.run(ctx) })
	}
	for _, c := range d.fallback.channels {
		wg.Go(func() { c.run(ctx) })
	}
	wg.Wait()
	d.flush()
	for _, e := range d.endpoints {
		e.client.close()
	}
	for _, c := range d.fallback.channels {
		c.to.Close()
	}
}

// flush writes what the outbox lacks.
func (d *Delivery) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.outworn && !d.unsaved {
		return
	}
	if err := d.save(d.settings.Now()); err != nil {
		d.settings.Log.Error("cannot keep what alerts are now; a restart sends what they were before", "err", err)
	}
}
