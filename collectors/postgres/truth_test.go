package postgres_test

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

const exposure = "pg_recovery_point_exposure_seconds"

// slack is what a bound may be off by: the sampling interval, and what a busy
// machine adds to it.
const slack = 3.0

// TestTruthTable breaks a real primary and standby in every way that fools
// other formulas, and watches them three ways at once: the standby declared,
// seen from the primary only, and through a connection string of both hosts.
func TestTruthTable(t *testing.T) {
	outer := t
	p := startPostgres(t, lab.PostgresOptions{Standby: true})
	s := p.Standby
	primaryDSN, standbyDSN := p.DSN("mon", "postgres"), s.DSN("mon", "postgres")
	// The names the standby goes by: declared, as announced, by address.
	const declaredName = "replica"
	announced, byAddress := s.Name(), fmt.Sprintf("%s:%d", s.Host, s.Port)
	stateDir := t.TempDir()
	declare := postgres.Standby{Name: declaredName, DSN: secret.New(standbyDSN)}
	watches := []struct {
		name, standby string
		*watch
		direct bool
	}{
		{"declared", declaredName, startWatch(t, primaryDSN, stateDir, declare), true},
		{"seen from the primary", announced, startWatch(t, primaryDSN, ""), false},
		{"two hosts", byAddress, startWatch(t, twoHosts(p, s), ""), true},
	}
	write := func() time.Time {
		t.Helper()
		execute(t, p, "INSERT INTO moves SELECT generate_series(1, 100)")
		return time.Now()
	}
	healthy := func(standby string) []check {
		return []check{
			is("pg_up", 1), is("pg_replication_is_replica", 0), is("pg_timeline_id", 1),
			is(state(standby, "streaming"), 1), is(state(standby, "disconnected"), 0),
			is(lag(standby, "write", "lower"), 0), is(lag(standby, "flush", "lower"), 0), is(lag(standby, "replay", "lower"), 0),
			between(lag(standby, "replay", "upper"), 0, slack), between(exposure, 0, slack), is(bytes(standby, "replay"), 0),
		}
	}
	// each checks every watch, all at the same time.
	each := func(t *testing.T, f func(t *testing.T, w *watch, standby string, direct bool)) {
		t.Helper()
		t.Run("watch", func(t *testing.T) {
			for _, w := range watches {
				t.Run(w.name, func(t *testing.T) {
					t.Parallel()
					f(t, w.watch, w.standby, w.direct)
				})
			}
		})
	}
	allHealthy := func(t *testing.T) {
		t.Helper()
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.becomes(t, healthy(standby)...)
		})
	}
	since := func(at time.Time) float64 { return time.Since(at).Seconds() }

	t.Run("streaming after writes", func(t *testing.T) {
		write()
		allHealthy(t)
	})
	t.Run("idle and caught up", func(t *testing.T) {
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.stays(t, 2*time.Second, healthy(standby)...)
			w.stays(t, 0, absent("pg_standby_lag_seconds{bound=lower,stage=replay,standby=walreceiver"))
		})
	})
	t.Run("one commit after idleness is as old as itself", func(t *testing.T) {
		must(t, s.PauseReplay(t.Context()))
		at := write()
		each(t, func(t *testing.T, w *watch, standby string, direct bool) {
			w.becomes(t, between(lag(standby, "replay", "lower"), 0.001, math.Inf(1)), is(lag(standby, "flush", "lower"), 0))
			w.stays(t, time.Second, func(got series) string {
				elapsed := since(at)
				for _, c := range []check{
					between(lag(standby, "replay", "lower"), elapsed-slack, elapsed+0.5),
					between(lag(standby, "replay", "upper"), elapsed-0.1, elapsed+slack),
					between(exposure, elapsed-0.1, elapsed+slack),
					between(bytes(standby, "replay"), 1, 1e6),
					is(state(standby, "streaming"), 1),
				} {
					if wrong := c(got); wrong != "" {
						return wrong
					}
				}
				return ""
			})
			if direct {
				w.becomes(t, is(state(standby, "paused"), 1))
			} else {
				w.becomes(t, absent(state(standby, "paused"))) // nobody can tell
			}
		})
		must(t, s.ResumeReplay(t.Context()))
		allHealthy(t)
	})
	t.Run("records without transactions are no lag", func(t *testing.T) {
		must(t, s.PauseReplay(t.Context()))
		execute(t, p, "CHECKPOINT") // a checkpoint, and a record of running transactions
		execute(t, p, "CHECKPOINT")
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.becomes(t, between(bytes(standby, "replay"), 1, 1e6))
			w.stays(t, 2*time.Second, is(lag(standby, "replay", "lower"), 0), between(exposure, 0, slack))
		})
		must(t, s.ResumeReplay(t.Context()))
		allHealthy(t)
	})
	t.Run("receiver cut off", func(t *testing.T) {
		conninfo, err := s.Value(t.Context(), "postgres", "postgres", "SHOW primary_conninfo")
		must(t, err)
		follow := func(conninfo string) {
			execute(t, s, "ALTER SYSTEM SET primary_conninfo = '"+strings.ReplaceAll(conninfo, "'", "''")+"'")
			execute(t, s, "SELECT pg_reload_conf()")
		}
		follow("host=127.0.0.1 port=1 user=postgres")
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.becomes(t, is(state(standby, "disconnected"), 1), is(state(standby, "streaming"), 0))
		})
		at := write()
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.becomes(t, between(lag(standby, "replay", "lower"), 2, since(at)+30), between(lag(standby, "write", "lower"), 2, since(at)+30),
				between(exposure, 2, since(at)+30))
		})
		follow(conninfo)
		allHealthy(t)
	})
	t.Run("standby killed", func(t *testing.T) {
		must(t, s.Kill())
		at := write()
		each(t, func(t *testing.T, w *watch, standby string, _ bool) {
			w.becomes(t, is(state(standby, "disconnected"), 1), between(lag(standby, "replay", "lower"), 2, 60))
			w.stays(t, 500*time.Millisecond, func(got series) string {
				return between(exposure, since(at)-0.1, since(at)+slack)(got)
			})
		})
		watches[0].becomes(t, is("pg_standby_up{standby=replica}", 0))
		must(t, s.Start(t.Context()))
		must(t, p.AwaitStreaming(t.Context(), s))
		allHealthy(t)
	})
	t.Run("primary killed", func(t *testing.T) {
		write()
		allHealthy(t)
		at := time.Now()
		must(t, p.Kill())
		grows := func(t *testing.T, w *watch, standby string) {
			t.Helper()
			w.becomes(t, is("pg_up", 0), between(exposure, slack, math.Inf(1)), is(lag(standby, "replay", "lower"), 0))
			w.stays(t, 500*time.Millisecond, func(got series) string {
				return between(exposure, since(at)-0.5, since(at)+slack)(got)
			})
		}
		for _, w := range watches[:2] {
			t.Run(w.name, func(t *testing.T) { grows(t, w.watch, w.standby) })
		}
		watches[0].becomes(t, is(state(declaredName, "disconnected"), 1))
		watches[1].becomes(t, absent("pg_standby_state{standby="+announced))
		t.Run("two hosts", func(t *testing.T) { // the other host answers
			watches[2].becomes(t, is("pg_up", 1), is("pg_replication_is_replica", 1), between(exposure, since(at)-0.5, math.Inf(1)))
		})
		t.Run("a restart of the daemon forgets nothing", func(t *testing.T) {
			watches[0].stop()
			watches[0].watch = startWatch(outer, primaryDSN, stateDir, declare)
			grows(t, watches[0].watch, declaredName)
		})
		must(t, p.Start(t.Context()))
		must(t, p.AwaitStreaming(t.Context(), s))
		allHealthy(t)
	})
	t.Run("promotion", func(t *testing.T) {
		must(t, p.Kill())
		execute(t, s, "SELECT pg_promote()")
		watches[0].becomes(t, is("pg_up", 0), is("pg_primaries", 1), absent("pg_standby_lag_seconds{bound=lower,stage=replay,standby=replica"),
			absent("pg_standby_state{standby=replica"))
		watches[2].becomes(t, is("pg_up", 1), is("pg_replication_is_replica", 0), is("pg_timeline_id", 2), absent("pg_standby_lag_seconds"))
		execute(t, s, "INSERT INTO moves VALUES (1)")
	})
	t.Run("two primaries", func(t *testing.T) {
		must(t, p.Start(t.Context()))
		watches[0].becomes(t, is("pg_up", 1), is("pg_primaries", 2))
		watches[2].becomes(t, is("pg_primaries", 2))
	})
}

func twoHosts(a, b *lab.Postgres) string {
	hosts := net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) + "," + net.JoinHostPort(b.Host, strconv.Itoa(b.Port))
	return "postgres://mon@" + hosts + "/postgres?sslmode=disable"
}
