package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	up = prometheus.NewDesc("pg_up",
		"Whether the PostgreSQL server that a client would get answers.", nil, nil)
	static = prometheus.NewDesc("pg_static",
		"Version of the server, as labels.", []string{"server", "short_version", "version"}, nil)
	isReplica = prometheus.NewDesc("pg_replication_is_replica",
		"Whether the server is in recovery, hence accepts no writes.", nil, nil)
	timelineID = prometheus.NewDesc("pg_timeline_id",
		"Timeline of the server; it grows by a promotion.", nil, nil)
	startTime = prometheus.NewDesc("pg_postmaster_start_time_seconds",
		"When the server process started, in seconds since 1970.", nil, nil)
	serverTime = prometheus.NewDesc("pg_server_timestamp_seconds",
		"The server's own time when it last answered.", nil, nil)
	clockOffset = prometheus.NewDesc("pg_server_clock_offset_seconds",
		"The server's time minus that of the daemon; positive when the server is ahead.", nil, nil)
	primaries = prometheus.NewDesc("pg_primaries",
		"Servers of the cluster that accept writes: more than one is split brain.", nil, nil)
	standbyUp = prometheus.NewDesc("pg_standby_up",
		"Whether a declared standby answers.", []string{"standby"}, nil)
)

// Server publishes who answers and in which role. It reads memory, never a
// server.
type Server struct{ View func() View }

// Describe implements collector.Collector.
func (Server) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, static, isReplica, timelineID, startTime, serverTime, clockOffset, primaries, standbyUp} {
		ch <- d
	}
}

// Collect implements collector.Collector. Its error is why a server does not
// answer, the primary's first.
func (s Server) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	v := s.View()
	if !v.Asked {
		return nil
	}
	known(ch, up, number(v.Server.Up), told(v.Server.Err))
	errs := []error{v.Server.Err}
	answering := v.Server.Up
	for _, a := range v.Declared {
		known(ch, standbyUp, number(a.Up), told(a.Err), a.Name)
		errs = append(errs, a.Err)
		answering = answering || a.Up
	}
	if answering {
		gauge(ch, primaries, float64(v.Primaries))
	}
	if v.Server.Up {
		v.Server.publish(ch)
	}
	return errors.Join(errs...)
}

// told reports whether a failure says that the server does not answer: one
// that is not asked as a superuser may, and one that refuses our login does.
func told(err error) bool {
	return !errors.Is(err, pgsession.ErrSuperuser) && fault.KindOf(err) != fault.Auth
}

func (s ServerView) publish(ch chan<- prometheus.Metric) {
	short, _, _ := strings.Cut(s.Version, " ")
	gauge(ch, static, 1, s.Address, short, s.Version)
	gauge(ch, isReplica, number(s.Replica))
	gauge(ch, timelineID, float64(s.Timeline))
	known(ch, startTime, unix(s.Started), !s.Started.IsZero())
	gauge(ch, serverTime, unix(s.Now))
	gauge(ch, clockOffset, s.Offset.Seconds())
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
