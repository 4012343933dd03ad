package postgres

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// tableLabels are the labels of every family about a table.
var tableLabels = []string{"datname", "schemaname", "relname"}

// A tableColumn is a family with one series for each table that has a row.
type tableColumn struct {
	name  string // of the column in an answer, or of what is computed
	desc  *prometheus.Desc
	value prometheus.ValueType
	// adds is set where the tables without a row of their own are added up.
	adds bool
	// written is set where a standby tells nothing.
	written bool
}

// tableColumns begin with the families of the peer, in its names and units.
// Where it says 1970 for never, nothing is said.
var tableColumns = []tableColumn{
	scanned("seq_scan", "Sequential scans begun."),
	scanned("seq_tup_read", "Live rows that sequential scans fetched."),
	scanned("idx_scan", "Index scans begun; absent without an index."),
	scanned("idx_tup_fetch", "Live rows that index scans fetched; absent without an index."),
	scanned("n_tup_ins", "Rows inserted."),
	scanned("n_tup_upd", "Rows updated."),
	scanned("n_tup_del", "Rows deleted."),
	scanned("n_tup_hot_upd", "Rows updated with no new index entry."),
	scanned("vacuum_count", "Times vacuumed by hand."),
	scanned("autovacuum_count", "Times vacuumed by autovacuum."),
	scanned("analyze_count", "Times analyzed by hand."),
	scanned("autoanalyze_count", "Times analyzed by autovacuum."),
	estimated("n_live_tup", "Live rows, estimated by the server."),
	estimated("n_dead_tup", "Dead rows, estimated by the server."),
	estimated("n_mod_since_analyze", "Rows changed since the last analyze."),
	happened("last_vacuum", "When last vacuumed by hand, in seconds since 1970; absent if never."),
	happened("last_autovacuum", "When last vacuumed by autovacuum, in seconds since 1970; absent if never."),
	happened("last_analyze", "When last analyzed by hand, in seconds since 1970; absent if never."),
	happened("last_autoanalyze", "When last analyzed by autovacuum, in seconds since 1970; absent if never."),
	{"table_size_bytes", tableDesc("pg_stat_user_tables_table_size_bytes", "Disk space of the table with its TOAST table; absent while it is locked. Of the others: pages at their last vacuum."), prometheus.GaugeValue, true, false},
	{"index_size_bytes", tableDesc("pg_stat_user_tables_index_size_bytes", "Disk space of the table's indexes; absent while it is locked. Of the others: pages at their last vacuum."), prometheus.GaugeValue, true, false},

	blocks("heap_blocks_read", "Blocks of the table read from outside of the buffer cache."),
	blocks("heap_blocks_hit", "Blocks of the table found in the buffer cache."),
	blocks("idx_blocks_read", "Blocks of its indexes read from outside of the buffer cache."),
	blocks("idx_blocks_hit", "Blocks of its indexes found in the buffer cache."),
	blocks("toast_blocks_read", "Blocks of its TOAST table read from outside of the buffer cache."),
	blocks("toast_blocks_hit", "Blocks of its TOAST table found in the buffer cache."),
	blocks("tidx_blocks_read", "Blocks of its TOAST table's index read from outside of the buffer cache."),
	blocks("tidx_blocks_hit", "Blocks of its TOAST table's index found in the buffer cache."),

	worked("vacuum", "vacuumed by hand"),
	worked("autovacuum", "vacuumed by autovacuum"),
	worked("analyze", "analyzed by hand"),
	worked("autoanalyze", "analyzed by autovacuum"),

	{"locked", tableDesc("pg_tables_locked", "Whether a session holds or awaits an ACCESS EXCLUSIVE lock on the table, its TOAST table or an index of it. Of the others: how many of them are locked."), prometheus.GaugeValue, true, false},
	{"due", tableDesc("pg_table_vacuum_due_ratio", "Dead rows as a share of those at which autovacuum begins, by the server's parameters and the table's own: above 1, vacuum is due. It may exceed 1 by far."), prometheus.GaugeValue, false, true},
	{"dead_bytes", tableDesc("pg_table_dead_bytes", "Disk space of dead rows, by their share of all rows: the least that the table is bloated. What vacuum has made free is not in it."), prometheus.GaugeValue, false, true},
	{"bloat_bytes", tableDesc("pg_table_bloat_bytes", "Disk space of the table beyond what its rows need by their average width and fillfactor, an estimate; absent unless the role may read statistics of every column."), prometheus.GaugeValue, false, true},
}

func tableDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, tableLabels, nil)
}

func scanned(column, help string) tableColumn {
	return tableColumn{column, tableDesc("pg_stat_user_tables_"+column, help), prometheus.CounterValue, true, false}
}

func estimated(column, help string) tableColumn {
	return tableColumn{column, tableDesc("pg_stat_user_tables_"+column, help), prometheus.GaugeValue, true, true}
}

func happened(column, help string) tableColumn {
	return tableColumn{column, tableDesc("pg_stat_user_tables_"+column, help), prometheus.GaugeValue, false, true}
}

func blocks(column, help string) tableColumn {
	return tableColumn{column, tableDesc("pg_statio_user_tables_"+column, help), prometheus.CounterValue, true, false}
}

func worked(work, how string) tableColumn {
	return tableColumn{work + "_seconds", tableDesc("pg_table_"+work+"_seconds_total", "Time the table was being "+how+"; from PostgreSQL 18 on."), prometheus.CounterValue, true, false}
}

// placeOf finds a column by its name.
var placeOf = func() map[string]int {
	places := make(map[string]int, len(tableColumns))
	for i, c := range tableColumns {
		places[c.name] = i
	}
	return places
}()

// tableValues are the values of tableColumns; NaN is not known.
type tableValues []float64

func noValues() tableValues {
	v := make(tableValues, len(tableColumns))
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// set keeps a value that is known.
func (v tableValues) set(column string, value float64, ok bool) {
	if ok {
		v[placeOf[column]] = value
	}
}

// plus adds to a value; what was not known counts as nothing.
func (v tableValues) plus(column string, value float64, ok bool) {
	if known := v.get(column); ok && !math.IsNaN(known) {
		value += known
	}
	v.set(column, value, ok)
}

func (v tableValues) get(column string) float64 { return v[placeOf[column]] }

// add adds what adds up of others: all of it, or only what is not counted up.
func (v tableValues) add(others tableValues, counters bool) {
	for i, c := range tableColumns {
		if !c.adds || math.IsNaN(others[i]) || (c.value == prometheus.CounterValue && !counters) {
			continue
		}
		if math.IsNaN(v[i]) {
			v[i] = 0
		}
		v[i] += others[i]
	}
}

// publish sends what is known of a table, or, of the others, what adds up.
func (v tableValues) publish(ch chan<- prometheus.Metric, others bool, labels ...string) {
	for i, c := range tableColumns {
		if math.IsNaN(v[i]) || (others && !c.adds) {
			continue
		}
		ch <- prometheus.MustNewConstMetric(c.desc, c.value, v[i], labels...)
	}
}
