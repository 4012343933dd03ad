package postgres

import (
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// An upkeepColumn is a family with one series for each database.
type upkeepColumn int

// What the upkeep of a database is judged by.
const (
	overdue upkeepColumn = iota
	financeOverdue
	neverAnalyzed
	oldestXID
	oldestMultixact
	invalidIndexes
	unusedIndexes
	unusedBytes
	upkeepColumns
)

var upkeepDescs = [upkeepColumns]*prometheus.Desc{
	overdue: upkeepDesc("pg_tables_vacuum_overdue",
		"Tables with more than twice the dead rows at which autovacuum begins, not vacuumed within an hour."),
	financeOverdue: upkeepDesc("pg_finance_tables_vacuum_overdue",
		"Tables of pg_tables_vacuum_overdue in which finance works: the ledger, payments, bank statements, queues, messages and what feeds them."),
	neverAnalyzed: upkeepDesc("pg_tables_never_analyzed",
		"Tables with rows that were not analyzed since their statistics began: the planner guesses."),
	oldestXID: upkeepDesc("pg_tables_xid_age",
		"Transactions since the oldest row not frozen of any table of users; at about 2.1e9 the server refuses writes."),
	oldestMultixact: upkeepDesc("pg_tables_multixact_age",
		"Multixacts since the oldest of any table of users; at about 2.1e9 the server refuses writes."),
	invalidIndexes: upkeepDesc("pg_indexes_invalid",
		"Indexes that are maintained and cannot be used, those being built left out."),
	unusedIndexes: upkeepDesc("pg_indexes_unused",
		"Indexes that nothing has read since the statistics began and no constraint rests on; absent until that is 7 days."),
	unusedBytes: upkeepDesc("pg_indexes_unused_bytes",
		"Disk space of the indexes that nothing has read; absent as they are."),
}

func upkeepDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"datname"}, nil)
}

var indexInvalid = prometheus.NewDesc("pg_index_invalid",
	"An index that is maintained and cannot be used: 1, at most 20 of them.", []string{"datname", "schemaname", "relname", "indexrelname"}, nil)

// unusedAfter is how long statistics must have been gathered before an index
// counts as unused: a week has every weekly job in it.
const unusedAfter = 7 * 24 * time.Hour

// fold adds what is told of one database to what is told of several.
func (c upkeepColumn) fold(to *float64, value float64) {
	switch {
	case math.IsNaN(value):
	case math.IsNaN(*to):
		*to = value
	case c == oldestXID || c == oldestMultixact:
		*to = max(*to, value)
	default:
		*to += value
	}
}

type upkeep [upkeepColumns]float64

func noUpkeep() upkeep {
	var u upkeep
	for i := range u {
		u[i] = math.NaN()
	}
	return u
}

// A tableRow is what is told of one table.
type tableRow struct {
	candidate
	values tableValues
	found  bool // the table still exists
}

type indexName struct{ schema, table, index string }

// A visited is what one visit to a database told. NaN is not known.
type visited struct {
	at     time.Time // by our clock
	server time.Time // by the server's
	block  float64   // bytes of a page
	rows   []tableRow
	rest   tableValues // of all other tables, added up
	upkeep upkeep
	names  []indexName // of invalid indexes
}

func newVisited(chosen []candidate, at, server time.Time) *visited {
	v := &visited{at: at, server: server, rest: noValues(), upkeep: noUpkeep()}
	for _, c := range chosen {
		v.rows = append(v.rows, tableRow{c, noValues(), false})
	}
	return v
}

// of returns the values that a row of an answer belongs to: those of a table
// with a row here, or of the rest.
func (v *visited) of(row pgsession.Row) tableValues {
	n, ok := row.Int("row")
	if !ok || n < 1 || n > int64(len(v.rows)) {
		return v.rest
	}
	return v.rows[n-1].values
}

// none says that there is nothing of some columns in the rest, until there is.
func (v *visited) none(columns ...string) {
	for _, c := range columns {
		v.rest.set(c, 0, tableColumns[placeOf[c]].adds)
	}
}

// readTables takes the answer to tablesQuery. Of a standby, what is written by
// the primary only is not known.
func (v *visited) readTables(r pgsession.Result, standby bool) {
	columns := slices.DeleteFunc(slices.Clone(r.Columns), func(name string) bool {
		place, ok := placeOf[name]
		return !ok || (standby && tableColumns[place].written)
	})
	v.none(columns...)
	v.none("table_size_bytes")
	judged := map[upkeepColumn]string{oldestXID: "xid_age", oldestMultixact: "multixact_age"}
	if !standby {
		judged[overdue], judged[financeOverdue], judged[neverAnalyzed] = "overdue", "finance_overdue", "never_analyzed"
		v.upkeep[overdue], v.upkeep[financeOverdue], v.upkeep[neverAnalyzed] = 0, 0, 0
	}
	for _, row := range r.Rows {
		v.block, _ = row.Float("block")
		if n, ok := row.Int("row"); ok && n >= 1 && n <= int64(len(v.rows)) {
			v.rows[n-1].found = true
		}
		values := v.of(row)
		for _, c := range columns {
			f, ok := row.Float(c)
			values.set(c, f, ok)
		}
		pages, ok := row.Float("pages")
		toast, okToast := row.Float("toast_pages")
		values.set("table_size_bytes", (pages+toast)*v.block, ok && okToast)
		if live, dead := values.get("n_live_tup"), values.get("n_dead_tup"); live+dead >= 0 {
			values.set("dead_bytes", pages*v.block*dead/max(live+dead, 1), ok)
		}
		for c, name := range judged {
			if f, ok := row.Float(name); ok {
				c.fold(&v.upkeep[c], f)
			}
		}
	}
}

// readIndexes takes the answer to indexesQuery, after readTables. counted is how
// long the statistics have been gathered.
func (v *visited) readIndexes(tables, r pgsession.Result, standby bool, counted time.Duration) {
	if r.Err != nil {
		return
	}
	v.none("index_size_bytes", "idx_scan", "idx_tup_fetch", "idx_blocks_read", "idx_blocks_hit", "tidx_blocks_read", "tidx_blocks_hit")
	v.upkeep[invalidIndexes] = 0
	if !standby && counted >= unusedAfter {
		v.upkeep[unusedIndexes], v.upkeep[unusedBytes] = 0, 0
	}
	for _, row := range r.Rows {
		values := v.of(row)
		toast, _ := row.Bool("toast")
		read, ok := row.Float("read")
		hit, okHit := row.Float("hit")
		if toast {
			values.set("tidx_blocks_read", read, ok)
			values.set("tidx_blocks_hit", hit, okHit)
			continue
		}
		values.set("idx_blocks_read", read, ok)
		values.set("idx_blocks_hit", hit, okHit)
		scans, ok := row.Float("idx_scan")
		values.set("idx_scan", scans, ok)
		fetched, ok := row.Float("fetched")
		values.set("idx_tup_fetch", fetched, ok)
		block, ok := row.Float("block")
		pages, okPages := row.Float("pages")
		values.set("index_size_bytes", pages*block, ok && okPages)
		invalid, _ := row.Float("invalid")
		v.upkeep[invalidIndexes] += invalid
		unused, _ := row.Float("unused")
		v.upkeep[unusedIndexes] += unused
		unusedPages, _ := row.Float("unused_pages")
		v.upkeep[unusedBytes] += unusedPages * block
	}
	for _, row := range tables.Rows { // what an index scan led to in the table itself
		fetched, ok := row.Float("fetched")
		values := v.of(row)
		values.set("idx_tup_fetch", values.get("idx_tup_fetch")+fetched, ok)
	}
}

// readSizes takes the answer to sizesQuery or lockedQuery. Where it failed, sizes
// stay those of the catalogue, as of the last vacuum, and who is locked is not
// known.
func (v *visited) readSizes(r pgsession.Result) {
	if r.Err != nil {
		return
	}
	byOID := make(map[int64]tableValues)
	for _, row := range v.rows {
		byOID[row.oid] = row.values
	}
	for _, row := range r.Rows {
		others, ok := row.Float("others")
		v.rest.set("locked", others, ok)
		oid, _ := row.Int("oid")
		if values := byOID[oid]; values != nil {
			locked, ok := row.Bool("locked")
			values.set("locked", number(locked), ok)
			values.measured(row)
		}
	}
}

// measured takes sizes, which are not known of a table that is locked or gone.
func (v tableValues) measured(row pgsession.Row) {
	for from, column := range map[string]string{"table_size": "table_size_bytes", "index_size": "index_size_bytes"} {
		size, ok := row.Float(from)
		if !ok {
			size = math.NaN()
		}
		v.set(column, size, true)
	}
}

// readInvalid takes the answer to invalidQuery, which leaves out indexes that
// are being built.
func (v *visited) readInvalid(r pgsession.Result) {
	v.upkeep[invalidIndexes] = math.NaN()
	if r.Err != nil {
		return
	}
	all, _ := r.First().Float("all")
	v.upkeep[invalidIndexes] = all
	for _, row := range r.Rows {
		n := indexName{row.String("schemaname"), row.String("relname"), row.String("indexrelname")}
		if utf8.ValidString(n.schema + n.table + n.index) {
			v.names = append(v.names, n)
		}
	}
}

// finish drops the rows of tables that do not exist any more.
func (v *visited) finish() {
	v.rows = slices.DeleteFunc(v.rows, func(r tableRow) bool { return !r.found })
}
