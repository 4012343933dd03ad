package traefiksim

import (
	"context"
	"io"
	"net/http"
	"time"
)

// watch checks the backend's servers until ctx ends. The first round starts
// at once; until it is over a server counts as up and has no sample.
func (b *backend) watch(ctx context.Context, t *telemetry) {
	ticker := time.NewTicker(b.conf.HealthCheck.Interval)
	defer ticker.Stop()
	for {
		for _, s := range b.servers {
			up := b.healthy(ctx, s)
			if ctx.Err() != nil {
				return
			}
			s.down.Store(!up)
			gauge := t.serverUp.WithLabelValues(b.name, s.url.String())
			if up {
				gauge.Set(1)
			} else {
				gauge.Set(0)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (b *backend) healthy(ctx context.Context, s *server) bool {
	ctx, cancel := context.WithTimeout(ctx, b.conf.HealthCheck.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.JoinPath(b.conf.HealthCheck.Path).String(), nil)
	if err != nil {
		return false
	}
	res, err := b.transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	return res.StatusCode >= 200 && res.StatusCode < 400
}
