package acceptance

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/evidence/evidencetest"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/lab/world"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// TestFromHealthyToPagedToResolved is the life of one incident on real
// servers: a healthy estate, a business outcome that breaks, one complete page,
// a restart of the daemon while it lasts, and the end of it; at last its close, and
// all of that on the dashboards.
func TestFromHealthyToPagedToResolved(t *testing.T) {
	w := shared.get(t)
	dir := t.TempDir()
	file, err := w.WriteEstate(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	data := filepath.Join(dir, "data")
	t.Cleanup(func() {
		if err := w.Clear(context.Background()); err != nil {
			t.Error(err)
		}
	})
	first := startDaemon(t, file, data)
	await(t, time.Minute, func() string { return strings.Join(first.NotYetHealthy(), "; ") })

	t.Run("pages answer", func(t *testing.T) {
		for _, path := range []string{"/", "/incidents", "/-/healthy", "/-/ready"} {
			if status, body := first.get(t, path); status != http.StatusOK {
				t.Errorf("GET %s = %d\n%s", path, status, body)
			}
		}
		if status, _ := first.get(t, "/incidents/I-00000000"); status != http.StatusNotFound {
			t.Errorf("an incident nobody knows = %d, want 404", status)
		}
	})
	t.Run("metrics are well named and placed", func(t *testing.T) { metricsAreWell(t, first) })
	t.Run("metrics of one component", func(t *testing.T) { metricsOfOneComponent(t, first) })
	t.Run("dashboards lead to pages", func(t *testing.T) { dashboardsLeadToPages(t, first) })

	if err := w.Inject(t.Context(), "posting-fails"); err != nil {
		t.Fatal(err)
	}
	var page lab.Alert
	await(t, 90*time.Second, func() (missing string) {
		page, missing = onlyPage(t, w)
		return missing
	})
	t.Run("somebody takes the incident and tells of a change", func(t *testing.T) { tellOf(t, first, dir, page) })
	t.Run("the page is complete", func(t *testing.T) { pageIsComplete(t, first, page) })
	t.Run("the incident is shown and explained", func(t *testing.T) { incidentIsExplained(t, first, page) })

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := first.Stop(ctx); err != nil {
		t.Fatalf("Stop() = %v", err)
	}

	second := startDaemon(t, file, data)
	restarted := time.Now()
	await(t, time.Minute, func() string { return stillHolds(t, second, w, page, restarted) })

	if err := w.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, 120*time.Second, func() string {
		firing, err := w.Alertmanager.Alerts(t.Context())
		if err != nil {
			return err.Error()
		}
		return describe(impaired(firing))
	})
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := w.Webhook.Await(ctx, func(n lab.Notification) bool { return has(n, page.Fingerprint, "resolved") }); err != nil {
		t.Errorf("the resolution was not told: %v", err)
	}
	if told := pagesTold(w, begin); len(told) != 1 {
		t.Errorf("pages told: %v, want one", told)
	}
	var closed web.Incident
	second.decode(t, "/api/v1/incidents/"+page.Annotations["incident"], &closed)
	if closed.Resolved.IsZero() {
		t.Errorf("the incident is not resolved: %+v", closed.IncidentSummary)
	}
	for _, flow := range []string{"invoice-posting", "bank-reconciliation"} {
		if n := passed(t, second, flow); n == 0 {
			t.Errorf("no run of %s passed: what is left proves nothing", flow)
		}
	}
	// A stop gives the run it interrupts a few seconds to clean up and leaves the
	// rest to the next start; held back, each run ends in its own time.
	second.SetProbing(false)
	t.Run("no open item is left behind", func(t *testing.T) {
		await(t, time.Minute, func() string { return left(t, w) })
	})
	if err := second.Stop(t.Context()); err != nil {
		t.Errorf("Stop() = %v", err)
	}
	t.Run("what was decided is decided again, byte for byte", func(t *testing.T) {
		again, err := app.ReplayTicks(t.Context(), app.ReplayRequest{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if !again.Identical() || again.Unread > 0 || len(again.Damage) > 0 {
			t.Errorf("%d ticks came out otherwise, first %+v; %d were not read, for %q", again.Unlike, again.First, again.Unread, again.Damage)
		}
		if again.Ticks < 20 {
			t.Errorf("%d ticks are recorded, want those of the whole test", again.Ticks)
		}
	})
	t.Run("what happened is evidence", func(t *testing.T) {
		got := evidencetest.Count(t, filepath.Join(data, "evidence"))
		for _, want := range []string{
			"system start", "system stop", "decision tier-raised", "decision tier-lowered", "alert alert-fired", "alert alert-goes-on",
			"alert alert-resolved", "acknowledgement incident-acknowledged", "change change-reported", "flow flow-ran", "access access", "calendar phase-entered",
		} {
			if got[want] == 0 {
				t.Errorf("no evidence of %q; there is %v", want, got)
			}
		}
		if got["system start"] != 2 || got["system stop"] != 2 || got["acknowledgement incident-acknowledged"] != 1 || got["change change-reported"] != 1 {
			t.Errorf("evidence is doubled or missing: %v", got)
		}
	})

	inClose(t, file, time.Now())
	third := startDaemon(t, file, data)
	third.SetProbing(false)
	t.Run("every dashboard query has an answer", func(t *testing.T) { dashboardsAreFed(t, third, begin) })
	t.Run("dashboards name what is there", func(t *testing.T) { dashboardsNameWhatIsThere(t, third) })
}

// tellOf acknowledges the page's incident, twice denied and once accepted, and
// reports a change.
func tellOf(t *testing.T, d *daemon, dir string, page lab.Alert) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(dir, world.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	take := "/api/v1/incidents/" + page.Annotations["incident"] + "/acknowledge"
	change := `{"kind": "deploy", "component": "erp", "what": "deployed revision a1b2c3"}`
	for _, tt := range []struct {
		path, body, token string
		want              int
	}{
		{take, "", "", http.StatusUnauthorized},
		{take, "", "not-the-token-0123456789-0123456789", http.StatusUnauthorized},
		{take, "", string(token), http.StatusAccepted},
		{"/api/v1/incidents/I-00000000/acknowledge", "", string(token), http.StatusNotFound},
		{"/api/v1/changes", change, string(token), http.StatusAccepted},
		{"/api/v1/changes", `{"kind": "deploy", "what": "paid 1,200.00 EUR to somebody@example.com"}`, string(token), http.StatusUnprocessableEntity},
		{"/api/v1/changes", `{"kind": "deploy", "component": "nothing", "what": "x"}`, string(token), http.StatusUnprocessableEntity},
		{"/api/v1/changes", `{"oops": 1}`, string(token), http.StatusBadRequest},
	} {
		if status, body := d.post(t, tt.path, tt.body, tt.token); status != tt.want {
			t.Errorf("POST %s %s = %d, want %d\n%s", tt.path, tt.body, status, tt.want, body)
		}
	}
	await(t, time.Minute, func() string {
		var in web.Incident
		d.decode(t, "/api/v1/incidents/"+page.Annotations["incident"], &in)
		switch {
		case in.Acknowledged.IsZero():
			return "the incident is not acknowledged"
		case len(in.Changes) != 1 || !strings.Contains(in.Changes[0].Text, "deployed revision a1b2c3"):
			return fmt.Sprintf("the incident shows the changes %v", in.Changes)
		}
		return ""
	})
}

// impaired are the alerts about processes: not the watchdog.
func impaired(alerts []lab.Alert) []lab.Alert {
	return slices.DeleteFunc(slices.Clone(alerts), func(a lab.Alert) bool { return a.Labels["alertname"] == "ClosewatchWatchdog" })
}

func describe(alerts []lab.Alert) string {
	var out []string
	for _, a := range alerts {
		out = append(out, fmt.Sprintf("%s %s %s is firing: %s", a.Labels["process"], a.Labels["tier"], a.Labels["severity"], a.Annotations["impact"]))
	}
	return strings.Join(out, "; ")
}

// onlyPage returns the page that fires, or what is there instead.
func onlyPage(t *testing.T, w *world.World) (page lab.Alert, missing string) {
	t.Helper()
	alerts, err := w.Alertmanager.Alerts(t.Context())
	if err != nil {
		return page, err.Error()
	}
	pages := slices.DeleteFunc(slices.Clone(alerts), func(a lab.Alert) bool { return a.Labels["severity"] != "page" })
	if len(pages) == 0 {
		return page, "no page; " + describe(impaired(alerts))
	}
	if len(pages) > 1 {
		t.Fatalf("%d pages: %s", len(pages), describe(pages))
	}
	return pages[0], ""
}

func pageIsComplete(t *testing.T, d *daemon, page lab.Alert) {
	want := map[string]string{
		"alertname": "FinanceProcessImpaired", "process": "invoice-posting", "entity": "acme", "tenant": odoosim.Database,
		"environment": "demo", "tier": "business-critical", "severity": "page", "team": page.Labels["team"],
	}
	if diff := cmp.Diff(want, page.Labels); diff != "" || page.Labels["team"] == "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	for _, name := range []string{
		"title", "summary", "description", "impact", "deadline", "cause", "do_first", "do_not", "workaround", "who", "why", "clocks",
		"incident", "incident_url", "reason", "witness", "config_hash",
	} {
		if strings.TrimSpace(page.Annotations[name]) == "" {
			t.Errorf("annotation %s is missing", name)
		}
	}
	if n := utf8.RuneCountInString(page.Annotations["title"]); n > wording.MaxTitle {
		t.Errorf("the title has %d characters: %s", n, page.Annotations["title"])
	}
	if n := utf8.RuneCountInString(page.Annotations["description"]); n > wording.MaxBody {
		t.Errorf("the description has %d characters:\n%s", n, page.Annotations["description"])
	}
	if !strings.Contains(page.Annotations["reason"], "failing-confirmed") {
		t.Errorf("reason = %q, want failing-confirmed", page.Annotations["reason"])
	}
	if got, want := page.Annotations["incident_url"], "http://"+d.Address()+"/incidents/"+page.Annotations["incident"]; got != want {
		t.Errorf("incident_url = %s, want %s", got, want)
	}
	t.Logf("%s\n%s", page.Annotations["title"], page.Annotations["description"])
}

func incidentIsExplained(t *testing.T, d *daemon, page lab.Alert) {
	id := page.Annotations["incident"]
	status, text := d.get(t, "/incidents/"+id)
	if status != http.StatusOK || !strings.Contains(text, id) || !strings.Contains(text, "failing-confirmed") {
		t.Errorf("GET /incidents/%s = %d, want the incident and the row that decided:\n%s", id, status, text)
	}
	var shown web.Incident
	d.decode(t, "/api/v1/incidents/"+id, &shown)
	if !shown.Open() || shown.Process != "invoice-posting" || len(shown.ImpactList) == 0 || !shown.ImpactList[0].Lead || len(shown.Runs) == 0 || len(shown.Timeline) == 0 {
		t.Errorf("the incident lacks something: %+v", shown)
	}
	var explained []app.Explanation
	d.decode(t, "/api/v1/explain?process=invoice-posting", &explained)
	if len(explained) != 1 {
		t.Fatalf("%d explanations, want one", len(explained))
	}
	x := explained[0]
	matched := slices.ContainsFunc(x.Impact.Trace, func(s tiering.Step) bool { return s.Row == "failing-confirmed" && s.Matched })
	if x.Impact.Tier != tiering.BusinessCritical || len(x.Impact.Reasons) == 0 || len(x.Impact.Witnesses) == 0 || !matched {
		t.Errorf("the explanation does not say why: %+v", x.Impact)
	}
	i := slices.IndexFunc(x.Flows, func(f app.FlowSeen) bool { return f.Flow == "invoice-posting" })
	if i < 0 || x.Flows[i].State != "failing" || x.Flows[i].Failures < 2 || x.Flows[i].Reason == "" {
		t.Errorf("the flow's evidence is not there: %+v", x.Flows)
	}
}

// stillHolds says what is missing before a restarted daemon has decided often
// enough to have paged again, had it forgotten.
func stillHolds(t *testing.T, d *daemon, w *world.World, page lab.Alert, restarted time.Time) string {
	t.Helper()
	now, missing := onlyPage(t, w)
	if missing != "" {
		t.Fatalf("after the restart: %s", missing)
	}
	if now.Fingerprint != page.Fingerprint || !now.StartsAt.Equal(page.StartsAt) || now.Annotations["incident"] != page.Annotations["incident"] {
		t.Fatalf("after the restart: %s %s since %s, want %s %s since %s", now.Annotations["incident"], now.Fingerprint, now.StartsAt,
			page.Annotations["incident"], page.Fingerprint, page.StartsAt)
	}
	if told := pagesTold(w, page.StartsAt); len(told) != 1 {
		t.Fatalf("pages told: %v, want one", told)
	}
	if now.Annotations["incident_url"] == page.Annotations["incident_url"] {
		return "the new daemon has not sent the alert yet"
	}
	var o web.Overview
	d.decode(t, "/api/v1/overview", &o)
	about := slices.DeleteFunc(o.Incidents, func(i web.IncidentSummary) bool { return i.Process != "invoice-posting" })
	if !o.AsOf.IsZero() && (len(about) != 1 || about[0].ID != page.Annotations["incident"]) {
		t.Fatalf("incidents of invoice posting after the restart: %+v, want %s alone", about, page.Annotations["incident"])
	}
	var x []app.Explanation
	d.decode(t, "/api/v1/explain?process=invoice-posting", &x)
	if x[0].Flows == nil || x[0].Flows[0].Failures < 2 {
		return "the new daemon has not seen the flow fail twice"
	}
	if o.AsOf.Sub(restarted) < 15*time.Second {
		return "it has not decided for 15 s"
	}
	return ""
}

// pagesTold lists the pages a receiver was told of: an alert with one start is
// one, however often its group is sent.
func pagesTold(w *world.World, since time.Time) []string {
	told := map[string]bool{}
	for _, n := range w.Webhook.Notifications() {
		for _, a := range n.Alerts {
			if a.Labels["severity"] == "page" && !a.StartsAt.Before(since) {
				told[a.Labels["process"]+" "+a.Fingerprint+" "+a.StartsAt.UTC().Format(time.RFC3339Nano)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(told))
}

func has(n lab.Notification, fingerprint, status string) bool {
	return slices.ContainsFunc(n.Alerts, func(a lab.NotificationAlert) bool { return a.Fingerprint == fingerprint && a.Status == status })
}

func families(t *testing.T, d *daemon, path string) map[string]*dto.MetricFamily {
	t.Helper()
	status, text := d.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s = %d\n%s", path, status, text)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	out, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// passed counts the runs of a flow that posted and passed.
func passed(t *testing.T, d *daemon, flow string) (n float64) {
	t.Helper()
	if mf := families(t, d, "/metrics")["closewatch_probe_runs_total"]; mf != nil {
		for _, m := range mf.Metric {
			if label(m, "flow") == flow && label(m, "level") == "L3" && label(m, "outcome") == "passed" {
				n += m.Counter.GetValue()
			}
		}
	}
	return n
}

func metricsAreWell(t *testing.T, d *daemon) {
	all := families(t, d, "/metrics")
	collectortest.Lint(t, slices.Collect(maps.Values(all)))
	for name, mf := range all {
		for _, m := range mf.Metric {
			if label(m, "environment") == "" || label(m, "component") == "" && !strings.HasPrefix(name, "closewatch_") {
				t.Errorf("%s lacks environment or component: %v", name, m.Label)
			}
		}
	}
	for _, name := range []string{"closewatch_impact_tier", "closewatch_recovery_copy_exposure_seconds", "closewatch_postings_at_risk", "closewatch_ticks_total", "pg_up", "redis_up", "traefik_up", "odoo_up", "closewatch_probe_runs_total", "go_goroutines", "process_start_time_seconds"} {
		if all[name] == nil {
			t.Errorf("%s is not published", name)
		}
	}
}

func metricsOfOneComponent(t *testing.T, d *daemon) {
	of := families(t, d, "/metrics?component=db")
	if of["pg_up"] == nil {
		t.Error("pg_up is not there")
	}
	for name, mf := range of {
		for _, m := range mf.Metric {
			if got := label(m, "component"); got != "db" {
				t.Errorf("%s is of component %q", name, got)
			}
		}
	}
	if status, text := d.get(t, "/metrics?component=nobody"); status != http.StatusNotFound || !strings.Contains(text, "there is no component nobody") {
		t.Errorf("a component nobody declared: %d %s", status, text)
	}
}

// left says what the books of the synthetic company still hold: a draft, or
// something posted that is open.
func left(t *testing.T, w *world.World) string {
	const sql = `SELECT concat_ws(', ',
		(SELECT 'drafts: '          || count(*) FROM account_move WHERE company_id = %[1]d AND state = 'draft' HAVING count(*) > 0),
		(SELECT 'open items: '      || count(*) FROM account_move_line WHERE company_id = %[1]d AND parent_state = 'posted' AND amount_residual <> 0 HAVING count(*) > 0),
		(SELECT 'open bank lines: ' || count(*) FROM account_bank_statement_line l JOIN account_move m ON m.id = l.move_id
		  WHERE m.company_id = %[1]d AND NOT l.is_reconciled HAVING count(*) > 0))`
	got, err := w.Database.Value(t.Context(), "postgres", odoosim.Database, fmt.Sprintf(sql, odoosim.SyntheticCompany))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
