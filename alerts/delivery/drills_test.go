package delivery_test

import (
	"slices"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
)

// held is Alertmanager's own view of one of the case's alerts; false while it has
// none.
func (p *post) held(name string) (lab.Alert, bool) {
	alerts, err := p.office.ams[0].Alerts(p.t.Context())
	if err != nil {
		p.t.Error(err)
	}
	i := slices.IndexFunc(alerts, func(a lab.Alert) bool { return a.Labels["process"] == p.name && a.Labels["alertname"] == name })
	if i < 0 {
		return lab.Alert{}, false
	}
	return alerts[i], true
}

// muted waits until the lower alert is muted by the higher, and was sent again
// since: it goes on.
func (p *post) muted() {
	p.t.Helper()
	var since time.Time
	eventually(p.t, "the lower alert is muted and goes on", func() bool {
		a, known := p.held("Lower")
		if !known || a.Status.State != "suppressed" {
			return false
		}
		if since.IsZero() {
			since = a.UpdatedAt
		}
		return a.UpdatedAt.After(since)
	})
}

// escalation: a ticket becomes a page. Nobody hears that the ticket is over until
// it is.
func escalation(p *post) row {
	p.open()
	p.publish("Lower")
	p.await("Lower firing")
	p.publish("Lower", "Higher")
	p.await("Higher firing")
	p.muted()
	if told := p.office.told(p.name); !slices.Equal(told, []string{"Lower firing", "Higher firing"}) {
		p.t.Errorf("told while both fire: %q", told)
	}
	p.publish()
	p.await(story...)
	p.stop()
	return p.tally(story, p.office.told(p.name))
}

// escalationAtOnce: both come and go in the same ticks. Nobody hears of the
// lower one: it is muted before it is told, and ends before what mutes it.
func escalationAtOnce(p *post) row {
	wanted := []string{"Higher firing", "Higher resolved", "After firing", "After resolved"}
	p.open()
	p.publish("Lower", "Higher")
	p.await("Higher firing")
	p.muted()
	p.publish()
	p.await("Higher resolved")
	p.publish("After") // and its end is told a group_interval after the lower one's would be
	p.await("After firing")
	p.publish()
	p.await(wanted...)
	p.stop()
	return p.tally(wanted, p.office.told(p.name))
}

// deescalation: a page becomes a ticket again, which was one before.
func deescalation(p *post) row {
	p.open()
	p.publish("Lower")
	p.await("Lower firing")
	p.publish("Lower", "Higher")
	p.await("Higher firing")
	p.publish("Lower")
	p.await("Higher resolved")
	if told := p.office.told(p.name); count(told, "Lower resolved") > 0 {
		p.t.Errorf("told while the lower one fires: %q", told)
	}
	p.publish()
	p.await(story...)
	p.stop()
	return p.tally(story, p.office.told(p.name))
}

// replicas are two daemons with outboxes of their own and the same alerts, whose
// second sees them a moment later.
func replicas(meanwhile func(other *post)) func(p *post) row {
	return func(p *post) row {
		other := &post{name: p.name, t: p.t, office: p.office, dir: p.t.TempDir()}
		other.connect()
		publish := func(names ...string) {
			p.publish(names...)
			other.publish(names...)
		}
		p.open()
		p.publish("Lower")
		p.await("Lower firing")
		other.open() // and begins later: Alertmanager takes the earlier start
		publish("Lower")
		if a, known := p.held("Lower"); !known || len(a.Fingerprint) != 16 {
			p.t.Errorf("Alertmanager has %+v", a)
		}
		publish("Lower", "Higher")
		p.await("Higher firing")
		meanwhile(other)
		publish("Lower", "Higher")
		publish("Higher")
		p.await("Lower resolved")
		publish()
		p.await(story...)
		p.stop()
		other.stop()
		return p.tally(story, p.office.told(p.name))
	}
}

// What the table's clock does to a reading is what setting the clock does.
func TestAdjustedReadingJumpsByTheWallClockOnly(t *testing.T) {
	before := time.Now()
	for _, d := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		after := adjusted(before, d)
		if got := after.Sub(before); got != 0 {
			t.Errorf("set by %v, %v have passed", d, got)
		}
		if got := after.Round(0).Sub(before.Round(0)); got != d {
			t.Errorf("set by %v, the wall clock jumps by %v", d, got)
		}
	}
}
