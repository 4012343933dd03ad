package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// An asker puts queries to one server.
type asker func(ctx context.Context, queries ...pgsession.Query) pgsession.Results

// Bounds on what is read of pg_stat_statements at a time.
const (
	// maxEntries is twice the default of pg_stat_statements.max.
	maxEntries = 10_000
	// maxTexts and maxText, in characters, bound the texts read for attribution.
	maxTexts = 500
	maxText  = 8000
)

// A source is pg_stat_statements of one server, as that has it.
type source struct {
	role, database string
	at             time.Time // the server's time
	sees           bool      // the role may see the statements of others
	timed          bool      // the server measures the time of its I/O
	schema         string    // quoted; "" without the extension
	columns        []string
	info           bool // PostgreSQL 14: the view of evictions and resets exists
}

// sourceQuery asks which columns there are: they follow the version of the
// extension, which an upgrade of the server leaves as it was.
var sourceQuery = pgsession.Query{Name: "the extension pg_stat_statements", SQL: `
SELECT current_user AS role, current_database() AS database, clock_timestamp() AS at,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees,
       current_setting('track_io_timing') = 'on' AS timed,
       quote_ident(n.nspname) AS schema,
       (SELECT array_to_string(f.proargnames, ' ') FROM pg_proc f
         WHERE f.pronamespace = n.oid AND f.proname = 'pg_stat_statements' LIMIT 1) AS columns,
       EXISTS (SELECT FROM pg_proc f WHERE f.pronamespace = n.oid AND f.proname = 'pg_stat_statements_info') AS info
  FROM (VALUES (1)) AS always
  LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'
  LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
 LIMIT 1`}

func findSource(ctx context.Context, ask asker) (source, error) {
	results := ask(ctx, sourceQuery)
	row := results[0].First()
	s := source{role: row.String("role"), database: row.String("database"), schema: row.String("schema")}
	s.at, _ = row.Time("at")
	s.sees, _ = row.Bool("sees")
	s.timed, _ = row.Bool("timed")
	s.info, _ = row.Bool("info")
	s.columns = strings.Fields(row.String("columns"))
	return s, results.Err()
}

// lacking is what the database must have before its server's statements can be
// read.
func (s source) lacking() error {
	if s.schema != "" {
		return nil
	}
	return &fault.Error{
		Op: "read pg_stat_statements", Kind: fault.Schema, Err: errors.New("database " + s.database + " does not have the extension"),
		Hint: "CREATE EXTENSION pg_stat_statements in database " + s.database + ", or name a database that has it in the connection string",
	}
}

// notLoaded tells a server without the library from one that cannot be asked.
func notLoaded(err error) error {
	if fault.KindOf(err) != fault.Rejected { // 55000, object not in prerequisite state
		return nil
	}
	return &fault.Error{
		Op: "read pg_stat_statements", Kind: fault.Schema, Err: errors.New("the server does not load its library"),
		Hint: "add pg_stat_statements to shared_preload_libraries and restart the server",
	}
}

// column is the first of a measure's columns that the source has, "" for none.
func (s source) column(m measure) string {
	for _, c := range m.columns {
		if slices.Contains(s.columns, c) {
			return c
		}
	}
	return ""
}

// names are the columns of all measures.
func (s source) names() (names [len(measures)]string) {
	for i, m := range measures {
		names[i] = s.column(m)
	}
	return names
}

// infoQuery reads what was evicted, and when everything was last reset.
func (s source) infoQuery() pgsession.Query {
	q := pgsession.Query{Name: "evictions of statements", SQL: `SELECT NULL AS dealloc, NULL AS stats_reset LIMIT 1`}
	if s.info {
		q.SQL = `SELECT dealloc, stats_reset FROM ` + s.schema + `.pg_stat_statements_info() LIMIT 1`
	}
	return q
}

// entriesQuery reads the counters of all entries that were sent by a client.
// What ran inside of a function is part of its caller's time. The counters of
// an entry are one text, which most of the time is the same as before. Where
// there were more entries than are read, those that took most time are: the
// server sorts for that only, since it takes half as long again.
func (s source) entriesQuery(before reading) pgsession.Query {
	q := pgsession.Query{Name: "statements"}
	var counters []string
	for _, name := range s.names() {
		if name != "" {
			counters = append(counters, "s."+name)
		}
	}
	columns := []string{
		"concat_ws(' ', s.userid, s.dbid, s.queryid) AS entry", "r.rolname", "d.datname",
		"concat_ws(' ', " + strings.Join(counters, ", ") + ") AS counters",
	}
	if slices.Contains(s.columns, "stats_since") { // PostgreSQL 17
		columns = append(columns, "s.stats_since > $1 AS fresh")
		q.Args = []any{before.at}
	} else {
		columns = append(columns, "false AS fresh")
	}
	sent := "s.queryid IS NOT NULL"
	if slices.Contains(s.columns, "toplevel") { // PostgreSQL 14
		sent += " AND s.toplevel"
	}
	order := ""
	if before.cut {
		order = "ORDER BY s." + s.column(measures[secondsAt]) + " DESC"
	}
	q.SQL = fmt.Sprintf(`
SELECT %s
  FROM %s.pg_stat_statements(false) s
  LEFT JOIN pg_roles r ON r.oid = s.userid
  LEFT JOIN pg_database d ON d.oid = s.dbid
 WHERE %s
 %s LIMIT %d`,
		strings.Join(columns, ", "), s.schema, sent, order, maxEntries)
	return q
}

// textsQuery reads the texts of some statements, each once.
func (s source) textsQuery(ids []string) pgsession.Query {
	return pgsession.Query{Name: "texts of statements", Args: []any{ids}, SQL: fmt.Sprintf(`
SELECT DISTINCT ON (queryid) queryid, left(query, %d) AS text
  FROM %s.pg_stat_statements(true)
 WHERE queryid = ANY ($1::bigint[])
 ORDER BY queryid LIMIT %d`, maxText, s.schema, maxTexts)}
}
