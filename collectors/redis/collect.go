package redis

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	instanceLabels = []string{"master_replid", "maxmemory_policy", "os", "process_id", "redis_build_id", "redis_mode", "redis_version", "role", "run_id", "tcp_port"}
	instanceDesc   = prometheus.NewDesc("redis_instance_info", "The server, as labels.", instanceLabels, nil)
	startDesc      = prometheus.NewDesc("redis_start_time_seconds", "When the server started, in seconds since 1970.", nil, nil)
	memoryDesc     = prometheus.NewDesc("redis_memory_used_ratio", "Memory allocated as a share of its limit; absent without one.", nil, nil)
	evictionDesc   = prometheus.NewDesc("redis_eviction_unsafe",
		"Whether the server, at its memory limit, evicts keys that its role cannot spare: sessions or queued work.", nil, nil)

	keysDesc     = prometheus.NewDesc("redis_db_keys", "Keys in the database.", []string{"db"}, nil)
	expiringDesc = prometheus.NewDesc("redis_db_keys_expiring", "Keys in the database that will expire.", []string{"db"}, nil)
	ttlDesc      = prometheus.NewDesc("redis_db_avg_ttl_seconds", "Average time until the keys that will expire do.", []string{"db"}, nil)
)

// Info publishes what the server says of itself.
type Info struct {
	Role string // as in Config
	Ask  func(context.Context) (info, error)
	Now  func() time.Time
}

// Describe implements collector.Collector.
func (Info) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range fields {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{instanceDesc, startDesc, memoryDesc, evictionDesc, keysDesc, expiringDesc, ttlDesc} {
		ch <- d
	}
	describePersistence(ch)
	describeReplication(ch)
}

// Collect implements collector.Collector.
func (c Info) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	i, err := c.Ask(ctx)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if v, ok := f.read(i, f.name); ok {
			ch <- prometheus.MustNewConstMetric(f.desc, f.value, v)
		}
	}
	now := i.now(c.Now())
	publishInstance(ch, i, now)
	publishMemory(ch, i, c.Role)
	publishKeyspace(ch, i)
	publishPersistence(ch, i, now)
	publishReplication(ch, i)
	return nil
}

func publishInstance(ch chan<- prometheus.Metric, i info, now time.Time) {
	labels := make([]string, len(instanceLabels))
	for n, name := range instanceLabels {
		labels[n] = strings.ToValidUTF8(i[name], "")
	}
	gauge(ch, instanceDesc, 1, labels...)
	if up, ok := i.number("uptime_in_seconds"); ok {
		gauge(ch, startDesc, float64(now.Unix())-up)
	}
}

// publishMemory judges the limit. Keys with a time to live are what a policy
// named volatile-… evicts: a queue's keys have none, a session's do.
func publishMemory(ch chan<- prometheus.Metric, i info, role string) {
	limit, ok := i.number("maxmemory")
	if !ok {
		return
	}
	if used, ok := i.number("used_memory"); ok && limit > 0 {
		gauge(ch, memoryDesc, used/limit)
	}
	policy, ok := i["maxmemory_policy"]
	if !ok || role == Cache {
		return
	}
	unsafe := strings.HasPrefix(policy, "allkeys-") || (role == Session && strings.HasPrefix(policy, "volatile-"))
	v := 0.0
	if unsafe && limit > 0 {
		v = 1
	}
	gauge(ch, evictionDesc, v)
}

// publishKeyspace publishes each database that has keys.
func publishKeyspace(ch chan<- prometheus.Metric, i info) {
	for name := range i {
		if !isDatabase(name) {
			continue
		}
		db := i.members(name)
		if v, ok := db.number("keys"); ok {
			gauge(ch, keysDesc, v, name)
		}
		expiring, ok := db.number("expires")
		if ok {
			gauge(ch, expiringDesc, expiring, name)
		}
		if v, ok := db.number("avg_ttl"); ok && expiring > 0 {
			gauge(ch, ttlDesc, v/1000, name)
		}
	}
}

// isDatabase recognises db0 to db999.
func isDatabase(name string) bool {
	digits, ok := strings.CutPrefix(name, "db")
	return ok && len(digits) > 0 && len(digits) <= 3 && strings.Trim(digits, "0123456789") == ""
}
