package datadir

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
)

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	path := os.Getenv("CLOSEWATCH_TEST_DIR")
	if path == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, useForever(path))
	os.Exit(1)
}

// useForever holds the directory and prints how often it has touched it.
func useForever(path string) error {
	d, err := Open(path, noon)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if err := d.Touch(noon.Add(time.Duration(n) * time.Second)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func child(t *testing.T, path string) durabletest.Child {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CLOSEWATCH_TEST_DIR="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return durabletest.Child{Out: out, Kill: cmd.Process.Kill, Wait: cmd.Wait}
}

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o750))
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func get(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// use opens the directory, gives it up and returns what was found.
func use(t *testing.T, path string, now time.Time) []Finding {
	t.Helper()
	d, err := Open(path, now)
	must(t, err)
	must(t, d.Close())
	return slices.DeleteFunc(d.Findings(), func(f Finding) bool { return f.Kind == LowSpace }) // of the machine that tests
}

func kinds(findings []Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, string(f.Kind))
	}
	return strings.Join(out, " ")
}

// tree lists directories and files with their modes.
func tree(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(path, func(p string, e os.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		rel, err := filepath.Rel(path, p)
		must(t, err)
		out[rel] = info.Mode().String()
		return nil
	}))
	return out
}

var fresh = map[string]string{
	".": "drwxr-x---", "VERSION": "-rw-------", "lock": "-rw-------", "state/clock": "-rw-------",
	"tsdb": "drwxr-x---", "ticks": "drwxr-x---", "ledger": "drwxr-x---", "evidence": "drwxr-x---", "outbox": "drwxr-x---", "runs": "drwxr-x---", "state": "drwxr-x---",
}

func TestADirectoryIsMadeHeldAndGivenUp(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "new", "data")
	d, err := Open(path, noon)
	must(t, err)
	if diff := cmp.Diff(fresh, tree(t, path)); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	if got := get(t, d.Join("VERSION")); got != "2 crc32c=83a56a17\n" {
		t.Errorf("VERSION = %q", got)
	}
	if _, err := Open(path, noon); fault.KindOf(err) != fault.Locked || fault.HintOf(err) == "" {
		t.Errorf("a second daemon: %v, want locked with a hint", err)
	}
	must(t, d.Close())
	if findings := use(t, path, noon.Add(time.Minute)); len(findings) > 0 {
		t.Errorf("used again: %v", findings)
	}
}

func TestADirectoryHeldByAnotherProcess(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "data")
	c := child(t, path)
	held := false
	numbers := durabletest.KillAfter(t, durabletest.Child{Out: c.Out, Wait: c.Wait, Kill: func() error {
		_, err := Open(path, noon)
		held = fault.KindOf(err) == fault.Locked
		return c.Kill()
	}}, 1)
	if !held || len(numbers) == 0 {
		t.Error("opened what another process holds")
	}
	if got := use(t, path, noon.Add(time.Hour)); kinds(got) != "" && kinds(got) != "stale" {
		t.Errorf("after it was killed: %v", got)
	}
}

// TestKilled kills a daemon at any moment of opening and touching: the next
// one starts, and knows when the directory was used.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	for round := range durabletest.Some(4, 60) {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			numbers := durabletest.KillAfter(t, child(t, path), 1+round%5)
			last := noon.Add(time.Duration(numbers[len(numbers)-1]) * time.Second)
			if got := use(t, path, last); strings.ReplaceAll(kinds(got), "stale", "") != "" {
				t.Errorf("after it was killed: %v", got)
			}
			if got := use(t, path, last.Add(-time.Minute)); kinds(got) != "clock_back" {
				t.Errorf("a minute before it was killed: %v", got)
			}
		})
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		kind    fault.Kind
		want    string
	}{
		"of a newer version": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "VERSION"), "3\n") },
			fault.Schema, `its layout is version 3, this program knows version 2`,
		},
		"of a newer version, with a checksum": {
			func(t *testing.T, path string) {
				use(t, path, noon)
				put(t, filepath.Join(path, "VERSION"), string(encodeVersion(70)))
			},
			fault.Schema, `its layout is version 70, this program knows version 2`,
		},
		"of a newer version by its second copy": {
			func(t *testing.T, path string) {
				d := &Dir{path: path}
				must(t, os.MkdirAll(d.Join("state"), 0o750))
				must(t, d.disk.WriteChecked(d.Join("state", "clock"), []byte(`{"layout":3}`)))
			},
			fault.Schema, `its layout is version 3`,
		},
		"of a version nobody wrote": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "VERSION"), "") },
			fault.Schema, `VERSION is damaged: it says ""`,
		},
		"of version zero": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "VERSION"), "0\n") },
			fault.Schema, `VERSION is damaged: it says "0"`,
		},
		"a file": {
			func(t *testing.T, path string) { put(t, path, "x") },
			fault.Denied, "not a directory",
		},
		"a directory where VERSION should be": {
			func(t *testing.T, path string) { must(t, os.MkdirAll(filepath.Join(path, "VERSION"), 0o750)) },
			fault.Denied, "is a directory",
		},
		"a file where a folder should be": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "ledger"), "x") },
			fault.Denied, "not a directory",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(durabletest.Dir(t), "data")
			tt.prepare(t, path)
			_, err := Open(path, noon)
			if fault.KindOf(err) != tt.kind || fault.HintOf(err) == "" || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Open = %v, want %s (%s) with a hint", err, tt.want, tt.kind)
			}
			if tt.kind != fault.Schema {
				return
			}
			// What is refused is left as it was, and not held.
			put(t, filepath.Join(path, "VERSION"), "2")
			must(t, os.RemoveAll(filepath.Join(path, "state")))
			use(t, path, noon)
		})
	}
}

func TestFaultsOfTheDiskAreTold(t *testing.T) {
	tests := map[error]struct {
		kind fault.Kind
		hint string
	}{
		syscall.EROFS:         {fault.Denied, "read-only"},
		syscall.ENOSPC:        {fault.Limit, "free space"},
		syscall.EDQUOT:        {fault.Limit, "free space"},
		syscall.EIO:           {fault.Internal, "its disk fails"},
		syscall.EACCES:        {fault.Denied, "may write"},
		&fault.Error{Op: "x"}: {fault.Internal, ""},
	}
	for cause, want := range tests {
		err := unusable("open", &os.PathError{Op: "open", Path: "data", Err: cause})
		if hint := fault.HintOf(err); !strings.Contains(hint, want.hint) || want.hint != "" && fault.KindOf(err) != want.kind {
			t.Errorf("%v: %s, %q; want %s, %q", cause, fault.KindOf(err), hint, want.kind, want.hint)
		}
	}
}

// version1 makes a directory as the first version left it.
func version1(t *testing.T, path string) {
	t.Helper()
	put(t, filepath.Join(path, "VERSION"), "1\n")
	put(t, filepath.Join(path, "lock"), "")
	put(t, filepath.Join(path, "state", "incidents.json"), "kept")
	put(t, filepath.Join(path, "outbox", "alerts.json"), "kept too")
	put(t, filepath.Join(path, "tsdb", "wal", "00000000"), "samples")
}

// TestMigration brings a directory of version 1 up to date, also after a crash
// between any two steps of it.
func TestMigration(t *testing.T) {
	steps := []func(t *testing.T, path string){
		func(*testing.T, string) {},
		func(t *testing.T, path string) { must(t, os.Mkdir(filepath.Join(path, "ticks"), 0o750)) },
		func(t *testing.T, path string) { must(t, os.Mkdir(filepath.Join(path, "ledger"), 0o750)) },
		func(t *testing.T, path string) { must(t, os.Mkdir(filepath.Join(path, "evidence"), 0o750)) },
		func(t *testing.T, path string) { put(t, filepath.Join(path, ".new-123"), "2 cr") },
	}
	for done := range steps {
		t.Run(fmt.Sprintf("after step %d", done), func(t *testing.T) {
			path := filepath.Join(durabletest.Dir(t), "data")
			version1(t, path)
			for _, step := range steps[:done+1] {
				step(t, path)
			}
			if got := kinds(use(t, path, noon)); !strings.HasPrefix(got, "migrated") {
				t.Errorf("findings: %s", got)
			}
			for file, want := range map[string]string{
				"VERSION": string(encodeVersion(2)), "state/incidents.json": "kept", "outbox/alerts.json": "kept too", "tsdb/wal/00000000": "samples",
			} {
				if got := get(t, filepath.Join(path, file)); got != want {
					t.Errorf("%s is %q", file, got)
				}
			}
			if got := use(t, path, noon); len(got) > 0 {
				t.Errorf("the next start finds %v", got)
			}
		})
	}
}

func TestMigrationOnAFullDisk(t *testing.T) {
	for room := range int64(20) {
		t.Run(fmt.Sprintf("after %d bytes", room), func(t *testing.T) {
			path := filepath.Join(durabletest.Dir(t), "data")
			version1(t, path)
			disk := durabletest.FullAfter(room)
			d, err := open(path, noon, disk.Disk())
			if fits := room >= int64(len(encodeVersion(2))); fits != (err == nil) || !fits && fault.KindOf(err) != fault.Limit {
				t.Fatalf("open: %v", err)
			}
			if err == nil {
				if !strings.Contains(kinds(d.Findings()), "low_space") {
					t.Errorf("a full disk is not found: %v", d.Findings())
				}
				must(t, d.Close())
			} else if got := get(t, filepath.Join(path, "VERSION")); got != "1\n" {
				t.Errorf("VERSION is %q", got)
			}
			use(t, path, noon)
		})
	}
}

// TestDamage flips a bit of every byte of VERSION and state/clock, and ends them
// at every byte: the daemon starts, and says what it found.
func TestDamage(t *testing.T) {
	for _, name := range []string{"VERSION", "state/clock"} {
		source := filepath.Join(durabletest.Dir(t), "data")
		use(t, source, noon)
		whole := get(t, filepath.Join(source, name))
		damaged := map[string]string{}
		for at := 0; at < len(whole); at += durabletest.Stride(10, len(whole)) {
			b := []byte(whole)
			b[at] ^= 1 << (at % 8)
			damaged[fmt.Sprintf("%s, byte %d flipped", name, at)] = string(b)
			damaged[fmt.Sprintf("%s, cut at %d", name, at)] = whole[:at]
		}
		for situation, content := range damaged {
			t.Run(situation, func(t *testing.T) {
				path := filepath.Join(durabletest.Dir(t), "data")
				use(t, path, noon)
				put(t, filepath.Join(path, name), content)
				got := use(t, path, noon)
				harmless := strings.TrimSpace(content) == strings.TrimSpace(whole) || name == "VERSION" && strings.TrimSpace(content) == "2"
				if !strings.Contains(kinds(got), "repaired set_aside") && !harmless {
					t.Errorf("findings: %v", got)
				}
				if !harmless && get(t, filepath.Join(path, name)+".damaged") != content {
					t.Error("what was damaged was not kept")
				}
				if got := get(t, filepath.Join(path, name)); got != whole {
					t.Errorf("%s is now %q", name, got)
				}
			})
		}
	}
}

func TestVersionIsMissing(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "data")
	use(t, path, noon)
	must(t, os.Remove(filepath.Join(path, "VERSION")))
	if got := kinds(use(t, path, noon)); !strings.HasPrefix(got, "repaired") {
		t.Errorf("findings: %s", got)
	}
	put(t, filepath.Join(path, "state", "clock"), "")
	must(t, errors.Join(os.Remove(filepath.Join(path, "VERSION")), os.Remove(filepath.Join(path, "state", "clock"))))
	if got := use(t, path, noon); len(got) > 0 {
		t.Errorf("without both: %v", got)
	}
}

func TestClock(t *testing.T) {
	tests := map[string]struct {
		step time.Duration
		want string
	}{
		"goes on":             {time.Minute, ""},
		"stands":              {0, ""},
		"stepped by NTP":      {-time.Second, ""},
		"set back an hour":    {-time.Hour, "set back by 1h0m0s"},
		"set back a century":  {-100 * 365 * 24 * time.Hour, "set back by 876000h0m0s"},
		"set forward a while": {100 * 365 * 24 * time.Hour, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(durabletest.Dir(t), "data")
			use(t, path, noon)
			got := use(t, path, noon.Add(tt.step))
			if tt.want == "" && len(got) > 0 || tt.want != "" && (kinds(got) != "clock_back" || !strings.Contains(got[0].Text, tt.want)) {
				t.Errorf("findings: %v", got)
			}
			if got := use(t, path, noon.Add(tt.step)); len(got) > 0 {
				t.Errorf("the next start: %v", got)
			}
		})
	}
}

func TestTidy(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "data")
	use(t, path, noon)
	for _, file := range []string{".new-1", "state/.new-2", "ledger/cells/.new-3", "tsdb/.new-4", "state/x.damaged", "outbox/alerts.damaged.json"} {
		put(t, filepath.Join(path, file), "half")
	}
	got := use(t, path, noon)
	if kinds(got) != "stale set_aside" || !strings.Contains(got[0].Text, "3 files") || !strings.Contains(got[1].Text, "2 damaged files with 8 bytes") {
		t.Errorf("findings: %v", got)
	}
	want := map[string]string{
		"tsdb/.new-4": "-rw-------", "state/x.damaged": "-rw-------", "outbox/alerts.damaged.json": "-rw-------", "ledger/cells": "drwxr-x---",
	}
	maps.Copy(want, fresh)
	if diff := cmp.Diff(want, tree(t, path)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if again := kinds(use(t, path, noon)); again != "set_aside" {
		t.Errorf("the next start: %s", again)
	}
}

func TestExposed(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "data")
	use(t, path, noon)
	must(t, os.Chmod(path, 0o755))
	if got := use(t, path, noon); kinds(got) != "exposed" || !strings.Contains(got[0].Text, "0755") {
		t.Errorf("findings: %v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Error("the mode of a directory that may be another's was changed")
	}
}

func TestSpace(t *testing.T) {
	const gib = 1 << 30
	tests := map[string]struct {
		space Space
		low   bool
	}{
		"much of much":     {Space{100 * gib, 1000 * gib}, false},
		"little of much":   {Space{gib - 1, 1000 * gib}, true},
		"just enough":      {Space{gib, 1000 * gib}, false},
		"half of little":   {Space{gib / 2, gib}, false},
		"little of little": {Space{gib / 20, gib}, true},
		"nothing":          {Space{0, gib}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.space.Low(); got != tt.low {
				t.Errorf("%v: low %v", tt.space, got)
			}
		})
	}
	d, err := Open(durabletest.Dir(t), noon)
	must(t, err)
	defer d.Close() //nolint:errcheck // the test ends
	if s, err := d.Space(); err != nil || s.Free == 0 || s.Free > s.Size {
		t.Errorf("Space = %v, %v", s, err)
	}
}
