package lsnclock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
)

// A history is what really happened to a log, and the samples taken of it.
type history struct {
	records []record
	samples []lsnclock.Sample
	end     time.Time
}

// A record makes the log grow to pos. A commit ends its transaction a moment
// after its record was written, as a server does.
type record struct {
	pos    uint64
	at     time.Time
	commit bool
	ended  time.Time
}

// drawHistory writes records at random and samples at about one-second
// distance. A sample takes time: the snapshot first, then the position.
func drawHistory(t *rapid.T, seconds int) history {
	h := history{records: []record{{pos: 1000, at: start.Add(-time.Hour), commit: true, ended: start.Add(-time.Hour)}}}
	now, pos := start, uint64(1000)
	tick := func(most int) time.Time {
		now = now.Add(time.Duration(rapid.IntRange(0, most).Draw(t, "µs")) * time.Microsecond)
		return now
	}
	write := func() {
		for range rapid.IntRange(0, 3).Draw(t, "records") {
			pos += uint64(rapid.IntRange(1, 200).Draw(t, "bytes"))
			r := record{pos: pos, at: tick(2000), commit: rapid.Bool().Draw(t, "commit")}
			if r.commit {
				r.ended = r.at.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ending")) * time.Microsecond)
			}
			h.records = append(h.records, r)
		}
	}
	for range seconds {
		if rapid.IntRange(0, 2).Draw(t, "activity") > 0 {
			write()
		}
		before := tick(100)
		var snapshot uint64
		for _, r := range h.records {
			if r.commit && !r.ended.After(now) {
				snapshot++
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "race") == 0 {
			write() // between the snapshot and the position
		}
		position := pos
		h.samples = append(h.samples, lsnclock.Sample{Before: before, After: tick(100), Position: position, Snapshot: snapshot})
		now = now.Add(time.Duration(rapid.IntRange(500, 1500).Draw(t, "pause")) * time.Millisecond)
	}
	h.end = now
	return h
}

func (h history) clock() *lsnclock.Clock {
	c := lsnclock.New(0)
	for _, s := range h.samples {
		c.Add(7, 1, s, 0)
	}
	return c
}

func (h history) position(t *rapid.T) uint64 {
	last := h.samples[len(h.samples)-1].Position
	return rapid.Uint64Range(900, last+100).Draw(t, "position")
}

// oldestRecord returns the age of the oldest record beyond pos; false when
// there is none.
func (h history) oldestRecord(pos uint64) (time.Duration, bool) {
	for _, r := range h.records {
		if r.pos > pos {
			return h.end.Sub(r.at), true
		}
	}
	return 0, false
}

// oldestCommit returns how long ago the first of the transactions beyond pos
// ended; false when none did.
func (h history) oldestCommit(pos uint64) (age time.Duration, ok bool) {
	for _, r := range h.records {
		if r.pos > pos && r.commit && !r.ended.After(h.end) {
			age, ok = max(age, h.end.Sub(r.ended)), true
		}
	}
	return age, ok
}

// brute judges a position from all samples, without stretches or thinning.
func (h history) brute(pos uint64) lsnclock.Bounds {
	covered := -1 // the last sample at which everything was at or before pos
	for i, s := range h.samples {
		chained := covered == i-1 && covered >= 0 && h.samples[i-1].Snapshot == s.Snapshot
		if s.Position <= pos || chained {
			covered = i
		}
	}
	var b lsnclock.Bounds
	if covered >= 0 {
		b.Upper, b.Bounded = h.end.Sub(h.samples[covered].Before), true
	}
	if covered+1 < len(h.samples) {
		b.Lower = h.end.Sub(h.samples[covered+1].After)
	}
	return b
}

func TestBoundsHoldTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, rapid.IntRange(1, 60).Draw(t, "seconds"))
		pos := h.position(t)
		got, ok := h.clock().Bounds(1, pos, h.end)
		if !ok {
			t.Fatal("Bounds knows nothing of the position")
		}
		if age, missing := h.oldestCommit(pos); missing && got.Bounded && age > got.Upper {
			t.Fatalf("a commit %v old is missing, beyond the upper bound %v", age, got.Upper)
		}
		age, missing := h.oldestRecord(pos)
		if got.Lower > 0 && (!missing || age < got.Lower) {
			t.Fatalf("the lower bound is %v, but the oldest missing record is %v old", got.Lower, age)
		}
	})
}

func TestBoundsEqualBruteForceBeforeThinning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, rapid.IntRange(1, 60).Draw(t, "seconds")) // fewer stretches than start a thinning
		pos := h.position(t)
		got, _ := h.clock().Bounds(1, pos, h.end)
		if want := h.brute(pos); got != want {
			t.Fatalf("Bounds(%d) = %+v, want %+v", pos, got, want)
		}
	})
}

func TestThinningWidensInProportionToAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := longHistory(t, 1500)
		c := h.clock()
		pos := h.position(t)
		got, _ := c.Bounds(1, pos, h.end)
		want := h.brute(pos)
		if got.Lower > want.Lower || got.Upper < want.Upper && got.Bounded {
			t.Fatalf("Bounds(%d) = %+v is narrower than %+v", pos, got, want)
		}
		if got.Bounded != want.Bounded {
			t.Fatalf("Bounds(%d) = %+v, want %+v", pos, got, want)
		}
		allowed := max(want.Upper-want.Lower, got.Lower/128) + time.Microsecond
		if got.Bounded && got.Upper-got.Lower > allowed {
			t.Fatalf("Bounds(%d) = %+v, wider than %v", pos, got, allowed)
		}
	})
}

// longHistory is a busy log, drawn from few random numbers to be quick.
func longHistory(t *rapid.T, seconds int) history {
	step := rapid.Uint64Range(1, 500).Draw(t, "step")
	idle := rapid.IntRange(2, 50).Draw(t, "idle every")
	var h history
	now, pos := start, uint64(1000)
	for i := range seconds {
		if i%idle != 0 {
			pos += step
		}
		h.samples = append(h.samples, lsnclock.Sample{Before: now, After: now.Add(time.Millisecond), Position: pos, Snapshot: pos})
		now = now.Add(time.Second)
	}
	h.end = now
	return h
}

func TestMemoryIsBounded(t *testing.T) {
	for _, most := range []int{16, 256, lsnclock.DefaultEntries} {
		c := lsnclock.New(most)
		now := start
		for i := range uint64(24 * 3600) {
			c.Add(7, 1, lsnclock.Sample{Before: now, After: now, Position: 1000 + i, Snapshot: i}, 0)
			if now = now.Add(time.Second); c.Len() > most {
				t.Fatalf("%d stretches kept, want at most %d", c.Len(), most)
			}
		}
		t.Logf("a day of commits in %d of %d stretches", c.Len(), most)
	}
}

func TestEncodingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, rapid.IntRange(1, 60).Draw(t, "seconds"))
		c := h.clock()
		c.Add(7, 2, lsnclock.Sample{Before: h.end, After: h.end, Position: h.samples[0].Position + 50, Snapshot: 99}, h.samples[0].Position)
		text, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		back := lsnclock.New(0)
		if err := back.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		pos := h.position(t)
		for timeline := range uint32(3) {
			want, wantOK := c.Bounds(timeline, pos, h.end.Add(time.Minute))
			got, gotOK := back.Bounds(timeline, pos, h.end.Add(time.Minute))
			if got != want || gotOK != wantOK {
				t.Fatalf("Bounds(%d, %d) after a round trip = %+v, want %+v", timeline, pos, got, want)
			}
		}
	})
}

func FuzzUnmarshalText(f *testing.F) {
	text, err := clock(sample(0, 100, 1), sample(1, 200, 2)).MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("lsnclock 1 7 1 0 0 -1 99999999999\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := clock(sample(0, 42, 1))
		if err := c.UnmarshalText(text); err != nil {
			if end, _ := c.End(); end != 42 {
				t.Errorf("a failed read changed the clock to end at %d", end)
			}
			return
		}
		c.Bounds(1, 150, at(2))
	})
}
