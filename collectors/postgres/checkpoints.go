package postgres

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// A statistic is a column of an answer of one row, and the counter it is
// published as.
type statistic struct {
	column string
	desc   *prometheus.Desc
}

func statistics(prefix string, help map[string]string, columns ...string) []statistic {
	list := make([]statistic, len(columns))
	for i, c := range columns {
		list[i] = statistic{c, prometheus.NewDesc(prefix+c+"_total", help[c], nil, nil)}
	}
	return list
}

// The columns of pg_stat_bgwriter up to version 16. Later versions have them in
// three views.
var bgwriter = statistics("pg_stat_bgwriter_", map[string]string{
	"checkpoints_timed":     "Checkpoints begun because checkpoint_timeout had passed.",
	"checkpoints_req":       "Checkpoints begun on request, such as for the amount of WAL written.",
	"checkpoint_write_time": "Milliseconds checkpoints spent writing files.",
	"checkpoint_sync_time":  "Milliseconds checkpoints spent syncing files to disk.",
	"buffers_checkpoint":    "Buffers written by checkpoints.",
	"buffers_clean":         "Buffers written by the background writer.",
	"maxwritten_clean":      "Times the background writer stopped a round because it had written too much.",
	"buffers_backend":       "Buffers written or added by sessions themselves; from 17 on of pg_stat_io.",
	"buffers_backend_fsync": "Times sessions had to sync files themselves; from 17 on of pg_stat_io.",
	"buffers_alloc":         "Buffers allocated.",
	"stats_reset":           "When the background writer's counters were last reset, in seconds since 1970.",
}, "checkpoints_timed", "checkpoints_req", "checkpoint_write_time", "checkpoint_sync_time", "buffers_checkpoint",
	"buffers_clean", "maxwritten_clean", "buffers_backend", "buffers_backend_fsync", "buffers_alloc", "stats_reset")

// The columns of pg_stat_checkpointer, which version 17 has first.
var checkpointer = statistics("pg_stat_checkpointer_", map[string]string{
	"num_timed":           "Checkpoints due because checkpoint_timeout had passed.",
	"num_requested":       "Checkpoints requested.",
	"restartpoints_timed": "Restart points of a standby due because checkpoint_timeout had passed.",
	"restartpoints_req":   "Restart points of a standby requested.",
	"restartpoints_done":  "Restart points of a standby performed.",
	"write_time":          "Milliseconds checkpoints and restart points spent writing files.",
	"sync_time":           "Milliseconds checkpoints and restart points spent syncing files to disk.",
	"buffers_written":     "Buffers written by checkpoints and restart points.",
}, "num_timed", "num_requested", "restartpoints_timed", "restartpoints_req", "restartpoints_done", "write_time", "sync_time", "buffers_written")

var checkpointerReset = prometheus.NewDesc("pg_stat_checkpointer_stats_reset_total",
	"When the checkpointer's counters were last reset, in seconds since 1970.", nil, nil)

// checkpoints is one statement on every version.
var checkpoints = []subject{
	{
		until: 16, descs: descsOf(bgwriter),
		query: pgsession.Query{Name: "checkpoints", SQL: `
SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, checkpoint_sync_time, buffers_checkpoint,
       buffers_clean, maxwritten_clean, buffers_backend, buffers_backend_fsync, buffers_alloc,
       extract(epoch FROM stats_reset) AS stats_reset
  FROM pg_stat_bgwriter`},
		publish: publishStatistics(bgwriter),
	},
	{
		from: 17, until: 17, query: checkpointsFrom17("coalesce(writes, 0) + coalesce(extends, 0)"), publish: publishCheckpointer,
		descs: append(descsOf(checkpointer), checkpointerReset),
	},
	// One write or extension may be of many blocks from 18 on.
	{from: 18, query: checkpointsFrom17("(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0)) / current_setting('block_size')::int"), publish: publishCheckpointer},
}

// checkpointsFrom17 gathers what pg_stat_bgwriter had; blocks is how
// pg_stat_io counts what sessions wrote.
func checkpointsFrom17(blocks string) pgsession.Query {
	return pgsession.Query{Name: "checkpoints", SQL: `
SELECT c.num_timed, c.num_requested, c.restartpoints_timed, c.restartpoints_req, c.restartpoints_done,
       c.write_time, c.sync_time, c.buffers_written, extract(epoch FROM c.stats_reset) AS checkpointer_reset,
       c.num_timed AS checkpoints_timed, c.num_requested AS checkpoints_req, c.write_time AS checkpoint_write_time,
       c.sync_time AS checkpoint_sync_time, c.buffers_written AS buffers_checkpoint,
       b.buffers_clean, b.maxwritten_clean, b.buffers_alloc, extract(epoch FROM b.stats_reset) AS stats_reset,
       io.blocks AS buffers_backend, io.fsyncs AS buffers_backend_fsync
  FROM pg_stat_bgwriter b, pg_stat_checkpointer c,
       (SELECT sum(` + blocks + `) AS blocks, sum(fsyncs) AS fsyncs
          FROM pg_stat_io
         WHERE object = 'relation' AND backend_type NOT IN ('checkpointer', 'background writer')) AS io`}
}

func publishCheckpointer(ch chan<- prometheus.Metric, r pgsession.Result) {
	publishStatistics(bgwriter)(ch, r)
	publishStatistics(checkpointer)(ch, r)
	if v, ok := r.First().Float("checkpointer_reset"); ok {
		counter(ch, checkpointerReset, v)
	}
}

func descsOf(list []statistic) []*prometheus.Desc {
	descs := make([]*prometheus.Desc, len(list))
	for i, s := range list {
		descs[i] = s.desc
	}
	return descs
}

// publishStatistics publishes the one row of an answer.
func publishStatistics(list []statistic) func(chan<- prometheus.Metric, pgsession.Result) {
	return func(ch chan<- prometheus.Metric, r pgsession.Result) {
		row := r.First()
		for _, s := range list {
			if v, ok := row.Float(s.column); ok {
				counter(ch, s.desc, v)
			}
		}
	}
}
