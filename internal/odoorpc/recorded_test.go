package odoorpc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// A recorded is one answer of a real Odoo which was not a good one.
type recorded struct {
	Version int               `json:"version"`
	Step    string            `json:"step"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// Bodies of requests that had no answer.
const (
	silence = "silence" // the recording gave up waiting
	closed  = "closed"  // the connection was closed
)

// kinds says what every recorded refusal is, whatever the version. Faults of
// XML-RPC are no answers to us, whatever they say: some of those calls were
// carried out (xmlrpc_none_result).
var kinds = map[string]fault.Kind{
	"access_ir_cron":                      fault.Denied,
	"access_write_journal":                fault.Denied,
	"allowed_company_not_mine":            fault.Denied,
	"apikey_as_password_web_authenticate": fault.Auth,
	"apikey_bearer_on_call_kw":            fault.Auth,
	"apikey_wizard_create":                fault.Schema,
	"bad_args":                            fault.Schema,
	"bad_domain":                          fault.Schema,
	"bad_field":                           fault.Schema,
	"bad_selection":                       fault.Schema,
	"blocked_write_0":                     fault.Unreachable,
	"blocked_write_1":                     fault.Unreachable,
	"button_cancel_locked":                fault.Locked,
	"button_draft_locked":                 fault.Locked,
	"c1_stline_create":                    fault.Denied,
	"call_kw_no_session":                  fault.Auth,
	"cleanup_draft":                       fault.Rejected,
	"cross_company_read_id":               fault.Denied,
	"d19_middle_unlink":                   fault.Rejected,
	"d33_reconcile_invoice_refund":        fault.Rejected,
	"decrease_hard_lock":                  fault.Locked,
	"doc":                                 fault.Auth,
	"down_authenticate":                   fault.Unavailable,
	"down_call_kw":                        fault.Unavailable,
	"down_execute_kw":                     fault.Unavailable,
	"down_health_db":                      fault.Unavailable,
	"down_json2":                          fault.Unavailable,
	"down_login_page":                     fault.Unavailable,
	"execute_kw_badpw":                    fault.Auth,
	"fk_missing":                          fault.Rejected,
	"hash_button_cancel":                  fault.Locked,
	"hash_button_draft":                   fault.Locked,
	"hash_button_draft2":                  fault.Locked,
	"hash_button_hash":                    fault.Locked,
	"hash_journal_disable":                fault.Locked,
	"hash_unlink":                         fault.Locked,
	"health_while_all_workers_blocked_5s_timeout": fault.Timeout,
	"json2_GET":                  fault.Schema,
	"json2_bad_arg":              fault.Schema,
	"json2_bad_db":               fault.Unavailable,
	"json2_badkey":               fault.Auth,
	"json2_invalid_json":         fault.Schema,
	"json2_nokey":                fault.Auth,
	"json2_private_method":       fault.Schema,
	"json2_unknown_method":       fault.Schema,
	"json2_unknown_model":        fault.Schema,
	"json2_wrong_ctype":          fault.Schema,
	"jsonrpc_authenticate_baddb": fault.Unavailable,
	"jsonrpc_authenticate_badpw": fault.Auth,
	"jsonrpc_bad_service":        fault.Schema,
	"malformed_json":             fault.Schema,
	"post_without_lines":         fault.Rejected,
	"private_method":             fault.Schema,
	"rec":                        fault.Rejected,
	"remove_hard_lock":           fault.Locked,
	"set_lock_today":             fault.Locked,
	"unknown_method":             fault.Schema,
	"unknown_model":              fault.Schema,
	"unknown_route":              fault.Schema,
	"unlink_locked":              fault.Locked,
	"validation_unbalanced":      fault.Rejected,
	"version_info_GET":           fault.Schema,
	"web_authenticate_baddb":     fault.Unavailable,
	"web_authenticate_badpw":     fault.Auth,
	"wrong_content_type":         fault.Schema,
	"xmlrpc1_validation_error":   fault.Schema,
	"xmlrpc_button_draft_none":   fault.Schema,
	"xmlrpc_execute_kw_badpw":    fault.Schema,
	"xmlrpc_none_result":         fault.Schema,
	"xmlrpc_unknown_model":       fault.Schema,
	"xmlrpc_validation_error":    fault.Schema,
}

// unpublishable is what stood in the recordings and must not come out.
var unpublishable = []string{"Jane", "Roe", "100", "50.00", "MISC", "SLO", "2026", "10/31", "127.0.0.1", "nosuchdb", "Receivable", "Traceback", "Rebranded", "slo"}

// The recordings are those of testdata, and all transcripts in the folder which
// the environment names, if any.
func TestEveryRecordedRefusalHasItsKindAndSaysNothingPrivate(t *testing.T) {
	all := append(readRecorded(t), readTranscripts(t, os.Getenv("CLOSEWATCH_ODOO_TRANSCRIPTS"))...)
	seen := map[string]bool{}
	for _, r := range all {
		t.Run(fmt.Sprintf("%d_%s", r.Version, r.Step), func(t *testing.T) {
			seen[r.Step] = true
			want, ok := kindRecorded(r)
			if !ok {
				t.Fatalf("the step %q has no expected kind", r.Step)
			}
			err := replay(t, r)
			if got := fault.KindOf(err); got != want {
				t.Errorf("kind = %s, want %s (%v)", got, want, err)
			}
			if strings.HasSuffix(r.Step, "_none_result") && !Ambiguous(err) {
				t.Error("the call was carried out, yet the failure says that it was not")
			}
			shape, ok := Exchange(err)
			if !ok || len(shape) > 2*maxShape+200 {
				t.Errorf("the exchange is missing or %d bytes long", len(shape))
			}
			text := err.Error()
			if len(text) > 600 {
				t.Errorf("the error is %d bytes long", len(text))
			}
			for _, s := range unpublishable {
				if strings.Contains(text+withoutSizes(shape), s) {
					t.Errorf("the error repeats %q: %s\n%s", s, text, shape)
				}
			}
		})
	}
	for step := range kinds {
		if !seen[step] {
			t.Errorf("no recording of %q in testdata", step)
		}
	}
	if len(all) < 220 {
		t.Errorf("testdata has %d recordings, want those of four versions", len(all))
	}
}

// kindRecorded is the kind of a recorded refusal.
func kindRecorded(r recorded) (fault.Kind, bool) {
	if r.Version == 17 && r.Step == "hash_unlink" {
		return fault.Rejected, true // 17 refuses to delete any posted item before it looks at hashes
	}
	kind, ok := kinds[r.Step]
	return kind, ok
}

// withoutSizes takes the numbers out of a shape which the recording knows too.
func withoutSizes(shape string) string { return sizes.ReplaceAllString(shape, "") }

var sizes = regexp.MustCompile(`\(\d+\)|\d+ (more|of|bytes)|of \d+|code: \d+|^\d+ |\n\d+ `)

// replay lets a client meet the recorded answer on the recorded path, in the
// dialect that speaks there.
func replay(t *testing.T, r recorded) error {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(r.serve))
	defer srv.Close()
	cfg := Config{URL: srv.URL, Database: "tenant", Login: "probe", Password: secret.New("x"), Timeout: fiveSeconds}
	var text string
	if _ = json.Unmarshal(r.Body, &text); text == silence {
		cfg.Timeout = estate.Duration(50 * time.Millisecond)
	}
	path, _, _ := strings.Cut(r.Path, "?")
	op := "call " + r.Step
	if path == jsonRPCPath && strings.Contains(r.Step, "authenticate") {
		cfg.Password, cfg.APIKey = secret.Value{}, secret.New("k")
	}
	c, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	switch {
	case path == healthPage:
		_, err = c.Health(t.Context())
	case strings.HasPrefix(path, jsonTwoPath):
		err = c.callJSON2(t.Context(), op, call{model: "res.partner", method: "search_count", args: []any{[]any{}}}, nil)
	case path == jsonRPCPath && cfg.Password.IsZero():
		_, err = c.authenticateJSONRPC(t.Context())
	default:
		_, err = c.rpc(t.Context(), message{op: op, path: path, cookie: "cookie", body: map[string]any{}})
	}
	if err == nil {
		t.Fatal("the client took a recorded refusal for a good answer")
	}
	return err
}

// serve answers as recorded.
func (r recorded) serve(w http.ResponseWriter, req *http.Request) {
	body := []byte(r.Body)
	var text string
	if json.Unmarshal(body, &text) == nil {
		body = []byte(text)
	}
	switch text {
	case silence:
		<-req.Context().Done()
		return
	case closed:
		panic(http.ErrAbortHandler)
	}
	for k, v := range r.Headers {
		w.Header().Set(k, v)
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(body)
}

func readRecorded(t *testing.T) []recorded {
	t.Helper()
	b, err := os.ReadFile("testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// readTranscripts reads the refusals of every transcript in dir, none of "".
func readTranscripts(t *testing.T, dir string) []recorded {
	t.Helper()
	if dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "[0-9][0-9]_*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in %s: %v", dir, err)
	}
	var refusals []recorded
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var steps []transcript
		if json.Unmarshal(data, &steps) != nil {
			continue // a summary
		}
		var version int
		if _, err := fmt.Sscanf(filepath.Base(file), "%d_", &version); err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if s.refused() {
				refusals = append(refusals, s.recorded(version))
			}
		}
	}
	return refusals
}

// A transcript is one request to a real Odoo and what it answered.
type transcript struct {
	Step    string
	Request struct {
		Method, URL string
		Body        json.RawMessage
	}
	Response struct {
		Status  *int
		Headers map[string]string
		Body    json.RawMessage
	}
}

// refused reports whether the answer is not a good one: none at all, another
// status, an error object, a fault, or false to a login.
func (s transcript) refused() bool {
	var answer struct {
		Result json.RawMessage
		Error  json.RawMessage
	}
	_ = json.Unmarshal(s.Response.Body, &answer)
	login := strings.Contains(string(s.Request.Body), `"authenticate"`) || strings.Contains(string(s.Request.Body), `"login"`)
	return s.Response.Status == nil || *s.Response.Status != http.StatusOK || answer.Error != nil ||
		strings.Contains(string(s.Response.Body), "<fault>") || login && string(answer.Result) == "false"
}

func (s transcript) recorded(version int) recorded {
	r := recorded{Version: version, Step: s.Step, Method: s.Request.Method, Headers: map[string]string{}, Body: s.Response.Body}
	_, rest, _ := strings.Cut(s.Request.URL, "://")
	if i := strings.Index(rest, "/"); i >= 0 {
		r.Path = rest[i:]
	}
	for _, name := range []string{"Content-Type", "Location", "Set-Cookie"} {
		if v := s.Response.Headers[name]; v != "" {
			r.Headers[name] = v
		}
	}
	switch {
	case s.Response.Status != nil:
		r.Status = *s.Response.Status
	case strings.Contains(string(r.Body), "Timeout"):
		r.Body = json.RawMessage(`"` + silence + `"`)
	default:
		r.Body = json.RawMessage(`"` + closed + `"`)
	}
	return r
}
