package delivery_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/lab"
)

// phones are the webhook and the mail server of a case, which are told what no
// Alertmanager takes.
type phones struct {
	hook *lab.Webhook
	mail *smtpServer
}

func newPhones(t *testing.T) *phones {
	t.Helper()
	l, err := lab.New(lab.Options{})
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	hook, err := l.Webhook(t.Context())
	must(t, err)
	return &phones{hook, newSMTP(t, &smtpServer{})}
}

// ringFor is how long telling may take: on a busy machine what is cut short is
// told again, and nobody killed anything.
const ringFor = 30 * time.Second

// fallbackTo tells a webhook and a mail server after a second.
func fallbackTo(hook, server string) delivery.Fallback {
	w, err := delivery.NewWebhook(hook, &http.Transport{})
	if err != nil {
		panic(err) // an address of the test's own
	}
	return delivery.Fallback{
		After: time.Second,
		Channels: []delivery.Channel{
			w, &delivery.Email{Server: server, From: "closewatch@example.com", To: []string{"on-call@example.com"}},
		},
		Silent: delivery.Alert{Labels: map[string]string{"alertname": "Silent", "severity": "ticket"}, Annotations: map[string]string{"title": "Silent"}},
	}
}

// told is what a channel brought, as whoever knows repetitions by their ID
// hears it, and how many were repetitions.
func (p *phones) told(t *testing.T, channel string) (told []string, again int) {
	t.Helper()
	seen := map[string]bool{}
	hear := func(id, what string) {
		if seen[id] {
			again++
			return
		}
		seen[id] = true
		told = append(told, what)
	}
	if channel == "webhook" {
		for _, n := range p.hook.Notifications() {
			hear(n.GroupKey+n.Status, n.Alerts[0].Labels["alertname"]+" "+n.Status)
		}
		return told, again
	}
	p.mail.mu.Lock()
	defer p.mail.mu.Unlock()
	for _, m := range p.mail.mails {
		read, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(m.data)))
		must(t, err)
		what := read.Header.Get("Subject") + " firing"
		if name, over := strings.CutPrefix(read.Header.Get("Subject"), "Resolved: "); over {
			what = name + " resolved"
		}
		hear(read.Header.Get("Message-Id"), what)
	}
	return told, again
}

// await waits until every channel brought all of these.
func (p *phones) await(t *testing.T, what ...string) {
	t.Helper()
	for _, channel := range channelNames {
		eventually(t, channel+": "+strings.Join(what, ", "), func() bool {
			told, _ := p.told(t, channel)
			return !slices.ContainsFunc(what, func(w string) bool { return !slices.Contains(told, w) })
		})
	}
}

var channelNames = []string{"webhook", "email"}

// Steps of telling somebody at which a process is killed: before the message is
// handed over, after it was, and while that is written down.
var ringSteps = []string{"call", "answer", "create", "write", "sync", "close"}

// ringing kills a process at one step of telling by a channel what no
// Alertmanager takes. What was handed over and not written down is told once
// more, under the same ID.
func ringing(channel, at string) func(p *post) row {
	return func(p *post) row {
		p.phones = newPhones(p.t)
		p.misbehave(reset)
		p.kill(at, victimEndpoint+"="+p.fronts[0].URL, victimChannel+"="+channel, victimHook+"="+p.phones.hook.URL, victimMail+"="+p.phones.mail.address)
		p.open()
		p.publish("Higher")
		p.phones.await(p.t, "Higher firing", "Silent firing")
		p.publish()
		p.phones.await(p.t, "Higher resolved")
		p.misbehave(nil)
		p.phones.await(p.t, "Silent resolved")
		p.stop()
		if told := p.office.told(p.name); len(told) > 0 {
			p.t.Errorf("told by Alertmanager, too: %q", told)
		}
		r := row{name: p.name, order: "kept"}
		for _, c := range channelNames {
			told, again := p.phones.told(p.t, c)
			if again > 1 || again > 0 && c == channel && at == "call" {
				p.t.Errorf("%s repeated %d messages", c, again)
			}
			of := p.tally([]string{"Higher firing", "Silent firing", "Higher resolved", "Silent resolved"}, told)
			r.sent, r.arrived, r.lost, r.duplicated = r.sent+of.sent, r.arrived+of.arrived, r.lost+of.lost, r.duplicated+of.duplicated
			if of.order != "kept" {
				r.order = of.order
			}
		}
		return r
	}
}

// doomedChannel kills its process at a step of telling, once.
type doomedChannel struct {
	delivery.Channel
	doomed *doomed
}

// Send implements delivery.Channel.
func (c doomedChannel) Send(ctx context.Context, m delivery.Message) error {
	c.doomed.reachBy("call", c.Name())
	err := c.Channel.Send(ctx, m)
	c.doomed.reachBy("answer", c.Name())
	if err == nil && c.Name() == c.doomed.channel {
		c.doomed.armed.Store(true) // what is written from now on is that it was told
	}
	return err
}

// ring publishes a page that no Alertmanager takes.
func ring(out *delivery.Delivery, name string) {
	p := &post{name: name, d: out}
	p.publish("Higher")
	<-time.After(30 * time.Second)
	fmt.Println("it lives")
}
