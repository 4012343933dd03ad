package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// Labels every series gets. A series that brings one of its own keeps it as
// exported_<name>, as when Prometheus scrapes it.
const (
	job       = "closewatch"
	exported  = "exported_"
	component = "component"
)

// appender turns families into samples. It remembers the series of the last
// tick, both to append to them by reference and to mark those that end.
type appender struct {
	db       *tsdb.DB
	mu       sync.Mutex
	tick     uint64
	live     map[string]*series
	key      []byte // scratch
	builder  *labels.ScratchBuilder
	appended *metrics.Counter
	stale    *metrics.Counter
	rejected map[string]*metrics.Counter
	duration *metrics.Histogram
}

// series is one the last tick appended to.
type series struct {
	ref    storage.SeriesRef
	labels labels.Labels
	tick   uint64
}

// Reasons a sample is refused for.
const (
	outOfOrder = "out_of_order" // older than the store still takes
	duplicate  = "duplicate"    // another value is stored for the same instant
)

func newAppender(db *tsdb.DB, own *telemetry.Own) *appender {
	builder := labels.NewScratchBuilder(16)
	a := &appender{
		db: db, live: map[string]*series{}, builder: &builder,
		appended: own.Counter("closewatch_store_appended_samples_total", "Samples stored."),
		stale:    own.Counter("closewatch_store_ended_series_total", "Series that got a staleness marker."),
		rejected: map[string]*metrics.Counter{},
		duration: own.Histogram("closewatch_store_append_duration_seconds", "Duration of storing one tick."),
	}
	for _, reason := range []string{outOfOrder, duplicate} {
		a.rejected[reason] = own.Counter("closewatch_store_rejected_samples_total", "Samples refused, by reason.", "reason", reason)
	}
	return a
}

// Append stores what was published at a tick: every series of families, at
// the tick's time whatever time it brings. All of it is visible to queries and
// safe from a kill of the process when Append returns nil. A sample that
// differs from one stored for the same tick, or that is older than the store
// still takes, is refused and counted; only when every sample is too old is
// that an error. Native histograms are stored by their classic buckets.
func (s *Store) Append(at time.Time, families []*dto.MetricFamily) error {
	began := time.Now()
	defer s.appender.duration.UpdateDuration(began)
	s.metadata.note(families)
	return s.appender.append(at, families)
}

func (a *appender) append(at time.Time, families []*dto.MetricFamily) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tick++
	t := &tick{appender: a, out: a.db.Appender(context.Background()), ms: at.UnixMilli()}
	for _, mf := range families {
		collector.Flatten(mf, t.sample)
	}
	ended := t.end()
	if t.err != nil {
		return errors.Join(appendFault(at, t.err), t.out.Rollback())
	}
	if err := t.out.Commit(); err != nil {
		return appendFault(at, err)
	}
	for _, key := range ended {
		delete(a.live, key)
	}
	a.stale.Add(len(ended))
	return t.count(at)
}

func appendFault(at time.Time, err error) error {
	return &fault.Error{
		Op: "store the tick of " + at.UTC().Format(time.RFC3339), Kind: fault.Internal, Err: err,
		Hint: "check that the disk of the data directory is not full",
	}
}

// tick is one Append under way.
type tick struct {
	*appender
	out      storage.Appender
	ms       int64
	appended int
	refused  map[string]int
	err      error
}

// sample appends one series' sample.
func (t *tick) sample(s collector.Series) {
	if t.err != nil {
		return
	}
	t.key = appendKey(t.key[:0], s)
	known := t.live[string(t.key)]
	if known == nil {
		known = &series{labels: t.label(s)}
		t.live[string(t.key)] = known
	}
	if known.tick == t.tick {
		return // the same series twice in one tick: the first counts
	}
	known.tick = t.tick
	t.append(known, s.Value)
}

// append appends v, or counts why it was refused.
func (t *tick) append(to *series, v float64) {
	ref, err := t.out.Append(to.ref, to.labels, t.ms, v)
	switch {
	case err == nil:
		to.ref = ref
		t.appended++
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		t.refuse(duplicate)
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds):
		t.refuse(outOfOrder)
	default:
		t.err = fmt.Errorf("%s: %w", to.labels, err)
	}
}

func (t *tick) refuse(reason string) {
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	t.refused[reason]++
}

// end marks the series that were not published any more and returns their
// keys.
func (t *tick) end() (ended []string) {
	for key, s := range t.live {
		if s.tick == t.tick || t.err != nil {
			continue
		}
		ended = append(ended, key)
		if s.ref != 0 {
			t.append(s, math.Float64frombits(value.StaleNaN))
			t.appended--
		}
	}
	return ended
}

// count adds the tick to the counters, and fails when all of it was too old.
func (t *tick) count(at time.Time) error {
	t.appender.appended.Add(max(t.appended, 0))
	for reason, n := range t.refused {
		t.rejected[reason].Add(n)
	}
	if n := t.refused[outOfOrder]; n > 0 && t.appended <= 0 {
		return &fault.Error{
			Op: "store the tick of " + at.UTC().Format(time.RFC3339), Kind: fault.Rejected,
			Err:  fmt.Errorf("the store already holds newer samples: %d were refused", n),
			Hint: "check the clock of this machine",
		}
	}
	return nil
}

// appendKey appends what tells a series from every other.
func appendKey(key []byte, s collector.Series) []byte {
	const separator = '\xff' // in no valid UTF-8
	key = append(key, s.Name...)
	for _, l := range s.Labels {
		key = append(append(append(append(key, separator), l.GetName()...), separator), l.GetValue()...)
	}
	if s.Extra != "" {
		key = append(append(append(append(key, separator), s.Extra...), separator), s.ExtraValue...)
	}
	return key
}

// label returns the labels a series is stored under.
func (t *tick) label(s collector.Series) labels.Labels {
	t.builder.Reset()
	t.builder.Add(model.MetricNameLabel, s.Name)
	instance := job
	for _, l := range s.Labels {
		name := l.GetName()
		switch name {
		case "job", "instance":
			name = exported + name
		case component:
			instance = l.GetValue()
		}
		if l.GetValue() != "" { // an empty label is an absent one
			t.builder.Add(name, l.GetValue())
		}
	}
	if s.Extra != "" {
		t.builder.Add(s.Extra, s.ExtraValue)
	}
	t.builder.Add("job", job)
	t.builder.Add("instance", instance)
	t.builder.Sort()
	return t.builder.Labels()
}
