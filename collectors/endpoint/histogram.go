package endpoint

import "time"

// Buckets are the upper bounds, in seconds, of the durations of checks: the
// thresholds of the finance processes' latency objectives, and finer ones
// below.
func Buckets() []float64 { return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60} }

// A histogram counts durations at or below each bound.
type histogram struct {
	within map[float64]uint64
	count  uint64
	sum    float64 // seconds
}

// observe counts one run; one that did not pass is within no bound.
func (h *histogram) observe(d time.Duration, passed bool) {
	if h.within == nil {
		h.within = map[float64]uint64{}
	}
	for _, bound := range Buckets() {
		if passed && d.Seconds() <= bound {
			h.within[bound]++
		}
	}
	h.count++
	h.sum += d.Seconds()
}

// cumulative returns a copy for publication, every bound included.
func (h *histogram) cumulative() map[float64]uint64 {
	out := make(map[float64]uint64, len(Buckets()))
	for _, bound := range Buckets() {
		out[bound] = h.within[bound]
	}
	return out
}
