package postgres

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A look is what one server said about itself in one round trip. Positions
// that it did not give are nil.
type look struct {
	sent, received time.Time // by our clock
	before, after  time.Time // by the server's, around the reading of its position
	started        time.Time // of the server process
	version        string

	system     uint64
	timeline   uint32
	recovering bool

	position *uint64 // of a primary: where the next record will be inserted
	snapshot uint64  // of a primary: a hash of its running transactions

	replayed *uint64 // of a standby
	written  *uint64 // of a standby; what its receiver has written
	flushed  *uint64 // of a standby
	paused   bool    // of a standby: replay is, or is about to be
	delay    time.Duration
	receiver *receiver // of a standby; nil when it has none
	announce string    // of a standby: the application name it connects with

	senders []sender
}

// A receiver is a standby's connection to the server it follows.
type receiver struct {
	status string // "streaming"; "" when the role may not see it
	slot   string
}

// A sender is a server's connection to one that follows it.
type sender struct {
	application, address, slot, slotType, state string
	current                                     *uint64 // the sending server's position at the same moment
	sent, written, flushed, replayed            *uint64
}

// standby reports whether the sender serves a physical standby, not a backup,
// an archiver or a subscriber.
func (s sender) standby() bool {
	switch s.application {
	case "pg_basebackup", "pg_receivewal", "pg_recvlogical":
		return false
	}
	return s.state != "backup" && s.slotType != "logical"
}

// lookQueries are asked every second. The position comes first, so that a
// standby that has caught up is seen at or beyond it. now() is when the
// statement's transaction began, before its snapshot was taken.
var lookQueries = []pgsession.Query{
	{Name: "WAL position", SQL: `
SELECT now() AS before,
       pg_is_in_recovery() AS recovering,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS position,
       CASE WHEN NOT pg_is_in_recovery() THEN hashtextextended(pg_current_snapshot()::text, 0) END AS snapshot,
       CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END AS timeline,
       CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id END AS checkpoint_timeline,
       (pg_control_system()).system_identifier AS system,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END AS replayed,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END AS received,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS paused,
       extract(epoch FROM current_setting('recovery_min_apply_delay')::interval) AS delay,
       current_setting('cluster_name') AS cluster_name,
       current_setting('server_version') AS version,
       pg_postmaster_start_time() AS started,
       clock_timestamp() AS after`},
	{Name: "WAL receiver", SQL: `
SELECT status, slot_name, received_tli, written_lsn, flushed_lsn,
       substring(conninfo FROM '(?:^|\s)application_name=(\S+)') AS announce
  FROM pg_stat_wal_receiver`},
	{Name: "replication", SQL: `
SELECT r.application_name, host(r.client_addr) AS address, r.state,
       r.sent_lsn, r.write_lsn, r.flush_lsn, r.replay_lsn, s.slot_name, s.slot_type,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS current
  FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
 ORDER BY r.application_name, r.client_addr, s.slot_name, r.pid
 LIMIT 64`},
}

// readLook makes a look of the answers to lookQueries. It fails when the server
// did not tell its position; without the other answers it knows less.
func readLook(results pgsession.Results, sent, received time.Time) (look, error) {
	if err := results[0].Err; err != nil {
		return look{}, err
	}
	l := look{sent: sent, received: received}
	if err := l.readPosition(results[0]); err != nil {
		return look{}, err
	}
	if l.recovering {
		l.readReceiver(results[1].First(), len(results[1].Rows) > 0)
	}
	for _, row := range results[2].Rows {
		l.senders = append(l.senders, readSender(row))
	}
	return l, nil
}

func (l *look) readPosition(r pgsession.Result) error {
	row := r.First()
	var ok [6]bool
	l.before, ok[0] = row.Time("before")
	l.after, ok[1] = row.Time("after")
	l.recovering, ok[2] = row.Bool("recovering")
	system, okSystem := row.Int("system")
	l.system, ok[3] = uint64(system), okSystem
	if l.recovering {
		timeline, okTimeline := row.Int("checkpoint_timeline")
		l.timeline, ok[4], ok[5] = uint32(timeline), okTimeline, true
		l.replayed = lsn(row, "replayed")
		l.flushed, l.written = lsn(row, "received"), lsn(row, "received")
		l.paused, _ = row.Bool("paused")
		delay, _ := row.Float("delay")
		l.delay = time.Duration(delay * float64(time.Second))
		if l.announce = row.String("cluster_name"); l.announce == "" {
			l.announce = "walreceiver"
		}
	} else {
		timeline, err := strconv.ParseUint(row.String("timeline"), 16, 32)
		l.timeline, ok[4] = uint32(timeline), err == nil
		l.position = lsn(row, "position")
		snapshot, okSnapshot := row.Int("snapshot")
		l.snapshot, ok[5] = uint64(snapshot), okSnapshot && l.position != nil
	}
	l.version = row.String("version")
	l.started, _ = row.Time("started")
	if err := r.Malformed(); err != nil {
		return err
	}
	if ok != [6]bool{true, true, true, true, true, true} {
		return &fault.Error{Op: "read " + r.Name, Kind: fault.Schema, Err: errors.New("the server leaves out what it always tells")}
	}
	return nil
}

func (l *look) readReceiver(row pgsession.Row, exists bool) {
	if !exists {
		return
	}
	l.receiver = &receiver{status: row.String("status"), slot: row.String("slot_name")}
	if name := strings.Trim(row.String("announce"), "'"); name != "" {
		l.announce = name
	}
	// The checkpoint's timeline is only as new as the last restart point.
	if tli, ok := row.Int("received_tli"); ok {
		l.timeline = max(l.timeline, uint32(tli))
	}
	if p := lsn(row, "flushed_lsn"); p != nil {
		l.flushed = p
	}
	if p := lsn(row, "written_lsn"); p != nil {
		l.written = p
	}
}

func readSender(row pgsession.Row) sender {
	return sender{
		application: row.String("application_name"),
		address:     row.String("address"),
		slot:        row.String("slot_name"),
		slotType:    row.String("slot_type"),
		state:       row.String("state"),
		current:     lsn(row, "current"),
		sent:        lsn(row, "sent_lsn"),
		written:     lsn(row, "write_lsn"),
		flushed:     lsn(row, "flush_lsn"),
		replayed:    lsn(row, "replay_lsn"),
	}
}

func lsn(row pgsession.Row, column string) *uint64 {
	if v, ok := row.LSN(column); ok {
		return &v
	}
	return nil
}
