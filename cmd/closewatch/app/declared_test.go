package app

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// Signals that components declare stand beside those of their kinds, each for
// its own component, with their holds scaled.
func TestDeclaredSignals(t *testing.T) {
	p := planOf(t, `components:
  metrics: {prometheus: {url: "http://127.0.0.1:1", queries: [{name: disk, query: disk_free, warning: 0.2, direction: below, for: 10m}]}}
  archive: {prometheus: {url: "http://127.0.0.1:1", queries: [{name: disk, query: disk_free, warning: 0.1, direction: below}]}}
`+session)
	defs := p.signals(0.1)
	evaluator, err := signal.NewEvaluator(defs)
	if err != nil {
		t.Fatal(err)
	}
	holds := map[string]time.Duration{}
	for _, d := range defs {
		holds[d.Name] = d.For
	}
	if got, there := holds["metrics/disk"]; !there || got != time.Minute {
		t.Errorf("metrics/disk: there %v, holds for %v, want 1m", there, got)
	}
	evaluator.Expect(p.subjects())
	readings := map[string]string{}
	for _, r := range evaluator.Evaluate(time.Unix(0, 0), nil) {
		if r.Component != "cache" {
			readings[r.Component+" "+r.Signal] = r.State.String()
		}
	}
	if len(readings) != 2 || readings["metrics metrics/disk"] != "unknown" || readings["archive archive/disk"] != "unknown" {
		t.Errorf("readings of nothing: %v, want one unknown for each query", readings)
	}
}
