package durabletest

import (
	"os"
	"testing"
)

// Root is where faults are tried: in memory where the system has a file system
// there, because they do not need the time a disk takes. What is killed writes
// to a disk: there it is killed in the middle of it. "" stands for the system's
// directory of temporary files.
func Root() string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err != nil || !info.IsDir() {
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
