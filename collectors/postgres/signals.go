package postgres

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// Signals defines what is judged of a PostgreSQL cluster.
func Signals() []signal.Definition {
	const kind = "postgres"
	const soon, slow = 20 * time.Second, time.Minute
	never := signal.Never()
	return []signal.Definition{
		{
			Name: "postgres_up", Kind: kind, Title: "PostgreSQL answers", Metric: "pg_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.5,
			Fresh: soon, Role: signal.Health,
			Says: "PostgreSQL {component} does not answer",
		},
		{
			Name: "postgres_writable", Kind: kind, Title: "PostgreSQL accepts writes", Metric: "pg_replication_is_replica",
			Warning: never, Critical: 0.5, Fresh: soon, Role: signal.Health,
			Says: "PostgreSQL {component} is in recovery and accepts no writes",
		},
		{
			Name: "postgres_split_brain", Kind: kind, Title: "One primary", Metric: "pg_primaries",
			Warning: never, Critical: 1.5, Fresh: soon, Role: signal.Health,
			Says: "{value} servers of PostgreSQL {component} accept writes at once",
		},
		{
			Name: "postgres_recovery_point", Kind: kind, Title: "Recovery point exposure", Metric: "pg_recovery_point_exposure_seconds",
			Warning: never, Critical: never, Fresh: soon, Role: signal.Recovery, Unit: "seconds", Optional: true,
			Says: "if PostgreSQL {component} failed now, up to {value} of transactions would be lost",
		},
		{
			Name: "postgres_standby_disconnected", Kind: kind, Title: "Standby receives the log", Metric: "pg_standby_state",
			Match: map[string]string{"state": disconnected}, By: []string{"standby"},
			Warning: 0.5, Critical: never, Fresh: soon, Role: signal.Health, Optional: true,
			Says: "standby {standby} of PostgreSQL {component} is disconnected and receives nothing",
		},
		{
			Name: "postgres_standby_paused", Kind: kind, Title: "Standby replays the log", Metric: "pg_standby_state",
			Match: map[string]string{"state": paused}, By: []string{"standby"},
			Warning: 0.5, Critical: never, Fresh: soon, Role: signal.Context, Optional: true,
			Says: "replay is paused on standby {standby} of PostgreSQL {component}",
		},
		{
			// A query may hold replay up for max_standby_streaming_delay, 30 s unless set.
			Name: "postgres_standby_conflict", Kind: kind, Title: "Replay waits for no query", Metric: "pg_standby_state",
			Match: map[string]string{"state": conflict}, By: []string{"standby"}, For: 30 * time.Second,
			Warning: 0.5, Critical: never, Fresh: soon, Role: signal.Context, Optional: true,
			Says: "replay on standby {standby} of PostgreSQL {component} waits for a query there",
		},
		{
			Name: "postgres_standby_lag", Kind: kind, Title: "Standby lag", Metric: "pg_standby_lag_seconds",
			Match: map[string]string{"stage": replay, "bound": "lower"}, By: []string{"standby"},
			Warning: 30, Critical: never, Exit: 0.5, Fresh: soon, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "standby {standby} of PostgreSQL {component} is {value} behind",
		},
		{
			Name: "postgres_archiver_failing", Kind: kind, Title: "The log is archived", Metric: "pg_archiver_failing",
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "PostgreSQL {component} fails to archive its log: point-in-time recovery ends at the last archived file",
		},
		{
			Name: "postgres_archiver_behind", Kind: kind, Title: "The log is archived in time", Metric: "pg_archiver_ready_files",
			Warning: readyFiles, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "{value} files of log of PostgreSQL {component} are complete and not archived",
		},
		{
			Name: "postgres_archiver_off", Kind: kind, Title: "Archiving is on", Metric: "pg_archiver_enabled",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "PostgreSQL {component} does not archive its log: unless something else receives it, only whole backups can be restored",
		},
		{
			Name: "postgres_slot_invalidated", Kind: kind, Title: "Replication slots are usable", Metric: "pg_replication_slot_invalidated",
			By: []string{"slot_name"}, Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "replication slot {slot_name} of PostgreSQL {component} can never be used again: what reads from it has to be set up anew",
		},
		{
			Name: "postgres_slot_endangered", Kind: kind, Title: "Replication slots keep their log", Metric: "pg_replication_slots_safe_wal_size_bytes",
			By: []string{"slot_name"}, Aggregate: signal.Min, Direction: signal.Below, Warning: slotRoom, Critical: never, Exit: 0.5,
			Fresh: slow, Role: signal.Health, Unit: "bytes", Optional: true,
			Says: "after {value} more of log PostgreSQL {component} removes what replication slot {slot_name} needs",
		},
		{
			Name: "postgres_slot_retention", Kind: kind, Title: "Replication slots let go of the log", Metric: "pg_replication_slots_pg_wal_lsn_diff",
			By: []string{"slot_name"}, Warning: slotRetains, Critical: never, Exit: 0.8, Fresh: slow, Role: signal.Health, Unit: "bytes", Optional: true,
			Says: "replication slot {slot_name} has PostgreSQL {component} keep {value} of log: what reads from it has stopped, and the volume fills up",
		},
		{
			Name: "postgres_connections", Kind: kind, Title: "Connections in use", Metric: "pg_connections_used_ratio",
			Warning: 0.8, Critical: 0.95, Exit: 0.95, Fresh: slow, Role: signal.Health, Unit: "ratio",
			Says: "{value} of the connections PostgreSQL {component} allows are in use",
		},
		{
			Name: "postgres_blocked", Kind: kind, Title: "Sessions blocked by locks", Metric: "pg_longest_blocked_seconds",
			By: []string{"datname"}, Warning: 30, Critical: never, Exit: 0.5, Fresh: slow,
			Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "a session of database {datname} on PostgreSQL {component} has waited {value} for a lock",
		},
		{
			Name: "postgres_longest_transaction", Kind: kind, Title: "Longest transaction", Metric: "pg_longest_transaction_seconds",
			Warning: 3600, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Context, Unit: "seconds",
			Says: "a transaction on PostgreSQL {component} has been open for {value}",
		},
		{
			Name: "postgres_active_sessions", Kind: kind, Title: "Active sessions", Metric: "pg_active_sessions",
			Warning: never, Critical: never, Fresh: slow, Role: signal.Context,
			Says: "{value} sessions are active on PostgreSQL {component}",
		},
	}
}

// Bounds on the log that is kept, in files of 16 MiB and in bytes.
// PostgreSQL keeps about max_wal_size, 1 GiB unless set, for itself.
const (
	readyFiles  = 10       // 160 MiB would be lost with the machine
	slotRoom    = 1 << 30  // as much as may be written between two checkpoints
	slotRetains = 10 << 30 // ten times what it keeps for itself
)
