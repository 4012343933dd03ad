package redis

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// saving are the fields of a server that keeps its data and is well.
const saving = `role:master
maxmemory:0
maxmemory_policy:noeviction
used_memory:1000
mem_not_counted_for_evict:0
rdb_changes_since_last_save:0
rdb_bgsave_in_progress:0
rdb_last_save_time:1774979990
rdb_last_bgsave_status:ok
rdb_saves:3
aof_enabled:0
aof_last_write_status:ok
`

// with replaces fields.
func with(fields ...string) string {
	text := saving
	for _, f := range fields {
		name, _, _ := strings.Cut(f, ":")
		lines := strings.SplitAfter(text, "\n")
		for n, line := range lines {
			if strings.HasPrefix(line, name+":") {
				lines[n] = ""
			}
		}
		text = strings.Join(lines, "") + f + "\n"
	}
	return text
}

func at(age time.Duration) string {
	return fmt.Sprintf("rdb_last_save_time:%d", march31.Add(-age).Unix())
}

func TestRisks(t *testing.T) {
	const nan = -1 // stands for NaN
	defaults := map[string]string{}
	tests := map[string]struct {
		tolerance, info string
		config          map[string]string // nil: CONFIG is refused
		want            map[string]float64
	}{
		"a cache that evicts": {
			Cache, with("maxmemory:5000", "maxmemory_policy:allkeys-lru"), defaults,
			map[string]float64{noEviction: 0},
		},
		"a cache that refuses writes when full": {
			Cache, with("maxmemory:5000"), defaults, map[string]float64{noEviction: 1},
		},
		"a cache may lose everything": {
			Cache, with("maxmemory:5000", "maxmemory_policy:allkeys-lru", "rdb_changes_since_last_save:9", at(24*time.Hour)),
			map[string]string{"save": ""},
			map[string]float64{noEviction: 0},
		},
		"sessions kept as Redis does by default": {
			Session, saving, defaults, map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0},
		},
		"sessions evicted without notice, by any policy but noeviction": { // R8
			Session, with("maxmemory:5000", "maxmemory_policy:volatile-ttl"), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 1},
		},
		"an evicting policy without a limit evicts nothing": { // R7
			Session, with("maxmemory:0", "maxmemory_policy:allkeys-lru"), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0},
		},
		"keys of a queue have no time to live": {
			Queue, with("maxmemory:5000", "maxmemory_policy:volatile-ttl"), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0, fsync: 0},
		},
		"a queue that evicts": {
			Queue, with("maxmemory:5000", "maxmemory_policy:allkeys-lfu"), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 1, fsync: 0},
		},
		"a queue in memory only": {
			Queue, with("rdb_saves:0"),
			map[string]string{"save": ""},
			map[string]float64{persistenceOff: 1, unsaved: 0, saveOverdue: 0, eviction: 0, fsync: 0},
		},
		"the last save is ok and long ago": { // R9
			Queue, with("rdb_changes_since_last_save:1", at(50*time.Minute)), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 1, saveOverdue: 0, eviction: 0, fsync: 0},
		},
		"sessions may wait an hour": {
			Session, with("rdb_changes_since_last_save:1", at(50*time.Minute)), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0},
		},
		"a save point passed and no snapshot begun": {
			Session, with("rdb_changes_since_last_save:100", at(10*time.Minute)), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 1, eviction: 0},
		},
		"a snapshot is being written": {
			Session, with("rdb_changes_since_last_save:100", "rdb_bgsave_in_progress:1", at(10*time.Minute)), defaults,
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0},
		},
		"a queue in a file synced each second": {
			Queue, with("aof_enabled:1", "rdb_changes_since_last_save:9", at(24*time.Hour)),
			map[string]string{"save": ""},
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0, fsync: 0},
		},
		"a queue in a file that the operating system syncs": {
			Queue, with("aof_enabled:1"),
			map[string]string{"appendfsync": "no"},
			map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: 0, eviction: 0, fsync: 1},
		},
		"a queue in a file that cannot be written": {
			Queue, with("aof_enabled:1", "aof_last_write_status:err", "rdb_changes_since_last_save:9", at(time.Hour)),
			map[string]string{"save": ""},
			map[string]float64{persistenceOff: 0, unsaved: 1, saveOverdue: 0, eviction: 0, fsync: 0},
		},
		"CONFIG refused, but a snapshot was written": {
			Queue, saving, nil, map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: nan, eviction: 0, fsync: 0},
		},
		"CONFIG refused and nothing written": {
			Queue, with("rdb_saves:0"), nil, map[string]float64{persistenceOff: nan, unsaved: 0, saveOverdue: nan, eviction: 0, fsync: 0},
		},
		"CONFIG refused and a file synced who knows how": {
			Queue, with("aof_enabled:1"), nil, map[string]float64{persistenceOff: 0, unsaved: 0, saveOverdue: nan, eviction: 0, fsync: nan},
		},
		"a server that tells nothing": {
			Queue, "role:master\n", nil, map[string]float64{persistenceOff: nan, unsaved: nan, saveOverdue: nan, eviction: nan, fsync: nan},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := replies{"INFO all": tt.info}
			if tt.config != nil {
				maps.Copy(r, configuration(tt.config))
			}
			p := collectAll(t, NewInfo(tt.tolerance, nil, r.ask, then))
			got := map[string]float64{}
			for _, m := range p.families["redis_data_risk"].GetMetric() {
				labels := map[string]string{}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				v := m.GetGauge().GetValue()
				if math.IsNaN(v) {
					v = nan
				}
				if got[labels["risk"]] = v; labels["tolerance"] != tt.tolerance {
					t.Errorf("%s is judged for the tolerance %s", labels["risk"], labels["tolerance"])
				}
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("risks %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRefusedWrites(t *testing.T) {
	const memory, persistence, replicas = "redis_writes_refused{reason=memory}", "redis_writes_refused{reason=persistence}", "redis_writes_refused{reason=replicas}"
	tests := map[string]struct {
		info   string
		config map[string]string
		want   map[string]any
	}{
		"none":                       {saving, map[string]string{}, map[string]any{memory: 0, persistence: 0, replicas: 0}},
		"full":                       {with("maxmemory:1000"), nil, map[string]any{memory: 1}},
		"full, but for buffers":      {with("maxmemory:1000", "mem_not_counted_for_evict:1"), nil, map[string]any{memory: 0}},
		"full, and something to go":  {with("maxmemory:1000", "maxmemory_policy:volatile-lru", "db0:keys=2,expires=1,avg_ttl=0"), nil, map[string]any{memory: 0}},
		"full, and nothing expires":  {with("maxmemory:1000", "maxmemory_policy:volatile-lru", "db0:keys=2,expires=0,avg_ttl=0"), nil, map[string]any{memory: 1}},
		"full, and all may go":       {with("maxmemory:1000", "maxmemory_policy:allkeys-lru"), nil, map[string]any{memory: 0}},
		"a snapshot failed":          {with("rdb_last_bgsave_status:err"), map[string]string{}, map[string]any{persistence: 1}},
		"a snapshot by hand failed":  {with("rdb_last_bgsave_status:err"), map[string]string{"save": ""}, map[string]any{persistence: 0}},
		"a snapshot may fail":        {with("rdb_last_bgsave_status:err"), map[string]string{"stop-writes-on-bgsave-error": "no"}, map[string]any{persistence: 0}},
		"a snapshot failed, who":     {with("rdb_last_bgsave_status:err"), nil, map[string]any{persistence: math.IsNaN}},
		"the file cannot be written": {with("aof_enabled:1", "aof_last_write_status:err"), nil, map[string]any{persistence: 1}},
		"too few replicas":           {with("min_slaves_good_slaves:1"), map[string]string{"min-replicas-to-write": "2"}, map[string]any{replicas: 1}},
		"enough replicas":            {with("min_slaves_good_slaves:2"), map[string]string{"min-replicas-to-write": "2"}, map[string]any{replicas: 0}},
		"no replica":                 {with("min_slaves_good_slaves:0"), nil, map[string]any{replicas: 1}},
		"one replica, of how many":   {with("min_slaves_good_slaves:1"), nil, map[string]any{replicas: math.IsNaN}},
		"a replica takes none":       {with("role:slave"), map[string]string{}, map[string]any{memory: nil, persistence: nil, replicas: nil}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := replies{"INFO all": tt.info}
			if tt.config != nil {
				maps.Copy(r, configuration(tt.config))
			}
			collectAll(t, NewInfo(Cache, nil, r.ask, then)).wants(t, tt.want)
		})
	}
}

// What is not known is a reading of its own, neither good nor bad.
func TestUnknownRiskIsNotOK(t *testing.T) {
	e, err := signal.NewEvaluator(Signals())
	must(t, err)
	e.Expect([]signal.Subject{{Kind: "redis", Environment: "production", Component: "jobs"}})
	sample := func(risk string, v float64) signal.Sample {
		labels := map[string]string{"environment": "production", "component": "jobs", "risk": risk, "tolerance": Queue}
		return signal.Sample{Name: "redis_data_risk", Labels: labels, Value: v, At: march31}
	}
	got := map[string]signal.State{}
	for _, r := range e.Evaluate(march31, []signal.Sample{sample(persistenceOff, math.NaN()), sample(eviction, 0), sample(unsaved, 1)}) {
		got[r.Signal] = r.State
	}
	want := map[string]signal.State{
		"redis_up": signal.Unknown, "redis_persistence_off": signal.Unknown, "redis_eviction": signal.OK, "redis_unsaved": signal.Warning,
	}
	if !maps.Equal(got, want) {
		t.Errorf("readings %v, want %v", got, want)
	}
}
