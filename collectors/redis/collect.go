package redis

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	instanceLabels = []string{"master_replid", "maxmemory_policy", "os", "process_id", "redis_build_id", "redis_mode", "redis_version", "role", "run_id", "tcp_port"}
	instanceDesc   = prometheus.NewDesc("redis_instance_info", "The server, as labels.", instanceLabels, nil)
	startDesc      = prometheus.NewDesc("redis_start_time_seconds", "When the server started, in seconds since 1970.", nil, nil)
	clientsDesc    = prometheus.NewDesc("redis_clients_used_ratio", "Client connections as a share of their limit.", nil, nil)
	tookDesc       = prometheus.NewDesc("redis_exporter_last_scrape_duration_seconds", "Time until INFO and what is asked with it were answered.", nil, nil)

	keysDesc     = prometheus.NewDesc("redis_db_keys", "Keys in the database.", []string{"db"}, nil)
	expiringDesc = prometheus.NewDesc("redis_db_keys_expiring", "Keys in the database that will expire.", []string{"db"}, nil)
	ttlDesc      = prometheus.NewDesc("redis_db_avg_ttl_seconds", "Average time until the keys that will expire do.", []string{"db"}, nil)
)

// Info publishes what the server says of itself.
type Info struct {
	Tolerance string   // as in Config
	Keys      []string // as in Config
	Database  int      // in which the keys are
	Ask       ask
	Explain   func(error) error // makes a fault of an error reply; nil leaves it
	// Refused publishes what the server refuses to the sampler; nil: nothing.
	Refused func(chan<- prometheus.Metric)
	Now     func() time.Time

	memory *memory
}

// NewInfo returns a collector that remembers nothing yet.
func NewInfo(tolerance string, keys []string, ask ask, now func() time.Time) *Info {
	return &Info{Tolerance: tolerance, Keys: keys, Ask: ask, Now: now, memory: newMemory()}
}

// Describe implements collector.Collector.
func (*Info) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range fields {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{instanceDesc, startDesc, clientsDesc, tookDesc, keysDesc, expiringDesc, ttlDesc, eventsDesc, refusedDesc, spentDesc} {
		ch <- d
	}
	describeCommands(ch)
	describeSpikes(ch)
	describeSlow(ch)
	describeSettings(ch)
	describePersistence(ch)
	describeReplication(ch)
	describeRisks(ch)
	describeCluster(ch)
	describeKeys(ch)
}

// Collect implements collector.Collector. It sends what could be read also when
// some of it could not.
func (c *Info) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	l, err := c.look(ctx)
	if len(l.info) == 0 {
		return err
	}
	c.publish(ch, l)
	if l.info["redis_mode"] == "sentinel" {
		return errors.Join(err, &fault.Error{
			Op: "read INFO", Kind: fault.Schema, Err: errors.New("a Sentinel answers"),
			Hint: "write the server's address in url and the Sentinel's under sentinels.urls",
		})
	}
	return err
}

func publishInstance(ch chan<- prometheus.Metric, i info, now time.Time) {
	labels := make([]string, len(instanceLabels))
	for n, name := range instanceLabels {
		labels[n] = i[name]
	}
	gauge(ch, instanceDesc, 1, labels...)
	if up, ok := i.number("uptime_in_seconds"); ok {
		gauge(ch, startDesc, float64(now.Unix())-up)
	}
	clients, ok := i.number("connected_clients")
	if limit, okLimit := i.number("maxclients"); ok && okLimit && limit > 0 {
		gauge(ch, clientsDesc, clients/limit)
	}
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
