package odoo

import "time"

// A watermark is an id below which no row is still to appear. Ids are taken
// when a row is written but seen when its transaction commits, so the mark
// lags behind the highest id by as long as a transaction may reasonably take.
type watermark struct {
	lag   time.Duration
	highs []high // oldest first; the first is at least lag old once there is one
}

type high struct {
	at time.Time
	id int64
}

// advance notes the highest id at an instant and returns the mark: the highest
// id as it was lag ago, or as it was first seen.
func (w *watermark) advance(at time.Time, id int64) int64 {
	w.highs = append(w.highs, high{at, id})
	for len(w.highs) > 1 && at.Sub(w.highs[1].at) >= w.lag {
		w.highs = w.highs[1:]
	}
	return w.highs[0].id
}
