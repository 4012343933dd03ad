package incident

import (
	"iter"
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
	for mem := range inc.pagedLast() {
		if mem.Active() && (mem.Quiet.IsZero() || mem.Remains) {
			m.alert(at, inc, mem)
		}
	}
}

// pages reports whether an alert of a tier or a higher one is paged.
func (i *Incident) pages(t tiering.Tier) bool {
	return slices.ContainsFunc(i.Members, func(m Member) bool {
		return slices.ContainsFunc(m.Alerts, func(a Alert) bool { return a.Severity == Page && a.Tier >= t })
	})
}

// needs reports whether an alert is a page that the incident still needs: one of
// its tier fires that nobody is paged for but by it. Resolved, the page would say
// that all is well.
func (i *Incident) needs(a Alert) bool {
	return a.Severity == Page && slices.ContainsFunc(i.Members, func(m Member) bool {
		return slices.ContainsFunc(m.Alerts, func(other Alert) bool { return other.Severity != Page && other.Tier >= a.Tier })
	})
}

// pagedLast goes through the members, those that are paged after those that need
// their pages.
func (i *Incident) pagedLast() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		for _, paged := range []bool{false, true} {
			for n := range i.Members {
				if m := &i.Members[n]; m.paged() == paged && !yield(m) {
					return
				}
			}
		}
	}
}

func (m *Member) paged() bool {
	return slices.ContainsFunc(m.Alerts, func(a Alert) bool { return a.Severity == Page })
}

func (m *Manager) alert(at time.Time, inc *Incident, mem *Member) {
	tier, isLead := mem.Impact.Tier, mem.Impact.Key == inc.Lead
	mem.Alerts = slices.DeleteFunc(mem.Alerts, func(a Alert) bool {
		return a.Tier > tier && !inc.needs(a) && (mem.Remains || !a.Eased.IsZero() && at.Sub(a.Eased) >= m.settings.Settle || m.settings.Settle <= 0)
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
	if tier == tiering.BusinessCritical && isLead && !inc.pages(tier) {
		severity = Page
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
