package postgres

import (
	"math"
	"slices"
	"strings"
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
	// outdated is set when a table with a row is gone, or has another TOAST table.
	outdated bool
	byOID    map[int64]*tableRow // and by TOAST table, until finished
}

func newVisited(chosen []candidate, at, server time.Time) *visited {
	v := &visited{at: at, server: server, rest: noValues(), upkeep: noUpkeep(), byOID: make(map[int64]*tableRow)}
	v.rows = make([]tableRow, len(chosen))
	for i, c := range chosen {
		v.rows[i] = tableRow{c, noValues(), false}
		v.byOID[c.oid] = &v.rows[i]
		if c.toast != 0 {
			v.byOID[c.toast] = &v.rows[i]
		}
	}
	return v
}

// of returns the values that a row of an answer belongs to: those of a table
// with a row here, or of the rest.
func (v *visited) of(row pgsession.Row) tableValues {
	if owner, ok := row.Int("owner"); ok && v.byOID[owner] != nil {
		return v.byOID[owner].values
	}
	return v.rest
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
	v.none("table_size_bytes", "heap_blocks_read", "heap_blocks_hit", "toast_blocks_read", "toast_blocks_hit")
	judged := map[upkeepColumn]string{oldestXID: "xid_age", oldestMultixact: "multixact_age"}
	if !standby {
		judged[overdue], judged[financeOverdue], judged[neverAnalyzed] = "overdue", "finance_overdue", "never_analyzed"
		v.upkeep[overdue], v.upkeep[financeOverdue], v.upkeep[neverAnalyzed] = 0, 0, 0
	}
	for _, row := range r.Rows {
		v.block, _ = row.Float("block")
		values := v.of(row)
		pages, ok := row.Float("pages")
		values.plus("table_size_bytes", pages*v.block, ok)
		for c, name := range judged {
			if f, ok := row.Float(name); ok {
				c.fold(&v.upkeep[c], f)
			}
		}
		if toast, _ := row.Bool("toast"); toast {
			values.touched("toast", row)
			continue
		}
		v.find(row)
		values.touched("heap", row)
		for _, c := range columns {
			values.read(row, c)
		}
		if live, dead := values.get("n_live_tup"), values.get("n_dead_tup"); live+dead >= 0 {
			values.set("dead_bytes", pages*v.block*dead/max(live+dead, 1), ok)
		}
	}
	v.outdated = v.outdated || slices.ContainsFunc(v.rows, func(r tableRow) bool { return !r.found })
}

// find notes that a table with a row exists. Rewriting a table, as VACUUM FULL
// does, gives it another TOAST table: until tables are chosen again, that one is
// among the others.
func (v *visited) find(row pgsession.Row) {
	owner, _ := row.Int("owner")
	if r := v.byOID[owner]; r != nil {
		toast, _ := row.Int("toasted")
		r.found = true
		v.outdated = v.outdated || toast != r.toast
	}
}

// read takes a column as it is named in an answer.
func (v tableValues) read(row pgsession.Row, column string) {
	if strings.HasPrefix(column, "last_") {
		at, ok := row.Time(column)
		v.set(column, unix(at), ok)
		return
	}
	f, ok := row.Float(column)
	v.set(column, f, ok)
}

// touched takes the blocks read and hit of a table, its TOAST table or their
// indexes.
func (v tableValues) touched(of string, row pgsession.Row) {
	blocks, ok := row.Float("blocks")
	hit, okHit := row.Float("hit")
	v.set(of+"_blocks_read", blocks-hit, ok && okHit)
	v.set(of+"_blocks_hit", hit, okHit)
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
		if toast, _ := row.Bool("toast"); toast {
			values.touched("tidx", row)
			continue
		}
		values.touched("idx", row)
		scans, ok := row.Float("idx_scan")
		values.set("idx_scan", scans, ok)
		fetched, ok := row.Float("fetched")
		values.set("idx_tup_fetch", fetched, ok)
		pages, ok := row.Float("pages")
		values.set("index_size_bytes", pages*v.block, ok)
		invalid, _ := row.Float("invalid")
		v.upkeep[invalidIndexes] += invalid
		unused, _ := row.Float("unused")
		v.upkeep[unusedIndexes] += unused
		unusedPages, _ := row.Float("unused_pages")
		v.upkeep[unusedBytes] += unusedPages * v.block
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
	for _, row := range r.Rows {
		others, ok := row.Float("others")
		v.rest.set("locked", others, ok)
		oid, _ := row.Int("oid")
		if r := v.byOID[oid]; r != nil {
			locked, ok := row.Bool("locked")
			r.values.set("locked", number(locked), ok)
			r.values.measured(row)
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
	v.byOID = nil
	v.rows = slices.DeleteFunc(v.rows, func(r tableRow) bool { return !r.found })
}
