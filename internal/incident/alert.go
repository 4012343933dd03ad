package incident

import (
	"slices"
	"time"

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
	Eased    time.Time    `json:"eased,omitzero"` // since when a lower tier stands; zero while its own does
}

// alerts derives what each member has outstanding. An alert whose tier has eased
// fires until that has settled: what comes back until then is no second page.
func (m *Manager) alerts(at time.Time, inc *Incident) {
	for n := range inc.Members {
		if mem := &inc.Members[n]; mem.Active() && (mem.Quiet.IsZero() || mem.Remains) {
			m.alert(at, inc, mem)
		}
	}
	if len(inc.Members) > 0 && !inc.outstanding(inc.Paged) {
		inc.Paged = tiering.None // reached again, it is paged again
	}
}

// outstanding reports whether an alert of a tier or a higher one still fires, or
// nothing does any more because all is over.
func (i *Incident) outstanding(t tiering.Tier) bool {
	over := true
	for _, m := range i.Members {
		if slices.ContainsFunc(m.Alerts, func(a Alert) bool { return a.Tier >= t }) {
			return true
		}
		over = over && !m.Active()
	}
	return over
}

func (m *Manager) alert(at time.Time, inc *Incident, mem *Member) {
	tier, isLead := mem.Impact.Tier, mem.Impact.Key == inc.Lead
	mem.Alerts = slices.DeleteFunc(mem.Alerts, func(a Alert) bool {
		return a.Tier > tier && (mem.Remains || !a.Eased.IsZero() && at.Sub(a.Eased) >= m.settings.Settle || m.settings.Settle <= 0)
	})
	for i := range mem.Alerts {
		a := &mem.Alerts[i]
		a.Eased = since(a.Eased, a.Tier > tier, at)
	}
	if slices.ContainsFunc(mem.Alerts, func(a Alert) bool { return a.Tier == tier }) {
		return
	}
	if tier == tiering.Informational && !isLead {
		return // one note for the cause is enough
	}
	severity := map[tiering.Tier]string{tiering.Informational: Info, tiering.Degradation: Ticket, tiering.BusinessCritical: Ticket}[tier]
	if tier == tiering.BusinessCritical && isLead && inc.Paged < tier {
		severity = Page
		inc.Paged = tier
		inc.Pages++
		inc.note(at, "paged for %s", mem.Impact.Process)
	}
	mem.Alerts = append(mem.Alerts, Alert{Name: nameOf(mem.Impact), Tier: tier, Severity: severity, StartsAt: mem.Impact.Since})
}

// nameOf is the name of an impact's alerts, by its first reason.
func nameOf(im tiering.Impact) string {
	if len(im.Reasons) == 0 {
		return Impaired
	}
	switch im.Reasons[0].Symptom {
	case tiering.Blind:
		return Blind
	case tiering.Integrity:
		return Integrity
	default:
		return Impaired
	}
}
