package web_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/web"
)

func serve(source web.Source) http.Handler {
	return web.New(web.Settings{Source: source, Now: func() time.Time { return now }, Version: "1.2.3"})
}

func get(t *testing.T, h http.Handler, method, path string) (*http.Response, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return rec.Result(), rec.Body.String()
}

var assetVersion = regexp.MustCompile(`\?v=[0-9a-f]+`)

// golden compares got with testdata/name, or writes it when UPDATE_GOLDEN is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = assetVersion.ReplaceAllString(got, "?v=hash")
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with UPDATE_GOLDEN=1)", err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s differs (-got +want; accept with UPDATE_GOLDEN=1):\n%s", name, diff)
	}
}

func TestPagesAndAPI(t *testing.T) {
	tests := map[string]struct {
		source estate
		path   string
		golden string
	}{
		"a healthy estate":             {healthy(), "/", "healthy.html"},
		"a broken estate":              {broken(), "/", "broken.html"},
		"all incidents":                {broken(), "/incidents", "incidents.html"},
		"an open incident":             {broken(), "/incidents/I-118", "incident_open.html"},
		"a resolved incident":          {broken(), "/incidents/I-117", "incident_resolved.html"},
		"before the first tick":        {estate{}, "/", "first_look.html"},
		"the status, broken":           {broken(), "/status", "status_broken.html"},
		"the status, healthy":          {healthy(), "/status", "status_healthy.html"},
		"no status yet":                {estate{}, "/status", "status_first_look.html"},
		"all runbooks":                 {broken(), "/runbooks", "runbooks.html"},
		"a runbook":                    {broken(), "/runbooks/bank-reconciliation", "runbook.html"},
		"the status as JSON":           {broken(), "/api/v1/status", "status.json"},
		"no status as JSON":            {estate{}, "/api/v1/status", "no_status.json"},
		"the estate as JSON":           {broken(), "/api/v1/overview", "overview.json"},
		"all incidents as JSON":        {broken(), "/api/v1/incidents", "incidents.json"},
		"an incident as JSON":          {broken(), "/api/v1/incidents/I-118", "incident.json"},
		"no incident as JSON":          {healthy(), "/api/v1/incidents", "no_incidents.json"},
		"nothing decided yet, as JSON": {estate{}, "/api/v1/overview", "first_look.json"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, body := get(t, serve(tt.source), http.MethodGet, tt.path)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d:\n%s", res.StatusCode, body)
			}
			wantType := "text/html; charset=utf-8"
			if strings.HasPrefix(tt.path, "/api/") {
				wantType = "application/json; charset=utf-8"
			}
			if got := res.Header.Get("Content-Type"); got != wantType {
				t.Errorf("Content-Type %q, want %q", got, wantType)
			}
			golden(t, tt.golden, body)
		})
	}
}

func TestWhatIsNotHere(t *testing.T) {
	tests := map[string]struct {
		method, path string
		status       int
		contentType  string
		says         string
	}{
		"an unknown page":              {http.MethodGet, "/nowhere", 404, "text/html; charset=utf-8", "There is no page at this address."},
		"an unknown incident":          {http.MethodGet, "/incidents/I-999", 404, "text/html; charset=utf-8", "There is no incident with this id."},
		"writing to a page":            {http.MethodPost, "/", 405, "text/html; charset=utf-8", "nothing can be changed here"},
		"an unknown runbook":           {http.MethodGet, "/runbooks/astrology", 404, "text/html; charset=utf-8", "There is no runbook of this name."},
		"a runbook outside":            {http.MethodGet, "/runbooks/..%2f..%2fdoc", 404, "text/html; charset=utf-8", "There is no runbook of this name."},
		"writing to a runbook":         {http.MethodPut, "/runbooks/database", 405, "text/html; charset=utf-8", "nothing can be changed here"},
		"an unknown asset":             {http.MethodGet, "/assets/none.css", 404, "text/plain; charset=utf-8", "not found"},
		"an asset outside":             {http.MethodGet, "/assets/..%2fhandler.go", 404, "text/plain; charset=utf-8", "not found"},
		"an unknown incident, API":     {http.MethodGet, "/api/v1/incidents/I-999", 404, "application/problem+json", `no incident has the id`},
		"an unknown resource, API":     {http.MethodGet, "/api/v2/overview", 404, "application/problem+json", "begin at /api/v1/overview"},
		"writing to the API":           {http.MethodDelete, "/api/v1/incidents/I-118", 405, "application/problem+json", "only reads"},
		"HEAD of a page has no body":   {http.MethodHead, "/nowhere", 404, "text/html; charset=utf-8", ""},
		"a page below another's name":  {http.MethodGet, "/incidents/I-118/steps", 404, "text/html; charset=utf-8", "There is no page"},
		"an API name that is a prefix": {http.MethodGet, "/api/v1/overviews", 404, "application/problem+json", "nothing is here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, body := get(t, serve(broken()), tt.method, tt.path)
			if res.StatusCode != tt.status || res.Header.Get("Content-Type") != tt.contentType || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s %q, want %d %s saying %q", res.StatusCode, res.Header.Get("Content-Type"), body, tt.status, tt.contentType, tt.says)
			}
			if tt.status == http.StatusMethodNotAllowed && res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow is %q", res.Header.Get("Allow"))
			}
			if tt.contentType == "application/problem+json" {
				var p struct {
					Title, Detail, Instance string
					Status                  int
				}
				if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != tt.status || p.Instance != tt.path || p.Title == "" || p.Detail == "" {
					t.Errorf("problem %+v (%v) is not complete", p, err)
				}
			}
		})
	}
}

func TestEveryAnswerKeepsToItself(t *testing.T) {
	for _, path := range []string{"/", "/incidents/I-118", "/status", "/runbooks", "/runbooks/database", "/api/v1/status", "/nowhere", "/assets/style.css", "/api/v1/overview", "/api/v1/none"} {
		res, _ := get(t, serve(broken()), http.MethodGet, path)
		csp := res.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: policy %q lacks %s", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q allows something unsafe", path, csp)
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if got := res.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", path, header, got, want)
			}
		}
	}
}

func TestAssetsAreKeptByVersion(t *testing.T) {
	h := serve(healthy())
	_, body := get(t, h, http.MethodGet, "/")
	link := regexp.MustCompile(`/assets/style\.css\?v=[0-9a-f]{12}`).FindString(body)
	if link == "" {
		t.Fatal("the page links no versioned style")
	}
	res, css := get(t, h, http.MethodGet, link)
	if res.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || css == "" {
		t.Errorf("style: %v", res.Header)
	}
	if res, _ := get(t, h, http.MethodGet, "/assets/style.css?v=old"); res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a style asked for by another version is kept: %q", res.Header.Get("Cache-Control"))
	}
}

// hostile is put into every text of a Source: it must come out as text.
const hostile = `<xss-tag onx="1">'"&</title></script>{{.}} javascript:alert(1)`

// poison puts hostile into every string below v.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(hostile)
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Location]() {
			poison(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			poison(field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	default: // holds no text
	}
}

func poisoned() estate {
	e := broken()
	in := e.incidents["I-118"]
	poison(reflect.ValueOf(&in).Elem())
	poison(reflect.ValueOf(&e.overview).Elem())
	poison(reflect.ValueOf(&e.status).Elem())
	poison(reflect.ValueOf(&e.runbooks).Elem())
	e.runbooks[0].Text = "# " + hostile + "\n\n## " + hostile + "\n\n" + hostile + "\n\n- `" + hostile + "`\n\n```\n" + hostile + "\n```\n"
	e.incidents = map[string]web.Incident{hostile: in}
	e.order = []string{hostile}
	return e
}

func TestHostileTextIsShownAsText(t *testing.T) {
	h := serve(poisoned())
	_, list := get(t, h, http.MethodGet, "/incidents")
	link := regexp.MustCompile(`href="(/incidents/[^"]+)"`).FindStringSubmatch(list)
	if link == nil {
		t.Fatal("the incident is not linked")
	}
	for _, path := range []string{"/", "/incidents", "/status", "/runbooks", "/runbooks/" + url.PathEscape(hostile), html.UnescapeString(link[1])} {
		res, body := get(t, h, http.MethodGet, path)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
		for _, bad := range []string{"<xss-tag", `onx="1"`, "{{.}}</", `href="javascript:`, "ZgotmplZ"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: %q came through unescaped", path, bad)
			}
		}
		if got := strings.Count(body, "</title>"); got != 1 {
			t.Errorf("%s: %d titles end", path, got)
		}
		if !strings.Contains(body, "&lt;xss-tag") {
			t.Errorf("%s: the text is not shown at all", path)
		}
	}
}

func TestLinksLeadOnlyToTheWebOrToUs(t *testing.T) {
	e := broken()
	in := e.incidents["I-118"]
	in.Links = []web.Link{
		{Title: "web", URL: "https://wiki.example.com/a?b=c"},
		{Title: "ours", URL: "/incidents"},
		{Title: "script", URL: "javascript:alert(1)"},
		{Title: "data", URL: "data:text/html,x"},
		{Title: "schemeless", URL: "//evil.example.com/"},
		{Title: "nonsense", URL: "http://[::1"},
	}
	e.incidents["I-118"] = in
	_, body := get(t, web.New(web.Settings{Source: e, Now: func() time.Time { return now }, BasePath: "/closewatch/"}), http.MethodGet, "/closewatch/incidents/I-118")
	for _, want := range []string{`href="https://wiki.example.com/a?b=c"`, `href="/closewatch/incidents" rel=`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not shown", want)
		}
	}
	for _, bad := range []string{"javascript:", "data:text", "evil.example.com", "[::1"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s is shown", bad)
		}
	}
}

func TestOldVerdictsSayNothingAboutNow(t *testing.T) {
	late := now.Add(10 * time.Minute)
	_, body := get(t, web.New(web.Settings{Source: healthy(), Now: func() time.Time { return late }}), http.MethodGet, "/")
	for _, want := range []string{"Unknown: the last verdict is 10 min", `class="asof stale"`} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Contains(body, "processes are working") {
		t.Error("an old verdict is told as current")
	}
}

func TestALargeEstateStaysALightPage(t *testing.T) {
	e := broken()
	for i := range 4 {
		for _, p := range broken().overview.Processes {
			p.Entity = "acme-" + strings.Repeat("x", i+1)
			e.overview.Processes = append(e.overview.Processes, p)
		}
		e.overview.Components = append(e.overview.Components, broken().overview.Components...)
		e.overview.Incidents = append(e.overview.Incidents, broken().overview.Incidents...)
	}
	in := e.incidents["I-118"]
	for i := range 5000 {
		in.Timeline = append(in.Timeline, web.Event{At: now.Add(time.Duration(i) * time.Second), Text: strings.Repeat("long ", 50)})
		in.Runs = append(in.Runs, in.Runs[0])
	}
	e.incidents["I-118"] = in
	for range 1000 {
		e.order = append(e.order, "I-117")
	}
	for range 400 {
		e.status.Lines = append(e.status.Lines, e.status.Lines[:5]...)
		e.status.NotMeasured = append(e.status.NotMeasured, e.status.NotMeasured[:2]...)
	}
	for _, path := range []string{"/", "/incidents", "/incidents/I-118", "/status"} {
		_, body := get(t, serve(e), http.MethodGet, path)
		if len(body) > 200_000 {
			t.Errorf("%s is %d bytes, more than 200,000", path, len(body))
		}
	}
}
