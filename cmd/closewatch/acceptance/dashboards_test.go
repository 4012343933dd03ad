package acceptance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/dashboards/preview"
)

// quiet are the panels that show nothing in all the life of this estate, although
// nothing is wrong, with the reason. Whatever has an answer may not stand here.
var quiet = map[string]string{
	"Backups against their interval":       "no backup is declared",
	"Backups that can be restored":         "no backup is declared",
	"Segments missing in the archive":      "no backup is declared",
	"Would be lost with the server":        "no backup is declared",
	"How long a restore took":              "no restore test is told of",
	"Restore tests against their interval": "no restore test is told of",
	"Time since a restore was proven":      "no restore test is told of",
	"How unusual it is":                    "what is usual takes weeks to learn",
	"Memory against its limit":             "the estate's Redis has no limit",
}

// late is what shows something only when this life is long enough: nobody waits
// for it.
var late = map[string]string{
	"Proven neutral":  "the first proof is made a minute after a start",
	"Foreign records": "the first proof is made a minute after a start",
	"Proof is old":    "the first proof is made a minute after a start",
}

// dashboardsAreFed asks every query of every panel, annotation and variable, as
// Grafana would, for all that happened since: an estate that worked, broke, was
// mended, and is in its close. What never has an answer must be on the list above, and
// its panel must say what that means.
func dashboardsAreFed(t *testing.T, d *daemon, since time.Time) {
	queries, err := dashboards.Queries(dashboards.Variables{RateInterval: "10s", Range: "10m"})
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) < 300 {
		t.Fatalf("there are only %d queries", len(queries))
	}
	queries = slices.CompactFunc(slices.SortedFunc(slices.Values(queries), alike), func(a, b dashboards.Query) bool { return alike(a, b) == 0 })
	excused := map[string]bool{}
	await(t, time.Minute, func() string {
		queries = slices.DeleteFunc(queries, func(q dashboards.Query) bool {
			key, excuse := whyQuiet(q)
			answers := d.everAnswers(t, q.Expr, since)
			if excuse != "" {
				excused[key] = true
				if q.EmptyMeans == "" {
					t.Errorf("%s, %s: may be empty, and does not say what that means", q.Dashboard, q.Panel)
				}
				if answers > 0 && late[key] == "" {
					t.Errorf("%s, %s: has an answer: take it off the list", q.Dashboard, key)
				}
			}
			return excuse != "" || answers > 0
		})
		var missing strings.Builder
		for _, q := range queries {
			fmt.Fprintf(&missing, "\n%s, %s %s has no answer: %s", q.Dashboard, q.Panel, q.RefID, q.Expr)
		}
		return missing.String()
	})
	for _, list := range []map[string]string{quiet, late} {
		for key := range list {
			if !excused[key] {
				t.Errorf("no dashboard has %s: take it off the list", key)
			}
		}
	}
}

// alike orders queries so that those that many dashboards have come together.
func alike(a, b dashboards.Query) int {
	return cmp.Or(cmp.Compare(a.Panel, b.Panel), cmp.Compare(a.RefID, b.RefID), cmp.Compare(a.Expr, b.Expr))
}

// whyQuiet is why a query need not have an answer, and under which name that is
// said; "" where it must have one.
func whyQuiet(q dashboards.Query) (key, excuse string) {
	return q.Panel, cmp.Or(quiet[q.Panel], late[q.Panel])
}

// everAnswers counts the series a query has had since then.
func (d *daemon) everAnswers(t *testing.T, expr string, since time.Time) int {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	d.decode(t, "/prometheus/api/v1/query_range?"+url.Values{
		"query": {expr}, "start": {since.UTC().Format(time.RFC3339)}, "end": {time.Now().UTC().Format(time.RFC3339)}, "step": {"5s"},
	}.Encode(), &answer)
	if answer.Status != "success" {
		t.Fatalf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result)
}

// dashboardsNameWhatIsThere compares the metrics that dashboards name with those
// that the estate has had. Others are named only by what may show nothing.
func dashboardsNameWhatIsThere(t *testing.T, d *daemon) {
	queries, err := dashboards.Queries(dashboards.Variables{})
	if err != nil {
		t.Fatal(err)
	}
	var names struct{ Data []string }
	d.decode(t, "/prometheus/api/v1/label/__name__/values", &names)
	told := map[string]bool{}
	for _, q := range queries {
		metrics, err := dashboards.MetricsOf(q.Expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metrics {
			if _, excuse := whyQuiet(q); excuse == "" && !slices.Contains(names.Data, m) && !told[m] {
				told[m] = true
				t.Errorf("%s, %s names %s, which nobody publishes", q.Dashboard, q.Panel, m)
			}
		}
	}
}

// dashboardsLeadToPages follows every link of the dashboards to Closewatch's own
// pages.
func dashboardsLeadToPages(t *testing.T, d *daemon) {
	root := "http://" + d.Address()
	all, err := dashboards.All(dashboards.Options{URL: root})
	if err != nil {
		t.Fatal(err)
	}
	leads := map[string]bool{}
	for _, board := range all {
		text, err := board.JSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"`+regexp.QuoteMeta(root)+`([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			leads[m[1]] = true
		}
	}
	if !leads["/"] || !leads["/incidents"] {
		t.Errorf("dashboards lead to %v", leads)
	}
	for path := range leads {
		if status, body := d.get(t, path); status != http.StatusOK {
			t.Errorf("dashboards lead to %s: %d\n%s", path, status, body)
		}
	}
}

// inClose puts an estate of the lab into the first day of its close: the period
// ended at midnight, whatever day it is. A milestone is near, cut-offs come within
// minutes, and a part of an error budget is kept for the close. Nobody pays
// suppliers in the lab, so that no cut-off makes anything worse.
func inClose(t *testing.T, file string, now time.Time) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now = now.UTC()
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	var cal strings.Builder
	fmt.Fprintf(&cal, `calendar:
  timezone: UTC
  days:
    daily: {workweek: [mon, tue, wed, thu, fri, sat, sun], add: [{on: %s, name: holiday}, {on: %s, name: holiday}], source: a test, checked: %s}
  default: daily
  closePlans:
    month:
      target: "WD+3 18:00"
      phases: {preClose: ["WD-2 00:00", period_end], close: [period_end, "WD+3 18:00"], tail: ["WD+3 18:00", "WD+4 18:00"]}
      milestones:
        - {id: bank-complete, title: bank statements complete, due: "WD+2 12:00", process: bank-feed, owner: treasury lead, source: attest}
        - {id: hard-close, title: period locked, due: "WD+3 18:00", depends: [bank-complete], owner: close manager, source: attest}
  cutoffs:
`, day(-900), day(900), day(0))
	for n := range 5 {
		at := now.Add(time.Duration(n+1) * time.Minute)
		fmt.Fprintf(&cal, "    - {id: payments-%d, title: payments of run %d, process: ap-bill-run, entity: acme, at: %q, source: a test}\n", n, n, at.Format("15:04"))
	}
	fiscal := "fiscal: {type: explicit, periods: ["
	for n := -30; n < 30; n++ { // of thirty days each
		fiscal += fmt.Sprintf("{name: P%02d, first: %s, last: %s}, ", n+31, day(30*n), day(30*n+29))
	}
	s := string(text)
	for was, becomes := range map[string]string{
		"calendar: {close: none}\n":       cal.String(),
		"}\ncomponents:\n":                ", " + strings.TrimSuffix(fiscal, ", ") + "]}}\ncomponents:\n",
		"{availability: {target: 0.9}, l": "{availability: {target: 0.9, budget: {window: fiscal, shares: {close: 50%}}}, l",
	} {
		if strings.Count(s, was) != 1 {
			t.Fatalf("the estate of the lab has no %q", was)
		}
		s = strings.Replace(s, was, becomes, 1)
	}
	write(t, file, s)
}

// What a daemon may draw in green that has never measured a process: what it
// knows of itself.
var ofItself = map[string]bool{"Lost records": true, "Samples refused": true, "Disk": true, "Calendar in doubt": true}

// A daemon that reaches nothing has never measured a process. Nothing of that is
// good news on any dashboard.
func TestNothingIsGreenThatWasNeverMeasured(t *testing.T) {
	dir := t.TempDir()
	file, err := shared.get(t).WriteEstate(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	nowhere := regexp.MustCompile(`(127\.0\.0\.1):[1-9]\d*`).ReplaceAllString(string(text), "$1:1")
	nowhere = strings.ReplaceAll(regexp.MustCompile(`level: L\d`).ReplaceAllString(nowhere, "enabled: false"), ", settings: {pages: 20}", "")
	nowhere = regexp.MustCompile(`  bank:\n.*\n`).ReplaceAllString(nowhere, "") // one failure of a service is not yet taken for one
	nowhere = regexp.MustCompile(`accessLog: "[^"]*"`).ReplaceAllString(nowhere, fmt.Sprintf(`accessLog: %q`, dir+"/none.log"))
	const hasty = "scale: 0.0333"
	if !strings.Contains(nowhere, hasty) {
		t.Fatalf("the estate of the lab has no %s", hasty)
	}
	nowhere = strings.ReplaceAll(nowhere, hasty, "scale: 1") // being blind is no impact yet
	d := startDaemon(t, write(t, file, nowhere), dir+"/data")
	const span = time.Minute
	await(t, time.Minute, func() string {
		for _, decided := range []string{"closewatch_impact_unknown", "closewatch_component_state"} {
			if d.everAnswers(t, "count_over_time("+decided+"[1m]) > 2", time.Now().Add(-span)) == 0 { // a moment has no width to be drawn
				return "it has not decided three times yet"
			}
		}
		return ""
	})
	all, err := dashboards.All(dashboards.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := preview.Render(t.Context(), all, preview.Options{
		Source: preview.Prometheus{URL: "http://" + d.Address() + "/prometheus", Client: client}, At: time.Now(), Span: span,
		Variables: dashboards.Variables{RateInterval: "10s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	grey := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?s)<figure.*?<h3[^>]*>(.*?)</h3>(.*?)</figure>`).FindAllStringSubmatch(string(page), -1) {
		title, drawn := m[1], m[2]
		if strings.Contains(drawn, "c-green") && !ofItself[title] {
			t.Errorf("%s is drawn in green:\n%s", title, drawn)
		}
		grey[title] = grey[title] || strings.Contains(drawn, "c-grey")
	}
	for _, title := range []string{"Finance processes", "Processes", "Worst tier by entity", "Worst tier", "Tier over time", "Cannot be told", "Components"} {
		if !grey[title] {
			t.Errorf("%s is not drawn in grey", title)
		}
	}
}
