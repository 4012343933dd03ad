package postgres

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// counted is what a database's columns say: sessions and commits.
type counted struct {
	id, name         string
	sessions, commit int
}

func countedRows(list ...counted) []pgsession.Row {
	columns := []string{"datid", "datname", "stats_reset", "sessions", "commit"}
	var values [][]string
	for _, c := range list {
		values = append(values, []string{c.id, c.name, "∅", strconv.Itoa(c.sessions), strconv.Itoa(c.commit)})
	}
	return rows("databases", columns, values...).Rows
}

var countedColumns = []databaseColumn{{name: "sessions", kind: prometheus.GaugeValue}, {name: "commit", kind: prometheus.CounterValue}}

// added is what a fold makes of rows: name, sessions, commits.
func added(f *fold, list ...counted) []string {
	var out []string
	for _, d := range f.add(countedRows(list...), countedColumns) {
		out = append(out, fmt.Sprint(d.name, " ", d.values[0], " ", d.values[1]))
	}
	return out
}

func TestFold(t *testing.T) {
	a, b, c, d := counted{"1", "a", 1, 1000}, counted{"2", "b", 2, 200}, counted{"3", "c", 3, 30}, counted{"4", "d", 4, 4}
	count := func(c counted, commit int) counted { c.commit = commit; return c }
	tests := map[string]struct {
		then []counted
		want []string
	}{
		"as before":                              {[]counted{a, b, c, d}, []string{"a 1 1000", "b 2 200", "other 7 34"}},
		"what is added up counts":                {[]counted{a, b, count(c, 35), count(d, 5)}, []string{"a 1 1000", "b 2 200", "other 7 40"}},
		"another one is busiest now":             {[]counted{count(d, 5004), a, b, c}, []string{"a 1 1000", "b 2 200", "other 7 5034"}},
		"one that is added up is dropped":        {[]counted{a, b, d}, []string{"a 1 1000", "b 2 200", "other 4 34"}},
		"one that is added up is reset":          {[]counted{a, b, d, count(c, 2)}, []string{"a 1 1000", "b 2 200", "other 7 36"}},
		"one is created":                         {[]counted{a, b, c, d, {"5", "e", 1, 1}}, []string{"a 1 1000", "b 2 200", "other 8 35"}},
		"one of its own is dropped":              {[]counted{a, count(c, 31), d}, []string{"a 1 1000", "c 3 31", "other 4 34"}},
		"one of its own is created anew":         {[]counted{a, c, d, {"6", "b", 1, 1}}, []string{"a 1 1000", "c 3 30", "other 5 35"}},
		"all but those of their own are dropped": {[]counted{a, b}, []string{"a 1 1000", "b 2 200"}},
		"none answers":                           {nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFold(2)
			if diff := cmp.Diff([]string{"a 1 1000", "b 2 200", "other 7 34"}, added(f, a, b, c, d)); diff != "" {
				t.Fatalf("at first (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, added(f, tt.then...)); diff != "" {
				t.Errorf("then (-want +got):\n%s", diff)
			}
		})
	}
}

// A database may be called as the residual is.
func TestFoldOfADatabaseCalledOther(t *testing.T) {
	got := added(newFold(2), counted{"1", other, 1, 1000}, counted{"2", "b", 2, 200})
	if diff := cmp.Diff([]string{"b 2 200", "other 1 1000"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
