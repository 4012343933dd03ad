package expected

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// A Memory is what a ledger must remember over a restart, besides its days. It shares
// what it holds with the ledger: it is to be written down before the ledger is
// asked again.
type Memory struct {
	Turns  map[string]*turn  `json:"turns"`
	Tracks map[string]*track `json:"tracks"`
}

// Memory returns what to remember. It is small, and different at every tick.
func (l *Ledger) Memory() Memory { return Memory{l.turns, l.tracks} }

// Days returns the history, by track. It is large, and different when Closed is.
func (l *Ledger) Days() map[string][]Day {
	out := map[string][]Day{}
	for key, t := range l.tracks {
		if len(t.days) > 0 {
			out[key] = t.days
		}
	}
	return out
}

// Closed counts the days that have ended since the start.
func (l *Ledger) Closed() int { return l.closed }

// Restore takes back what Memory and Days have returned, at a time. What has not been
// measured for longer than a history is kept is forgotten.
func (l *Ledger) Restore(at time.Time, m Memory, days map[string][]Day) {
	forgotten := at.AddDate(0, 0, -historyDays)
	for _, key := range slices.Sorted(maps.Keys(m.Turns)) {
		if t := m.Turns[key]; t != nil && t.At.After(forgotten) && len(l.turns) < maxTurns {
			l.turns[key] = t
		}
	}
	for _, key := range slices.Sorted(maps.Keys(days)) {
		kept := days[key]
		if len(kept) == 0 || len(l.tracks) >= maxTracks || !kept[len(kept)-1].Date.In(time.UTC).After(forgotten) {
			continue
		}
		slices.SortFunc(kept, func(a, b Day) int { return a.Date.Compare(b.Date) })
		l.tracks[key] = &track{days: kept}
	}
	for _, key := range slices.Sorted(maps.Keys(m.Tracks)) {
		t := m.Tracks[key]
		if t == nil || !t.At.After(forgotten) || l.tracks[key] == nil && len(l.tracks) >= maxTracks {
			continue
		}
		t.days = cmp.Or(l.tracks[key], &track{}).days
		l.tracks[key] = t
	}
}

// writtenDay is a Day as it is kept: {"d":"2026-11-18","n":[0,0,…]}.
type writtenDay struct {
	Date  string      `json:"d"`
	Hours [24]float64 `json:"n"`
}

// MarshalJSON implements json.Marshaler.
func (d Day) MarshalJSON() ([]byte, error) { return json.Marshal(writtenDay{d.Date.String(), d.Hours}) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Day) UnmarshalJSON(b []byte) error {
	var w writtenDay
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	date, err := calendar.ParseDate(w.Date)
	if err != nil {
		return err
	}
	for h, n := range w.Hours {
		if n < 0 || math.IsInf(n, 0) {
			return fmt.Errorf("hour %d of %s: %v is no count", h, date, n)
		}
	}
	*d = Day{date, w.Hours}
	return nil
}
