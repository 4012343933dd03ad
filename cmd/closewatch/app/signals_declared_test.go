package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/signal"
)

const queried = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme}
components:
  metrics:
    prometheus:
      url: http://prometheus:9090
      queries:
        - {name: disk-free, query: up, unit: ratio, direction: below, warning: 0.2, critical: 0.1}
`

// What a component's own section declares has other limits like what is built
// in: everywhere, and at the component.
func TestDeclaredSignalsHaveOtherLimits(t *testing.T) {
	tests := map[string]struct {
		more     string
		warning  float64
		mistakes []string // in parts
	}{
		"as declared":             {"", 0.2, nil},
		"changed everywhere":      {"signals:\n  metrics/disk-free: {warning: 30%}\n", 0.3, nil},
		"a unit it does not have": {"signals:\n  metrics/disk-free: {warning: 5m}\n", 0, []string{"x.yaml:11:", "is not in the unit of the signal"}},
		"misspelt":                {"signals:\n  metrics/disk-fre: {warning: 30%}\n", 0, []string{"x.yaml:11:", `there is no signal "metrics/disk-fre"`, "write metrics/disk-free"}},
		"never reached":           {"signals:\n  metrics/disk-free: {warning: 5%}\n", 0, []string{"is reached before warning"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.yaml")
			if err := os.WriteFile(file, []byte(queried+tt.more), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Load(file)
			if tt.mistakes != nil {
				mistakes, ok := errors.AsType[estate.Mistakes](err)
				if !ok || len(mistakes) != 1 {
					t.Fatalf("Load() = %v, want one mistake", err)
				}
				for _, part := range tt.mistakes {
					if !strings.Contains(mistakes.Error(), part) {
						t.Errorf("%s\nwant %q in it", mistakes, part)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range p.signals(1) {
				if d.Name == "metrics/disk-free" && d.Warning != tt.warning {
					t.Errorf("it warns at %v, want %v", d.Warning, tt.warning)
				}
			}
			if !contains(p.signals(1), "metrics/disk-free") {
				t.Error("the signal is not there")
			}
		})
	}
}

func contains(defs []signal.Definition, name string) bool {
	for _, d := range defs {
		if d.Name == name {
			return true
		}
	}
	return false
}
