package odoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// wanted are the columns this package reads, by table.
var wanted = map[string][]string{
	"ir_cron":                     {"id", "active", "cron_name", "nextcall", "lastcall", "interval_number", "interval_type", "priority", "failure_count", "first_failure_date", "numbercall"},
	"ir_cron_progress":            {"id", "cron_id", "timed_out_counter", "done", "deactivate", "create_date", "write_date"},
	"ir_cron_trigger":             {"cron_id", "call_at"},
	"ir_module_module":            {"state"},
	"queue_job":                   {"id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started", "worker_pid", "retry", "max_retries", "identity_key"},
	"queue_job_lock":              {"queue_job_id"},
	"account_move":                {"id", "state", "company_id", "journal_id", "date", "auto_post", "write_date"},
	"account_journal":             {"id", "code", "type", "company_id", "active"},
	"account_bank_statement_line": {"id", "move_id", "journal_id", "company_id", "is_reconciled", "internal_index"},
	"res_company":                 {"id", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date", "period_lock_date"},
}

// notEverywhere are tables that versions of Odoo and of queue_job lack that are
// well.
var notEverywhere = []string{"ir_cron_progress", "queue_job_lock"}

// tables is what a database has of what is wanted, and what the role may read.
type tables struct {
	columns map[string]map[string]column // by table
	// unreconciled is the predicate of the partial index on unreconciled bank
	// lines, in the words the index uses, or "" when there is none.
	unreconciled string
}

type column struct {
	kind     string // as format_type writes it: "jsonb"
	readable bool
}

const columnsSQL = `
select c.relname as tbl, a.attname as col, format_type(a.atttypid, null) as kind,
       has_column_privilege(c.oid, a.attnum, 'select') as readable
from unnest($1::text[]) as t(name)
join pg_class c on c.oid = to_regclass(t.name)
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where a.attname = any($2::text[])`

const predicateSQL = `
select pg_get_expr(indpred, indrelid) as predicate
from pg_index
where indrelid = to_regclass('account_bank_statement_line') and indpred is not null and indisvalid`

func readTables(ctx context.Context, ask func(context.Context, ...pgsession.Query) pgsession.Results) (*tables, error) {
	var names, columns []string
	for table, cols := range wanted {
		names = append(names, table)
		columns = append(columns, cols...)
	}
	slices.Sort(names)
	slices.Sort(columns)
	rs := ask(ctx,
		pgsession.Query{Name: "columns", SQL: columnsSQL, Args: []any{names, slices.Compact(columns)}},
		pgsession.Query{Name: "predicate", SQL: predicateSQL},
	)
	if err := rs.Err(); err != nil {
		return nil, err
	}
	t := &tables{columns: map[string]map[string]column{}}
	for _, row := range rs[0].Rows {
		table := row.String("tbl")
		if t.columns[table] == nil {
			t.columns[table] = map[string]column{}
		}
		readable, _ := row.Bool("readable")
		t.columns[table][row.String("col")] = column{kind: row.String("kind"), readable: readable}
	}
	for _, row := range rs[1].Rows {
		if p := unreconciledPredicate(row.String("predicate")); p != "" {
			t.unreconciled = p
		}
	}
	if len(t.columns["ir_cron"]) == 0 {
		return nil, &fault.Error{
			Op: "look for Odoo's tables", Kind: fault.Schema, Err: errors.New("there is no table ir_cron that this role can see"),
			Hint: "check that database names an Odoo database, and that the role has USAGE on its schema public",
		}
	}
	return t, rs.Err()
}

// unreconciledPredicate writes the predicate of an index on unreconciled bank
// lines as a condition. Odoo 18 and 19 word it differently, and the planner
// uses the index only for the words it was made with. Others are not taken:
// nothing read from a database becomes part of a statement.
func unreconciledPredicate(indexed string) string {
	switch strings.Join(strings.Fields(indexed), " ") {
	case "((NOT is_reconciled) OR (is_reconciled IS NULL))":
		return "(not is_reconciled or is_reconciled is null)"
	case "(is_reconciled IS NOT TRUE)":
		return "is_reconciled is not true"
	}
	return ""
}

// has reports whether a column exists.
func (t *tables) has(table, col string) bool {
	_, ok := t.columns[table][col]
	return ok
}

// errMissing is a table that a database does not have.
var errMissing = errors.New("the table does not exist")

// require returns a finding when columns are missing or may not be read. They
// are those without which a table says nothing.
func (t *tables) require(table string, cols ...string) error {
	if len(t.columns[table]) == 0 {
		return &fault.Error{Op: "read " + table, Kind: fault.Schema, Err: errMissing, Hint: "install the module that makes it, or leave it out of the estate"}
	}
	for _, col := range cols {
		c, ok := t.columns[table][col]
		switch {
		case !ok:
			return &fault.Error{Op: "read " + table, Kind: fault.Schema, Err: fmt.Errorf("it has no column %s", col), Hint: "report the version of Odoo: its tables are not known here"}
		case !c.readable:
			return &fault.Error{Op: "read " + table, Kind: fault.Denied, Err: fmt.Errorf("no right to read column %s", col), Hint: fmt.Sprintf("GRANT SELECT ON %s to the collector's role", table)}
		}
	}
	return nil
}

// readable reports whether a column exists and may be read.
func (t *tables) readable(table, col string) bool { return t.columns[table][col].readable }
