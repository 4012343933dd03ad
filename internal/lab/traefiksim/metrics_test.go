package traefiksim_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

// A family is what must be alike about a metric whatever was measured.
type family struct {
	Type, Help string
	Labels     []string
	Buckets    []float64
}

func TestMetricFamiliesMatchTheRecording(t *testing.T) {
	recorded, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, traefiksim.AccessLog{})
	perform(t, r)
	if diff := cmp.Diff(families(t, string(recorded)), families(t, r.metrics(t))); diff != "" {
		t.Errorf("families differ (-recorded +ours):\n%s", diff)
	}
}

// The oddities of counting, each as recorded.
func TestCountsFollowTheRecording(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	perform(t, r)
	metrics := r.metrics(t)
	const app = `router="app@file",service="app@file"`
	for name, tt := range map[string]struct {
		series, want string // want "" means: no such series
	}{
		"websocket has code 0":                    {`traefik_router_requests_total{code="0",method="GET",protocol="websocket",` + app + `}`, "1"},
		"unknown methods are one":                 {`traefik_router_requests_total{code="200",method="EXTENSION_METHOD",protocol="http",` + app + `}`, "2"},
		"an abort is 499 on the service":          {`traefik_service_requests_total{code="499",method="GET",protocol="http",service="app@file"}`, "1"},
		"an aborted upload is a 502":              {`traefik_service_requests_total{code="502",method="POST",protocol="http",service="app@file"}`, "1"},
		"an aborted upload counts what came":      {`traefik_service_requests_bytes_total{code="502",method="POST",protocol="http",service="app@file"}`, "7"},
		"a cut off answer is nowhere":             {`traefik_router_requests_total{code="200",method="GET",protocol="http",` + app + `}`, "1"},
		"no healthy server is the router's":       {`traefik_router_requests_total{code="503",method="GET",protocol="http",router="allunhealthy@file",service="unhealthy@file"}`, "1"},
		"no healthy server is not the service's":  {`traefik_service_requests_total{code="503",method="GET",protocol="http",service="unhealthy@file"}`, ""},
		"a rate limit is the router's":            {`traefik_router_requests_total{code="429",method="GET",protocol="http",router="limited@file",service="app@file"}`, "1"},
		"a rate limit is not the service's":       {`traefik_service_requests_total{code="429",method="GET",protocol="http",service="app@file"}`, ""},
		"a refusal is the router's":               {`traefik_router_requests_total{code="401",method="GET",protocol="http",router="auth@file",service="app@file"}`, "1"},
		"no router leaves only the entry point":   {`traefik_entrypoint_requests_total{code="404",entrypoint="unrouted",method="GET",protocol="http"}`, "1"},
		"tls is counted by version and cipher":    {`traefik_router_requests_tls_total{router="apptls@file",service="app@file",tls_cipher="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",tls_version="1.2"}`, "1"},
		"one configuration was loaded":            {`traefik_config_reloads_total`, "1"},
		"a server without health check has no up": {`traefik_service_server_up{service="single@file",url="` + r.backend + `"}`, ""},
		"a healthy server is up":                  {`traefik_service_server_up{service="app@file",url="` + r.backend + `"}`, "1"},
		"response bytes are counted":              {`traefik_service_responses_bytes_total{code="200",method="EXTENSION_METHOD",protocol="http",service="app@file"}`, "14"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sample(metrics, tt.series); got != tt.want {
				t.Errorf("%s = %q, want %q", tt.series, got, tt.want)
			}
		})
	}
}

// perform brings every situation about and waits for its line, which is
// written after counting.
func perform(t *testing.T, r *rig) {
	t.Helper()
	for i, s := range situations() {
		s.act(t, r)
		r.lines(t, i+1)
	}
}

func sample(metrics, series string) string {
	for line := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func families(t *testing.T, text string) map[string]family {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]family{}
	for name, mf := range parsed {
		f := family{Type: mf.GetType().String(), Help: mf.GetHelp()}
		first := mf.GetMetric()[0]
		for _, label := range first.GetLabel() {
			f.Labels = append(f.Labels, label.GetName())
		}
		if f.Type == "HISTOGRAM" {
			for _, b := range first.GetHistogram().GetBucket() {
				f.Buckets = append(f.Buckets, b.GetUpperBound())
			}
		}
		out[name] = f
	}
	return out
}
