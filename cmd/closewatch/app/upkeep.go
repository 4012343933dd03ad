package app

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/datadir"
)

// Names of what the daemon publishes of its own keeping, and decides on.
const (
	storeLastAppend = "closewatch_store_last_append_timestamp_seconds"
	recordLastTick  = "closewatch_record_last_tick_timestamp_seconds"
	dataLow         = "closewatch_data_low"
)

var (
	upkeepLabels = []string{"environment", "component"}

	storeLastAppendDesc = desc(storeLastAppend, "Newest tick whose samples the store took; absent before the first.", upkeepLabels...)
	recordLastTickDesc  = desc(recordLastTick, "Newest tick that is in the tick record; absent before the first.", upkeepLabels...)
	dataFreeDesc        = desc("closewatch_data_free_bytes", "Room left on the disk of the data directory.", upkeepLabels...)
	dataLowDesc         = desc(dataLow, "1 when the disk of the data directory has little room left: less than 1 GiB, or less than a tenth of a small disk.", upkeepLabels...)
)

// An upkeep is whether the daemon keeps what it measures. It implements
// prometheus.Collector and is safe for concurrent use.
type upkeep struct {
	environment      string
	space            func() (datadir.Space, error)
	stored, recorded atomic.Int64 // Unix time in nanoseconds; 0 is not yet
}

// storedAt notes that the store took a tick.
func (u *upkeep) storedAt(at time.Time) { u.stored.Store(at.UnixNano()) }

// recordedAt notes that a tick is in the record.
func (u *upkeep) recordedAt(at time.Time) { u.recorded.Store(at.UnixNano()) }

// begin has the daemon count as keeping up from its start on.
func (u *upkeep) begin(at time.Time) {
	u.storedAt(at)
	u.recordedAt(at)
}

// Describe implements prometheus.Collector.
func (*upkeep) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storeLastAppendDesc, recordLastTickDesc, dataFreeDesc, dataLowDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (u *upkeep) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, u.environment, self)
	}
	for d, at := range map[*prometheus.Desc]int64{storeLastAppendDesc: u.stored.Load(), recordLastTickDesc: u.recorded.Load()} {
		if at != 0 {
			gauge(d, float64(at)/1e9)
		}
	}
	if space, err := u.space(); err == nil {
		gauge(dataFreeDesc, float64(space.Free))
		gauge(dataLowDesc, boolean(space.Low()))
	}
}
