package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// judged is the standing tier of every process selected. What cannot be told
// lies between working and informational, so that the worst of several is never
// drawn as working while one of them is not known.
func judged(selector string) string {
	return `(0.5 * (closewatch_impact_unknown{` + selector + `} == 1) or closewatch_impact_tier{` + selector + `})`
}

// tiers are the words of judged.
func tiers() []dashboard.ValueMapping {
	return mapped(
		word{"0", "Working", good}, word{"0.5", cannotTell, unknown}, word{"1", "Informational", notice},
		word{"2", "Degradation", bad}, word{"3", "Business-critical", worst},
	)
}

// outcome is where every dashboard of a component begins: what the business
// sees of it.
func (b *board) outcome() {
	b.row("What the business sees")
	b.impaired(4, 5)
	put(b, 20, 5, b.timeline("Worst tier by entity", "The worst of the processes of each entity: whether what follows matters to anybody. Grey: nothing tells of one of them, and none is worse. Choose a line to see its processes.",
		"{{entity}} ({{tenant}})", `max by (tenant, entity) (`+judged(inEntity)+`)`, tiers()).
		DataLinks(linked(to("The processes of ${__field.labels.entity}", "fleet-by-tier", "tenant", "entity"), b.incidents())))
}

// impaired counts the processes that do not work as they should, and those of
// which nobody knows.
func (b *board) impaired(w, h uint32) {
	put(b, w, h, b.numbers("Finance processes", "How many are impaired, at degradation or business-critical, and of how many nothing tells whether they work; of those chosen above.",
		latest("A", "impaired", `sum(closewatch_impact_tier{`+inEntity+`} >= bool 2)`),
		latest("B", "cannot be told", `sum(closewatch_impact_unknown{`+inEntity+`})`)).
		Thresholds(steps(good, from(1, bad))).OverrideByQuery("B", thresholds(good, from(1, unknown))).
		DataLinks(linked(b.incidents())))
}

// counts says how many processes are at which tier. Each process is counted
// once, so that the numbers add up to all of them.
func (b *board) counts(w, h uint32) {
	for _, c := range []struct {
		title, about, expr, none, some string
	}{
		{"Business-critical", "Processes that need somebody now, per entity.", atTier("== bool 3"), good, worst},
		{"Degradation", "Processes that are impaired and can wait for working hours.", atTier("== bool 2"), good, bad},
		{"Informational", "Processes of which something is worth knowing.", atTier("== bool 1"), good, notice},
		{"Cannot be told", "Processes of which nothing tells whether they work: unknown, not fine.", `sum(closewatch_impact_unknown{` + inEntity + `})`, good, unknown},
		{"Working", "Processes with no standing tier of which something tells that they work.", atTier("== bool 0"), bad, good},
	} {
		put(b, w, h, b.number(c.title, c.about, c.expr).Thresholds(steps(c.none, from(1, c.some))).DataLinks(linked(b.incidents())))
	}
}

// atTier counts the processes of which something is known by their tier.
func atTier(is string) string { return `sum(closewatch_impact_tier{` + inEntity + `} ` + is + `)` }
