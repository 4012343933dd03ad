package load_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/load"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/secret"
)

var (
	postgres *lab.Postgres
	sessions *lab.Redis
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run closes the lab before it looks for goroutines left behind.
func run(m *testing.M) int {
	l, err := lab.New(lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	postgres, err = l.Postgres(ctx, lab.PostgresOptions{})
	if err == nil {
		sessions, err = l.Redis(ctx, lab.RedisOptions{})
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	err = errors.Join(err, l.Close())
	if code == 0 && err == nil {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// An office is a stand-in behind an ingress of its own, and people at work in it.
type office struct {
	t       *testing.T
	odoo    *odoosim.Server
	ingress *httptest.Server
	down    atomic.Bool // the ingress refuses
	foreign atomic.Bool // a request named another host
	db      string
}

const tenantHost = "erp.acme.test"

func newOffice(t *testing.T, db string) *office {
	t.Helper()
	if err := postgres.Exec(t.Context(), "postgres", "postgres", "DROP DATABASE IF EXISTS "+db); err != nil { // of an earlier round
		t.Fatal(err)
	}
	dsn := postgres.DSN("postgres", db)
	if err := odoosim.InitDatabase(t.Context(), dsn, odoosim.Seed{AdminPassword: "a", LoadPassword: "l", ProbePassword: "p"}); err != nil {
		t.Fatal(err)
	}
	odoo, err := odoosim.New(odoosim.Options{DSN: dsn, RedisURL: sessions.URL(), JobCost: time.Millisecond, JobTick: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := odoo.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, odoo: odoo, db: db}
	backend, err := url.Parse(odoo.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Transport:    transport,
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(backend) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	o.ingress = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != tenantHost {
			o.foreign.Store(true)
		}
		if o.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		o.ingress.Close()
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := odoo.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *office) value(sql string) string {
	o.t.Helper()
	v, err := postgres.Value(o.t.Context(), "postgres", o.db, sql)
	if err != nil {
		o.t.Fatal(err)
	}
	return v
}

// work runs a load; stop ends it and waits.
func (o *office) work(change func(*load.Options)) (l *load.Load, stop func()) {
	o.t.Helper()
	opts := load.Options{
		BaseURL: o.ingress.URL, Host: tenantHost, DB: o.db, Login: odoosim.LoadLogin, Password: secret.New("l"),
		InvoicesPerMinute: 1200, Timeout: 5 * time.Second,
	}
	if change != nil {
		change(&opts)
	}
	l, err := load.New(opts)
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Errorf("Run() = %v", err)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen in time", what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// What the statistics claim is what stands in the books.
func TestLoadDoesBusiness(t *testing.T) {
	o := newOffice(t, "business")
	l, stop := o.work(func(opts *load.Options) {
		opts.Mix = load.Mix{Sent: 0.5, Paid: 0.4, Reconciled: 0.5, Browsed: 0.3, Printed: 0.3}
	})
	eventually(t, "every kind of business", func() bool {
		s := l.Stats()
		return s.Invoices >= 20 && s.Payments >= 3 && s.Reconciled >= 3 && s.Sent >= 3 && s.Reads >= 3 && s.Printed >= 3
	})
	stop()
	s := l.Stats()
	if s.Failed() > 0 {
		t.Errorf("failures on a healthy system: %v", s.Failures)
	}
	if s.Logins != 1 {
		t.Errorf("%d logins, want 1", s.Logins)
	}
	if o.foreign.Load() {
		t.Error("a request went to another host")
	}
	// Work that was cut off at the end may have reached the books uncounted.
	atLeast := func(what string, counted int64, sql string) {
		var stored int64
		if _, err := fmt.Sscan(o.value(sql), &stored); err != nil || stored < counted || stored > counted+8 {
			t.Errorf("%s: %d counted, %d in the books (%v)", what, counted, stored, err)
		}
	}
	atLeast("invoices", s.Invoices, "SELECT count(*) FROM account_move WHERE move_type = 'out_invoice' AND state = 'posted'")
	atLeast("payments", s.Payments, "SELECT count(*) FROM account_payment WHERE state = 'paid'")
	atLeast("bank lines", s.BankLines, "SELECT count(*) FROM account_bank_statement_line")
	atLeast("matched", s.Reconciled, `SELECT count(DISTINCT l.statement_line_id) FROM account_move_line l WHERE l.statement_line_id IS NOT NULL AND l.full_reconcile_id IS NOT NULL`)
	atLeast("jobs", s.Sent, "SELECT count(*) FROM queue_job WHERE channel = 'root.einvoice'")
	if got := o.value("SELECT count(*) FROM account_move WHERE company_id <> 1"); got != "0" {
		t.Errorf("%s entries were made in another company", got)
	}
}

func TestLoadPauses(t *testing.T) {
	o := newOffice(t, "pauses")
	l, stop := o.work(nil)
	defer stop()
	eventually(t, "working", func() bool { return l.Stats().Invoices > 0 })
	l.Pause()
	quiet := func() bool {
		before := o.value("SELECT coalesce(max(id), 0) FROM account_move")
		select {
		case <-t.Context().Done():
		case <-time.After(500 * time.Millisecond): // ten times the mean time between two invoices
		}
		return o.value("SELECT coalesce(max(id), 0) FROM account_move") == before
	}
	eventually(t, "falling quiet", quiet)
	before := l.Stats().Invoices
	l.Resume()
	eventually(t, "working again", func() bool { return l.Stats().Invoices > before })
}

// Nothing that breaks ends the work, and when it is mended the work goes on.
func TestLoadSurvives(t *testing.T) {
	o := newOffice(t, "survives")
	l, stop := o.work(func(opts *load.Options) { opts.Timeout = time.Second })
	defer stop()
	faults := o.odoo.Faults()
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		name         string
		damage, mend func()
		kind         fault.Kind
	}{
		{"the database is killed", func() { must(postgres.Kill()) }, func() { must(postgres.Start(t.Context())) }, fault.Unavailable},
		{"the ingress refuses", func() { o.down.Store(true) }, func() { o.down.Store(false) }, fault.Unavailable},
		{"everything is HTML", func() { faults.SetHTMLInstead(true) }, func() { faults.SetHTMLInstead(false) }, fault.Schema},
		{"posting fails", func() { faults.SetPostingFails(true) }, func() { faults.SetPostingFails(false) }, fault.Rejected},
		{"posting takes longer than people wait", func() { faults.SetPostingSlow(1, 2*time.Second) }, func() { faults.SetPostingSlow(1, 0) }, fault.Timeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := l.Stats()
			tt.damage()
			eventually(t, "counting failures", func() bool { return l.Stats().Failures[string(tt.kind)] > before.Failures[string(tt.kind)] })
			tt.mend()
			after := l.Stats().Invoices
			eventually(t, "posting again", func() bool { return l.Stats().Invoices > after+3 })
		})
	}
	if s := l.Stats(); s.Logins != 1 {
		t.Errorf("%d logins, want 1: no session was lost", s.Logins)
	}
	l.Pause()
	eventually(t, "finishing every job", func() bool { return o.value("SELECT count(*) FROM queue_job WHERE state <> 'done'") == "0" })
}

// Sessions that the server forgot are renewed, once for everybody.
func TestLoadLogsInAgain(t *testing.T) {
	o := newOffice(t, "again")
	l, stop := o.work(nil)
	defer stop()
	eventually(t, "working", func() bool { return l.Stats().Invoices > 0 })
	store, err := redis.ParseURL(sessions.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(store)
	if err := errors.Join(client.FlushAll(t.Context()).Err(), client.Close()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "logging in again", func() bool { return l.Stats().Logins == 2 })
	before := l.Stats().Invoices
	eventually(t, "working again", func() bool { return l.Stats().Invoices > before+3 })
	if s := l.Stats(); s.Logins != 2 || s.Failures[string(fault.Auth)] > 0 {
		t.Errorf("%d logins and failures %v, want 2 logins and no failure", s.Logins, s.Failures)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	good := load.Options{BaseURL: "http://127.0.0.1:1", DB: "x", Login: "y", Password: secret.New("z")}
	for name, change := range map[string]func(*load.Options){
		"no ingress":        func(o *load.Options) { o.BaseURL = "nowhere" },
		"no database":       func(o *load.Options) { o.DB = "" },
		"no login":          func(o *load.Options) { o.Login = "" },
		"no password":       func(o *load.Options) { o.Password = secret.Value{} },
		"a rate below zero": func(o *load.Options) { o.InvoicesPerMinute = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			change(&opts)
			if _, err := load.New(opts); fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "" {
				t.Errorf("New() = %v, want a rejection with a hint", err)
			}
		})
	}
}
