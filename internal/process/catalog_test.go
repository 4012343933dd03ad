package process_test

import (
	"slices"
	"testing"

	"github.com/closewatch/closewatch/internal/process"
)

// The thirteen finance outcomes every estate is asked about.
var names = []string{
	"invoice-posting", "payment-registration", "bank-reconciliation", "ap-bill-run", "payroll", "month-end-close", "statutory-reporting",
	"subscription-billing", "procurement", "inventory-valuation", "reporting", "e-invoicing", "bank-feed",
}

func TestTheCatalogueIsComplete(t *testing.T) {
	tiers := []process.ServiceTier{process.Critical, process.Important, process.Standard, process.Deferrable}
	var got []string
	for _, p := range process.Catalog() {
		got = append(got, p.Name)
		for field, missing := range map[string]bool{
			"title": p.Title == "", "team": p.Team == "", "owner": p.Owner == "", "stops": p.Stops == "", "workaround": p.Workaround == "",
			"do first": len(p.DoFirst) == 0, "do not": len(p.DoNot) == 0, "needs": len(p.Needs) == 0,
			"RTO": p.Recovery.RTO <= 0, "RPO": p.Recovery.RPO <= 0,
			"tier": !slices.Contains(tiers, p.Tier), "tier in close": !slices.Contains(tiers, p.CloseTier),
		} {
			if missing {
				t.Errorf("%s: %s is missing", p.Name, field)
			}
		}
		if slices.Index(tiers, p.CloseTier) > slices.Index(tiers, p.Tier) {
			t.Errorf("%s matters less in close (%s) than otherwise (%s)", p.Name, p.CloseTier, p.Tier)
		}
		for _, o := range p.Objectives {
			if o.Target <= 0 || o.Target >= 1 {
				t.Errorf("%s: the target %v of %s leaves no error budget", p.Name, o.Target, o.Name)
			}
		}
		for _, w := range p.Work {
			if len(w.Match) == 0 || w.Within <= 0 || w.Says == "" {
				t.Errorf("%s: expected work %+v is incomplete", p.Name, w)
			}
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("processes = %q, want %q", got, names)
	}
}

func TestTheCatalogueIsFreshEachTime(t *testing.T) {
	process.Catalog()[0].DoFirst[0] = "changed"
	if process.Catalog()[0].DoFirst[0] == "changed" {
		t.Error("a change to one copy of the catalogue shows in the next")
	}
}
