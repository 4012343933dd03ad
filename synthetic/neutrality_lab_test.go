package synthetic_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A place is where probers are tortured: an Odoo behind a wire, its books, and
// the parts of them that belong to two probers.
type place struct {
	ledger
	*wire
	odooURL                   string
	database, login, password string
	first, second             odoo.Synthetic // the journals of either replica; the same where there is one pair
	stands                    bool           // it is a stand-in, of the edition, and may be restarted
	edition
}

// An edition is what a stand-in stands for.
type edition struct {
	version    int
	enterprise bool
	booked     bool // payments have an outstanding account: the prober need not ask by a draft
}

// String names it for people.
func (e edition) String() string {
	if e.version == 0 {
		return "a real Odoo"
	}
	name := map[bool]string{false: "Community", true: "Enterprise"}[e.enterprise]
	account := map[bool]string{false: "without an outstanding account", true: "with an outstanding account"}[e.booked]
	return fmt.Sprintf("stand-in for Odoo %d %s, %s", e.version, name, account)
}

// newPlace returns a place on a stand-in of its own, or on the real Odoo whose
// database CLOSEWATCH_ODOO_DSN is, where closewatch-role.sql has been run, _URL,
// _DB, _LOGIN, _PASSWORD, _COMPANY, _PARTNER, _SALE_JOURNAL and _BANK_JOURNAL
// name what the prober may know, and _REAL_COMPANIES, such as 1,4, the companies
// in which nobody works meanwhile.
func newPlace(t *testing.T, name string, e edition) *place {
	t.Helper()
	if os.Getenv("CLOSEWATCH_ODOO_DSN") != "" {
		return realPlace(t)
	}
	name = fmt.Sprintf("%s_%d", name, time.Now().UnixNano())
	p := &place{
		database: name, login: odoosim.ProbeLogin, password: "probe", stands: true, edition: e,
		first:  odoo.Synthetic{Company: odoosim.SyntheticCompany, Partner: odoosim.SyntheticPartner, SaleJournal: "SYNI", BankJournal: "SYNB"},
		second: odoo.Synthetic{Company: odoosim.SyntheticCompany, Partner: odoosim.SyntheticPartner, SaleJournal: "SYNI2", BankJournal: "SYNB2"},
	}
	postgres := startPostgres(t)
	dsn := postgres.DSN("postgres", name)
	if err := odoosim.InitDatabase(t.Context(), dsn, odoosim.Seed{AdminPassword: "admin", LoadPassword: "load", ProbePassword: p.password, Version: e.version}); err != nil {
		t.Fatal(err)
	}
	p.connect(t, dsn, postgres.DSN(auditor, name), odoosim.SyntheticCompany, odoosim.MainCompany, subsidiary)
	p.furnish(t)
	if !e.booked {
		p.exec(t, withoutAccounts)
	}
	p.openOdoo(t, odoosim.Options{DSN: dsn, Version: e.version, Enterprise: e.enterprise, RetryWait: time.Millisecond})
	p.doBusiness(t)
	return p
}

// auditor is the role that proves neutrality on a stand-in.
const auditor = "auditor"

// The synthetic company's payment methods without an outstanding account, and
// with one.
var (
	withoutAccounts = "UPDATE account_payment_method_line l SET payment_account_id = NULL FROM account_journal j WHERE j.id = l.journal_id AND j.code LIKE 'SYN%'"
	withAccounts    = fmt.Sprintf("UPDATE account_payment_method_line l SET payment_account_id = %d FROM account_journal j WHERE j.id = l.journal_id AND j.code LIKE 'SYN%%'", odoosim.SyntheticOutstanding)
)

func (p *place) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := p.conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

func realPlace(t *testing.T) *place {
	t.Helper()
	env := func(name string) string {
		v := os.Getenv("CLOSEWATCH_ODOO_" + name)
		if v == "" {
			t.Fatalf("set CLOSEWATCH_ODOO_%s as well", name)
		}
		return v
	}
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	books := odoo.Synthetic{Company: number(env("COMPANY")), Partner: number(env("PARTNER")), SaleJournal: env("SALE_JOURNAL"), BankJournal: env("BANK_JOURNAL")}
	p := &place{odooURL: env("URL"), database: env("DB"), login: env("LOGIN"), password: env("PASSWORD"), first: books, second: books}
	var real []int64
	for id := range strings.SplitSeq(env("REAL_COMPANIES"), ",") {
		real = append(real, number(id))
	}
	p.connect(t, env("DSN"), env("DSN"), books.Company, real...)
	p.wire = newWire(t, p.odooURL)
	return p
}

// connect opens the books, to compare them and to prove from them.
func (p *place) connect(t *testing.T, dsn, proofDSN string, synthetic int64, real ...int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	p.ledger = ledger{conn: conn, synthetic: synthetic, real: real}
	if err := conn.QueryRow(t.Context(), "SELECT id FROM res_users WHERE login = $1", p.login).Scan(&p.prober); err != nil {
		t.Fatal(err)
	}
	if p.stands {
		p.exec(t, odoosim.GrantSQL(auditor))
	}
	p.proofs = pgsession.Open(pgsession.Settings{DSN: secret.New(proofDSN), BatchTimeout: time.Minute, StatementTimeout: time.Minute})
	t.Cleanup(p.proofs.Close)
}

// subsidiary is a second real company.
const subsidiary = 3

// furnish adds the subsidiary, a copy of the main company, and the journals of
// a second replica.
func (p *place) furnish(t *testing.T) {
	t.Helper()
	const script = `
		INSERT INTO res_company (id, name, partner_id, currency_id, sequence, parent_path, active, chart_template, check_account_audit_trail, account_sale_tax_id, account_journal_suspense_account_id, create_date, write_date)
			SELECT 3, 'Subsidiary', partner_id, currency_id, 20, '3/', true, chart_template, false, account_sale_tax_id, account_journal_suspense_account_id + 1000, create_date, write_date FROM res_company WHERE id = 1;
		INSERT INTO res_company_users_rel (cid, user_id) VALUES (3, 2);
		INSERT INTO account_account (id, account_type, internal_group, name, code_store, reconcile, deprecated)
			SELECT id + 1000, account_type, internal_group, name, jsonb_build_object('3', code_store->>'1'), reconcile, deprecated FROM account_account WHERE id <= 51;
		INSERT INTO account_account_res_company_rel SELECT id, 3 FROM account_account WHERE id > 1000;
		INSERT INTO account_journal (id, company_id, sequence, code, type, name, default_account_id, suspense_account_id, refund_sequence, payment_sequence, invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard)
			SELECT id + 1000, 3, sequence, code, type, name, default_account_id + 1000, suspense_account_id + 1000, refund_sequence, payment_sequence, invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard
			FROM account_journal WHERE company_id = 1
			UNION ALL SELECT id + 1000, company_id, sequence, code || '2', type, name, default_account_id, suspense_account_id, refund_sequence, payment_sequence, invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard
			FROM account_journal WHERE code LIKE 'SYN%';
		INSERT INTO account_payment_method_line (id, name, sequence, payment_type, journal_id, payment_account_id)
			SELECT l.id + 1000, l.name, l.sequence, l.payment_type, l.journal_id + 1000, l.payment_account_id + CASE WHEN j.company_id = 1 THEN 1000 ELSE 0 END
			FROM account_payment_method_line l JOIN account_journal j ON j.id = l.journal_id WHERE j.company_id = 1 OR j.code LIKE 'SYN%';`
	p.exec(t, script)
}

// openOdoo starts the stand-in behind a wire, which can start it anew.
func (p *place) openOdoo(t *testing.T, options odoosim.Options) {
	t.Helper()
	var server *odoosim.Server
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		return server.Stop(ctx)
	}
	start := func() error {
		s, err := odoosim.New(options)
		if err == nil {
			err = s.Start(context.Background(), "127.0.0.1:0")
		}
		server = s
		return err
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	p.odooURL = server.URL()
	p.wire = newWire(t, p.odooURL)
	p.restart = func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := start(); err != nil {
			t.Error(err)
			return
		}
		p.lead(t, server.URL())
	}
	t.Cleanup(func() {
		p.settle(t)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A bookkeeper works in one company.
type bookkeeper struct {
	*testing.T
	client  *odoorpc.Client
	company int64
}

func (b bookkeeper) call(model, method string, out any, args ...any) {
	b.Helper()
	b.in(nil, model, method, out, args...)
}

func (b bookkeeper) in(more map[string]any, model, method string, out any, args ...any) {
	b.Helper()
	with := map[string]any{"allowed_company_ids": []int64{b.company}}
	maps.Copy(with, more)
	if err := b.client.Call(b.Context(), model, method, args, map[string]any{"context": with}, out); err != nil {
		b.Fatalf("%s in company %d: %v", method, b.company, err)
	}
}

// invoice makes and posts an invoice and returns its id.
func (b bookkeeper) invoice(journal, partner int64, ref string) (id int64) {
	b.Helper()
	today := time.Now().UTC().Format(time.DateOnly)
	b.call("account.move", "create", &id, map[string]any{
		"move_type": "out_invoice", "journal_id": journal, "partner_id": partner, "invoice_date": today, "date": today, "ref": ref,
		"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "Services", "quantity": 3, "price_unit": 33.33, "tax_ids": []any{[]any{6, 0, []any{}}}}}},
	})
	b.call("account.move", "action_post", nil, []int64{id})
	return id
}

// line books a line of a bank statement.
func (b bookkeeper) line(journal int64, amount float64) {
	b.Helper()
	b.call("account.bank.statement.line", "create", nil, map[string]any{
		"journal_id": journal, "date": time.Now().UTC().Format(time.DateOnly), "payment_ref": "a customer", "amount": amount,
	})
}

// doBusiness fills the books of real companies: posted, paid, open and draft
// entries, a gap in the numbers, one reference that looks almost like ours. In the
// synthetic company's journals, somebody has made an entry that is not ours.
func (p *place) doBusiness(t *testing.T) {
	t.Helper()
	client, err := odoorpc.New(odoorpc.Config{
		URL: p.odooURL, Database: p.database, Login: odoosim.AdminLogin, Password: secret.New("admin"), Timeout: estate.Duration(time.Minute),
	}, odoorpc.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for company, shift := range map[int64]int64{odoosim.MainCompany: 0, subsidiary: 1000} {
		b := bookkeeper{t, client, company}
		sale, bank := odoosim.MainSaleJournal+shift, odoosim.MainBankJournal+shift
		paid := b.invoice(sale, odoosim.FirstCustomer, "")
		gap := b.invoice(sale, odoosim.FirstCustomer+1, "")
		b.invoice(sale, odoosim.FirstCustomer+2, "re: "+odoo.Tag+"20260101T000000Z-0badcafe")
		draft := b.invoice(sale, odoosim.FirstCustomer+3, "")
		b.call("account.move", "button_draft", nil, []int64{draft})
		b.call("account.move", "button_draft", nil, []int64{gap})
		b.call("account.move", "unlink", nil, []int64{gap})
		var wizard int64
		on := map[string]any{"active_model": "account.move", "active_ids": []int64{paid}, "dont_redirect_to_payments": true}
		b.in(on, "account.payment.register", "create", &wizard, map[string]any{"journal_id": bank})
		b.in(on, "account.payment.register", "action_create_payments", nil, []int64{wizard})
		b.line(bank, 12.34)
	}
	b := bookkeeper{t, client, odoosim.SyntheticCompany}
	b.invoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, "made by hand")
	b.line(odoosim.SyntheticBankJournal, 1)
}

// leavePayment leaves a posted payment of a run of long ago: one without an
// entry, where there are such.
func (p *place) leavePayment(t *testing.T, client *odoorpc.Client) {
	t.Helper()
	field := "memo"
	if p.version < 18 {
		field = "ref"
	}
	if p.booked {
		p.exec(t, withoutAccounts)
		defer p.exec(t, withAccounts)
	}
	b := bookkeeper{t, client, p.synthetic}
	var id int64
	b.call("account.payment", "create", &id, map[string]any{
		"payment_type": "inbound", "partner_type": "customer", "partner_id": p.first.Partner, "amount": 5,
		"journal_id": odoosim.SyntheticBankJournal, "date": time.Now().UTC().Format(time.DateOnly), field: odoo.Tag + "20260101T000000Z-0badcafe",
	})
	b.call("account.payment", "action_post", nil, []int64{id})
}
