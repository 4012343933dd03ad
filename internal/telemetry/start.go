package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Settings are what Start needs from its program.
type Settings struct {
	OTLP     OTLP
	Version  string
	Instance string // which replica: service.instance.id; may be empty
	// Gatherer is what is sent as OTLP metrics; nil sends none.
	Gatherer prometheus.Gatherer
	Own      *Own         // counts what could not be sent; nil counts nothing
	Log      *slog.Logger // nil discards
	// Getenv reads the environment; nil reads nothing. When Endpoint is empty
	// and it has OTEL_EXPORTER_OTLP_ENDPOINT, that is where everything is sent,
	// and the other OTEL_EXPORTER_OTLP_* variables apply as they are defined.
	Getenv func(string) string
}

// Bounds of what exporters may take.
const (
	defaultInterval = time.Minute
	sendTimeout     = 10 * time.Second
	maxQueuedSpans  = 2048
	shutdownTimeout = 3 * time.Second
)

// Telemetry is the running export. Its Tracer and Propagator work whether or
// not anything is sent.
type Telemetry struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider // nil when metrics are not sent
}

// Start starts what is configured and returns at once: an endpoint that does
// not answer is no error.
func Start(ctx context.Context, s Settings) (*Telemetry, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Own == nil {
		s.Own = NewOwn()
	}
	if s.OTLP.Interval == 0 {
		s.OTLP.SetDefaults()
	}
	traceOptions := []sdktrace.TracerProviderOption{sdktrace.WithResource(s.resource())}
	if !s.sends() {
		return &Telemetry{traces: sdktrace.NewTracerProvider(traceOptions...)}, nil
	}
	spans, err := otlptracehttp.New(ctx, s.traceOptions()...)
	if err != nil {
		return nil, fmt.Errorf("cannot set up the sending of traces: %w", err)
	}
	t := &Telemetry{traces: sdktrace.NewTracerProvider(append(traceOptions,
		sdktrace.WithBatcher(reportedSpans{spans, s.report("traces")}, sdktrace.WithMaxQueueSize(maxQueuedSpans), sdktrace.WithExportTimeout(sendTimeout)))...)}
	if s.Gatherer == nil {
		return t, nil
	}
	points, err := otlpmetrichttp.New(ctx, s.metricOptions()...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot set up the sending of metrics: %w", err), t.Shutdown(ctx))
	}
	t.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithResource(s.resource()), sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(reportedMetrics{points, s.report("metrics")},
			sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(s.Gatherer))),
			sdkmetric.WithInterval(s.OTLP.Interval.D()), sdkmetric.WithTimeout(sendTimeout)),
	))
	return t, nil
}

// sends reports whether anything is to be sent.
func (s *Settings) sends() bool {
	return s.OTLP.Endpoint != "" || s.Getenv != nil && s.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

func (s *Settings) resource() *resource.Resource {
	attributes := []attribute.KeyValue{attribute.String("service.name", "closewatch"), attribute.String("service.version", s.Version)}
	if s.Instance != "" {
		attributes = append(attributes, attribute.String("service.instance.id", s.Instance))
	}
	return resource.NewSchemaless(attributes...)
}

func (s *Settings) traceOptions() []otlptracehttp.Option {
	options := []otlptracehttp.Option{otlptracehttp.WithTimeout(sendTimeout), otlptracehttp.WithCompression(otlptracehttp.GzipCompression)}
	if s.OTLP.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(s.OTLP.path("traces")), otlptracehttp.WithHeaders(s.OTLP.headers()))
	}
	return options
}

func (s *Settings) metricOptions() []otlpmetrichttp.Option {
	options := []otlpmetrichttp.Option{otlpmetrichttp.WithTimeout(sendTimeout), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression)}
	if s.OTLP.Endpoint != "" {
		options = append(options, otlpmetrichttp.WithEndpointURL(s.OTLP.path("metrics")), otlpmetrichttp.WithHeaders(s.OTLP.headers()))
	}
	return options
}

// Tracer returns the tracer of a part of the program.
func (t *Telemetry) Tracer(name string) trace.Tracer { return t.traces.Tracer(name) }

// TracerProvider returns the provider, for libraries that want one.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.traces }

// Propagator writes W3C traceparent headers.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return propagation.TraceContext{} }

// Shutdown sends what is left and stops, within ctx and at most three seconds.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	var wg sync.WaitGroup
	var traces, points error
	wg.Go(func() { traces = t.traces.Shutdown(ctx) })
	if t.metrics != nil {
		wg.Go(func() { points = t.metrics.Shutdown(ctx) })
	}
	wg.Wait()
	return errors.Join(traces, points)
}
