package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// What is kept of sizes, and from when on it says how they grow.
const (
	sampleEvery  = time.Hour
	growthWindow = 14 * 24 * time.Hour
	leastSpan    = 6 * time.Hour
	leastSamples = 5
	maxSamples   = int(growthWindow/sampleEvery) + 1
	maxPoints    = 64 // of which a rate is made: 2,016 pairs
)

// A growth is the sizes of one cluster's databases over two weeks.
type growth struct {
	Format  int          `json:"format"`
	Samples []sizeSample `json:"samples"` // oldest first, by the server's time
}

// A sizeSample is all sizes at one moment.
type sizeSample struct {
	At    time.Time          `json:"at"`
	Bytes map[string]float64 `json:"bytes"` // by the database's oid; "0" is all others
}

// growthFormat is the version of the file this code writes and reads.
const growthFormat = 1

// add keeps a sample unless one was kept less than an hour ago, and reports
// whether it did. Samples of the future were taken before the server's time
// was set back.
func (g *growth) add(s sizeSample) bool {
	g.Samples = slices.DeleteFunc(g.Samples, func(old sizeSample) bool {
		return old.At.After(s.At) || s.At.Sub(old.At) > growthWindow
	})
	// A run is never on the second.
	if n := len(g.Samples); n > 0 && s.At.Sub(g.Samples[n-1].At) < sampleEvery-time.Minute {
		return false
	}
	g.Samples = append(g.Samples, s)
	g.Samples = g.Samples[max(0, len(g.Samples)-maxSamples):]
	return true
}

// rate is how many bytes a database grows by in a second, judged by the samples
// since it was first seen and now: the median of the slopes between any two of
// them, so that what happens once, such as a clean-up or an import, does not
// count. ok is false when less than six hours are known.
func (g *growth) rate(oid string, now sizeSample) (bytesPerSecond float64, ok bool) {
	var points []point
	for _, s := range append(slices.Clip(g.Samples), now) {
		if bytes, ok := s.Bytes[oid]; ok && now.At.Sub(s.At) <= growthWindow && !s.At.After(now.At) {
			points = append(points, point{s.At.Sub(now.At).Seconds(), bytes})
		}
	}
	if len(points) < leastSamples || -points[0].at < leastSpan.Seconds() {
		return 0, false
	}
	points = spread(points, maxPoints)
	slopes := make([]float64, 0, len(points)*(len(points)-1)/2)
	for i, p := range points {
		for _, q := range points[i+1:] {
			if q.at > p.at {
				slopes = append(slopes, (q.bytes-p.bytes)/(q.at-p.at))
			}
		}
	}
	return median(slopes)
}

type point struct{ at, bytes float64 }

// spread picks at most n of the points, evenly, with the first and the last.
func spread(points []point, n int) []point {
	if len(points) <= n {
		return points
	}
	picked := make([]point, n)
	for i := range picked {
		picked[i] = points[i*(len(points)-1)/(n-1)]
	}
	return picked
}

func median(values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half], true
	}
	return (values[half-1] + values[half]) / 2, true
}

// dump writes what is to be kept.
func (g *growth) dump() ([]byte, error) {
	g.Format = growthFormat
	return json.Marshal(g)
}

// restore takes up what dump wrote.
func (g *growth) restore(text []byte) error {
	var kept growth
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	if kept.Format != growthFormat {
		return fmt.Errorf("format %d is not known", kept.Format)
	}
	if !kept.possible() {
		return errors.New("its contents are impossible")
	}
	*g = kept
	return nil
}

func (g *growth) possible() bool {
	if len(g.Samples) > maxSamples || !slices.IsSortedFunc(g.Samples, func(a, b sizeSample) int { return a.At.Compare(b.At) }) {
		return false
	}
	for _, s := range g.Samples {
		if len(s.Bytes) > maxSized+1 {
			return false
		}
		for _, b := range s.Bytes {
			if b < 0 || math.IsNaN(b) {
				return false
			}
		}
	}
	return true
}
