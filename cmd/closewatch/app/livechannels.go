package app

import (
	"context"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
)

// A trier is a way to people that can be tried without sending anything.
type trier interface {
	Try(ctx context.Context) (delivery.Trial, error)
	Close()
}

// channelLooks are the ways to people that need no Alertmanager.
func channelLooks(e *estate.Estate) []look {
	var out []look
	add := func(name string, open func() (trier, error)) {
		out = append(out, look{name, e.Environment, func(ctx context.Context) []collector.Finding { return tried(ctx, open) }})
	}
	if w := e.Notifications.Webhook; w != nil {
		add("webhook", func() (trier, error) { return webhookOf(w) })
	}
	if m := e.Notifications.Email; m != nil {
		add("email", func() (trier, error) { return emailOf(m, time.Now) })
	}
	return out
}

// tried says whether a page would get through, as far as that can be told
// without one.
func tried(ctx context.Context, open func() (trier, error)) []collector.Finding {
	const subject = "pages"
	to, err := open()
	if err != nil {
		return collector.Judge(subject, "", err)
	}
	defer to.Close()
	found, err := to.Try(ctx)
	if err == nil && found.Doubt != "" {
		return []collector.Finding{{Subject: subject, State: collector.Advised, Text: found.Text, Do: found.Doubt}}
	}
	return collector.Judge(subject, found.Text, err)
}
