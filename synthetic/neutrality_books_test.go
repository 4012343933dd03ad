package synthetic_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

// A ledger is the database of an Odoo, looked at past Odoo: what a controller
// would compare.
type ledger struct {
	conn      *pgx.Conn
	proofs    *pgsession.Session // on a stand-in with the rights that are shipped
	prober    int64              // id of its user
	synthetic int64
	real      []int64
}

// A state is what a set of companies has in its books.
type state struct {
	Records   map[string]int64   // by table
	Balances  map[string]string  // by account: debit and credit of what is posted
	Sequences map[string]numbers // by journal and period
	Contents  map[string]string  // by table: a digest of every row
}

// Numbers are those of the entries of one sequence.
type numbers struct{ Last, Missing int64 }

// tables lists what is compared: each table's rows r, joined to an m that says
// whose they are. A row of nobody's that the prober made is the synthetic
// company's.
var tables = map[string]string{
	"account_move":                "JOIN account_move m ON m.id = r.id",
	"account_move_line":           "JOIN account_move m ON m.id = r.move_id",
	"account_bank_statement_line": "JOIN account_move m ON m.id = r.move_id",
	"account_payment":             "LEFT JOIN account_move m ON m.id = r.move_id", // since 18, one may have no entry but a company of its own
	"account_partial_reconcile":   "LEFT JOIN account_move_line m ON m.id = r.debit_move_id",
	"account_full_reconcile":      "LEFT JOIN (SELECT full_reconcile_id, min(company_id) AS company_id FROM account_move_line GROUP BY 1) m ON m.full_reconcile_id = r.id",
	"ir_attachment":               "LEFT JOIN account_move m ON r.res_model = 'account.move' AND m.id = r.res_id", // what was printed
}

// rows reads a query of two columns.
func rows[V any](t *testing.T, l ledger, sql string, args ...any) map[string]V {
	t.Helper()
	found, err := l.conn.Query(context.WithoutCancel(t.Context()), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]V{}
	var key string
	var value V
	if _, err := pgx.ForEachRow(found, []any{&key, &value}, func() error { out[key] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// of reads what companies have.
func (l ledger) of(t *testing.T, companies ...int64) state {
	t.Helper()
	s := state{Records: map[string]int64{}, Sequences: map[string]numbers{}, Contents: map[string]string{}}
	for table, join := range tables {
		var n int64
		var digest string
		err := l.conn.QueryRow(context.WithoutCancel(t.Context()), fmt.Sprintf(`SELECT count(*), coalesce(md5(string_agg(md5(r::text), '' ORDER BY r.id)), '')
			FROM %s r %s WHERE coalesce(m.company_id, (to_jsonb(r)->>'company_id')::int, CASE WHEN r.create_uid = $2 THEN $3::int END) = ANY($1)`, table, join),
			companies, l.prober, l.synthetic).Scan(&n, &digest)
		if err != nil {
			t.Fatal(table, err)
		}
		s.Records[table], s.Contents[table] = n, digest
	}
	s.Balances = rows[string](t, l, `SELECT company_id || '/' || account_id, sum(debit)::numeric(20, 2) || ' ' || sum(credit)::numeric(20, 2)
		FROM account_move_line WHERE company_id = ANY($1) AND parent_state = 'posted' AND account_id IS NOT NULL GROUP BY company_id, account_id`, companies)
	for sequence, n := range rows[[]int64](t, l, `SELECT journal_id || ' ' || sequence_prefix, ARRAY[max(sequence_number), max(sequence_number) - min(sequence_number) + 1 - count(DISTINCT sequence_number)]
		FROM account_move WHERE company_id = ANY($1) AND coalesce(sequence_prefix, '') <> '' GROUP BY journal_id, sequence_prefix`, companies) {
		s.Sequences[sequence] = numbers{Last: n[0], Missing: n[1]}
	}
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

// prove makes the proof that is kept as evidence every day, of the companies
// that are compared: in others people may work.
func (l ledger) prove(t *testing.T) neutrality.Proof {
	t.Helper()
	p := neutrality.New(neutrality.Settings{
		Synthetic: l.synthetic, Tag: odoo.Tag, Ask: l.askProof,
		User: func(context.Context) (int64, error) { return l.prober, nil },
	}).Prove(t.Context())
	if p.Verdict != neutrality.Neutral {
		t.Errorf("the proof says %s: %q (%s)", p.Verdict, p.Reasons, p.Hint)
	}
	return p
}

func (l ledger) askProof(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
	results := l.proofs.Batch(ctx, queries...)
	for i := range results {
		results[i].Rows = slices.DeleteFunc(results[i].Rows, func(row pgsession.Row) bool {
			company, _ := row.Int("company")
			return company != l.synthetic && !slices.Contains(l.real, company)
		})
	}
	return results
}
