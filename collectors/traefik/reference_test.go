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
	config := Config{Metrics: "http://127.0.0.1:8080/metrics", Ping: []string{"http://127.0.0.1:8080/ping"}, AccessLog: "/nowhere/access.log", Log: "/nowhere/traefik.log"}
	config.SetDefaults()
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/traefik.md", Introduction: introduction + accessLogReference, Types: map[string]string{"traefik_service_retries_total": "counter", "traefik_entrypoint_tls_failed": "gauge", "traefik_finance_interrupted_writes_total": "counter", "traefik_finance_recent_interrupted_writes": "gauge", "traefik_finance_unlisted_operations": "gauge", "traefik_accesslog_coverage_ratio": "gauge", "traefik_finance_operation_request_bytes_total": "counter", "traefik_finance_operation_retries_total": "counter", "traefik_finance_upstream_error_ratio": "gauge"}, Settings: []string{"config.go", "rule.go"},
		Sections: collectortest.Sections(New(Settings{Component: "ingress", Config: config}), ""),
		Source: func(metric string) string {
			switch {
			case strings.HasPrefix(metric, "traefik_log_"):
				return "Traefik's own log"
			case metric == "traefik_config_refused":
				return "Traefik's metrics or its own log"
			case slices.ContainsFunc(republished, func(f family) bool { return f.name == metric }), strings.HasPrefix(metric, "traefik_router_"),
				strings.HasPrefix(metric, "traefik_service_"), strings.HasPrefix(metric, "traefik_config_"), strings.HasPrefix(metric, "traefik_tls_"):
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

Traefik's own metrics, its entrypoints asked from outside, the access log as finance operations, and what Traefik's own log complains of. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.

` + "```" + `yaml
components:
  ingress:
    traefik:
      metrics: "http://127.0.0.1:8080/metrics"
      accessLog: /var/log/traefik/access.log
      log: /var/log/traefik/traefik.log
      ping: ["http://erp.example.com", "https://erp.example.com/web/health"]
      tenants: {"erp.example.com": prod, "*.erp.example.com": "*"}
      operations: [sale.order/action_confirm]
      rules: [{path: /api/bank/*, name: bank-api, method: POST}]
` + "```" + `

## Settings

{settings}

## Operations

A request is an operation: a model and method of a bounded list (those of the catalogue of processes, some more, and ` + "`" + `operations` + "`" + `), the name of a rule, or a shape of URL. Rules are asked in order and the first that matches wins; they do not reach ` + "`" + `/web/dataset/` + "`" + ` and ` + "`" + `/json/2/` + "`" + `, which Odoo's client calls, and never see a query. What is left of Odoo's calls is ` + "`" + `other` + "`" + `: ` + "`" + `traefik_finance_unlisted_operations` + "`" + ` says how many methods that hides, and ` + "`" + `closewatch check --live` + "`" + ` names those that change something and are called often.

Odoo 16 and 17 send buttons to ` + "`" + `/web/dataset/call_button` + "`" + ` without a name: posting there counts as ` + "`" + `button` + "`" + ` and not as ` + "`" + `account.move/action_post` + "`" + `. ` + "`" + `/jsonrpc` + "`" + ` and ` + "`" + `/xmlrpc` + "`" + ` have their model in the body and count as ` + "`" + `rpc` + "`" + `.

**Odoo hides errors in HTTP 200.** A posting that a lock date, a right or a check refuses is answered with status 200, and only the body says so. Outcome ` + "`" + `ok` + "`" + ` means that an answer was delivered. Two things close that gap: flows (` + "`" + `closewatch probe` + "`" + `) read the answer of a posting of their own and then look whether it is there, and Odoo's log tells the errors behind answers of users. The posting rate in Odoo's tables shows whether work gets done at all.

A tenant is known by the host; the company is not in a line. A host below ` + "`" + `"*.erp.example.com": "*"` + "`" + ` becomes a tenant, named by its first label, with the first call of a user that Odoo answers there, so that names somebody tries out do not; at most 100 in all.

## Writes that were cut off

` + "`" + `traefik_finance_interrupted_writes_total` + "`" + ` counts what a user must not simply do again: postings, imports, payments, reconciliations, sending and other methods that change the books, which ended in a timeout (504), were given up after a second or more (499), or whose answer was cut short. Odoo goes on working after Traefik has given up, and a client that sends the request again does the work twice. What never reached Odoo (502, 503, an upload that broke off) is not counted, and neither is ` + "`" + `rpc` + "`" + `, where reading cannot be told from writing.

## Coverage

` + "`" + `traefik_accesslog_coverage_ratio` + "`" + ` shows when the log tells less than happened, and so biases every rate:

| by | sees | does not see |
|---|---|---|
| numbering | what ` + "`" + `accessLog.filters` + "`" + ` leave out, and lines that were lost: gaps in RequestCount | routers and entrypoints whose access log is off: they have no numbers; lines of genericCLF |
| entrypoints | these too: requests of ` + "`" + `traefik_entrypoint_requests_total` + "`" + ` against lines over the same five minutes | routers whose metrics are off. Entrypoints that should not log are left out by ` + "`" + `entryPoints` + "`" + `; ` + "`" + `[none]` + "`" + ` leaves out all, where routers without a log are meant to be |

## Traefik's own log

A broken change leaves no trace in the metrics of Traefik 3: it is refused, and only ` + "`" + `log.filePath` + "`" + ` says so (JSON or text, at any level; INFO also tells of restarts). ` + "`" + `traefik_config_refused` + "`" + ` is 1 until a later change is taken over, Traefik is started again, or a day has passed: a file that is put back as it was causes no reload that could tell. A provider that could not start stays missing until Traefik is started again. Of lines nothing is kept but what they are about and when.

Traefik 2 names are mapped to those of Traefik 3: ` + "`" + `traefik_entrypoint_open_connections` + "`" + ` is published as ` + "`" + `traefik_open_connections` + "`" + `. What only Traefik 2 has keeps its name.

## Rights

Reading the two logs and the metrics' address.

## Cost

One scrape and one request to each URL of ` + "`" + `ping` + "`" + ` in an interval, each on a new connection. The logs are followed from where they were left; a line of the access log costs no allocation.
`
