package messages_test

import (
	"fmt"
	"html"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/alerts/messages"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// began is when the alerts of the tests fire from; what is over ended in the past
// of whoever runs them.
var began = time.Date(2025, 12, 1, 13, 52, 0, 0, time.UTC)

// engine is Alertmanager's own, with its own templates and ours.
func engine(t *testing.T) *template.Template {
	t.Helper()
	e, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range messages.Files() {
		if err := e.Parse(strings.NewReader(f.Content)); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	if e.ExternalURL, err = url.Parse("http://alertmanager.example:9093"); err != nil {
		t.Fatal(err)
	}
	return e
}

// fired is an alert of a process as the daemon writes it.
func fired(name, tier, severity string, change ...func(*wording.Situation)) *alert.Alert {
	all := process.Catalog()
	p := all[slices.IndexFunc(all, func(p process.Process) bool { return p.Name == name })]
	at := began.Add(13 * time.Minute)
	s := wording.Situation{
		Tier: tier, Process: p.Title, Entity: "acme-uk", Environment: "production", Symptom: "failing", Of: 5, Entities: []string{"acme-uk", "acme-ie"},
		Headline: "test transaction " + name + " failed twice in a row at step post (rejected)", Because: "the outcome fails, confirmed by a second witness",
		Since: began, At: at, Stops: p.Stops, Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
		DoFirst: p.DoFirst, DoNot: p.DoNot, Team: p.Team, Owner: p.Owner, Vendor: p.Vendor,
		Deadline: "AP cut-off", DeadlineAt: at.Add(175 * time.Minute), DeadlineLeft: 135 * time.Minute,
		Suspected: "db does not answer", Confidence: "high", RuledOut: []string{"ingress (answers)"}, ServiceTier: "A", Phase: "close of 2025-11",
		RTO: p.RecoveryIn(true).RTO, RPO: p.RecoveryIn(true).RPO, Exposure: 3 * time.Second, Budget: "62% left",
		Incident: "I-0123abcd", URL: "http://closewatch.example/incidents/I-0123abcd",
	}
	for _, c := range change {
		c(&s)
	}
	page := wording.Compose(s)
	a := &alert.Alert{Alert: model.Alert{
		Labels: model.LabelSet{
			"alertname": "FinanceProcessImpaired", "process": model.LabelValue(name), "entity": "acme-uk", "tenant": "prod", "environment": "production",
			"tier": model.LabelValue(tier), "severity": model.LabelValue(severity), "team": model.LabelValue(p.Team),
		},
		Annotations: model.LabelSet{
			"summary": model.LabelValue(page.Title), "title": model.LabelValue(page.Title), "description": model.LabelValue(page.Body),
			"note": model.LabelValue(wording.Note(s)), "over": model.LabelValue(wording.Over(s)), "incident_url": model.LabelValue(s.URL),
			"runbook_url": model.LabelValue("http://closewatch.example/runbooks/" + name),
		},
		StartsAt: began, EndsAt: time.Now().Add(time.Hour), GeneratorURL: s.URL,
	}}
	for name, text := range page.Parts {
		a.Annotations[model.LabelName(name)] = model.LabelValue(text)
	}
	if severity == "page" {
		a.Annotations["update"] = model.LabelValue(wording.Update(s))
	}
	return a
}

func works(s *wording.Situation) { s.Works = began.Add(9 * time.Minute) }

func over(a *alert.Alert) *alert.Alert {
	a.EndsAt = began.Add(39 * time.Minute)
	return a
}

// hostile is text from outside that would be a link, a mention and markup.
const hostile = `<!channel> <http://evil.example|Click> [here](http://evil.example) <script>alert(1)</script> {{ .ExternalURL }} & *so*`

func hostileText(s *wording.Situation) {
	s.Headline, s.Suspected, s.Process = hostile, hostile, "Posting "+hostile
}

// groups are messages by their situation.
func groups() map[string][]*alert.Alert {
	foreign := &alert.Alert{Alert: model.Alert{
		Labels:      model.LabelSet{"alertname": "FinanceErrorBudgetBurnFast", "process": "reporting", "severity": "ticket", "tier": "degradation"},
		Annotations: model.LabelSet{"summary": "Financial reporting fails too often for users", "description": "12 bad events lately.\nLook at its incidents first."},
		StartsAt:    began, EndsAt: time.Now().Add(time.Hour),
	}}
	watchdog := &alert.Alert{Alert: model.Alert{
		Labels:      model.LabelSet{"alertname": "ClosewatchWatchdog", "severity": "none"},
		Annotations: model.LabelSet{"summary": "Closewatch of acme is watching", "description": "This alert always fires."},
		StartsAt:    began, EndsAt: time.Now().Add(time.Hour),
	}}
	return map[string][]*alert.Alert{
		"page":          {fired("invoice-posting", "business-critical", "page")},
		"page_over":     {over(fired("invoice-posting", "business-critical", "page", works))},
		"ticket":        {fired("e-invoicing", "degradation", "ticket")},
		"ticket_over":   {over(fired("e-invoicing", "degradation", "ticket"))},
		"notes":         {fired("reporting", "informational", "info"), fired("procurement", "informational", "info")},
		"note_over":     {over(fired("reporting", "informational", "info", works))},
		"grouped":       {fired("reporting", "informational", "info"), over(fired("procurement", "degradation", "ticket")), fired("bank-feed", "degradation", "ticket"), fired("payroll", "business-critical", "page")},
		"all_over":      {over(fired("bank-feed", "degradation", "ticket")), over(fired("payroll", "business-critical", "page", works))},
		"of_rules":      {foreign},
		"watchdog":      {watchdog},
		"hostile_texts": {fired("invoice-posting", "business-critical", "page", hostileText)},
	}
}

// written is all that a receiver of a sort is told of a group, field by field.
func written(t *testing.T, e *template.Template, r messages.Receiver, alerts []*alert.Alert) map[string]string {
	t.Helper()
	data := e.Data("on-call", model.LabelSet{}, model.LabelSet{}, "", alerts...)
	out := map[string]string{}
	for _, f := range r.Fields {
		expand := e.ExecuteTextString
		if f.Name == "html" {
			expand = e.ExecuteHTMLString
		}
		text, err := expand(f.Text, data)
		if err != nil {
			t.Fatalf("%s, %s: %v", r.Config, f.Name, err)
		}
		out[f.Name] = text
	}
	return out
}

func TestMessages(t *testing.T) {
	e := engine(t)
	for name, alerts := range groups() {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, r := range messages.Receivers() {
				fmt.Fprintf(&b, "==== %s\n", r.Config)
				said := written(t, e, r, alerts)
				for _, field := range slices.Sorted(maps.Keys(said)) {
					fmt.Fprintf(&b, "---- %s\n%s\n", field, said[field])
				}
			}
			golden(t, name+".txt", b.String())
		})
	}
}

// golden compares with a file below testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}

// A page is whole in every receiver that has room for it: no section of it is
// left out on the way.
func TestAPageArrivesWhole(t *testing.T) {
	e := engine(t)
	a := fired("invoice-posting", "business-critical", "page")
	plain := regexp.MustCompile(`[^\p{L}\p{N}]+`)
	words := func(text string) string { return plain.ReplaceAllString(html.UnescapeString(text), " ") }
	field := map[string]string{"slack_configs": "text", "msteamsv2_configs": "text", "email_configs": "html", "pagerduty_configs": "What", "opsgenie_configs": "description"}
	for _, r := range messages.Receivers() {
		said := words(written(t, e, r, []*alert.Alert{a})[field[r.Config]])
		for _, part := range []string{"impact", "deadline", "cause", "do_first", "do_not", "workaround", "who", "why", "clocks"} {
			if text := words(string(a.Annotations[model.LabelName(part)])); text == "" || !strings.Contains(said, strings.TrimSpace(text)) {
				t.Errorf("%s: the page's %s is not in %s", r.Config, part, said)
			}
		}
	}
}

// What others wrote mentions nobody, is no markup and hides no address.
func TestWhatOthersWroteIsOnlyText(t *testing.T) {
	e := engine(t)
	forbidden := map[string][]string{
		"slack_configs":      {"<!channel>", "<http://evil", "<script"},
		"msteamsv2_configs":  {"[here](", " <script", " *so*"},
		"email_configs html": {"<script", "<http"},
	}
	for _, r := range messages.Receivers() {
		for field, text := range written(t, e, r, groups()["hostile_texts"]) {
			for _, bad := range slices.Concat(forbidden[r.Config], forbidden[r.Config+" "+field]) {
				if strings.Contains(text, bad) {
					t.Errorf("%s: %s has %q:\n%s", r.Config, field, bad, text)
				}
			}
			if strings.Contains(text, "alert(1)") && !strings.Contains(text, "{{ .ExternalURL }}") && r.Config != "msteamsv2_configs" {
				t.Errorf("%s: %s expands what others wrote:\n%s", r.Config, field, text)
			}
		}
	}
}

// limits are what services take of a field, in bytes, and of all fields together.
//   - Slack cuts a title at 1,024 characters (as Alertmanager does) and the text
//     of an attachment at 8,000.
//   - Teams refuses cards of more than 28 kB.
//   - PagerDuty: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
//   - Opsgenie: https://docs.opsgenie.com/docs/alert-api
//   - A line of a mail's head has at most 998 characters (RFC 5322).
var limits = map[string]map[string]int{
	"slack_configs":     {"title": 1024, "fallback": 1024, "text": 8000, "title_link": 2000, "color": 7},
	"msteamsv2_configs": {"": 28 << 10},
	"email_configs":     {"Subject": 998 - len("Subject: ")},
	"pagerduty_configs": {"description": 1024, "": 512_000},
	"opsgenie_configs":  {"message": 130, "description": 15_000, "entity": 512, "source": 100, "details": 8000},
}

// Whatever is told, and of however many alerts: it is within the limits, and a title is
// one line.
func TestMessagesFit(t *testing.T) {
	e := engine(t)
	all := groups()
	for i := range 60 {
		a := fired("invoice-posting", "business-critical", "page", hostileText, func(s *wording.Situation) {
			s.Headline, s.DoFirst = strings.Repeat(hostile, 20), []string{strings.Repeat("step ", 300)}
		})
		a.Labels["process"], a.Labels["environment"] = model.LabelValue(strings.Repeat("long,", 60)), "everywhere"
		a.Labels["entity"] = model.LabelValue(fmt.Sprint("entity-", i))
		if i%3 == 0 {
			a = over(a)
		}
		all["crowd"] = append(all["crowd"], a)
	}
	for name, alerts := range all {
		for _, r := range messages.Receivers() {
			said, whole := written(t, e, r, alerts), map[string]int{}
			for _, f := range r.Fields {
				text := said[f.Name]
				whole[""] += len(text)
				whole[f.In] += len(f.Name) + len(text)
				if most, is := limits[r.Config][f.Name]; is && len(text) > most {
					t.Errorf("%s, %s: %s has %d bytes, %d are taken:\n%s", name, r.Config, f.Name, len(text), most, text)
				}
				if title := slices.Contains([]string{"title", "fallback", "message", "Subject"}, f.Name); title && (text == "" || strings.Contains(text, "\n")) {
					t.Errorf("%s, %s: %s is not one line: %q", name, r.Config, f.Name, text)
				}
			}
			for in, most := range limits[r.Config] {
				if whole[in] > most {
					t.Errorf("%s, %s: %d bytes of %q, %d are taken", name, r.Config, whole[in], in, most)
				}
			}
			for tag := range strings.SplitSeq(said["tags"], ",") {
				if len(tag) > 50 {
					t.Errorf("%s: tag %q has %d characters", name, tag, len(tag))
				}
			}
		}
	}
}
