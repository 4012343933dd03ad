package odoo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A ledger is an Odoo database with a synthetic company: the stand-in, or the
// one that CLOSEWATCH_ODOO_URL, _DB, _LOGIN and _PASSWORD name. Of a real one,
// CLOSEWATCH_ODOO_COMPANY, _PARTNER, _SALE_JOURNAL and _BANK_JOURNAL name the
// prober's part of the books, and _TAX and _PRODUCT what is on the invoice, if
// anything.
type ledger struct {
	rpc       odoorpc.Config
	synthetic odoo.Synthetic
}

// realLedger returns the real database that the environment names, if it does.
func realLedger(t *testing.T) (ledger, bool) {
	t.Helper()
	env := func(name string) string {
		v := os.Getenv("CLOSEWATCH_ODOO_" + name)
		if v == "" {
			t.Fatalf("set CLOSEWATCH_ODOO_%s as well", name)
		}
		return v
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(env(name), 10, 64)
		if err != nil {
			t.Fatalf("CLOSEWATCH_ODOO_%s: %v", name, err)
		}
		return n
	}
	optional := func(name string) int64 {
		if os.Getenv("CLOSEWATCH_ODOO_"+name) == "" {
			return 0
		}
		return number(name)
	}
	if os.Getenv("CLOSEWATCH_ODOO_URL") == "" {
		return ledger{}, false
	}
	return ledger{
		rpc: odoorpc.Config{URL: env("URL"), Database: env("DB"), Login: env("LOGIN"), Password: secret.New(env("PASSWORD")), Timeout: estate.Duration(30 * time.Second)},
		synthetic: odoo.Synthetic{
			Company: number("COMPANY"), Partner: number("PARTNER"), SaleJournal: env("SALE_JOURNAL"), BankJournal: env("BANK_JOURNAL"),
			Tax: optional("TAX"), Product: optional("PRODUCT"),
		},
	}, true
}

// client returns a client of l whose requests pass through wire, if any.
func (l ledger) client(t *testing.T, wire http.RoundTripper) *odoorpc.Client {
	t.Helper()
	c, err := odoorpc.New(l.rpc, odoorpc.Options{Version: "test", Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func intents(t *testing.T) *flow.IntentLog {
	t.Helper()
	log, err := flow.OpenIntentLog(filepath.Join(t.TempDir(), "intents.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// settings returns a prober's settings on l: every flow at its highest level.
func (l ledger) settings(t *testing.T, client odoo.Client) odoo.Settings {
	t.Helper()
	var cfg odoo.Config
	cfg.SetDefaults()
	cfg.Synthetic = l.synthetic
	cfg.RunsPerHour = 10000
	return odoo.Settings{Environment: "test", Tenant: l.rpc.Database, Client: client, Config: cfg, Intents: intents(t)}
}

// call calls in the synthetic company.
func (l ledger) call(t *testing.T, c *odoorpc.Client, out any, model, method string, args ...any) {
	t.Helper()
	kwargs := map[string]any{"context": map[string]any{"allowed_company_ids": []int64{l.synthetic.Company}}}
	if err := c.Call(t.Context(), model, method, args, kwargs, out); err != nil {
		t.Fatal(err)
	}
}

// books counts everything in the synthetic company that a run could leave.
func (l ledger) books(t *testing.T, c *odoorpc.Client) map[string]int {
	t.Helper()
	out := map[string]int{}
	for what, terms := range map[string][]any{
		"account.move":        {},
		"account.move drafts": {[]any{"state", "=", "draft"}},
		"account.move.line":   {},
		"account.move.line open items": {
			[]any{"account_id.account_type", "in", []string{"asset_receivable", "liability_payable"}}, []any{"reconciled", "=", false},
		},
		"account.bank.statement.line": {},
		"account.payment":             {},
		"account.partial.reconcile":   {},
	} {
		model, _, _ := strings.Cut(what, " ")
		n := 0
		l.call(t, c, &n, model, "search_count", append(terms, []any{"company_id", "=", l.synthetic.Company}))
		out[what] = n
	}
	return out
}

// post makes a posted entry that is not ours, in the prober's sale journal, and
// returns its id.
func (l ledger) post(t *testing.T) (id int64) {
	t.Helper()
	c := l.client(t, nil)
	var journals []struct {
		ID int64 `json:"id"`
	}
	l.call(t, c, &journals, "account.journal", "search_read", []any{[]any{"code", "=", l.synthetic.SaleJournal}}, []string{"code"})
	line := map[string]any{"name": "other", "quantity": 1, "price_unit": 7.0, "tax_ids": []any{[]any{6, 0, []int64{}}}}
	l.call(t, c, &id, "account.move", "create", map[string]any{
		"move_type": "out_invoice", "journal_id": journals[0].ID, "partner_id": l.synthetic.Partner,
		"invoice_date": time.Now().UTC().Format(time.DateOnly), "invoice_line_ids": []any{[]any{0, 0, line}},
	})
	l.call(t, c, nil, "account.move", "action_post", []int64{id})
	return id
}

// tagged counts the entries in the books that carry the prober's tag, payments
// without an entry among them, and all entries of the synthetic company.
func (l ledger) tagged(t *testing.T, c *odoorpc.Client) (ours, all int) {
	t.Helper()
	count := func(model string, domain ...any) (n int) {
		l.call(t, c, &n, model, "search_count", append(domain, []any{"company_id", "=", l.synthetic.Company}))
		return n
	}
	var known map[string]any
	l.call(t, c, &known, "account.payment", "fields_get", []string{"memo"}, []string{"type"})
	alone := 0
	if len(known) > 0 { // before 18 every payment has an entry
		alone = count("account.payment", []any{"memo", "=like", odoo.Tag + "%"}, []any{"move_id", "=", false})
	}
	return alone + count("account.move", []any{"ref", "=like", odoo.Tag + "%"}), count("account.move")
}

// A breaker breaks one call on its way to Odoo.
type breaker struct {
	next http.RoundTripper

	mu     sync.Mutex
	armed  bool
	n      int                                                       // calls seen since it was armed
	at     int                                                       // the call to break, from 1; 0 for none
	how    func(b *breaker, r *http.Request) (*http.Response, error) // what happens to it
	forAll bool                                                      // and to all after it
	seen   []string                                                  // model/method of each call
}

func newBreaker() *breaker { return &breaker{next: &http.Transport{DisableKeepAlives: true}} }

// RoundTrip implements http.RoundTripper.
func (b *breaker) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	hit := false
	if b.armed {
		b.n++
		b.seen = append(b.seen, strings.TrimPrefix(r.URL.Path, "/web/dataset/call_kw/"))
		hit = b.n == b.at || b.forAll && b.at > 0 && b.n > b.at
	}
	b.mu.Unlock()
	if hit {
		return b.how(b, r)
	}
	return b.next.RoundTrip(r)
}

var errCut = errors.New("cut by the test")

// refuse answers in Odoo's stead that a rule forbids the call.
func refuse(_ *breaker, r *http.Request) (*http.Response, error) {
	const body = `{"jsonrpc":"2.0","id":1,"error":{"code":200,"message":"Odoo Server Error","data":{"name":"odoo.exceptions.UserError","message":"You need to add a line before posting."}}}`
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewBufferString(body)),
	}, nil
}

// lose lets Odoo carry the call out and loses the answer.
func lose(b *breaker, r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// die is the end of the process: nothing gets through any more.
func die(*breaker, *http.Request) (*http.Response, error) { return nil, errCut }

// dieAfter lets the call happen and then is the end of the process.
func dieAfter(b *breaker, r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	first := b.n == b.at
	b.mu.Unlock()
	if first {
		return lose(b, r)
	}
	return nil, errCut
}

func execute(ctx context.Context, f flow.Flow, level flow.Level) flow.Run {
	return flow.Execute(ctx, f, level, flow.Settings{Environment: "test", Component: "erp", Tenant: "t", Timeout: 2 * time.Minute, StepTimeout: time.Minute, CleanupTimeout: time.Minute})
}
