package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	slotDiff = prometheus.NewDesc("pg_replication_slots_pg_wal_lsn_diff",
		"Bytes of WAL that the slot retains.", []string{"slot_name", "database"}, nil)
	slotActive = prometheus.NewDesc("pg_replication_slot_slot_is_active",
		"Whether the slot is in use.", []string{"slot_name", "slot_type"}, nil)
	slotSafe = prometheus.NewDesc("pg_replication_slot_safe_wal_size_bytes",
		"Bytes that can be written to WAL before the slot is lost; absent without max_slot_wal_keep_size.",
		[]string{"slot_name", "slot_type"}, nil)
	slotStatus = prometheus.NewDesc("pg_replication_slot_wal_status",
		"Availability of the WAL the slot retains, as a label.", []string{"slot_name", "slot_type", "wal_status"}, nil)
)

// slots reports what replication slots retain.
var slots = subject{
	descs: []*prometheus.Desc{slotDiff, slotActive, slotSafe, slotStatus},
	query: pgsession.Query{Name: "replication slots", SQL: `
SELECT slot_name, slot_type, database, active, safe_wal_size, wal_status,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) AS retained
  FROM pg_replication_slots ORDER BY slot_name LIMIT 100`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			name, kind := row.String("slot_name"), row.String("slot_type")
			retained, ok := row.Float("retained")
			known(ch, slotDiff, max(retained, 0), ok, name, row.String("database"))
			active, ok := row.Bool("active")
			known(ch, slotActive, number(active), ok, name, kind)
			safe, ok := row.Float("safe_wal_size")
			known(ch, slotSafe, safe, ok, name, kind)
			status, ok := row.Text("wal_status")
			known(ch, slotStatus, 1, ok, name, kind, status)
		}
	},
}
