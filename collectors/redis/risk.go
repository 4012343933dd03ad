package redis

import (
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	riskDesc = prometheus.NewDesc("redis_data_risk",
		"Whether the server is set up, or in a state, to lose more than its tolerance for loss allows: 1 at risk, 0 not, NaN when the server does not tell. Risks that do not matter for the tolerance are absent.",
		[]string{"risk", "tolerance"}, nil)
	refusesDesc = prometheus.NewDesc("redis_writes_refused",
		"Whether a primary refuses writes, by reason: 1 refused, 0 not, NaN when the server does not tell.", []string{"reason"}, nil)
	fsyncLossDesc = prometheus.NewDesc("redis_append_only_loss_seconds",
		"Writes that a power failure may take from the append-only file, by the policy of syncing it; absent without the file or when the policy is not known.", nil, nil)
	memoryDesc = prometheus.NewDesc("redis_memory_used_ratio", "Memory allocated as a share of its limit; absent without one.", nil, nil)
)

// The risks.
const (
	persistenceOff = "persistence_off" // nothing is written to disk
	unsaved        = "unsaved"         // changes have waited too long for a snapshot
	saveOverdue    = "save_overdue"    // a save point has passed and no snapshot was begun
	fsync          = "fsync"           // the append-only file is not synced by the server
	eviction       = "eviction"        // at the memory limit, keys are evicted that cannot be spared
	noEviction     = "no_eviction"     // at the memory limit, a cache refuses writes instead of evicting
)

// riskTo lists what matters for each tolerance.
var riskTo = map[string][]string{
	Cache:   {noEviction},
	Session: {persistenceOff, unsaved, saveOverdue, eviction},
	Queue:   {persistenceOff, unsaved, saveOverdue, fsync, eviction},
}

// longestUnsaved is how long changes may wait for the disk: for sessions, the
// longest of Redis' own default save points, one change in an hour; for queues,
// the second, a hundred changes in five minutes (redis.conf, "save 3600 1 300
// 100 60 10000").
var longestUnsaved = map[string]time.Duration{Session: time.Hour, Queue: 5 * time.Minute}

// fsyncLoss is what a power failure may take by appendfsync, in seconds: with
// everysec Redis postpones writes for at most two seconds while a sync is
// running (Redis, "Persistence"); without, Linux writes pages back once they
// are 30 s old (vm.dirty_expire_centisecs).
var fsyncLoss = map[string]float64{"always": 0, "everysec": 2, "no": 30}

// saveGrace is how long a snapshot may take to begin after its save point: the
// server looks ten times a second, and waits five seconds after a failure.
const saveGrace = time.Minute

// maybe is a truth that may not be known: NaN.
type maybe float64

func known(yes bool) maybe { return maybe(truth(yes)) }

func notKnown() maybe { return maybe(math.NaN()) }

func describeRisks(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{riskDesc, refusesDesc, fsyncLossDesc, memoryDesc} {
		ch <- d
	}
}

// publishRisks judges what the server says against the tolerance for loss.
func publishRisks(ch chan<- prometheus.Metric, i info, s settings, tolerance string, now time.Time) {
	limit, okLimit := i.number("maxmemory")
	if used, ok := i.number("used_memory"); ok && okLimit && limit > 0 {
		gauge(ch, memoryDesc, used/limit)
	}
	if loss, ok := fsyncLoss[s["appendfsync"]]; ok && i["aof_enabled"] == "1" {
		gauge(ch, fsyncLossDesc, loss)
	}
	judge := map[string]func() maybe{
		persistenceOff: func() maybe { return isOff(i, s) },
		unsaved:        func() maybe { return isUnsaved(i, longestUnsaved[tolerance], now) },
		saveOverdue:    func() maybe { return isOverdue(i, s, now) },
		fsync:          func() maybe { return isUnsynced(i, s) },
		eviction:       func() maybe { return evicts(i, tolerance) },
		noEviction:     func() maybe { return hoards(i) },
	}
	for _, risk := range riskTo[tolerance] {
		gauge(ch, riskDesc, float64(judge[risk]()), risk, tolerance)
	}
	if i["role"] == "master" {
		gauge(ch, refusesDesc, float64(fullOfMemory(i)), "memory")
		gauge(ch, refusesDesc, float64(cannotSave(i, s)), "persistence")
		gauge(ch, refusesDesc, float64(tooFewReplicas(i, s)), "replicas")
	}
}

// isOff tells whether neither the append-only file nor snapshots are on. When
// CONFIG GET is refused, a server that has written a snapshot is not off.
func isOff(i info, s settings) maybe {
	appendOnly, ok := i["aof_enabled"]
	if !ok {
		return notKnown()
	}
	if appendOnly == "1" {
		return known(false)
	}
	if points, ok := s.savePoints(); ok {
		return known(len(points) == 0)
	}
	if saves, ok := i.number("rdb_saves"); ok && saves > 0 {
		return known(false)
	}
	return notKnown()
}

func isUnsaved(i info, most time.Duration, now time.Time) maybe {
	waited, ok := unsavedFor(i, now)
	if !ok {
		return notKnown()
	}
	return known(waited > most)
}

// isOverdue tells whether a save point has passed without a snapshot.
func isOverdue(i info, s settings, now time.Time) maybe {
	points, ok := s.savePoints()
	changes, okChanges := i.number("rdb_changes_since_last_save")
	saved, okSaved := i.number("rdb_last_save_time")
	if !ok || !okChanges || !okSaved {
		return notKnown()
	}
	age := now.Sub(time.Unix(int64(saved), 0))
	for _, p := range points {
		if changes >= p.changes && age > p.after+saveGrace && i["rdb_bgsave_in_progress"] != "1" {
			return known(true)
		}
	}
	return known(false)
}

func isUnsynced(i info, s settings) maybe {
	appendOnly, ok := i["aof_enabled"]
	switch policy, okPolicy := s["appendfsync"]; {
	case ok && appendOnly == "0":
		return known(false) // persistence_off or unsaved says what is wrong
	case !ok, !okPolicy:
		return notKnown()
	default:
		return known(policy == "no")
	}
}

// evicts tells whether keys are evicted that cannot be spared. Keys with a time
// to live are what a policy named volatile-… evicts: a queue's keys have none, a
// session's do.
func evicts(i info, tolerance string) maybe {
	limit, ok := i.number("maxmemory")
	policy, okPolicy := i["maxmemory_policy"]
	if !ok || !okPolicy {
		return notKnown()
	}
	unsafe := strings.HasPrefix(policy, "allkeys-") || tolerance == Session && strings.HasPrefix(policy, "volatile-")
	return known(limit > 0 && unsafe)
}

func hoards(i info) maybe {
	limit, ok := i.number("maxmemory")
	policy, okPolicy := i["maxmemory_policy"]
	if !ok || !okPolicy {
		return notKnown()
	}
	return known(limit > 0 && policy == "noeviction")
}

// fullOfMemory tells whether the limit is reached and nothing may be evicted.
func fullOfMemory(i info) maybe {
	limit, ok := i.number("maxmemory")
	used, okUsed := i.number("used_memory")
	policy, okPolicy := i["maxmemory_policy"]
	if !ok || !okUsed || !okPolicy {
		return notKnown()
	}
	spare, _ := i.number("mem_not_counted_for_evict")
	stuck := policy == "noeviction" || strings.HasPrefix(policy, "volatile-") && expiring(i) == 0
	return known(limit > 0 && used-spare >= limit && stuck)
}

func expiring(i info) float64 {
	n := 0.0
	for name := range i {
		if isDatabase(name) {
			v, _ := i.members(name).number("expires")
			n += v
		}
	}
	return n
}

// cannotSave tells whether writes are refused because saving fails.
func cannotSave(i info, s settings) maybe {
	snapshot, ok := i["rdb_last_bgsave_status"]
	points, okPoints := s.savePoints()
	stop, okStop := s["stop-writes-on-bgsave-error"]
	switch {
	case !ok:
		return notKnown()
	case i["aof_enabled"] == "1" && i["aof_last_write_status"] == "err":
		return known(true)
	case snapshot == "ok":
		return known(false)
	case !okPoints || !okStop:
		return notKnown()
	default:
		return known(stop == "yes" && len(points) > 0)
	}
}

// tooFewReplicas tells whether fewer replicas are near than
// min-replicas-to-write; INFO counts them only when that is on.
func tooFewReplicas(i info, s settings) maybe {
	good, counted := i.number("min_slaves_good_slaves")
	least, ok := s.number("min-replicas-to-write")
	switch {
	case !counted:
		return known(false)
	case !ok && good > 0:
		return notKnown()
	default:
		return known(good < max(least, 1))
	}
}
