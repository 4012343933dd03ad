package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestDataDirIsMadeHeldAndGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "data")
	d, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(d.join("VERSION")); err != nil || string(got) != dataVersion+"\n" {
		t.Errorf("VERSION = %q, %v", got, err)
	}
	if info, err := os.Stat(d.join("state")); err != nil || !info.IsDir() {
		t.Errorf("state: %v", err)
	}
	if _, err := openDataDir(path); fault.KindOf(err) != fault.Locked || fault.HintOf(err) == "" {
		t.Errorf("a second daemon: %v, want locked with a hint", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil {
		t.Fatalf("after the first gave it up: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDataDirThatCannotBeUsed(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		kind    fault.Kind
		want    string
	}{
		"of another version": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "VERSION"), "2\n") },
			fault.Schema, `its layout is version "2", this program knows version 1`,
		},
		"of a version nobody wrote": {
			func(t *testing.T, path string) { put(t, filepath.Join(path, "VERSION"), "") },
			fault.Schema, `its layout is version ""`,
		},
		"a file": {
			func(t *testing.T, path string) { put(t, path, "x") },
			fault.Denied, "not a directory",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			tt.prepare(t, path)
			_, err := openDataDir(path)
			if fault.KindOf(err) != tt.kind || fault.HintOf(err) == "" || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("openDataDir = %v, want %s (%s) with a hint", err, tt.want, tt.kind)
			}
			if tt.kind != fault.Schema {
				return
			}
			// What is refused is left as it was, and not held.
			put(t, filepath.Join(path, "VERSION"), dataVersion)
			d, err := openDataDir(path)
			if err != nil {
				t.Fatalf("after the version was put right: %v", err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestWriteFileReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second", ""} {
		if err := writeFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("content = %q, %v; want %q", got, err, content)
		}
	}
	if err := writeFile(filepath.Join(dir, "nowhere", "file"), nil); err == nil {
		t.Error("wrote into a directory that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "taken"), nil); err == nil {
		t.Error("replaced a directory")
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 {
		t.Errorf("left behind: %v, want only file and taken", left)
	}
}

func TestMemory(t *testing.T) {
	m := memory{
		At:       noon,
		Standing: []tiering.Standing{{Impact: tiering.Impact{Verdict: tiering.Verdict{Key: acme(catalogued(t, "invoice-posting")).key}}}},
		Incidents: incident.Memory{
			Open: []*incident.Incident{{ID: "I-1", Environment: "production", Opened: noon.Add(-time.Minute)}},
		},
	}
	path := filepath.Join(t.TempDir(), "incidents.json")
	if _, found, err := loadMemory(path); found || err != nil {
		t.Fatalf("before anything was kept: %v, %v", found, err)
	}
	if err := m.save(path); err != nil {
		t.Fatal(err)
	}
	got, found, err := loadMemory(path)
	if !found || err != nil {
		t.Fatalf("loadMemory = %v, %v", found, err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Errorf("what was kept differs (-want +got):\n%s", diff)
	}
}

func TestDamagedMemoryIsSetAside(t *testing.T) {
	whole := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "whole.json")
		if err := (memory{At: noon}).save(path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	tests := map[string]func(whole string) string{
		"empty":                func(string) string { return "" },
		"without a checksum":   func(w string) string { return w[strings.IndexByte(w, '\n')+1:] },
		"torn":                 func(w string) string { return w[:len(w)-10] },
		"one character is off": func(w string) string { return strings.Replace(w, "2026", "2027", 1) },
		"not ours":             func(string) string { return "hello\nworld\n" },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "incidents.json")
			content := damage(whole(t))
			put(t, path, content)
			_, found, err := loadMemory(path)
			if found || !errors.Is(err, errDamaged) {
				t.Fatalf("loadMemory = %v, %v, want damaged", found, err)
			}
			if got, err := os.ReadFile(path + ".damaged"); err != nil || string(got) != content {
				t.Errorf("set aside: %q, %v; want what was there", got, err)
			}
			if _, found, err := loadMemory(path); found || err != nil {
				t.Errorf("the next start: %v, %v, want a fresh one", found, err)
			}
		})
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
