package store

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab"
)

// compared are queries that must answer the same as a real Prometheus 2.42
// over the same blocks, instant and over a range. No sample lies on the edge
// of a window, since there the major versions differ on purpose: see excluded.
var compared = []string{
	// selectors and lookback
	`requests_total`,
	`requests_total{route="/web", code!~"5.."}`,
	`{__name__=~"replay_lag.*", component="db"}`,
	`requests_total offset 7m`,
	`requests_total offset -3m`,
	`requests_total @ 1775000000`,
	`requests_total @ start()`,
	`vanishes`,
	`appears_late_total`,
	`special_values`,
	// counters
	`rate(requests_total[5m])`,
	`irate(requests_total[5m])`,
	`increase(requests_total[1h])`,
	`rate(requests_total[1m] offset 10m)`,
	`increase(requests_total[30m] @ end())`,
	`resets(requests_total[1h])`,
	`increase(appears_late_total[2h])`,
	`rate(vanishes[5m])`,
	`sum by (code) (rate(requests_total[5m]))`,
	`sum without (instance, job, component) (rate(requests_total[5m]))`,
	`sum(rate(requests_total{code=~"5.."}[5m])) / sum(rate(requests_total[5m]))`,
	// gauges over time
	`avg_over_time(replay_lag_seconds[10m])`,
	`min_over_time(replay_lag_seconds[10m])`,
	`max_over_time(replay_lag_seconds[10m])`,
	`sum_over_time(replay_lag_seconds[10m])`,
	`count_over_time(replay_lag_seconds[10m])`,
	`quantile_over_time(0.95, replay_lag_seconds[10m])`,
	`stddev_over_time(replay_lag_seconds[10m])`,
	`stdvar_over_time(replay_lag_seconds[10m])`,
	`last_over_time(vanishes[30m])`,
	`present_over_time(vanishes[30m])`,
	`absent_over_time(vanishes[2m])`,
	`changes(replay_lag_seconds[20m])`,
	`delta(replay_lag_seconds[10m])`,
	`idelta(replay_lag_seconds[10m])`,
	`deriv(replay_lag_seconds[10m])`,
	`predict_linear(replay_lag_seconds[30m], 3600)`,
	`timestamp(replay_lag_seconds)`,
	// histograms
	`histogram_quantile(0.5, rate(duration_seconds_bucket[5m]))`,
	`histogram_quantile(0.99, sum by (le) (rate(duration_seconds_bucket[5m])))`,
	`sum by (route) (rate(duration_seconds_sum[5m])) / sum by (route) (rate(duration_seconds_count[5m]))`,
	`sum(rate(duration_seconds_bucket{le="0.5"}[30m])) / sum(rate(duration_seconds_count[30m]))`,
	// subqueries
	`max_over_time(rate(requests_total[5m])[30m:1m])`,
	`avg_over_time(sum by (code) (rate(requests_total[2m]))[20m:])`,
	`quantile_over_time(0.9, (requests_total - requests_total offset 1m)[15m:30s])`,
	`min_over_time(vanishes[40m:1m] offset 5m)`,
	`sum_over_time((replay_lag_seconds > bool 10)[1h:15s])`,
	// aggregations
	`sum(replay_lag_seconds)`,
	`avg by (component) (replay_lag_seconds)`,
	`stddev(replay_lag_seconds)`,
	`quantile(0.75, replay_lag_seconds)`,
	`topk(2, rate(requests_total[5m]))`,
	`bottomk(2, rate(requests_total[5m]))`,
	`count_values("state", state)`,
	`count by (component) (requests_total)`,
	`group(requests_total)`,
	// operators and joins
	`replay_lag_seconds > 10`,
	`replay_lag_seconds >= bool 10`,
	`requests_total and on (route) rate(duration_seconds_count[5m])`,
	`requests_total unless requests_total{code="200"}`,
	`replay_lag_seconds{component="db"} or replay_lag_seconds{component="db2"}`,
	`sum by (component) (rate(requests_total[5m])) * on (component) group_left (version) build_info`,
	`rate(requests_total{code="500"}[5m]) / ignoring (code) group_left sum without (code) (rate(requests_total[5m]))`,
	`-replay_lag_seconds ^ 2 % 7`,
	`sin(replay_lag_seconds) + cos(replay_lag_seconds) + sqrt(replay_lag_seconds)`,
	// functions
	`label_replace(requests_total, "short", "$1", "route", "/(.*)")`,
	`label_join(requests_total, "both", "-", "route", "code")`,
	`absent(nothing{job="x"})`,
	`absent(requests_total)`,
	`clamp(replay_lag_seconds, 5, 20)`,
	`round(replay_lag_seconds, 0.5)`,
	`ceil(replay_lag_seconds) - floor(replay_lag_seconds)`,
	`exp(replay_lag_seconds / 100) + ln(replay_lag_seconds + 1) + log2(replay_lag_seconds + 1)`,
	`sgn(replay_lag_seconds - 10) + abs(replay_lag_seconds)`,
	`scalar(sum(replay_lag_seconds)) + vector(1)`,
	`time() - timestamp(replay_lag_seconds)`,
	`hour() + minute(timestamp(requests_total)) + day_of_week() + days_in_month()`,
	`sort(replay_lag_seconds)`,
	`1 + 2 * 3`,
	`1 / 0`,
	`"words"`,
}

// excluded are queries whose answers differ between the Prometheus embedded
// here (3.10) and 2.42, and why. Each must still differ, or it belongs in
// compared.
var excluded = map[string]string{
	`count_over_time(aligned[1m])`:                    "3.0: range selectors are left-open, a sample on the left edge no longer counts",
	`count_over_time(aligned[5m:1m])`:                 "3.0: so are subqueries",
	`requests_total{route=~".web.line"}`:              "3.0: a dot in a regular expression matches a newline",
	`holt_winters(replay_lag_seconds[10m], 0.5, 0.5)`: "3.0: renamed double_exponential_smoothing, behind a feature flag",
	`increase(from_zero_total[30m] @ 1774980600)`:     "2.51: a counter that may have been zero within the window is extrapolated by at most half an interval",
	`replay_lag_seconds atan2 3`:                      "since 2.42: atan2 drops the metric's name, as other operators do",
}

// identical are requests whose answers must be the same to the byte.
var identical = []string{
	`query?query=build_info&time=1774980603.5`,
	`query?query=build_info[1m]&time=1774980603.05`,
	`query?query=special_values[2m]&time=1774980603.005`,
	`query?query=label_replace(build_info,%22quoted%22,%22a%5C%5Cb%3Cc%22,%22%22,%22%22)&time=1774980603`,
	`query?query=rate(duration_seconds_sum%7Broute=%22/web%22%7D[5m])&time=2026-03-31T18:30:00.25Z`,
	`query?query=1e21&time=-1.25`,
	`query?query=1e-7&time=0`,
	`query?query=%22words%22&time=1774980603`,
	`query?query=nothing&time=1774980603`,
	`query?query=sum(`,
	`query?query=1&timeout=soon`,
	`query?query=sum(build_info)*sum(requests_total[1m])&time=1`,
	`query_range?query=build_info&start=1774980603.5&end=1774980700&step=15.25`,
	`query_range?query=1&start=2&end=1&step=1`,
	`query_range?query=1&start=1&end=2&step=0`,
	`query_range?query=1&start=0&end=11001&step=1`,
	`query_range?query=1&end=11001&step=1`,
	`labels`,
	`labels?match[]=build_info`,
	`label/route/values`,
	`label/route/values?match[]=duration_seconds_sum`,
	`label/nothing/values`,
	`series`,
	`series?match[]=build_info`,
	`series?match[]=%7Bjob=%22%22%7D`,
	`series?match[]=build_info&start=1&end=2`,
	`query_exemplars?query=build_info&start=1&end=2`,
	`alerts`,
}

// far is where counters begin: the versions extrapolate differently when one
// may have been zero within the window.
const far = 1e6

// fill appends two hours of deterministic data: ticks every 15 s or so that
// never lie on a whole second, a gap, resets, a series that appears and one
// that ends; and aligned, whose samples do lie on whole quarter minutes.
func fill(t *testing.T, s *Store) {
	t.Helper()
	random := rand.New(rand.NewPCG(2, 42))
	requests := map[string]float64{}
	buckets := map[string][]float64{}
	lag := map[string]float64{"db": 5, "db2": 30}
	for i := range 480 {
		tick := start.Add(time.Duration(i)*15*time.Second + 7*time.Second + time.Duration(100+random.IntN(800))*time.Millisecond)
		var b strings.Builder
		b.WriteString("# TYPE requests_total counter\n")
		for _, route := range []string{"/web", "/jsonrpc", "\nweb\nline"} {
			for _, code := range []string{"200", "404", "500"} {
				key := fmt.Sprintf("component=\"ingress\",route=%q,code=%q", route, code)
				requests[key] += random.ExpFloat64() * 20
				if code == "404" && i%200 == 150 {
					requests[key] = 3000 // reset
				}
				fmt.Fprintf(&b, "requests_total{%s} %v\n", key, far+requests[key])
			}
		}
		b.WriteString("# TYPE duration_seconds histogram\n")
		for _, route := range []string{"/web", "/jsonrpc"} {
			writeHistogram(&b, random, buckets, route)
		}
		for _, db := range []string{"db", "db2"} {
			lag[db] = math.Abs(lag[db] + random.NormFloat64()*3)
			fmt.Fprintf(&b, "replay_lag_seconds{component=%q,standby=\"one\"} %v\n", db, lag[db])
			fmt.Fprintf(&b, "state{component=%q} %d\n", db, random.IntN(3))
		}
		if i > 20 {
			fmt.Fprintf(&b, "# TYPE from_zero_total counter\nfrom_zero_total{component=\"db\"} %d\n", i-20)
		}
		b.WriteString("build_info{component=\"ingress\",version=\"3.6\"} 1\n")
		fmt.Fprintf(&b, "special_values{component=\"db\"} %s\n", []string{"NaN", "+Inf", "-Inf", "1e-9", "1e+30", "0"}[i%6])
		if i%20 < 15 && i < 300 {
			fmt.Fprintf(&b, "vanishes{component=\"db\"} %d\n", i)
		}
		if i > 250 {
			fmt.Fprintf(&b, "# TYPE appears_late_total counter\nappears_late_total{component=\"db\"} %d\n", 1000+i)
		}
		if i < 100 || i > 108 { // the gap
			if err := s.Append(tick, parse(t, b.String())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 480 {
		if err := s.Append(start.Add(time.Duration(i)*15*time.Second), parse(t, fmt.Sprintf("aligned{component=\"db\"} %d\n", i))); err != nil {
			t.Fatal(err)
		}
	}
}

// writeHistogram adds observations to a histogram and writes it.
func writeHistogram(b *strings.Builder, random *rand.Rand, buckets map[string][]float64, route string) {
	bounds := []float64{0.05, 0.1, 0.5, 1, 5}
	counts := buckets[route]
	if counts == nil {
		counts = slices.Repeat([]float64{far}, len(bounds)+2)
	}
	for range random.IntN(20) {
		v := random.ExpFloat64() * 0.3
		for i, bound := range bounds {
			if v <= bound {
				counts[i]++
			}
		}
		counts[len(bounds)]++
		counts[len(bounds)+1] += v
	}
	buckets[route] = counts
	for i, bound := range bounds {
		fmt.Fprintf(b, "duration_seconds_bucket{component=\"ingress\",route=%q,le=\"%v\"} %v\n", route, bound, counts[i])
	}
	fmt.Fprintf(b, "duration_seconds_bucket{component=\"ingress\",route=%q,le=\"+Inf\"} %v\n", route, counts[len(bounds)])
	fmt.Fprintf(b, "duration_seconds_sum{component=\"ingress\",route=%q} %v\n", route, counts[len(bounds)+1])
	fmt.Fprintf(b, "duration_seconds_count{component=\"ingress\",route=%q} %v\n", route, counts[len(bounds)])
}

// pair is our API and a real Prometheus over the same samples.
type pair struct{ ours, theirs string }

func newPair(t *testing.T) pair {
	t.Helper()
	s := open(t, Options{Backwards: 3 * time.Hour, Now: func() time.Time { return start.Add(2 * time.Hour) }})
	fill(t, s)
	blocks := filepath.Join(t.TempDir(), "blocks")
	if err := s.db.Snapshot(blocks, true); err != nil {
		t.Fatal(err)
	}
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	prometheus, err := l.Prometheus(t.Context(), lab.PrometheusOptions{DataDir: blocks, Interval: time.Minute, Args: []string{"--storage.tsdb.retention.time=100y"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler("/prometheus"))
	t.Cleanup(server.Close)
	return pair{ours: server.URL + "/prometheus", theirs: prometheus.URL}
}

// reply is what a query API answers.
type reply struct {
	Status    string
	ErrorType string
	Data      struct {
		ResultType string
		Result     json.RawMessage
	}
}

func ask(t *testing.T, base, endpoint string, parameters url.Values) (string, reply) {
	t.Helper()
	resp, err := http.PostForm(base+"/api/v1/"+endpoint, parameters)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v: %.200s", base, err, body)
	}
	return canonical(t, r), r
}

// canonical writes a result one series a line, in an order of its own where
// the API promises none, and with floats to 13 digits: the versions add in
// different orders.
func canonical(t *testing.T, r reply) string {
	t.Helper()
	if r.Data.ResultType != "vector" && r.Data.ResultType != "matrix" {
		return r.Status + r.ErrorType + r.Data.ResultType + rounded(t, r.Data.Result)
	}
	var series []json.RawMessage
	if err := json.Unmarshal(r.Data.Result, &series); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range series {
		out = append(out, rounded(t, s))
	}
	slices.Sort(out)
	return r.Data.ResultType + "\n" + strings.Join(out, "\n")
}

func rounded(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if len(raw) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for _, k := range []string{"value", "values"} {
				if v[k] != nil {
					v[k] = walk(v[k])
				}
			}
		case string:
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return strconv.FormatFloat(f, 'g', 13, 64)
			}
		}
		return v
	}
	b, err := json.Marshal(walk(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// instants and ranges at which queries are compared: no edge of a window of
// whole or half minutes falls on a sample there.
func evaluations() map[string]url.Values {
	second := func(d time.Duration) string {
		return strconv.FormatFloat(float64(start.Add(d).UnixMilli())/1000, 'f', 3, 64)
	}
	out := map[string]url.Values{}
	for _, d := range []time.Duration{40*time.Minute + 3500*time.Millisecond, 26*time.Minute + 2*time.Second, 2*time.Hour - 57*time.Second} {
		out["at "+d.String()] = url.Values{"time": {second(d)}}
	}
	out["range by 1 min"] = url.Values{"start": {second(10*time.Minute + 3500*time.Millisecond)}, "end": {second(2 * time.Hour)}, "step": {"60"}}
	out["range by 30 s"] = url.Values{"start": {second(-time.Minute + 4*time.Second)}, "end": {second(30 * time.Minute)}, "step": {"30s"}}
	return out
}

func TestAnswersAreThoseOfARealPrometheus(t *testing.T) {
	p := newPair(t)
	for _, query := range compared {
		t.Run(query, func(t *testing.T) {
			for name, parameters := range evaluations() {
				ours, theirs, r := p.both(t, query, parameters)
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Errorf("%s (-Prometheus +ours):\n%.2000s", name, diff)
				}
				if r.Status != "success" && query != `"words"` {
					t.Errorf("%s: %s %s: nothing was compared", name, r.Status, r.ErrorType)
				}
			}
		})
	}
	for _, path := range identical {
		t.Run("identical "+path, func(t *testing.T) {
			theirStatus, theirs := request(t, http.MethodGet, p.theirs+"/api/v1/"+path, "")
			status, ours := request(t, http.MethodGet, p.ours+"/api/v1/"+path, "")
			if diff := cmp.Diff(theirs, ours); diff != "" || status != theirStatus {
				t.Errorf("status %d, Prometheus' %d; body (-Prometheus +ours):\n%s", status, theirStatus, diff)
			}
		})
	}
	for query, reason := range excluded {
		t.Run("excluded "+query, func(t *testing.T) {
			at := url.Values{"time": {strconv.FormatInt(start.Add(time.Hour).Unix(), 10)}}
			if ours, theirs, _ := p.both(t, query, at); ours == theirs {
				t.Errorf("answers agree, so this is no exclusion (%s):\n%s", reason, ours)
			}
		})
	}
}

func (p pair) both(t *testing.T, query string, parameters url.Values) (ours, theirs string, r reply) {
	t.Helper()
	endpoint := "query"
	if parameters.Has("start") {
		endpoint = "query_range"
	}
	parameters = url.Values(http.Header(parameters).Clone())
	parameters.Set("query", query)
	theirs, _ = ask(t, p.theirs, endpoint, parameters)
	ours, r = ask(t, p.ours, endpoint, parameters)
	return ours, theirs, r
}
