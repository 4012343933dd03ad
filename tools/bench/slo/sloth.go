package main

import (
	"fmt"
	"strings"
)

// sloth writes the rules of objectives in the shape that sloth gives them: for
// each three groups with 17 rules, eight of error ratios, seven about the budget,
// two alerts.
func sloth(slos int) string {
	var b strings.Builder
	b.WriteString("groups:\n")
	for i := range slos {
		slothSLO(&b, slo(i))
	}
	return b.String()
}

func slothSLO(b *strings.Builder, name string) {
	const budget = "0.0009999999999999432"
	id := "odoo-acct-" + name
	which := fmt.Sprintf(`{sloth_id=%q, sloth_service="odoo-acct", sloth_slo=%q}`, id, name)
	common := fmt.Sprintf("      owner: finance-platform\n      sloth_id: %s\n      sloth_service: odoo-acct\n      sloth_slo: %s\n", id, name)
	record := func(series, expr, more string) {
		fmt.Fprintf(b, "  - record: %s\n    expr: |\n      %s\n    labels:\n%s%s", series, strings.ReplaceAll(expr, "\n", "\n      "), common, more)
	}
	group := func(kind string) { fmt.Fprintf(b, "- name: sloth-slo-%s-%s\n  rules:\n", kind, id) }
	window := func(w string) string { return "      sloth_window: " + w + "\n" }

	group("sli-recordings")
	for _, w := range []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} {
		record("slo:sli_error:ratio_rate"+w, fmt.Sprintf("(sum(rate(%[1]s{slo=%[2]q,result=\"error\"}[%[3]s])))\n/\n(sum(rate(%[1]s{slo=%[2]q}[%[3]s])))", metric, name, w), window(w))
	}
	short := "slo:sli_error:ratio_rate5m" + which
	record("slo:sli_error:ratio_rate30d", fmt.Sprintf("sum_over_time(%[1]s[30d])\n/ ignoring (sloth_window)\ncount_over_time(%[1]s[30d])", short), window("30d"))

	group("meta-recordings")
	record("slo:objective:ratio", "vector(0.9990000000000001)", "")
	record("slo:error_budget:ratio", "vector(1-0.9990000000000001)", "")
	record("slo:time_period:days", "vector(30)", "")
	burn := func(ratio string) string {
		return fmt.Sprintf("%s%s\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio%s", ratio, which, which)
	}
	record("slo:current_burn_rate:ratio", burn("slo:sli_error:ratio_rate5m"), "")
	record("slo:period_burn_rate:ratio", burn("slo:sli_error:ratio_rate30d"), "")
	record("slo:period_error_budget_remaining:ratio", "1 - slo:period_burn_rate:ratio"+which, "")
	record("sloth_slo_info", "vector(1)", "      sloth_mode: cli-gen-prom\n      sloth_objective: \"99.9\"\n      sloth_spec: prometheus/v1\n      sloth_version: dev\n")

	group("alerts")
	alert := func(severity string, pairs [2][3]string) {
		var ors []string
		for _, p := range pairs {
			one := func(w string) string {
				return fmt.Sprintf("max(slo:sli_error:ratio_rate%s%s > (%s * %s)) without (sloth_window)", w, which, p[2], budget)
			}
			ors = append(ors, "("+one(p[0])+" and "+one(p[1])+")")
		}
		fmt.Fprintf(b, "  - alert: InvoicePostBurn\n    expr: |\n      %s\n    labels:\n      sloth_severity: %s\n", strings.Join(ors, "\n      or\n      "), severity)
	}
	alert("page", [2][3]string{{"5m", "1h", "14.4"}, {"30m", "6h", "6"}})
	alert("ticket", [2][3]string{{"2h", "1d", "3"}, {"6h", "3d", "1"}})
}
