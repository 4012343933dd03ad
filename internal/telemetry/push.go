package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/secret"
)

// A Push sends metrics to a VictoriaMetrics import URL, for estates that
// cannot be scraped.
type Push struct {
	URL      secret.Value // .../api/v1/import/prometheus; secret since it may carry a password
	Headers  map[string]secret.Value
	Interval time.Duration
	Labels   string // added to every series: `cluster="blue"`; may be empty
	Gatherer prometheus.Gatherer
	Log      *slog.Logger // required
}

// Run pushes at its interval until ctx is done. It returns an error only when
// it could never push: what fails later is logged when it begins and when it
// is over.
func (p Push) Run(ctx context.Context) error {
	u, err := url.Parse(p.URL.Reveal())
	if err != nil || u.Host == "" || p.Interval <= 0 {
		return errors.New("cannot push metrics: the URL or the interval is not valid")
	}
	turns := time.NewTicker(p.Interval)
	defer turns.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-turns.C:
		}
		err := p.push(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			p.Log.Warn("metrics cannot be pushed", "err", err, "hint", "check the push URL and its headers")
		case err == nil && failing:
			p.Log.Info("metrics are pushed again")
		}
		failing = err != nil
	}
}

// push sends everything once.
func (p Push) push(ctx context.Context) error {
	families, err := p.Gatherer.Gather()
	if err != nil {
		p.Log.Warn("metrics to be pushed are incomplete", "err", err)
	}
	var text bytes.Buffer
	if err := writeText(&text, families); err != nil {
		return err
	}
	var headers []string
	for name, v := range p.Headers {
		headers = append(headers, name+": "+v.Reveal())
	}
	ctx, cancel := context.WithTimeout(ctx, p.Interval)
	defer cancel()
	return metrics.PushMetricsExt(ctx, p.URL.Reveal(), func(w io.Writer) { _, _ = text.WriteTo(w) },
		&metrics.PushOptions{ExtraLabels: p.Labels, Headers: headers, Method: http.MethodPost})
}
