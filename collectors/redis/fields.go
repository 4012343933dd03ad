package redis

import "github.com/prometheus/client_golang/prometheus"

// A field is one number of INFO published under redis_exporter's name where it
// has one. A server of a version without the field publishes nothing for it.
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
// not), microseconds and milliseconds are the ways to read a field.
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

// fields are the numbers of INFO that are published as they are, in the order
// of INFO's sections. Types and names are redis_exporter's, also where a count
// is a gauge with it.
var fields = []field{
	// Server.
	define("uptime_in_seconds", "redis_uptime_in_seconds", "Seconds since the server started.", asGauge, info.number),
	define("process_id", "redis_process_id", "Process id of the server.", asGauge, info.number),
	define("hz", "redis_hz", "Frequency of the server's background work now.", asGauge, info.number),
	define("configured_hz", "redis_configured_hz", "Configured frequency of the server's background work.", asGauge, info.number),
	define("io_threads_active", "redis_io_threads_active", "Whether I/O threads are active.", asGauge, info.number),

	// Clients.
	define("connected_clients", "redis_connected_clients", "Client connections.", asGauge, info.number),
	define("cluster_connections", "redis_cluster_connections", "Sockets of the cluster bus, approximately.", asGauge, info.number),
	define("maxclients", "redis_max_clients", "Limit of client connections.", asGauge, info.number),
	define("blocked_clients", "redis_blocked_clients", "Clients that wait in a blocking command.", asGauge, info.number),
	define("tracking_clients", "redis_tracking_clients", "Clients whose reads are tracked for their caches.", asGauge, info.number),
	define("clients_in_timeout_table", "redis_clients_in_timeout_table", "Clients in the table of timeouts.", asGauge, info.number),
	define("watching_clients", "redis_watching_clients", "Clients that watch keys for a transaction.", asGauge, info.number),
	define("total_blocking_keys", "redis_total_blocking_keys", "Keys on which clients are blocked.", asGauge, info.number),
	define("client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes", "Largest input buffer among clients.", asGauge, info.number),
	define("client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes", "Largest output buffer among clients.", asGauge, info.number),

	// Memory.
	define("used_memory", "redis_memory_used_bytes", "Memory allocated.", asGauge, info.number),
	define("used_memory_rss", "redis_memory_used_rss_bytes", "Memory as the operating system sees it.", asGauge, info.number),
	define("used_memory_peak", "redis_memory_used_peak_bytes", "Most memory ever allocated.", asGauge, info.number),
	define("used_memory_overhead", "redis_memory_used_overhead_bytes", "Memory for what is no data.", asGauge, info.number),
	define("used_memory_startup", "redis_memory_used_startup_bytes", "Memory allocated at the start.", asGauge, info.number),
	define("used_memory_dataset", "redis_memory_used_dataset_bytes", "Memory for data.", asGauge, info.number),
	define("used_memory_lua", "redis_memory_used_lua_bytes", "Memory of the Lua engine.", asGauge, info.number),
	define("used_memory_vm_eval", "redis_memory_used_vm_eval_bytes", "Memory of the engine of scripts.", asGauge, info.number),
	define("used_memory_vm_functions", "redis_memory_used_vm_functions_bytes", "Memory of the engine of functions.", asGauge, info.number),
	define("used_memory_vm_total", "redis_memory_used_vm_total", "Memory of the engines of scripts and functions, in bytes.", asGauge, info.number),
	define("used_memory_functions", "redis_memory_used_functions_bytes", "Overhead of functions outside their engine.", asGauge, info.number),
	define("used_memory_scripts", "redis_memory_used_scripts_bytes", "Overhead of scripts and functions outside their engines.", asGauge, info.number),
	define("used_memory_scripts_eval", "redis_memory_used_scripts_eval_bytes", "Overhead of scripts outside their engine.", asGauge, info.number),
	define("number_of_cached_scripts", "redis_number_of_cached_scripts", "Scripts cached.", asGauge, info.number),
	define("number_of_functions", "redis_number_of_functions", "Functions loaded.", asGauge, info.number),
	define("number_of_libraries", "redis_number_of_libraries", "Libraries of functions loaded.", asGauge, info.number),
	define("maxmemory", "redis_memory_max_bytes", "Limit of memory; 0 is none.", asGauge, info.number),
	define("allocator_allocated", "redis_allocator_allocated_bytes", "Memory the allocator gave out.", asGauge, info.number),
	define("allocator_active", "redis_allocator_active_bytes", "Memory in the allocator's active pages.", asGauge, info.number),
	define("allocator_resident", "redis_allocator_resident_bytes", "Resident memory of the allocator.", asGauge, info.number),
	define("allocator_muzzy", "redis_allocator_muzzy_bytes", "Memory of the allocator that the operating system may take.", asGauge, info.number),
	define("allocator_frag_ratio", "redis_allocator_frag_ratio", "Active as a multiple of allocated memory.", asGauge, info.number),
	define("allocator_frag_bytes", "redis_allocator_frag_bytes", "Memory lost to fragmentation inside the allocator.", asGauge, info.number),
	define("allocator_rss_ratio", "redis_allocator_rss_ratio", "Resident as a multiple of active memory.", asGauge, info.number),
	define("allocator_rss_bytes", "redis_allocator_rss_bytes", "Resident memory beyond active memory.", asGauge, info.number),
	define("mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", "Resident memory as a multiple of allocated memory.", asGauge, info.number),
	define("mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", "Resident memory beyond allocated memory.", asGauge, info.number),
	define("mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes", "Memory that does not count towards the limit: buffers of replicas and of the append-only file.", asGauge, info.number),
	define("mem_replication_backlog", "redis_mem_replication_backlog_bytes", "Memory of the replication backlog.", asGauge, info.number),
	define("mem_total_replication_buffers", "redis_mem_total_replication_buffers_bytes", "Memory of all replication buffers.", asGauge, info.number),
	define("mem_clients_slaves", "redis_mem_clients_slaves", "Memory of replica clients, in bytes.", asGauge, info.number),
	define("mem_clients_normal", "redis_mem_clients_normal", "Memory of normal clients, in bytes.", asGauge, info.number),
	define("mem_cluster_links", "redis_mem_cluster_links_bytes", "Memory of links to cluster peers.", asGauge, info.number),
	define("mem_aof_buffer", "redis_mem_aof_buffer_bytes", "Memory of the append-only file's buffers.", asGauge, info.number),
	define("active_defrag_running", "redis_active_defrag_running", "CPU share of active defragmentation, in percent; 0 when it is not running.", asGauge, info.number),
	define("lazyfree_pending_objects", "redis_lazyfree_pending_objects", "Objects waiting to be freed in the background.", asGauge, info.number),
	define("lazyfreed_objects", "redis_lazyfreed_objects", "Objects freed in the background.", asGauge, info.number),

	// Persistence.
	define("loading", "redis_loading_dump_file", "Whether the server is loading its data.", asGauge, info.number),
	define("async_loading", "redis_async_loading", "Whether the server is loading a replication data set while it serves the old one.", asGauge, info.number),
	define("current_cow_size", "redis_current_cow_size_bytes", "Memory copied on write by the child that is saving now; 0 when none is.", asGauge, info.number),
	define("rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", "Changes since the last snapshot.", asGauge, info.number),
	define("rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", "Whether a snapshot is being written.", asGauge, info.number),
	define("rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written, or the server started.", asGauge, info.number),
	define("rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", "Whether the last snapshot succeeded.", asGauge, status),
	define("rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", "Duration of the last snapshot; absent when there was none.", asGauge, positive),
	define("rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec", "Duration so far of the snapshot being written; absent when none is.", asGauge, positive),
	define("rdb_saves", "redis_rdb_saves_total", "Snapshots written since the start.", asGauge, info.number),
	define("rdb_last_cow_size", "redis_rdb_last_cow_size_bytes", "Memory copied on write during the last snapshot.", asGauge, info.number),
	define("rdb_last_load_keys_expired", "redis_rdb_last_load_expired_keys", "Keys dropped as expired during the last load.", asGauge, info.number),
	define("rdb_last_load_keys_loaded", "redis_rdb_last_load_loaded_keys", "Keys loaded during the last load.", asGauge, info.number),
	define("aof_enabled", "redis_aof_enabled", "Whether the append-only file is on.", asGauge, info.number),
	define("aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", "Whether the append-only file is being rewritten.", asGauge, info.number),
	define("aof_rewrite_scheduled", "redis_aof_rewrite_scheduled", "Whether a rewrite of the append-only file waits for a snapshot to end.", asGauge, info.number),
	define("aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", "Duration of the last rewrite of the append-only file; absent when there was none.", asGauge, positive),
	define("aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec", "Duration so far of the rewrite of the append-only file; absent when there is none.", asGauge, positive),
	define("aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", "Whether the last rewrite of the append-only file succeeded.", asGauge, status),
	define("aof_last_write_status", "redis_aof_last_write_status", "Whether the last write to the append-only file succeeded.", asGauge, status),
	define("aof_last_cow_size", "redis_aof_last_cow_size_bytes", "Memory copied on write during the last rewrite of the append-only file.", asGauge, info.number),
	define("aof_current_size", "redis_aof_current_size_bytes", "Size of the append-only file.", asGauge, info.number),
	define("aof_base_size", "redis_aof_base_size_bytes", "Size of the append-only file after its last rewrite.", asGauge, info.number),
	define("aof_pending_rewrite", "redis_aof_pending_rewrite", "Whether a rewrite of the append-only file is pending.", asGauge, info.number),
	define("aof_buffer_length", "redis_aof_buffer_length", "Bytes in the append-only file's buffer.", asGauge, info.number),
	define("aof_pending_bio_fsync", "redis_aof_pending_bio_fsync", "Syncs of the append-only file that wait in the background.", asGauge, info.number),
	define("aof_delayed_fsync", "redis_aof_delayed_fsync", "Writes that had to wait for a sync of the append-only file.", asGauge, info.number),
	define("module_fork_in_progress", "redis_module_fork_in_progress", "Whether a module has forked.", asGauge, info.number),
	define("module_fork_last_cow_size", "redis_module_fork_last_cow_size", "Memory copied on write during a module's last fork, in bytes.", asGauge, info.number),

	// Stats.
	define("total_connections_received", "redis_connections_received_total", "Connections accepted.", asCounter, info.number),
	define("total_commands_processed", "redis_commands_processed_total", "Commands processed.", asCounter, info.number),
	define("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes read from the network.", asCounter, info.number),
	define("total_net_output_bytes", "redis_net_output_bytes_total", "Bytes written to the network.", asCounter, info.number),
	define("total_net_repl_input_bytes", "redis_net_repl_input_bytes_total", "Bytes read from the network for replication.", asCounter, info.number),
	define("total_net_repl_output_bytes", "redis_net_repl_output_bytes_total", "Bytes written to the network for replication.", asCounter, info.number),
	define("rejected_connections", "redis_rejected_connections_total", "Connections rejected because of the limit.", asCounter, info.number),
	define("sync_full", "redis_replica_resyncs_full", "Full resynchronisations with replicas.", asGauge, info.number),
	define("sync_partial_ok", "redis_replica_partial_resync_accepted", "Partial resynchronisations accepted.", asGauge, info.number),
	define("sync_partial_err", "redis_replica_partial_resync_denied", "Partial resynchronisations denied, each a full one.", asGauge, info.number),
	define("expired_keys", "redis_expired_keys_total", "Keys that expired.", asCounter, info.number),
	define("expired_subkeys", "redis_expired_subkeys_total", "Fields of hashes that expired.", asCounter, info.number),
	define("expired_stale_perc", "redis_expired_stale_percentage", "Keys probably expired and not yet deleted, in percent.", asGauge, info.number),
	define("expired_time_cap_reached_count", "redis_expired_time_cap_reached_total", "Times the search for expired keys ran out of time.", asGauge, info.number),
	define("expire_cycle_cpu_milliseconds", "redis_expire_cycle_cpu_time_ms_total", "CPU time of the search for expired keys, in milliseconds.", asCounter, info.number),
	define("evicted_keys", "redis_evicted_keys_total", "Keys evicted because of the memory limit.", asCounter, info.number),
	define("evicted_clients", "redis_evicted_clients_total", "Clients evicted because of their memory limit.", asCounter, info.number),
	define("evicted_scripts", "redis_evicted_scripts_total", "Scripts evicted from their cache.", asCounter, info.number),
	define("total_eviction_exceeded_time", "redis_eviction_exceeded_time_ms_total", "Time with more memory used than the limit, in milliseconds.", asCounter, info.number),
	define("current_eviction_exceeded_time", "redis_current_eviction_exceeded_time_ms", "Time since the memory limit was exceeded, in milliseconds; 0 when it is not.", asGauge, info.number),
	define("keyspace_hits", "redis_keyspace_hits_total", "Look-ups that found their key.", asCounter, info.number),
	define("keyspace_misses", "redis_keyspace_misses_total", "Look-ups that did not, those of closewatch included.", asCounter, info.number),
	define("pubsub_channels", "redis_pubsub_channels", "Channels with subscribers.", asGauge, info.number),
	define("pubsub_patterns", "redis_pubsub_patterns", "Patterns with subscribers.", asGauge, info.number),
	define("pubsubshard_channels", "redis_pubsubshard_channels", "Shard channels with subscribers.", asGauge, info.number),
	define("latest_fork_usec", "redis_latest_fork_seconds", "Duration of the latest fork.", asGauge, microseconds),
	define("migrate_cached_sockets", "redis_migrate_cached_sockets_total", "Sockets open for migrations.", asGauge, info.number),
	define("slave_expires_tracked_keys", "redis_slave_expires_tracked_keys", "Keys whose expiry a writable replica tracks.", asGauge, info.number),
	define("active_defrag_hits", "redis_defrag_hits", "Values moved by active defragmentation.", asGauge, info.number),
	define("active_defrag_misses", "redis_defrag_misses", "Moves of values given up by active defragmentation.", asGauge, info.number),
	define("active_defrag_key_hits", "redis_defrag_key_hits", "Keys defragmented.", asGauge, info.number),
	define("active_defrag_key_misses", "redis_defrag_key_misses", "Keys skipped by active defragmentation.", asGauge, info.number),
	define("tracking_total_keys", "redis_tracking_total_keys", "Keys tracked for clients' caches.", asGauge, info.number),
	define("tracking_total_items", "redis_tracking_total_items", "Clients times keys tracked for their caches.", asGauge, info.number),
	define("tracking_total_prefixes", "redis_tracking_total_prefixes", "Prefixes tracked for clients' caches.", asGauge, info.number),
	define("unexpected_error_replies", "redis_unexpected_error_replies", "Errors met while loading the append-only file or replicating.", asCounter, info.number),
	define("total_error_replies", "redis_total_error_replies", "Error replies.", asCounter, info.number),
	define("dump_payload_sanitizations", "redis_dump_payload_sanitizations", "Deep checks of dumped payloads.", asCounter, info.number),
	define("total_reads_processed", "redis_total_reads_processed", "Reads from clients.", asCounter, info.number),
	define("total_writes_processed", "redis_total_writes_processed", "Writes to clients.", asCounter, info.number),
	define("io_threaded_reads_processed", "redis_io_threaded_reads_processed", "Reads done by I/O threads.", asCounter, info.number),
	define("io_threaded_writes_processed", "redis_io_threaded_writes_processed", "Writes done by I/O threads.", asCounter, info.number),
	define("reply_buffer_shrinks", "redis_reply_buffer_shrinks_total", "Reply buffers made smaller.", asCounter, info.number),
	define("reply_buffer_expands", "redis_reply_buffer_expands_total", "Reply buffers made larger.", asCounter, info.number),
	define("client_query_buffer_limit_disconnections", "redis_client_query_buffer_limit_disconnections_total", "Clients disconnected because of their input buffer's limit.", asCounter, info.number),
	define("client_output_buffer_limit_disconnections", "redis_client_output_buffer_limit_disconnections_total", "Clients disconnected because of their output buffer's limit.", asCounter, info.number),
	define("eventloop_cycles", "redis_eventloop_cycles_total", "Turns of the event loop.", asCounter, info.number),
	define("eventloop_duration_sum", "redis_eventloop_duration_seconds_total", "Time spent in the event loop, waiting excluded.", asCounter, microseconds),
	define("eventloop_duration_cmd_sum", "redis_eventloop_commands_seconds_total", "Time of the event loop spent in commands.", asCounter, microseconds),
	define("acl_access_denied_auth", "redis_acl_access_denied_auth_total", "Log-ins refused.", asCounter, info.number),
	define("acl_access_denied_cmd", "redis_acl_access_denied_cmd_total", "Commands refused for lack of the right.", asCounter, info.number),
	define("acl_access_denied_key", "redis_acl_access_denied_key_total", "Keys refused for lack of the right.", asCounter, info.number),
	define("acl_access_denied_channel", "redis_acl_access_denied_channel_total", "Channels refused for lack of the right.", asCounter, info.number),

	// Replication.
	define("connected_slaves", "redis_connected_slaves", "Replicas connected.", asGauge, info.number),
	define("min_slaves_good_slaves", "redis_good_replicas", "Replicas near enough to count towards min-replicas-to-write; absent when that is off.", asGauge, info.number),
	define("slave_priority", "redis_slave_priority", "Priority of this replica in a failover; 0 is never promoted.", asGauge, info.number),
	define("master_repl_offset", "redis_master_repl_offset", "Replication offset of the primary.", asGauge, info.number),
	define("second_repl_offset", "redis_second_repl_offset", "Offset up to which the replication id before the last failover is accepted; -1 without one.", asGauge, info.number),
	define("repl_backlog_active", "redis_repl_backlog_is_active", "Whether the replication backlog is in use.", asGauge, info.number),
	define("repl_backlog_size", "redis_replication_backlog_bytes", "Size of the replication backlog.", asGauge, info.number),
	define("repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset", "Replication offset at which the backlog begins.", asGauge, info.number),
	define("repl_backlog_histlen", "redis_repl_backlog_history_bytes", "Bytes held in the replication backlog.", asGauge, info.number),

	// CPU.
	define("used_cpu_sys", "redis_cpu_sys_seconds_total", "System CPU time.", asCounter, info.number),
	define("used_cpu_user", "redis_cpu_user_seconds_total", "User CPU time.", asCounter, info.number),
	define("used_cpu_sys_children", "redis_cpu_sys_children_seconds_total", "System CPU time of the processes that save.", asCounter, info.number),
	define("used_cpu_user_children", "redis_cpu_user_children_seconds_total", "User CPU time of the processes that save.", asCounter, info.number),
	define("used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", "System CPU time of the main thread.", asCounter, info.number),
	define("used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", "User CPU time of the main thread, which runs every command.", asCounter, info.number),

	// Cluster.
	define("cluster_enabled", "redis_cluster_enabled", "Whether the server is part of a cluster.", asGauge, info.number),
}
