package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/lab"
)

// route has the demo's Alertmanager tell people as its estate says, with the demo
// itself in the place of each of them.
func (d *demo) route(ctx context.Context) error {
	plan, err := app.Load(d.file)
	if err != nil {
		return err
	}
	config, err := plan.Routing(app.RoutingOptions{Version: buildVersion(), From: time.Now(), Horizon: 31 * 24 * time.Hour})
	if err != nil {
		return err
	}
	book, err := allAt(d.world.Webhook.URL, config.Receivers)
	if err != nil {
		return err
	}
	return d.world.Alertmanager.Configure(ctx, config.File(book))
}

// allAt has every receiver post to one address: what arrives names its receiver.
func allAt(address string, receivers []string) (routing.Book, error) {
	type hook struct {
		URL string `json:"url"`
	}
	type receiver struct {
		Name  string `json:"name"`
		Hooks []hook `json:"webhook_configs"`
	}
	var all []receiver
	for _, name := range receivers {
		all = append(all, receiver{name, []hook{{address}}})
	}
	text, err := json.Marshal(map[string]any{"receivers": all}) // JSON is YAML, too
	if err != nil {
		return routing.Book{}, err
	}
	return routing.ReadBook("receivers.yml", text)
}

// tell prints what people are told, when they are, until d stops.
func (d *demo) tell(ctx context.Context) {
	ctx, d.hush = context.WithCancel(ctx)
	heard := newListener()
	d.telling.Go(func() {
		d.world.Webhook.Each(ctx, func(n lab.Notification) { fmt.Fprint(d.out, heard.lines(n)) })
	})
}

// A listener remembers what each receiver knows to be firing.
type listener struct {
	firing  map[string]bool // by receiver and alert
	beating bool            // the dead man's switch has been heard
}

func newListener() *listener { return &listener{firing: map[string]bool{}} }

// lines says what a notification tells, in a line for each of its alerts. What
// always fires is said once.
func (l *listener) lines(n lab.Notification) string {
	var b strings.Builder
	for _, a := range n.Alerts {
		status, title := a.Status, cmp.Or(a.Annotations["title"], a.Annotations["summary"], a.Labels["alertname"])
		key := n.Receiver + " " + a.Fingerprint
		switch {
		case status == "resolved":
			title = cmp.Or(a.Annotations["over"], "Over: "+title)
			delete(l.firing, key)
		case n.Receiver == routing.ToWatchdog:
			if l.beating {
				continue
			}
			l.beating, status = true, "heard"
		case l.firing[key]:
			status = "still firing"
		default:
			l.firing[key] = true
		}
		fmt.Fprintf(&b, "%s  %-11s  %-16s  %-12s  %s\n", n.Arrived.Format(time.TimeOnly), mediumOf(n.Receiver), a.Labels["team"], status, title)
	}
	return b.String()
}

// mediumOf says in a word how a receiver reaches people.
func mediumOf(receiver string) string {
	switch is := routing.Generic(receiver); is {
	case routing.ToPage:
		return "page"
	case routing.ToTicket:
		return "ticket"
	case routing.ToInfo:
		return "information"
	case routing.ToClose:
		return "close desk"
	case routing.ToWatchdog:
		return "watchdog"
	default:
		return is
	}
}

// wholeLines writes whole lines only, so that those of several writers do not mix. It is
// safe for concurrent use.
type wholeLines struct {
	mu   sync.Mutex
	to   io.Writer
	rest []byte
}

// Write implements io.Writer. What does not end a line waits for the rest of it.
func (l *wholeLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	whole := bytes.LastIndexByte(l.rest, '\n') + 1
	if whole == 0 {
		return len(p), nil
	}
	_, err := l.to.Write(l.rest[:whole])
	l.rest = append(l.rest[:0], l.rest[whole:]...)
	return len(p), err
}
