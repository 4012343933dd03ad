package app

import (
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// alertWatchdog is the name of the alert that always fires.
const alertWatchdog = "ClosewatchWatchdog"

// alerts lists all that fires at the tick.
func (a *App) alerts(t *Tick) []delivery.Alert {
	out := []delivery.Alert{a.watchdog()}
	for _, inc := range t.Incidents {
		if !inc.Open() {
			continue
		}
		for _, m := range inc.Members {
			if !m.Active() {
				continue
			}
			for _, al := range m.Alerts {
				out = append(out, a.alert(t, inc, m, al))
			}
		}
	}
	return out
}

// watchdog always fires: a receiver that stops hearing it knows that nobody is
// watching.
func (a *App) watchdog() delivery.Alert {
	return delivery.Alert{
		Labels: map[string]string{
			"alertname": alertWatchdog, "severity": "none", "environment": a.estate.Environment, "team": "finance-platform",
		},
		Annotations: map[string]string{
			"summary":     "Closewatch of " + a.estate.Metadata.Name + " is watching",
			"description": "This alert always fires. When it stops, nobody is watching the finance estate: check the daemon.",
			"runbook":     wording.RunbookFor(alertWatchdog, ""),
			"runbook_url": a.url + runbookPath(wording.RunbookFor(alertWatchdog, "")),
		},
		StartsAt: a.started.Truncate(a.tick), Heartbeat: true,
	}
}

// alert writes one alert of a member. Its labels are its identity and never
// change in its life; all that moves is in the annotations.
func (a *App) alert(t *Tick, inc *incident.Incident, m incident.Member, al incident.Alert) delivery.Alert {
	im := m.Impact
	situation := a.situation(t, inc, m)
	if situation.Tier = al.Tier.String(); al.Tier < im.Tier && m.Stands() {
		situation.Told = im.Tier.String()
	}
	page := wording.Compose(situation)
	runbook := wording.RunbookFor(al.Name, im.Process)
	annotations := map[string]string{
		"summary":      page.Title,
		"title":        page.Title,
		"description":  page.Body,
		"note":         wording.Note(situation),
		"over":         wording.Over(situation),
		"incident":     inc.ID,
		"incident_url": situation.URL,
		"reason":       reasonRows(im),
		"since":        im.Since.UTC().Format("2006-01-02T15:04:05Z"),
		"config_hash":  a.estate.Hash,
		"runbook":      runbook,
		"runbook_url":  a.url + runbookPath(runbook),
	}
	maps.Copy(annotations, page.Parts)
	if im.Key == inc.Lead {
		annotations["update"] = wording.Update(situation) // the draft of what stakeholders read
	}
	if c := causeOf(inc, im); c != nil {
		annotations["cause_component"] = c.Component
	}
	if len(im.Witnesses) > 0 {
		annotations["witness"] = strings.Join(im.Witnesses, "; ")
	}
	if im.Slack != nil {
		annotations["slack"] = wording.Duration(im.Slack.Left)
	}
	if im.Flapping {
		annotations["flapping"] = "true"
	}
	maps.Copy(annotations, t.clocks(im))
	team := "finance-platform"
	if ev, ok := t.evidenceOf(im.Key); ok && ev.Process.Team != "" {
		team = ev.Process.Team
	}
	return delivery.Alert{
		Labels: map[string]string{
			"alertname": al.Name, "process": im.Process, "entity": im.Entity, "tenant": im.Tenant,
			"environment": im.Environment, "tier": al.Tier.String(), "severity": al.Severity, "team": team,
		},
		Annotations:  annotations,
		StartsAt:     al.StartsAt,
		GeneratorURL: situation.URL,
	}
}

// runbookPath is where the pages have a runbook.
func runbookPath(name string) string { return "/runbooks/" + name }

// reasonRows names the rows of the decision table behind an impact, for
// machines.
func reasonRows(im tiering.Impact) string {
	var rows []string
	for _, r := range im.Reasons {
		if !slices.Contains(rows, r.Row) {
			rows = append(rows, r.Row)
		}
	}
	return strings.Join(rows, ",")
}
