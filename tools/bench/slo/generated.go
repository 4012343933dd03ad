package main

import (
	"math/big"

	"github.com/closewatch/closewatch/alerts/rules"
	engine "github.com/closewatch/closewatch/internal/slo"
)

// generated writes the rules that ours generates for the same objectives.
func generated(slos int) (string, error) {
	objectives := make([]rules.Objective, slos)
	for i := range objectives {
		one := rules.Match{Label: "slo", Values: []string{slo(i)}}
		all := rules.Counter{Metric: metric, Match: []rules.Match{one}}
		objectives[i] = rules.Objective{
			ID: objectiveID(i), Process: "invoice-posting", Title: "Invoice posting", Tenant: "prod", Environment: "production",
			Indicator: "availability", Source: engine.Users, Team: "erp", Says: "an entry is posted without an error",
			Target: big.NewRat(999, 1000), MinBad: 3, All: all, Total: all,
			Good: rules.Counter{Metric: metric, Match: []rules.Match{one, {Label: "result", Values: []string{"success"}}}},
		}
	}
	content, err := rules.Generate(rules.Options{Settings: engine.Settings{Tick: step, Scale: 1}}, objectives)
	return string(content), err
}

// A record is a series that rules recorded during the history, and read now.
type record struct {
	labels map[string]string
	every  int64 // seconds between its samples
	value  float64
}

// records are those that either set of rules reads far back.
func records(slos int) (out []record) {
	for i := range slos {
		out = append(out, record{map[string]string{
			"__name__": "slo:sli_error:ratio_rate5m", "owner": "finance-platform", "sloth_id": "odoo-acct-" + slo(i),
			"sloth_service": "odoo-acct", "sloth_slo": slo(i), "sloth_window": "5m",
		}, 60, 0.001})
		for kind, value := range map[string]float64{"events": 120, "events_bad": 0.08, "evaluations": 1, "evaluations_observed": 1} {
			of := func(operation string) map[string]string {
				return map[string]string{"__name__": "closewatch_slo:" + kind + ":" + operation, "environment": "production", "tenant": "prod", "objective": objectiveID(i)}
			}
			out = append(out, record{of("tick"), 30, value}, record{of("cell10"), 300, 10 * value})
			if kind == "events" || kind == "events_bad" { // of the error budget
				out = append(out, record{of("cell120"), 3600, 120 * value})
			}
		}
	}
	return out
}
