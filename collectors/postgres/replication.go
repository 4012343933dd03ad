package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
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
		"Whether a condition holds for a standby; several may at once. Absent where nobody can tell: paused, delayed, archive_only and conflict (replay waits for a query) are told by a standby that is asked itself only.",
		[]string{"standby", "state"}, nil)
	standbyHeard = prometheus.NewDesc("pg_standby_last_message_timestamp_seconds",
		"When a standby last had a message from the server it follows, by its own time. Told by a standby that is asked itself only.",
		[]string{"standby"}, nil)
	replicationLag = prometheus.NewDesc("pg_replication_lag_seconds",
		"Age of the oldest transaction that the server has yet to replay; 0 for a primary. Of a standby that is cut off from a primary nobody sees, how long it has been told of nothing.",
		nil, nil)
	lastReplay = prometheus.NewDesc("pg_replication_last_replay_seconds",
		"Age of the last transaction that the server replayed. Absent for a primary and before the first; it grows while the primary is idle.",
		nil, nil)
	exposure = prometheus.NewDesc("pg_recovery_point_exposure_seconds",
		"Seconds of transactions that would be lost at most if the best standby took over now. It grows while the primary does not answer.",
		nil, nil)
	logSeen = prometheus.NewDesc("pg_wal_position_timestamp_seconds",
		"The primary's time when its WAL position was last read.", nil, nil)
	roleChanges = prometheus.NewDesc("pg_role_changes_total",
		"Servers that were seen to begin (primary) or cease (standby) to accept writes, since the daemon's start.",
		[]string{"role"}, nil)
	timelineChanges = prometheus.NewDesc("pg_timeline_changes_total",
		"Times the primary's timeline was seen to grow, as it does by a promotion, since the daemon's start.", nil, nil)
	primaryChanges = prometheus.NewDesc("pg_primary_changes_total",
		"Times another server was taken for the primary, since the daemon's start.", nil, nil)
)

// Replication publishes how far the standbys are behind. It reads memory, never
// a server: what the looks behind it cost is Cost.
type Replication struct {
	View func() View
	Cost func() collector.Spent
}

// Spent implements collector.Spender.
func (r Replication) Spent() collector.Spent { return r.Cost() }

// Describe implements collector.Collector.
func (Replication) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range slices.Concat([]*prometheus.Desc{
		senderPosition, senderDiff, standbyLag, standbyBytes, standbyState, standbyHeard,
		replicationLag, lastReplay, exposure, logSeen, roleChanges, timelineChanges, primaryChanges,
	}, receiverDescs) {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (r Replication) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	v := r.View()
	publishSenders(ch, v.Senders)
	for _, s := range foldStandbys(v.Standbys) {
		s.publish(ch)
	}
	v.Server.Receiver.publish(ch)
	optional(ch, replicationLag, v.Server.Lag)
	optional(ch, lastReplay, v.Server.LastReplay)
	optional(ch, exposure, v.Exposure)
	known(ch, logSeen, unix(v.LogSeen), !v.LogSeen.IsZero())
	if v.Asked {
		counter(ch, roleChanges, float64(v.Changes.promoted), "primary")
		counter(ch, roleChanges, float64(v.Changes.demoted), "standby")
		counter(ch, timelineChanges, float64(v.Changes.timelines))
		counter(ch, primaryChanges, float64(v.Changes.primaries))
	}
	return nil
}

// What is published of the standbys and senders at most, so that the task stays
// within its share; of more the worst is published as one more, "other".
const (
	maxStandbyViews = 12
	maxSenders      = 12
)

// foldStandbys keeps the declared standbys and then those by name, and folds the
// rest: of each stage the worst bounds, of each condition whether it holds for
// any.
func foldStandbys(all []StandbyView) []StandbyView {
	if len(all) <= maxStandbyViews {
		return all
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b StandbyView) int { return -compareBool(a.Declared, b.Declared) })
	other := StandbyView{Name: "other"}
	for _, s := range all[maxStandbyViews:] {
		other.worsen(s)
	}
	return append(all[:maxStandbyViews:maxStandbyViews], other)
}

// worsen takes over what is worse of another standby.
func (s *StandbyView) worsen(other StandbyView) {
	for c, holds := range other.Conditions {
		if s.Conditions == nil {
			s.Conditions = make(map[string]bool)
		}
		s.Conditions[c] = s.Conditions[c] || holds
	}
	for _, stage := range other.Stages {
		i := slices.IndexFunc(s.Stages, func(v StageView) bool { return v.Stage == stage.Stage })
		if i < 0 {
			s.Stages = append(s.Stages, stage)
			continue
		}
		mine := &s.Stages[i]
		mine.Lower, mine.Bytes = most(mine.Lower, stage.Lower), most(mine.Bytes, stage.Bytes)
		if mine.Upper != nil && stage.Upper != nil {
			mine.Upper = most(mine.Upper, stage.Upper)
		} else {
			mine.Upper = nil // of one it is not known, so neither is the worst
		}
	}
}

// most is the greater of two values, of which either may be unknown.
func most(a, b *float64) *float64 {
	if a == nil || (b != nil && *b > *a) {
		return b
	}
	return a
}

func compareBool(a, b bool) int { return cmp.Compare(number(a), number(b)) }

func (s StandbyView) publish(ch chan<- prometheus.Metric) {
	for _, c := range conditions {
		holds, ok := s.Conditions[c]
		known(ch, standbyState, number(holds), ok, s.Name, c)
	}
	known(ch, standbyHeard, unix(s.Heard), !s.Heard.IsZero(), s.Name)
	for _, stage := range s.Stages {
		optional(ch, standbyLag, stage.Lower, s.Name, stage.Stage, "lower")
		optional(ch, standbyLag, stage.Upper, s.Name, stage.Stage, "upper")
		optional(ch, standbyBytes, stage.Bytes, s.Name, stage.Stage)
	}
}

// optional sends a gauge unless its value is nil.
func optional(ch chan<- prometheus.Metric, d *prometheus.Desc, v *float64, labels ...string) {
	if v != nil {
		gauge(ch, d, *v, labels...)
	}
}

// publishSenders publishes the peer's families. Of several senders that its
// labels cannot tell apart the one furthest behind speaks, and so it does for
// all beyond the bound.
func publishSenders(ch chan<- prometheus.Metric, senders []sender) {
	type key struct{ application, address, slot, state string }
	senders = slices.Clone(senders)
	slices.SortStableFunc(senders, func(a, b sender) int { return cmp.Compare(b.behind(), a.behind()) })
	sent := make(map[key]bool)
	for _, s := range senders {
		k := key{s.application, s.address, s.slot, s.state}
		if len(sent) >= maxSenders && !sent[k] {
			k = key{application: "other"}
		}
		if s.current == nil || sent[k] {
			continue
		}
		sent[k] = true
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
