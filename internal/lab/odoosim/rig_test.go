package odoosim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

const (
	adminPassword = "admin"
	loadPassword  = "load"
	probePassword = "probe"
)

// A rig is a running stand-in on a database of its own, and clients of it.
type rig struct {
	t      *testing.T
	server *odoosim.Server
	db     string
	dsn    string
}

func newRig(t *testing.T, db string, change func(*odoosim.Options)) *rig {
	t.Helper()
	if err := servers.postgres.Exec(t.Context(), "postgres", "postgres", "DROP DATABASE IF EXISTS "+db); err != nil { // of an earlier round
		t.Fatal(err)
	}
	dsn := servers.postgres.DSN("postgres", db)
	if err := odoosim.InitDatabase(t.Context(), dsn, odoosim.Seed{AdminPassword: adminPassword, LoadPassword: loadPassword, ProbePassword: probePassword, ProbeKey: probeKey}); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, dsn: dsn}
	r.server = r.serve(change)
	return r
}

// serve starts a stand-in on the rig's database.
func (r *rig) serve(change func(*odoosim.Options)) *odoosim.Server {
	t := r.t
	t.Helper()
	opts := odoosim.Options{DSN: r.dsn, JobTick: 20 * time.Millisecond, JobCost: time.Millisecond, CronTick: 20 * time.Millisecond}
	if change != nil {
		change(&opts)
	}
	server, err := odoosim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("Stop() = %v", err)
		}
	})
	return server
}

// in is the rig for a subtest.
func (r *rig) in(t *testing.T) *rig {
	inner := *r
	inner.t = t
	return &inner
}

// sql runs statements directly on the tables.
func (r *rig) sql(statements string) {
	r.t.Helper()
	if err := servers.postgres.Exec(r.t.Context(), "postgres", r.db, statements); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) value(query string) string {
	r.t.Helper()
	v, err := servers.postgres.Value(r.t.Context(), "postgres", r.db, query)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rig) conn() *pgx.Conn {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.dsn)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			r.t.Error(err)
		}
	})
	return conn
}

// An answer is an HTTP response, read.
type answer struct {
	status int
	header http.Header
	raw    []byte
}

// A client keeps no cookies of its own: a test says which session it uses.
func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (r *rig) send(ctx context.Context, method, path, contentType, cookie string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.server.URL()+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "session_id", Value: cookie})
	}
	return r.roundTrip(req)
}

func (*rig) roundTrip(req *http.Request) (answer, error) {
	resp, err := client().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, raw}, err
}

// A reply is a JSON-RPC response.
type reply struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code int `json:"code"`
		Data struct {
			Name    string `json:"name"`
			Message string `json:"message"`
		} `json:"data"`
	} `json:"error"`
}

// A session is a logged-in web user.
type user struct {
	*rig
	cookie  string
	company int
}

func (r *rig) login(name, password string, company int) *user {
	r.t.Helper()
	a, err := r.send(r.t.Context(), http.MethodPost, "/web/session/authenticate", "application/json", "",
		[]byte(`{"jsonrpc":"2.0","method":"call","params":{"db":"`+r.db+`","login":"`+name+`","password":"`+password+`"},"id":1}`))
	if err != nil {
		r.t.Fatal(err)
	}
	cookie := sessionOf(a)
	if cookie == "" {
		r.t.Fatalf("no session for %s: %s", name, a.raw)
	}
	return &user{r, cookie, company}
}

func sessionOf(a answer) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "session_id" {
			return c.Value
		}
	}
	return ""
}

// try calls a method and returns the reply, whatever it is.
func (u *user) try(ctx context.Context, model, method string, args []any, kwargs map[string]any) (reply, error) {
	if kwargs == nil {
		kwargs = map[string]any{}
	}
	rpcContext, _ := kwargs["context"].(map[string]any)
	if rpcContext == nil {
		rpcContext = map[string]any{}
	}
	rpcContext["allowed_company_ids"] = []int{u.company}
	kwargs["context"] = rpcContext
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": "call", "id": 1, "params": map[string]any{
		"model": model, "method": method, "args": args, "kwargs": kwargs,
	}})
	if err != nil {
		return reply{}, err
	}
	a, err := u.send(ctx, http.MethodPost, "/web/dataset/call_kw/"+model+"/"+method, "application/json", u.cookie, body)
	if err != nil {
		return reply{}, err
	}
	var r reply
	return r, json.Unmarshal(a.raw, &r)
}

// call is try for what must work; into takes the result.
func (u *user) call(into any, model, method string, args []any, kwargs map[string]any) {
	u.t.Helper()
	r, err := u.try(u.t.Context(), model, method, args, kwargs)
	if err != nil {
		u.t.Fatalf("%s.%s: %v", model, method, err)
	}
	if r.Error != nil {
		u.t.Fatalf("%s.%s: %s: %s", model, method, r.Error.Data.Name, r.Error.Data.Message)
	}
	if into != nil {
		if err := json.Unmarshal(r.Result, into); err != nil {
			u.t.Fatalf("%s.%s answered %s: %v", model, method, r.Result, err)
		}
	}
}

// refused calls what must fail and returns the exception's name and message.
func (u *user) refused(model, method string, args []any, kwargs map[string]any) (string, string) {
	u.t.Helper()
	r, err := u.try(u.t.Context(), model, method, args, kwargs)
	if err != nil {
		u.t.Fatalf("%s.%s: %v", model, method, err)
	}
	if r.Error == nil {
		u.t.Fatalf("%s.%s answered %s, want an error", model, method, r.Result)
	}
	return r.Error.Data.Name, r.Error.Data.Message
}

// eventually waits for a condition of the tables or of the server.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
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
