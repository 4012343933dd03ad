package app

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/closewatch/closewatch/internal/tiering"
)

// A process of which nothing tells whether it works has no tier: 0 is that it
// works. A tier that stands goes on standing while nothing tells of it.
func TestWhatIsNotKnownHasNoTier(t *testing.T) {
	var tick Tick
	for _, im := range []tiering.Impact{
		{Verdict: tiering.Verdict{Key: tiering.Key{Process: "works"}}},
		{Verdict: tiering.Verdict{Key: tiering.Key{Process: "never-measured"}, Unknown: true}},
		{Verdict: tiering.Verdict{Key: tiering.Key{Process: "held-back"}, Unknown: true, Paused: true}},
		{Verdict: tiering.Verdict{Key: tiering.Key{Process: "stands-in-spite-of-a-gap"}, Tier: tiering.Degradation, Unknown: true}, Frozen: true},
		{Verdict: tiering.Verdict{Key: tiering.Key{Process: "fails"}, Tier: tiering.BusinessCritical}},
	} {
		tick.Impacts, tick.Evidence = append(tick.Impacts, im), append(tick.Evidence, tiering.Evidence{Key: im.Key})
	}
	m := &engineMetrics{}
	m.last.Store(&tick)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	const want = `
# HELP closewatch_impact_tier Standing alert tier of a process: 0 none, it works, 1 informational, 2 degradation, 3 business-critical; absent while closewatch_impact_unknown is 1.
# TYPE closewatch_impact_tier gauge
closewatch_impact_tier{entity="",environment="",process="fails",tenant=""} 3
closewatch_impact_tier{entity="",environment="",process="stands-in-spite-of-a-gap",tenant=""} 2
closewatch_impact_tier{entity="",environment="",process="works",tenant=""} 0
# HELP closewatch_impact_unknown 1 while no tier stands and nothing tells whether the process's outcome works, otherwise 0.
# TYPE closewatch_impact_unknown gauge
closewatch_impact_unknown{entity="",environment="",process="fails",tenant=""} 0
closewatch_impact_unknown{entity="",environment="",process="held-back",tenant=""} 1
closewatch_impact_unknown{entity="",environment="",process="never-measured",tenant=""} 1
closewatch_impact_unknown{entity="",environment="",process="stands-in-spite-of-a-gap",tenant=""} 0
closewatch_impact_unknown{entity="",environment="",process="works",tenant=""} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "closewatch_impact_tier", "closewatch_impact_unknown"); err != nil {
		t.Error(err)
	}
}
