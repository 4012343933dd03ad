package lint

import (
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// Bearable is how many incidents people can deal with in a shift, and Shift how
// long that is: Site Reliability Engineering, chapter 11, "Being On-Call"
// (https://sre.google/sre-book/being-on-call/).
const (
	Bearable = 2
	Shift    = 12 * time.Hour
)

// Pages is how often on-call may be paged in a shift of the critical window while
// every objective is only just met. What an objective allows to fail may fail at
// once, in outages as long as the recovery time objective, or now and then, when
// two runs of a test transaction in a row fail by chance: the worse of the two
// counts. Processes are taken to fail each by itself, since a shared cause pages
// once; no entity pages by itself.
func Pages(all []Outcome) float64 {
	sum := 0.0
	for _, p := range processes(all) {
		if p.TierIn(true) != process.Critical {
			continue
		}
		allowed, rto := 0.0, p.RecoveryIn(true).RTO
		for _, o := range p.Objectives {
			if o.Kind == process.Availability && !o.Every && o.Indicator == nil {
				allowed = max(allowed, 1-o.In(true).Target.Float())
			}
		}
		if rto <= 0 {
			continue
		}
		environments := map[string]float64{}
		for _, place := range p.places {
			outages := allowed * float64(Shift) / float64(rto)
			chance := 0.0
			for _, f := range place.Flows {
				if f.Every > 0 {
					chance += float64(Shift) / float64(f.Every) * allowed * allowed
				}
			}
			environments[place.Environment] = max(environments[place.Environment], outages, chance)
		}
		for _, name := range slices.Sorted(maps.Keys(environments)) { // in one order: sums of floats differ in another
			sum += environments[name]
		}
	}
	return sum
}
