package odoosim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

func TestInitDatabaseAsksForPasswords(t *testing.T) {
	err := odoosim.InitDatabase(t.Context(), servers.postgres.DSN("postgres", "unused"), odoosim.Seed{})
	if fault.KindOf(err) != fault.Rejected {
		t.Errorf("InitDatabase() without passwords = %v, want a rejection", err)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	for name, opts := range map[string]odoosim.Options{
		"no connection string":   {DSN: "postgres://%zz"},
		"a version that is none": {DSN: "postgres://localhost/x", Version: 12},
		"a bad Redis address":    {DSN: "postgres://localhost/x", RedisURL: "ftp://x"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := odoosim.New(opts); fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "" {
				t.Errorf("New() = %v, want a rejection with a hint", err)
			}
		})
	}
}

func TestVersionShowsInErrors(t *testing.T) {
	for version, want := range map[int]int{16: 200, 19: 0} {
		r := newRig(t, fmt.Sprintf("version%d", version), func(o *odoosim.Options) { o.Version = version })
		a, err := r.send(t.Context(), http.MethodPost, "/jsonrpc", "application/json", "", []byte(`{"id":1,"params":{"service":"nope","method":"x","args":[]}}`))
		if err != nil {
			t.Fatal(err)
		}
		var got reply
		if err := json.Unmarshal(a.raw, &got); err != nil || got.Error == nil || got.Error.Code != want {
			t.Errorf("Odoo %d answers %s, want error code %d", version, a.raw, want)
		}
	}
}

// The role made by GrantSQL sees what it must and can change nothing.
func TestGrantSQL(t *testing.T) {
	r := newRig(t, "grants", nil)
	r.sql(odoosim.GrantSQL("watcher"))
	r.sql(odoosim.GrantSQL("watcher")) // it may be run again
	r.dsn = servers.postgres.DSN("watcher", r.db)
	conn := r.conn()
	for sql, allowed := range map[string]bool{
		"SELECT count(*) FROM account_move":                         true,
		"SELECT count(*) FROM queue_job WHERE state = 'pending'":    true,
		"SELECT count(query) FROM pg_stat_activity":                 true,
		"SELECT identity, neutralized FROM closewatch_copy_marks()": true,
		"SELECT value FROM ir_config_parameter":                     false,
		"SELECT name, amount_total FROM account_move":               false,
		"SELECT count(*) FROM res_partner":                          false,
		"SELECT password FROM res_users":                            false,
		"UPDATE ir_cron SET active = false":                         false,
		"CREATE TABLE mine (id int)":                                false,
	} {
		if _, err := conn.Exec(t.Context(), sql); (err == nil) != allowed {
			t.Errorf("%s: %v, want it allowed: %v", sql, err, allowed)
		}
	}
}

func TestPagesAndReports(t *testing.T) {
	r := newRig(t, "pages", nil)
	u := r.login(odoosim.LoadLogin, loadPassword, odoosim.MainCompany)
	id := u.newInvoice(odoosim.MainSaleJournal, odoosim.FirstCustomer, 9)
	u.post(id)
	for name, tt := range map[string]struct {
		path, cookie string
		status       int
		contains     string
	}{
		"root":                          {"/", "", http.StatusSeeOther, "/odoo"},
		"backend without a session":     {"/odoo", "", http.StatusSeeOther, "/web/login"},
		"backend with a session":        {"/odoo", u.cookie, http.StatusOK, "o_web_client"},
		"report without a session":      {fmt.Sprintf("/report/pdf/account.report_invoice/%d", id), "", http.StatusSeeOther, "/web/login"},
		"report":                        {fmt.Sprintf("/report/pdf/account.report_invoice/%d", id), u.cookie, http.StatusOK, "%PDF-1.4"},
		"report of nothing":             {"/report/pdf/account.report_invoice/x", u.cookie, http.StatusNotFound, "Not Found"},
		"report of a missing document":  {"/report/pdf/account.report_invoice/99999", u.cookie, http.StatusInternalServerError, "could not be generated"},
		"button that returns no action": {"", u.cookie, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.path == "" {
				a, err := r.send(t.Context(), http.MethodPost, "/web/dataset/call_button/account.move/button_draft", "application/json", tt.cookie,
					fmt.Appendf(nil, `{"id":7,"params":{"model":"account.move","method":"button_draft","args":[[%d]],"kwargs":{}}}`, id))
				if err != nil || string(a.raw) != `{"jsonrpc": "2.0", "id": 7, "result": false}` {
					t.Errorf("call_button answered %s, %v", a.raw, err)
				}
				return
			}
			a, err := r.send(t.Context(), http.MethodGet, tt.path, "", tt.cookie, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != tt.status || !strings.Contains(string(a.raw), tt.contains) {
				t.Errorf("GET %s = %d %.80s, want %d with %q", tt.path, a.status, a.raw, tt.status, tt.contains)
			}
		})
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	r := newRig(t, "logout", func(o *odoosim.Options) { o.RedisURL = servers.redis.URL() })
	u := r.login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	if _, err := r.send(t.Context(), http.MethodGet, "/web/session/logout", "", u.cookie, nil); err != nil {
		t.Fatal(err)
	}
	if name, _ := u.refused("account.move", "search_count", []any{[]any{}}, nil); name != "odoo.http.SessionExpiredException" {
		t.Errorf("after logout: %s, want a session that expired", name)
	}
}

// Requests beyond the number of workers wait, health checks included, and a
// worker that takes too long is killed: no answer at all.
func TestBusyWorkers(t *testing.T) {
	r := newRig(t, "busy", func(o *odoosim.Options) {
		o.Workers = 2
		o.LimitTimeReal = 2 * time.Second
	})
	u := r.login(odoosim.LoadLogin, loadPassword, odoosim.MainCompany)
	conn := r.conn()
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE res_partner IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	failures := make([]error, 2)
	var blocked sync.WaitGroup
	for i := range failures {
		blocked.Go(func() {
			_, failures[i] = u.try(t.Context(), "res.partner", "search_count", []any{[]any{}}, nil)
		})
	}
	waiting := "SELECT count(*) FROM pg_stat_activity WHERE datname = 'busy' AND wait_event_type = 'Lock' AND application_name LIKE 'odoo-%'"
	eventually(t, "blocking both workers", func() bool { return r.value(waiting) == "2" })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.send(ctx, http.MethodGet, "/web/health", "", "", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("/web/health with all workers busy = %v, want a timeout", err)
	}
	blocked.Wait()
	for _, err := range failures {
		if !errors.Is(err, io.EOF) {
			t.Errorf("the blocked request ended with %v, want a closed connection", err)
		}
	}
	if took := time.Since(started); took < 1500*time.Millisecond {
		t.Errorf("the workers were killed after %v, want about 2 s", took)
	}
	if a, err := r.send(t.Context(), http.MethodGet, "/web/health", "", "", nil); err != nil || a.status != http.StatusOK {
		t.Errorf("/web/health afterwards = %d, %v", a.status, err)
	}
}

// A client that gives up does not stop its transaction.
func TestAbandonedRequestCommits(t *testing.T) {
	r := newRig(t, "abandoned", func(o *odoosim.Options) { o.PostingCost = 300 * time.Millisecond })
	u := r.login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	id := u.newInvoice(odoosim.SyntheticSaleJournal, odoosim.SyntheticPartner, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := u.try(ctx, "account.move", "action_post", []any{[]int64{id}}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the post ended with %v before the client gave up", err)
	}
	eventually(t, "posting", func() bool { return u.read(id).State == "posted" })
}

// A stalled session store stalls what has a session, and only that.
func TestStalledRedis(t *testing.T) {
	r := newRig(t, "stalled", func(o *odoosim.Options) { o.RedisURL = servers.redis.URL() })
	u := r.login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	if err := servers.redis.Pause(); err != nil {
		t.Fatal(err)
	}
	resumed := false
	resume := func() {
		if !resumed {
			resumed = true
			if err := servers.redis.Resume(); err != nil {
				t.Error(err)
			}
		}
	}
	defer resume()
	stateless := fmt.Sprintf(`{"id":1,"params":{"service":"object","method":"execute_kw","args":["stalled",%d,"%s","account.move","search_count",[[]],{}]}}`, odoosim.ProbeUID, probePassword)
	for range 8 { // more than there are workers
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := u.try(ctx, "account.move", "search_count", []any{[]any{}}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a web request = %v, want a timeout", err)
		}
		cancel()
	}
	a, err := r.send(t.Context(), http.MethodPost, "/jsonrpc", "application/json", "", []byte(stateless))
	if err != nil || !strings.Contains(string(a.raw), `"result": 0`) {
		t.Errorf("/jsonrpc answered %s, %v; want it to work", a.raw, err)
	}
	resume()
	eventually(t, "the session working again", func() bool {
		got, err := u.try(t.Context(), "account.move", "search_count", []any{[]any{}}, nil)
		return err == nil && got.Error == nil
	})
}

// What PostgreSQL refuses five times is told to the client as Odoo tells it.
func TestSerializationFailureSurfaces(t *testing.T) {
	r := newRig(t, "conflict", func(o *odoosim.Options) { o.RetryWait = time.Millisecond })
	r.sql(`
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON account_move FOR EACH ROW EXECUTE FUNCTION refuse()`)
	u := r.login(odoosim.ProbeLogin, probePassword, odoosim.SyntheticCompany)
	before := r.value("SELECT last_value FROM account_move_id_seq")
	name, message := u.refused("account.move", "create", []any{map[string]any{"move_type": "out_invoice", "journal_id": odoosim.SyntheticSaleJournal}}, nil)
	if name != "psycopg2.errors.SerializationFailure" || message != "could not serialize access due to concurrent update\n" {
		t.Errorf("create raised %s %q", name, message)
	}
	if after := r.value("SELECT last_value FROM account_move_id_seq"); before != "1" || after != "5" {
		t.Errorf("identifiers went from %s to %s, want five tries", before, after)
	}
}
