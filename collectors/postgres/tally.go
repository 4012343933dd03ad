package postgres

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// A tally counts what happens to the tables without a row of their own.
//
// Which tables have a row changes, and what such a table had counted must
// neither appear in the sum of the others nor vanish from it: rate() would take
// either for activity. So a tally begins at 0 when a database is first looked
// into and grows by what all tables counted between two visits, less what the
// tables with a row at both visits counted. It never falls: between two visits
// in which tables were dropped or statistics reset, it may count too little.
type tally tableValues

func newTally() tally {
	t := tally(noValues())
	for i, c := range tableColumns {
		if c.adds && c.value == prometheus.CounterValue {
			t[i] = 0
		}
	}
	return t
}

// grow adds what happened between two visits.
func (t tally) grow(before, after *visited) {
	all := func(v *visited) tableValues {
		sum := noValues()
		sum.add(v.rest, true)
		for _, row := range v.rows {
			sum.add(row.values, true)
		}
		return sum
	}
	was := make(map[int64]tableValues, len(before.rows))
	for _, row := range before.rows {
		was[row.oid] = row.values
	}
	allBefore, allAfter := all(before), all(after)
	for i := range t {
		grown := allAfter[i] - allBefore[i]
		for _, row := range after.rows {
			if b, ok := was[row.oid]; ok && !math.IsNaN(row.values[i]-b[i]) {
				grown -= row.values[i] - b[i]
			}
		}
		if grown > 0 && !math.IsNaN(t[i]) {
			t[i] += grown
		}
	}
}

// with returns sums of the others, those that are known, with their counters as
// tallied.
func (t tally) with(rest tableValues) tableValues {
	v := noValues()
	v.add(rest, false)
	for i, counted := range t {
		if !math.IsNaN(rest[i]) && !math.IsNaN(counted) {
			v[i] = counted
		}
	}
	return v
}
