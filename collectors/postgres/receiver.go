package postgres

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var receiverLabels = []string{"upstream_host", "slot_name", "status"}

var (
	receiverStart = prometheus.NewDesc("pg_stat_wal_receiver_receive_start_lsn",
		"WAL position at which the receiver was started, in bytes.", receiverLabels, nil)
	receiverStartTimeline = prometheus.NewDesc("pg_stat_wal_receiver_receive_start_tli",
		"Timeline on which the receiver was started.", receiverLabels, nil)
	receiverFlushed = prometheus.NewDesc("pg_stat_wal_receiver_flushed_lsn",
		"WAL position up to which the receiver has flushed, in bytes.", receiverLabels, nil)
	receiverTimeline = prometheus.NewDesc("pg_stat_wal_receiver_received_tli",
		"Timeline of the WAL that the receiver flushed last.", receiverLabels, nil)
	receiverSent = prometheus.NewDesc("pg_stat_wal_receiver_last_msg_send_time",
		"When the last message was sent, by the time of the server that is followed, in seconds since 1970.", receiverLabels, nil)
	receiverReceived = prometheus.NewDesc("pg_stat_wal_receiver_last_msg_receipt_time",
		"When the last message was received, by the standby's time, in seconds since 1970.", receiverLabels, nil)
	receiverEnd = prometheus.NewDesc("pg_stat_wal_receiver_latest_end_lsn",
		"End of the WAL of the server that is followed, as the receiver was last told, in bytes.", receiverLabels, nil)
	receiverEndTime = prometheus.NewDesc("pg_stat_wal_receiver_latest_end_time",
		"When the receiver was told of that end, by the time of the server that is followed, in seconds since 1970.", receiverLabels, nil)
)

var receiverDescs = []*prometheus.Desc{
	receiverStart, receiverStartTimeline, receiverFlushed, receiverTimeline, receiverSent, receiverReceived, receiverEnd, receiverEndTime,
}

// publish publishes the peer's families, of the types the peer gives them.
// Nothing is published of a receiver whose state the role may not see.
func (r *receiver) publish(ch chan<- prometheus.Metric) {
	if r == nil || r.status == "" {
		return
	}
	labels := []string{r.host, r.slot, r.status}
	position := func(d *prometheus.Desc, p *uint64) {
		if p != nil {
			counter(ch, d, float64(*p), labels...)
		}
	}
	position(receiverStart, r.start)
	position(receiverFlushed, r.flushed)
	position(receiverEnd, r.end)
	known(ch, receiverStartTimeline, float64(r.startTimeline), r.startTimeline > 0, labels...)
	known(ch, receiverTimeline, float64(r.timeline), r.timeline > 0, labels...)
	for _, at := range []struct {
		desc *prometheus.Desc
		time time.Time
	}{{receiverSent, r.messageSent}, {receiverReceived, r.messageReceived}, {receiverEndTime, r.endSent}} {
		if !at.time.IsZero() {
			counter(ch, at.desc, unix(at.time), labels...)
		}
	}
}
