package postgres

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	senderLabels = []string{"application_name", "client_addr", "slot_name", "state"}

	senderPosition = prometheus.NewDesc("pg_stat_replication_pg_current_wal_lsn_bytes",
		"WAL position of the sending server in bytes.", senderLabels, nil)
	senderDiff = prometheus.NewDesc("pg_stat_replication_pg_wal_lsn_diff",
		"Bytes of WAL that the receiving server has yet to replay.", senderLabels, nil)

	standbyLag = prometheus.NewDesc("pg_standby_lag_seconds",
		"Age of the oldest transaction that a standby has yet to write, flush or replay: "+
			"at least (bound lower, 0 when none is known) and at most (bound upper).",
		[]string{"standby", "stage", "bound"}, nil)
	standbyBytes = prometheus.NewDesc("pg_standby_lag_bytes",
		"Bytes of the primary's WAL, as far as known, that a standby has yet to write, flush or replay.",
		[]string{"standby", "stage"}, nil)
	standbyState = prometheus.NewDesc("pg_standby_state",
		"Whether a condition holds for a standby; several may at once. Absent where nobody can tell: paused and delayed are told by a declared standby only.",
		[]string{"standby", "state"}, nil)
	exposure = prometheus.NewDesc("pg_recovery_point_exposure_seconds",
		"Seconds of transactions that would be lost at most if the best standby took over now. It grows while the primary does not answer.",
		nil, nil)
	logSeen = prometheus.NewDesc("pg_wal_position_timestamp_seconds",
		"The primary's time when its WAL position was last read.", nil, nil)
)

// Replication publishes how far the standbys are behind. It reads memory, never
// a server.
type Replication struct{ View func() View }

// Describe implements collector.Collector.
func (Replication) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{senderPosition, senderDiff, standbyLag, standbyBytes, standbyState, exposure, logSeen} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (r Replication) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	v := r.View()
	publishSenders(ch, v.Senders)
	for _, s := range v.Standbys {
		s.publish(ch)
	}
	if v.Exposure != nil {
		gauge(ch, exposure, *v.Exposure)
	}
	known(ch, logSeen, unix(v.LogSeen), !v.LogSeen.IsZero())
	return nil
}

func (s StandbyView) publish(ch chan<- prometheus.Metric) {
	for _, c := range conditions {
		holds, ok := s.Conditions[c]
		known(ch, standbyState, number(holds), ok, s.Name, c)
	}
	for _, stage := range s.Stages {
		if stage.Lower != nil {
			gauge(ch, standbyLag, *stage.Lower, s.Name, stage.Stage, "lower")
		}
		if stage.Upper != nil {
			gauge(ch, standbyLag, *stage.Upper, s.Name, stage.Stage, "upper")
		}
		if stage.Bytes != nil {
			gauge(ch, standbyBytes, *stage.Bytes, s.Name, stage.Stage)
		}
	}
}

// publishSenders publishes the peer's families. Of several senders that its
// labels cannot tell apart the one furthest behind speaks.
func publishSenders(ch chan<- prometheus.Metric, senders []sender) {
	type key struct{ application, address, slot, state string }
	worst := make(map[key]sender)
	for _, s := range senders {
		k := key{s.application, s.address, s.slot, s.state}
		if other, ok := worst[k]; !ok || s.behind() > other.behind() {
			worst[k] = s
		}
	}
	for k, s := range worst {
		if s.current == nil {
			continue
		}
		gauge(ch, senderPosition, float64(*s.current), k.application, k.address, k.slot, k.state)
		if s.replayed != nil {
			gauge(ch, senderDiff, s.behind(), k.application, k.address, k.slot, k.state)
		}
	}
}

// behind is how many bytes the receiver has yet to replay; 0 also when unknown.
func (s sender) behind() float64 {
	if s.current == nil || s.replayed == nil {
		return 0
	}
	return float64(*s.current) - float64(*s.replayed)
}
