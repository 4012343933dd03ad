package certificate

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

func settings() Settings {
	return Settings{Component: "certificates", Environment: "test", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return march31 }}
}

// look runs a collector once, within its registry's rules.
func look(t *testing.T, c collector.Collector) (map[string]float64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a := &adapter{Collector: c, ctx: ctx}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	collectortest.Lint(t, families)
	values := map[string]float64{}
	for _, f := range families {
		collector.Flatten(f, func(s collector.Series) {
			key := s.Name
			for _, l := range s.Labels {
				if l.GetName() != "name" && s.Name != "certificate_info" {
					key += "/" + l.GetValue()
				}
			}
			values[key] = s.Value
		})
	}
	return values, a.err
}

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

// expect compares some of what was published.
func expect(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if have, there := got[name]; !there || have != v {
			t.Errorf("%s = %v (published: %v), want %v", name, have, there, v)
		}
	}
}

// absent checks that a metric is not published.
func absent(t *testing.T, got map[string]float64, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, there := got[name]; there {
			t.Errorf("%s = %v, want it absent", name, v)
		}
	}
}

// problems lists the reasons published for a source.
func problems(got map[string]float64, source string) map[reason]bool {
	out := map[reason]bool{}
	for _, r := range reasons {
		if got["certificate_problem/"+string(r)+"/"+source] == 1 {
			out[r] = true
		}
	}
	return out
}

// listen starts a server that hands each connection to talk, closes it when the
// test ends and reads what the client says until then.
func listen(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			wg.Go(func() {
				defer stop()
				defer func() { _ = conn.Close() }()
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// shaking agrees on TLS and then waits for the client to leave.
func shaking(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() == nil {
			_, _ = io.Copy(io.Discard, server)
		}
	}
}

// serve starts a server with one certificate.
func serve(t *testing.T, c tls.Certificate) string {
	t.Helper()
	return listen(t, shaking(&tls.Config{Certificates: []tls.Certificate{c}}))
}

// hear reads up to a line feed, and no further.
func hear(conn net.Conn) {
	var b [1]byte
	for {
		if _, err := conn.Read(b[:]); err != nil || b[0] == '\n' {
			return
		}
	}
}

// describe writes a metric with its labels.
func describe(t *testing.T, m prometheus.Metric) string {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return m.Desc().String() + out.String()
}
