package telemetry

import (
	"context"
	"log/slog"
	"sync"

	"github.com/VictoriaMetrics/metrics"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// report tells of sendings that fail: once when they begin to, once when they
// succeed again.
type report struct {
	log    *slog.Logger
	failed *metrics.Counter

	mu      sync.Mutex
	failing bool
}

func (s *Settings) report(signal string) *report {
	return &report{
		log:    s.Log.With("signal", signal),
		failed: s.Own.Counter("closewatch_otlp_failed_exports_total", "Sendings by OTLP that failed.", "signal", signal),
	}
}

func (r *report) outcome(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.failed.Inc()
		if !r.failing {
			r.log.Warn("telemetry cannot be sent", "err", err, "hint", "check the otlp endpoint and its headers")
		}
	case r.failing:
		r.log.Info("telemetry is sent again")
	}
	r.failing = err != nil
}

// reportedSpans keeps a span exporter's errors from the SDK's global handler.
type reportedSpans struct {
	sdktrace.SpanExporter
	report *report
}

func (r reportedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	r.report.outcome(r.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

// reportedMetrics does the same for metrics.
type reportedMetrics struct {
	sdkmetric.Exporter
	report *report
}

func (r reportedMetrics) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	r.report.outcome(r.Exporter.Export(ctx, rm))
	return nil
}
