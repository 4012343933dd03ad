package odoo

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
)

func askHealth(t *testing.T, url string) health {
	t.Helper()
	client := newClient()
	t.Cleanup(client.CloseIdleConnections)
	clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return health{
		url: url, tenant: "prod", timeout: 5 * time.Second, client: client,
		now: func() time.Time { clock = clock.Add(40 * time.Millisecond); return clock },
	}
}

func TestHealth(t *testing.T) {
	tests := map[string]struct {
		status      int
		contentType string
		body        string
		kind        fault.Kind // "" when it passes
	}{
		"passes":                      {200, "application/json", `{"status": "pass"}`, ""},
		"fails with its database":     {500, "application/json", `{"status": "fail", "db_server_status": false}`, fault.Unavailable},
		"says something else":         {200, "application/json", `{"status": "maintenance"}`, fault.Assertion},
		"HTML":                        {200, "text/html; charset=utf-8", "<!DOCTYPE html><html>login</html>", fault.Schema},
		"HTML of a database selector": {404, "text/html", "<html>", fault.Schema},
		"redirected to a login page":  {303, "text/html", "", fault.Schema},
		"other JSON":                  {200, "application/json", `{"ok": true}`, fault.Schema},
		"nothing":                     {200, "", "", fault.Schema},
		"ingress without a server":    {502, "text/plain", "Bad Gateway", fault.Unavailable},
		"kept out":                    {403, "text/plain", "Forbidden", fault.Denied},
		"an answer that does not end": {200, "text/html", strings.Repeat("<p>", 1<<20), fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.Header.Get("User-Agent"), "closewatch-probe/") || r.Host != "erp.example.com" || r.URL.Path != "/web/health" {
					t.Errorf("asked %s%s as %q", r.Host, r.URL.Path, r.Header.Get("User-Agent"))
				}
				w.Header().Set("Content-Type", tt.contentType)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer srv.Close()
			h := askHealth(t, srv.URL+"/web/health")
			h.host = "erp.example.com"
			golden := "health_down"
			if tt.kind == "" {
				golden = "health_up"
			}
			err := collectortest.Golden(t, h, golden)
			if fault.KindOf(err) != tt.kind || err != nil && fault.HintOf(err) == "" {
				t.Errorf("err = %v, want %q with a hint", err, tt.kind)
			}
		})
	}
}

func TestHealthOfAStoppedOdoo(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	if err := collectortest.Golden(t, askHealth(t, srv.URL), "health_down"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("err = %v, want unreachable", err)
	}
}

// A worker killed in mid-request closes the connection without an answer.
func TestHealthWhenTheWorkerIsKilled(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer srv.Close()
	if err := collectortest.Golden(t, askHealth(t, srv.URL), "health_down"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("err = %v, want unreachable", err)
	}
}

func TestHealthWhenAllWorkersAreBusy(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	h := askHealth(t, srv.URL)
	if err := collectortest.Deadline(t, h); fault.KindOf(err) != fault.Timeout || !strings.Contains(fault.HintOf(err), "workers") {
		t.Errorf("err = %v, want timeout that speaks of workers", err)
	}
	h.timeout = 50 * time.Millisecond
	if err := collectortest.Golden(t, h, "health_busy"); fault.KindOf(err) != fault.Timeout {
		t.Errorf("err = %v, want timeout", err)
	}
}

func TestHealthDoesNotOutliveItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := askHealth(t, "http://127.0.0.1:1").ask(ctx); err == nil {
		t.Error("answered in a context that had ended")
	}
}
