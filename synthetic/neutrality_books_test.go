package synthetic_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A ledger is the database of an Odoo, looked at past Odoo: what a controller
// would compare.
type ledger struct {
	conn      *pgx.Conn
	synthetic int64
	real      []int64
}

// A state is what a set of companies has in its books.
type state struct {
	Records   map[string]int64  // by table
	Balances  map[string]string // by account: debit and credit of what is posted
	Sequences map[string]string // by journal and period: last number, and how many are missing
	Contents  map[string]string // by table: a digest of every row
}

// tables lists what is compared: each table's rows r, joined to the entry m
// that says whose they are.
var tables = map[string]string{
	"account_move":                "JOIN account_move m ON m.id = r.id",
	"account_move_line":           "JOIN account_move m ON m.id = r.move_id",
	"account_bank_statement_line": "JOIN account_move m ON m.id = r.move_id",
	"account_payment":             "LEFT JOIN account_move m ON m.id = r.move_id", // since 18, one may have no entry but a company of its own
	"account_partial_reconcile":   "JOIN account_move_line l ON l.id = r.debit_move_id JOIN account_move m ON m.id = l.move_id",
}

func (l ledger) rows(t *testing.T, sql string, args ...any) map[string]string {
	t.Helper()
	rows, err := l.conn.Query(context.WithoutCancel(t.Context()), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var key, value string
	if _, err := pgx.ForEachRow(rows, []any{&key, &value}, func() error { out[key] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// of reads what companies have.
func (l ledger) of(t *testing.T, companies ...int64) state {
	t.Helper()
	s := state{Records: map[string]int64{}, Contents: map[string]string{}}
	for table, join := range tables {
		var n int64
		var digest string
		err := l.conn.QueryRow(context.WithoutCancel(t.Context()), fmt.Sprintf(`SELECT count(*), coalesce(md5(string_agg(md5(r::text), '' ORDER BY r.id)), '')
			FROM %s r %s WHERE coalesce(m.company_id, (to_jsonb(r)->>'company_id')::int) = ANY($1)`, table, join), companies).Scan(&n, &digest)
		if err != nil {
			t.Fatal(table, err)
		}
		s.Records[table], s.Contents[table] = n, digest
	}
	s.Balances = l.rows(t, `SELECT company_id || '/' || account_id, sum(debit)::numeric(20, 2) || ' ' || sum(credit)::numeric(20, 2)
		FROM account_move_line WHERE company_id = ANY($1) AND parent_state = 'posted' AND account_id IS NOT NULL GROUP BY company_id, account_id`, companies)
	s.Sequences = l.rows(t, `SELECT journal_id || ' ' || sequence_prefix, max(sequence_number) || ' of which missing ' || max(sequence_number) - min(sequence_number) + 1 - count(DISTINCT sequence_number)
		FROM account_move WHERE company_id = ANY($1) AND coalesce(sequence_prefix, '') <> '' GROUP BY journal_id, sequence_prefix`, companies)
	return s
}

// residue says what a prober has left: every record of the synthetic company
// beyond those that were there before.
func (l ledger) residue(t *testing.T, before state) (n int64, what string) {
	t.Helper()
	now := l.of(t, l.synthetic)
	var said []string
	for table, count := range now.Records {
		if extra := count - before.Records[table]; extra != 0 {
			n += max(extra, -extra)
			said = append(said, fmt.Sprintf("%+d %s", extra, table))
		}
	}
	return n, strings.Join(said, ", ")
}
