// Package incident follows impacts from the first bad tick to recovery.
//
// An incident is the set of impacts that share a cause or, with no cause known,
// one process across entities, with those whose flows fail at the same step, or
// those of a tenant that nothing tells of. It is the unit of a page: only its
// lead impact is sent as one, the others as tickets that name the incident. The
// lead stays lead while it lasts or until another member reaches a higher tier,
// and a later lead pages only if its tier is higher than any that is paged. A page
// lasts as long as any member stands at its tier: it is the incident's.
//
// An incident is open, and recovering while nothing of it is bad any more: its
// impacts are in their quiet time, its checks have yet to pass, or it settles.
// What comes back until then is the same incident, and no second page. Recovered
// is said once; what comes back later is a new incident. One whose tier fell for
// good pages again when it is reached again.
//
// Incidents that turn out to share a cause become one, the oldest, which the
// others refer to. None is ever split: who has been told that things belong
// together is not told otherwise half-way, and a member leaves when it is over.
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

// A Member is one impact of an incident.
type Member struct {
	Impact tiering.Impact `json:"impact"`
	Joined time.Time      `json:"joined"`
	Left   time.Time      `json:"left"`  // zero while it lasts
	Worst  tiering.Tier   `json:"worst"` // highest tier it reached
	Alerts []Alert        `json:"alerts"`
	// Better is since when its evidence has been better than what stands, as it is
	// known; zero while it is not. Quiet is since when nothing stands of it and the
	// incident holds it: for checks, or to settle.
	Better time.Time `json:"better,omitzero"`
	Quiet  time.Time `json:"quiet,omitzero"`
	// Remains says that it works again and lacks something that it had before.
	Remains bool     `json:"remains,omitempty"`
	RTO     Clock    `json:"rto,omitzero"`
	RPO     Exposure `json:"rpo,omitzero"`
}

// Active reports whether the member's impact still lasts.
func (m Member) Active() bool { return m.Left.IsZero() }

// Stands reports whether the member is impaired still, and not only kept until
// it has settled.
func (m Member) Stands() bool { return m.Active() && (m.Quiet.IsZero() || m.Remains) }

// better reports whether nothing of the member is bad at the newest tick.
func (m *Member) better() bool { return !m.Quiet.IsZero() || m.Impact.Recovering }

// An Event is a line of the timeline.
type Event struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// An Escalation is a rise of an incident's tier.
type Escalation struct {
	At   time.Time    `json:"at"`
	Tier tiering.Tier `json:"tier"`
	By   tiering.Key  `json:"by"` // the member that reached it
}

// An Incident is a set of impacts and its life.
type Incident struct {
	ID          string         `json:"id"`
	Environment string         `json:"environment"`
	Cause       *tiering.Cause `json:"cause,omitempty"`
	Opened      time.Time      `json:"opened"`    // first bad tick
	Detected    time.Time      `json:"detected"`  // tick at which it was raised
	Recovered   time.Time      `json:"recovered"` // when recovery was said; zero while open
	Lead        tiering.Key    `json:"lead"`
	Pages       int            `json:"pages,omitempty"` // sent in its life
	Members     []Member       `json:"members"`
	Timeline    []Event        `json:"timeline"`

	// Escalations are the tiers it rose to, the first when it was raised; Stands is
	// the one at the newest tick.
	Escalations []Escalation `json:"escalations,omitempty"`
	Stands      tiering.Tier `json:"stands"`
	// Recovering is since when nothing of it has been bad; zero while something is.
	Recovering time.Time `json:"recovering,omitzero"`
	// Restored is when the last outcome worked again and its checks passed: what
	// came after until Recovered is the time in which it might have come back. It
	// is known once it has recovered.
	Restored time.Time `json:"restored,omitzero"`
	// Into is the incident that this one became part of, when it recovered by
	// that.
	Into string `json:"into,omitempty"`

	Checks []Check `json:"checks,omitempty"` // what recovery waits for, and what passed
	// Mended is since when the checks of the cause itself have passed; Cleared
	// since when all have that recovery waits for.
	Mended  time.Time `json:"mended,omitzero"`
	Cleared time.Time `json:"cleared,omitzero"`

	Acknowledged   time.Time     `json:"acknowledged,omitzero"` // zero while nobody has taken it
	AcknowledgedBy string        `json:"acknowledged_by,omitempty"`
	Later          []Acknowledge `json:"later,omitempty"` // who took it after the first
}

// A State is where an incident is in its life.
type State string

// States.
const (
	Raised       State = "open"
	Acknowledged State = "acknowledged" // somebody has taken it
	Recovering   State = "recovering"   // nothing of it is bad any more, and recovery is not said yet
	Recovered    State = "recovered"
	Merged       State = "merged" // into another
)

// State is where the incident is in its life. One that is recovering may be
// acknowledged or not.
func (i *Incident) State() State {
	switch {
	case i.Into != "":
		return Merged
	case !i.Open():
		return Recovered
	case !i.Recovering.IsZero():
		return Recovering
	case !i.Acknowledged.IsZero():
		return Acknowledged
	default:
		return Raised
	}
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

// Foremost returns the member that the incident is told by: its lead or, while
// that works again and others do not, the one of these that would lead.
func (i *Incident) Foremost() *Member {
	lead := i.LeadMember()
	if !i.Open() || lead == nil || lead.Stands() {
		return lead
	}
	var best *Member
	for n := range i.Members {
		if m := &i.Members[n]; m.Stands() && (best == nil || preferLead(m, best) < 0) {
			best = m
		}
	}
	if best == nil {
		return lead
	}
	return best
}

func (i *Incident) member(k tiering.Key) *Member {
	for n := range i.Members {
		if i.Members[n].Impact.Key == k {
			return &i.Members[n]
		}
	}
	return nil
}

// worst is the member of some that reached the highest tier, of several the one
// that was there first; nil when there is none.
func (i *Incident) worst(of func(Member) bool) *Member {
	var w *Member
	for n := range i.Members {
		if m := &i.Members[n]; of(*m) && (w == nil || m.Worst > w.Worst) {
			w = m
		}
	}
	return w
}

func anyMember(Member) bool { return true }

// Bounds of what is remembered of one incident.
const (
	maxTimeline    = 200
	maxLater       = 20
	maxEscalations = 50
)

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
