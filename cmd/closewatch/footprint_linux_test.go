package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatCannotBeWrittenIsGivenBack(t *testing.T) {
	const maps = `00400000-01ad3000 r-xp 00000000 fe:00 10451109                           /usr/bin/closewatch
01ad3000-032e3000 r--p 016d3000 fe:00 10451109                           /usr/bin/closewatch
032e3000-03412000 rw-p 02ee3000 fe:00 10451109                           /usr/bin/closewatch
32023a000000-32023cc00000 rw-p 00000000 00:00 0
7f246da03000-7f246da95000 r-xp 00000000 fe:00 77                         /opt/usr/bin/closewatch
7f246dc1e000-7f246dd74000 r-xp 00000000 fe:00 78                         /usr/lib/libc.so.6
7fff3bb3c000-7fff3bb3e000 r-xp 00000000 00:00 0                          [vdso]
not a mapping /usr/bin/closewatch
`
	want := []mapping{{0x400000, 0x1ad3000}, {0x1ad3000, 0x32e3000}}
	if diff := cmp.Diff(want, readOnly(strings.NewReader(maps), "/usr/bin/closewatch"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("given back (-want +got):\n%s", diff)
	}
}

// The program goes on without the pages that it has given back, and is smaller.
func TestProgramOutlivesWhatIsGivenBack(t *testing.T) {
	before := mapped(t)
	releaseProgram()
	if after := mapped(t); after >= before {
		t.Errorf("%d kB of files are in memory, before it were %d", after, before)
	}
}

// mapped is how many kB of files this process has in memory.
func mapped(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, value, found := strings.Cut(string(status), "RssFile:")
	if _, err := fmt.Sscan(value, &kB); err != nil || !found {
		t.Fatalf("the status has no RssFile: %v", err)
	}
	return kB
}
