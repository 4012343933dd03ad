package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

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

// A file as earlier versions wrote it, byte by byte, is read.
func TestMemoryOfEarlierVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incidents.json")
	put(t, path, "d7a49f379005ead4e087c14e4fe7fef1f996dfab9bc21964220cdb7e21ae079d\n"+`{"at":"2026-03-31T18:00:00Z","standing":null,"incidents":{}}`)
	m, found, err := loadMemory(path)
	if !found || err != nil || !m.At.Equal(time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)) {
		t.Errorf("loadMemory = %v, %v, %v", m, found, err)
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
			if found || !errors.Is(err, durable.ErrDamaged) {
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
