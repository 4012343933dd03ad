package lab

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxNotifications bounds what a webhook remembers; the oldest go first.
const maxNotifications = 10_000

// A Notification is what Alertmanager sent to a webhook at one time.
type Notification struct {
	Arrived     time.Time           `json:"-"`
	Status      string              `json:"status"` // firing, resolved
	Receiver    string              `json:"receiver"`
	GroupKey    string              `json:"groupKey"`
	GroupLabels map[string]string   `json:"groupLabels"`
	Alerts      []NotificationAlert `json:"alerts"`
}

// A NotificationAlert is one alert in a notification.
type NotificationAlert struct {
	Status      string            `json:"status"` // firing, resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// A Webhook is a receiver for Alertmanager in this process. It records what
// arrives, in order.
type Webhook struct {
	URL string

	mu            sync.Mutex
	notifications []Notification
	forgotten     int           // how many went before them
	arrived       chan struct{} // closed and replaced at each arrival
}

// Webhook starts a receiver; its URL goes into AlertmanagerOptions.
func (l *Lab) Webhook(ctx context.Context) (*Webhook, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.Wrap("start a webhook", err, "")
	}
	w := &Webhook{URL: "http://" + listener.Addr().String() + "/", arrived: make(chan struct{})}
	server := &http.Server{Handler: w, ReadTimeout: attempt}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	stop := func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		serving.Wait()
		return err
	}
	if err := l.onClose("webhook", stop); err != nil {
		return nil, errors.Join(err, stop(ctx))
	}
	return w, nil
}

// ServeHTTP records one notification.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	n := Notification{Arrived: time.Now()}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&n); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notifications = append(w.notifications, n)
	if over := len(w.notifications) - maxNotifications; over > 0 {
		w.notifications = slices.Delete(w.notifications, 0, over)
		w.forgotten += over
	}
	close(w.arrived)
	w.arrived = make(chan struct{})
}

// Notifications returns what has arrived, oldest first.
func (w *Webhook) Notifications() []Notification {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.notifications)
}

// Await returns the first notification, past or to come, that matches.
func (w *Webhook) Await(ctx context.Context, match func(Notification) bool) (Notification, error) {
	for {
		w.mu.Lock()
		i := slices.IndexFunc(w.notifications, match)
		arrived := w.arrived
		if i >= 0 {
			n := w.notifications[i]
			w.mu.Unlock()
			return n, nil
		}
		w.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return Notification{}, fault.Wrap("wait for a notification", ctx.Err(), "")
		}
	}
}

// Each calls f with every notification, past and to come, one at a time and in their
// order, until ctx ends. Those that go before it is their turn are left out.
func (w *Webhook) Each(ctx context.Context, f func(Notification)) {
	for next := 0; ; {
		w.mu.Lock()
		next = max(next, w.forgotten)
		fresh, arrived := slices.Clone(w.notifications[next-w.forgotten:]), w.arrived
		w.mu.Unlock()
		for _, n := range fresh {
			f(n)
		}
		if next += len(fresh); len(fresh) > 0 {
			continue
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return
		}
	}
}
