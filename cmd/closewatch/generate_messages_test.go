package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// receiversOfServices are two receivers that tell every service that the lab's
// Alertmanager knows. SERVICES and MAIL are where these listen, KEY is a file.
const receiversOfServices = `
receivers:
  - name: finance-page
    slack_configs: [{api_url_file: KEY-slack, channel: "#finance"}]
    pagerduty_configs: [{routing_key_file: KEY, url: "SERVICES/pagerduty"}]
    opsgenie_configs: [{api_key_file: KEY, api_url: "SERVICES/opsgenie/"}]
    email_configs: [{to: on-call@example.org, from: closewatch@example.org, smarthost: "MAIL", require_tls: false, hello: localhost}]
  - name: finance-ticket
    slack_configs: [{api_url_file: KEY-slack, channel: "#tickets"}]
    pagerduty_configs: [{routing_key_file: KEY, url: "SERVICES/pagerduty"}]
    opsgenie_configs: [{api_key_file: KEY, api_url: "SERVICES/opsgenie/"}]
    email_configs: [{to: tickets@example.org, from: closewatch@example.org, smarthost: "MAIL", require_tls: false, hello: localhost}]
`

// What the command writes is loaded by a real Alertmanager as it is, and what
// people receive of a page, a ticket and their end says all that the alert says.
func TestMessagesOfServices(t *testing.T) {
	got := &services{told: map[string]string{}, about: map[string]string{}}
	listening := httptest.NewServer(got)
	t.Cleanup(listening.Close)
	file := generated(t, strings.NewReplacer("SERVICES", listening.URL, "MAIL", got.mail(t)), listening.URL)
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{File: file, Args: []string{"--web.external-url=http://alertmanager.example"}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]posted{"page": pageOf("invoice-posting", "business-critical", "page"), "ticket": pageOf("e-invoicing", "degradation", "ticket")}
	for _, state := range []string{"firing", "resolved"} {
		for name, a := range all {
			if state == "resolved" {
				ended := a.StartsAt.Add(39 * time.Minute)
				a.EndsAt = &ended
			}
			postJSON(t, am.URL+"/api/v2/alerts", []posted{a})
			want := []string{}
			for _, service := range []string{"mail", "opsgenie", "pagerduty", "slack"} {
				want = append(want, strings.Join([]string{service, state, name}, " "))
			}
			got.await(t, want)
		}
	}
	words := regexp.MustCompile(`[^\p{L}\p{N}]+`)
	plain := func(text string) string { return strings.TrimSpace(words.ReplaceAllString(text, " ")) }
	for name, a := range all {
		for _, service := range []string{"mail", "opsgenie", "pagerduty", "slack"} {
			if said := plain(html.UnescapeString(got.told[service+" firing "+name])); !strings.Contains(said, plain(a.Annotations["description"])) {
				t.Errorf("%s does not hear all of the %s:\n%s", service, name, got.told[service+" firing "+name])
			}
		}
	}
	for service, raw := range map[string]string{"slack": "attachments", "mail": "text/html", "pagerduty": "summary", "opsgenie": "message"} {
		if said := got.told[service+" firing page"]; !strings.Contains(said, raw) {
			t.Errorf("what %s hears has no %s:\n%s", service, raw, said)
		}
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(got.told)) {
		fmt.Fprintf(&text, "==== %s\n%s\n", key, strings.TrimSpace(got.told[key]))
	}
	golden := filepath.Join("testdata", "messages.txt")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// generated runs the command, and has groups not wait: all else is as written.
func generated(t *testing.T, where *strings.Replacer, services string) string {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	for name, content := range map[string]string{
		"key": "word", "key-slack": services + "/slack", "receivers.yml": where.Replace(strings.ReplaceAll(receiversOfServices, "KEY", key)),
		"estate.yaml": strings.ReplaceAll(demoWho, "PASSWORD", key),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := newGenerateAlertmanager()
	var said bytes.Buffer
	cmd.SetOut(&said)
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{"-f", filepath.Join(dir, "estate.yaml"), "--receivers", filepath.Join(dir, "receivers.yml"), "-o", filepath.Join(dir, "am")})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "finance-page, finance-ticket speak by them") {
		t.Errorf("said %s", &said)
	}
	file := filepath.Join(dir, "am", "alertmanager.yml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content = regexp.MustCompile(`group_(wait|interval): \w+`).ReplaceAll(content, []byte("group_$1: 1s"))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// posted is an alert as the daemon posts it.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      *time.Time        `json:"endsAt,omitempty"`
}

// pageOf is an alert of a process in the words of the daemon.
func pageOf(name, tier, severity string) posted {
	all := process.Catalog()
	p := all[slices.IndexFunc(all, func(p process.Process) bool { return p.Name == name })]
	began := time.Date(2025, 12, 1, 13, 52, 0, 0, time.UTC)
	s := wording.Situation{
		Tier: tier, Process: p.Title, Entity: "acme", Environment: "production", Symptom: "failing", Of: 2, Entities: []string{"acme"},
		Headline: "test transaction " + name + " failed twice in a row at step post (rejected)", Because: "the outcome fails, confirmed by a second witness",
		Since: began, At: began.Add(13 * time.Minute), Stops: p.Stops, Meanwhile: p.Meanwhile, Workaround: p.Workaround, WorkaroundAfter: p.WorkaroundAfter,
		DoFirst: p.DoFirst, DoNot: p.DoNot, Team: p.Team, Owner: p.Owner, Deadline: "AP cut-off", DeadlineAt: began.Add(188 * time.Minute), DeadlineLeft: 135 * time.Minute,
		Suspected: "erp rejects <what> it is & was sent", Confidence: "high", RuledOut: []string{"db (answers)"}, ServiceTier: "A", Phase: "close of 2025-11",
		RTO: p.RecoveryIn(true).RTO, RPO: p.RecoveryIn(true).RPO, Exposure: 3 * time.Second, Budget: "62% left",
		Incident: "I-0123abcd", URL: "http://closewatch.example/incidents/I-0123abcd",
	}
	page := wording.Compose(s)
	a := posted{
		Labels: map[string]string{
			"alertname": "FinanceProcessImpaired", "process": name, "entity": "acme", "tenant": "acme", "environment": "production",
			"tier": tier, "severity": severity, "team": "finance-platform",
		},
		Annotations: map[string]string{
			"summary": page.Title, "title": page.Title, "description": page.Body, "note": wording.Note(s), "over": wording.Over(s),
			"incident_url": s.URL, "runbook_url": "http://closewatch.example/runbooks/" + name, "update": wording.Update(s),
		},
		StartsAt: began,
	}
	maps.Copy(a.Annotations, page.Parts)
	return a
}

// services speak as Slack, PagerDuty, Opsgenie and a mail server do, and keep what
// they are told last, by service, state and alert.
type services struct {
	mu    sync.Mutex
	told  map[string]string
	about map[string]string // by what a service is told to know it by again
}

func (s *services) keep(service, text, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := "firing"
	if strings.Contains(text, "over] acme") || strings.Contains(text, "/close\n") {
		state = "resolved"
	}
	about, known := s.about[key]
	switch {
	case strings.Contains(text, "[BIZ"):
		about = "page"
	case strings.Contains(text, "[DEG"):
		about = "ticket"
	case !known:
		about = "nothing that was sent"
	}
	s.about[key] = about
	s.told[strings.Join([]string{service, state, about}, " ")] = text
}

// await waits until all that is wanted has been told.
func (s *services) await(t *testing.T, want []string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		s.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(want), func(key string) bool { return s.told[key] != "" })
		told := slices.Sorted(maps.Keys(s.told))
		s.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-late:
			t.Fatalf("not told: %v; told %v", missing, told)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var hash = regexp.MustCompile(`[0-9a-f]{64}`)

// ServeHTTP takes what is posted to a service and answers as it does.
func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	service, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var is any
	if err := json.Unmarshal(body, &is); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var text bytes.Buffer
	if rest != "" {
		text.WriteString(r.Method + " " + rest + "\n")
	}
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(is) // what was decoded
	said := strings.ReplaceAll(text.String(), `\n`, "\n    ")
	if service == "slack" {
		w.WriteHeader(http.StatusOK)
	} else {
		w.WriteHeader(http.StatusAccepted)
	}
	s.keep(service, hash.ReplaceAllString(said, "HASH"), service+hash.FindString(said))
}

// mail takes mails and returns where it listens.
func (s *services) mail(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }() // whatever came, came
				if text := takeMail(textproto.NewConn(conn)); text != "" {
					s.keep("mail", text, "")
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return l.Addr().String()
}

// takeMail speaks SMTP until the other side has said its mail, and returns it in
// words.
func takeMail(c *textproto.Conn) (text string) {
	say := func(answer string) { _ = c.PrintfLine("%s", answer) } // a client that is gone reads nothing
	say("220 lab")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return text
		}
		switch verb, _, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "DATA":
			say("354 go on")
			m, err := mail.ReadMessage(c.DotReader())
			if err != nil {
				return err.Error()
			}
			text = mailWords(m)
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return text
		default:
			say("250 lab")
		}
	}
}

// mailWords are the head and the parts of a mail, without what each mail has of its
// own.
func mailWords(m *mail.Message) string {
	var b strings.Builder
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err.Error()
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\nSubject: %s\n", m.Header.Get("From"), m.Header.Get("To"), subject)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err.Error()
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return b.String()
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&b, "---- %s\n%s\n", part.Header.Get("Content-Type"), strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n")))
	}
}

// postJSON posts something that is taken.
func postJSON(t *testing.T, address string, what any) {
	t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close() // nothing is in it
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s", address, answer.Status)
	}
}
