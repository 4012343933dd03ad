package postgres

import "strings"

// financeTables are the tables of Odoo in which finance works, the most
// important first: the ledger and what is reconciled in it, then what feeds it.
var financeTables = []string{
	"account_move", "account_move_line", "account_payment", "account_bank_statement_line",
	"account_partial_reconcile", "account_full_reconcile", "queue_job", "ir_cron", "ir_attachment",
	"mail_message", "mail_mail", "account_journal", "account_bank_statement", "account_edi_document",
	"stock_move", "stock_valuation_layer", "sale_order", "sale_order_line", "purchase_order",
	"purchase_order_line", "hr_payslip", "hr_payslip_line", "account_asset",
}

// ledgerTable tells an Odoo database with accounting from any other.
const ledgerTable = "account_move"

// A candidate is a table that may get a row of its own.
type candidate struct {
	oid, toast   int64 // toast is its TOAST table; 0 for none
	schema, name string
	named        bool // by the configuration or as a finance table
}

// choiceQuery lists candidates: first the tables that are named, then the
// largest. A table that has a row keeps it until another is a quarter larger.
const choiceQuery = `
SELECT c.oid, c.toast, c.schemaname, c.relname, c.place IS NOT NULL AS named
  FROM (SELECT c.oid, c.reltoastrelid AS toast, n.nspname AS schemaname, c.relname, c.relpages + coalesce(t.relpages, 0) AS pages,
               coalesce(array_position($1::text[], n.nspname || '.' || c.relname),
                        1000 + array_position($2::text[], c.relname::text)) AS place
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
         WHERE ` + userTable + `) c
 ORDER BY c.place, c.schemaname <> 'public', c.pages * CASE WHEN c.oid = ANY ($3::oid[]) THEN 1.25 ELSE 1 END DESC, c.oid
 LIMIT 64`

// userTable holds for tables and materialized views that outlive a session and
// are not the server's own: those have identifiers below 16384, in which the
// schema public, 2200, is also found.
const userTable = `c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND (c.relnamespace = 2200 OR c.relnamespace >= 16384)`

// userRelation holds for the same tables, their TOAST tables, which are in the
// schema pg_toast, 99, and the indexes of both.
const userRelation = `c.oid >= 16384 AND c.relpersistence <> 't' AND (c.relnamespace IN (99, 2200) OR c.relnamespace >= 16384)`

// tablesQuery reads the statistics of all tables and adds up those that have no
// row. No table is locked for it: the numbers are in the server's memory, the
// pages in its catalogue. $1 are the tables with rows and their TOAST tables; $2
// to $4 the parameters of autovacuum, which a table may have of its own; $5 the
// tables of finance; $6 since when a vacuum is recent.
//
// Most databases are asked on a new connection, on which each relation joined,
// each function named and each page touched costs the server more than the rows
// do: hence one pass over pg_class for tables and TOAST tables, and no
// statistics read of a TOAST table that it has none of.
func tablesQuery(version int) string {
	if version < 18 {
		return strings.Replace(tablesSQL, "/* work */", "", 1)
	}
	return strings.Replace(tablesSQL, "/* work */", workColumns, 1)
}

// workColumns are PostgreSQL 18's.
const workColumns = `
       sum(pg_stat_get_total_vacuum_time(c.main)) / 1000 AS vacuum_seconds,
       sum(pg_stat_get_total_autovacuum_time(c.main)) / 1000 AS autovacuum_seconds,
       sum(pg_stat_get_total_analyze_time(c.main)) / 1000 AS analyze_seconds,
       sum(pg_stat_get_total_autoanalyze_time(c.main)) / 1000 AS autoanalyze_seconds,`

const tablesSQL = `
SELECT CASE WHEN c.oid = ANY ($1::oid[]) THEN c.oid END AS owner, c.main IS NULL AS toast, max(c.reltoastrelid) AS toasted,
       current_setting('block_size')::int AS block,
       sum(pg_stat_get_numscans(c.main)) AS seq_scan, sum(pg_stat_get_tuples_returned(c.main)) AS seq_tup_read,
       sum(pg_stat_get_tuples_fetched(c.main)) AS fetched,
       sum(pg_stat_get_tuples_inserted(c.main)) AS n_tup_ins, sum(pg_stat_get_tuples_updated(c.main)) AS n_tup_upd,
       sum(pg_stat_get_tuples_deleted(c.main)) AS n_tup_del, sum(pg_stat_get_tuples_hot_updated(c.main)) AS n_tup_hot_upd,
       sum(c.live) AS n_live_tup, sum(c.dead) AS n_dead_tup, sum(pg_stat_get_mod_since_analyze(c.main)) AS n_mod_since_analyze,
       sum(pg_stat_get_vacuum_count(c.main)) AS vacuum_count, sum(pg_stat_get_autovacuum_count(c.main)) AS autovacuum_count,
       sum(pg_stat_get_analyze_count(c.main)) AS analyze_count, sum(pg_stat_get_autoanalyze_count(c.main)) AS autoanalyze_count,
       max(c.last_vacuum) AS last_vacuum, max(c.last_autovacuum) AS last_autovacuum,
       max(c.last_analyze) AS last_analyze, max(c.last_autoanalyze) AS last_autoanalyze,
       sum(c.blocks) AS blocks, sum(CASE WHEN c.blocks > 0 THEN pg_stat_get_blocks_hit(c.oid) ELSE 0 END) AS hit,/* work */
       sum(c.relpages) AS pages, max(c.dead / nullif(c.due, 0)) AS due,
       count(*) FILTER (WHERE c.overdue) AS overdue, count(*) FILTER (WHERE c.overdue AND c.relname = ANY ($5::text[])) AS finance_overdue,
       count(*) FILTER (WHERE c.live > 0 AND c.last_analyze IS NULL AND c.last_autoanalyze IS NULL) AS never_analyzed,
       max(age(c.relfrozenxid)) AS xid_age, max(mxid_age(c.relminmxid)) AS multixact_age
  FROM (SELECT *, dead > 2 * due AND (last_vacuum >= $6::timestamptz) IS NOT TRUE AND (last_autovacuum >= $6::timestamptz) IS NOT TRUE AS overdue
  FROM (SELECT *, pg_stat_get_live_tuples(main) AS live, pg_stat_get_dead_tuples(main) AS dead, pg_stat_get_blocks_fetched(oid) AS blocks,
               pg_stat_get_last_vacuum_time(main) AS last_vacuum, pg_stat_get_last_autovacuum_time(main) AS last_autovacuum,
               pg_stat_get_last_analyze_time(main) AS last_analyze, pg_stat_get_last_autoanalyze_time(main) AS last_autoanalyze,
               CASE WHEN reloptions IS NULL
                    THEN least($2::float8 + $3::float8 * greatest(reltuples, 0), CASE WHEN $4::float8 >= 0 THEN $4::float8 END)
                    ELSE (SELECT least(coalesce(o.threshold, $2::float8) + coalesce(o.scale, $3::float8) * greatest(reltuples, 0),
                                       CASE WHEN coalesce(o.most, $4::float8) >= 0 THEN coalesce(o.most, $4::float8) END)
                            FROM (SELECT max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold')::float8 AS threshold,
                                         max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor')::float8 AS scale,
                                         max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_max_threshold')::float8 AS most
                                    FROM pg_options_to_table(reloptions)) o) END AS due
          FROM (SELECT c.oid, CASE WHEN c.relkind <> 't' THEN c.oid END AS main, c.reltoastrelid, c.relname, c.relpages, c.reltuples, c.reloptions, c.relfrozenxid, c.relminmxid
                  FROM pg_class c WHERE ` + userRelation + ` AND c.relkind IN ('r', 'm', 't') OFFSET 0) c OFFSET 0) c) c
 GROUP BY 1, 2 LIMIT 200`

// indexesQuery reads the statistics of the indexes of the same tables, and of
// their TOAST tables. $1 is that of tablesQuery.
const indexesQuery = `
SELECT CASE WHEN i.indrelid = ANY ($1::oid[]) THEN i.indrelid END AS owner, c.relnamespace = 99 AS toast,
       sum(pg_stat_get_numscans(c.oid)) AS idx_scan, sum(pg_stat_get_tuples_fetched(c.oid)) AS fetched,
       sum(pg_stat_get_blocks_fetched(c.oid)) AS blocks, sum(pg_stat_get_blocks_hit(c.oid)) AS hit,
       sum(c.relpages) AS pages, count(*) FILTER (WHERE NOT i.indisvalid) AS invalid,
       count(*) FILTER (WHERE ` + unusedIndex + `) AS unused,
       coalesce(sum(c.relpages) FILTER (WHERE ` + unusedIndex + `), 0) AS unused_pages
  FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
 WHERE ` + userRelation + ` AND c.relkind = 'i'
 GROUP BY 1, 2 LIMIT 200`

// unusedIndex holds for indexes that only cost: nothing has read them, and no
// rule of the data rests on them.
const unusedIndex = `i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisreplident AND pg_stat_get_numscans(c.oid) = 0`

// sizesQuery measures the files of the tables with rows. Measuring takes a lock
// that an ACCESS EXCLUSIVE lock, held or awaited, blocks: while there is one in
// the database, $2, lockedQuery is for it to answer.
const sizesQuery = `
WITH l AS MATERIALIZED (
  SELECT count(*) > 0 AS blocked FROM pg_locks WHERE ` + exclusive + `)
SELECT l.blocked, c.oid, CASE WHEN NOT l.blocked THEN pg_table_size(c.oid) END AS table_size,
       CASE WHEN NOT l.blocked THEN pg_indexes_size(c.oid) END AS index_size, false AS locked, 0 AS others
  FROM l LEFT JOIN unnest($1::oid[]) AS c (oid) ON true LIMIT 100`

const exclusive = `locktype = 'relation' AND mode = 'AccessExclusiveLock' AND database = $2::oid`

// lockedQuery measures the tables with rows that are not locked, tells which are
// and counts the others that are.
const lockedQuery = `
WITH locked AS MATERIALIZED (
  SELECT coalesce(i.indrelid, p.oid, l.relation) AS owner
    FROM pg_locks l
    LEFT JOIN pg_index i ON i.indexrelid = l.relation
    LEFT JOIN pg_class p ON p.reltoastrelid = coalesce(i.indrelid, l.relation)
   WHERE ` + exclusive + `)
SELECT c.oid, c.locked, CASE WHEN NOT c.locked THEN pg_table_size(c.oid) END AS table_size,
       CASE WHEN NOT c.locked THEN pg_indexes_size(c.oid) END AS index_size, o.others
  FROM (SELECT count(DISTINCT l.owner) AS others FROM locked l JOIN pg_class c ON c.oid = l.owner
         WHERE ` + userTable + ` AND NOT c.oid = ANY ($1::oid[])) o
  LEFT JOIN (SELECT c.oid, c.oid IN (SELECT owner FROM locked) AS locked
               FROM pg_class c WHERE c.oid = ANY ($1::oid[]) OFFSET 0) c ON true
 LIMIT 100`

// invalidQuery names indexes that are maintained and cannot be used: what an
// index built concurrently leaves behind when it fails. One that is being built
// is not among them.
const invalidQuery = `
SELECT n.nspname AS schemaname, c.relname, x.relname AS indexrelname, count(*) OVER () AS all
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class x ON x.oid = i.indexrelid
 WHERE NOT i.indisvalid AND ` + userTable + `
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
 ORDER BY 1, 2, 3 LIMIT 20`

// bloatQuery compares the pages that tables have with those that their rows
// need: by the average width of their columns, a header, a line pointer and the
// fillfactor. Only of tables all of whose columns' statistics the role may read.
const bloatQuery = `
SELECT c.oid, greatest(0, c.relpages - ceil(c.reltuples * (4 + 8 * ceil((24 + s.bitmap + s.width) / 8)) /
                                            ((c.block - 24) * c.fill / 100))) * c.block AS bytes
  FROM (SELECT c.oid, c.relpages, c.reltuples, current_setting('block_size')::float8 AS block,
               coalesce((SELECT max(option_value)::float8 FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), 100) AS fill,
               n.nspname, c.relname
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = ANY ($1::oid[]) AND c.relpages > 0 AND c.reltuples >= 0) c
  JOIN LATERAL (SELECT sum((1 - p.null_frac) * p.avg_width) AS width, CASE WHEN max(p.null_frac) > 0 THEN 8 ELSE 0 END AS bitmap,
                       count(*) AS columns, count(p.avg_width) AS seen
                  FROM pg_attribute a
                  LEFT JOIN pg_stats p ON p.schemaname = c.nspname AND p.tablename = c.relname AND p.attname = a.attname AND NOT p.inherited
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) s ON s.seen = s.columns AND s.columns > 0
 LIMIT 100`
