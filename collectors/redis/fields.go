package redis

import "github.com/prometheus/client_golang/prometheus"

// A field is one number of INFO published as the peer does.
type field struct {
	name  string // in INFO
	value prometheus.ValueType
	desc  *prometheus.Desc
	read  func(info, string) (float64, bool)
}

func define(name, metric, help string, value prometheus.ValueType, read func(info, string) (float64, bool)) field {
	return field{name, value, prometheus.NewDesc(metric, help, nil, nil), read}
}

// number, positive (a negative number stands for "never"), status ("ok" or
// not) and scaled are the ways to read a field.
func positive(i info, name string) (float64, bool) {
	v, ok := i.number(name)
	return v, ok && v >= 0
}

func status(i info, name string) (float64, bool) {
	v, ok := i[name]
	if v == "ok" {
		return 1, ok
	}
	return 0, ok
}

func microseconds(i info, name string) (float64, bool) {
	v, ok := i.number(name)
	return v / 1e6, ok
}

const (
	asGauge   = prometheus.GaugeValue
	asCounter = prometheus.CounterValue
)

// fields are the numbers of INFO that are published under the peer's names.
var fields = []field{
	define("uptime_in_seconds", "redis_uptime_in_seconds", "Seconds since the server started.", asGauge, info.number),
	define("loading", "redis_loading_dump_file", "Whether the server is loading its data.", asGauge, info.number),

	define("connected_clients", "redis_connected_clients", "Client connections.", asGauge, info.number),
	define("blocked_clients", "redis_blocked_clients", "Clients that wait in a blocking command.", asGauge, info.number),
	define("maxclients", "redis_max_clients", "Limit of client connections.", asGauge, info.number),
	define("total_connections_received", "redis_connections_received_total", "Connections accepted.", asCounter, info.number),
	define("rejected_connections", "redis_rejected_connections_total", "Connections rejected because of the limit.", asCounter, info.number),

	define("used_memory", "redis_memory_used_bytes", "Memory allocated.", asGauge, info.number),
	define("used_memory_rss", "redis_memory_used_rss_bytes", "Memory as the operating system sees it.", asGauge, info.number),
	define("used_memory_peak", "redis_memory_used_peak_bytes", "Most memory ever allocated.", asGauge, info.number),
	define("maxmemory", "redis_memory_max_bytes", "Limit of memory; 0 is none.", asGauge, info.number),
	define("mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", "Resident memory as a multiple of allocated memory.", asGauge, info.number),

	define("total_commands_processed", "redis_commands_processed_total", "Commands processed.", asCounter, info.number),
	define("total_error_replies", "redis_total_error_replies", "Error replies.", asCounter, info.number),
	define("expired_keys", "redis_expired_keys_total", "Keys that expired.", asCounter, info.number),
	define("evicted_keys", "redis_evicted_keys_total", "Keys evicted because of the memory limit.", asCounter, info.number),
	define("keyspace_hits", "redis_keyspace_hits_total", "Look-ups that found their key.", asCounter, info.number),
	define("keyspace_misses", "redis_keyspace_misses_total", "Look-ups that did not.", asCounter, info.number),
	define("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes read from the network.", asCounter, info.number),
	define("total_net_output_bytes", "redis_net_output_bytes_total", "Bytes written to the network.", asCounter, info.number),
	define("latest_fork_usec", "redis_latest_fork_seconds", "Duration of the latest fork.", asGauge, microseconds),
	define("used_cpu_sys", "redis_cpu_sys_seconds_total", "System CPU time.", asCounter, info.number),
	define("used_cpu_user", "redis_cpu_user_seconds_total", "User CPU time.", asCounter, info.number),

	define("rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", "Changes since the last snapshot.", asGauge, info.number),
	define("rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", "Whether a snapshot is being written.", asGauge, info.number),
	define("rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written, or the server started.", asGauge, info.number),
	define("rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", "Whether the last snapshot succeeded.", asGauge, status),
	define("rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", "Duration of the last snapshot; absent when there was none.", asGauge, positive),
	define("aof_enabled", "redis_aof_enabled", "Whether the append-only file is on.", asGauge, info.number),
	define("aof_last_write_status", "redis_aof_last_write_status", "Whether the last write to the append-only file succeeded.", asGauge, status),
	define("aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", "Whether the last rewrite of the append-only file succeeded.", asGauge, status),
	define("aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", "Whether the append-only file is being rewritten.", asGauge, info.number),

	define("connected_slaves", "redis_connected_slaves", "Replicas connected.", asGauge, info.number),
	define("master_repl_offset", "redis_master_repl_offset", "Replication offset of the primary.", asGauge, info.number),
	define("sync_full", "redis_replica_resyncs_full", "Full resynchronisations with replicas.", asGauge, info.number),
}
