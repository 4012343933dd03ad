package traefik

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

func serve(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("User-Agent"), "closewatch-probe/") {
			t.Errorf("User-Agent %q does not name us", r.Header.Get("User-Agent"))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// serveAs answers with a body of a type.
func serveAs(t *testing.T, contentType, body string) *httptest.Server {
	t.Helper()
	return serveWhat(t, func() (string, string) { return contentType, body })
}

func serveWhat(t *testing.T, answer func() (contentType, body string)) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		contentType, body := answer()
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func testClient(t *testing.T) *http.Client {
	c := newClient(true)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func TestScrapeRecordedMetrics(t *testing.T) {
	body, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, http.StatusOK, string(body))
	if err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape"); err != nil {
		t.Error(err)
	}
}

func TestScrapeSumsLabelsAnOperatorAdded(t *testing.T) {
	srv := serve(t, http.StatusOK, `# TYPE traefik_entrypoint_requests_total counter
traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http",useragent="a"} 3
traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http",useragent="b"} 4
`)
	if err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape_header_labels"); err != nil {
		t.Error(err)
	}
}

func TestScrapeFindings(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"HTML":                  {200, "<!DOCTYPE html><html></html>", fault.Schema},
		"another exporter":      {200, "# TYPE node_load1 gauge\nnode_load1 1\n", fault.Schema},
		"empty":                 {200, "", fault.Schema},
		"wrong path":            {404, "404 page not found", fault.Schema},
		"password wanted":       {401, "", fault.Auth},
		"forbidden":             {403, "", fault.Denied},
		"no server behind it":   {502, "Bad Gateway", fault.Unavailable},
		"redirect to somewhere": {302, "", fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, tt.status, tt.body)
			err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape_down")
			if fault.KindOf(err) != tt.kind || fault.HintOf(err) == "" {
				t.Errorf("err = %v, want %s with a hint", err, tt.kind)
			}
		})
	}
}

func TestTraefikStopped(t *testing.T) {
	srv := serve(t, 200, "")
	srv.Close()
	if err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape_down"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("scrape: %v, want unreachable", err)
	}
}

func TestCollectorsReturnWhenTraefikHangs(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	for name, c := range map[string]collector.Collector{
		"scrape": &scrape{url: srv.URL, client: testClient(t), now: time.Now},
		"ping":   ping{urls: []string{srv.URL}, client: testClient(t), now: time.Now},
	} {
		if err := collectortest.Deadline(t, c); fault.KindOf(err) != fault.Timeout {
			t.Errorf("%s: %v, want timeout", name, err)
		}
	}
}

func TestAccessLogMetrics(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	r.write(`{"DownstreamContentSize":7,"DownstreamStatus":200,"Duration":2500000000,"RequestContentSize":153,"OriginDuration":2400000000,"OriginStatus":200,"RequestCount":1,"RequestHost":"ERP.example.com","RequestPath":"/web/dataset/call_kw/account.move/action_post?token=s","ServiceName":"s","StartUTC":"2026-11-22T11:59:00Z","request_User-Agent":"Mozilla/5.0"}
{"DownstreamStatus":200,"Duration":40000000,"OriginDuration":39000000,"OriginStatus":200,"RetryAttempts":1,"RequestCount":2,"RequestHost":"erp.example.com","RequestPath":"/web/dataset/call_kw/account.move/action_post","ServiceName":"s","StartUTC":"2026-11-22T11:59:01Z","request_User-Agent":"closewatch-probe/1"}
{"DownstreamStatus":0,"Duration":3600000000000,"OriginDuration":3600000000000,"OriginStatus":0,"RequestCount":3,"RequestHost":"erp.example.com","RequestPath":"/websocket","ServiceName":"s","StartUTC":"2026-11-22T11:59:02Z"}
{"DownstreamStatus":503,"Duration":200000,"OriginDuration":0,"OriginStatus":0,"RequestCount":4,"RequestHost":"shop.example.com","RequestPath":"/","StartUTC":"2026-11-22T11:59:03Z"}
not a line of any format
`)
	r.poll()
	c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
	if err := collectortest.Golden(t, c, "accesslog"); err != nil {
		t.Error(err)
	}
}

func TestAccessLogMissing(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
	if err := collectortest.Golden(t, c, "accesslog_missing"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("err = %v, want unreachable", err)
	}
}

func TestAccessLogBeforeTheFirstLookIsUnknown(t *testing.T) {
	r := newRig(t)
	r.start()
	c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
	if err := collectortest.Golden(t, c, "accesslog_unknown"); err != nil {
		t.Error(err)
	}
}

func TestAccessLogOfAnotherFormatIsOneFinding(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
	r.write(r.lines(1))
	r.poll()
	if _, err := collect(t, c); err != nil {
		t.Fatal(err)
	}
	r.write(strings.Repeat("time=x level=info request served\n", 20))
	r.poll()
	if _, err := collect(t, c); fault.KindOf(err) != fault.Schema || fault.HintOf(err) == "" {
		t.Errorf("err = %v, want schema with a hint", err)
	}
	r.clock = r.clock.Add(recentFor + time.Second)
	r.write(r.lines(20))
	r.poll()
	if _, err := collect(t, c); err != nil {
		t.Errorf("err = %v after the format was corrected", err)
	}
}

func TestAccessLogLinesThatCannotBeCountedAreOneFinding(t *testing.T) {
	tests := map[string]struct {
		written string
		kind    fault.Kind
		want    string
	}{
		"torn by a truncation": {
			`arted":"2026-11-22T05:40:24Z"}` + "\n", fault.Schema,
			"parse access log: 1 of the 21 lines of the last five minutes cannot be understood: torn, or not Traefik's",
		},
		"in genericCLF": {
			strings.Repeat(`10.0.0.1 - - [22/Nov/2026:02:10:37 +0100] "GET /a HTTP/1.1" 200 7 "-" "-"`+"\n", 30), fault.Schema,
			"parse access log: 30 of the 50 lines of the last five minutes are in genericCLF, which tells neither duration nor server: requests are counted, their latency is not known",
		},
		"without a status": {
			strings.Repeat(`10.0.0.1 - - [22/Nov/2026:02:10:37 +0100] "GET /a HTTP/1.1" - - "-" "-" 9 "-" "-" 0ms`+"\n", 10), fault.Schema,
			"parse access log: 10 lines of the last five minutes have no status: Traefik answered them itself, and in its version 2 the common format does not say how",
		},
		"10 MB long": {
			strings.Repeat("x", 10<<20) + "\n", fault.Limit,
			"read access log: 1 of the lines of the last five minutes exceed 256 KiB and were skipped",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start()
			r.write(r.lines(1))
			r.poll()
			c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
			if _, err := collect(t, c); err != nil {
				t.Fatal(err)
			}
			r.write(r.lines(10) + tt.written + r.lines(10))
			r.poll()
			_, err := collect(t, c)
			if fault.KindOf(err) != tt.kind || fault.HintOf(err) == "" || fault.TextOf(err) != tt.want {
				t.Errorf("err = %v, want %s with a hint", err, tt.want)
			}
			r.clock = r.clock.Add(recentFor + time.Second)
			r.poll()
			if _, err := collect(t, c); err != nil {
				t.Errorf("err = %v after it was over", err)
			}
		})
	}
}

func TestRecentRatios(t *testing.T) {
	r := newRig(t)
	r.start()
	r.poll()
	c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
	before, _ := collect(t, c)
	if _, found := before["traefik_finance_upstream_error_ratio"]; found {
		t.Error("a ratio without requests")
	}
	bad := strings.ReplaceAll(r.lines(25), `"DownstreamStatus":200`, `"DownstreamStatus":502`)
	r.lines(100) // numbered but filtered out of the log
	r.write(bad + r.lines(75))
	r.poll()
	got, err := collect(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if v := got["traefik_finance_upstream_error_ratio"]; v != 0.25 {
		t.Errorf("error ratio = %v, want 0.25", v)
	}
	if v := got["traefik_accesslog_coverage_ratio"]; v != 0.5 {
		t.Errorf("coverage = %v, want 0.5", v)
	}
	r.clock = r.clock.Add(recentFor + time.Minute)
	r.poll()
	if _, err := collect(t, c); err != nil {
		t.Fatal(err)
	}
	got, _ = collect(t, c)
	if v, found := got["traefik_finance_upstream_error_ratio"]; found {
		t.Errorf("error ratio = %v long after the last request", v)
	}
}

// once is a collector as client_golang sees it, undescribed.
type once struct {
	collector.Collector
	ctx context.Context
	err error
}

func (o *once) Describe(chan<- *prometheus.Desc)    {}
func (o *once) Collect(ch chan<- prometheus.Metric) { o.err = o.Collector.Collect(o.ctx, ch) }

// collect gathers once and returns the values of families with one series.
func collect(t *testing.T, c collector.Collector) (map[string]float64, error) {
	t.Helper()
	o := &once{Collector: c, ctx: t.Context()}
	reg := prometheus.NewRegistry()
	reg.MustRegister(o)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, mf := range families {
		if m := mf.GetMetric(); len(m) == 1 {
			values[mf.GetName()] = m[0].GetGauge().GetValue() + m[0].GetCounter().GetValue()
		}
	}
	return values, o.err
}

// labelledValues gathers once and returns the values of one family by its
// labels.
func labelledValues(t *testing.T, c collector.Collector, family string) (map[string]float64, error) {
	t.Helper()
	o := &once{Collector: c, ctx: t.Context()}
	reg := prometheus.NewRegistry()
	reg.MustRegister(o)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, mf := range families {
		for _, m := range mf.GetMetric() {
			if mf.GetName() == family {
				values[labelled(m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return values, o.err
}

func numbered(format string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   []string // fields with a problem
	}{
		"as in the minimal estate": {func(*Config) {}, nil},
		"nothing to watch":         {func(c *Config) { *c = Config{Format: "auto", Interval: c.Interval} }, []string{""}},
		"every mistake at once": {func(c *Config) {
			c.Metrics, c.Ping, c.AccessLog, c.Format, c.Interval = "127.0.0.1:8080", []string{"ftp://x"}, "access.log", "nginx", estate.Duration(time.Hour)
			c.Tenants, c.Operations = map[string]string{"h": ""}, []string{"account.move"}
		}, []string{"metrics", "ping", "accessLog", "format", "interval", "tenants.h", "operations"}},
		"several URLs to ask": {func(c *Config) {
			c.Ping = []string{"http://a/ping", "https://a/ping", "", "http://user@a/ping", "http://a/ping?x=1"}
		}, []string{"ping[2]", "ping[3]", "ping[4]"}},
		"too many URLs":           {func(c *Config) { c.Ping = numbered("http://a/%d", maxPings+1) }, []string{"ping"}},
		"one log for both":        {func(c *Config) { c.Log = c.AccessLog }, []string{"log"}},
		"a log without a root":    {func(c *Config) { c.Log = "traefik.log" }, []string{"log"}},
		"nothing but the own log": {func(c *Config) { *c = Config{Format: "auto", Interval: c.Interval, Log: "/var/log/traefik.log"} }, nil},
		"tenants by their first label": {func(c *Config) {
			c.Tenants = map[string]string{"*.erp.example.com": "*", "*.test.example.com": "trial"}
		}, nil},
		"stars that stand for nothing": {func(c *Config) {
			c.Tenants = map[string]string{"erp.example.com": "*", "*.a.example.com": "p-*", "a.*.example.com": "x"}
		}, []string{"tenants.*.a.example.com", "tenants.a.*.example.com", "tenants.erp.example.com"}},
		"too many rules":       {func(c *Config) { c.Rules = make([]Rule, maxRules+1) }, []string{"rules"}},
		"too many entrypoints": {func(c *Config) { c.EntryPoints = numbered("e%d", maxEntries+1) }, []string{"entryPoints"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			c.Metrics, c.AccessLog = "http://127.0.0.1:8080/metrics", "/var/log/traefik/access.log"
			tt.change(&c)
			var got []string
			for _, p := range c.Validate() {
				got = append(got, p.Field)
				if p.What == "" || p.Remedy == "" {
					t.Errorf("%+v lacks what is wrong or what to write", p)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestInstance(t *testing.T) {
	var c Config
	c.SetDefaults()
	c.Metrics, c.Ping, c.AccessLog = "http://127.0.0.1:1/metrics", []string{"http://127.0.0.1:1/ping"}, filepath.Join(t.TempDir(), "access.log")
	i := New(Settings{Component: "ingress", Environment: "production", Config: c, Log: slog.New(slog.DiscardHandler), StateDir: t.TempDir()})
	defer i.Close()
	var names []string
	for _, task := range i.Tasks() {
		names = append(names, task.Name)
		if task.Interval <= 0 || task.Timeout <= 0 || task.Timeout > task.Interval || task.Kind != "traefik" || task.Component != "ingress" {
			t.Errorf("task %+v", task)
		}
	}
	if diff := cmp.Diff([]string{"metrics", "ping", "accesslog"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := New(Settings{Config: Config{Metrics: "http://127.0.0.1:1"}}).Run(t.Context()); err != nil {
		t.Errorf("Run without a log: %v", err)
	}
}

func TestSignalsReadPublishedMetrics(t *testing.T) {
	described := map[string]bool{}
	ch := make(chan *prometheus.Desc, 100)
	(&scrape{}).Describe(ch)
	ping{}.Describe(ch)
	(&accessLog{}).Describe(ch)
	(&ownLog{}).Describe(ch)
	close(ch)
	for d := range ch {
		name, _, _ := strings.Cut(strings.TrimPrefix(d.String(), `Desc{fqName: "`), `"`)
		described[name] = true
	}
	seen := map[string]bool{}
	for _, s := range Signals() {
		if !described[s.Metric] {
			t.Errorf("signal %s reads %s, which nobody publishes", s.Name, s.Metric)
		}
		if seen[s.Name] {
			t.Errorf("signal %s is defined twice", s.Name)
		}
		seen[s.Name] = true
	}
}
