package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// look takes in what was decided at a tick: what changed, what was sent, and
// what of the expected is there.
func (r *course) look(t *Tick) {
	r.outcome.Ticks++
	r.outcome.To = t.At
	for _, c := range t.Components {
		was, seen := r.sick[c.Name]
		r.sick[c.Name] = c.State
		if was != c.State && (seen || c.State != signal.OK) {
			r.moment(t.At, c.Name+" is "+c.State.String(), strings.Join(c.Evidence, "; "))
		}
	}
	r.impacts(t)
	r.alerts(t)
	r.lastOpen = r.lastOpen[:0]
	for _, inc := range t.Incidents {
		r.opened[inc.ID] = max(r.opened[inc.ID], inc.Tier())
		if inc.Open() {
			r.lastOpen = append(r.lastOpen, inc)
		}
	}
	r.check(t)
}

// impacts tells which impacts changed their tier.
func (r *course) impacts(t *Tick) {
	for _, im := range t.Impacts {
		was := r.was[im.Key]
		r.was[im.Key] = im.Tier
		if was == im.Tier {
			continue
		}
		text := fmt.Sprintf("%s is %s", subjectOf(im.Key), im.Tier)
		if im.Tier == tiering.None {
			text = subjectOf(im.Key) + " works again"
		}
		r.moment(t.At, text, strings.Join(grounding(im), "; "))
	}
}

// subjectOf names an impact as scenarios do.
func subjectOf(k tiering.Key) string { return k.Process + "/" + k.Entity }

// grounding is why a tier stands, in words.
func grounding(im tiering.Impact) []string {
	var out []string
	for _, x := range im.Reasons {
		out = append(out, fmt.Sprintf("%s: %s (%s)", x.Row, x.Text, x.Because))
	}
	return out
}

// An outstanding is an alert that fires, with whose it is.
type outstanding struct {
	inc   *incident.Incident
	of    incident.Member
	alert incident.Alert
}

// identity is the alert's fingerprint at Alertmanager, and when it began.
func (o outstanding) identity() string {
	k := o.of.Impact.Key
	return strings.Join([]string{
		o.alert.Name, k.Process, k.Entity, k.Tenant, k.Environment, o.alert.Tier.String(), o.alert.Severity, o.alert.StartsAt.Format(time.RFC3339),
	}, "\x00")
}

// outstandings lists what fires at a tick.
func outstandings(t *Tick) []outstanding {
	var out []outstanding
	for _, inc := range t.Incidents {
		for _, m := range inc.Members {
			for _, al := range m.Alerts {
				if inc.Open() && m.Active() {
					out = append(out, outstanding{inc, m, al})
				}
			}
		}
	}
	return out
}

// alerts tells what began to fire, as Alertmanager gets it, and what ended.
func (r *course) alerts(t *Tick) {
	fires := map[string]bool{}
	for _, o := range outstandings(t) {
		id := o.identity()
		fires[id] = true
		if r.firing[id] {
			continue
		}
		text := r.page.alert(t, o.inc, o.of, o.alert)
		r.outcome.Sent = append(r.outcome.Sent, Sent{
			At: t.At, Key: o.of.Impact.Key, Name: o.alert.Name, Tier: o.alert.Tier, Severity: o.alert.Severity, Incident: o.inc.ID, Title: text.Annotations["title"],
		})
		said := text.Annotations["title"]
		if o.alert.Severity == incident.Page {
			said = text.Annotations["description"]
		}
		r.moment(t.At, fmt.Sprintf("%s %s for %s, incident %s", strings.ToUpper(o.alert.Severity), o.alert.Name, subjectOf(o.of.Impact.Key), o.inc.ID), said)
	}
	r.firing = fires
	r.resolved(t)
}

// resolved tells which pages ended.
func (r *course) resolved(t *Tick) {
	paging := map[string]bool{}
	for _, o := range outstandings(t) {
		if o.alert.Severity == incident.Page {
			paging[subjectOf(o.of.Impact.Key)] = true
		}
	}
	for _, s := range slices.Sorted(maps.Keys(r.paging)) {
		if !paging[s] {
			r.moment(t.At, "page for "+s+" is resolved", "")
		}
	}
	r.paging = paging
}
