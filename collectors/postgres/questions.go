package postgres

import (
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// A look asks one short statement every second. What changes more rarely is
// asked more rarely, and at once when the first answer shows that it is due.
const (
	// neighboursEvery is how old the state of connections may grow while nothing
	// is written; it leaves room below fresh for an answer that takes its time.
	neighboursEvery = 3 * time.Second
	// identityEvery is how old settings may grow that a reload can change.
	identityEvery = 15 * time.Second
)

// positionQuery tells where the server's log stands. now() is when the
// statement's transaction began, before its snapshot was taken.
var positionQuery = pgsession.Query{Name: "WAL position", SQL: `
SELECT now() AS before,
       pg_is_in_recovery() AS recovering,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS position,
       CASE WHEN NOT pg_is_in_recovery() THEN hashtextextended(pg_current_snapshot()::text, 0) END AS snapshot,
       CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END AS timeline,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END AS replayed,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END AS received,
       CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END AS transaction,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS paused,
       pg_postmaster_start_time() AS started,
       clock_timestamp() AS after`}

// neighboursQuery tells whom the server follows and who follows it, in a row for
// each follower and at least one. It is asked after the position, so that a
// standby that has caught up is seen at or beyond it. The functions behind the
// views are asked for the processes that matter, not for every session.
var neighboursQuery = pgsession.Query{Name: "replication", SQL: `
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS current,
       r.pid IS NOT NULL AS receives, r.status, r.slot_name AS receiver_slot, r.sender_host,
       r.receive_start_lsn, r.receive_start_tli, r.received_tli, r.written_lsn, r.flushed_lsn,
       r.last_msg_send_time, r.last_msg_receipt_time, r.latest_end_lsn, r.latest_end_time,
       substring(r.conninfo FROM '(?:^|\s)application_name=(\S+)') AS announce,
       substring(r.conninfo FROM '(?:^|\s)host=(\S+)') AS upstream_host,
       w.*
  FROM (SELECT) here
  LEFT JOIN pg_stat_get_wal_receiver() r ON r.pid IS NOT NULL
  LEFT JOIN (
       SELECT w.pid, a.application_name, host(a.client_addr) AS address, w.state,
              w.sent_lsn, w.write_lsn, w.flush_lsn, w.replay_lsn, s.slot_name, s.slot_type
         FROM pg_stat_get_wal_senders() w
        CROSS JOIN LATERAL pg_stat_get_activity(w.pid) a
         LEFT JOIN pg_get_replication_slots() s ON s.active_pid = w.pid
        ORDER BY a.application_name, a.client_addr, s.slot_name, w.pid
        LIMIT 64) w ON true`}

// identityQuery tells what only a restart, a reload or a promotion changes. The
// control file is read, which costs the server two reads of a file.
var identityQuery = pgsession.Query{Name: "identity", SQL: `
SELECT (pg_control_system()).system_identifier AS system,
       CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id END AS checkpoint_timeline,
       extract(epoch FROM current_setting('recovery_min_apply_delay')::interval) AS delay,
       current_setting('cluster_name') AS cluster_name,
       current_setting('server_version') AS version`}

// sourcesQuery tells where a standby takes the log from. A role without
// pg_monitor may not see it.
var sourcesQuery = pgsession.Query{Name: "sources of the log", SQL: `
SELECT current_setting('primary_conninfo') <> '' AS streams,
       current_setting('restore_command') <> '' AS restores
 WHERE pg_is_in_recovery()`}

// startupQuery tells what the process that replays waits for: of a query that
// needs what the next record removes, its kind of wait names the conflict. A
// lock or a pinned page is held by a query as well.
var startupQuery = pgsession.Query{Name: "replay", SQL: `
SELECT coalesce(wait_event LIKE 'RecoveryConflict%' OR wait_event_type IN ('Lock', 'BufferPin'), false) AS conflict
  FROM pg_stat_get_activity(NULL) WHERE backend_type = 'startup'`}
