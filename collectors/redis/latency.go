package redis

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// buckets are the upper bounds of the latency distribution in seconds. They are
// always all published, so that servers can be added up.
var buckets = []float64{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1}

// Buckets are the upper bounds, in seconds, of the histograms of what clients
// wait for.
func Buckets() []float64 { return slices.Clone(buckets) }

// recent is the time over which the worst latency is told.
const recent = 15 * time.Second

// latency is what one class of commands has shown. It is safe for concurrent
// use.
type latency struct {
	remember time.Duration // over which the worst is told

	mu       sync.Mutex
	counts   []uint64 // of each bucket, not cumulated; the last for slower ones
	count    uint64
	sum      float64
	failures map[fault.Kind]uint64
	last     time.Time // of the latest result
	answered time.Time // of the latest answer
	err      error     // of the latest result
	worst    []timed   // the latest ones, oldest first

	stalling bool
	mark     time.Time // up to which the present stall is in stalled
	stalls   uint64
	stalled  time.Duration
}

type timed struct {
	at      time.Time
	seconds float64
}

func newLatency(remember time.Duration) *latency {
	return &latency{remember: remember, counts: make([]uint64, len(buckets)+1), failures: make(map[fault.Kind]uint64)}
}

// record adds one question. One without an answer in time counts as slower than
// every bucket; one that found nobody to answer has no latency.
func (l *latency) record(at time.Time, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.err = at, err
	l.stall(at, took, err)
	if err != nil {
		l.failures[fault.KindOf(err)]++
		if fault.KindOf(err) != fault.Timeout {
			return
		}
	} else {
		l.answered = at
	}
	seconds := took.Seconds()
	bucket := len(buckets)
	if err == nil {
		bucket, _ = slices.BinarySearch(buckets, seconds)
	}
	l.counts[bucket]++
	l.count++
	l.sum += seconds
	l.worst = append(slices.DeleteFunc(l.worst, func(t timed) bool { return at.Sub(t.at) > l.remember }), timed{at, seconds})
}

// stall measures how long the server did not answer: from when the first
// question was sent that had no answer in time, until one had.
func (l *latency) stall(at time.Time, took time.Duration, err error) {
	timedOut := err != nil && fault.KindOf(err) == fault.Timeout
	if timedOut && !l.stalling {
		l.stalls++
		l.mark = at.Add(-took)
	}
	if (timedOut || err == nil) && (timedOut || l.stalling) {
		l.stalled += at.Sub(l.mark)
		l.mark = at
	}
	l.stalling = timedOut
}

// view is what is published at a moment. A result older than stale says nothing
// of the present.
func (l *latency) view(now time.Time, stale time.Duration) View {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := View{
		Asked: !l.last.IsZero(), Err: l.err, Count: l.count, Sum: l.sum, Failures: make(map[fault.Kind]uint64),
		Answered: l.answered, Stalls: l.stalls, Stalled: l.stalled,
	}
	v.Up = v.Asked && l.err == nil && now.Sub(l.last) <= stale
	maps.Copy(v.Failures, l.failures)
	v.Buckets = make(map[float64]uint64, len(buckets))
	total := uint64(0)
	for i, b := range buckets {
		total += l.counts[i]
		v.Buckets[b] = total
	}
	for _, t := range l.worst {
		if now.Sub(t.at) <= l.remember && (v.Worst == nil || t.seconds > *v.Worst) {
			v.Worst = new(t.seconds)
		}
	}
	return v
}
