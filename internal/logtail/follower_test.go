package logtail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// tally is what the tests' consumer counts: lines by what they are.
type tally struct {
	Parsed   uint64 `json:"parsed"`
	Unparsed uint64 `json:"unparsed"`
}

// counter counts the lines that are a number of this test's.
type counter struct {
	tally
	pauses int
}

func (c *counter) Line(b []byte) {
	if bytes.HasPrefix(b, []byte(`{"n":`)) && bytes.HasSuffix(b, []byte("}")) {
		c.Parsed++
	} else {
		c.Unparsed++
	}
}
func (c *counter) Pause()          { c.pauses++ }
func (c *counter) Save() tally     { return c.tally }
func (c *counter) Restore(t tally) { c.tally = t }

// rig is a log directory with a follower that is driven by hand.
type rig struct {
	t     *testing.T
	dir   string
	log   string
	state string
	clock time.Time
	n     int // lines written so far, so that no two are equal
	f     *Follower[tally]
	c     *counter
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{
		t: t, dir: dir, log: filepath.Join(dir, "access.log"), state: filepath.Join(dir, "state", "accesslog.state"),
		clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.f != nil {
			r.f.Close()
		}
	})
	return r
}

// start begins as the daemon does, resuming from the state file.
func (r *rig) start() {
	r.t.Helper()
	r.c = &counter{}
	r.f = New(Options{
		Path: r.log, State: r.state, Name: "log", Hint: "write it", Every: time.Second,
		Now: func() time.Time { return r.clock }, Log: slog.New(slog.DiscardHandler),
	}, r.c)
}

// kill stops without saving anything, as kill -9 does.
func (r *rig) kill() {
	r.f.Close()
	r.f = nil
}

func (r *rig) poll() *Snapshot[tally] {
	r.t.Helper()
	r.clock = r.clock.Add(time.Second)
	r.f.Poll(r.t.Context())
	r.clock = r.clock.Add(time.Second)
	r.f.checkpointWhenDue()
	return r.f.Snapshot()
}

// lines makes n lines that differ from all before.
func (r *rig) lines(n int) string {
	var b strings.Builder
	for range n {
		r.n++
		fmt.Fprintf(&b, `{"n":%d,"rest":"%048d"}`+"\n", r.n, r.n)
	}
	return b.String()
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) write(s string)         { r.t.Helper(); r.appendTo(r.log, s) }
func (r *rig) rename(from, to string) { r.t.Helper(); r.must(os.Rename(from, to)) }
func (r *rig) rotated(n int) string   { return fmt.Sprintf("%s.%d", r.log, n) }
func (r *rig) age(path string, d time.Duration) {
	r.t.Helper()
	at := time.Now().Add(-d)
	r.must(os.Chtimes(path, at, at))
}

func (r *rig) appendTo(path, s string) {
	r.t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	r.must(err)
	_, err = f.WriteString(s)
	r.must(err)
	r.must(f.Close())
}

// copytruncate does what logrotate does: copy, then empty in place.
func (r *rig) copytruncate(to string) {
	r.t.Helper()
	b, err := os.ReadFile(r.log)
	r.must(err)
	r.must(os.WriteFile(to, b, 0o644))
	r.must(os.Truncate(r.log, 0))
}

// want checks that exactly n lines were parsed and none otherwise.
func (r *rig) want(n uint64) {
	r.t.Helper()
	if l := r.c.tally; l.Parsed != n || l.Unparsed != 0 || r.f.counts.Oversize != 0 {
		r.t.Fatalf("parsed %d unparsed %d oversize %d, want %d parsed and nothing else", l.Parsed, l.Unparsed, r.f.counts.Oversize, n)
	}
}

func TestFollowStartsAtTheEndOfALogThatIsThere(t *testing.T) {
	r := newRig(t)
	r.write(r.lines(50))
	line := r.lines(1)
	r.write(line[:40]) // being written while we start
	r.start()
	r.poll()
	r.want(0)
	r.write(line[40:] + r.lines(2))
	r.poll()
	r.want(3)
}

func TestFollowReadsALogCreatedLateFromItsBeginning(t *testing.T) {
	r := newRig(t)
	r.start()
	s := r.poll()
	if s.Readable || fault.KindOf(s.Err) != fault.Unreachable || fault.HintOf(s.Err) == "" {
		t.Fatalf("readable %v err %v, want one unreachable finding with a hint", s.Readable, s.Err)
	}
	r.write(r.lines(5))
	if s := r.poll(); !s.Readable || s.Err != nil {
		t.Errorf("readable %v err %v after the log appeared", s.Readable, s.Err)
	}
	r.want(5)
}

func TestFollowWaitsForTheRestOfALine(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	line := r.lines(1)
	for i := 0; i < len(line); i += 7 {
		r.write(line[i:min(i+7, len(line))])
		r.poll()
	}
	r.want(1)
}

func TestFollowRename(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(10))
	r.poll()
	r.rename(r.log, r.rotated(1))
	r.appendTo(r.rotated(1), r.lines(5)) // before the writer is told
	r.poll()
	r.want(15)
	r.write("") // logrotate created the new file; the writer still has the old one
	r.appendTo(r.rotated(1), r.lines(3))
	r.poll()
	r.want(18)
	r.appendTo(r.rotated(1), r.lines(2)) // the last lines, unread when the writer moves on
	r.write(r.lines(4))
	s := r.poll()
	r.want(24)
	if s.Counts.Renamed != 1 || s.Counts.Unresolved != 0 {
		t.Errorf("renamed %d lost %d, want 1 0", s.Counts.Renamed, s.Counts.Unresolved)
	}
}

func TestFollowTwoRotationsBetweenPolls(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(10))
	r.poll()
	r.write(r.lines(7))
	r.rename(r.log, r.rotated(2))
	r.age(r.rotated(2), 2*time.Minute)
	r.write(r.lines(6))
	r.rename(r.log, r.rotated(1))
	r.age(r.rotated(1), time.Minute)
	r.write(r.lines(5))
	r.must(os.WriteFile(filepath.Join(r.dir, "access.log.bak"), []byte(r.lines(3)), 0o644)) // not a rotation
	r.poll()
	r.want(28)
}

func TestFollowCopytruncateThatOutgrowsTheOldOffset(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(1000))
	r.poll()
	r.write(r.lines(200)) // unread when the log is emptied
	r.copytruncate(r.rotated(1))
	r.write(r.lines(3000)) // larger than before within one poll
	s := r.poll()
	r.want(4200)
	if s.Counts.Truncated != 1 || s.Counts.Unresolved != 0 {
		t.Errorf("truncated %d lost %d, want 1 0", s.Counts.Truncated, s.Counts.Unresolved)
	}
}

func TestFollowFilledAndEmptiedBetweenTwoPolls(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(40))
	r.poll()
	r.age(r.log, 3*time.Minute)
	r.copytruncate(r.rotated(2))
	r.age(r.rotated(2), 3*time.Minute)
	r.age(r.log, 2*time.Minute)
	r.poll() // sees it empty
	r.write(r.lines(30))
	r.copytruncate(r.rotated(1))
	r.write(r.lines(20))
	s := r.poll()
	r.want(90)
	if s.Counts.Truncated != 2 || s.Counts.Unresolved != 0 {
		t.Errorf("truncated %d unresolved %d, want 2 0", s.Counts.Truncated, s.Counts.Unresolved)
	}
}

func TestFollowReadBeyondTheCopy(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(40))
	b, err := os.ReadFile(r.log)
	r.must(err)
	r.must(os.WriteFile(r.rotated(1), b, 0o644))
	r.write(r.lines(5)) // after the copy, but read in time
	r.poll()
	r.must(os.Truncate(r.log, 0))
	r.write(r.lines(7))
	s := r.poll()
	r.want(52)
	if s.Counts.Truncated != 1 || s.Counts.Unresolved != 0 || s.Counts.LostBytes != 0 {
		t.Errorf("truncated %d unresolved %d lost %d, want 1 0 0", s.Counts.Truncated, s.Counts.Unresolved, s.Counts.LostBytes)
	}
}

func TestALogRotatedAgainWhileItIsLookedAtIsNotPrecededByYoungerFiles(t *testing.T) {
	r := newRig(t)
	r.start()
	r.write(r.lines(3))
	r.rename(r.log, r.rotated(3))
	r.age(r.rotated(3), 3*time.Minute)
	r.write(r.lines(4))
	file, err := os.Open(r.log) // as a look begins
	r.must(err)
	defer file.Close()
	r.rename(r.log, r.rotated(2))
	r.age(r.rotated(2), 2*time.Minute)
	r.write(r.lines(5))
	r.rename(r.log, r.rotated(1))
	r.write(r.lines(6))
	l := r.f.look(file)
	defer closeAll(l.list)
	if len(l.list) != 1 || l.list[0].name != "access.log.3" {
		t.Errorf("%d files come before it, want access.log.3 only", len(l.list))
	}
}

func TestResumeWhileTheCopyOfTheNextRotationBegins(t *testing.T) {
	for name, begun := range map[string]int{"nothing of it is written": 0, "a little of it is written": 100} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start()
			r.poll()
			r.write(r.lines(40))
			r.poll()
			r.kill()
			r.copytruncate(r.rotated(2))
			r.age(r.rotated(2), time.Minute)
			second := r.lines(30)
			r.write(second)
			r.must(os.WriteFile(r.rotated(1), []byte(second[:begun]), 0o644))
			r.start()
			r.poll()
			r.must(os.WriteFile(r.rotated(1), []byte(second), 0o644))
			r.poll()
			r.must(os.Truncate(r.log, 0))
			r.poll()
			r.want(70)
		})
	}
}

func TestGapAndLossOfATruncationAreBounded(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(10))
	r.poll()
	r.kill()
	r.clock = r.clock.Add(time.Hour)
	r.start()
	r.write(r.lines(5)) // destroyed without having been read
	r.must(os.Truncate(r.log, 0))
	r.write(r.lines(1))
	s := r.poll()
	if gap := s.Counts.Gap; gap < 3600 || gap > 3610 {
		t.Errorf("gap = %v s, want the hour in which nobody looked", gap)
	}
	if s.Counts.Unresolved != 1 {
		t.Errorf("unresolved %d, want 1", s.Counts.Unresolved)
	}
}

func TestFollowTruncationWithoutACopyIsCountedAsUnresolved(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(10))
	r.poll()
	r.must(os.Truncate(r.log, 0))
	r.poll()
	r.write(r.lines(4))
	s := r.poll()
	r.want(14)
	if s.Counts.Truncated != 1 || s.Counts.Unresolved != 1 {
		t.Errorf("truncated %d lost %d, want 1 1", s.Counts.Truncated, s.Counts.Unresolved)
	}
}

func TestFollowATailCutOffIsNotReadAgain(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	first := r.lines(100)
	r.write(first + r.lines(10))
	r.poll()
	r.must(os.Truncate(r.log, int64(len(first))))
	r.poll()
	r.write(r.lines(2))
	r.poll()
	r.want(112)
}

func TestFollowNULBlockAfterTruncationUnderAWriterThatDoesNotAppend(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	w, err := os.OpenFile(r.log, os.O_CREATE|os.O_WRONLY, 0o644)
	r.must(err)
	defer w.Close()
	for range 2 {
		_, err = w.WriteString(r.lines(20))
		r.must(err)
		r.poll()
		r.copytruncate(r.rotated(1))
		_, err = w.WriteString(r.lines(5)) // at its old offset: a hole before it
		r.must(err)
		r.poll()
	}
	r.want(50)
	if s := r.f.Snapshot(); s.Counts.Padding == 0 {
		t.Error("no padding counted: the hole was not there")
	}
}

func TestFollowOversizeLineIsCountedNotKept(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(2))
	long := `{"RequestPath":"/` + strings.Repeat("x", 10<<20)
	for i := 0; i < len(long); i += 3 << 20 {
		r.write(long[i:min(i+3<<20, len(long))])
		r.poll()
	}
	r.write("\"}\n" + r.lines(3))
	r.poll()
	l, counts := r.c.tally, r.f.counts
	if l.Parsed != 5 || counts.Oversize != 1 || l.Unparsed != 0 {
		t.Errorf("parsed %d oversize %d unparsed %d, want 5 1 0", l.Parsed, counts.Oversize, l.Unparsed)
	}
	if len(r.f.buf) != bufferLen {
		t.Errorf("the buffer grew to %d", len(r.f.buf))
	}
	info, err := os.Stat(r.log)
	r.must(err)
	if counts.Bytes != uint64(info.Size()) {
		t.Errorf("bytes = %d, the log has %d", counts.Bytes, info.Size())
	}
}

func TestFollowOversizeLineThatFitsTheBuffer(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(strings.Repeat("x", MaxLine+10) + "\n" + r.lines(1))
	r.poll()
	if l := r.c.tally; l.Parsed != 1 || r.f.counts.Oversize != 1 {
		t.Errorf("parsed %d oversize %d, want 1 1", l.Parsed, r.f.counts.Oversize)
	}
}

func TestFollowTornAndForeignLinesAreUnparsed(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write("{\"n\":200,\"re\nhello\n\n\r\n\xff\xfe\n" + r.lines(1))
	r.poll()
	if l := r.c.tally; l.Parsed != 1 || l.Unparsed != 3 {
		t.Errorf("parsed %d unparsed %d, want 1 3", l.Parsed, l.Unparsed)
	}
}

func TestResumeCountsEveryLineOnceAcrossRestarts(t *testing.T) {
	between := map[string]func(r *rig){
		"nothing happens": func(*rig) {},
		"the log grows":   func(r *rig) { r.write(r.lines(30)) },
		"killed in the middle of a line": func(r *rig) {
			line := r.lines(1)
			r.write(line[:30])
			r.start()
			r.poll()
			r.f.checkpoint()
			r.kill()
			r.write(line[30:])
		},
		"renamed": func(r *rig) {
			r.write(r.lines(7))
			r.rename(r.log, r.rotated(1))
			r.write(r.lines(9))
		},
		"renamed twice": func(r *rig) {
			r.write(r.lines(7))
			r.rename(r.log, r.rotated(2))
			r.age(r.rotated(2), 2*time.Minute)
			r.write(r.lines(6))
			r.rename(r.log, r.rotated(1))
			r.age(r.rotated(1), time.Minute)
			r.write(r.lines(9))
		},
		"renamed with a date before the extension": func(r *rig) {
			r.write(r.lines(7))
			r.rename(r.log, filepath.Join(r.dir, "access-20261122.log"))
			r.write(r.lines(9))
		},
		"renamed, the writer not yet told": func(r *rig) {
			r.write(r.lines(7))
			r.rename(r.log, r.rotated(1))
			r.write("") // as logrotate's create does
			r.start()
			r.poll()
			r.appendTo(r.rotated(1), r.lines(9)) // still the old file
			r.poll()
			r.write(r.lines(4))
			r.poll()
			r.kill()
		},
		"renamed while it was empty": func(r *rig) {
			r.rename(r.log, r.rotated(2))
			r.age(r.rotated(2), 2*time.Minute)
			r.write(r.lines(1))
			r.start()
			r.poll()
			r.copytruncate(r.rotated(3))
			r.age(r.rotated(3), time.Minute)
			r.poll()
			r.kill()
			r.write(r.lines(8))
			r.rename(r.log, r.rotated(1))
			r.write(r.lines(3))
		},
		"copied, emptied and refilled beyond the offset": func(r *rig) {
			r.write(r.lines(7))
			r.copytruncate(r.rotated(1))
			r.write(r.lines(300))
		},
	}
	for name, change := range between {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start()
			r.poll()
			r.write(r.lines(100))
			r.poll()
			r.kill()
			change(r)
			r.start()
			s := r.poll()
			r.want(uint64(r.n))
			if s.Counts.Unresolved != 0 {
				t.Errorf("lost %d", s.Counts.Unresolved)
			}
			if got := s.State.Parsed; got != uint64(r.n) {
				t.Errorf("published %d lines, want %d", got, r.n)
			}
		})
	}
}

func TestPublishedCountsNeverGoBack(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	last := uint64(0)
	for i := range 20 {
		r.write(r.lines(i % 5))
		r.f.Poll(t.Context()) // the clock stands: counted, but not yet saved or published
		if i%3 == 0 {
			r.poll()
		}
		if got := r.f.Snapshot().State.Parsed; got < last {
			t.Fatalf("published %d after %d", got, last)
		} else {
			last = got
		}
		if i%4 == 3 {
			r.kill()
			r.start()
			r.f.Poll(t.Context())
		}
	}
	r.poll()
	r.want(uint64(r.n))
}

func TestResumeFromADamagedStateStartsAtTheEnd(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(10))
	r.poll()
	r.kill()
	b, err := os.ReadFile(r.state)
	r.must(err)
	r.must(os.WriteFile(r.state, bytes.Replace(b, []byte(`"parsed":10`), []byte(`"parsed":99`), 1), 0o600))
	r.start()
	r.poll()
	r.want(0)
	r.write(r.lines(2))
	r.poll()
	r.want(2)
}

func TestStateThatCannotBeSavedIsAFindingAndCountsGoOn(t *testing.T) {
	r := newRig(t)
	r.must(os.RemoveAll(filepath.Dir(r.state)))
	r.must(os.WriteFile(filepath.Dir(r.state), nil, 0o600)) // a file where the directory should be
	r.start()
	r.poll()
	r.write(r.lines(3))
	s := r.poll()
	if s.Err == nil || !s.Readable || s.State.Parsed != 3 {
		t.Errorf("err %v readable %v posted %d, want a finding and 3", s.Err, s.Readable, s.State.Parsed)
	}
}

func TestFollowFindings(t *testing.T) {
	tests := map[string]struct {
		prepare func(r *rig)
		kind    fault.Kind
	}{
		"the log is a directory": {func(r *rig) { r.must(os.Mkdir(r.log, 0o755)) }, fault.Schema},
		"the log is a device":    {func(r *rig) { r.must(os.Symlink("/dev/null", r.log)) }, fault.Schema},
		"the log is missing":     {func(*rig) {}, fault.Unreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			tt.prepare(r)
			r.start()
			s := r.poll()
			if s.Readable || fault.KindOf(s.Err) != tt.kind || fault.HintOf(s.Err) == "" {
				t.Errorf("readable %v err %v, want %s with a hint", s.Readable, s.Err, tt.kind)
			}
		})
	}
}

func TestALogThatDisappearsIsAFindingOnlyAfterAWhile(t *testing.T) {
	r := newRig(t)
	r.write(r.lines(1))
	r.start()
	r.poll()
	r.must(os.Remove(r.log))
	if s := r.poll(); s.Err != nil {
		t.Errorf("finding %v at once", s.Err)
	}
	r.clock = r.clock.Add(missingFor)
	r.poll()
	if s := r.poll(); s.Readable || !errors.Is(s.Err, os.ErrNotExist) {
		t.Errorf("readable %v err %v after %v", s.Readable, s.Err, missingFor)
	}
	r.write(r.lines(2))
	r.poll()
	if s := r.poll(); !s.Readable || s.Err != nil {
		t.Errorf("readable %v err %v after it came back", s.Readable, s.Err)
	}
	r.want(2)
}

func TestRunFollowsUntilItsContextEndsAndSaves(t *testing.T) {
	r := newRig(t)
	r.must(os.Remove(filepath.Dir(r.state))) // run makes it
	r.start()
	r.f.o.Every = 0
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.f.Run(ctx) }()
	waitFor(t, func() bool { s := r.f.Snapshot(); return s != nil && !s.Readable })
	r.write(r.lines(4))
	waitFor(t, func() bool { return r.f.Snapshot().State.Parsed == 4 })
	cancel()
	<-done
	c, found, err := load[tally](r.state)
	if err != nil || !found || c.State.Parsed != 4 {
		t.Fatalf("state found %v with %d lines, err %v; want 4 lines", found, c.State.Parsed, err)
	}
}

// waitFor polls a condition with a deadline.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("condition not met within 30 s")
		}
	}
}

func TestLagIsWhatIsWrittenAndNotRead(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(r.lines(3))
	r.poll()
	part := r.lines(1)[:25]
	r.write(part)
	if s := r.poll(); s.Lag != int64(len(part)) {
		t.Errorf("lag = %d, want %d", s.Lag, len(part))
	}
}

func TestFollowingAllocatesNothingPerLine(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	const n = 50_000
	r.write(r.lines(n))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.f.Poll(t.Context())
	runtime.ReadMemStats(&after)
	if r.c.Parsed != n {
		t.Fatalf("read %d lines of %d", r.c.Parsed, n)
	}
	if allocs := after.Mallocs - before.Mallocs; allocs > n/100 {
		t.Errorf("%d allocations for %d lines", allocs, n)
	}
}

func TestPauseComesAfterTheLastLineThereIs(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	before := r.c.pauses
	r.write(r.lines(20_000)) // more than a buffer
	r.f.Poll(t.Context())
	if r.c.pauses != before+1 || r.c.Parsed != 20_000 {
		t.Errorf("%d pauses after %d lines, want 1 after all 20000", r.c.pauses-before, r.c.Parsed)
	}
}
