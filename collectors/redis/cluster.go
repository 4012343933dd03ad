package redis

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// clusterFields are the numbers of CLUSTER INFO.
var clusterFields = []field{
	define("cluster_slots_assigned", "redis_cluster_slots_assigned", "Hash slots that belong to a node, of 16384.", asGauge, info.number),
	define("cluster_slots_ok", "redis_cluster_slots_ok", "Hash slots of nodes that are not failing.", asGauge, info.number),
	define("cluster_slots_pfail", "redis_cluster_slots_pfail", "Hash slots of nodes that this node cannot reach.", asGauge, info.number),
	define("cluster_slots_fail", "redis_cluster_slots_fail", "Hash slots of nodes that the cluster has given up.", asGauge, info.number),
	define("cluster_known_nodes", "redis_cluster_known_nodes", "Nodes of the cluster that this node knows.", asGauge, info.number),
	define("cluster_size", "redis_cluster_size", "Primaries with hash slots.", asGauge, info.number),
	define("cluster_current_epoch", "redis_cluster_current_epoch", "Epoch of the cluster; every failover raises it.", asGauge, info.number),
	define("cluster_my_epoch", "redis_cluster_my_epoch", "Configuration epoch of this node.", asGauge, info.number),
	define("cluster_stats_messages_sent", "redis_cluster_messages_sent_total", "Messages sent over the cluster bus.", asCounter, info.number),
	define("cluster_stats_messages_received", "redis_cluster_messages_received_total", "Messages received over the cluster bus.", asCounter, info.number),
}

var (
	clusterStateDesc = prometheus.NewDesc("redis_cluster_state", "Whether the cluster serves queries, as this node sees it.", nil, nil)
	nodesDesc        = prometheus.NewDesc("redis_cluster_nodes", "Nodes of the cluster by role and by what this node thinks of them.", []string{"role", "state"}, nil)
	uncoveredDesc    = prometheus.NewDesc("redis_cluster_primaries_without_replica", "Primaries with hash slots that no replica could take over.", nil, nil)
)

func describeCluster(ch chan<- *prometheus.Desc) {
	for _, f := range clusterFields {
		ch <- f.desc
	}
	ch <- clusterStateDesc
	ch <- nodesDesc
	ch <- uncoveredDesc
}

// maxNodes bounds the nodes read.
const maxNodes = 1000

// What a node of a cluster is thought to be.
var nodeStates = []string{"ok", "pfail", "fail", "disconnected", "handshake"}

// A node is one line of CLUSTER NODES.
type node struct {
	id, of string // of is the primary a replica copies
	role   string // primary or replica
	state  string
	slots  bool
}

// parseNodes reads the answer to CLUSTER NODES: id, address, flags, primary,
// ping, pong, epoch, link, then slots.
func parseNodes(text string) []node {
	var out []node
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 8 || len(out) == maxNodes {
			continue
		}
		flags := strings.Split(words[2], ",")
		n := node{id: words[0], of: words[3], role: "primary", state: "ok", slots: len(words) > 8}
		if slices.Contains(flags, "slave") {
			n.role = "replica"
		}
		switch {
		case slices.Contains(flags, "fail"):
			n.state = "fail"
		case slices.Contains(flags, "fail?"):
			n.state = "pfail"
		case slices.Contains(flags, "handshake"), slices.Contains(flags, "noaddr"):
			n.state = "handshake"
		case words[7] != "connected":
			n.state = "disconnected"
		}
		out = append(out, n)
	}
	return out
}

// primariesOf are the nodes that own hash slots, sorted; nil when none do.
func primariesOf(nodes []node) []string {
	var out []string
	for _, n := range nodes {
		if n.role == "primary" && n.slots {
			out = append(out, n.id)
		}
	}
	slices.Sort(out)
	return out
}

// publishCluster publishes the answers to CLUSTER INFO and CLUSTER NODES, of
// which either may be missing.
func publishCluster(ch chan<- prometheus.Metric, i info, nodes []node) {
	for _, f := range clusterFields {
		if v, ok := f.read(i, f.name); ok {
			ch <- prometheus.MustNewConstMetric(f.desc, f.value, v)
		}
	}
	if state, ok := i["cluster_state"]; ok {
		gauge(ch, clusterStateDesc, truth(state == "ok"))
	}
	if len(nodes) == 0 {
		return
	}
	counts := map[[2]string]float64{}
	covered := map[string]bool{}
	for _, n := range nodes {
		counts[[2]string{n.role, n.state}]++
		if n.role == "replica" && n.state == "ok" {
			covered[n.of] = true
		}
	}
	for _, role := range []string{"primary", "replica"} {
		for _, state := range nodeStates {
			gauge(ch, nodesDesc, counts[[2]string{role, state}], role, state)
		}
	}
	uncovered := 0.0
	for _, id := range primariesOf(nodes) {
		if !covered[id] {
			uncovered++
		}
	}
	gauge(ch, uncoveredDesc, uncovered)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
