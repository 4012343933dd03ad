package slo_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

func TestCounters(t *testing.T) {
	type reading struct {
		after   time.Duration // since the start
		value   float64
		created time.Duration // since the start; 0 when the source does not say
		want    uint64
	}
	minute := time.Minute
	tests := map[string]struct {
		whole    bool
		readings []reading
	}{
		"a new target's history is not one burst":        {false, []reading{{0, 500, 0, 0}, {minute, 510, 0, 10}, {2 * minute, 510, 0, 0}}},
		"a series created by its first events":           {true, []reading{{0, 5, 0, 5}, {minute, 6, 0, 1}}},
		"a reset":                                        {false, []reading{{0, 500, 0, 0}, {minute, 4, 0, 4}, {2 * minute, 6, 0, 2}}},
		"a reset to nothing":                             {false, []reading{{0, 500, 0, 0}, {minute, 0, 0, 0}, {2 * minute, 3, 0, 3}}},
		"a reset that grew past what it was":             {false, []reading{{minute, 5, -minute, 0}, {3 * minute, 8, 2 * minute, 8}}},
		"a creation time that wanders is no reset":       {false, []reading{{minute, 5, -minute, 0}, {3 * minute, 8, -minute + 7, 3}}},
		"the same collection read twice":                 {false, []reading{{0, 1, 0, 0}, {minute, 3, 0, 2}, {minute, 9, 0, 0}, {2 * minute, 9, 0, 6}}},
		"a late one":                                     {false, []reading{{0, 1, 0, 0}, {2 * minute, 3, 0, 2}, {minute, 2, 0, 0}, {3 * minute, 4, 0, 1}}},
		"away for half an hour":                          {false, []reading{{0, 1, 0, 0}, {30 * minute, 41, 0, 40}}},
		"away for a night":                               {false, []reading{{0, 1, 0, 0}, {9 * time.Hour, 4100, 0, 0}, {9*time.Hour + minute, 4101, 0, 1}}},
		"the target's clock steps back":                  {false, []reading{{time.Hour, 1, 0, 0}, {minute, 5, 0, 0}, {time.Hour + minute, 6, 0, 5}}},
		"parts of events":                                {false, []reading{{0, 0.4, 0, 0}, {minute, 0.8, 0, 0}, {2 * minute, 1.2, 0, 1}, {3 * minute, 1.6, 0, 0}, {4 * minute, 2, 0, 1}}},
		"more than can be counted":                       {true, []reading{{0, 1, 0, 1}, {minute, 1e300, 0, math.MaxInt64}, {2 * minute, 1, 0, 1}}},
		"what no counter shows":                          {false, []reading{{0, 7, 0, 0}, {minute, math.NaN(), 0, 0}, {2 * minute, math.Inf(1), 0, 0}, {3 * minute, -1, 0, 0}, {4 * minute, 9, 0, 2}}},
		"nothing but what no counter shows, then one":    {true, []reading{{0, math.NaN(), 0, 0}, {minute, 2, 0, 2}}},
		"a reset while it was away, shorter than Forget": {false, []reading{{0, 100, 0, 0}, {time.Hour, 30, 0, 30}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := slo.NewCounters()
			slot := c.Add(tt.whole)
			for _, r := range tt.readings {
				in := slo.Sample{Value: r.value, At: start.Add(r.after)}
				if r.created != 0 {
					in.Created = start.Add(r.created)
				}
				if got := c.Increase(slot, in); got != r.want {
					t.Errorf("%v after %v: counted %d, want %d", r.value, r.after, got, r.want)
				}
			}
		})
	}
}

// However often a counter is looked at, what is counted adds up to what
// happened; of what happened before a reset nobody saw, less.
func TestCountersAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := slo.NewCounters()
		slot, at := c.Add(true), start
		var value float64
		var want, got uint64
		resets := 0
		for range rapid.IntRange(1, 100).Draw(rt, "readings") {
			if rapid.IntRange(0, 19).Draw(rt, "reset") == 0 {
				value = 0
				resets++
			}
			events := uint64(rapid.IntRange(0, 50).Draw(rt, "events"))
			value += float64(events)
			want += events
			at = at.Add(time.Duration(rapid.IntRange(1, 3600).Draw(rt, "seconds")) * time.Second)
			for range rapid.IntRange(1, 3).Draw(rt, "times looked at") {
				got += c.Increase(slot, slo.Sample{Value: value, At: at})
			}
		}
		if got > want || resets == 0 && got != want {
			rt.Errorf("counted %d of %d, with %d resets", got, want, resets)
		}
	})
}

// A series that comes back after it was forgotten is like a new one: what it
// shows is news where its target was there all the time, and history where the
// target was away with it.
func TestASeriesThatComesBackAfterItWasForgotten(t *testing.T) {
	const night = slo.Forget + time.Hour
	tests := map[string]struct {
		away     time.Duration
		target   bool // was there
		shows    float64
		created  time.Duration // before it came back; 0 when the source does not say
		want     uint64
		restarts bool // while it was away
	}{
		"pruned without traffic, made anew by as many failures as before": {night, true, 5, 0, 5, false},
		"made anew by fewer":                        {night, true, 2, 0, 2, false},
		"made anew by more":                         {night, true, 8, 0, 8, false},
		"a restart in between":                      {night, true, 5, 0, 5, true},
		"its target was away with it":               {night, false, 9, 0, 0, false},
		"the target too, and it was made this tick": {night, false, 9, time.Second, 9, false},
		"the target too, and it was made before":    {night, false, 9, time.Hour, 0, false},
		"not yet forgotten: it is compared":         {time.Hour, true, 8, 0, 3, false},
		"not yet forgotten, made anew by as many":   {time.Hour, true, 5, 0, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, at := requests(), start
			events := make([]slo.Event, 1)
			read := func(bad, created float64, beside bool) {
				of := func(outcome string, v float64) signal.Sample {
					return signal.Sample{Name: "requests_total", Labels: map[string]string{"component": "erp", "tenant": "prod", "outcome": outcome}, Value: v, At: at}
				}
				var out []signal.Sample
				if beside {
					out = append(out, of("good", 100))
				}
				if bad > 0 {
					x := of("bad", bad)
					if created > 0 {
						x.Created = at.Add(-time.Duration(created * float64(time.Second)))
					}
					out = append(out, x)
				}
				m.Read(at, func(string) []signal.Sample { return out }, events)
			}
			read(0, 0, true)
			at = at.Add(tick)
			read(5, 0, true)
			if events[0].Bad != 5 {
				t.Fatalf("the first failures are counted as %d, want 5", events[0].Bad)
			}
			for end := at.Add(tt.away); at.Before(end); {
				at = at.Add(tick)
				read(0, 0, tt.target)
			}
			if tt.restarts {
				kept := m.Snapshot(nil)
				m = requests()
				if err := m.Restore(kept, at); err != nil {
					t.Fatal(err)
				}
			}
			at = at.Add(tick)
			read(tt.shows, tt.created.Seconds(), tt.target)
			if events[0].Bad != tt.want {
				t.Errorf("counted %d, want %d", events[0].Bad, tt.want)
			}
		})
	}
}
