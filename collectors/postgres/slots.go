package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var slotLabels = []string{"slot_name", "slot_type"}

var (
	slotDiff = prometheus.NewDesc("pg_replication_slots_pg_wal_lsn_diff",
		"Bytes of WAL that the slot retains.", []string{"slot_name", "database"}, nil)
	slotInUse = prometheus.NewDesc("pg_replication_slots_active",
		"Whether the slot is in use.", []string{"slot_name", "database"}, nil)
	slotActive = prometheus.NewDesc("pg_replication_slots_slot_is_active",
		"Whether the slot is in use.", slotLabels, nil)
	slotCurrent = prometheus.NewDesc("pg_replication_slots_slot_current_wal_lsn",
		"WAL position of the server in bytes.", slotLabels, nil)
	slotConfirmed = prometheus.NewDesc("pg_replication_slots_slot_confirmed_flush_lsn",
		"WAL position in bytes up to which a logical slot's consumer has confirmed what it received.", slotLabels, nil)
	slotSafe = prometheus.NewDesc("pg_replication_slots_safe_wal_size_bytes",
		"Bytes that can be written to WAL before the slot is lost; absent without max_slot_wal_keep_size.", slotLabels, nil)
	slotStatus = prometheus.NewDesc("pg_replication_slots_wal_status",
		"Availability of the WAL the slot retains, as a label.", append(slotLabels, "wal_status"), nil)
	slotLag = prometheus.NewDesc("pg_replication_slot_lag_seconds",
		"Age of the oldest transaction that the slot's consumer has yet to confirm: at least (bound lower, 0 when none is known) and at most (bound upper).",
		append(slotLabels, "bound"), nil)
	slotInactive = prometheus.NewDesc("pg_replication_slot_inactive_since_timestamp_seconds",
		"Since when the slot has not been in use; absent while it is, and before PostgreSQL 17.", slotLabels, nil)
	slotInvalid = prometheus.NewDesc("pg_replication_slot_invalidated",
		"Whether the slot can never be used again: its consumer has to be set up anew. The reason is empty while it can, and unknown before PostgreSQL 17 unless WAL was removed.",
		append(slotLabels, "reason"), nil)
)

// maxSlots is how many slots have series of their own: those nearest to being
// lost, then those that retain most. Of the others the one that retains most
// is published as "other". The least that PostgreSQL allows by default is 10.
const maxSlots = 16

// slots reports what replication slots retain and how far their consumers are
// behind. Temporary ones, as of a backup under way, end with their connection
// and are left out. behind judges a position on the server's timeline.
//
// The columns that only newer versions have are read through the row as JSON,
// in which they are absent before.
func slots(behind func(pos uint64) (lsnclock.Bounds, bool)) subject {
	return subject{
		descs: []*prometheus.Desc{slotDiff, slotInUse, slotActive, slotCurrent, slotConfirmed, slotSafe, slotStatus, slotLag, slotInactive, slotInvalid},
		query: pgsession.Query{Name: "replication slots", SQL: `
SELECT slot_name, slot_type, database, active, safe_wal_size, wal_status, restart_lsn, confirmed_flush_lsn, current,
       pg_wal_lsn_diff(current, restart_lsn) AS retained,
       (to_jsonb(s) ->> 'inactive_since')::timestamptz AS inactive_since,
       (to_jsonb(s) ->> 'conflicting')::boolean AS conflicting,
       to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason
  FROM pg_replication_slots s,
       (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS current) here
 WHERE NOT temporary
 ORDER BY wal_status IN ('lost', 'unreserved') DESC NULLS LAST, retained DESC NULLS LAST, slot_name
 LIMIT 100`},
		publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
			for i, row := range r.Rows {
				if i == maxSlots {
					retained, ok := row.Float("retained")
					known(ch, slotDiff, max(retained, 0), ok, "other", "")
					return
				}
				publishSlot(ch, row)
				publishBounds(ch, slotLag, row.String("slot_name"), row.String("slot_type"))(slotBehind(row, behind))
			}
		},
	}
}

func publishSlot(ch chan<- prometheus.Metric, row pgsession.Row) {
	name, kind, database := row.String("slot_name"), row.String("slot_type"), row.String("database")
	retained, ok := row.Float("retained")
	known(ch, slotDiff, max(retained, 0), ok, name, database)
	active, ok := row.Bool("active")
	known(ch, slotInUse, number(active), ok, name, database)
	known(ch, slotActive, number(active), ok, name, kind)
	current, ok := row.LSN("current")
	known(ch, slotCurrent, float64(current), ok, name, kind)
	confirmed, ok := row.LSN("confirmed_flush_lsn")
	known(ch, slotConfirmed, float64(confirmed), ok, name, kind)
	safe, ok := row.Float("safe_wal_size")
	known(ch, slotSafe, safe, ok, name, kind)
	status, ok := row.Text("wal_status")
	known(ch, slotStatus, 1, ok, name, kind, status)
	since, ok := row.Time("inactive_since")
	known(ch, slotInactive, unix(since), ok && !active, name, kind)
	reason := invalidation(row)
	gauge(ch, slotInvalid, number(reason != ""), name, kind, reason)
}

// invalidation is why the slot cannot be used again, in PostgreSQL's words; ""
// while it can.
func invalidation(row pgsession.Row) string {
	if reason, ok := row.Text("invalidation_reason"); ok {
		return reason
	}
	if row.String("wal_status") == "lost" {
		return "wal_removed"
	}
	if conflicting, _ := row.Bool("conflicting"); conflicting {
		return "unknown"
	}
	return ""
}

// slotBehind judges what the slot's consumer has confirmed: for a logical slot
// what it has received, for a physical one what the standby has flushed, which
// is from where the slot retains.
func slotBehind(row pgsession.Row, behind func(pos uint64) (lsnclock.Bounds, bool)) (lsnclock.Bounds, bool) {
	confirmed, ok := row.LSN("confirmed_flush_lsn")
	if row.String("slot_type") == "physical" {
		confirmed, ok = row.LSN("restart_lsn")
	}
	if !ok {
		return lsnclock.Bounds{}, false
	}
	return behind(confirmed)
}
