package app_test

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/flow"
)

// A traced Odoo answers what the login flow asks and remembers the traceparent
// of each request.
type tracedOdoo struct {
	*httptest.Server
	mu      sync.Mutex
	parents map[string]string // span id by path
	refuse  bool              // to read a user
}

func newTracedOdoo(t *testing.T) *tracedOdoo {
	o := &tracedOdoo{parents: map[string]string{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			ID int `json:"id"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked) // a GET has none
		o.mu.Lock()
		defer o.mu.Unlock()
		if parts := strings.Split(r.Header.Get("Traceparent"), "-"); len(parts) == 4 {
			o.parents[r.URL.Path] = parts[1] + "/" + parts[2]
		}
		answer := `"result": {"server_version": "18.0", "server_version_info": [18, 0, 0, "final", 0, ""]}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/authenticate"):
			http.SetCookie(w, &http.Cookie{Name: "session_id", Value: "s3cret"})
			answer = `"result": {"uid": 2}`
		case strings.Contains(r.URL.Path, "/call_kw") && o.refuse:
			answer = `"error": {"code": 200, "message": "Odoo Server Error", "data": {"name": "odoo.exceptions.AccessError", "message": "no"}}`
		case strings.Contains(r.URL.Path, "/call_kw"):
			answer = `"result": [{"id": 2, "company_ids": [1]}]`
		}
		fmt.Fprintf(w, `{"jsonrpc": "2.0", "id": %d, %s}`, asked.ID, answer)
	}))
	t.Cleanup(o.Close)
	return o
}

// newSpanReceiver receives traces by OTLP over HTTP.
func newSpanReceiver(t *testing.T) (url string, spans func() []*tracepb.Span) {
	var mu sync.Mutex
	var got []*tracepb.Span
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Errorf("gzip: %v", err)
				return
			}
		}
		b, err := io.ReadAll(body)
		var m collectortrace.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(b, &m) != nil {
			t.Errorf("%s is no export of traces: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range m.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				got = append(got, scope.Spans...)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []*tracepb.Span {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

// A probe by hand is traced as the daemon's runs are: a trace for the run, a
// span for each step, and the step's span is what Odoo is told.
func TestARunIsTracedToOdooAndToTheReceiver(t *testing.T) {
	tests := map[string]struct {
		refuse bool
		errors map[string]string // error.type by span
		cost   int               // requests
	}{
		"passed": {false, map[string]string{}, 3},
		"failed": {true, map[string]string{"flow login": "denied", "read-user": "denied"}, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			odoo := newTracedOdoo(t)
			odoo.refuse = tt.refuse
			receiver, received := newSpanReceiver(t)
			run := probeOnce(t, odoo.URL, receiver)

			spans := map[string]*tracepb.Span{}
			failed := map[string]string{}
			for _, s := range received() {
				spans[s.Name] = s
				for _, a := range s.Attributes {
					if a.Key == "error.type" {
						failed[s.Name] = a.Value.GetStringValue()
					}
				}
				if (s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR) != (failed[s.Name] != "") {
					t.Errorf("%s: status %v and error.type %q", s.Name, s.Status, failed[s.Name])
				}
			}
			if diff := cmp.Diff(tt.errors, failed); diff != "" {
				t.Errorf("error.type (-want +got):\n%s", diff)
			}
			root := spans["flow login"]
			if root == nil || hex.EncodeToString(root.TraceId) != run.TraceID {
				t.Fatalf("no span of the run in trace %s: %v", run.TraceID, spans)
			}
			attributes := map[string]string{}
			for _, a := range root.Attributes {
				if strings.HasPrefix(a.Key, "closewatch.") {
					attributes[a.Key] = a.Value.GetStringValue()
				}
			}
			want := map[string]string{
				"closewatch.run.id": run.ID, "closewatch.flow.level": "L0", "closewatch.environment": "staging",
				"closewatch.component": "erp", "closewatch.tenant": "prod", "closewatch.run.outcome": string(run.Outcome),
			}
			if diff := cmp.Diff(want, attributes); diff != "" {
				t.Errorf("attributes of the run (-want +got):\n%s", diff)
			}
			for _, step := range run.Steps {
				if s := spans[step.Name]; s == nil || string(s.ParentSpanId) != string(root.SpanId) {
					t.Errorf("step %s has no span below the run's", step.Name)
				}
			}
			odoo.mu.Lock()
			defer odoo.mu.Unlock()
			for path, parent := range odoo.parents {
				step := map[string]string{"authenticate": "log-in", "read": "read-user"}[filepath.Base(path)]
				if step == "" {
					step = "read-version"
				}
				if want := run.TraceID + "/" + hex.EncodeToString(spans[step].GetSpanId()); parent != want {
					t.Errorf("%s was told span %s, want %s of step %s", path, parent, want, step)
				}
			}
			if len(odoo.parents) < 3 {
				t.Errorf("told of %d spans, want one of each step: %v", len(odoo.parents), odoo.parents)
			}
			if run.Cost == nil || run.Cost.Requests < tt.cost || run.Cost.Busy <= 0 || run.Cost.Sent == 0 || run.Cost.Received == 0 {
				t.Errorf("cost %+v, want %d requests or more", run.Cost, tt.cost)
			}
		})
	}
}

// probeOnce runs the login flow by hand, and finds its run in the archive.
func probeOnce(t *testing.T, odoo, receiver string) flow.Run {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "estate.yaml")
	content := fmt.Sprintf(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme-finance}
environment: staging
data: data
telemetry: {otlp: {endpoint: %q}}
components:
  erp: {odoo: {url: %q, database: prod, login: closewatch, password: "${file:%s}"}}
`, receiver, odoo, filepath.Join(dir, "password"))
	for path, content := range map[string]string{file: content, filepath.Join(dir, "password"): "hunter2"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	runs, err := app.Probe(t.Context(), plan, app.ProbeSettings{Flow: "login", Data: data, Log: slog.New(slog.DiscardHandler)})
	if err != nil || len(runs) != 1 {
		t.Fatalf("Probe: %v, %v", runs, err)
	}
	kept := 0
	for run, err := range flow.ReadArchive(app.RunsDir(data)) {
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(runs[0].ID, run.ID); diff != "" || !run.ByHand {
			t.Errorf("kept: by hand %t (-want +got):\n%s", run.ByHand, diff)
		}
		kept++
	}
	if kept != 1 {
		t.Errorf("%d runs are kept, want the one", kept)
	}
	return runs[0]
}
