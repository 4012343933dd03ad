package postgres_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

const replicationLag = "pg_replication_lag_seconds"

// TestTopology watches a primary, a standby and a standby of that standby, with
// slots and an archiver that is no standby, through what a standby may do
// instead of streaming, up to two primaries at once.
func TestTopology(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, lab.PostgresOptions{Cascade: true, Settings: map[string]string{"wal_level": "logical"}})
	s, c := p.Standby, p.Standby.Standby
	const first = "first"
	cascade := c.Name()
	w := startWatch(t, twoHosts(p, s), "")
	declared := startWatch(t, p.DSN("mon", "postgres"), "", postgres.Standby{Name: first, DSN: secret.New(s.DSN("mon", "postgres"))})
	fromPrimary := startWatch(t, p.DSN("mon", "postgres"), "")
	alone := startWatch(t, s.DSN("mon", "postgres"), "")
	itself := fmt.Sprintf("%s:%d", s.Host, s.Port)
	write := func() { t.Helper(); execute(t, p, "INSERT INTO moves SELECT generate_series(1, 100)") }
	set := func(server *lab.Postgres, sql ...string) {
		t.Helper()
		for _, one := range append(sql, "SELECT pg_reload_conf()") {
			execute(t, server, one)
		}
	}
	conninfo, err := s.Value(t.Context(), "postgres", "postgres", "SHOW primary_conninfo")
	must(t, err)
	follow := "ALTER SYSTEM SET primary_conninfo = '" + strings.ReplaceAll(conninfo, "'", "''") + "'"

	t.Run("a standby of a standby is judged by the primary's log", func(t *testing.T) {
		write()
		declared.becomes(t, is(state(first, "streaming"), 1), is(state(cascade, "streaming"), 1), is(lag(cascade, "replay", "lower"), 0),
			is(bytes(cascade, "replay"), 0), is(bytes(cascade, "flush"), 0), between(exposure, 0, slack))
		fromPrimary.becomes(t, is(state(s.Name(), "streaming"), 1), absent("pg_standby_state{standby="+cascade))
		must(t, c.PauseReplay(t.Context()))
		write()
		declared.becomes(t, between(lag(cascade, "replay", "lower"), 1, 60), is(lag(cascade, "flush", "lower"), 0), is(lag(first, "replay", "lower"), 0),
			between(exposure, 0, slack))
		must(t, c.ResumeReplay(t.Context()))
		declared.becomes(t, is(lag(cascade, "replay", "lower"), 0))
	})
	t.Run("an archiver under any name is no standby", func(t *testing.T) {
		receiveOnly(t, p, "vault")
		fromPrimary.becomes(t, func(got series) string {
			return between("pg_stat_replication_pg_current_wal_lsn_bytes{application_name=vault,client_addr=127.0.0.1,slot_name=,state=streaming}", 1, math.Inf(1))(got)
		})
		fromPrimary.becomes(t, absent("pg_standby_state{standby=vault"))
	})
	t.Run("slots", func(t *testing.T) { testSlots(t, p, fromPrimary, write) })
	t.Run("a standby alone knows what it was told", func(t *testing.T) {
		receives := func(status string) string {
			return fmt.Sprintf("pg_stat_wal_receiver_last_msg_receipt_time{slot_name=%s,status=%s,upstream_host=127.0.0.1}", "postgres_standby", status)
		}
		write()
		alone.becomes(t, is("pg_replication_is_replica", 1), is(replicationLag, 0), between(receives("streaming"), 1, math.Inf(1)),
			between("pg_replication_last_replay_seconds", 0, 60), between(lag(itself, "replay", "upper"), 0, 60), is(state(itself, "streaming"), 1))
		must(t, s.PauseReplay(t.Context()))
		write()
		alone.becomes(t, between(replicationLag, 1, 60), is(state(itself, "paused"), 1))
		must(t, s.ResumeReplay(t.Context()))
		alone.becomes(t, is(replicationLag, 0))
	})
	t.Run("a standby alone, cut off", func(t *testing.T) {
		set(s, "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
		alone.becomes(t, is(state(itself, "disconnected"), 1), is(state(itself, "archive_only"), 0), between(replicationLag, 0.5, 60),
			between("pg_standby_last_message_timestamp_seconds{standby="+itself+"}", 1, math.Inf(1)), absent("pg_stat_wal_receiver"))
	})
	t.Run("a standby that reads the archive only", func(t *testing.T) {
		set(s, "ALTER SYSTEM SET primary_conninfo = ''", "ALTER SYSTEM SET restore_command = 'cp "+p.ArchiveDir+"/%f %p'")
		declared.becomes(t, is(state(first, "archive_only"), 1), is(state(first, "disconnected"), 0), is(state(first, "streaming"), 0))
		write()
		declared.becomes(t, between(lag(first, "replay", "lower"), 1, 60)) // not archived yet
		execute(t, p, "SELECT pg_switch_wal()")
		declared.becomes(t, is(lag(first, "replay", "lower"), 0), is(state(first, "archive_only"), 1))
		set(s, "ALTER SYSTEM RESET restore_command", follow)
		declared.becomes(t, is(state(first, "streaming"), 1), is(state(first, "archive_only"), 0))
	})
	t.Run("replay waits for a query", func(t *testing.T) {
		reader := connect(t, s, "report", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM moves")
		declared.becomes(t, is(state(first, "conflict"), 0))
		execute(t, p, "DELETE FROM moves")
		execute(t, p, "VACUUM moves")
		declared.becomes(t, is(state(first, "conflict"), 1), is(state(first, "paused"), 0), is(state(first, "streaming"), 1))
		must(t, reader.Close(t.Context()))
		declared.becomes(t, is(state(first, "conflict"), 0), is(lag(first, "replay", "lower"), 0))
	})
	t.Run("two servers accept writes", func(t *testing.T) {
		w.becomes(t, is("pg_primaries", 1), is("pg_role_changes_total{role=primary}", 0), is("pg_timeline_changes_total", 0))
		execute(t, s, "SELECT pg_promote()") // the primary lives
		for _, watch := range []*watch{w, declared} {
			watch.becomes(t, is("pg_primaries", 2), is("pg_role_changes_total{role=primary}", 1), is("pg_timeline_changes_total", 1), is("pg_primary_changes_total", 1))
		}
		alone.becomes(t, is(replicationLag, 0), absent("pg_replication_last_replay_seconds"), absent("pg_stat_wal_receiver"), absent("pg_standby_state{standby="+itself))
		execute(t, s, "INSERT INTO moves VALUES (1)")
		declared.becomes(t, is(state(cascade, "streaming"), 1), is(lag(cascade, "replay", "lower"), 0)) // of the new primary
	})
}

// testSlots holds what consumers leave behind to what is published of slots.
func testSlots(t *testing.T, p *lab.Postgres, w *watch, write func()) {
	t.Helper()
	slot := func(metric, name, kind string, more ...string) string {
		label := ""
		if len(more) > 0 {
			label = more[0] + ","
		}
		return fmt.Sprintf("%s{%sslot_name=%s,slot_type=%s}", metric, label, name, kind)
	}
	statistics := func(checks ...check) {
		t.Helper()
		wrong, got := "", series{}
		for range patienceSteps {
			var err error
			got, err = w.collect(t, "statistics")
			must(t, err)
			wrong = ""
			for _, c := range checks {
				if wrong = c(got); wrong != "" {
					break
				}
			}
			if wrong == "" {
				return
			}
			pass(t)
		}
		t.Fatalf("%s\n%v", wrong, got)
	}
	execute(t, p, "SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')")
	execute(t, p, "SELECT pg_create_physical_replication_slot('never_used')")
	execute(t, p, "SELECT pg_create_physical_replication_slot('forgotten', true)")
	w.becomes(t, is("pg_up", 1))
	write()
	statistics(
		is("pg_replication_slots_active{database=,slot_name=postgres_standby}", 1), is("pg_replication_slots_active{database=postgres,slot_name=subscriber}", 0),
		is(slot("pg_replication_slot_lag_seconds", "postgres_standby", "physical", "bound=lower"), 0),
		between(slot("pg_replication_slot_lag_seconds", "postgres_standby", "physical", "bound=upper"), 0, 60),
		between(slot("pg_replication_slot_lag_seconds", "subscriber", "logical", "bound=lower"), 0.5, 60),
		between(slot("pg_replication_slot_lag_seconds", "forgotten", "physical", "bound=lower"), 0.5, 60),
		between(slot("pg_replication_slots_slot_confirmed_flush_lsn", "subscriber", "logical"), 1, math.Inf(1)),
		absent("pg_replication_slot_lag_seconds{bound=lower,slot_name=never_used"), absent("pg_replication_slots_pg_wal_lsn_diff{database=,slot_name=never_used"),
		is(slot("pg_replication_slot_invalidated", "forgotten", "physical", "reason="), 0),
	)
	execute(t, p, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
	execute(t, p, "ALTER SYSTEM SET wal_keep_size = 0")
	execute(t, p, "SELECT pg_reload_conf()")
	for range 3 {
		write()
		execute(t, p, "SELECT pg_switch_wal()")
	}
	execute(t, p, "CHECKPOINT")
	statistics(
		is(slot("pg_replication_slot_invalidated", "forgotten", "physical", "reason=wal_removed"), 1),
		is("pg_replication_slots_wal_status{slot_name=forgotten,slot_type=physical,wal_status=lost}", 1),
		is(slot("pg_replication_slot_invalidated", "postgres_standby", "physical", "reason="), 0),
		func(got series) string { // as many files as the server itself is about to archive
			ready, err := p.Value(t.Context(), "postgres", "postgres", "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
			must(t, err)
			if want := fmt.Sprint(got["pg_archiver_ready_files"]); ready != want || ready != "0" {
				return fmt.Sprintf("%s files are ready, %s published", ready, want)
			}
			return ""
		},
	)
	for _, name := range []string{"subscriber", "never_used", "forgotten"} {
		execute(t, p, "SELECT pg_drop_replication_slot('"+name+"')")
	}
}

// receiveOnly streams the log as archivers do, which confirm what they wrote and
// replay nothing.
func receiveOnly(t *testing.T, p *lab.Postgres, application string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), p.DSN("postgres", "postgres")+"&replication=yes&application_name="+application)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	from, err := p.Value(t.Context(), "postgres", "postgres", "SELECT pg_current_wal_flush_lsn()")
	must(t, err)
	position, err := pgsession.ParseLSN(from)
	must(t, err)
	conn.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + from})
	confirmed := binary.BigEndian.AppendUint64([]byte{'r'}, position) // written
	confirmed = binary.BigEndian.AppendUint64(confirmed, position)    // flushed
	confirmed = append(confirmed, make([]byte, 8+8+1)...)             // nothing replayed; no time, no answer wanted
	conn.Frontend().Send(&pgproto3.CopyData{Data: confirmed})
	must(t, conn.Frontend().Flush())
}
