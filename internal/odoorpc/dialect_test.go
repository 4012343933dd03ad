package odoorpc

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// A keyed is an Odoo of some version that knows one API key. It answers as the
// recordings do, and remembers what it was asked.
type keyed struct {
	*httptest.Server

	mu      sync.Mutex
	version string // "18.0"; "" hides the version page
	major   int
	down    bool // its database
	asked   []string
	bodies  []map[string]any
	answer  func(path string) (status int, body string)
}

const goodKey = "0123456789abcdef0123456789abcdef01234567"

func newKeyed(t *testing.T, version string, major int) *keyed {
	t.Helper()
	k := &keyed{version: version, major: major}
	k.Server = httptest.NewServer(http.HandlerFunc(k.serve))
	t.Cleanup(k.Close)
	return k
}

func (k *keyed) become(version string, major int, down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version, k.major, k.down = version, major, down
}

// requests returns what was asked since the last time.
func (k *keyed) requests() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := k.asked
	k.asked = nil
	return asked
}

func (k *keyed) serve(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, r.URL.Path)
	k.bodies = append(k.bodies, body)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	switch {
	case r.URL.Path == "/web/webclient/version_info" && k.version != "":
		number, _, _ := strings.Cut(k.version, ".") // 18 or saas~18
		reply(w, `"result":{"server_version":"`+k.version+`","server_version_info":["`+number+`",0,0,"final",0,""]}`)
	case r.URL.Path == jsonRPCPath && k.down:
		reply(w, `"error":{"code":200,"data":{"name":"psycopg2.OperationalError","message":"Connection refused"}}`)
	case r.URL.Path == jsonRPCPath:
		k.serveRPC(w, body)
	case strings.HasPrefix(r.URL.Path, jsonTwoPath) && k.major >= 19 && !k.down:
		k.serveJSON2(w, r)
	case strings.HasPrefix(r.URL.Path, jsonTwoPath) && k.major == 18:
		w.Header().Set("Location", "/web/login?redirect=%2Fjson%2F2")
		w.WriteHeader(http.StatusSeeOther)
	default:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>404 Not Found</title>")
	}
}

func (k *keyed) serveRPC(w http.ResponseWriter, body map[string]any) {
	params := body["params"].(map[string]any)
	args := params["args"].([]any)
	switch {
	case params["method"] == "authenticate" && (args[1] != "probe" || args[2] != goodKey):
		reply(w, `"result":false`)
	case params["method"] == "authenticate":
		reply(w, `"result":8`)
	default:
		_, text := k.answerTo(args[3].(string) + "/" + args[4].(string))
		reply(w, text)
	}
}

func (k *keyed) serveJSON2(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, jsonTwoPath)
	switch {
	case r.Header.Get("Authorization") != "Bearer "+goodKey || r.Header.Get("X-Odoo-Database") != "tenant":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"name":"werkzeug.exceptions.Unauthorized","message":"Invalid apikey","arguments":["Invalid apikey",401],"context":{}}`)
	case path == "res.users/context_get":
		_, _ = io.WriteString(w, `{"lang":"en_US","tz":"UTC","uid":8}`)
	case path == "res.users/read":
		_, _ = io.WriteString(w, `[{"id":8,"login":"probe"}]`)
	default:
		status, text := k.answerTo(path)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func (k *keyed) answerTo(path string) (int, string) {
	if k.answer != nil {
		return k.answer(path)
	}
	if k.major >= 19 {
		return http.StatusOK, "3"
	}
	return http.StatusOK, `"result":3`
}

func (k *keyed) client(t *testing.T, key string) *Client {
	t.Helper()
	c, err := New(Config{URL: k.URL, Database: "tenant", Login: "probe", APIKey: secret.New(key), Timeout: fiveSeconds}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func countUsers(t *testing.T, c *Client) error {
	t.Helper()
	var n int
	err := c.Call(t.Context(), "res.users", "search_count", []any{[]any{}}, nil, &n)
	if err == nil && n != 3 {
		t.Errorf("Call() gave %d, want 3", n)
	}
	return err
}

const (
	versionPage = "/web/webclient/version_info"
	countPath   = jsonTwoPath + "res.users/search_count"
)

var loginOverJSON2 = []string{jsonTwoPath + "res.users/context_get", jsonTwoPath + "res.users/read"}

func TestAnAPIKeyIsUsedAsTheVersionTakesIt(t *testing.T) {
	tests := map[string]struct {
		version string
		major   int
		want    []string // requests of two calls
	}{
		"16":                                     {"16.0", 16, []string{versionPage, jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"18":                                     {"18.0", 18, []string{versionPage, jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"19":                                     {"19.0", 19, slices.Concat([]string{versionPage}, loginOverJSON2, []string{countPath, countPath})},
		"a rolling release after 19":             {"saas~19.2", 19, slices.Concat([]string{versionPage}, loginOverJSON2, []string{countPath, countPath})},
		"a rolling release before 18":            {"saas~17.4", 17, []string{versionPage, jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"a rolling release before 19 without it": {"saas~18.2", 18, []string{versionPage, loginOverJSON2[0], jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"a rolling release before 19 that has it": {"saas~18.4", 19, slices.Concat([]string{versionPage}, loginOverJSON2, []string{countPath, countPath})},
		"17 that hides its version":               {"", 17, []string{versionPage, loginOverJSON2[0], jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"18 that hides its version":               {"", 18, []string{versionPage, loginOverJSON2[0], jsonRPCPath, jsonRPCPath, jsonRPCPath}},
		"19 that hides its version":               {"", 19, slices.Concat([]string{versionPage}, loginOverJSON2, []string{countPath, countPath})},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t, tt.version, tt.major)
			c := k.client(t, goodKey)
			for range 2 {
				if err := countUsers(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, k.requests()); diff != "" {
				t.Error(diff)
			}
			if uid, err := c.UserID(t.Context()); uid != 8 || err != nil {
				t.Errorf("UserID() = %d, %v", uid, err)
			}
		})
	}
}

func TestAnUpgradeIsNoticedByWhatItBreaks(t *testing.T) {
	k := newKeyed(t, "18.0", 18)
	c := k.client(t, goodKey)
	if err := countUsers(t, c); err != nil {
		t.Fatal(err)
	}
	k.become("19.0", 19, false)
	k.answer = func(string) (int, string) {
		return http.StatusNotFound, `"error":{"code":0,"data":{"name":"builtins.AttributeError","message":"The method 'x' does not exist"}}`
	}
	if err := countUsers(t, c); fault.KindOf(err) != fault.Schema {
		t.Fatalf("Call() = %v, want the schema error of another version", err)
	}
	k.answer = nil
	k.requests()
	if err := countUsers(t, c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Concat([]string{versionPage}, loginOverJSON2, []string{countPath}), k.requests()); diff != "" {
		t.Error(diff)
	}

	k.become("18.0", 18, false) // and back, as after a failed upgrade
	if err := countUsers(t, c); err == nil {
		t.Fatal("JSON-2 worked on 18")
	}
	k.requests()
	if err := countUsers(t, c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{versionPage, jsonRPCPath, jsonRPCPath}, k.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestAFailureThatIsNoUpgradeCostsOneQuestion(t *testing.T) {
	k := newKeyed(t, "19.0", 19)
	c := k.client(t, goodKey)
	if err := countUsers(t, c); err != nil {
		t.Fatal(err)
	}
	k.answer = func(string) (int, string) {
		return http.StatusUnprocessableEntity, `{"name":"odoo.exceptions.UserError","message":"No."}`
	}
	if err := countUsers(t, c); fault.KindOf(err) != fault.Rejected {
		t.Fatalf("Call() = %v", err)
	}
	k.answer = nil
	k.become("19.0", 19, true)
	k.requests()
	for range 2 {
		err := countUsers(t, c)
		if fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("Call() = %v, want unavailable while the database is down", err)
		}
	}
	k.become("19.0", 19, false)
	for range 2 {
		if err := countUsers(t, c); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{countPath, versionPage, countPath, versionPage, countPath, countPath}
	if diff := cmp.Diff(want, k.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestAKeyThatIsRefused(t *testing.T) {
	tests := map[string]struct {
		version string
		major   int
		login   string
		key     string
		down    bool
		want    fault.Kind
	}{
		"a wrong key over /jsonrpc":          {"18.0", 18, "probe", "bad", false, fault.Auth},
		"a wrong key over JSON-2":            {"19.0", 19, "probe", "bad", false, fault.Auth},
		"a key of somebody else":             {"19.0", 19, "other", goodKey, false, fault.Auth},
		"a wrong key, version hidden":        {"", 19, "probe", "bad", false, fault.Auth},
		"no database over /jsonrpc":          {"18.0", 18, "probe", goodKey, true, fault.Unavailable},
		"no database over JSON-2":            {"19.0", 19, "probe", goodKey, true, fault.Unavailable},
		"no database and the version hidden": {"", 19, "probe", goodKey, true, fault.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t, tt.version, tt.major)
			k.become(tt.version, tt.major, tt.down)
			c := k.client(t, tt.key)
			c.cfg.Login = tt.login
			_, err := c.UserID(t.Context())
			if got := fault.KindOf(err); got != tt.want {
				t.Errorf("UserID() = %v, kind %s, want %s", err, got, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), goodKey) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

func TestAnOdooThatDoesNotAnswerIsNotGuessedAt(t *testing.T) {
	k := newKeyed(t, "19.0", 19)
	c := k.client(t, goodKey)
	k.Close()
	if err := countUsers(t, c); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("Call() = %v, want unreachable", err)
	}
}

func TestArgumentsAreNamed(t *testing.T) {
	ids := []int64{7}
	values := map[string]any{"ref": "x"}
	tests := map[string]struct {
		method string
		args   []any
		kwargs map[string]any
		want   map[string]any
	}{
		"ids first":              {"read", []any{ids, []string{"name"}}, nil, map[string]any{"ids": ids, "fields": []string{"name"}}},
		"ids alone":              {"action_post", []any{ids}, nil, map[string]any{"ids": ids}},
		"values":                 {"write", []any{ids, values}, nil, map[string]any{"ids": ids, "vals": values}},
		"of the model":           {"create", []any{values}, nil, map[string]any{"vals_list": values}},
		"no arguments":           {"context_get", nil, nil, map[string]any{}},
		"named ones join":        {"search_read", []any{[]any{}}, map[string]any{"limit": 1}, map[string]any{"domain": []any{}, "limit": 1}},
		"an unknown method":      {"action_guess", []any{ids}, nil, nil},
		"too many":               {"search_count", []any{[]any{}, 1, 2}, nil, nil},
		"ids missing":            {"unlink", nil, nil, nil},
		"given twice":            {"search_count", []any{[]any{}}, map[string]any{"domain": []any{}}, nil},
		"ids given twice":        {"read", []any{ids}, map[string]any{"ids": ids}, nil},
		"the names as Odoo says": {"formatted_read_group", []any{[]any{}, []string{"a"}, []string{"b:sum"}}, nil, map[string]any{"domain": []any{}, "groupby": []string{"a"}, "aggregates": []string{"b:sum"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := call{model: "account.move", method: tt.method, args: tt.args, kwargs: tt.kwargs}.named()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if (err != nil) != (tt.want == nil) || err != nil && (fault.KindOf(err) != fault.Internal || Ambiguous(err)) {
				t.Errorf("named() = %v, want an internal error of which nothing was sent when there are no arguments", err)
			}
		})
	}
}

func TestCreatingGivesWhatWasAskedForInEveryDialect(t *testing.T) {
	for name, major := range map[string]int{"over /jsonrpc": 18, "over JSON-2": 19} {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t, name, major)
			k.become(map[int]string{18: "18.0", 19: "19.0"}[major], major, false)
			c := k.client(t, goodKey)
			one := `"result":41`
			if major == 19 {
				one = `[41]`
			}
			k.answer = func(string) (int, string) { return http.StatusOK, one }
			var id int64
			if err := c.Call(t.Context(), "account.move", "create", []any{map[string]any{"ref": "x"}}, nil, &id); err != nil || id != 41 {
				t.Errorf("Call() = %d, %v, want 41", id, err)
			}
			many := `"result":[41,42]`
			if major == 19 {
				many = `[41,42]`
				sent := k.bodies[len(k.bodies)-1]["vals_list"]
				if diff := cmp.Diff([]any{map[string]any{"ref": "x"}}, sent); diff != "" {
					t.Error(diff)
				}
			}
			k.answer = func(string) (int, string) { return http.StatusOK, many }
			var ids []int64
			if err := c.Call(t.Context(), "account.move", "create", []any{[]map[string]any{{"ref": "x"}, {"ref": "y"}}}, nil, &ids); err != nil || len(ids) != 2 {
				t.Errorf("Call() = %v, %v, want two ids", ids, err)
			}
		})
	}
}

func TestJSON2AnswersThatAreNone(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   fault.Kind
	}{
		"a business rule":         {422, `{"name":"odoo.exceptions.UserError","message":"You need to add a line before posting."}`, fault.Rejected},
		"a lock date":             {422, `{"name":"odoo.exceptions.UserError","message":"You cannot add/modify entries prior to and inclusive of: Hard Lock Date (10/31/2026)."}`, fault.Locked},
		"no right":                {403, `{"name":"odoo.exceptions.AccessError","message":"You are not allowed to create 'Journal Entry'"}`, fault.Denied},
		"a missing record":        {404, `{"name":"odoo.exceptions.MissingError","message":"Record does not exist"}`, fault.Rejected},
		"a serialization failure": {500, `{"name":"psycopg2.errors.SerializationFailure","message":"could not serialize access"}`, fault.Conflict},
		"concurrent updates":      {409, `{"name":"odoo.exceptions.ConcurrencyError","message":"x"}`, fault.Conflict},
		"a wrong argument":        {422, `{"name":"werkzeug.exceptions.UnprocessableEntity","message":"missing a required argument: 'domain'"}`, fault.Schema},
		"a firewall":              {403, `<html>Request 123 blocked`, fault.Denied},
		"a gateway":               {502, ``, fault.Unavailable},
		"a page of a proxy":       {200, `<html>Jane`, fault.Schema},
		"somebody else's JSON":    {400, `{"name":"Jane Roe","message":"no"}`, fault.Schema},
		"nothing":                 {200, ``, fault.Schema},
		"another shape":           {200, `{"name":"Jane"}`, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t, "19.0", 19)
			k.answer = func(string) (int, string) { return tt.status, tt.body }
			err := countUsers(t, k.client(t, goodKey))
			if got := fault.KindOf(err); got != tt.want {
				t.Errorf("kind = %s, want %s (%v)", got, tt.want, err)
			}
			shape, ok := Exchange(err)
			if text := err.Error() + shape; !ok || strings.Contains(text, "Jane") || strings.Contains(text, "10/31") || strings.Contains(text, goodKey) {
				t.Errorf("the error says too much or has no exchange: %s", text)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	tests := map[string]struct {
		version string
		major   int
		known   string // answer of fields_get
		keys    string // answer of search_read
		want    string // part of the last note
		expires time.Time
	}{
		"a key that ends":                 {"19.0", 19, `{"expiration_date":{"type":"datetime"}}`, `[{"id":1,"expiration_date":"2099-12-31 00:00:00"}]`, "the API key ends on 2099-12-31", time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC)},
		"one of two keys":                 {"19.0", 19, `{"expiration_date":{"type":"datetime"}}`, `[{"id":1,"expiration_date":"2001-01-01 00:00:00"},{"id":2,"expiration_date":"2098-01-02 00:00:00"}]`, "the first of the user's 2 API keys ends on 2098-01-02", time.Date(2098, 1, 2, 0, 0, 0, 0, time.UTC)},
		"a key that never ends":           {"19.0", 19, `{"expiration_date":{"type":"datetime"}}`, `[{"id":1,"expiration_date":false}]`, "over JSON-2", time.Time{}},
		"a version whose keys do not end": {"17.0", 17, `{}`, ``, "checks the key once by a password hash", time.Time{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newKeyed(t, tt.version, tt.major)
			k.answer = func(path string) (int, string) {
				answer := tt.keys
				if strings.HasSuffix(path, "fields_get") {
					answer = tt.known
				}
				if tt.major < 19 {
					answer = `"result":` + answer
				}
				return http.StatusOK, answer
			}
			notes, err := k.client(t, goodKey).Notes(t.Context())
			if err != nil || len(notes) == 0 {
				t.Fatalf("Notes() = %v, %v", notes, err)
			}
			last := notes[len(notes)-1]
			if !strings.Contains(last.Text, tt.want) || !last.Expires.Equal(tt.expires) {
				t.Errorf("last note = %+v, want %q and %s", last, tt.want, tt.expires)
			}
		})
	}
	f := newFake(t)
	notes, err := client(t, f).Notes(t.Context())
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0].Text, "password hash") {
		t.Errorf("Notes() of a password = %v, %v", notes, err)
	}
}

func TestAKeyMakesNoSession(t *testing.T) {
	c := newKeyed(t, "19.0", 19).client(t, goodKey)
	_, err := c.Get(t.Context(), "print the invoice", invoicePDF, 1<<20)
	if fault.KindOf(err) != fault.Blocked {
		t.Errorf("Get() = %v, want blocked", err)
	}
}
