package preview_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/dashboards/preview"
	"github.com/closewatch/closewatch/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Unix(1_800_000_000, 0).UTC()

// source answers every query with two series, one of which has a name that must
// not become markup, and leaves out a stretch in the middle.
func source(t *testing.T) preview.Prometheus {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		labels := []string{`"entity":"at","process":"invoice-posting","tenant":"prod"`, `"entity":"<script>x</script>","process":"payroll","tenant":"prod"`}
		expr := r.PostFormValue("query")
		if strings.Contains(expr, "$") {
			t.Errorf("a variable is left in %s", expr)
		}
		if strings.Contains(expr, "closewatch_process_slack_seconds") {
			fmt.Fprint(w, `{"status":"success","data":{"result":[]}}`)
			return
		}
		var out []string
		for i, l := range labels {
			if strings.HasSuffix(r.URL.Path, "/query") {
				out = append(out, fmt.Sprintf(`{"metric":{%s},"value":[%s,"%d"]}`, l, r.PostFormValue("time"), 3-i))
				continue
			}
			from, _ := strconv.ParseInt(r.PostFormValue("start"), 10, 64)
			step, _ := strconv.ParseFloat(r.PostFormValue("step"), 64)
			var points []string
			for n := range 91 {
				if n < 40 || n > 50 {
					points = append(points, fmt.Sprintf(`[%.0f,"%d"]`, float64(from)+float64(n)*step, n/30+i))
				}
			}
			out = append(out, fmt.Sprintf(`{"metric":{%s},"values":[%s,[%d,"NaN"]]}`, l, strings.Join(points, ","), at.Unix()))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"result":[%s]}}`, strings.Join(out, ","))
	}))
	t.Cleanup(s.Close)
	return preview.Prometheus{URL: s.URL, Client: s.Client()}
}

// all builds the dashboards, or only those of the files named.
func all(t *testing.T, files ...string) []dashboards.Dashboard {
	t.Helper()
	ds, err := dashboards.All(dashboards.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(ds, func(d dashboards.Dashboard) bool { return len(files) > 0 && !slices.Contains(files, d.File) })
}

func render(t *testing.T, ds []dashboards.Dashboard) string {
	t.Helper()
	page, err := preview.Render(t.Context(), ds, preview.Options{Source: source(t), At: at, Span: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestTheSheetShowsEveryPanelAndAsksForNothing(t *testing.T) {
	ds := all(t)
	page := render(t, ds)
	want := 1 // what happened
	for _, d := range ds {
		for _, p := range d.Model.Panels {
			if p.Panel != nil {
				want++
			}
		}
	}
	if got := strings.Count(page, "<figure"); got != want {
		t.Errorf("%d panels are drawn, want %d", got, want)
	}
	for _, bad := range []string{"<script", "http://", "https://", "url(", "NaN", "+Inf", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if m := regexp.MustCompile(`(src|href)="[^#"]`).FindString(page); m != "" {
		t.Errorf("the page asks for something: %s", m)
	}
}

func TestTriageIsDrawnAsItWas(t *testing.T) {
	ds := all(t, "on-call-triage.json", "redis.json")
	page := render(t, ds)
	if page != render(t, ds) {
		t.Error("the same data is drawn otherwise")
	}
	_, triage, _ := strings.Cut(page, `<section id="closewatch-on-call-triage">`)
	triage, _, _ = strings.Cut(triage, `<h3 class="row" style="grid-column:1/span 24;grid-row:17`)
	const golden = "testdata/triage.html"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(triage), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (write it with UPDATE_GOLDEN=1)", err)
	}
	if diff := cmp.Diff(string(want), triage); diff != "" {
		t.Errorf("the sheet (-want +got):\n%s", diff)
	}
}

func TestASourceThatDoesNotAnswer(t *testing.T) {
	tests := map[string]struct {
		answer string
		kind   fault.Kind
	}{
		"a page":              {"<html>hello</html>", fault.Schema},
		"a query it refuses":  {`{"status":"error","error":"too many samples"}`, fault.Rejected},
		"half of what it has": {`{"status":"success","data":{"result":[{"met`, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.answer) }))
			t.Cleanup(s.Close)
			_, err := preview.Render(t.Context(), all(t, "redis.json"), preview.Options{Source: preview.Prometheus{URL: s.URL, Client: s.Client()}, At: at, Span: time.Hour})
			if fault.KindOf(err) != tt.kind {
				t.Errorf("Render() = %v (%s), want %s", err, fault.KindOf(err), tt.kind)
			}
		})
	}
}
