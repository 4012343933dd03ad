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

// Pages is how often on-call would be paged in a shift of the critical window, on
// average, were every objective only just met. It is an estimate of what the
// objectives ask for, no bound: what an objective allows to fail is taken to be
// spread over its window, and to fail either at once, in outages as long as the
// recovery time objective, or now and then, when two runs of a test transaction in
// a row fail by chance; the worse of the two counts. Only processes of tier A
// count, which page when a second witness confirms that they fail; those of tier B
// page before a deadline only. Each process is taken to fail by itself, since what
// shares a cause pages once; no entity pages by itself.
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
