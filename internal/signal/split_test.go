package signal_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
)

// What a tenant publishes is what is found among all that is published, in the
// same order, at every tick.
func TestASplitIsWhatIsFoundAmongAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var split signal.Split
		for range rapid.IntRange(1, 4).Draw(t, "ticks") {
			published := map[string][]signal.Sample{}
			for i := range rapid.IntRange(0, 20).Draw(t, "samples") {
				metric := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "metric")
				labels := map[string]string{"series": strconv.Itoa(i)}
				if tenant := rapid.SampledFrom([]string{"", "t1", "t2", "t3"}).Draw(t, "tenant"); tenant != "" {
					labels["tenant"] = tenant
				}
				published[metric] = append(published[metric], signal.Sample{Name: metric, Labels: labels, Value: float64(i)})
			}
			all := signal.Published(func(metric string) []signal.Sample { return published[metric] })
			split.Begin("tenant", all)
			for _, tenant := range []string{"t1", "t2", "t3", "t4"} {
				for _, metric := range []string{"a", "b", "c"} {
					want := map[string]string{"tenant": tenant}
					if diff := cmp.Diff(all.Match(metric, want), split.Of(tenant).Match(metric, want)); diff != "" {
						t.Fatalf("%s of %s differs (-all +split):\n%s", metric, tenant, diff)
					}
				}
			}
		}
	})
}

func TestASplitAllocatesNothingOnceItHasItsRoom(t *testing.T) {
	var samples []signal.Sample
	for i := range 100 {
		samples = append(samples, signal.Sample{Labels: map[string]string{"tenant": strconv.Itoa(i % 10)}})
	}
	all := signal.Published(func(string) []signal.Sample { return samples })
	var split signal.Split
	want := map[string]string{"tenant": "3"}
	if n := testing.AllocsPerRun(100, func() {
		split.Begin("tenant", all)
		if _, _, ok := split.Of("3").Sum("m", want, nil); !ok {
			t.Fatal("nothing is found")
		}
		if _, ok := split.Of("3").One("m", want); ok {
			t.Fatal("ten are one")
		}
	}); n != 0 {
		t.Errorf("a tick allocates %v times, want 0", n)
	}
}
