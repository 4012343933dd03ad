// Package incident follows impacts from the first bad tick to recovery.
//
// An incident is the set of impacts that share a cause or, with no cause known,
// one process across entities, with those whose flows fail at the same step. It
// is the unit of a page: only its lead impact
// is sent as one, the others as tickets that name the incident. The lead stays
// lead while it lasts or until another member reaches a higher tier, and a
// later lead pages only if its tier is higher than any paged before.
//
// Alerts are derived here and nowhere else: an escalation adds the higher alert
// and keeps the lower one firing, so no false "resolved" is ever sent.
//
// A Manager is not safe for concurrent use; it reads no clock.
package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// Severities: the label Alertmanager routes by.
const (
	Page   = "page"
	Ticket = "ticket"
	Info   = "info"
)

// Alert names. An impact has one name whatever its reason, so that a change of
// reason never pages again; being unable to see is not an impact, and neither are
// books that are wrong.
const (
	Impaired  = "FinanceProcessImpaired"
	Blind     = "FinanceMonitoringBlind"
	Integrity = "FinanceLedgerIntegrity"
)

// An Alert is one alert a member has outstanding. Its identity is the member's
// key, its name, the tier and the severity; none of them changes in its life.
type Alert struct {
	Name     string       `json:"name"`
	Tier     tiering.Tier `json:"tier"`
	Severity string       `json:"severity"`
	StartsAt time.Time    `json:"starts_at"`
}

// A Member is one impact of an incident.
type Member struct {
	Impact tiering.Impact `json:"impact"`
	Joined time.Time      `json:"joined"`
	Left   time.Time      `json:"left"`  // zero while it lasts
	Worst  tiering.Tier   `json:"worst"` // highest tier it reached
	Alerts []Alert        `json:"alerts"`
}

// Active reports whether the member's impact still lasts.
func (m Member) Active() bool { return m.Left.IsZero() }

// An Event is a line of the timeline.
type Event struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// A Check must pass before recovery is said.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Text   string `json:"text"`
}

// An Incident is a set of impacts and its life.
type Incident struct {
	ID          string         `json:"id"`
	Environment string         `json:"environment"`
	Cause       *tiering.Cause `json:"cause,omitempty"`
	Opened      time.Time      `json:"opened"`    // first bad tick
	Detected    time.Time      `json:"detected"`  // tick at which it was raised
	Recovered   time.Time      `json:"recovered"` // zero while open
	Lead        tiering.Key    `json:"lead"`
	Paged       tiering.Tier   `json:"paged"` // highest tier a page was sent for
	Members     []Member       `json:"members"`
	Checks      []Check        `json:"checks,omitempty"` // what recovery still waits for, and what passed
	Timeline    []Event        `json:"timeline"`

	Acknowledged   time.Time `json:"acknowledged,omitzero"` // zero while nobody has taken it
	AcknowledgedBy string    `json:"acknowledged_by,omitempty"`
}

// Open reports whether the incident still lasts.
func (i *Incident) Open() bool { return i.Recovered.IsZero() }

// Tier is the highest standing tier of its active members, or the highest any
// member reached once recovered.
func (i *Incident) Tier() tiering.Tier {
	var t tiering.Tier
	for _, m := range i.Members {
		switch {
		case !i.Open():
			t = max(t, m.Worst)
		case m.Active():
			t = max(t, m.Impact.Tier)
		}
	}
	return t
}

// LeadMember returns the lead.
func (i *Incident) LeadMember() *Member { return i.member(i.Lead) }

func (i *Incident) member(k tiering.Key) *Member {
	for n := range i.Members {
		if i.Members[n].Impact.Key == k {
			return &i.Members[n]
		}
	}
	return nil
}

// worst is the member that reached the highest tier, of several the one that
// was there first.
func (i *Incident) worst() *Member {
	w := &i.Members[0]
	for n := range i.Members {
		if m := &i.Members[n]; m.Worst > w.Worst {
			w = m
		}
	}
	return w
}

const maxTimeline = 200

func (i *Incident) note(at time.Time, format string, args ...any) {
	if len(i.Timeline) < maxTimeline {
		i.Timeline = append(i.Timeline, Event{at, fmt.Sprintf(format, args...)})
	}
}

// newID is stable for the same environment, group and first bad tick, so that
// two replicas that see the same thing name it alike.
func newID(environment, group string, opened time.Time) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d", environment, group, opened.Unix()))
	return "I-" + hex.EncodeToString(h[:4])
}

// preferLead orders members by who should lead: highest tier, least slack,
// service tier, name.
func preferLead(a, b *Member) int {
	slack := func(m *Member) time.Duration {
		if m.Impact.Slack == nil {
			return 1<<63 - 1
		}
		return m.Impact.Slack.Left
	}
	rank := func(t process.ServiceTier) int {
		return slices.Index([]process.ServiceTier{process.Critical, process.Important, process.Standard, process.Deferrable}, t)
	}
	return cmp.Or(
		cmp.Compare(b.Impact.Tier, a.Impact.Tier),
		cmp.Compare(slack(a), slack(b)),
		cmp.Compare(rank(a.Impact.ServiceTier), rank(b.Impact.ServiceTier)),
		cmp.Compare(a.Impact.Process, b.Impact.Process),
		cmp.Compare(a.Impact.Entity, b.Impact.Entity),
	)
}
