package odoo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// wanted are the columns this package reads, by table.
var wanted = map[string][]string{
	"account_bank_statement_line":   {"id", "move_id", "journal_id", "company_id", "is_reconciled", "internal_index"},
	"account_edi_proxy_client_user": {"active", "edi_mode"},
	"account_journal":               {"id", "code", "type", "company_id", "active"},
	"account_move":                  {"id", "state", "company_id", "journal_id", "date", "auto_post", "write_date"},
	"account_online_link":           {"state"},
	"fetchmail_server":              {"active", "state", "server_type"},
	"ir_cron":                       {"id", "active", "cron_name", "nextcall", "lastcall", "interval_number", "interval_type", "failure_count"},
	"ir_mail_server":                {"active", "smtp_host"},
	"ir_module_module":              {"name", "latest_version"},
	"mail_mail":                     {"id", "state", "create_date"},
	"payment_provider":              {"state", "code"},
	"queue_job":                     {"id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started"},
	"res_company":                   {"id", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date", "period_lock_date"},
}

// pick returns the wanted columns of some tables.
func pick(tables ...string) map[string][]string {
	columns := map[string][]string{}
	for _, table := range tables {
		columns[table] = wanted[table]
	}
	return columns
}

// tables is what a database has of what is wanted, and what the role may read.
type tables struct {
	columns map[string]map[string]column // by table
	// unreconciled is the predicate of the partial index on unreconciled bank
	// lines, in the words the index uses, or "" when there is none.
	unreconciled string
	// marks is set when the role may ask the function that tells copies.
	marks          bool
	role, database string // quoted, for who is told what to grant
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

const roleSQL = `
select quote_ident(current_user) as role, quote_ident(current_database()) as database,
       coalesce(has_function_privilege(to_regprocedure('closewatch_copy_marks()'), 'execute'), false) as marks`

// readTables looks for all that is wanted. It is an error when the database is
// not one of Odoo.
func readTables(ctx context.Context, ask asker) (*tables, error) {
	t, err := readColumns(ctx, ask, wanted)
	if err == nil && !t.odoo() {
		return nil, &fault.Error{
			Op: "look for Odoo's tables", Kind: fault.Schema, Err: errors.New("there is no table ir_cron that this role can see"),
			Hint: "check that database names an Odoo database, and that the role has USAGE on its schema public",
		}
	}
	return t, err
}

// readColumns looks for columns of tables.
func readColumns(ctx context.Context, ask asker, want map[string][]string) (*tables, error) {
	names := slices.Sorted(maps.Keys(want))
	var columns []string
	for _, cols := range want {
		columns = append(columns, cols...)
	}
	slices.Sort(columns)
	rs := ask(ctx,
		pgsession.Query{Name: "columns", SQL: columnsSQL, Args: []any{names, slices.Compact(columns)}},
		pgsession.Query{Name: "predicate", SQL: predicateSQL},
		pgsession.Query{Name: "role", SQL: roleSQL},
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
	row := rs[2].First()
	t.role, t.database = row.String("role"), row.String("database")
	t.marks, _ = row.Bool("marks")
	return t, rs.Err()
}

// odoo reports whether the database is one of Odoo.
func (t *tables) odoo() bool { return len(t.columns["ir_cron"]) > 0 }

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
	var denied []string
	for _, col := range cols {
		switch t.state(table, col) {
		case "missing":
			return &fault.Error{Op: "read " + table, Kind: fault.Schema, Err: fmt.Errorf("it has no column %s", col), Hint: "report the version of Odoo: its tables are not known here"}
		case "denied":
			denied = append(denied, col)
		}
	}
	if len(denied) == 0 {
		return nil
	}
	return &fault.Error{Op: "read " + table, Kind: fault.Denied, Err: errors.New("no right to read " + strings.Join(denied, ", ")), Hint: t.grant(table, denied)}
}

// state says what there is of a column: readable, missing or denied.
func (t *tables) state(table, col string) string {
	c, there := t.columns[table][col]
	switch {
	case !there:
		return "missing"
	case !c.readable:
		return "denied"
	default:
		return "readable"
	}
}

// grant is the command that gives the role the right to read columns.
func (t *tables) grant(table string, cols []string) string {
	return fmt.Sprintf("psql -d %s -c 'GRANT SELECT (%s) ON %s TO %s'", t.database, strings.Join(cols, ", "), table, t.role)
}

// readable reports whether a column exists and may be read.
func (t *tables) readable(table, col string) bool { return t.columns[table][col].readable }
