package lsnclock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
)

var start = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// sample reads position at one instant; transactions stands for the snapshot.
func sample(seconds float64, position, transactions uint64) lsnclock.Sample {
	return lsnclock.Sample{Before: at(seconds), After: at(seconds), Position: position, Snapshot: transactions}
}

func clock(samples ...lsnclock.Sample) *lsnclock.Clock {
	c := lsnclock.New(0)
	for _, s := range samples {
		c.Add(7, 1, s, 0)
	}
	return c
}

func bounded(lower, upper float64) lsnclock.Bounds {
	return lsnclock.Bounds{Lower: at(lower).Sub(start), Upper: at(upper).Sub(start), Bounded: true}
}

func TestBounds(t *testing.T) {
	tests := map[string]struct {
		samples  []lsnclock.Sample
		position uint64
		now      float64
		want     lsnclock.Bounds
	}{
		"caught up a moment ago": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 200, 2)},
			position: 200, now: 1.2, want: bounded(0, 0.2),
		},
		"caught up on a primary idle for an hour": {
			samples:  []lsnclock.Sample{sample(0, 200, 2), sample(1800, 200, 2), sample(3600, 200, 2)},
			position: 200, now: 3600.5, want: bounded(0, 0.5),
		},
		"one commit half a second ago after a long idle time": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(25, 100, 1), sample(26, 150, 2)},
			position: 100, now: 26.5, want: bounded(0.5, 1.5),
		},
		"replay paused while writing goes on": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 150, 2), sample(2, 180, 3), sample(3, 300, 4)},
			position: 100, now: 9, want: bounded(8, 9),
		},
		"halfway between two samples": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 150, 2), sample(2, 180, 3)},
			position: 160, now: 5, want: bounded(3, 4),
		},
		"records without transactions while replay is paused": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(15, 150, 1), sample(30, 200, 1)},
			position: 100, now: 30, want: bounded(0, 0),
		},
		"a transaction after records without transactions": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(15, 150, 1), sample(30, 200, 2)},
			position: 120, now: 40, want: bounded(10, 25),
		},
		"a commit seen in the log before it is seen as ended": {
			// At 15 the commit's record is in the log but the snapshot still
			// shows it running; at 16 it has ended and nothing else happened.
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(15, 150, 1), sample(16, 150, 2)},
			position: 100, now: 20, want: bounded(4, 5),
		},
		"the primary has been silent since the last sample": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 200, 2)},
			position: 200, now: 61, want: bounded(0, 60),
		},
		"a position before the history": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 200, 2)},
			position: 50, now: 11, want: lsnclock.Bounds{Lower: 11 * time.Second},
		},
		"a standby ahead of the latest sample": {
			samples:  []lsnclock.Sample{sample(0, 100, 1)},
			position: 900, now: 0.3, want: bounded(0, 0.3),
		},
		"the end of the log was lost in a crash": {
			samples:  []lsnclock.Sample{sample(0, 100, 1), sample(1, 200, 2), sample(2, 300, 3), sample(9, 250, 4)},
			position: 200, now: 10, want: bounded(1, 9),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := clock(tt.samples...).Bounds(1, tt.position, at(tt.now))
			if !ok {
				t.Fatal("Bounds knows nothing of the position")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Bounds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingIsKnown(t *testing.T) {
	if _, ok := lsnclock.New(0).Bounds(1, 100, start); ok {
		t.Error("an empty clock judges a position")
	}
	if _, ok := clock(sample(0, 100, 1)).Bounds(2, 100, at(1)); ok {
		t.Error("a clock of timeline 1 judges a position on timeline 2")
	}
}

func TestTimelineSwitch(t *testing.T) {
	// The standby was last seen at 180 before it was promoted; the former
	// primary wrote up to 300 that nobody received.
	promoted := func(common uint64) *lsnclock.Clock {
		c := clock(sample(0, 100, 1), sample(1, 150, 2), sample(2, 180, 3), sample(3, 300, 4))
		c.Add(7, 2, sample(5, 200, 50), common)
		c.Add(7, 2, sample(6, 250, 51), common)
		return c
	}
	tests := map[string]struct {
		common   uint64
		timeline uint32
		position uint64
		want     lsnclock.Bounds
	}{
		"follows the new timeline":              {180, 2, 250, bounded(0, 4)},
		"follows, one commit behind":            {180, 2, 200, bounded(4, 5)},
		"still on the old timeline, at the cut": {180, 1, 180, bounded(5, 8)},
		"still on the old timeline, beyond it":  {180, 1, 300, bounded(5, 8)},
		"still on the old timeline, before it":  {180, 1, 160, bounded(8, 9)},
		"nothing is known to be common":         {0, 1, 180, lsnclock.Bounds{Lower: 5 * time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := promoted(tt.common).Bounds(tt.timeline, tt.position, at(10))
			if !ok {
				t.Fatal("Bounds knows nothing of the position")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Bounds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormerPrimaryIsIgnored(t *testing.T) {
	c := clock(sample(0, 100, 1))
	c.Add(7, 2, sample(1, 120, 2), 100)
	if c.Add(7, 1, sample(2, 900, 9), 0) {
		t.Error("a sample of an older timeline was accepted")
	}
	if end, _ := c.End(); end != 120 {
		t.Errorf("the log ends at %d, want 120", end)
	}
}

func TestAnotherClusterStartsAnew(t *testing.T) {
	c := clock(sample(0, 100, 1), sample(1, 200, 2))
	c.Add(8, 1, sample(2, 150, 1), 0)
	got, _ := c.Bounds(1, 150, at(2.5))
	if diff := cmp.Diff(bounded(0, 0.5), got); diff != "" {
		t.Errorf("Bounds (-want +got):\n%s", diff)
	}
	if c.Len() != 1 {
		t.Errorf("%d stretches kept, want 1", c.Len())
	}
}

func TestServerTimeWasSet(t *testing.T) {
	c := clock(sample(0, 100, 1), sample(1, 200, 2))
	c.Shift(-time.Hour)
	got, _ := c.Bounds(1, 100, at(5).Add(-time.Hour))
	if diff := cmp.Diff(bounded(4, 5), got); diff != "" {
		t.Errorf("Bounds (-want +got):\n%s", diff)
	}
}
