package calendar_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Semantic (e): a result cites the hash of its calendar. Whatever a reader
// would see differently changes the hash; how it was written does not.
func TestTheHashChangesWithWhatIsSaid(t *testing.T) {
	base := fullPlan(t, "acme").Hash()
	if len(base) != 64 || base != fullPlan(t, "acme").Hash() {
		t.Fatalf("hash %s is not stable", base)
	}
	changes := map[string]func(*calendar.Plan){
		"entity":                func(p *calendar.Plan) { p.Entity = "other" },
		"zone":                  func(p *calendar.Plan) { p.Zone = time.UTC },
		"payday":                func(p *calendar.Plan) { p.Payday = 28 },
		"a holiday":             func(p *calendar.Plan) { p.Days = targetDays(t) },
		"a holiday of the bank": func(p *calendar.Plan) { p.Cutoffs[1].Days = days(t, "target") },
		"the work week":         func(p *calendar.Plan) { p.Week = &calendar.Workweek{time.Sunday: true} },
		"no close":              func(p *calendar.Plan) { p.Close = nil },
		"a phase":               func(p *calendar.Plan) { p.Close.PreClose.From = mark(t, "WD-2 00:00") },
		"a milestone":           func(p *calendar.Plan) { p.Close.Milestones[0].Due = mark(t, "WD+2 13:00") },
		"an owner":              func(p *calendar.Plan) { p.Close.Milestones[0].Owner = "AR lead" },
		"an extension": func(p *calendar.Plan) {
			p.Extensions = []calendar.Extension{{Period: "2026-11", Phase: calendar.Close, To: mark(t, "WD+6 24:00"), By: "x"}}
		},
		"a cut-off":       func(p *calendar.Plan) { p.Cutoffs[0].At.Minute = 30 },
		"a margin":        func(p *calendar.Plan) { p.Cutoffs[0].Margin = time.Hour },
		"a rule":          func(p *calendar.Plan) { p.Dues[0].Rule = rule(t, "quarter_end + 1 month + 8 days") },
		"a roll":          func(p *calendar.Plan) { p.Dues[0].Adjust = calendar.Following },
		"a freeze":        func(p *calendar.Plan) { p.Freezes[0].Level = calendar.SoftFreeze },
		"its break-glass": func(p *calendar.Plan) { p.Freezes[0].BreakGlass.Approvers = 2 },
		"maintenance":     func(p *calendar.Plan) { p.Maintenance[0].Duration = time.Hour },
	}
	seen := map[string]string{base: "nothing"}
	for name, change := range changes {
		p := fullPlan(t, "acme")
		change(&p)
		h := p.Hash()
		if other, twice := seen[h]; twice {
			t.Errorf("changing %s hashes like changing %s", name, other)
		}
		seen[h] = name
	}
}

func TestTheHashOfAllIsOfASet(t *testing.T) {
	a, b := fullPlan(t, "a"), fullPlan(t, "b")
	if calendar.HashAll([]calendar.Plan{a, b}) != calendar.HashAll([]calendar.Plan{b, a}) {
		t.Error("the order of entities changes the hash")
	}
	if calendar.HashAll([]calendar.Plan{a}) == calendar.HashAll([]calendar.Plan{a, b}) {
		t.Error("an entity more does not change the hash")
	}
}
