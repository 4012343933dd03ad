package redis

import (
	"testing"

	"github.com/closewatch/closewatch/internal/signal"
)

func TestSignalsReadPublishedMetrics(t *testing.T) {
	if err := signal.Check(Signals()); err != nil {
		t.Error(err)
	}
	names := described()
	for _, d := range Signals() {
		if d.Kind != "redis" || !names[d.Metric] {
			t.Errorf("signal %s reads %s of kind %q, which no task describes", d.Name, d.Metric, d.Kind)
		}
	}
}
