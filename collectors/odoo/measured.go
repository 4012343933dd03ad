package odoo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var tableColumns = prometheus.NewDesc(
	"odoo_table_columns", "Columns that are read of a table, by state: readable; missing in this database, its modules and its version of Odoo; denied to the role. What rests on missing or denied ones is absent.",
	[]string{"tenant", "table", "state"}, nil,
)

// measured reports what can be measured in this database.
type measured struct{ db *database }

// Describe implements collector.Collector.
func (*measured) Describe(ch chan<- *prometheus.Desc) {
	ch <- tableColumns
	ch <- odooInfo
}

// Collect implements collector.Collector.
func (m *measured) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := m.db.look(ctx)
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(wanted)) {
		states := map[string]int{"readable": 0, "missing": 0, "denied": 0}
		for _, col := range wanted[table] {
			states[t.state(table, col)]++
		}
		for _, state := range slices.Sorted(maps.Keys(states)) {
			gauge(ch, tableColumns, float64(states[state]), m.db.tenant, table, state)
		}
	}
	rs := m.db.ask(ctx, pgsession.Query{Name: "version", SQL: versionSQL(t)})
	publishVersion(ch, m.db.tenant, series(rs[0].First().String("version")))
	return m.db.judge(rs)
}

// measuredSignals say whether the role may read what it is to read.
func measuredSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_columns_denied", Title: "Odoo's tables may be read", Metric: "odoo_table_columns",
			Match: map[string]string{"state": "denied"}, By: []string{"table"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 10 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context,
			Says: "{value} columns of table {table} may not be read, so what they tell is not watched: run deploy/sql/closewatch-role.sql in database {tenant} again",
		},
	}
}
