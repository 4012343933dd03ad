package app

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/incident"
)

// Routes and inhibition know alerts by the names that the daemon and the rules give
// them.
func TestRoutingKnowsTheAlerts(t *testing.T) {
	p := planOf(t, "components:\n"+odoo("erp", "prod", "")+"entities: [{name: acme, tenant: prod}]\n")
	c, err := p.Routing(RoutingOptions{From: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Horizon: 90 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	of := func(name, severity, tier string) map[string]string {
		return map[string]string{"alertname": name, "severity": severity, "tier": tier, "process": "payroll", "window": "always"}
	}
	if got := c.Reached(map[string]string{"alertname": alertWatchdog, "severity": "none"}); len(got) != 1 || got[0] != routing.ToWatchdog {
		t.Errorf("the watchdog goes to %v", got)
	}
	if got := c.Reached(map[string]string{"alertname": alertSilent, "severity": incident.Ticket}); len(got) != 1 || got[0] != routing.ToTicket {
		t.Errorf("that no Alertmanager answers goes to %v", got)
	}
	for _, name := range []string{
		incident.Impaired, incident.Blind, incident.Integrity, rules.BurnFast, rules.BurnSlow, rules.Unmeasured, rules.SignalCritical, rules.SignalWarning, rules.SignalUnmeasured,
	} {
		if got := c.Reached(of(name, incident.Info, "informational")); len(got) != 1 || got[0] != routing.ToInfo {
			t.Errorf("information of %s goes to %v", name, got)
		}
	}
	signal := func(name, severity, tier string) map[string]string {
		labels := of(name, severity, tier)
		delete(labels, "process")
		return labels
	}
	for name, tt := range map[string]struct{ source, target map[string]string }{
		"an impaired process and its burn rate":       {of(incident.Impaired, incident.Ticket, "degradation"), of(rules.BurnFast, incident.Ticket, "degradation")},
		"a page and signals for information":          {of(incident.Impaired, incident.Page, "business-critical"), signal(rules.SignalWarning, incident.Info, "informational")},
		"a signal's critical state and its warning":   {signal(rules.SignalCritical, incident.Ticket, "degradation"), signal(rules.SignalWarning, incident.Info, "informational")},
		"a component that is down and what it lacks":  {signal(rules.SignalCritical, incident.Ticket, "degradation"), signal(rules.SignalUnmeasured, incident.Ticket, "degradation")},
		"a process that became worse and what it was": {of(incident.Impaired, incident.Page, "business-critical"), of(incident.Blind, incident.Ticket, "degradation")},
	} {
		if !c.Muted(tt.target, []map[string]string{tt.source}) || c.Muted(tt.source, []map[string]string{tt.target}) {
			t.Errorf("%s: the one does not mute the other, or both do", name)
		}
	}
}
