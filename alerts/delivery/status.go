package delivery

import (
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Status says how delivery does.
type Status struct {
	Firing    int // alerts that fire
	Resolved  int // alerts that have resolved and are still told
	Published time.Time
	Endpoints []EndpointStatus
	Outage    time.Time       // since when no Alertmanager takes alerts, once a Fallback is at work for it
	Channels  []ChannelStatus // of the Fallback
}

// ChannelStatus says whether a way to people works that needs no Alertmanager.
type ChannelStatus struct {
	Name        string
	LastSuccess time.Time // zero until the first
	Pending     int
	Kind        fault.Kind // why the last message could not be told; "" when it could
	Error       string
	Hint        string
}

// EndpointStatus says whether one Alertmanager takes alerts.
type EndpointStatus struct {
	URL         string        // without credentials
	Answers     bool          // the last request was taken
	Since       time.Time     // since when Answers is what it is; zero until the first request
	LastSuccess time.Time     // zero until the first
	Pending     int           // alerts it is still to be told of
	Oldest      time.Time     // since when the oldest of them waits; zero when none does
	Ahead       time.Duration // of its clock; 0 when that is nothing, or not known
	Kind        fault.Kind    // why it does not answer; "" when it does
	Error       string
	Hint        string
}

// Answering reports whether any Alertmanager takes alerts.
func (s Status) Answering() bool {
	for _, e := range s.Endpoints {
		if e.Answers {
			return true
		}
	}
	return false
}

// Unanswered is since when no Alertmanager takes alerts; zero while one does,
// when none was tried yet, and when there is none.
func (s Status) Unanswered() time.Time {
	var last time.Time
	for _, e := range s.Endpoints {
		if e.Answers || e.Since.IsZero() {
			return time.Time{}
		}
		if e.Since.After(last) {
			last = e.Since
		}
	}
	return last
}

// Status returns how delivery does now.
func (d *Delivery) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Status{Published: d.published}
	s.Firing, s.Resolved = d.book.count()
	s.Outage = d.fallback.outage
	for _, c := range d.fallback.channels {
		s.Channels = append(s.Channels, c.health)
	}
	for _, e := range d.endpoints {
		health := e.health
		health.Pending, health.Oldest = e.pending()
		health.Ahead = e.clock.skew(d.settings.Now())
		s.Endpoints = append(s.Endpoints, health)
	}
	return s
}

// note keeps the health of the endpoint after a request, and tells the log
// when it changes.
func (e *endpoint) note(now time.Time, err error) {
	h, log := &e.health, e.delivery.settings.Log.With("endpoint", e.name)
	kind, answers := fault.KindOf(err), err == nil
	switch {
	case answers && !h.Answers && !h.Since.IsZero():
		log.Info("Alertmanager takes alerts again", "after_seconds", now.Sub(h.Since).Seconds())
	case !answers && kind != h.Kind:
		log.Warn("Alertmanager does not take alerts", "kind", string(kind), "err", err, "hint", fault.HintOf(err))
	}
	if h.Since.IsZero() || answers != h.Answers {
		h.Since = now
	}
	h.Answers, h.Kind, h.Error, h.Hint = answers, kind, "", ""
	if err != nil {
		h.Error, h.Hint = cut(err.Error()), fault.HintOf(err)
	} else {
		h.LastSuccess = now
	}
}
