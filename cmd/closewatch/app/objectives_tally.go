package app

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A selector names counter series by metric, labels they have, and a condition
// on all their labels, nil for none.
type selector struct {
	metric string
	labels map[string]string
	keep   func(labels map[string]string) bool
}

// A tally counts by how much selected counters have increased.
type tally struct {
	selectors []selector
	counters  *slo.Counters
	started   []bool // something was seen once before
	increases []slo.Event
}

func newTally(selectors []selector) *tally {
	return &tally{selectors, slo.NewCounters(), make([]bool, len(selectors)), make([]slo.Event, len(selectors))}
}

// read returns by how much each selector's series have increased since the tick
// before, as Total; it is overwritten by the next read.
func (m *tally) read(_ time.Time, s signal.Published) []slo.Event {
	for i, sel := range m.selectors {
		ev := slo.Event{}
		for _, x := range s.Match(sel.metric, sel.labels) {
			ev.Observed = true
			if sel.keep == nil || sel.keep(x.Labels) {
				ev.Total += m.counters.Delta(strconv.Itoa(i)+"|"+seriesKey(x.Labels), x.Value, m.started[i])
			}
		}
		m.started[i] = m.started[i] || ev.Observed
		m.increases[i] = ev
	}
	return m.increases
}

func seriesKey(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for n := range labels {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n + "=" + labels[n] + ",")
	}
	return b.String()
}
