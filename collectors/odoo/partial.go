package odoo

import (
	"strings"

	"github.com/closewatch/closewatch/internal/pgsession"
)

const partialSQL = `
select c.relname as tbl, pg_get_expr(i.indpred, i.indrelid) as predicate
from unnest($1::text[]) as t(name)
join pg_class c on c.oid = to_regclass(t.name)
join pg_index i on i.indrelid = c.oid
where i.indpred is not null and i.indisvalid`

// A partialIndex is one that Odoo makes for the few rows of a table that need
// attention. Versions word its predicate differently, and the planner uses the
// index only for the words it was made with.
type partialIndex struct {
	about     string // table and column
	predicate string // as PostgreSQL writes it
	condition string // the same, as a condition of ours
}

// partials are the indexes that are known. Others are not taken: nothing read
// from a database becomes part of a statement.
var partials = []partialIndex{
	{"account_bank_statement_line.is_reconciled", "((NOT is_reconciled) OR (is_reconciled IS NULL))", "(not is_reconciled or is_reconciled is null)"},
	{"account_bank_statement_line.is_reconciled", "(is_reconciled IS NOT TRUE)", "is_reconciled is not true"},
	{"account_move.checked", "(checked = false)", "checked = false"},
	{"account_move.checked", "(checked IS NOT TRUE)", "checked is not true"},
	{"account_move.to_check", "(to_check = true)", "to_check = true"},
	{"account_move.inalterable_hash", "(inalterable_hash IS NOT NULL)", "inalterable_hash is not null"},
	{"account_move.made_sequence_gap", "(made_sequence_gap = true)", "made_sequence_gap = true"},
	{"account_move.made_sequence_gap", "(made_sequence_gap IS TRUE)", "made_sequence_gap is true"},
	{"account_payment.is_matched", "((NOT is_matched) OR (is_matched IS NULL))", "(not is_matched or is_matched is null)"},
	{"account_payment.is_matched", "(is_matched IS NOT TRUE)", "is_matched is not true"},
}

// partialIndexes returns the conditions of the known ones among indexes.
func partialIndexes(rows []pgsession.Row) map[string]string {
	found := map[string]string{}
	for _, row := range rows {
		predicate := strings.Join(strings.Fields(row.String("predicate")), " ")
		for _, p := range partials {
			if p.predicate == predicate && strings.HasPrefix(p.about, row.String("tbl")+".") {
				found[p.about] = p.condition
			}
		}
	}
	return found
}
