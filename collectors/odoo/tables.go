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
	"account_bank_statement":        {"id", "journal_id", "date", "is_complete"},
	"account_bank_statement_line":   {"id", "move_id", "journal_id", "company_id", "is_reconciled", "internal_index"},
	"account_edi_document":          {"id", "move_id", "state", "edi_format_id", "attachment_id", "blocking_level", "write_date"},
	"account_edi_format":            {"id", "code"},
	"account_edi_proxy_client_user": {"active", "edi_mode"},
	"account_journal":               {"id", "code", "type", "company_id", "active"},
	"account_lock_exception":        {"company_id", "user_id", "lock_date_field", "lock_date", "active", "end_datetime"},
	"account_move": {
		"id", "state", "move_type", "company_id", "journal_id", "date", "auto_post", "create_date", "write_date", "checked", "to_check",
		"sequence_prefix", "sequence_number", "made_sequence_gap", "secure_sequence_number", "inalterable_hash", "partner_id",
		"commercial_partner_id", "is_move_sent", "sending_data", "peppol_move_state", "peppol_message_uuid", "l10n_it_edi_state",
		"l10n_pl_edi_status", "l10n_hu_edi_state", "l10n_ro_edi_state", "l10n_my_edi_state", "l10n_tr_nilvera_send_status",
	},
	"account_online_link": {"state"},
	"account_payment":     {"id", "move_id", "journal_id", "state", "date", "is_matched"},
	"edi_exchange_record": {"id", "model", "res_id", "edi_exchange_state", "write_date"},
	"fetchmail_server":    {"active", "state", "server_type"},
	"ir_attachment":       {"res_model", "res_id", "checksum", "create_date", "id", "type", "res_field", "store_fname", "file_size"},
	"ir_cron":             {"id", "active", "cron_name", "nextcall", "lastcall", "interval_number", "interval_type", "priority", "failure_count", "first_failure_date", "numbercall"},
	"ir_cron_progress":    {"id", "cron_id", "timed_out_counter", "done", "deactivate", "create_date", "write_date"},
	"ir_cron_trigger":     {"cron_id", "call_at"},
	"ir_mail_server":      {"active", "smtp_host"},
	"ir_model_data":       {"module", "name", "res_id"},
	"ir_module_module":    {"state", "name", "latest_version"},
	"mail_mail":           {"id", "state", "failure_type", "scheduled_date", "create_date", "write_date"},
	"mail_message":        {"id", "model", "res_id", "create_date"},
	"mail_notification":   {"id", "mail_message_id", "res_partner_id", "notification_status"},
	"payment_provider":    {"state", "code"},
	"queue_job":           {"id", "state", "channel", "eta", "date_created", "date_enqueued", "date_started", "worker_pid", "retry", "max_retries", "identity_key"},
	"queue_job_lock":      {"queue_job_id"},
	"res_company":         {"id", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date", "period_lock_date"},
}

// pick returns the wanted columns of some tables.
func pick(tables ...string) map[string][]string {
	columns := map[string][]string{}
	for _, table := range tables {
		columns[table] = wanted[table]
	}
	return columns
}

// offered are columns that the role we ship may not read, since they tell
// amounts and partners. What is compared by them is compared in the database and
// only counted; it is measured where somebody has granted them.
var offered = map[string][]string{
	"account_bank_statement_line": {"amount", "payment_ref", "create_date"},
	"account_move_line":           {"move_id", "company_id", "date", "balance", "parent_state"},
	"account_payment":             {"amount", "partner_id", "create_date"},
}

// sometimes are the tables that a version, or an Odoo without some module, does
// without.
var sometimes = []string{
	"account_edi_document", "account_edi_format", "account_edi_proxy_client_user", "account_lock_exception", "account_online_link",
	"edi_exchange_record", "fetchmail_server", "ir_cron_progress", "mail_mail", "mail_message", "mail_notification", "payment_provider",
	"queue_job", "queue_job_lock",
}

// tables is what a database has of what is wanted, and what the role may read.
type tables struct {
	columns map[string]map[string]column // by table
	// partial are the conditions of partial indexes, in the words each uses, by
	// what they are true for: "account_bank_statement_line.is_reconciled".
	partial map[string]string
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

const roleSQL = `
select quote_ident(current_user) as role, quote_ident(current_database()) as database,
       coalesce(has_function_privilege(to_regprocedure('closewatch_copy_marks()'), 'execute'), false) as marks`

// readTables looks for all that is wanted. It is an error when the database is
// not one of Odoo.
func readTables(ctx context.Context, ask asker) (*tables, error) {
	all := maps.Clone(wanted)
	for table, columns := range offered {
		all[table] = slices.Concat(all[table], columns)
	}
	t, err := readColumns(ctx, ask, all)
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
		pgsession.Query{Name: "partial indexes", SQL: partialSQL, Args: []any{names}},
		pgsession.Query{Name: "role", SQL: roleSQL},
	)
	if err := rs.Err(); err != nil {
		return nil, err
	}
	t := &tables{columns: map[string]map[string]column{}, partial: partialIndexes(rs[1].Rows)}
	for _, row := range rs[0].Rows {
		table := row.String("tbl")
		if t.columns[table] == nil {
			t.columns[table] = map[string]column{}
		}
		readable, _ := row.Bool("readable")
		t.columns[table][row.String("col")] = column{kind: row.String("kind"), readable: readable}
	}
	row := rs[2].First()
	t.role, t.database = row.String("role"), row.String("database")
	t.marks, _ = row.Bool("marks")
	return t, rs.Err()
}

// odoo reports whether the database is one of Odoo.
func (t *tables) odoo() bool { return len(t.columns["ir_cron"]) > 0 }

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

// may reports whether columns exist and may be read. What this database does not
// have is not measurable here, which is no finding; what may not be read is one.
func (t *tables) may(table string, cols ...string) (bool, error) {
	err := t.require(table, cols...)
	if fault.KindOf(err) == fault.Schema {
		return false, nil
	}
	return err == nil, err
}

// readable reports whether a column exists and may be read.
func (t *tables) readable(table, col string) bool { return t.columns[table][col].readable }
