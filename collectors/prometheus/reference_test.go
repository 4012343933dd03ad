package prometheus

import (
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// TestReference holds docs/collectors/prometheus.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{Queries: []Query{{Name: "disk-free", Query: "disk_free", By: []string{"instance"}}}}
	config.SetDefaults()
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/prometheus.md", Introduction: introduction, Settings: []string{"config.go", "query.go"},
		Sections: collectortest.Sections(New(Settings{Component: "metrics", Config: config}), "Each query"),
		Source:   func(string) string { return "/api/v1/query" },
	})
}

const introduction = `# Prometheus

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/prometheus; a test holds it to the code. -->

PromQL on an existing Prometheus, VictoriaMetrics, Mimir or Thanos, as signals. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.
` + "`" + `prometheus_query_value` + "`" + ` also has the labels that the query's ` + "`" + `by` + "`" + ` names, such as ` + "`" + `instance` + "`" + ` here.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  metrics:
    prometheus:
      url: https://mimir.example.com/prometheus
      tenant: finance
      bearer: "${file:/run/secrets/mimir}"
      queries:
        - {name: disk-free, query: "min by (instance) (node_filesystem_avail_bytes / node_filesystem_size_bytes)", by: [instance], warning: 0.2, critical: 0.1, direction: below}
` + "`" + `` + "`" + `` + "`" + `

## Settings

{settings}

## Rights

Reading the API ` + "`" + `/api/v1/query` + "`" + `, of the named tenant.

## Cost

One instant query each in an interval, at most four at a time, answers of at most 1 MiB; the server is asked to give up when we do.
`
