package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/telemetry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

// receiver is an OTLP receiver that keeps what it was sent.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	status  int // answered when not 0
	headers http.Header
	spans   []*collectortrace.ExportTraceServiceRequest
	points  []*collectormetrics.ExportMetricsServiceRequest
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body := req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(req.Body); err != nil {
				t.Errorf("gzip: %v", err)
				return
			}
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		r.take(t, w, req, b)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(t *testing.T, w http.ResponseWriter, req *http.Request, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers = req.Header
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	var err error
	switch req.URL.Path {
	case "/v1/traces":
		m := &collectortrace.ExportTraceServiceRequest{}
		err = proto.Unmarshal(body, m)
		r.spans = append(r.spans, m)
	case "/v1/metrics":
		m := &collectormetrics.ExportMetricsServiceRequest{}
		err = proto.Unmarshal(body, m)
		r.points = append(r.points, m)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err != nil {
		t.Errorf("%s: %v", req.URL.Path, err)
	}
}

func TestTracesAndMetricsReachTheReceiver(t *testing.T) {
	r := newReceiver(t)
	own := telemetry.NewOwn()
	own.Counter("closewatch_ticks_total", "Ticks.").Add(7)
	own.Histogram("closewatch_tick_duration_seconds", "Duration.").Update(0.002)
	tel := start(t, telemetry.Settings{
		OTLP:    telemetry.OTLP{Endpoint: r.URL + "/", Headers: map[string]secret.Value{"Authorization": secret.New("Bearer t0ken")}},
		Version: "1.2.3", Instance: "a", Gatherer: own, Own: own,
	})
	_, span := tel.Tracer("flows").Start(t.Context(), "invoice-posting")
	id := span.SpanContext().TraceID().String()
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) != 1 || len(r.points) != 1 {
		t.Fatalf("%d trace and %d metric requests, want 1 and 1", len(r.spans), len(r.points))
	}
	sent := r.spans[0].ResourceSpans[0]
	got := sent.ScopeSpans[0].Spans[0]
	if got.Name != "invoice-posting" || hex.EncodeToString(got.TraceId) != id {
		t.Errorf("span %q of trace %x, want invoice-posting of %s", got.Name, got.TraceId, id)
	}
	attributes := map[string]string{}
	for _, a := range sent.Resource.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	want := map[string]string{"service.name": "closewatch", "service.version": "1.2.3", "service.instance.id": "a"}
	if diff := cmp.Diff(want, attributes); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if r.headers.Get("Authorization") != "Bearer t0ken" {
		t.Errorf("headers: %v", r.headers)
	}
	points := map[string]*metricspb.Metric{}
	for _, m := range r.points[0].ResourceMetrics[0].ScopeMetrics[0].Metrics {
		points[m.Name] = m
	}
	if s := points["closewatch_ticks_total"].GetSum(); s == nil || !s.IsMonotonic || s.DataPoints[0].GetAsDouble() != 7 {
		t.Errorf("counter: %v", points["closewatch_ticks_total"])
	}
	if h := points["closewatch_tick_duration_seconds"].GetHistogram(); h == nil || h.DataPoints[0].Count != 1 {
		t.Errorf("histogram: %v", points["closewatch_tick_duration_seconds"])
	}
}

func start(t *testing.T, s telemetry.Settings) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func TestEndpointFromTheEnvironment(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	tel := start(t, telemetry.Settings{Getenv: func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL}[name]
	}})
	_, span := tel.Tracer("flows").Start(t.Context(), "login")
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.spans) != 1 {
		t.Errorf("%d requests, want 1", len(r.spans))
	}
}

func TestWithoutAnEndpointIdsAreValidAndNothingIsSent(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL) // not the program's: Getenv is nil
	tel := start(t, telemetry.Settings{Gatherer: telemetry.NewOwn()})
	ctx, span := tel.Tracer("flows").Start(t.Context(), "login")
	if !span.SpanContext().IsValid() {
		t.Error("span context is not valid")
	}
	carrier := propagation.MapCarrier{}
	tel.Propagator().Inject(ctx, carrier)
	if got := carrier["traceparent"]; !strings.Contains(got, span.SpanContext().TraceID().String()) {
		t.Errorf("traceparent = %q, want trace %v", got, span.SpanContext().TraceID())
	}
	span.End()
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if len(r.spans)+len(r.points) != 0 {
		t.Error("something was sent")
	}
}

func TestRefusedSendingsAreLoggedOnceAndCounted(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusUnauthorized
	var log bytes.Buffer
	own := telemetry.NewOwn()
	tel := start(t, telemetry.Settings{
		OTLP: telemetry.OTLP{Endpoint: r.URL, Headers: map[string]secret.Value{"Authorization": secret.New("Bearer t0ken")}},
		Own:  own, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 2 {
		_, span := tel.Tracer("flows").Start(t.Context(), "login")
		span.End()
		if err := tel.TracerProvider().(interface{ ForceFlush(context.Context) error }).ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := own.Counter("closewatch_otlp_failed_exports_total", "", "signal", "traces").Get(); got != 2 {
		t.Errorf("%d failures counted, want 2", got)
	}
	if n := strings.Count(log.String(), "telemetry cannot be sent"); n != 1 || strings.Contains(log.String(), "t0ken") {
		t.Errorf("told %d times, want once and without the secret:\n%s", n, &log)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	tel := start(t, telemetry.Settings{OTLP: telemetry.OTLP{Endpoint: silent.URL}, Gatherer: telemetry.NewOwn()})
	_, span := tel.Tracer("flows").Start(t.Context(), "login")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_ = tel.Shutdown(ctx) // whether it could send is not the question
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		section estate.Validator
		want    []string
	}{
		"default log":      {&telemetry.Log{Format: "text", Level: "info"}, nil},
		"log mistakes":     {&telemetry.Log{Format: "xml", Level: "loud"}, []string{"format", "level"}},
		"no endpoint":      {&telemetry.OTLP{}, nil},
		"endpoint":         {&telemetry.OTLP{Endpoint: "http://127.0.0.1:4318"}, nil},
		"endpoint of gRPC": {&telemetry.OTLP{Endpoint: "127.0.0.1:4317", Interval: -1}, []string{"endpoint", "interval"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range tt.section.Validate() {
				got = append(got, p.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogFormats(t *testing.T) {
	for format, want := range map[string]string{"text": "level=WARN msg=hello", "json": `"level":"WARN","msg":"hello"`} {
		var b bytes.Buffer
		log := telemetry.NewLog(&b, telemetry.Log{Format: format, Level: "warn"})
		log.Info("quiet")
		log.Warn("hello")
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "quiet") {
			t.Errorf("%s: %q, want only %q", format, got, want)
		}
	}
}
