package traefik

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/logtail"
)

var (
	ownReadable  = prometheus.NewDesc("traefik_log_readable", "Whether Traefik's own log can be read: 1 or 0.", nil, nil)
	ownErrors    = prometheus.NewDesc("traefik_log_errors_total", "Lines of level error or worse in Traefik's own log, by what they are about (configuration, router, certificate, provider, other).", []string{"about"}, nil)
	ownLastError = prometheus.NewDesc("traefik_log_last_error_timestamp_seconds", "When the newest of these lines was written.", []string{"about"}, nil)
	ownTrouble   = prometheus.NewDesc(
		"traefik_log_trouble",
		"Whether what the newest of these lines tells still holds: of router until the next configuration is taken over, of certificate for 25 hours, since renewals are tried daily, of provider for ten minutes: 1 or 0; absent where none was ever seen.",
		[]string{"about"}, nil,
	)
)

// How long an error counts when nothing tells that it is over.
const (
	refusedFor     = 24 * time.Hour // a file that was put back as it was causes no reload
	certificateFor = 25 * time.Hour // renewal is tried once a day
	providerFor    = 10 * time.Minute
	// applying is how long after taking a configuration over Traefik may still
	// tell what is wrong in it.
	applying = 5 * time.Second
)

// ownCounts is what was counted in Traefik's own log. Of the lines nothing is
// kept but their number and time.
type ownCounts struct {
	Since   int64                   `json:"since"`   // when the log was first looked at, Unix nanoseconds
	Started int64                   `json:"started"` // newest start of Traefik that the log tells of; 0 is none
	Dead    int64                   `json:"dead"`    // newest provider that could not start, and is not started again; 0 is none
	Errors  [troubles]ownErrorCount `json:"errors"`
}

type ownErrorCount struct {
	Count uint64 `json:"count"`
	Last  int64  `json:"last"` // Unix nanoseconds; 0 is none
}

// An ownReader counts the errors of Traefik's own log. It is a
// logtail.Consumer.
type ownReader struct {
	ownCounts
	now func() time.Time
}

// Line implements logtail.Consumer.
func (r *ownReader) Line(b []byte) {
	l, ok := parseOwn(b)
	if !ok {
		return
	}
	at := l.at
	if at.IsZero() {
		at = r.now()
	}
	if l.started {
		r.Started = max(r.Started, at.UnixNano())
	}
	if l.failed {
		e := &r.Errors[l.about]
		e.Count++
		e.Last = max(e.Last, at.UnixNano())
		if l.dead {
			r.Dead = max(r.Dead, at.UnixNano())
		}
	}
}

// Pause implements logtail.Consumer: a line is a record.
func (*ownReader) Pause() {}

// Save implements logtail.Consumer.
func (r *ownReader) Save() ownCounts {
	if r.Since == 0 {
		r.Since = r.now().UnixNano()
	}
	return r.ownCounts
}

// Restore implements logtail.Consumer.
func (r *ownReader) Restore(l ownCounts) { r.ownCounts = l }

// ownLog publishes what Traefik's own log tells. It reads no file itself.
type ownLog struct {
	follower *logtail.Follower[ownCounts]
	sighting *sighting
	now      func() time.Time
}

// Describe implements collector.Collector.
func (*ownLog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{ownReadable, ownErrors, ownLastError, ownTrouble, configRefused} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (o *ownLog) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	s := o.follower.Snapshot()
	if s == nil {
		return nil // the follower has not looked yet: nothing is known
	}
	gauge(ch, ownReadable, truth(s.Readable))
	for about, e := range s.State.Errors {
		counter(ch, ownErrors, float64(e.Count), troubleNames[about])
		if e.Last > 0 {
			gauge(ch, ownLastError, float64(e.Last)/1e9, troubleNames[about])
		}
	}
	if s.Readable {
		o.judge(ch, s.State)
	}
	return s.Err
}

// judge publishes which errors still hold. What happened before the log was
// first looked at is not known: whether the newest change was refused is told
// only once a change, or a start, was seen.
func (o *ownLog) judge(ch chan<- prometheus.Metric, l ownCounts) {
	now := o.now()
	reloaded, started := o.sighting.changes()
	started = latest(started, unixNano(l.Started))
	holds := func(at time.Time, long time.Duration) bool {
		return !at.IsZero() && at.After(started.Add(-time.Second)) && now.Before(at.Add(long))
	}
	last := func(about trouble) time.Time { return unixNano(l.Errors[about].Last) }

	// Both times are whole seconds of one clock. No reload brings a provider
	// back that could not start.
	failed := last(troubleConfiguration)
	refused := holds(failed, refusedFor) && !reloaded.After(failed) || holds(unixNano(l.Dead), refusedFor)
	if since := unixNano(l.Since); !failed.IsZero() || reloaded.After(since) || started.After(since) {
		gauge(ch, configRefused, truth(refused), toldByLog)
	}
	current := map[trouble]bool{
		troubleRouter:      holds(last(troubleRouter), refusedFor) && !reloaded.After(last(troubleRouter).Add(applying)),
		troubleCertificate: holds(last(troubleCertificate), certificateFor),
		troubleProvider:    holds(last(troubleProvider), providerFor),
	}
	for about, holding := range current {
		if l.Errors[about].Count > 0 {
			gauge(ch, ownTrouble, truth(holding), troubleNames[about])
		}
	}
}

// unixNano is a time in Unix nanoseconds; 0 is the zero Time.
func unixNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
