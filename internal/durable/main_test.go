package durable_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
)

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	dir := os.Getenv("CLOSEWATCH_TEST_DIR")
	switch os.Getenv("CLOSEWATCH_TEST_CHILD") {
	case "log":
		exit(appendForever(dir))
	case "checked":
		exit(replaceForever(filepath.Join(dir, "file")))
	case "limit":
		exit(appendUnderLimits(dir))
	default:
		os.Exit(m.Run())
	}
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// child starts this test again as the process that is named.
func child(t *testing.T, name, dir string) durabletest.Child {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CLOSEWATCH_TEST_CHILD="+name, "CLOSEWATCH_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return durabletest.Child{Out: out, Kill: cmd.Process.Kill, Wait: cmd.Wait}
}

// appendForever prints the number of each record that is on disk. Segments are
// small, so that many are begun.
func appendForever(dir string) error {
	l, _, err := durable.OpenLog(durable.LogOptions{Dir: dir, Segment: 4096})
	if err != nil {
		return err
	}
	for {
		seq, err := l.Append(payload(l.Next()))
		if err != nil {
			return err
		}
		fmt.Println(seq)
	}
}

// replaceForever prints the number of each content that is on disk.
func replaceForever(path string) error {
	for n := uint64(1); ; n++ {
		if err := durable.WriteChecked(path, payload(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// appendUnderLimits appends while the operating system limits the size of
// files, first to less than a segment, then to nothing, and then not at all.
func appendUnderLimits(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	l, _, err := durable.OpenLog(durable.LogOptions{Dir: dir})
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	for _, limit := range []uint64{2000, 40, was.Max} {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: was.Max}); err != nil {
			return err
		}
		for range 50 {
			seq, err := l.Append(payload(l.Next()))
			if (err != nil) != (limit == 40) {
				return fmt.Errorf("append under a limit of %d: %w", limit, err)
			}
			if err == nil {
				fmt.Println(seq)
			}
		}
	}
	os.Exit(0)
	return nil
}

// payload is what a record says: from it can be told which one it is.
func payload(seq uint64) []byte {
	return []byte(fmt.Sprintf("%d:%s", seq, strings.Repeat("x", int(seq*37%200)))) //nolint:gosec // less than 200
}

func numberOf(tb testing.TB, b []byte) uint64 {
	tb.Helper()
	text, _, _ := bytes.Cut(b, []byte{':'})
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || !bytes.Equal(b, payload(n)) {
		tb.Fatalf("a record is not as it was written: %q", b)
	}
	return n
}

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openLog opens a log at noon and closes it with the test.
func openLog(t *testing.T, o durable.LogOptions) (*durable.Log, []durable.DamageError) {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	l, damage, err := durable.OpenLog(o)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l, damage
}

// fill appends so many records.
func fill(t *testing.T, l *durable.Log, n int) {
	t.Helper()
	for range n {
		want := l.Next()
		if seq, err := l.Append(payload(want)); err != nil || seq != want {
			t.Fatalf("Append = %d, %v; want %d", seq, err, want)
		}
	}
}

// numbers reads the log from a number on: the records there are and the damage
// met.
func numbers(t *testing.T, l *durable.Log, from uint64) (got []uint64, damage []durable.DamageError) {
	t.Helper()
	for r, err := range l.Records(from) {
		if d, ok := err.(*durable.DamageError); ok { //nolint:errorlint // as documented
			damage = append(damage, *d)
			continue
		}
		must(t, err)
		if n := numberOf(t, r.Payload); n != r.Seq {
			t.Fatalf("record %d says it is %d", r.Seq, n)
		}
		got = append(got, r.Seq)
	}
	if last, found, err := l.Last(); err != nil || found != (len(got) > 0) && from <= 1 || len(got) > 0 && last.Seq != got[len(got)-1] {
		t.Fatalf("Last = %d, %v, %v; read %v", last.Seq, found, err, got)
	}
	return got, damage
}

func upTo(from, to uint64) []uint64 {
	var out []uint64
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

// files lists a directory's files, without what their content is.
func files(t *testing.T, dir, pattern string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o750))
	must(t, os.WriteFile(path, b, 0o600))
}
