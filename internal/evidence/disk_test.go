package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
)

// A failure is what a disk does instead of an operation.
type failure struct {
	name  string
	ops   string // it applies to: write, sync, truncate, whole
	short int    // bytes that a write still takes
	after bool   // the operation is done, and then said to have failed
}

var failures = []failure{
	{name: "full", ops: "write whole"},
	{name: "short write", ops: "write", short: 17},
	{name: "one line taken", ops: "write", short: 300},
	{name: "written and not acknowledged", ops: "write", after: true, short: 1 << 20},
	{name: "sync fails", ops: "sync"},
	{name: "sync done and not acknowledged", ops: "sync", after: true},
	{name: "whole file there and not acknowledged", ops: "whole", after: true},
	{name: "everything fails", ops: "write sync truncate whole"},
}

// A quickDisk does what a disk does and waits for nothing: for tests of what
// comes after a failure, not of a loss of power.
func quickDisk() disk {
	return disk{
		whole: func(path string, content []byte) error {
			if err := os.WriteFile(path+".x", content, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".x", path)
		},
		end: func(path string) (file, error) {
			f, err := realDisk().end(path)
			return quickFile{f}, err
		},
	}
}

type quickFile struct{ file }

func (quickFile) Sync() error { return nil }

// A badDisk fails some of its operations: those from one number to another.
type badDisk struct {
	real     disk
	failure  failure
	from, to int
	n        int
}

// fails counts an operation and reports whether it is to fail.
func (d *badDisk) fails(op string) bool {
	if !strings.Contains(d.failure.ops, op) {
		return false
	}
	d.n++
	return d.from <= d.n && d.n < d.to
}

func (d *badDisk) disk() disk {
	return disk{
		whole: func(path string, content []byte) error {
			if !d.fails("whole") {
				return d.real.whole(path, content)
			}
			if d.failure.after {
				_ = d.real.whole(path, content)
			}
			return syscall.ENOSPC
		},
		end: func(path string) (file, error) {
			f, err := d.real.end(path)
			return &badFile{f, d}, err
		},
	}
}

type badFile struct {
	file
	d *badDisk
}

func (f *badFile) Write(b []byte) (int, error) {
	if !f.d.fails("write") {
		return f.file.Write(b)
	}
	n, _ := f.file.Write(b[:min(f.d.failure.short, len(b))])
	return n, syscall.ENOSPC
}

func (f *badFile) Sync() error {
	if !f.d.fails("sync") {
		return f.file.Sync()
	}
	return syscall.EIO
}

func (f *badFile) Truncate(size int64) error {
	if f.d.fails("truncate") {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

// scenario appends records with numbers in their notes over some days, and
// returns where each acknowledged one is, and how many were not.
func scenario(t *testing.T, l *Log, c *clock) (there map[string]Receipt, refused int) {
	t.Helper()
	there = map[string]Receipt{}
	for n := range 14 {
		c.pass(5 * time.Hour)
		note := fmt.Sprintf("entry %d", n)
		r, err := l.Append(t.Context(), Entry{Class: Flow, Action: "flow-ran", Note: "before " + note}, Entry{Class: Flow, Action: "flow-ran", Note: note})
		if err != nil {
			refused += 2
			continue
		}
		there[note] = r
	}
	return there, refused
}

// Whatever fails, and whenever: what was acknowledged is there, what was not is
// not, the log verifies at each moment, and the loss is a gap once the disk is
// good again, in the same run or the next.
func TestFailingDisk(t *testing.T) {
	lengths := []int{3}
	if torture() {
		lengths = []int{1, 2, 5}
	}
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			for _, length := range lengths {
				for from := 1; ; from += every(length) {
					d := &badDisk{real: quickDisk(), failure: f, from: from, to: from + length}
					failing(t, fmt.Sprintf("operations %d to %d", from, from+length-1), d)
					if d.n < from || t.Failed() {
						break // all operations have been tried
					}
				}
			}
		})
	}
}

func failing(t *testing.T, what string, d *badDisk) {
	t.Helper()
	dir, c := t.TempDir(), newClock()
	s := settings(t, dir, c)
	l, err := open(s, d.disk())
	if err != nil {
		t.Fatal(err)
	}
	there, refused := scenario(t, l, c)
	d.from, d.to = 0, 0 // there is room again
	seq, hash := l.Head()
	uncut := l.seg != nil && l.seg.broken
	// The process is killed here: the next one sees what is on disk.
	if err := l.lock.Close(); err != nil {
		t.Fatal(err)
	}
	if r := mustVerify(t, dir); !r.Intact() {
		t.Fatalf("%s: at the kill %s", what, r)
	}
	next, err := open(s, quickDisk())
	if err != nil {
		t.Fatal(err)
	}
	if got, gotHash := next.Head(); got < seq || got == seq && gotHash != hash {
		t.Errorf("%s: the next run goes on after %d %s, not %d %s", what, got, gotHash, seq, hash)
	}
	mustAppend(t, next, Entry{Class: System, Action: Start})
	wantIntact(t, dir)
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	held := map[string]uint64{}
	var lost uint64
	for _, r := range records(t, dir) {
		held[r.Note] = r.Seq
		if g, err := gapOf(r); r.Class == Unwatched && err == nil && g.Reason == Unwritten {
			lost += g.Missed
		}
	}
	for note, receipt := range there {
		if held[note] != receipt.Seq {
			t.Errorf("%s: %q was acknowledged as %d and is there as %d", what, note, receipt.Seq, held[note])
		}
	}
	if _, told := there["entry 13"]; told && lost != uint64(refused) {
		t.Errorf("%s: %d entries were refused, gaps tell of %d", what, refused, lost)
	}
	for n := range 14 {
		note := fmt.Sprintf("entry %d", n)
		if _, ok := there[note]; !ok && held[note] > 0 && !uncut {
			t.Errorf("%s: %q was not acknowledged and is there", what, note)
		}
	}
}

// A disk that has room for so many bytes and no more.
func TestFullDiskAtEveryByte(t *testing.T) {
	for room := 0; room < 4200; room += every(83) {
		left := room
		d := quickDisk()
		d.end = func(path string) (file, error) {
			f, err := quickDisk().end(path)
			return &smallFile{f, &left}, err
		}
		dir, c := t.TempDir(), newClock()
		l, err := open(settings(t, dir, c), d)
		if err != nil {
			t.Fatal(err)
		}
		there, refused := scenario(t, l, c)
		if r := mustVerify(t, dir); !r.Intact() && len(there) > 0 {
			t.Fatalf("room for %d: %s", room, r)
		}
		left = 1 << 20
		r := mustAppend(t, l, Entry{Class: System, Action: Stop})
		if report := wantIntact(t, dir); refused > 0 && report.Gaps.ByReason[Unwritten] == 0 {
			t.Errorf("room for %d: %d were refused, and there is no gap", room, refused)
		} else if report.LastSeq != r.Seq {
			t.Errorf("room for %d: the log ends at %d, not %d", room, report.LastSeq, r.Seq)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

type smallFile struct {
	file
	left *int
}

func (f *smallFile) Write(b []byte) (int, error) {
	n, err := f.file.Write(b[:min(len(b), *f.left)])
	*f.left -= n
	if err == nil && n < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *smallFile) Truncate(size int64) error {
	err := f.file.Truncate(size)
	return err // the room it gives back is somebody else's already
}

// What a person reads when the disk is full.
func TestFullDiskIsSaid(t *testing.T) {
	d := &badDisk{real: realDisk(), failure: failures[0], from: 2, to: 100}
	dir, c := t.TempDir(), newClock()
	l, err := open(settings(t, dir, c), d.disk())
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Append(t.Context(), Entry{Class: System, Action: Start})
	want := "record evidence in " + dir + ": no space left on device (free space on the disk of the data directory; what was not recorded becomes a gap)"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
	if !errors.Is(err, syscall.ENOSPC) || fault.HintOf(err) == "" {
		t.Errorf("%v is not a fault about room", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// The head lags while it cannot be written, and never leads.
func TestHeadLags(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	l := mustOpen(t, settings(t, dir, c))
	mustAppend(t, l, Entry{Class: System, Action: Start})
	blocked := filepath.Join(dir, headFile+".new")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o750); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, Entry{Class: System, Action: Stop})
	if got := load1(t, dir, headFile); !strings.HasPrefix(got, "1 ") {
		t.Errorf("head is %s", got)
	}
	wantIntact(t, dir)
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, Entry{Class: System, Action: Start})
	if got := load1(t, dir, headFile); !strings.HasPrefix(got, "3 ") {
		t.Errorf("head is %s", got)
	}
}

func load1(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
