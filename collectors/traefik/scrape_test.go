package traefik

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

func TestScrapeOfTraefik2(t *testing.T) {
	body, err := os.ReadFile("testdata/metrics_v2.txt")
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, http.StatusOK, string(body))
	if err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape_v2"); err != nil {
		t.Error(err)
	}
}

// What text says, OpenMetrics says too.
func TestScrapeOfOpenMetrics(t *testing.T) {
	srv := serveAs(t, "application/openmetrics-text; version=1.0.0; charset=utf-8", `# HELP traefik_entrypoint_requests How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.
# TYPE traefik_entrypoint_requests counter
traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"} 3.0 # {trace_id="4bf9"} 1.0 1.795313416e+09
traefik_entrypoint_requests_created{code="200",entrypoint="web",method="GET",protocol="http"} 1.795313416e+09
traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http",useragent="b"} 4.0
# TYPE traefik_entrypoint_request_duration_seconds histogram
# UNIT traefik_entrypoint_request_duration_seconds seconds
traefik_entrypoint_request_duration_seconds_bucket{code="200",entrypoint="web",method="GET",protocol="http",le="0.1"} 2 # {trace_id="4bf9"} 0.05
traefik_entrypoint_request_duration_seconds_bucket{code="200",entrypoint="web",method="GET",protocol="http",le="+Inf"} 3
traefik_entrypoint_request_duration_seconds_sum{code="200",entrypoint="web",method="GET",protocol="http"} 0.7
traefik_entrypoint_request_duration_seconds_count{code="200",entrypoint="web",method="GET",protocol="http"} 3
# TYPE traefik_service_server_up gauge
traefik_service_server_up{service="erp@file",url="http://10.0.0.1"} 1.0
# EOF
`)
	if err := collectortest.Golden(t, &scrape{url: srv.URL, client: testClient(t), now: noon}, "scrape_openmetrics"); err != nil {
		t.Error(err)
	}
}

// told has a scrape see bodies one after the other and returns, after each, the
// values of a family by its labels.
func told(t *testing.T, family string, bodies ...string) []map[string]float64 {
	t.Helper()
	var body string
	srv := serveWhat(t, func() (string, string) { return "text/plain; version=0.0.4", body })
	c := &scrape{url: srv.URL, client: testClient(t), now: noon}
	var out []map[string]float64
	for _, body = range bodies {
		values, err := labelledValues(t, c, family)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, values)
	}
	return out
}

func labelled(m *dto.Metric) string {
	var values []string
	for _, l := range m.GetLabel() {
		values = append(values, l.GetValue())
	}
	return strings.Join(values, " ")
}

func TestRequestsOfRemovedServicesStayCounted(t *testing.T) {
	body := func(start float64, requests map[string]int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %g\n# TYPE traefik_service_requests_total counter\n", start)
		for service, n := range requests {
			fmt.Fprintf(&b, "traefik_service_requests_total{code=\"200\",method=\"GET\",protocol=\"http\",service=%q} %d\n", service, n)
		}
		return b.String() + "# TYPE traefik_config_reloads_total counter\ntraefik_config_reloads_total 1\n"
	}
	got := told(
		t, "traefik_service_removed_requests_total",
		body(1, map[string]int{"a@docker": 5, "b@docker": 7}),
		body(1, map[string]int{"a@docker": 6}),  // b is gone
		body(1, map[string]int{"a@docker": 2}),  // a was made anew
		body(2, map[string]int{"c@docker": 1}),  // Traefik was restarted
		body(2, map[string]int{"c@docker": 10}), // and goes on
	)
	want := []map[string]float64{{"": 0}, {"": 7}, {"": 13}, {"": 13}, {"": 13}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRoutersBeyondTheBoundAreFoldedAndNeverFall(t *testing.T) {
	body := func(from, to, each int) string {
		var b strings.Builder
		b.WriteString("# TYPE traefik_router_requests_total counter\n")
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "traefik_router_requests_total{code=\"200\",method=\"GET\",protocol=\"http\",router=\"r%03d@docker\",service=\"s\"} %d\n", i, each+i)
		}
		return b.String()
	}
	got := told(
		t, "traefik_router_requests_total", body(0, 60, 100), body(0, 60, 110),
		body(0, 55, 110), // five with a name are removed
		body(0, 55, 120),
		body(0, 61, 120), // they come back, and one more
	)
	// The fifty busiest are r010 to r059; the ten before them are folded. Of the
	// six that are new in the end, five find a place.
	other := []float64{1045, 1145, 1145, 1245, 1420}
	for i, values := range got {
		if values["200 other other"] != other[i] || len(values) > maxRouters+1 {
			t.Errorf("scrape %d: other = %v of %d series, want %v", i, values["200 other other"], len(values), other[i])
		}
		if _, there := values["200 r009@docker s"]; there {
			t.Errorf("scrape %d: a folded router got a name of its own: its past is counted twice", i)
		}
	}
	if v := got[0]["200 r010@docker s"]; v != 110 {
		t.Errorf("r010 = %v, want 110", v)
	}
	if v := got[4]["200 r060@docker s"]; v != 180 {
		t.Errorf("a new router in a free place = %v, want 180", v)
	}
}

func TestCertificatesByName(t *testing.T) {
	cert := func(cn, sans, serial string, ends int) string {
		return fmt.Sprintf("traefik_tls_certs_not_after{cn=%q,sans=%q,serial=%q} %d\n", cn, sans, serial, ends)
	}
	now := int(noon().Unix())
	got := told(t, "traefik_tls_certificate_remaining_seconds", "# TYPE traefik_tls_certs_not_after gauge\n"+
		cert("erp.example.com", "erp.example.com", "1", now+60)+ // was replaced
		cert("erp.example.com", "erp.example.com,www.example.com", "2", now+6000)+
		cert("", "api.example.com,b.example.com", "3", now-30)+ // has ended
		cert(defaultCertificate, "x.traefik.default", "4", now+5))
	want := []map[string]float64{{"erp.example.com": 6000, "api.example.com": -30}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConfigRefusedAsTraefik2TellsIt(t *testing.T) {
	body := func(success, failure int) string {
		return fmt.Sprintf("# TYPE traefik_config_last_reload_success gauge\ntraefik_config_last_reload_success %d\n# TYPE traefik_config_last_reload_failure gauge\ntraefik_config_last_reload_failure %d\n", success, failure)
	}
	got := told(
		t, "traefik_config_refused", body(100, 0), body(100, 200), body(300, 200),
		"# TYPE traefik_config_last_reload_success gauge\ntraefik_config_last_reload_success 1\n", // Traefik 3 does not tell
	)
	want := []map[string]float64{{"metrics": 0}, {"metrics": 1}, {"metrics": 0}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
