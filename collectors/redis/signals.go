package redis

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// Signals defines what is judged of a Redis server.
func Signals() []signal.Definition {
	const kind = "redis"
	const soon, slow = 20 * time.Second, time.Minute
	never := signal.Never()
	return []signal.Definition{
		{
			Name: "redis_up", Kind: kind, Title: "Redis answers", Metric: "redis_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.5,
			Fresh: soon, Role: signal.Health,
			Says: "Redis {component} does not answer",
		},
		{
			Name: "redis_latency", Kind: kind, Title: "Redis answers fast", Metric: "redis_ping_worst_seconds",
			Warning: 0.1, Critical: 0.75, Exit: 0.5, Fresh: soon, Role: signal.Health, Unit: "seconds", Optional: true,
			Says: "Redis {component} took {value} to answer a PING",
		},
		{
			Name: "redis_persistence_failing", Kind: kind, Title: "Redis saves its data", Metric: "redis_persistence_failing",
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Health, Optional: true,
			Says: "Redis {component} fails to save its data: a restart would lose it",
		},
		{
			Name: "redis_eviction_unsafe", Kind: kind, Title: "Redis keeps its keys", Metric: "redis_eviction_unsafe",
			Warning: 0.5, Critical: never, Fresh: slow, Role: signal.Context, Optional: true,
			Says: "Redis {component} evicts keys it must not lose when its memory is full",
		},
		{
			Name: "redis_memory", Kind: kind, Title: "Redis memory in use", Metric: "redis_memory_used_ratio",
			Warning: 0.9, Critical: never, Exit: 0.95, Fresh: slow, Role: signal.Context, Unit: "ratio", Optional: true, // a full cache is healthy
			Says: "Redis {component} uses {value} of its memory limit",
		},
		{
			Name: "redis_replica_link", Kind: kind, Title: "Replica is connected", Metric: "redis_master_link_up",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never,
			Fresh: slow, Role: signal.Health, Optional: true,
			Says: "Redis {component} is a replica cut off from its primary",
		},
	}
}
