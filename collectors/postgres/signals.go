package postgres

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// Signals defines what is judged of a PostgreSQL cluster.
func Signals() []signal.Definition {
	const kind = "postgres"
	const soon, slow = 20 * time.Second, time.Minute
	const rare = 20 * time.Minute // three runs of what is read every 5 minutes, and then some
	const day = 24 * 60 * 60
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
			Close: &signal.Limits{Warning: 10, Critical: never, Exit: 0.5},
			Says:  "standby {standby} of PostgreSQL {component} is {value} behind",
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
			// Five are all workers that Odoo advises for a server of two processors.
			Name: "postgres_blocked_sessions", Kind: kind, Title: "Sessions get their locks", Metric: "pg_blocked_sessions",
			By: []string{"datname"}, Warning: never, Critical: 4.5, For: 30 * time.Second, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "{value} sessions of database {datname} on PostgreSQL {component} do nothing but wait for locks",
		},
		{
			// A statement of Odoo waits for a row as long as its request may take
			// (limit_time_real, 120 s): half a minute is not an everyday wait.
			Name: "postgres_blocking_root", Kind: kind, Title: "Nobody holds up others", Metric: "pg_blocking_root_sessions",
			By: []string{"datname", "application_name", "state", "relation"}, Warning: 0.5, Critical: never, For: 30 * time.Second, Fresh: slow,
			Role: signal.Context, Optional: true,
			Says: "{value} sessions on PostgreSQL {component} are held up by one of application \"{application_name}\" in database {datname}, which is {state}; they wait for {relation}",
		},
		{
			Name: "postgres_deadlocks", Kind: kind, Title: "No transactions wait for each other", Metric: "pg_recent_deadlocks",
			By: []string{"datname"}, Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "{value} times within five minutes, two transactions of database {datname} on PostgreSQL {component} waited for each other and one was ended",
		},
		{
			// Odoo tries a transaction that failed to serialize five times; when half
			// of all fail, people see errors.
			Name: "postgres_rollbacks", Kind: kind, Title: "Transactions commit", Metric: "pg_recent_rollback_ratio",
			By: []string{"datname"}, Warning: 0.5, Critical: never, Exit: 0.8, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "{value} of the transactions of database {datname} on PostgreSQL {component} were rolled back within five minutes",
		},
		{
			// Past Odoo's limit_time_real, 120 s, no request does anything any more.
			Name: "postgres_idle_in_transaction", Kind: kind, Title: "No idle transactions", Metric: "pg_longest_idle_in_transaction_seconds",
			Warning: 120, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Context, Unit: "seconds",
			Says: "a session on PostgreSQL {component} has held a transaction open and done nothing for {value}",
		},
		{
			// A two-phase commit takes seconds: what is an hour old was forgotten.
			Name: "postgres_prepared_transaction", Kind: kind, Title: "No forgotten prepared transactions", Metric: "pg_longest_prepared_transaction_seconds",
			Warning: 3600, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Context, Unit: "seconds",
			Says: "a prepared transaction on PostgreSQL {component} was left unfinished {value} ago: it keeps its locks and holds back the clean-up of the database",
		},
		{
			// vacuum_freeze_min_age: beyond it, vacuum cannot even freeze.
			Name: "postgres_xmin_age", Kind: kind, Title: "Old rows are cleaned up", Metric: "pg_oldest_xmin_age",
			By: []string{"holder"}, Warning: 50e6, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "the clean-up of the database on PostgreSQL {component} has been held back for {value} transactions by a {holder}",
		},
		{
			Name: "postgres_role_connections", Kind: kind, Title: "Connections of a role", Metric: "pg_role_connections_used_ratio",
			By: []string{"rolname"}, Warning: 0.8, Critical: never, Exit: 0.95, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "role {rolname} uses {value} of its connection limit on PostgreSQL {component}",
		},
		{
			Name: "postgres_database_connections", Kind: kind, Title: "Connections to a database", Metric: "pg_database_connections_used_ratio",
			By: []string{"datname"}, Warning: 0.8, Critical: 0.95, Exit: 0.95, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "{value} of the connections that database {datname} on PostgreSQL {component} allows are in use",
		},
		{
			Name: "postgres_pool_shortfall", Kind: kind, Title: "Room for full connection pools", Metric: "pg_pool_shortfall_connections",
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "if all pools fill up, PostgreSQL {component} refuses {value} connections: raise max_connections or lower db_maxconn",
		},
		{
			Name: "pgbouncer_up", Kind: kind, Title: "PgBouncer answers", Metric: "pgbouncer_up",
			By: []string{"pgbouncer"}, Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "PgBouncer {pgbouncer} before PostgreSQL {component} does not answer",
		},
		{
			// PgBouncer gives a waiting client up after query_wait_timeout, 120 s.
			Name: "pgbouncer_wait", Kind: kind, Title: "Clients get a connection", Metric: "pgbouncer_pools_client_maxwait_seconds",
			By: []string{"pgbouncer", "database"}, Warning: 5, Critical: 60, Exit: 0.5, Fresh: slow, Role: signal.Health, Unit: "seconds", Optional: true,
			Says: "a client of PgBouncer {pgbouncer} has waited {value} for a connection to database {database}: all of the pool are busy",
		},
		{
			Name: "pgbouncer_pool", Kind: kind, Title: "Room in the pool", Metric: "pgbouncer_pools_used_ratio",
			By: []string{"pgbouncer", "database", "user"}, Warning: 0.9, Critical: never, Exit: 0.9, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true,
			Says: "{value} of the pool of {user} for database {database} in PgBouncer {pgbouncer} are in use",
		},
		{
			Name: "pgbouncer_clients", Kind: kind, Title: "PgBouncer takes clients", Metric: "pgbouncer_client_connections_used_ratio",
			By: []string{"pgbouncer"}, Warning: 0.8, Critical: 0.95, Exit: 0.95, Fresh: slow, Role: signal.Health, Unit: "ratio", Optional: true,
			Says: "PgBouncer {pgbouncer} has {value} of the client connections it takes",
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
		{
			// Two weeks are time to plan a larger volume, two days are not.
			Name: "postgres_storage", Kind: kind, Title: "Room for the databases", Metric: "pg_storage_left_seconds",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 14 * day, Critical: 2 * day, Exit: 0.8,
			Fresh: time.Hour, Role: signal.Health, Unit: "seconds", Optional: true,
			Says: "the volume of PostgreSQL {component} is full in {value} if its databases go on growing",
		},
		{
			// Autovacuum has begun at 1 and takes its time.
			Name: "postgres_freeze", Kind: kind, Title: "Autovacuum freezes in time", Metric: "pg_wraparound_freeze_ratio",
			By: []string{"datname"}, Warning: 1.5, Critical: never, Exit: 0.9, Fresh: rare, Role: signal.Context, Optional: true,
			Says: "autovacuum does not keep up with freezing database {datname} on PostgreSQL {component}: its oldest transaction is {value} times as old as it may be",
		},
		{
			// At vacuum_failsafe_age, 1.6 of 2.1 thousand million, PostgreSQL itself
			// drops everything else: runtime-config-client.html of its manual.
			Name: "postgres_wraparound", Kind: kind, Title: "Transaction numbers", Metric: "pg_wraparound_used_ratio",
			By: []string{"datname"}, Warning: 0.5, Critical: 0.75, Exit: 0.95, Fresh: rare, Role: signal.Health, Unit: "ratio", Optional: true,
			Says: "database {datname} on PostgreSQL {component} has used {value} of its transaction numbers: without a clean-up it stops accepting writes",
		},
		{
			Name: "postgres_checksums", Kind: kind, Title: "Pages are as they were written", Metric: "pg_checksum_failures_total",
			Warning: never, Critical: 0.5, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "{value} pages that PostgreSQL {component} read were damaged on disk",
		},
		{
			Name: "postgres_finance_vacuum_overdue", Kind: kind, Title: "Finance tables are vacuumed", Metric: "pg_finance_tables_vacuum_overdue",
			By: []string{"datname"}, Warning: 0.5, Critical: never, Fresh: rare, Role: signal.Context, Optional: true,
			Says: "{value} finance tables of database {datname} on PostgreSQL {component} are overdue for their clean-up: they grow and get slow",
		},
		{
			Name: "postgres_invalid_indexes", Kind: kind, Title: "Indexes can be used", Metric: "pg_indexes_invalid",
			By: []string{"datname"}, Warning: 0.5, Critical: never, Fresh: rare, Role: signal.Context, Optional: true,
			Says: "{value} indexes of database {datname} on PostgreSQL {component} are invalid: they cost writes and serve no reads",
		},
		{ // half of the way, and vacuum_failsafe_age; the server refuses writes at 2.1e9
			Name: "postgres_tables_wraparound", Kind: kind, Title: "Old rows are frozen", Metric: "pg_tables_xid_age",
			By: []string{"datname"}, Warning: 1e9, Critical: 1.6e9, Exit: 0.9, Fresh: rare, Role: signal.Health, Optional: true,
			Says: "a table of database {datname} on PostgreSQL {component} has rows {value} transactions old that are not frozen; at 2.1e9 it accepts no writes",
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
