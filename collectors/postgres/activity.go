package postgres

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	activityLabels = []string{"application_name", "backend_type", "datname", "state", "usename", "wait_event", "wait_event_type"}

	activityCount = prometheus.NewDesc("pg_stat_activity_count",
		"Server processes by application, database, user, state and what they wait for. Numbers that applications append to their name are left out.",
		activityLabels, nil)
	activityLongest = prometheus.NewDesc("pg_stat_activity_max_tx_duration",
		"Age of the oldest transaction among them, in seconds.", activityLabels, nil)
)

// activity counts server processes as the peer does, without our own.
var activity = subject{
	needsMonitor: true,
	descs:        []*prometheus.Desc{activityCount, activityLongest},
	query: pgsession.Query{Name: "activity", SQL: `
SELECT application_name, backend_type, datname, state, usename, wait_event, wait_event_type,
       count(*) AS count, max(extract(epoch FROM now() - xact_start)) AS longest
  FROM pg_stat_activity
 WHERE application_name <> 'closewatch'
 GROUP BY 1, 2, 3, 4, 5, 6, 7
 ORDER BY 8 DESC LIMIT 1000`},
	publish: publishActivity,
}

// maxActivity bounds the series of each family; smaller groups are added up
// under the application name "other".
const maxActivity = 200

type activityKey struct{ application, backend, database, state, user, event, eventType string }

type activityGroup struct {
	key     activityKey
	count   float64
	longest *float64
}

func publishActivity(ch chan<- prometheus.Metric, r pgsession.Result) {
	groups := foldActivity(r.Rows)
	for _, g := range groups {
		k := g.key
		labels := []string{k.application, k.backend, k.database, k.state, k.user, k.event, k.eventType}
		gauge(ch, activityCount, g.count, labels...)
		if g.longest != nil {
			gauge(ch, activityLongest, *g.longest, labels...)
		}
	}
}

// appended is the process or worker number in names such as odoo-12345.
var appended = regexp.MustCompile(`[-_.:#/ ]*\d+$`)

// foldActivity adds up the groups that differ only in a number appended to
// their name, largest first, and the smallest into "other".
func foldActivity(rows []pgsession.Row) []activityGroup {
	byKey := make(map[activityKey]*activityGroup)
	add := func(k activityKey, count float64, longest *float64) {
		g := byKey[k]
		if g == nil {
			g = &activityGroup{key: k}
			byKey[k] = g
		}
		g.count += count
		if longest != nil && (g.longest == nil || *longest > *g.longest) {
			g.longest = longest
		}
	}
	for _, row := range rows {
		count, ok := row.Float("count")
		if !ok {
			continue
		}
		var longest *float64
		if v, ok := row.Float("longest"); ok {
			longest = new(max(v, 0))
		}
		name := row.String("application_name")
		if base := appended.ReplaceAllString(name, ""); base != "" {
			name = base
		}
		add(activityKey{
			name, row.String("backend_type"), row.String("datname"), row.String("state"),
			row.String("usename"), row.String("wait_event"), row.String("wait_event_type"),
		}, count, longest)
	}
	groups := sortedGroups(byKey)
	if len(groups) <= maxActivity {
		return groups
	}
	kept, rest := groups[:maxActivity-1], groups[maxActivity-1:]
	clear(byKey)
	for _, g := range rest {
		add(activityKey{application: "other"}, g.count, g.longest)
	}
	return append(kept, sortedGroups(byKey)...)
}

func sortedGroups(byKey map[activityKey]*activityGroup) []activityGroup {
	list := make([]activityGroup, 0, len(byKey))
	for _, g := range byKey {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b activityGroup) int {
		return cmp.Or(
			cmp.Compare(b.count, a.count), cmp.Compare(a.key.application, b.key.application),
			cmp.Compare(a.key.database, b.key.database), cmp.Compare(a.key.state, b.key.state),
			cmp.Compare(a.key.user, b.key.user), cmp.Compare(a.key.backend, b.key.backend),
			cmp.Compare(a.key.eventType, b.key.eventType), cmp.Compare(a.key.event, b.key.event),
		)
	})
	return list
}
