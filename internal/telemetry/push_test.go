package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/telemetry"
)

func TestPushSendsTheExpositionAndSurvivesRefusal(t *testing.T) {
	type request struct{ method, query, auth, body string }
	requests := make(chan request)
	status := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("gzip: %v", err)
			return
		}
		b, err := io.ReadAll(zr)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		w.WriteHeader(<-status)
		requests <- request{r.Method, r.URL.RawQuery, r.Header.Get("Authorization"), string(b)}
	}))
	defer server.Close()
	own := telemetry.NewOwn()
	own.Counter("closewatch_ticks_total", "Ticks.").Add(7)
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- telemetry.Push{
			URL: secret.New(server.URL + "/api/v1/import/prometheus"), Interval: 20 * time.Millisecond, Labels: `cluster="blue"`,
			Headers:  map[string]secret.Value{"Authorization": secret.New("Bearer t0ken")},
			Gatherer: own, Log: slog.New(slog.NewTextHandler(&log, nil)),
		}.Run(ctx)
	}()
	status <- http.StatusForbidden
	<-requests
	status <- http.StatusNoContent
	got := <-requests
	status <- http.StatusNoContent
	<-requests // the outcome of the second sending has been seen
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got.method != "POST" || got.auth != "Bearer t0ken" || !strings.Contains(got.body, `closewatch_ticks_total{cluster="blue"} 7`) {
		t.Errorf("pushed %+v", got)
	}
	if l := log.String(); strings.Count(l, "cannot be pushed") != 1 || strings.Count(l, "pushed again") != 1 || strings.Contains(l, "t0ken") {
		t.Errorf("log:\n%s", l)
	}
}

func TestPushRefusesWhatCannotWork(t *testing.T) {
	for name, p := range map[string]telemetry.Push{
		"no URL":      {Interval: time.Second},
		"no interval": {URL: secret.New("http://127.0.0.1/")},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Run(t.Context()); err == nil {
				t.Error("Run returned nil")
			}
		})
	}
}
