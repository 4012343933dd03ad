package odoorpc

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/secret"
)

func TestAFailedCallKeepsTheShapeOfItsExchange(t *testing.T) {
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
		reply(w, `"error":{"code":200,"message":"Odoo Server Error","data":{"name":"odoo.exceptions.UserError","debug":"Traceback","message":"Jane Roe owes 12.50","arguments":["Jane Roe owes 12.50"],"context":{}}}`)
	}
	values := map[string]any{
		"ref": "cw-1", "partner_id": 43,
		"invoice_line_ids": []any{[]any{0, 0, map[string]any{"name": "synthetic", "price_unit": 12.5}}},
	}
	err := client(t, f).Call(t.Context(), "account.move", "create", []any{values}, map[string]any{"context": map[string]any{"allowed_company_ids": []int64{2}}}, nil)
	shape, ok := Exchange(err)
	want := "POST /web/dataset/call_kw/account.move/create {id: int, jsonrpc: 2.0, method: call, params: {args: [{invoice_line_ids: [[int, int, {name: str(9), price_unit: float}]], partner_id: int, ref: str(4)}], kwargs: {context: {allowed_company_ids: [int], lang: en_US}}, method: create, model: account.move}}\n" +
		"200 {error: {code: 200, data: {arguments: [str(19)], context: {}, debug: str(9), message: str(19), name: odoo.exceptions.UserError}, message: str(17)}, id: int, jsonrpc: 2.0}"
	if diff := cmp.Diff(want, shape); diff != "" || !ok {
		t.Error(diff)
	}
}

func TestExchangesOfOtherFailures(t *testing.T) {
	if _, ok := Exchange(nil); ok {
		t.Error("no failure has an exchange")
	}
	f := newFake(t)
	f.call = func(w http.ResponseWriter, _ *http.Request, _ string, _ map[string]any) {
		reply(w, `"result":[{"id":7,"state":"posted","amount_total":12.5,"x_jane":"Jane"},{"id":8,"state":"draft","amount_total":1.5,"x_jane":false}]`)
	}
	c := client(t, f)
	var n int
	err := c.Call(t.Context(), "account.move", "read", []any{[]int64{7, 8, 9}, []string{"state", "amount_total"}}, nil, &n)
	shape, _ := Exchange(err)
	want := "POST /web/dataset/call_kw/account.move/read {id: int, jsonrpc: 2.0, method: call, params: {args: [[3 of int], [state, amount_total]], kwargs: {context: {lang: en_US}}, method: read, model: account.move}}\n" +
		"200 {id: int, jsonrpc: 2.0, result: [{amount_total: float, id: int, state: str(6), 1 more}, {amount_total: float, id: int, state: str(5), 1 more}]}"
	if diff := cmp.Diff(want, shape); diff != "" {
		t.Error(diff)
	}

	f.Close()
	err = c.Call(t.Context(), "res.users", "read", []any{[]int64{7}}, nil, nil)
	if shape, ok := Exchange(err); !ok || !strings.HasSuffix(shape, "\nno answer") {
		t.Errorf("Exchange() = %q, %t of a call without an answer", shape, ok)
	}

	c, err = New(Config{URL: "http://127.0.0.1:9", Database: "tenantdb", Login: "jane", Password: secret.New("hunter2"), Timeout: fiveSeconds}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.UserID(t.Context())
	shape, _ = Exchange(err)
	if diff := cmp.Diff("POST /web/session/authenticate {id: int, jsonrpc: 2.0, method: call, params: {db: str, login: str, password: str}}\nno answer", shape); diff != "" {
		t.Error(diff)
	}
}

// Whatever stands in an exchange, no value of it is in the shape: no name, no
// amount, no document number, no key, and no key of an object that was not
// asked for.
func TestNoValueIsInAShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seeded []string
		private := rapid.Custom(func(t *rapid.T) string {
			s := rapid.OneOf(
				rapid.StringMatching(`[A-Z][a-z]{3,8} [A-Z][a-z]{3,8}`),            // a name
				rapid.StringMatching(`INV/20[0-9]{2}/[0-9]{5}`),                    // a document
				rapid.StringMatching(`[a-f0-9]{40}`),                               // a key
				rapid.StringMatching(`[qxz]{3}[a-z]{5,12}`),                        // a login
				rapid.StringMatching(`odoo\.exceptions\.[A-Z][a-z]{4,8} [a-z]{4}`), // nearly a class
			).Draw(t, "private")
			seeded = append(seeded, s)
			return s
		})
		amount := rapid.Custom(func(t *rapid.T) json.Number {
			n := rapid.StringMatching(`[1-9][0-9]{6,9}(\.[0-9]{2})?`).Draw(t, "amount")
			seeded = append(seeded, n)
			return json.Number(n)
		})
		value := document(private, amount)
		sent, got := value.Draw(t, "sent"), value.Draw(t, "got")
		body, err := json.Marshal(map[string]any{"params": sent, private.Draw(t, "key"): 1})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := json.Marshal(map[string]any{"error": got, "result": got, "id": got})
		if err != nil {
			t.Fatal(err)
		}
		x := exchange{
			message: message{path: "/report/pdf/" + private.Draw(t, "path") + "?x=" + private.Draw(t, "query"), sent: body, call: call{
				model: "account.move", method: "search_read",
				args: []any{[]any{[]any{"ref", "=", private.Draw(t, "term")}}, []string{"state"}},
			}},
			page: page{status: http.StatusOK, body: answer},
		}
		shape := x.String()
		for _, s := range seeded {
			if strings.Contains(shape, s) {
				t.Fatalf("the shape repeats %q: %s", s, shape)
			}
		}
		if len(shape) > 2*maxShape+400 || !utf8.ValidString(shape) {
			t.Fatalf("%d bytes: %s", len(shape), shape)
		}
	})
}

// document draws JSON with private strings and amounts in it.
func document(private *rapid.Generator[string], amount *rapid.Generator[json.Number]) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Map(private, func(s string) any { return s }), rapid.Map(amount, func(n json.Number) any { return n }))
	deeper := leaf
	for range 3 {
		inner := deeper
		deeper = rapid.OneOf(inner,
			rapid.Map(rapid.SliceOfN(inner, 0, 9), func(list []any) any { return list }),
			rapid.Map(rapid.MapOfN(rapid.OneOf(rapid.SampledFrom([]string{"name", "code", "ref", "state", "password", "data", "message"}), private), inner, 0, 5), func(m map[string]any) any { return m }),
		)
	}
	return deeper
}

func TestAShapeIsBounded(t *testing.T) {
	long := `{"result":[` + strings.Repeat(`{"state":"a","ref":1,"name":[1,"b"]},{"state":false},`, 20000) + `1]}`
	deep := strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000)
	for name, body := range map[string]string{
		"long": long, "deep": deep, "wide": `{` + strings.Repeat(`"state":{"ref":`, 300) + `1` + strings.Repeat(`}`, 300) + `}`,
		"a page": "<html>Jane", "half": `{"result":`, "two": `{}{}`, "nothing": " ",
	} {
		t.Run(name, func(t *testing.T) {
			shape := bodyShape([]byte(body), answered(set("state ref name")))
			if len(shape) > maxShape || shape == "" || strings.Contains(shape, "Jane") {
				t.Errorf("%d bytes: %s", len(shape), shape)
			}
		})
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"error":{"code":200,"data":{"name":"odoo.exceptions.UserError"}}}`))
	f.Add([]byte(`[[],{"a":[1,2.5,null,true]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		shape := bodyShape(body, answered(nil))
		if len(shape) > maxShape || !utf8.ValidString(shape) {
			t.Fatalf("%d bytes: %q", len(shape), shape)
		}
	})
}
