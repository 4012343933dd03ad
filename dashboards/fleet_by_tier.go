package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// FleetByTier is the whole estate at one look, for a wall: every process by
// its tier, every component by its state.
func FleetByTier(o Options) *dashboard.DashboardBuilder {
	b := newBoard(o, "fleet-by-tier", "fleet by tier", "How is the whole estate, and where is it worst.")
	b.row("How many, at which tier")
	b.counts(4, 5)
	put(b, 4, 5, b.number("Open incidents", "Incidents that are open, of any tier.",
		`sum(closewatch_incidents_open{`+inEnvironment+`})`).Thresholds(steps(notice, from(1, bad))).DataLinks(linked(b.incidents())))
	b.row("Every process and every component")
	put(b, 16, 14, b.timeline("Processes", "The standing alert tier of each process of each entity. Choose a line to see why.",
		"{{process}} · {{entity}} ({{tenant}})", `max by (process, tenant, entity) (`+judged(inEntity)+`)`, tiers()).
		DataLinks(linked(why("tenant", "entity"), b.incidents())))
	put(b, 8, 14, b.timeline("Components", "Components by their health signals. A cause without a symptom never pages.",
		"{{component}} ({{kind}})", `max by (component, kind) (closewatch_component_state{`+inEnvironment+`})`, states()).DataLinks(linked(causes()...)))
	b.row("Where it is worst")
	put(b, 8, 8, b.bars("Entities by processes impaired", "Processes at degradation or business-critical; the ten entities that have the most.", "short", "{{entity}} ({{tenant}})",
		`topk(10, sum by (tenant, entity) (closewatch_impact_tier{`+inEntity+`} >= bool 2))`).Decimals(0).Min(0).Thresholds(steps(good, from(1, bad))).
		DataLinks(linked(to("The processes of ${__field.labels.entity}", "fleet-by-tier", "tenant", "entity"))))
	put(b, 8, 8, b.bars("Flapping", "Impacts that came back so soon that they were held, in the range shown; the ten most frequent.", "short", "{{process}} · {{entity}}",
		`topk(10, sum by (process, entity) (increase(closewatch_impact_flaps_total{`+inEntity+`}[$__range])))`).Decimals(0).Min(0).Thresholds(steps(notice, from(1, bad))))
	put(b, 8, 8, b.bars("Least error budget", "Of the rolling window; the ten objectives that have the least left.", "percentunit", "{{objective}}",
		`bottomk(10, min by (process, objective) (closewatch_slo_error_budget_remaining_ratio{`+inObjective+`,window="rolling",reading="raw"}))`).
		NoValue("no traffic in the period").Max(1).Thresholds(steps(worst, from(0, good))).DataLinks(linked(promises())))
	b.row("Is it business as usual")
	put(b, 12, 7, b.line("Journal entries posted per minute", "Entries posted in real companies, by tenant and entity.", "short", "{{entity}} ({{tenant}})",
		`sum by (tenant, entity) (rate(odoo_journal_entries_posted_total{`+inBooks+`}[$__rate_interval])) * 60`))
	put(b, 12, 7, b.line("Finance operations", "Operations per second of people and integrations, by tenant.", "reqps", "{{tenant}}",
		`sum by (tenant) (rate(traefik_finance_operations_total{`+inTenant+`,client="user"}[$__rate_interval]))`))
	return b.DashboardBuilder
}
