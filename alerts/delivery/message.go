package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"time"
)

// A Channel is a way to people that needs no Alertmanager.
type Channel interface {
	// Name tells the channel from others, in few words and without secrets.
	Name() string
	// Send brings one message to people. Its error is a *fault.Error and holds
	// no secret and no address of a person.
	Send(ctx context.Context, m Message) error
	// Close ends idle connections.
	Close()
}

// A Message is a page, or its end.
type Message struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time // zero while it fires
	GeneratorURL string
	Why          string // it comes this way, in a sentence
}

func (r *record) message(why string) Message {
	return Message{
		Labels: maps.Clone(r.Labels), Annotations: maps.Clone(r.Annotations), StartsAt: r.StartsAt, EndsAt: r.EndsAt,
		GeneratorURL: r.GeneratorURL, Why: why,
	}
}

// Resolved reports whether the message is the end of a page.
func (m Message) Resolved() bool { return !m.EndsAt.IsZero() }

// Page is the same for a page and its end, and for no other.
func (m Message) Page() string {
	sum := sha256.Sum256([]byte(key(m.Labels) + m.StartsAt.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:12])
}

// ID is the same when a message is sent again, and for no other.
func (m Message) ID() string {
	if m.Resolved() {
		return m.Page() + "-resolved"
	}
	return m.Page() + "-firing"
}

// Title is the message in a line.
func (m Message) Title() string {
	title := m.Annotations["title"]
	if title == "" {
		title = m.Annotations["summary"]
	}
	if title == "" {
		title = m.Labels["alertname"]
	}
	title = strings.Join(strings.Fields(title), " ")
	if m.Resolved() {
		return "Resolved: " + title
	}
	return title
}

// Text is the message whole.
func (m Message) Text() string {
	var b strings.Builder
	const clock = "2006-01-02 15:04 UTC"
	if m.Resolved() {
		fmt.Fprintf(&b, "It is over: it began at %s and ended at %s.\n\n", m.StartsAt.UTC().Format(clock), m.EndsAt.UTC().Format(clock))
	}
	if text := m.Annotations["description"]; text != "" && !m.Resolved() {
		b.WriteString(text + "\n\n")
	}
	for _, link := range []struct{ says, url string }{{"Incident", m.GeneratorURL}, {"Runbook", m.Annotations["runbook_url"]}} {
		if link.url != "" {
			fmt.Fprintf(&b, "%s: %s\n", link.says, link.url)
		}
	}
	if m.Why != "" {
		b.WriteString("\n" + m.Why + "\n")
	}
	return strings.TrimSpace(b.String()) + "\n"
}
