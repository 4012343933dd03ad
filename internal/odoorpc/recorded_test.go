package odoorpc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

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

// kinds says what every recorded refusal is, whatever the version.
var kinds = map[string]fault.Kind{
	"access_ir_cron":               fault.Denied,
	"access_write_journal":         fault.Denied,
	"allowed_company_not_mine":     fault.Denied,
	"apikey_wizard_create":         fault.Schema,
	"bad_args":                     fault.Schema,
	"bad_domain":                   fault.Schema,
	"bad_field":                    fault.Schema,
	"bad_selection":                fault.Schema,
	"button_draft_locked":          fault.Locked,
	"c1_stline_create":             fault.Denied,
	"call_kw_no_session":           fault.Auth,
	"cleanup_draft":                fault.Rejected,
	"cross_company_read_id":        fault.Denied,
	"d19_middle_unlink":            fault.Rejected,
	"d33_reconcile_invoice_refund": fault.Rejected,
	"decrease_hard_lock":           fault.Locked,
	"down_call_kw":                 fault.Unavailable,
	"down_execute_kw":              fault.Unavailable,
	"down_health_db":               fault.Unavailable,
	"down_login_page":              fault.Unavailable,
	"execute_kw_badpw":             fault.Auth,
	"fk_missing":                   fault.Rejected,
	"hash_button_draft":            fault.Locked,
	"hash_button_hash":             fault.Locked,
	"hash_journal_disable":         fault.Locked,
	"hash_unlink":                  fault.Locked,
	"json2_GET":                    fault.Schema,
	"json2_bad_arg":                fault.Schema,
	"json2_bad_db":                 fault.Unavailable,
	"json2_badkey":                 fault.Auth,
	"json2_invalid_json":           fault.Schema,
	"json2_nokey":                  fault.Auth,
	"json2_private_method":         fault.Schema,
	"json2_unknown_method":         fault.Schema,
	"json2_unknown_model":          fault.Schema,
	"json2_wrong_ctype":            fault.Schema,
	"jsonrpc_authenticate_baddb":   fault.Unavailable,
	"jsonrpc_bad_service":          fault.Schema,
	"malformed_json":               fault.Schema,
	"post_without_lines":           fault.Rejected,
	"private_method":               fault.Schema,
	"rec":                          fault.Rejected,
	"remove_hard_lock":             fault.Locked,
	"set_lock_today":               fault.Locked,
	"unknown_method":               fault.Schema,
	"unknown_model":                fault.Schema,
	"unknown_route":                fault.Schema,
	"validation_unbalanced":        fault.Rejected,
	"version_info_GET":             fault.Schema,
	"web_authenticate_baddb":       fault.Unavailable,
	"web_authenticate_badpw":       fault.Auth,
	"wrong_content_type":           fault.Schema,
}

// unpublishable is what stood in the recordings and must not come out.
var unpublishable = []string{"Jane", "Roe", "100", "50.00", "MISC", "SLO", "2026", "10/31", "127.0.0.1", "nosuchdb", "Receivable", "Traceback", "Rebranded", "slo"}

func TestEveryRecordedRefusalHasItsKindAndSaysNothingPrivate(t *testing.T) {
	all := readRecorded(t)
	seen := map[string]bool{}
	for _, r := range all {
		t.Run(fmt.Sprintf("%d_%s", r.Version, r.Step), func(t *testing.T) {
			seen[r.Step] = true
			want, ok := kinds[r.Step]
			if r.Version == 17 && r.Step == "hash_unlink" {
				want = fault.Rejected // 17 refuses to delete any posted item before it looks at hashes
			}
			if !ok {
				t.Fatalf("testdata has a step %q without an expected kind", r.Step)
			}
			err := replay(t, r)
			if got := fault.KindOf(err); got != want {
				t.Errorf("kind = %s, want %s (%v)", got, want, err)
			}
			text := err.Error()
			if len(text) > 600 {
				t.Errorf("the error is %d bytes long", len(text))
			}
			for _, s := range unpublishable {
				if strings.Contains(text, s) {
					t.Errorf("the error repeats %q: %s", s, text)
				}
			}
		})
	}
	for step := range kinds {
		if !seen[step] {
			t.Errorf("no recording of %q in testdata", step)
		}
	}
	if len(all) < 150 {
		t.Errorf("testdata has %d recordings, want those of four versions", len(all))
	}
}

// replay lets a client meet the recorded answer on the recorded path.
func replay(t *testing.T, r recorded) error {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range r.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(r.Status)
		body := []byte(r.Body)
		var page string
		if json.Unmarshal(body, &page) == nil {
			body = []byte(page)
		}
		_, _ = w.Write(body)
	}))
	defer srv.Close()
	c, err := New(Config{URL: srv.URL, Database: "tenant", Login: "probe", Password: secret.New("x"), Timeout: fiveSeconds}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if strings.HasPrefix(r.Path, healthPage) {
		_, err = c.Health(t.Context())
	} else {
		path, _, _ := strings.Cut(r.Path, "?")
		_, err = c.rpc(t.Context(), message{op: "call " + r.Step, path: path, cookie: "cookie"})
	}
	if err == nil {
		t.Fatal("the client took a recorded refusal for a good answer")
	}
	return err
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
