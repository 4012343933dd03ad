package redis

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// How long a reading counts: of what is measured all the time, and of a look.
const (
	soon = 20 * time.Second
	slow = time.Minute
)

// Signals defines what is judged of a Redis server. What is at risk depends on
// the tolerance for loss, which redis_data_risk has taken into account.
func Signals() []signal.Definition {
	const kind = "redis"
	never := signal.Never()
	defs := []signal.Definition{
		{
			Name: "redis_up", Kind: kind, Title: "Redis answers", Metric: "redis_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.5,
			Fresh: soon, Role: signal.Health,
			Says: "Redis {component} does not answer",
		},
		{
			// A session is read with each request and a page needs several: at 0.1 s
			// people feel it, at 0.75 s every page is late.
			Name: "redis_latency", Kind: kind, Title: "Redis answers fast", Metric: "redis_ping_worst_seconds",
			Warning: 0.1, Critical: 0.75, Exit: 0.5, Fresh: soon, Role: signal.Health, Unit: "seconds", Optional: true,
			Says: "Redis {component} took {value} to answer a PING",
		},
		{
			Name: "redis_writes_refused", Kind: kind, Title: "Redis takes writes", Metric: "redis_writes_refused", By: []string{"reason"},
			Warning: never, Critical: 0.5, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "Redis {component} refuses writes because of its {reason}",
		},
		{
			Name: "redis_persistence_failing", Kind: kind, Title: "Redis saves its data", Metric: "redis_persistence_failing",
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "Redis {component} fails to save its data: a restart would lose it",
		},
		{
			Name: "redis_memory", Kind: kind, Title: "Redis memory in use", Metric: "redis_memory_used_ratio",
			Warning: 0.9, Critical: never, Exit: 0.95, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true, // a full cache is healthy
			Says: "Redis {component} uses {value} of its memory limit",
		},
		{
			// Each worker of Odoo holds a connection or a few; past the limit nobody
			// can connect any more.
			Name: "redis_clients", Kind: kind, Title: "Redis takes clients", Metric: "redis_clients_used_ratio",
			Warning: 0.8, Critical: 0.95, Exit: 0.95, Fresh: slow, Role: signal.Health, Unit: "ratio", Optional: true,
			Says: "Redis {component} has {value} of the client connections it allows",
		},
		{
			Name: "redis_replica_link", Kind: kind, Title: "Replica is connected", Metric: "redis_master_link_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never,
			Fresh: slow, Role: signal.Health, Optional: true,
			Says: "Redis {component} is a replica cut off from its primary",
		},
		{
			// Replicas acknowledge once a second; Redis gives up a link after 60 s
			// (repl-timeout).
			Name: "redis_replica_lag", Kind: kind, Title: "Replicas keep up", Metric: "redis_connected_slave_lag_seconds", By: []string{"slave_ip", "slave_port"},
			Warning: 10, Critical: never, Exit: 0.5, Fresh: slow, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "the replica {slave_ip}:{slave_port} of Redis {component} last acknowledged {value} ago",
		},
		{
			Name: "redis_cluster", Kind: kind, Title: "The Redis cluster serves", Metric: "redis_cluster_state",
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.5,
			Fresh: slow, Role: signal.Health, Optional: true,
			Says: "the cluster of Redis {component} does not serve: hash slots are without a node",
		},
		{
			Name: "redis_sentinel_quorum", Kind: kind, Title: "Sentinels can fail over", Metric: "redis_sentinel_master_ckquorum_status",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never,
			Fresh: soon, Role: signal.Context, Optional: true,
			Says: "too few Sentinels of Redis {component} are there to repair a failure of the primary",
		},
		{
			// A failover is known to all Sentinels within seconds.
			Name: "redis_sentinel_disagreement", Kind: kind, Title: "Sentinels agree on the primary", Metric: "redis_sentinel_disagreement",
			Warning: 0.5, Critical: never, For: 30 * time.Second, Fresh: soon, Role: signal.Health, Optional: true,
			Says: "the Sentinels of Redis {component} name different primaries: clients may write to two",
		},
		{
			Name: "redis_rights", Kind: kind, Title: "Redis lets itself be watched", Metric: "redis_command_refused",
			Match: map[string]string{"reason": denied}, By: []string{"command"},
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "Redis {component} does not allow closewatch {command}: what that would tell is not known",
		},
	}
	for _, r := range riskSignals {
		defs = append(defs, signal.Definition{
			Name: "redis_" + r.risk, Kind: kind, Title: r.title, Metric: "redis_data_risk", Match: map[string]string{"risk": r.risk},
			Warning: 0.5, Critical: never, Fresh: slow, Role: r.role, Optional: true, // a risk that does not matter is absent, one not known is NaN
			Says: r.says,
		})
	}
	return defs
}

// riskSignals are what people are told of each risk. Those that cost data in the
// next crash are part of the health, those that are a choice are context.
var riskSignals = []struct {
	risk, title string
	role        signal.Role
	says        string
}{
	{persistenceOff, "Redis keeps its data on disk", signal.Context, "Redis {component} writes nothing to disk: a restart loses all it holds"},
	{unsaved, "Redis saves in time", signal.Health, "Redis {component} holds changes that have not been saved for longer than may be lost"},
	{saveOverdue, "Redis begins its snapshots", signal.Health, "Redis {component} has passed a save point without beginning a snapshot"},
	{fsync, "Redis syncs its file", signal.Context, "Redis {component} leaves syncing its append-only file to the operating system: a power failure loses up to 30 s"},
	{eviction, "Redis keeps its keys", signal.Context, "Redis {component} evicts keys it must not lose when its memory is full"},
	{noEviction, "The Redis cache makes room", signal.Context, "Redis {component} is a cache that refuses writes when its memory is full: set a policy that evicts"},
}
