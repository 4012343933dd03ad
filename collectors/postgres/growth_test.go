package postgres

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// grown samples a database of the oid 1 every hour, up to now (march31).
func grown(hours int, bytes func(hour int) float64) (*growth, sizeSample) {
	g := new(growth)
	for h := range hours {
		g.add(sizeSample{At: march31.Add(time.Duration(h-hours) * time.Hour), Bytes: map[string]float64{"1": bytes(h)}})
	}
	return g, sizeSample{At: march31, Bytes: map[string]float64{"1": bytes(hours)}}
}

func TestGrowthRate(t *testing.T) {
	const mib = 1 << 20
	steady := func(h int) float64 { return float64(1000*mib + h*mib) } // 1 MiB an hour
	tests := map[string]struct {
		hours int
		bytes func(hour int) float64
		want  float64 // MiB an hour
		ok    bool
	}{
		"nothing known yet": {0, steady, 0, false},
		"five hours":        {5, steady, 0, false},
		"six hours":         {6, steady, 1, true},
		"two weeks":         {336, steady, 1, true},
		"two months: the last two weeks count": {1440, func(h int) float64 {
			return float64(min(h, 1440-336))*100*mib + steady(h)
		}, 1, true},
		"it does not grow": {100, func(int) float64 { return 5 * mib }, 0, true},
		"it shrinks":       {100, func(h int) float64 { return 1000*mib - float64(h)*mib }, -1, true},
		"an import of 50 GiB three days ago": {336, func(h int) float64 {
			if h > 264 {
				return steady(h) + 50<<30
			}
			return steady(h)
		}, 1, true},
		"half of it deleted two days ago": {336, func(h int) float64 {
			if h > 288 {
				return steady(h) / 2
			}
			return steady(h)
		}, 1, true},
		"by night only": {336, func(h int) float64 { return float64(h/24*24*mib + min(h%24, 8)*3*mib) }, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, now := grown(tt.hours, tt.bytes)
			got, ok := g.rate("1", now)
			if got = got * 3600 / mib; ok != tt.ok || math.Abs(got-tt.want) > 0.05 {
				t.Errorf("%.3f MiB an hour (known: %v), want %v (%v)", got, ok, tt.want, tt.ok)
			}
			if len(g.Samples) > maxSamples {
				t.Errorf("%d samples, want at most %d", len(g.Samples), maxSamples)
			}
		})
	}
}

// A database dropped and created anew has another oid, hence another history.
func TestGrowthOfADatabaseCreatedAnew(t *testing.T) {
	g, now := grown(100, func(h int) float64 { return float64(h) })
	now.Bytes = map[string]float64{"2": 5}
	if v, ok := g.rate("2", now); ok {
		t.Errorf("a database just created grows by %v", v)
	}
}

func TestGrowthWhenTheServersTimeIsSetBack(t *testing.T) {
	g, _ := grown(100, func(h int) float64 { return float64(h) })
	back := march31.Add(-50 * time.Hour)
	g.add(sizeSample{At: back})
	if n := len(g.Samples); n != 51 || g.Samples[n-1].At.After(back) {
		t.Errorf("%d samples up to %v, want the 51 that are not of the future", n, g.Samples[n-1].At)
	}
	if !g.add(sizeSample{At: back.Add(time.Hour)}) {
		t.Error("an hour later nothing is kept")
	}
}

func TestGrowthIsSampledHourly(t *testing.T) {
	g := new(growth)
	var kept []string
	for minute := 0; minute <= 180; minute += 15 {
		if g.add(sizeSample{At: march31.Add(time.Duration(minute) * time.Minute)}) {
			kept = append(kept, strconv.Itoa(minute))
		}
	}
	if diff := cmp.Diff([]string{"0", "60", "120", "180"}, kept); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGrowthOutlivesARestart(t *testing.T) {
	g, now := grown(336, func(h int) float64 { return float64(h * 8192) })
	text, err := g.dump()
	if err != nil {
		t.Fatal(err)
	}
	var again growth
	if err := again.restore(text); err != nil {
		t.Fatal(err)
	}
	want, _ := g.rate("1", now)
	if got, ok := again.rate("1", now); !ok || got != want {
		t.Errorf("%v (known: %v), want %v", got, ok, want)
	}
}

func TestGrowthThatIsImpossible(t *testing.T) {
	sample := `{"at":"2026-03-31T18:00:00Z","bytes":{"1":5}}`
	tests := map[string]string{
		"not JSON":          `{"format":1`,
		"another format":    `{"format":2,"samples":[]}`,
		"not in order":      `{"format":1,"samples":[` + sample + `,{"at":"2026-03-31T17:00:00Z"}]}`,
		"less than nothing": `{"format":1,"samples":[{"at":"2026-03-31T18:00:00Z","bytes":{"1":-5}}]}`,
		"too much":          `{"format":1,"samples":[` + string(slices.Repeat([]byte(sample+","), maxSamples)) + sample + `]}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			g, _ := grown(3, func(h int) float64 { return float64(h) })
			if err := g.restore([]byte(text)); err == nil || len(g.Samples) != 3 {
				t.Errorf("restore() = %v, and %d samples are known, want an error and the 3 of before", err, len(g.Samples))
			}
		})
	}
}

func FuzzGrowthRestore(f *testing.F) {
	g, now := grown(10, func(h int) float64 { return float64(h) })
	text, _ := g.dump()
	f.Add(text)
	f.Add([]byte(`{"format":1,"samples":[{"at":"2026-03-31T18:00:00Z","bytes":{"1":5}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var g growth
		if g.restore(text) != nil {
			return
		}
		if v, ok := g.rate("1", now); ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("a rate of %v", v)
		}
		g.add(now)
	})
}

func BenchmarkGrowthRate(b *testing.B) {
	g, now := grown(336, func(h int) float64 { return float64(h % 50 * 8192) })
	for b.Loop() {
		g.rate("1", now)
	}
}
