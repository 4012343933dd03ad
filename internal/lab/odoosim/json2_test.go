package odoosim_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
)

const probeKey = "0123456789abcdef0123456789abcdef01234567"

// JSON-2 as a real Odoo 19 answered, errors to the letter.
func TestJSON2ConformsToRecordings(t *testing.T) {
	r := newRig(t, "odoo19", func(o *odoosim.Options) { o.Version = 19 })
	data, err := os.ReadFile("testdata/19/json2.json")
	if err != nil {
		t.Fatal(err)
	}
	var steps []recorded
	if err := json.Unmarshal(data, &steps); err != nil {
		t.Fatal(err)
	}
	if len(steps) < 12 {
		t.Fatalf("%d recordings, want a dozen", len(steps))
	}
	for _, s := range steps {
		t.Run(s.Step, func(t *testing.T) {
			how := exact
			if s.Response.Status == http.StatusOK {
				how = shaped
			}
			for _, d := range compareAnswer(s, r.in(t).sendJSON2(s), how) {
				t.Error(d)
			}
		})
	}
}

func (r *rig) sendJSON2(s recorded) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), s.Request.Method, r.server.URL()+s.Request.Path, bytes.NewReader(requestBody(r.t, s.Request.Body)))
	if err != nil {
		r.t.Fatal(err)
	}
	if s.Request.ContentType != "" {
		req.Header.Set("Content-Type", s.Request.ContentType)
	}
	switch s.Request.Key {
	case "good":
		req.Header.Set("Authorization", "bearer "+probeKey)
	case "bad":
		req.Header.Set("Authorization", "bearer deadbeef")
	}
	switch s.Request.Database {
	case "own":
		req.Header.Set("X-Odoo-Database", r.db)
	case "other":
		req.Header.Set("X-Odoo-Database", "nosuchdb")
	}
	a, err := r.roundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// An entrance is a way into an Odoo that a test may write to.
type entrance struct {
	odoorpc.Config

	company int64
}

// entrances lists those of the real Odoo that the environment names, else of
// stand-ins of the versions at which something changes.
func entrances(t *testing.T) map[string]entrance {
	t.Helper()
	if url := os.Getenv("CLOSEWATCH_ODOO_URL"); url != "" {
		return realEntrances(t, url)
	}
	all := map[string]entrance{}
	r := newRig(t, "entrances", nil)
	for _, version := range []int{17, 18, 19} {
		name := strconv.Itoa(version)
		server := r.serve(func(o *odoosim.Options) { o.Version = version })
		c := odoorpc.Config{URL: server.URL(), Database: r.db, Login: odoosim.ProbeLogin, Timeout: estate.Duration(30 * time.Second)}
		c.Password = secret.New(probePassword)
		all[name+", password"] = entrance{c, odoosim.SyntheticCompany}
		c.Password, c.APIKey = secret.Value{}, secret.New(probeKey)
		all[name+", API key"] = entrance{c, odoosim.SyntheticCompany}
	}
	return all
}

// realEntrances are those with a password and with an API key, where given.
func realEntrances(t *testing.T, url string) map[string]entrance {
	t.Helper()
	number := func(name string) int64 {
		n, err := strconv.ParseInt(os.Getenv("CLOSEWATCH_ODOO_"+name), 10, 64)
		if err != nil {
			t.Fatalf("CLOSEWATCH_ODOO_%s: %v", name, err)
		}
		return n
	}
	c := odoorpc.Config{URL: url, Database: os.Getenv("CLOSEWATCH_ODOO_DB"), Login: os.Getenv("CLOSEWATCH_ODOO_LOGIN"), Timeout: estate.Duration(30 * time.Second)}
	all := map[string]entrance{}
	for what, variable := range map[string]string{"password": "PASSWORD", "API key": "API_KEY"} {
		given := secret.New(os.Getenv("CLOSEWATCH_ODOO_" + variable))
		if given.IsZero() {
			continue
		}
		e := entrance{Config: c, company: number("COMPANY")}
		e.Password, e.APIKey = given, secret.Value{}
		if what == "API key" {
			e.Password, e.APIKey = secret.Value{}, given
		}
		all["real, "+what] = e
	}
	if len(all) == 0 {
		t.Fatal("set CLOSEWATCH_ODOO_PASSWORD or CLOSEWATCH_ODOO_API_KEY as well")
	}
	return all
}

// Callers cannot tell how the client gets in: with a password or an API key,
// whatever the version, the same calls have the same results.
func TestEveryDialectSaysTheSame(t *testing.T) {
	for name, e := range entrances(t) {
		t.Run(name, func(t *testing.T) {
			c, err := odoorpc.New(e.Config, odoorpc.Options{Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			uid, err := c.UserID(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v := &visit{t: t, c: c, company: e.company}
			v.readOneself(uid, e.Login)
			v.writeAndTakeBack()
			v.beRefused()
			if _, err := c.Notes(t.Context()); err != nil {
				t.Errorf("Notes() = %v", err)
			}
		})
	}
}

// A visit calls as a flow would.
type visit struct {
	t       *testing.T
	c       *odoorpc.Client
	company int64
}

func (v *visit) call(out any, model, method string, args []any, kwargs map[string]any) {
	v.t.Helper()
	if err := v.try(out, model, method, args, kwargs); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visit) try(out any, model, method string, args []any, kwargs map[string]any) error {
	if kwargs == nil {
		kwargs = map[string]any{}
	}
	kwargs["context"] = map[string]any{"allowed_company_ids": []int64{v.company}}
	return v.c.Call(v.t.Context(), model, method, args, kwargs, out)
}

func (v *visit) readOneself(uid int64, login string) {
	v.t.Helper()
	var users []struct{ Login string }
	v.call(&users, "res.users", "read", []any{[]int64{uid}, []string{"login"}}, nil)
	if len(users) != 1 || users[0].Login != login {
		v.t.Errorf("read gave %v, want one user %s", users, login)
	}
	var companies []struct{ ID int64 }
	v.call(&companies, "res.company", "search_read", []any{[]any{[]any{"id", "=", v.company}}}, map[string]any{"fields": []string{"id"}, "limit": 5})
	if len(companies) != 1 || companies[0].ID != v.company {
		v.t.Errorf("search_read gave %v, want the company", companies)
	}
	var billing bool
	v.call(&billing, "res.users", "has_group", v.groupArgs(uid), nil)
	if !billing {
		v.t.Error("has_group denies billing")
	}
	var fields map[string]any
	v.call(&fields, "account.move", "fields_get", []any{[]string{"state", "nosuchfield"}, []string{"type"}}, nil)
	if len(fields) != 1 {
		v.t.Errorf("fields_get gave %v, want the one that exists", fields)
	}
}

// groupArgs are has_group's: of the model up to 17, of the user from 18 on.
func (v *visit) groupArgs(uid int64) []any {
	v.t.Helper()
	version, err := v.c.Version(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	if version.Major < 18 {
		return []any{"account.group_account_invoice"}
	}
	return []any{[]int64{uid}, "account.group_account_invoice"}
}

func (v *visit) writeAndTakeBack() {
	v.t.Helper()
	var journals []int64
	v.call(&journals, "account.journal", "search", []any{[]any{[]any{"type", "=", "sale"}, []any{"company_id", "=", v.company}}}, map[string]any{"limit": 1})
	if len(journals) != 1 {
		v.t.Fatal("the company has no sale journal")
	}
	var id int64
	v.call(&id, "account.move", "create", []any{map[string]any{
		"move_type": "out_invoice", "journal_id": journals[0], "ref": "closewatch dialect test",
		"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "synthetic", "quantity": 1, "price_unit": 1.0, "tax_ids": []any{[]any{6, 0, []any{}}}}}},
	}}, nil)
	mine := []any{[]any{"id", "=", id}}
	var changed bool
	v.call(&changed, "account.move", "write", []any{[]int64{id}, map[string]any{"ref": "closewatch dialect test 2"}}, nil)
	var moves []struct{ Ref, State string }
	v.call(&moves, "account.move", "search_read", []any{mine, []string{"ref", "state"}}, nil)
	if !changed || len(moves) != 1 || moves[0].Ref != "closewatch dialect test 2" || moves[0].State != "draft" {
		v.t.Errorf("write gave %t, then %v", changed, moves)
	}
	var left int
	v.call(&changed, "account.move", "unlink", []any{[]int64{id}}, nil)
	v.call(&left, "account.move", "search_count", []any{mine}, nil)
	if !changed || left != 0 {
		v.t.Errorf("unlink gave %t and left %d", changed, left)
	}
}

func (v *visit) beRefused() {
	v.t.Helper()
	refusals := map[string]struct {
		model, method string
		args          []any
		want          fault.Kind
	}{
		"a model that does not exist": {"nope.nope", "search_count", []any{[]any{}}, fault.Schema},
		"a field that does not exist": {"account.move", "search_read", []any{[]any{}, []string{"nosuchfield"}}, fault.Schema},
		"scheduled actions":           {"ir.cron", "search_count", []any{[]any{}}, fault.Denied},
	}
	for name, tt := range refusals {
		err := v.try(nil, tt.model, tt.method, tt.args, nil)
		if got := fault.KindOf(err); got != tt.want {
			v.t.Errorf("%s: %v, kind %s, want %s", name, err, got, tt.want)
		}
		if _, ok := odoorpc.Exchange(err); !ok {
			v.t.Errorf("%s: no exchange kept", name)
		}
	}
}
