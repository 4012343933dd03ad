package expected

import (
	"maps"
	"math"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// noon is when most tests take place.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// acme is the subject's place in most tests.
func acme(name string, work ...process.Work) Subject {
	return Subject{Key: tiering.Key{Process: name, Entity: "acme", Tenant: "prod", Environment: "production"}, Work: work}
}

// ignoreDone leaves out when work was last done, which TestWhenWorkWasLastDone is
// about.
var ignoreDone = cmpopts.IgnoreFields(tiering.Work{}, "Done")

type labels = map[string]string

// sample is one of production's tenant prod, collected at noon.
func sample(name string, value float64, more labels) signal.Sample {
	l := labels{"environment": "production", "component": "erp", "tenant": "prod"}
	maps.Copy(l, more)
	return signal.Sample{Name: name, Labels: l, Value: value, At: noon}
}

// published has all of them.
func published(all []signal.Sample) signal.Published {
	byName := map[string][]signal.Sample{}
	for _, x := range all {
		byName[x.Name] = append(byName[x.Name], x)
	}
	return func(metric string) []signal.Sample { return byName[metric] }
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func nan() float64 { return math.NaN() }
