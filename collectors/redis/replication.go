package redis

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	replicaLabels = []string{"slave_ip", "slave_port", "slave_state"}
	masterLabels  = []string{"master_host", "master_port"}

	offsetDesc = prometheus.NewDesc("redis_connected_slave_offset_bytes", "Replication offset of a replica.", replicaLabels, nil)
	ageDesc    = prometheus.NewDesc("redis_connected_slave_lag_seconds", "Seconds since a replica last acknowledged.", replicaLabels, nil)
	behindDesc = prometheus.NewDesc("redis_replica_lag_bytes", "Bytes of the replication stream that a replica has yet to acknowledge.",
		[]string{"slave_ip", "slave_port"}, nil)

	linkDesc   = prometheus.NewDesc("redis_master_link_up", "Whether this replica is connected to its primary.", masterLabels, nil)
	lastIODesc = prometheus.NewDesc("redis_master_last_io_seconds_ago", "Seconds since this replica heard from its primary.", masterLabels, nil)
	syncDesc   = prometheus.NewDesc("redis_master_sync_in_progress", "Whether this replica is copying its primary's data.", masterLabels, nil)
	ownDesc    = prometheus.NewDesc("redis_slave_repl_offset", "Replication offset of this replica.", masterLabels, nil)
	readDesc   = prometheus.NewDesc("redis_replica_unapplied_bytes", "Bytes of the replication stream that this replica has received and not applied.", masterLabels, nil)
	slaveDesc  = prometheus.NewDesc("redis_slave_info", "This replica, as labels.", append(masterLabels, "read_only"), nil)
	downDesc   = prometheus.NewDesc("redis_master_link_down_since_seconds", "How long this replica has been cut off from its primary; absent while connected.", masterLabels, nil)
)

func describeReplication(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{offsetDesc, ageDesc, behindDesc, linkDesc, lastIODesc, syncDesc, ownDesc, downDesc, readDesc, slaveDesc} {
		ch <- d
	}
}

// maxReplicas bounds the replicas published.
const maxReplicas = 32

func publishReplication(ch chan<- prometheus.Metric, i info) {
	if i["role"] == "slave" {
		publishReplica(ch, i)
	}
	end, okEnd := i.number("master_repl_offset")
	for n := range maxReplicas {
		r := i.members(fmt.Sprintf("slave%d", n))
		if len(r) == 0 {
			return
		}
		ip, port, state := label(r["ip"]), label(r["port"]), label(r["state"])
		if offset, ok := r.number("offset"); ok {
			gauge(ch, offsetDesc, offset, ip, port, state)
			if okEnd {
				gauge(ch, behindDesc, max(end-offset, 0), ip, port)
			}
		}
		if v, ok := r.number("lag"); ok && v >= 0 {
			gauge(ch, ageDesc, v, ip, port, state)
		}
	}
}

func publishReplica(ch chan<- prometheus.Metric, i info) {
	labels := []string{label(i["master_host"]), label(i["master_port"])}
	link, ok := i["master_link_status"]
	if ok {
		gauge(ch, linkDesc, truth(link == "up"), labels...)
	}
	if only, ok := i["slave_read_only"]; ok {
		gauge(ch, slaveDesc, 1, append(labels, only)...)
	}
	received, okReceived := i.number("slave_read_repl_offset")
	if applied, ok := i.number("slave_repl_offset"); ok && okReceived {
		gauge(ch, readDesc, max(received-applied, 0), labels...)
	}
	for _, f := range []struct {
		name string
		desc *prometheus.Desc
	}{
		{"master_last_io_seconds_ago", lastIODesc},
		{"master_sync_in_progress", syncDesc},
		{"slave_repl_offset", ownDesc},
		{"master_link_down_since_seconds", downDesc},
	} {
		if v, ok := positive(i, f.name); ok {
			gauge(ch, f.desc, v, labels...)
		}
	}
}

func label(s string) string { return strings.ToValidUTF8(s, "") }
