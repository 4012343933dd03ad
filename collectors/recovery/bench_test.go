package recovery

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkArchive lists an archive of 5 000 segments, 78 GiB of log, and
// finds its range: what a turn costs beside the info files.
func BenchmarkArchive(b *testing.B) {
	dir := b.TempDir()
	const n = 5_000
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("00000001%08X", i/256), fmt.Sprintf("00000001%08X%08X.gz", i/256, i%256))
		if i%256 == 0 {
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	backups := []backup{base("a", segment{1, 10}, segment{1, 12})}
	for b.Loop() {
		log, err := readArchive(b.Context(), dir, segmentSize)
		if err != nil {
			b.Fatal(err)
		}
		if c := cover(state{backups: backups, log: log, written: time.Now()}); c.gapAfter != 0 || len(c.usable) != 1 {
			b.Fatalf("cover() = %+v", c)
		}
	}
}
