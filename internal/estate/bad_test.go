package estate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/signal"
)

// known is what the bad estates are checked against.
func known() estate.Options {
	env := map[string]string{
		"PW": "correct-horse", "EMPTY": "", "TOKEN": "correct-horse-battery-staple", "WORDS": "correct-horse battery staple again",
	}
	return estate.Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Kinds:     []string{"odoo", "postgres", "redis", "traefik"},
		Processes: []string{"ap-bill-run", "bank-reconciliation", "e-invoicing", "invoice-posting"},
		Flows:     []string{"bank-reconciliation", "invoice-posting"},
		Definitions: []signal.Definition{
			limited("postgres", "postgres_standby_lag", "seconds", 30, signal.Never()),
			limited("postgres", "postgres_connections", "ratio", 0.8, 0.95),
			limited("postgres", "postgres_slot_retention", "bytes", 10<<30, signal.Never()),
			limited("odoo", "odoo_queue_waiting", "seconds", 3600, signal.Never()),
			limited("odoo", "odoo_bank_lines_left_over", "", 100, signal.Never()),
			limited("odoo", "odoo_mails_failing", "", 4, signal.Never()),
			limited("odoo", "odoo_up", "", 1, signal.Never()),
		},
		Histograms: map[string]signal.Layout{
			"rpc_duration_seconds":    signal.LayoutOf(0.00025, 0.5, 1, 2.5, 5),
			"native_duration_seconds": {Bounds: []time.Duration{3 * time.Second}, Native: signal.NativeBounds(3)},
		},
		ReadFile: func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join("testdata", "cal", filepath.Base(name)))
		},
	}
}

// limited is a signal with limits.
func limited(kind, name, unit string, warning, critical float64) signal.Definition {
	return signal.Definition{Kind: kind, Name: name, Metric: name, Unit: unit, Warning: warning, Critical: critical}
}

// Each testdata/bad/NAME.yaml is one situation; NAME.txt is every mistake in
// it, to the letter. UPDATE_GOLDEN=1 writes the texts anew.
func TestBadEstates(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad estates: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			opts := known()
			opts.WebFile = func(file string) (estate.WebFile, error) {
				f, err := auth.ReadFile(file)
				return f.Facts(), err
			}
			e, err := estate.Parse(filepath.Base(file), data, opts)
			mistakes, ok := errors.AsType[estate.Mistakes](err)
			if !ok || len(mistakes) == 0 {
				t.Fatalf("Parse() = %v, %v, want mistakes", e, err)
			}
			got := mistakes.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("mistakes differ (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "correct-horse") {
				t.Errorf("a mistake shows a secret:\n%s", got)
			}
		})
	}
}

func TestFiveMistakesAreFive(t *testing.T) {
	_, err := estate.Load("testdata/bad/five_mistakes.yaml", known())
	mistakes, _ := errors.AsType[estate.Mistakes](err)
	if len(mistakes) != 5 {
		t.Fatalf("Load() found %d mistakes, want 5:\n%v", len(mistakes), err)
	}
	for _, m := range mistakes {
		if m.File != "testdata/bad/five_mistakes.yaml" || m.Line < 4 || m.Column < 1 || m.Remedy == "" {
			t.Errorf("mistake without a place or a remedy: %+v", m)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	_, err := estate.Load("testdata/no_such.yaml", known())
	want := "testdata/no_such.yaml:1:1: estate: cannot be read: no such file or directory; name a file that the daemon's user may read"
	if err == nil || err.Error() != want {
		t.Errorf("Load() = %v, want %s", err, want)
	}
}
