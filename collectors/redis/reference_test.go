package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// sources says which command tells a family; the longest prefix counts. What no
// prefix fits comes from INFO.
var sources = map[string]string{
	"redis_up": "PING", "redis_ping_": "PING", "redis_stall": "PING", "redis_read_": "GET of an absent key",
	"redis_own_commands_total": "counted here", "redis_command_refused": "refusals",
	"redis_exporter_last_scrape_duration_seconds": "measured here", "redis_topology_events_total": "INFO, CLUSTER NODES, compared",
	"redis_commands_latencies_usec": "LATENCY HISTOGRAM, INFO", "redis_latency_spike": "LATENCY LATEST",
	"redis_latency_spikes_total": "LATENCY LATEST, HISTORY",
	"redis_slow":                 "SLOWLOG LEN, GET", "redis_last_slow": "SLOWLOG GET",
	"redis_config_": "CONFIG GET", "redis_append_only_loss_seconds": "INFO, CONFIG GET", "redis_data_risk": "INFO, CONFIG GET",
	"redis_writes_refused": "INFO, CONFIG GET",
	"redis_cluster_":       "CLUSTER INFO", "redis_cluster_nodes": "CLUSTER NODES", "redis_cluster_primaries_without_replica": "CLUSTER NODES",
	"redis_cluster_enabled": "INFO", "redis_cluster_connections": "INFO",
	"redis_key_size": "TYPE, LLEN, SCARD, ZCARD, HLEN, XLEN, STRLEN", "redis_stream_": "XLEN, XINFO GROUPS",
	"redis_sentinel_": "SENTINEL MASTERS, INFO", "redis_sentinel_master_ckquorum_status": "SENTINEL CKQUORUM",
	"redis_pattern_": "SCAN, TYPE, LLEN, SCARD, ZCARD, HLEN, XLEN",
}

func source(name string) string {
	longest, out := "", "INFO"
	for prefix, s := range sources {
		if strings.HasPrefix(name, prefix) && len(prefix) > len(longest) {
			longest, out = prefix, s
		}
	}
	for _, f := range slices.Concat(fields, clusterFields) {
		if strings.Contains(f.desc.String(), `"`+name+`"`) {
			out += " `" + f.name + "`"
		}
	}
	return out
}

// TestReference holds docs/collectors/redis.md to the code: each task, each of
// its families, with type, labels, meaning, source and the version of Redis from
// which on it is told. UPDATE_GOLDEN=1 writes it.
func TestReference(t *testing.T) {
	since := map[string]string{}
	for _, version := range []string{"8.0", "7.0", "6.0"} {
		for name := range collectortest.Types(t, "testdata/redis_"+version+".prom") {
			since[name] = version
		}
	}
	one := func(c collector.Collector) []collector.Collector { return []collector.Collector{c} }
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/redis.md", Introduction: introduction,
		Sections: []collectortest.Section{
			{Title: "Task `server`: what the sampler saw", From: one(Server{})},
			{Title: "Task `info`: what the server says", From: one(&Info{})},
			{Title: "Task `sentinels`: what the Sentinels say", From: one(&sentinels{})},
			{Title: "Task `patterns`: what a scan found", From: one(&scanner{})},
		},
		Source: source,
		Since: func(name string) string {
			if since[name] == "6.0" {
				return ""
			}
			return since[name]
		},
	})
}

const introduction = `# Redis

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/redis; a test holds it to the code. -->

Versions 6 to 8: alone, a replica, with Sentinels, or a node of a cluster. Every series also has the labels
` + "`environment` and `component`" + `. Units are in the names: seconds, bytes, ratios from 0 to 1; the names that
redis_exporter has are kept, with its units. "from" is the first version of Redis that tells it, 6.0 unless said.
A value that is not known is absent; ` + "`redis_data_risk` and `redis_writes_refused`" + ` are NaN then.

## Settings

` + "```yaml" + `
components:
  jobs:
    redis:
      url: "rediss://closewatch:${env:CLOSEWATCH_REDIS_PASSWORD}@jobs.example.com:6379/0"
      tolerance: queue      # what may be lost: cache (everything; the default), session, queue (nothing)
      interval: 15s         # of INFO
      pingInterval: 1s      # of PING
      timeout: 1s           # of each PING, and of each step of connecting
      keys: [queue:mail]    # keys whose size matters, by their exact names, at most 64
      sentinels:            # watch the primary that most of these name, with the URL's password and database
        master: mymaster
        urls: ["redis://sentinel-1:26379", "redis://sentinel-2:26379", "redis://sentinel-3:26379"]
      scan:                 # off unless it is there: visits every key with SCAN
        patterns: ["queue:*"]
        interval: 10m       # rest between two scans
        keysPerSecond: 1000
        maxKeys: 1000000    # a scan that would visit more is given up
` + "```" + `

TLS certificates are checked against the system's authorities, or those that SSL_CERT_FILE names.

## Rights

` + "```" + `
ACL SETUSER closewatch on >password resetkeys resetchannels -@all
ACL SETUSER closewatch ` + Rights + `
` + "```" + `

For ` + "`keys`" + `, add +type +llen +scard +zcard +hlen +xlen +strlen +xinfo|groups and %R~ with each key; for
` + "`scan`" + `, +scan and %R~ with each pattern. Before version 7, write ~ for %R~ and leave out what ACL does not know. On
Sentinels: +ping +info +sentinel. What is not allowed is told by ` + "`redis_command_refused`" + ` and the signal
redis_rights, and what it would tell is not known.

## Cost

Two connections to the server, and one to each Sentinel. In 15 seconds: 15 PINGs, 3 GETs, one round trip with two INFO, LATENCY LATEST, SLOWLOG LEN
and SLOWLOG GET; every minute 9 CONFIG GETs, LATENCY HISTOGRAM and another INFO with it. Nothing is scanned unless ` + "`scan`" + `
says so. ` + "`redis_own_commands_total`" + ` says what was sent, which the server's own statistics include. While the
server takes long to answer, only what is cheap is asked.
`
