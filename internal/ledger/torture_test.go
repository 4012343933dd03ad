package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/ledger"
)

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	dir := os.Getenv("CLOSEWATCH_TEST_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, commitForever(dir))
	os.Exit(1)
}

// commitForever prints the number of each cell that is on disk. It goes on
// where the ledger ends.
func commitForever(dir string) error {
	l, _, err := ledger.Open(options(dir))
	if err != nil {
		return err
	}
	n := 0
	if c := l.Committed(); !c.IsZero() {
		n = int(c.Sub(noon) / ledger.CellWidth)
	}
	for n++; ; n++ {
		if err := l.Observe(end(n), cellObservations(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// end is the end of the n-th cell of these tests: its last tick.
func end(n int) time.Time { return noon.Add(time.Duration(n) * ledger.CellWidth) }

// cellObservations are what the n-th cell has: from them can be told which it
// is. Every few cells there is a new name.
func cellObservations(n int) []ledger.Observation {
	return []ledger.Observation{
		{Objective: "posting", Observed: true, Bad: 1, Total: uint64(1000 + n), Context: ledger.Context{Phase: "normal", Config: fmt.Sprint("cfg", n/3)}}, //nolint:gosec // not negative
		{Objective: "payroll", Observed: true, Total: uint64(n)}, //nolint:gosec // not negative
	}
}

func child(t *testing.T, dir string) durabletest.Child {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CLOSEWATCH_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return durabletest.Child{Out: out, Kill: cmd.Process.Kill, Wait: cmd.Wait}
}

// there lists the numbers of the cells up to the n-th that are there, and tests
// that they are as they were committed.
func there(t *testing.T, l *ledger.Ledger, n int) (got []int) {
	t.Helper()
	i := 0
	for c, err := range l.Cells("posting", noon, end(n)) {
		must(t, err)
		if i++; c.Observed == 0 {
			continue
		}
		if want := (ledger.Counts{Bad: 1, Total: uint64(1000 + i)}); c.Raw != want || c.Context.Config != fmt.Sprint("cfg", i/3) { //nolint:gosec // not negative
			t.Fatalf("cell %d is %+v", i, c)
		}
		got = append(got, i)
	}
	return got
}

func upTo(from, to int) (out []int) {
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

func commit(t *testing.T, l *ledger.Ledger, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		must(t, l.Observe(end(n), cellObservations(n)))
	}
}

// TestKilled kills a process while it commits: every cell it said is committed
// is there, and the next process goes on behind it.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	last := 0
	for round := range durabletest.Some(5, 80) {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			acknowledged := durabletest.KillAfter(t, child(t, dir), 1+round*3%20)
			l, damage := openLedger(t, options(dir))
			said := int(acknowledged[len(acknowledged)-1]) //nolint:gosec // small
			if int(acknowledged[0]) <= last {              //nolint:gosec // small
				t.Fatalf("after %d it committed %d", last, acknowledged[0])
			}
			last = int(l.Committed().Sub(noon) / ledger.CellWidth)
			if got := there(t, l, last+1); last < said || last > said+1 || !slices.Equal(got, upTo(1, last)) {
				t.Fatalf("acknowledged up to %d; committed %d, read %v; damage %v", said, last, got, damage)
			}
		})
	}
}

// TestFullDisk lets the disk fill up at every byte: cells wait, and nothing is
// counted twice.
func TestFullDisk(t *testing.T) {
	for room := int64(0); room < 2500; room += int64(durabletest.Stride(25, 2500)) {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d bytes, killed %v", room, killed), func(t *testing.T) {
				disk := durabletest.FullAfter(room)
				o := options(durabletest.Dir(t))
				o.Disk = disk.Disk()
				l, _ := openLedger(t, o)
				failed := 0
				for n := 1; n <= 12; n++ {
					err := l.Observe(end(n), cellObservations(n))
					if err != nil && (!errors.Is(err, syscall.ENOSPC) || fault.HintOf(err) == "") {
						t.Fatal(err)
					}
					if err != nil {
						failed++
					}
					if failed == 3 && !killed {
						disk.Free()
					}
				}
				if killed { // the caller observes again what was not committed
					committed := l.Committed()
					must(t, l.Close())
					l, _ = openLedger(t, options(o.Dir))
					if l.Committed().Before(committed) {
						t.Errorf("committed up to %s, and then to %s", committed, l.Committed())
					}
					from := 1
					if c := l.Committed(); !c.IsZero() {
						from = int(c.Sub(noon)/ledger.CellWidth) + 1
					}
					commit(t, l, upTo(from, 12)...)
				}
				if !killed {
					disk.Free()
				}
				commit(t, l, 13)
				must(t, l.Close())
				l, damage := openLedger(t, options(o.Dir))
				if got := there(t, l, 13); !slices.Equal(got, upTo(1, 13)) || len(damage) > 0 {
					t.Errorf("read %v, damage %v", got, damage)
				}
			})
		}
	}
}

// A disk that stays full for longer than a day costs the oldest cells: they are
// missing, not zero.
func TestFullDiskForDays(t *testing.T) {
	disk := durabletest.FullAfter(0)
	o := options(durabletest.Dir(t))
	o.Disk = disk.Disk()
	l, _ := openLedger(t, o)
	var last error
	for n := 1; n <= 300; n++ {
		if last = l.Observe(end(n), cellObservations(n)); last == nil {
			t.Fatal("committed to a full disk")
		}
	}
	if !strings.Contains(last.Error(), "12 before it are given up") {
		t.Errorf("it says %v", last)
	}
	disk.Free()
	commit(t, l, 301)
	if got := there(t, l, 301); !slices.Equal(got, upTo(14, 301)) {
		t.Errorf("read %d to %d", got[0], got[len(got)-1])
	}
}

// TestSyncFails fails every sync in turn.
func TestSyncFails(t *testing.T) {
	for syncs := range durabletest.Some(12, 24) {
		t.Run(fmt.Sprintf("sync %d", syncs+1), func(t *testing.T) {
			o := options(durabletest.Dir(t))
			o.Disk = durabletest.SyncFailsAfter(syncs).Disk()
			l, _ := openLedger(t, o)
			for n := 1; n <= 10; n++ {
				if err := l.Observe(end(n), cellObservations(n)); err != nil && !errors.Is(err, syscall.EIO) {
					t.Fatal(err)
				}
			}
			l, damage := openLedger(t, options(o.Dir))
			if got := there(t, l, 10); !slices.Equal(got, upTo(1, 10)) || len(damage) > 0 {
				t.Errorf("read %v, damage %v", got, damage)
			}
		})
	}
}

// TestDamage flips a bit of every byte of every file and cuts each at every
// byte: the ledger opens, names it, and no cell is read as another than it was.
func TestDamage(t *testing.T) {
	source := durabletest.Dir(t)
	l, _ := openLedger(t, options(source))
	commit(t, l, upTo(1, 6)...)
	must(t, l.Correct(ledger.Correction{Objective: "payroll", From: noon, To: end(1), Kind: ledger.Exclude, Reason: "moved", By: "sre", Entered: noon}))
	for _, name := range []string{"names", "names.copy", "cells/00000000000000000001.seg", "corrections/00000000000000000001.seg"} {
		whole, err := os.ReadFile(filepath.Join(source, name))
		must(t, err)
		for at := 0; at < len(whole); at += durabletest.Stride(12, len(whole)) {
			flipped := slices.Clone(whole)
			flipped[at] ^= 1 << (at % 8)
			for situation, content := range map[string][]byte{"flipped at": flipped, "cut at": whole[:at]} {
				t.Run(fmt.Sprintf("%s %s byte %d", filepath.Dir(name+"/x"), situation, at), func(t *testing.T) {
					o := options(durabletest.Dir(t))
					must(t, os.CopyFS(o.Dir, os.DirFS(source)))
					must(t, os.WriteFile(filepath.Join(o.Dir, name), content, 0o600))
					l, damage := openLedger(t, o)
					left := there(t, l, 6)
					if situation == "flipped at" && (len(damage) != 1 || !errors.Is(damage[0], durable.ErrDamaged) || len(left) < 5) {
						t.Errorf("read %v, damage %v", left, damage)
					}
					if !strings.HasPrefix(name, "cells") && len(left) != 6 {
						t.Errorf("read %v though the cells are whole; damage %v", left, damage)
					}
					if !strings.HasPrefix(name, "corrections") && len(l.Corrections("payroll")) != 1 {
						t.Errorf("the correction is gone; damage %v", damage)
					}
					// The caller observes again what is not committed, and goes on.
					from := 1
					if c := l.Committed(); !c.IsZero() {
						from = int(c.Sub(noon)/ledger.CellWidth) + 1
					}
					commit(t, l, upTo(from, 8)...)
					want := there(t, l, 8)
					must(t, l.Close())
					l, damage = openLedger(t, o)
					more, err := l.Scrub(t.Context())
					must(t, err)
					if got := there(t, l, 8); !slices.Equal(got, want) || len(damage)+len(more) > 0 || len(got) < 7 {
						t.Errorf("opened again: read %v, want %v; damage %v %v", got, want, damage, more)
					}
				})
			}
		}
	}
}

// Without both files of names the cells cannot be told apart any more; that is
// named, and their numbers are never given to others.
func TestBothFilesOfNamesAreLost(t *testing.T) {
	o := options(durabletest.Dir(t))
	l, _ := openLedger(t, o)
	commit(t, l, 1, 2, 3)
	must(t, l.Close())
	for _, name := range []string{"names", "names.copy"} {
		must(t, os.WriteFile(filepath.Join(o.Dir, name), []byte("gone"), 0o600))
	}
	l, damage := openLedger(t, o)
	if len(damage) != 2 || !l.Committed().Equal(end(3)) {
		t.Errorf("damage %v, committed %s", damage, l.Committed())
	}
	commit(t, l, 4, 5)
	for range 2 {
		if got := there(t, l, 5); !slices.Equal(got, []int{4, 5}) {
			t.Errorf("read %v", got)
		}
		must(t, l.Close())
		l, damage = openLedger(t, o)
		if len(damage) > 0 {
			t.Errorf("opened again: %v", damage)
		}
	}
}

func TestAnotherFormat(t *testing.T) {
	row := func(b string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			log, _, err := durable.OpenLog(durable.LogOptions{Dir: filepath.Join(dir, "cells")})
			must(t, err)
			_, err = log.Append([]byte(b))
			must(t, errors.Join(err, log.Close()))
		}
	}
	tests := map[string]func(t *testing.T, dir string){
		"a row of a later version": row("\x02"),
		"an empty row":             row(""),
		"names of a later version": func(t *testing.T, dir string) {
			must(t, durable.WriteChecked(filepath.Join(dir, "names"), []byte(`{"format":2}`)))
		},
		"a correction of a later version": func(t *testing.T, dir string) {
			log, _, err := durable.OpenLog(durable.LogOptions{Dir: filepath.Join(dir, "corrections")})
			must(t, err)
			_, err = log.Append([]byte(`{"format":2}`))
			must(t, errors.Join(err, log.Close()))
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			prepare(t, dir)
			if _, _, err := ledger.Open(options(dir)); fault.KindOf(err) != fault.Schema || fault.HintOf(err) == "" {
				t.Errorf("Open = %v", err)
			}
		})
	}
}

// TestWrongClock sets the clock back and forth: what was counted stays, and no
// tick is counted twice.
func TestWrongClock(t *testing.T) {
	l, _ := openLedger(t, options(durabletest.Dir(t)))
	commit(t, l, 1, 2, 3)
	for _, back := range []int{3, 2, 1, -1000} {
		if _, isBack := errors.AsType[*ledger.ClockBackError](l.Observe(end(back), cellObservations(back))); !isBack {
			t.Errorf("cell %d was counted again", back)
		}
	}
	commit(t, l, 4, 900)
	if got := there(t, l, 900); !slices.Equal(got, []int{1, 2, 3, 4, 900}) {
		t.Errorf("read %v", got)
	}
}

// A row that is not one is an error, never a panic.
func FuzzRow(f *testing.F) {
	f.Add([]byte{1, 2, 10, 1, 0, 1, 2, 1, 0, 0, 10, 1, 100})
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := durabletest.Dir(t)
		log, _, err := durable.OpenLog(durable.LogOptions{Dir: filepath.Join(dir, "cells")})
		must(t, err)
		_, err = log.Append(b)
		must(t, errors.Join(err, log.Close()))
		l, _, err := ledger.Open(options(dir))
		if err != nil {
			return
		}
		defer l.Close() //nolint:errcheck // read only
		committed := l.Committed()
		if _, err := l.Sums(committed.Add(-ledger.CellWidth), committed); err == nil {
			_, _ = l.Sum("x", committed.Add(-ledger.CellWidth), committed)
		}
	})
}
