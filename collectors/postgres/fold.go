package postgres

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// other is the name under which what has no series of its own is added up. A
// database of that name is always part of it.
const other = "other"

// A fold bounds what is published by database. The first databases it is given
// have series of their own, and keep them until they are dropped; all others
// are added up. Their sum of a counter grows by what each of them counts, so
// that it does not fall when one is dropped, created, reset or given series of
// its own. It is not safe for concurrent use.
type fold struct {
	most int
	own  map[string]bool      // by datid
	last map[string][]float64 // of those added up, by datid: what they counted last
	sum  []float64
}

func newFold(most int) *fold {
	return &fold{most: most, own: make(map[string]bool), last: make(map[string][]float64)}
}

// A folded is one database, or all that are added up, with a value for each
// column; not a number where it is not known.
type folded struct {
	id, name string
	values   []float64
	reset    *float64 // when its counters were reset; nil for those added up
}

// add takes the rows of all databases, those that matter most first.
func (f *fold) add(rows []pgsession.Row, columns []databaseColumn) []folded {
	if len(f.sum) != len(columns) { // the server's version has changed
		f.sum, f.last = make([]float64, len(columns)), make(map[string][]float64)
	}
	f.choose(rows)
	rest := folded{id: "0", name: other, values: unknowns(len(columns))}
	var list []folded
	some := false
	for _, row := range rows {
		d := folded{id: row.String("datid"), name: row.String("datname"), values: unknowns(len(columns))}
		for i, c := range columns {
			if v, ok := row.Float(c.name); ok {
				d.values[i] = v * unit(c)
			}
		}
		if f.own[d.id] {
			if v, ok := row.Float("stats_reset"); ok {
				d.reset = &v
			}
			list = append(list, d)
			continue
		}
		some = true
		f.count(d, columns, rest.values)
	}
	if !some {
		return list
	}
	for i, c := range columns {
		if !math.IsNaN(rest.values[i]) && c.kind != prometheus.GaugeValue {
			rest.values[i] = f.sum[i]
		}
	}
	return append(list, rest)
}

// unknowns are n values that are not known.
func unknowns(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

// choose says which databases have series of their own.
func (f *fold) choose(rows []pgsession.Row) {
	there := make(map[string]bool, len(rows))
	for _, row := range rows {
		there[row.String("datid")] = true
	}
	for id := range f.own {
		if !there[id] {
			delete(f.own, id)
		}
	}
	for id := range f.last {
		if !there[id] {
			delete(f.last, id)
		}
	}
	for _, row := range rows {
		if len(f.own) >= f.most {
			return
		}
		if id := row.String("datid"); row.String("datname") != other {
			f.own[id] = true
			delete(f.last, id)
		}
	}
}

// count adds one database to the sums. What it counts less than before it has
// counted since it was reset.
func (f *fold) count(d folded, columns []databaseColumn, now []float64) {
	last, seen := f.last[d.id]
	if !seen {
		last = make([]float64, len(columns))
		f.last[d.id] = last
	}
	for i, v := range d.values {
		if math.IsNaN(v) {
			continue
		}
		if math.IsNaN(now[i]) {
			now[i] = 0
		}
		now[i] += v
		if v < last[i] {
			last[i] = 0
		}
		f.sum[i] += v - last[i]
		last[i] = v
	}
}

func unit(c databaseColumn) float64 {
	if c.unit == 0 {
		return 1
	}
	return c.unit
}
