package neutrality_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	observer = "proof_reader"
	tag      = "closewatch-probe/"
)

// books are the tables of Odoo in a real PostgreSQL, read with the rights that
// are shipped.
type books struct {
	server  *lab.Postgres
	session *pgsession.Session
}

func newBooks(t *testing.T) *books {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	server, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := &books{server: server}
	if err := odoosim.InitDatabase(t.Context(), server.DSN("postgres", odoosim.Database), odoosim.Seed{AdminPassword: "admin", LoadPassword: "load", ProbePassword: "probe"}); err != nil {
		t.Fatal(err)
	}
	b.exec(t, odoosim.GrantSQL(observer))
	b.session = pgsession.Open(pgsession.Settings{DSN: secret.New(server.DSN(observer, odoosim.Database))})
	t.Cleanup(b.session.Close)
	return b
}

func (b *books) exec(t *testing.T, sql string) {
	t.Helper()
	if err := b.server.Exec(t.Context(), "postgres", odoosim.Database, sql); err != nil {
		t.Fatal(err)
	}
}

// post writes an entry of two items into a company, as a user.
func (b *books) post(t *testing.T, company, user, number int, ref string) {
	t.Helper()
	b.exec(t, fmt.Sprintf(`
		WITH m AS (
			INSERT INTO account_move (name, state, move_type, company_id, journal_id, currency_id, date, auto_post, sequence_prefix, sequence_number, ref, create_uid, write_uid)
			SELECT 'T/%[3]d', 'posted', 'entry', %[1]d, j.id, 1, current_date, 'no', 'T/', %[3]d, nullif('%[4]s', ''), %[2]d, %[2]d
			  FROM account_journal j WHERE j.company_id = %[1]d ORDER BY j.id LIMIT 1 RETURNING id, journal_id)
		INSERT INTO account_move_line (move_id, account_id, journal_id, company_id, parent_state, date, display_type, debit, credit, balance, amount_residual, currency_id, create_uid, write_uid)
		SELECT m.id, a.id, m.journal_id, %[1]d, 'posted', current_date, 'product', s.debit, s.credit, s.debit - s.credit, 0, 1, %[2]d, %[2]d
		  FROM m, (VALUES (0, 12.34, 0.0), (1, 0.0, 12.34)) AS s (n, debit, credit)
		  JOIN LATERAL (SELECT r.account_account_id AS id FROM account_account_res_company_rel r WHERE r.res_company_id = %[1]d ORDER BY 1 OFFSET s.n LIMIT 1) a ON true`,
		company, user, number, ref))
}

func (b *books) prove(t *testing.T, before *neutrality.Before) neutrality.Proof {
	t.Helper()
	return neutrality.New(neutrality.Settings{
		Synthetic: odoosim.SyntheticCompany, Tag: tag, Ask: b.session.Batch, RememberedState: before,
		User: func(context.Context) (int64, error) { return odoosim.ProbeUID, nil },
	}).Prove(t.Context())
}

func TestBooks(t *testing.T) {
	b := newBooks(t)
	const somebody = odoosim.LoadUID
	b.post(t, 1, somebody, 1, "an order")
	first := b.prove(t, nil)
	if first.Verdict != neutrality.Neutral {
		t.Fatalf("at first: %s %q %q", first.Verdict, first.Reasons, first.Hint)
	}

	t.Run("people work, and the proof holds", func(t *testing.T) {
		b.post(t, 1, somebody, 2, "")
		p := b.prove(t, &neutrality.Before{At: first.At, Companies: first.Companies})
		was, _ := p.Before.Company(1)
		now := p.Companies[0]
		if p.Verdict != neutrality.Neutral || now.Entries != was.Entries+1 || now.Items != was.Items+2 || now.Balances == was.Balances || now.Numbers == was.Numbers {
			t.Errorf("%s %q: %+v after %+v", p.Verdict, p.Reasons, now, was)
		}
	})
	t.Run("a run is under way in the synthetic company", func(t *testing.T) {
		b.post(t, odoosim.SyntheticCompany, odoosim.ProbeUID, 1, tag+"run")
		p := b.prove(t, nil)
		c := p.Companies[1]
		if p.Verdict != neutrality.Neutral || !c.Synthetic || c.Own.Entries != 1 || c.Own.Items != 2 || c.Balances == c.BalancesWithout || c.Numbers == c.NumbersWithout {
			t.Errorf("%s %q: %+v", p.Verdict, p.Reasons, c)
		}
		b.exec(t, "DELETE FROM account_move WHERE ref = '"+tag+"run'")
	})

	for name, tt := range map[string]struct {
		do, undo string
		post     func(*testing.T)
		reasons  []string
	}{
		"the prober posted in a real company": {
			post:    func(t *testing.T) { b.post(t, 1, odoosim.ProbeUID, 3, "stray") },
			undo:    "DELETE FROM account_move WHERE ref = 'stray'",
			reasons: []string{"company 1: 1 entry, 2 items of the prober's", "company 1: its trial balance is not", "company 1: the prober holds numbers"},
		},
		"somebody else posted with its tag": {
			post:    func(t *testing.T) { b.post(t, 1, somebody, 3, tag+"copied") },
			undo:    "DELETE FROM account_move WHERE ref = '" + tag + "copied'",
			reasons: []string{"company 1: 1 entry, 2 items of the prober's", "trial balance", "holds numbers"},
		},
		"the prober changed one item of somebody's by a cent": {
			do:      fmt.Sprintf("UPDATE account_move_line SET debit = debit + 0.01, write_uid = %d WHERE id = (SELECT min(id) FROM account_move_line WHERE company_id = 1 AND debit > 0)", odoosim.ProbeUID),
			undo:    "UPDATE account_move_line SET debit = debit - 0.01, write_uid = 7 WHERE id = (SELECT min(id) FROM account_move_line WHERE company_id = 1 AND debit > 0)",
			reasons: []string{"company 1: 1 item of the prober's", "trial balance"},
		},
		"the prober matched items": {
			do: fmt.Sprintf(`INSERT INTO account_partial_reconcile (debit_move_id, credit_move_id, amount, company_id, create_uid)
				SELECT min(id), max(id), 0, 1, %d FROM account_move_line WHERE company_id = 1`, odoosim.ProbeUID),
			undo:    fmt.Sprintf("DELETE FROM account_partial_reconcile WHERE create_uid = %d", odoosim.ProbeUID),
			reasons: []string{"company 1: 1 match of the prober's"},
		},
		"its user may enter a real company": {
			do:      fmt.Sprintf("INSERT INTO res_company_users_rel (cid, user_id) VALUES (1, %d)", odoosim.ProbeUID),
			undo:    fmt.Sprintf("DELETE FROM res_company_users_rel WHERE cid = 1 AND user_id = %d", odoosim.ProbeUID),
			reasons: []string{"company 1: the prober's user may enter it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.post != nil {
				tt.post(t)
			} else {
				b.exec(t, tt.do)
			}
			p := b.prove(t, nil)
			b.exec(t, tt.undo)
			if p.Verdict != neutrality.NotNeutral || len(p.Reasons) != len(tt.reasons) {
				t.Fatalf("%s for %q", p.Verdict, p.Reasons)
			}
			for i, want := range tt.reasons {
				if !strings.Contains(p.Reasons[i], want) {
					t.Errorf("reason %q, want %q", p.Reasons[i], want)
				}
			}
			if again := b.prove(t, nil); again.Verdict != neutrality.Neutral {
				t.Errorf("taken back: %s %q", again.Verdict, again.Reasons)
			}
		})
	}

	t.Run("nothing but counts and hashes leaves the database", func(t *testing.T) {
		r := b.session.Batch(t.Context(), pgsession.Query{Name: "all", SQL: "select * from closewatch_ledger_proof(1, 'x')"}).Named("all")
		for _, row := range r.Rows {
			for _, column := range r.Columns {
				if text, there := row.Text(column); there && strings.ContainsAny(text, "./ ") {
					t.Errorf("%s is %q", column, text)
				}
			}
		}
		if len(r.Rows) != 2 || r.Err != nil {
			t.Errorf("%d companies, %v", len(r.Rows), r.Err)
		}
	})
	t.Run("the role may not read what is compared", func(t *testing.T) {
		for _, sql := range []string{"select ref from account_move", "select debit from account_move_line", "select create_uid from account_move"} {
			if err := b.session.Batch(t.Context(), pgsession.Query{Name: "q", SQL: sql}).Err(); err == nil {
				t.Errorf("%s is answered", sql)
			}
		}
	})
	t.Run("the function is gone", func(t *testing.T) {
		b.exec(t, "DROP FUNCTION closewatch_ledger_proof(integer, text)")
		p := b.prove(t, nil)
		if p.Verdict != neutrality.Unknown || !strings.Contains(p.Hint, "closewatch-role.sql") {
			t.Errorf("%s %q %q", p.Verdict, p.Reasons, p.Hint)
		}
	})
}

// TestRealBooks proves on the database of a real Odoo, when the environment
// names one: CLOSEWATCH_ODOO_PG is a connection string with the shipped rights.
func TestRealBooks(t *testing.T) {
	dsn := os.Getenv("CLOSEWATCH_ODOO_PG")
	if dsn == "" {
		return // the stand-in's books are proved above
	}
	session := pgsession.Open(pgsession.Settings{DSN: secret.New(dsn)})
	defer session.Close()
	p := neutrality.New(neutrality.Settings{
		Synthetic: 1, OtherCompanies: true, Tag: tag, Ask: session.Batch,
		User: func(context.Context) (int64, error) { return 0, errors.New("nobody was asked") }, RememberedUser: 1 << 30,
	}).Prove(t.Context())
	if p.Verdict != neutrality.Neutral {
		t.Errorf("%s %q %q", p.Verdict, p.Reasons, p.Hint)
	}
	for _, c := range p.Companies {
		t.Logf("%+v", c)
	}
}
