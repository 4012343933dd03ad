package durabletest

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Child is another process that appends and prints, on a line of its own,
// each number it was told is on disk.
type Child struct {
	Out  io.Reader
	Kill func() error // at once, as kill -9 does
	Wait func() error
}

// KillAfter lets a child run until it has printed so many numbers and then a
// moment more, and kills it. It returns all that it printed.
func KillAfter(tb testing.TB, c Child, numbers int) []uint64 {
	tb.Helper()
	got := collect(tb, c, func(n int) {
		if n != numbers {
			return
		}
		<-time.After(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
		if err := c.Kill(); err != nil {
			tb.Error(err)
		}
	})
	_ = c.Wait() // was killed, and says so
	if len(got) < numbers {
		tb.Fatalf("the child ended after %d numbers, before it was killed", len(got))
	}
	return got
}

// ReadAll returns all that a child prints until it ends, which must be well.
func ReadAll(tb testing.TB, c Child) []uint64 {
	tb.Helper()
	got := collect(tb, c, func(int) {})
	if err := c.Wait(); err != nil {
		tb.Fatalf("the child ended after %d numbers: %v", len(got), err)
	}
	return got
}

// collect reads what a child prints to its end and calls each with the count
// so far.
func collect(tb testing.TB, c Child, each func(n int)) (got []uint64) {
	tb.Helper()
	out := bufio.NewReader(c.Out)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return got // what has no end was cut short
		}
		n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
		if err != nil {
			tb.Errorf("the child said %q", line)
			continue
		}
		got = append(got, n)
		each(len(got))
	}
}
