package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestRedisIsKilledPausedAndBroughtBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r, err := l.Redis(t.Context(), lab.RedisOptions{AppendOnly: true, MaxMemory: "8mb"})
	if err != nil {
		t.Fatal(err)
	}
	if got := redis(t, r.Addr, "SET session alive"); got != "+OK" {
		t.Fatalf("SET answers %q", got)
	}
	if got := redis(t, r.Addr, "CONFIG GET maxmemory"); !strings.Contains(got, "8388608") {
		t.Errorf("maxmemory = %q, want 8 MiB", got)
	}

	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	paused, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.Ready(paused); err == nil {
		t.Error("a paused Redis answers")
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context()); err != nil {
		t.Errorf("a resumed Redis: %v", err)
	}

	pid, addr := r.PID(), r.Addr
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", r.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial a killed Redis: %v, want connection refused", err)
	}
	if err := r.Pause(); err == nil {
		t.Error("a killed Redis cannot be paused")
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.PID() == pid || r.Addr != addr {
		t.Errorf("after a restart pid %d and address %s, before %d and %s", r.PID(), r.Addr, pid, addr)
	}
	if got := redis(t, r.Addr, "GET session"); !strings.Contains(got, "alive") {
		t.Errorf("after a kill GET answers %q, want the value", got)
	}
}

func TestRedisWithPasswordAndReplica(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	primary, err := l.Redis(t.Context(), lab.RedisOptions{Password: secret.New("open sesame")})
	if err != nil {
		t.Fatal(err)
	}
	if got := redis(t, primary.Addr, "GET x"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("without a password GET answers %q", got)
	}
	if got, want := primary.URL(), "redis://:open%20sesame@"+primary.Addr+"/0"; got != want {
		t.Errorf("URL() = %s, want %s", got, want)
	}
	replica, err := l.Redis(t.Context(), lab.RedisOptions{ReplicaOf: primary})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica to be in step", func() bool {
		return strings.Contains(redis(t, replica.Addr, "INFO replication"), "master_link_status:up")
	})
}

// redis sends one inline command and returns what is answered at once.
func redis(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, command+"\r\nQUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimSuffix(string(answer), "+OK\r\n"))
}

func TestAlertmanagerNotifiesTheWebhook(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hook, err := l.Webhook(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{WebhookURL: hook.URL})
	if err != nil {
		t.Fatal(err)
	}
	sent := time.Now()
	alert := map[string]any{
		"labels":      map[string]string{"alertname": "FinanceProcessImpaired", "process": "invoice-posting"},
		"annotations": map[string]string{"summary": "two runs failed"},
		"startsAt":    sent.Format(time.RFC3339Nano),
		"endsAt":      sent.Add(time.Hour).Format(time.RFC3339Nano),
	}
	post(t, am.URL+"/api/v2/alerts", []any{alert})

	alerts, err := am.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(alerts) != 1 {
		t.Fatalf("%d alerts, want the one sent", len(alerts))
	}
	a := alerts[0]
	if a.Labels["process"] != "invoice-posting" || a.Annotations["summary"] != "two runs failed" ||
		!a.StartsAt.Equal(sent.Truncate(time.Millisecond)) || !a.EndsAt.After(sent) || a.Fingerprint == "" || a.Status.State == "" {
		t.Errorf("alert = %+v, want what was sent", a)
	}

	firing, err := hook.Await(t.Context(), func(n lab.Notification) bool { return n.Status == "firing" })
	if err != nil {
		t.Fatal(err)
	}
	if firing.Arrived.Before(sent) || len(firing.Alerts) != 1 || firing.Alerts[0].Labels["process"] != "invoice-posting" {
		t.Errorf("notification = %+v", firing)
	}
	alert["endsAt"] = time.Now().Format(time.RFC3339Nano)
	post(t, am.URL+"/api/v2/alerts", []any{alert})
	resolved, err := hook.Await(t.Context(), func(n lab.Notification) bool { return n.Status == "resolved" })
	if err != nil {
		t.Fatal(err)
	}
	if !resolved.Arrived.After(firing.Arrived) || len(hook.Notifications()) != 2 {
		t.Errorf("%d notifications, the last at %v", len(hook.Notifications()), resolved.Arrived)
	}
}

func post(t *testing.T, url string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: %s", res.Status, text)
	}
}

func TestPrometheusScrapesEvaluatesAndAlerts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	am, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Prometheus(t.Context(), lab.PrometheusOptions{
		Scrape:        map[string][]string{"alertmanager": {strings.TrimPrefix(am.URL, "http://")}},
		Interval:      200 * time.Millisecond,
		Alertmanagers: []string{strings.TrimPrefix(am.URL, "http://")},
		Rules:         "groups: [{name: g, rules: [{alert: Up, expr: 'up{job=\"alertmanager\"} == 1'}]}]",
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a scraped sample", func() bool {
		return strings.Contains(fetch(t, p.URL+"/api/v1/query?query=up"), `"1"`)
	})
	eventually(t, "the alert", func() bool {
		alerts, err := am.Alerts(t.Context())
		return err == nil && len(alerts) == 1 && alerts[0].Labels["alertname"] == "Up"
	})
}

func TestIngressStandInIsStoppedAndStarted(t *testing.T) {
	t.Setenv(lab.TraefikVariable, "")
	t.Setenv("PATH", t.TempDir()) // without a Traefik
	l := newLab(t)
	in, err := l.Traefik(t.Context(), ingress(t))
	if err != nil {
		t.Fatal(err)
	}
	if !in.StandIn {
		t.Error("without a Traefik it must be the stand-in")
	}
	if got := fetch(t, in.URL+"/web"); got != "odoo" {
		t.Errorf("through the ingress: %q", got)
	}
	if got := fetch(t, in.PingURL); got != "OK" {
		t.Errorf("ping: %q", got)
	}
	if got := fetch(t, in.MetricsURL); !strings.Contains(got, `traefik_service_requests_total{code="200",method="GET",protocol="http",service="odoo@file"} 1`) {
		t.Errorf("metrics do not count the request:\n%s", got)
	}
	log, err := os.ReadFile(in.AccessLog)
	if err != nil || !strings.Contains(string(log), `"RouterName":"odoo@file"`) {
		t.Errorf("access log: %q, %v", log, err)
	}
	if err := in.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(in.URL, "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial a stopped ingress: %v, want connection refused", err)
	}
	if err := in.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, in.URL+"/web"); got != "odoo" {
		t.Errorf("after a restart: %q", got)
	}
}

// The test binary plays a Traefik that shows what it was told to serve.
func TestIngressUsesTheTraefikItIsGiven(t *testing.T) {
	t.Setenv(roleVariable, "traefik")
	t.Setenv(lab.TraefikVariable, os.Args[0])
	l := newLab(t)
	in, err := l.Traefik(t.Context(), ingress(t))
	if err != nil {
		t.Fatal(err)
	}
	if in.StandIn || !in.Running() {
		t.Errorf("stand-in %v, running %v, want the given program", in.StandIn, in.Running())
	}
	var conf struct {
		HTTP struct {
			Routers map[string]struct {
				Rule, Service           string
				EntryPoints, Middleware []string
			}
			Services map[string]struct {
				LoadBalancer struct {
					Servers     []struct{ URL string }
					HealthCheck struct{ Path, Interval string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(fetch(t, in.URL)), &conf); err != nil {
		t.Fatal(err)
	}
	router, service := conf.HTTP.Routers["odoo"], conf.HTTP.Services["odoo"].LoadBalancer
	if router.Rule != "PathPrefix(`/`)" || router.Service != "odoo" || len(router.EntryPoints) != 1 ||
		len(service.Servers) != 1 || service.HealthCheck.Interval != "1m0s" {
		t.Errorf("configuration = %+v", conf)
	}
	if err := in.Kill(); err != nil {
		t.Fatal(err)
	}
	if in.Running() {
		t.Error("a killed Traefik is not running")
	}
}

func ingress(t *testing.T) lab.TraefikOptions {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "odoo") }))
	t.Cleanup(backend.Close)
	return lab.TraefikOptions{
		Routers: []traefiksim.Router{{Name: "odoo", Service: "odoo"}},
		Services: []traefiksim.Service{{
			Name: "odoo", Servers: []string{backend.URL},
			HealthCheck: &traefiksim.HealthCheck{Path: "/web/health", Interval: time.Minute, Timeout: time.Second},
		}},
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
