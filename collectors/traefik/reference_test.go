package traefik

import (
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// TestReference holds docs/collectors/traefik.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{Metrics: "http://127.0.0.1:8080/metrics", Ping: "http://127.0.0.1:8080/ping", AccessLog: "/nowhere/access.log"}
	config.SetDefaults()
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/traefik.md", Introduction: introduction + accessLogReference, Types: map[string]string{"traefik_service_retries_total": "counter", "traefik_accesslog_coverage_ratio": "gauge", "traefik_finance_operation_request_bytes_total": "counter", "traefik_finance_operation_retries_total": "counter", "traefik_finance_upstream_error_ratio": "gauge"}, Settings: []string{"config.go"},
		Sections: collectortest.Sections(New(Settings{Component: "ingress", Config: config}), ""),
		Source: func(metric string) string {
			switch {
			case slices.ContainsFunc(republished, func(f family) bool { return f.name == metric }):
				return "Traefik's metrics"
			case strings.HasPrefix(metric, "traefik_entrypoint_"), metric == "traefik_up":
				return "an answer of Traefik"
			}
			return "the access log"
		},
	})
}

const introduction = `# Traefik

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/traefik; a test holds it to the code. -->

Traefik's own metrics, an outside-in ping, and the access log as finance operations. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  ingress:
    traefik: {metrics: "http://127.0.0.1:8080/metrics", accessLog: /var/log/traefik/access.log, ping: "https://erp.example.com/web/health"}
` + "`" + `` + "`" + `` + "`" + `

## Settings

{settings}

## Rights

Reading the access log and the metrics' address.

## Cost

One scrape and one ping in an interval. The log is followed from where it was left; a line costs no allocation.
`
