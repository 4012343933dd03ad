package main

import (
	"context"
	"net/http"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// A peer is a measured exporter.
type peer struct {
	key    string // in the last line
	name   string
	each   cost // of one scrape
	series int
	memory float64 // megabytes
}

// measurePeers measures the exporters, one after another. The one for PostgreSQL
// that Debian has cannot be asked about one database of many in a scrape (that
// came with version 0.12), but can find them all.
func (s *servers) measurePeers(ctx context.Context, l *lab.Lab) ([]peer, error) {
	dsn := secret.New(s.postgres.DSN(peerRole, "odoo1"))
	startPostgres := func(args ...string) func() (*lab.Endpoint, error) {
		return func() (*lab.Endpoint, error) { return l.PostgresExporter(ctx, dsn, args...) }
	}
	statements := func(ctx context.Context) (float64, error) { return s.statements(ctx, peerRole) }
	postgres := watched{name: "postgres", server: s.postgres.Server, statements: statements, logins: s.logins}
	var peers []peer
	for _, p := range []struct {
		key, name string
		start     func() (*lab.Endpoint, error)
		of        watched
		pace      pace
	}{
		{"pge", "prometheus-postgres-exporter, one database", startPostgres(), postgres, pace{warmUp: 3, runs: 40}},
		{"pge_all", "prometheus-postgres-exporter, all databases", startPostgres("--auto-discover-databases"), postgres, pace{warmUp: 3, runs: 20}},
		{"rexp", "prometheus-redis-exporter", func() (*lab.Endpoint, error) { return l.RedisExporter(ctx, s.redis) }, watched{name: "redis", server: s.redis.Server}, pace{warmUp: 3, runs: 200}},
	} {
		e, err := p.start()
		if err != nil {
			return nil, err
		}
		if err := p.of.measureIdle(ctx); err != nil {
			return nil, err
		}
		measured, err := measurePeer(ctx, e, p.of, p.pace)
		if err != nil {
			return nil, err
		}
		measured.key, measured.name = p.key, p.name
		say("%s: %.2f ms of its own and %.2f ms of the server's for a scrape", p.name, measured.each.own, measured.each.server)
		peers = append(peers, measured)
	}
	return peers, nil
}

// measurePeer scrapes an exporter and stops it.
func measurePeer(ctx context.Context, e *lab.Endpoint, of watched, scrapes pace) (p peer, err error) {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var begin marks
	var before time.Duration
	for n := range scrapes.warmUp + scrapes.runs {
		if n == scrapes.warmUp {
			if begin, err = of.begin(ctx); err != nil {
				return p, err
			}
			if before, err = e.CPU(); err != nil {
				return p, err
			}
		}
		body, _, err := scrape(ctx, client, e.URL)
		if err != nil {
			return p, err
		}
		p.series = seriesIn(body)
	}
	own, err := e.CPU()
	if err != nil {
		return p, err
	}
	used, _, err := of.since(ctx, begin)
	if err != nil {
		return p, err
	}
	used.own = milliseconds(own - before)
	p.each = used.times(1 / float64(scrapes.runs))
	memory, err := e.Memory()
	if err != nil {
		return p, err
	}
	p.memory = float64(memory) / 1e6
	return p, e.Stop(ctx)
}
