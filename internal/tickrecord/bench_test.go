package tickrecord_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/tickrecord"
)

// situation is a payload such as an estate of a few dozen processes has:
// readings of signals and sums of windows, of which few change from tick to
// tick.
func situation(random *rand.Rand, at time.Time) []byte {
	var b []byte
	for n := range 200 {
		value := float64(n)
		if random.IntN(5) == 0 {
			value += random.Float64()
		}
		b = fmt.Appendf(b, `{"signal":"postgres_replica_lag_%d","component":"db%d","environment":"production","state":"ok","value":%g,"at":%q},`,
			n, n%7, value, at.Format(time.RFC3339))
	}
	for n := range 100 {
		b = fmt.Appendf(b, `{"objective":"acme/process-%d/availability/users","window":"1h","bad":%d,"total":%d},`, n, random.IntN(3), 1000+random.IntN(2000))
	}
	return b
}

func BenchmarkAppend(b *testing.B) {
	dir := durabletest.Dir(b)
	o := options(dir)
	o.Disk = durabletest.FullAfter(-1).Disk()
	l, _, err := tickrecord.Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // holds nothing back
	random := rand.New(rand.NewPCG(1, 2))
	n, plain := 0, 0
	for b.Loop() {
		n++
		r := record(n)
		r.Payload = situation(random, r.At)
		plain += len(r.Payload)
		if err := l.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	stored := int64(0)
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		stored += info.Size()
	}
	b.ReportMetric(float64(stored)/float64(n), "bytes/tick")
	b.ReportMetric(float64(plain)/float64(n), "plain-bytes/tick")
}
