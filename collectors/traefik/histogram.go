package traefik

// buckets is how many finite buckets a histogram has.
const buckets = 11

// Buckets are the upper bounds, in seconds, of every duration histogram. The
// latency objectives of finance processes use thresholds from this list.
func Buckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60}
}

// bounds are Buckets in nanoseconds.
var bounds = [buckets]int64{50e6, 100e6, 250e6, 500e6, 1e9, 2e9, 3e9, 5e9, 10e9, 30e9, 60e9}

// A histogram counts durations per bucket, the last being +Inf.
type histogram struct {
	Counts [buckets + 1]uint64 `json:"counts"`
	Sum    float64             `json:"sum"` // seconds
}

func (h *histogram) observe(ns int64) {
	i := 0
	for i < buckets && ns > bounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += float64(ns) / 1e9
}

func (h *histogram) count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// cumulative returns the count at or below each bound, as Prometheus wants it.
func (h *histogram) cumulative() map[float64]uint64 {
	m := make(map[float64]uint64, buckets)
	n := uint64(0)
	for i, bound := range Buckets() {
		n += h.Counts[i]
		m[bound] = n
	}
	return m
}
