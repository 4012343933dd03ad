package store

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	promapi "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// small is a store with three ticks of two families.
func small(t *testing.T, o Options) *Store {
	t.Helper()
	s := open(t, o)
	for i, text := range []string{"1", "2.5", "1e-9"} {
		put(t, s, 15*i, "# HELP pg_up Whether PostgreSQL answers.\n# TYPE pg_up gauge\npg_up{component=\"db\"} "+text+"\n"+
			"# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{component=\"erp\",channel=\"<root>\"} "+text+"\n")
	}
	return s
}

func serve(t *testing.T, s *Store) string {
	t.Helper()
	server := httptest.NewServer(s.Handler("/prometheus"))
	t.Cleanup(server.Close)
	return server.URL + "/prometheus"
}

// TestWire pins answers byte by byte.
func TestWire(t *testing.T) {
	base := serve(t, small(t, Options{}))
	const t30 = "1774980030"
	tests := map[string]struct {
		path   string
		status int
		want   string
	}{
		"vector": {
			"query?query=pg_up&time=1774980015.5", 200,
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"pg_up","component":"db","instance":"db","job":"closewatch"},"value":[1774980015.500,"2.5"]}]}}`,
		},
		"matrix": {
			"query?query=pg_up[1m]&time=" + t30, 200,
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"pg_up","component":"db","instance":"db","job":"closewatch"},"values":[[1774980000,"1"],[1774980015,"2.5"],[1774980030,"1e-09"]]}]}}`,
		},
		"range": {
			"query_range?query=pg_up%2B0&start=2026-03-31T18:00:00Z&end=" + t30 + "&step=30s", 200,
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"component":"db","instance":"db","job":"closewatch"},"values":[[1774980000,"1"],[1774980030,"1e-09"]]}]}}`,
		},
		"scalar":                {"query?query=1/0&time=1", 200, `{"status":"success","data":{"resultType":"scalar","result":[1,"+Inf"]}}`},
		"string":                {"query?query=%22a%3Cb%22&time=1", 200, `{"status":"success","data":{"resultType":"string","result":[1,"a\u003cb"]}}`},
		"nothing":               {"query?query=nothing&time=1", 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		"before the epoch":      {"query?query=1&time=-1.25", 200, `{"status":"success","data":{"resultType":"scalar","result":[-1.25,"1"]}}`},
		"limit":                 {"query?query=%7Bjob=%22closewatch%22%7D&limit=1&time=" + t30, 200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"jobs_total","channel":"\u003croot\u003e","component":"erp","instance":"erp","job":"closewatch"},"value":[1774980030,"1e-09"]}]},"warnings":["results truncated due to limit"]}`},
		"info":                  {"query?query=rate(pg_up[1m])&time=1", 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		"labels":                {"labels", 200, `{"status":"success","data":["__name__","channel","component","instance","job"]}`},
		"labels of some":        {"labels?match[]=pg_up&match[]=nothing", 200, `{"status":"success","data":["__name__","component","instance","job"]}`},
		"labels, limited":       {"labels?limit=2", 200, `{"status":"success","data":["__name__","channel"],"warnings":["results truncated due to limit"]}`},
		"label values":          {"label/component/values?start=0&end=9999999999", 200, `{"status":"success","data":["db","erp"]}`},
		"label values of some":  {"label/__name__/values?match[]=%7Bcomponent=%22db%22%7D", 200, `{"status":"success","data":["pg_up"]}`},
		"label values, none":    {"label/nothing/values", 200, `{"status":"success","data":[]}`},
		"label values, escaped": {"label/U__component/values", 200, `{"status":"success","data":["db","erp"]}`},
		"series":                {"series?match[]=pg_up", 200, `{"status":"success","data":[{"__name__":"pg_up","component":"db","instance":"db","job":"closewatch"}]}`},
		"series of two":         {"series?match[]=pg_up&match[]=%7Bcomponent=%22db%22%7D", 200, `{"status":"success","data":[{"__name__":"pg_up","component":"db","instance":"db","job":"closewatch"}]}`},
		"series, none then":     {"series?match[]=pg_up&end=1", 200, `{"status":"success","data":[]}`},
		"series, limited":       {"series?match[]=%7Bjob=%22closewatch%22%7D&limit=1", 200, `{"status":"success","data":[{"__name__":"jobs_total","channel":"\u003croot\u003e","component":"erp","instance":"erp","job":"closewatch"}],"warnings":["results truncated due to limit"]}`},
		"metadata":              {"metadata?metric=pg_up", 200, `{"status":"success","data":{"pg_up":[{"type":"gauge","help":"Whether PostgreSQL answers.","unit":""}]}}`},
		"metadata, limited":     {"metadata?limit=1", 200, `{"status":"success","data":{"jobs_total":[{"type":"counter","help":"Jobs.","unit":""}]}}`},
		"exemplars":             {"query_exemplars?query=pg_up", 200, `{"status":"success","data":[]}`},
		"rules":                 {"rules?type=alert", 200, `{"status":"success","data":{"groups":[]}}`},
		"alerts":                {"alerts", 200, `{"status":"success","data":{"alerts":[]}}`},
		"format":                {"format_query?query=sum(pg_up)by(job)", 200, `{"status":"success","data":"sum by (job) (pg_up)"}`},

		"syntax":            {"query?query=sum(", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"}`},
		"no query":          {"query", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": unknown position: parse error: no expression found in input"}`},
		"bad time":          {"query?query=1&time=noon", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"noon\" to a valid timestamp"}`},
		"bad limit":         {"query?query=1&limit=-1", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"limit\": limit must be non-negative"}`},
		"bad timeout":       {"query?query=1&timeout=soon", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"timeout\": cannot parse \"soon\" to a valid duration"}`},
		"no step":           {"query_range?query=1&start=1&end=2&step=0", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"}`},
		"end before start":  {"query_range?query=1&start=2&end=1&step=1", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"end\": end timestamp must not be before start time"}`},
		"too many points":   {"query_range?query=1&start=0&end=11001&step=1", 400, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"}`},
		"no matchers":       {"series", 400, `{"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}`},
		"matches all":       {"series?match[]=%7Bjob=%22%22%7D", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"}`},
		"bad label name":    {"label/%FF/values", 400, `{"status":"error","errorType":"bad_data","error":"invalid label name: \"\\xff\""}`},
		"execution":         {"query?query=pg_up%2Bon()group_left()%7Bjob=%22closewatch%22%7D&time=" + t30, 422, ""},
		"not an endpoint":   {"admin/tsdb/snapshot", 404, ""},
		"not for this verb": {"metadata", 405, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			method := http.MethodGet
			if tt.status == 405 {
				method = http.MethodPost
			}
			status, body := request(t, method, base+"/api/v1/"+tt.path, "")
			if status != tt.status {
				t.Errorf("status = %d, want %d: %s", status, tt.status, body)
			}
			if diff := cmp.Diff(tt.want, body); tt.want != "" && diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func request(t *testing.T, method, target, form string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestLimits(t *testing.T) {
	base := serve(t, small(t, Options{Queries: Limits{MaxSamples: 3, MaxBody: 100}}))
	tests := map[string]struct {
		form   string
		status int
		want   string
	}{
		"too many samples": {"query=pg_up[1m:1s]", 422, "query processing would load too many samples into memory"},
		"deadline":         {"query=1&timeout=0.000000001", 503, `"errorType":"timeout"`},
		"too large a form": {"query=pg_up&x=" + strings.Repeat("x", 100), 400, "error parsing form values: http: request body too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, body := request(t, http.MethodPost, base+"/api/v1/query", tt.form+"&time=1774980030")
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d and %q", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestQueriesWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurnstile(1)
		if _, err := turns.Insert(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Insert(ctx, "second"); kindOf(err) != timeout {
			t.Errorf("Insert while full = %v, want the deadline", err)
		}
		turns.Delete(0)
		if _, err := turns.Insert(t.Context(), "third"); err != nil {
			t.Errorf("Insert after a turn is free = %v", err)
		}
	})
}

func TestAnswersAreCompressedWhenAsked(t *testing.T) {
	base := serve(t, small(t, Options{}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/labels", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	zr, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(zr); err != nil || !json.Valid(b) {
		t.Errorf("body = %q, %v", b, err)
	}
}

// TestPrometheusClient asks through Prometheus' own Go client.
func TestPrometheusClient(t *testing.T) {
	client, err := promapi.NewClient(promapi.Config{Address: serve(t, small(t, Options{}))})
	if err != nil {
		t.Fatal(err)
	}
	api, ctx := v1.NewAPI(client), t.Context()

	value, warnings, _, err := api.Query(ctx, `pg_up`, at(15))
	want := model.Vector{{
		Metric: model.Metric{"__name__": "pg_up", "component": "db", "instance": "db", "job": "closewatch"},
		Value:  2.5, Timestamp: model.TimeFromUnix(at(15).Unix()),
	}}
	if diff := cmp.Diff(model.Value(want), value); diff != "" || err != nil || len(warnings) > 0 {
		t.Errorf("Query: %v %v\n%s", warnings, err, diff)
	}
	if v, _, _, err := api.QueryRange(ctx, `pg_up`, v1.Range{Start: at(0), End: at(30), Step: 15 * time.Second}); err != nil || len(v.(model.Matrix)[0].Values) != 3 {
		t.Errorf("QueryRange = %v, %v", v, err)
	}
	if names, _, _, err := api.LabelNames(ctx, nil, time.Time{}, time.Time{}); err != nil || len(names) != 5 {
		t.Errorf("LabelNames = %v, %v", names, err)
	}
	if values, _, _, err := api.LabelValues(ctx, "component", []string{`jobs_total`}, at(0), at(30)); err != nil || len(values) != 1 || values[0] != "erp" {
		t.Errorf("LabelValues = %v, %v", values, err)
	}
	if series, _, _, err := api.Series(ctx, []string{`pg_up`, `jobs_total`}, at(0), at(30)); err != nil || len(series) != 2 {
		t.Errorf("Series = %v, %v", series, err)
	}
	if m, err := api.Metadata(ctx, "", ""); err != nil || m["jobs_total"][0].Type != v1.MetricTypeCounter {
		t.Errorf("Metadata = %v, %v", m, err)
	}
	if b, err := api.Buildinfo(ctx); err != nil || b.Version != compatible {
		t.Errorf("Buildinfo = %v, %v", b, err)
	}
	if r, err := api.Rules(ctx, nil); err != nil || len(r.Groups) != 0 {
		t.Errorf("Rules = %v, %v", r, err)
	}
	if a, err := api.Alerts(ctx); err != nil || len(a.Alerts) != 0 {
		t.Errorf("Alerts = %v, %v", a, err)
	}
	if e, err := api.QueryExemplars(ctx, `pg_up`, at(0), at(30)); err != nil || len(e) != 0 {
		t.Errorf("QueryExemplars = %v, %v", e, err)
	}
	if q, err := api.FormatQuery(ctx, `sum(pg_up)`); err != nil || q != `"sum(pg_up)"` {
		t.Errorf("FormatQuery = %v, %v", q, err)
	}
	_, _, _, err = api.Query(ctx, `sum(`, at(0))
	if e, ok := errors.AsType[*v1.Error](err); !ok || e.Type != v1.ErrBadData {
		t.Errorf("Query of a syntax error = %v, want bad_data", err)
	}
}

// TestGrafanaRequests replays what a Grafana Prometheus data source sends when
// it is saved, browsed and used on a dashboard: testdata/grafana.json has each
// request and what the answer must hold.
func TestGrafanaRequests(t *testing.T) {
	var requests []struct {
		Name, Method, Path, Form string
		Status                   int
		Contains                 []string
	}
	b, err := os.ReadFile(filepath.Join("testdata", "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &requests); err != nil {
		t.Fatal(err)
	}
	base := serve(t, small(t, Options{}))
	for _, r := range requests {
		t.Run(r.Name, func(t *testing.T) {
			if _, err := url.ParseQuery(r.Form); err != nil {
				t.Fatal(err)
			}
			status, body := request(t, r.Method, base+r.Path, r.Form)
			if status != r.Status {
				t.Errorf("status = %d, want %d: %s", status, r.Status, body)
			}
			for _, want := range r.Contains {
				if !strings.Contains(body, want) {
					t.Errorf("answer does not hold %s:\n%s", want, body)
				}
			}
		})
	}
}

// The version told to clients is that of the embedded packages: v0.310.0 is
// Prometheus 3.10.0.
func TestVersionIsThatOfTheEmbeddedPackages(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github\.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("go.mod does not require github.com/prometheus/prometheus")
	}
	minor, err := strconv.Atoi(string(m[2]))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s.%d.%s", m[1], minor, m[3]); got != compatible {
		t.Errorf("embedded is Prometheus %s, clients are told %s", got, compatible)
	}
}
