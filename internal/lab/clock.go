package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Clock is the time a server is made to see instead of the machine's, so that
// a month passes in seconds. It stands still until it is set again. What a
// server waits for on its own timers (its sleeps and statement timeouts) does
// not come while it stands.
//
// Servers see it through libfaketime, which reads a file each time a program
// asks for the time of day.
type Clock struct {
	file, library string
}

// libraries are where distributions put libfaketime: Debian below the
// processor's own directory.
var libraries = []string{
	"/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1",
}

// NewClock makes a clock of the lab's that shows at.
func (l *Lab) NewClock(at time.Time) (*Clock, error) {
	const op = "make a clock for servers"
	library := ""
	for _, pattern := range libraries {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			library = found[0]
			break
		}
	}
	if library == "" {
		return nil, &fault.Error{Op: op, Kind: fault.Unavailable, Err: errors.New("libfaketime is not installed"), Hint: "run make setup, or: apt-get install faketime"}
	}
	dir, err := l.mkdir(nil, 0o755, l.name("clock"))
	if err != nil {
		return nil, fault.Wrap(op, err, "")
	}
	c := &Clock{file: filepath.Join(dir, "time"), library: library}
	return c, c.Set(at)
}

// Set shows another time, to the second. It may lie before the present one, as
// on a server whose clock is set back.
func (c *Clock) Set(at time.Time) error {
	next := c.file + ".new"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%s\n", at.UTC().Format(time.DateTime)), 0o644); err != nil { //nolint:gosec // a server of another account reads it
		return fault.Wrap("set the clock of servers", err, "")
	}
	return fault.Wrap("set the clock of servers", os.Rename(next, c.file), "")
}

// env is what a server needs to see the clock; its timers keep running.
func (c *Clock) env() []string {
	if c == nil {
		return nil
	}
	return []string{
		"TZ=UTC", "LD_PRELOAD=" + c.library, "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
	}
}
