package durabletest

import (
	"os"
	"testing"
)

// Root is where tests keep their files: in memory where the system has a file
// system there, because faults and kills do not need the time a disk takes; on
// the disk when all combinations are asked for, as then time is part of them.
// "" stands for the system's directory of temporary files.
func Root() string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); Full() || err != nil || !info.IsDir() {
		return ""
	}
	return memory
}

// Dir returns a directory below Root that is removed when the test ends.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(Root(), "closewatch-test-*") //nolint:usetesting // not on the disk
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}
