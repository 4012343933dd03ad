package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Traefik is for whoever runs the ingress: do people get through, whose fault
// is it when not, is the access log whole that finance operations are told
// from.
func Traefik(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "traefik", "Traefik", "Do people get through to finance, where is the time spent, and can the access log be believed.")
	b.component("traefik_up")
	const people = inTenant + `,component=~"$component",client="user"`
	rate := func(by, metric, labels string) string {
		return `sum by (` + by + `) (rate(` + metric + `{` + labels + `}[$__rate_interval]))`
	}
	quantile := func(metric string) string {
		return `histogram_quantile(0.95, ` + rate("operation, le", metric+"_bucket", people) + `)`
	}
	b.outcome()
	b.row("Do people get through")
	put(b, 4, 8, b.number("Reachable", "Whether the entrypoint answers from outside with anything but a server error.",
		`min(traefik_entrypoint_reachable{`+inComponent+`})`).Mappings(verdicts("Not reachable", "Reachable")).Thresholds(steps(good)))
	b.signals(10, 8, "Signals of Traefik", "traefik")
	put(b, 10, 8, b.line("Failed finance operations", "Share of people's operations that ended in a server or upstream error. Odoo answers HTTP 200 to a failed call, so a low share proves little: compare with postings.", "percentunit", "{{operation}}",
		`(`+rate("operation", "traefik_finance_operations_total", people+`,outcome=~"server|upstream"`)+` or 0 * `+rate("operation", "traefik_finance_operations_total", people)+`) / `+rate("operation", "traefik_finance_operations_total", people)).
		NoValue("nobody worked").DataLinks(linked(to("The objectives", "objectives-and-budgets"))))
	put(b, 12, 8, b.line("Finance operations", "Operations per second of people and integrations, from the access log. Test transactions are left out.", "reqps", "{{operation}}",
		rate("operation", "traefik_finance_operations_total", people)).Legend(legendTable()))
	put(b, 12, 8, b.line("Requests by status code", "Requests per second as Traefik counts them. Code 0 is a websocket.", "reqps", "code {{code}}",
		rate("code", "traefik_entrypoint_requests_total", inComponent)).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)))
	b.row("Where is the time spent")
	put(b, 8, 8, b.line("Duration, 95th percentile", "Nineteen of twenty of people's operations are faster than this.", "s", "{{operation}}", quantile("traefik_finance_operation_duration_seconds")))
	put(b, 8, 8, b.line("Of that, waiting for Odoo", "The part Traefik waited for the server behind it: what is left is the network and the client.", "s", "{{operation}}", quantile("traefik_finance_operation_origin_duration_seconds")))
	put(b, 8, 8, b.line("Answer from outside", "How long the entrypoint took to answer us from outside, connecting and TLS included.", "s", "{{component}}",
		`max by (component) (traefik_entrypoint_ping_duration_seconds{`+inComponent+`})`))
	b.row("What comes through")
	put(b, 8, 7, b.line("Open connections", "Connections by entrypoint and protocol.", "short", "{{entrypoint}} {{protocol}}",
		`sum by (entrypoint, protocol) (traefik_open_connections{`+inComponent+`})`))
	put(b, 8, 7, b.line("Bytes", "Bytes per second of requests and answers.", "Bps", "requests", `sum(rate(traefik_entrypoint_requests_bytes_total{`+inComponent+`}[$__rate_interval]))`).
		WithTarget(over("B", "answers", `sum(rate(traefik_entrypoint_responses_bytes_total{`+inComponent+`}[$__rate_interval]))`)))
	put(b, 8, 7, b.line("Age of its configuration", "Time since Traefik last took up a configuration.", "s", "{{component}}",
		`time() - max by (component) (traefik_config_last_reload_success{`+inComponent+`})`))
	b.row("Can the access log be believed")
	put(b, 8, 7, b.line("Share of requests whose line was read", "Below 100 % requests are missing from everything above that is told by operation.", "percentunit", "{{component}} by {{by}}",
		`min by (component, by) (traefik_accesslog_coverage_ratio{`+inComponent+`})`).Max(1))
	put(b, 8, 7, b.line("Not read yet", "Bytes written to the access log and not read yet.", "bytes", "{{component}}", `max by (component) (traefik_accesslog_lag_bytes{`+inComponent+`})`))
	put(b, 8, 7, b.line("Lines by what became of them", "Lines per second.", "ops", "{{result}}", rate("result", "traefik_accesslog_lines_total", inComponent)))
	return b.DashboardBuilder
}
