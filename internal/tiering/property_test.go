package tiering

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

var start = time.Date(2026, 11, 17, 14, 0, 0, 0, time.UTC)

// spans are distances in time around everything that is compared with one.
var spans = []time.Duration{
	0, time.Second, 2*time.Minute - 1, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour - 1, time.Hour,
	time.Hour + 1, 2 * time.Hour, 3 * time.Hour, 26 * time.Hour,
}

func span(t *rapid.T, name string) time.Duration { return rapid.SampledFrom(spans).Draw(t, name) }

// anything draws evidence of one subject at a time.
func anything(t *rapid.T, at time.Time, name string) Evidence {
	chance := func(of string) bool { return rapid.IntRange(0, 3).Draw(t, of) == 0 }
	tiers := process.ServiceTiers()
	e := Evidence{
		Key: Key{Process: name, Entity: "acme", Tenant: "prod", Environment: "production"},
		Process: process.Process{
			Name: name, Tier: rapid.SampledFrom(tiers).Draw(t, "tier"), CloseTier: rapid.SampledFrom(tiers).Draw(t, "close tier"),
			Recovery: process.Recovery{RTO: time.Hour, RPO: time.Minute},
		},
		Place:      calendar.Place{Phase: rapid.SampledFrom([]calendar.Phase{calendar.Normal, calendar.PreClose, calendar.Close}).Draw(t, "phase")},
		Critical:   chance("critical"),
		NotWatched: []string{"bank"},
	}
	if chance("hurried in its window") {
		e.Process.CriticalRecovery = process.Recovery{RTO: 20 * time.Minute, RPO: time.Minute}
	}
	if e.Critical {
		e.CriticalWhy = "a window"
	} else if chance("holiday") {
		e.Holiday = "Christmas Day"
	}
	if chance("deadline") {
		e.Deadlines = []calendar.Deadline{{ID: "d", Title: "a cut-off", At: at.Add(span(t, "due"))}}
		if chance("blocked") {
			e.Blockers = []Blocker{{Deadline: "d", Title: "statements complete", Process: "bank-feed", CatchUp: span(t, "blocker")}}
		}
	}
	if !chance("no flow") {
		f := Flow{Name: name, State: rapid.SampledFrom([]FlowState{FlowPassing, FlowPassing, FlowFailing, FlowBlocked, FlowStale, FlowNever}).Draw(t, "flow"), LastRun: at.Add(-span(t, "last run"))}
		if f.State == FlowFailing {
			f.Failures, f.Kind, f.Step = rapid.IntRange(1, 3).Draw(t, "failures"), fault.Rejected, "post"
			f.FirstFailure, f.Previous = at.Add(-time.Minute), at.Add(-time.Minute)
		}
		e.Flows = []Flow{f}
	}
	for range rapid.IntRange(0, 2).Draw(t, "burns") {
		e.Burns = append(e.Burns, Burn{
			Indicator: rapid.SampledFrom([]string{"availability", "latency"}).Draw(t, "indicator"), Source: rapid.SampledFrom([]string{"users", "synthetic"}).Draw(t, "source"),
			Window: "a window", Length: rapid.SampledFrom([]time.Duration{time.Hour, 6 * time.Hour}).Draw(t, "length"),
			Fast: rapid.Bool().Draw(t, "fast"), Firing: rapid.Bool().Draw(t, "firing"), Lingers: rapid.Bool().Draw(t, "lingers"), Bad: 3, Lately: rapid.Uint64Range(0, 1).Draw(t, "lately"), Total: rapid.Uint64Range(3, 5).Draw(t, "total"),
		})
	}
	if chance("budget") {
		e.Budgets = []Budget{{Indicator: "availability", Left: rapid.SampledFrom([]int64{-1, 249, 250, 900}).Draw(t, "left")}}
	}
	if chance("ledger") {
		e.Progress = Progress{Known: true, Advanced: at.Add(-span(t, "advanced"))}
	}
	for range rapid.IntRange(0, 2).Draw(t, "work") {
		w := Work{
			Source: rapid.SampledFrom([]process.WorkSource{process.QueueJobs, process.Schedule, process.History}).Draw(t, "work source"),
			Name:   rapid.SampledFrom([]string{"a", "b"}).Draw(t, "work name"), Says: "work", Missing: rapid.Bool().Draw(t, "missing"), Drains: rapid.Bool().Draw(t, "drains"),
		}
		if w.Source == process.History { // has no instant and no backlog
			e.Work = append(e.Work, w)
			continue
		}
		if rapid.Bool().Draw(t, "has a due") {
			w.Due = at.Add(span(t, "work due") - time.Minute)
		}
		if rapid.Bool().Draw(t, "has a backlog") {
			w.CatchUp = span(t, "catch-up")
		}
		if !w.Drains && rapid.Bool().Draw(t, "stands still") {
			w.Stalled = at.Add(-span(t, "stalled"))
		}
		e.Work = append(e.Work, w)
	}
	for _, s := range []Symptom{Integrity, SplitBrain, FailedPosting, PrimaryLost} {
		if rapid.IntRange(0, 9).Draw(t, string(s)) == 0 {
			e.Findings = append(e.Findings, Finding{
				Symptom: s, Signal: "a_signal", Component: "db", State: rapid.SampledFrom([]signal.State{signal.Warning, signal.Critical}).Draw(t, "finding"),
				Since: at.Add(-span(t, "found")), Text: "what it says",
			})
		}
	}
	if chance("exposed") {
		e.Recovery = Recovery{Known: true, Component: "db", Exposure: time.Hour, BeyondSince: at.Add(-span(t, "beyond"))}
	}
	for _, n := range []Need{{Component: "db", Kind: "postgres", Role: process.Hard}, {Component: "erp", Kind: "odoo", Role: process.Hard}, {Component: "cache", Kind: "redis", Role: process.Soft}} {
		n.State = rapid.SampledFrom([]signal.State{signal.OK, signal.OK, signal.OK, signal.OK, signal.Warning, signal.Critical, signal.Unknown}).Draw(t, n.Component)
		n.Since = at
		e.Needs = append(e.Needs, n)
	}
	return e
}

func text(t interface{ Fatal(...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// anyDay draws ticks of two subjects in which evidence lasts for a while, so
// that things come to stand and go.
func anyDay(t *rapid.T) (ticks []time.Time, evidence [][]Evidence) {
	at := start
	for range rapid.IntRange(2, 4).Draw(t, "stretches") {
		a, b := anything(t, at, "invoice-posting"), anything(t, at, "payroll")
		if rapid.Bool().Draw(t, "healthy") {
			a = healthyAt(at)
		}
		step := rapid.SampledFrom([]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}).Draw(t, "step")
		for range rapid.IntRange(1, 8).Draw(t, "ticks") {
			ticks, evidence = append(ticks, at), append(evidence, []Evidence{a, b})
			at = at.Add(step)
		}
	}
	return ticks, evidence
}

func healthyAt(at time.Time) Evidence {
	return Evidence{
		Key:       Key{Process: "invoice-posting", Entity: "acme", Tenant: "prod", Environment: "production"},
		Process:   process.Process{Name: "invoice-posting", Tier: process.Critical, Recovery: process.Recovery{RTO: time.Hour, RPO: time.Minute}},
		Place:     calendar.Place{Phase: calendar.Normal},
		Deadlines: []calendar.Deadline{{ID: "d", Title: "a cut-off", At: at.Add(3 * time.Hour)}},
		Flows:     []Flow{{Name: "invoice-posting", State: FlowPassing, LastRun: at}},
		Needs:     []Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.OK}},
	}
}

// The engine decides as judging every subject anew from what stood would: what
// it saves itself never shows, and neither do a restart or the order in which
// subjects are given.
func TestTheEngineDecidesAsItsJudge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks, evidence := anyDay(t)
		restart := rapid.IntRange(0, len(ticks)-1).Draw(t, "restart")
		e, twin := NewEngine(DefaultHolds(), DefaultRules()), NewEngine(DefaultHolds(), DefaultRules())
		prior := map[Key]*Impact{}
		for i, at := range ticks {
			if i == restart {
				var kept []Standing
				if err := json.Unmarshal([]byte(text(t, e.Memory())), &kept); err != nil {
					t.Fatal(err)
				}
				e = NewEngine(DefaultHolds(), DefaultRules())
				e.Restore(kept)
			}
			got := e.Step(at, evidence[i])
			swapped := twin.Step(at, []Evidence{evidence[i][1], evidence[i][0]})
			for n, ev := range evidence[i] {
				want := e.Judge().Next(at, prior[ev.Key], ev)
				if text(t, want) != text(t, got[n]) {
					t.Fatalf("tick %d: the engine says\n%s\nits judge\n%s", i, text(t, got[n]), text(t, want))
				}
				if text(t, want) != text(t, swapped[1-n]) {
					t.Fatalf("tick %d: given in another order\n%s\nwant\n%s", i, text(t, swapped[1-n]), text(t, want))
				}
				trace := e.Trace("config", "calendar", ev, got[n])
				same := TraceOf(e.Judge(), "config", "calendar", prior[ev.Key], ev, want)
				if text(t, trace) != text(t, same) {
					t.Fatalf("tick %d: the engine traces\n%s\nits judge\n%s", i, text(t, trace), text(t, same))
				}
				prior[ev.Key] = &want
			}
		}
	})
}

// A trace that was written down and read again comes to the same bytes and has
// the same ID.
func TestATraceIsRederivedToTheByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticks, evidence := anyDay(t)
		e := NewEngine(DefaultHolds(), DefaultRules())
		for i, at := range ticks {
			for n, im := range e.Step(at, evidence[i]) {
				written := e.Trace("config", "calendar", evidence[i][n], im)
				var read Trace
				if err := json.Unmarshal([]byte(text(t, written)), &read); err != nil {
					t.Fatal(err)
				}
				if err := read.Rederive(); err != nil {
					t.Fatalf("tick %d: %v", i, err)
				}
				id, err := written.ID()
				again, err2 := read.ID()
				if err != nil || err2 != nil || id != again {
					t.Fatalf("tick %d: the ID is %q, read again %q (%v, %v)", i, id, again, err, err2)
				}
				if when, ok := TracedAt(id); !ok || !when.Equal(at) {
					t.Fatalf("the ID %q is of %v, want %v", id, when, at)
				}
			}
		}
	})
}

// Later phases and worse evidence never lower a verdict.
func TestWorseIsNeverLower(t *testing.T) {
	worse := map[string]func(e *Evidence){
		"pre-close begins":        func(e *Evidence) { e.Place.Phase = calendar.PreClose },
		"its window begins":       func(e *Evidence) { e.Critical, e.Holiday = true, "" },
		"the holiday ends":        func(e *Evidence) { e.Holiday = "" },
		"the close begins":        func(e *Evidence) { e.Critical, e.Holiday, e.Place.Phase = true, "", calendar.Close },
		"the calendar is doubted": func(e *Evidence) { e.Critical, e.Holiday, e.Place.Doubt = true, "", "stale" },
		"a deadline is near": func(e *Evidence) {
			e.Deadlines = append(e.Deadlines, calendar.Deadline{ID: "n", At: start.Add(time.Minute)})
		},
		"a deadline is past": func(e *Evidence) {
			e.Deadlines = append(e.Deadlines, calendar.Deadline{ID: "p", At: start.Add(-time.Minute)})
		},
		"something comes first": func(e *Evidence) { e.Blockers = append(e.Blockers, Blocker{Deadline: "d", CatchUp: time.Hour}) },
		"users fail": func(e *Evidence) {
			e.Burns = append(e.Burns, Burn{Indicator: "availability", Source: "users", Length: time.Hour, Fast: true, Firing: true, Bad: 9, Total: 9})
		},
		"tests burn slowly": func(e *Evidence) {
			e.Burns = append(e.Burns, Burn{Indicator: "availability", Source: "synthetic", Length: 72 * time.Hour, Firing: true, Bad: 9, Total: 9})
		},
		"the budget is gone": func(e *Evidence) { e.Budgets = append(e.Budgets, Budget{Indicator: "availability", Left: -1}) },
		"it fails once more": func(e *Evidence) { more(e) },
		"the books are wrong": func(e *Evidence) {
			e.Findings = append(e.Findings, Finding{Symptom: Integrity, State: signal.Critical, Since: start})
		},
		"some posting fails": func(e *Evidence) {
			e.Findings = append(e.Findings, Finding{Symptom: FailedPosting, State: signal.Warning, Since: start})
		},
		"the primary is lost": func(e *Evidence) {
			e.Findings = append(e.Findings, Finding{Symptom: PrimaryLost, State: signal.Critical, Since: start})
		},
		"the database is down": func(e *Evidence) { e.Needs[0].State, e.Needs[1].State = signal.Critical, signal.OK },
		"work is missing": func(e *Evidence) {
			e.Work = append(e.Work, Work{Source: process.Schedule, Name: "s", Missing: true, Due: start})
		},
		"a backlog stops": func(e *Evidence) {
			for i := range e.Work {
				e.Work[i].Missing, e.Work[i].Drains = true, false
			}
		},
		"it lasts": func(e *Evidence) {
			for i := range e.Findings {
				e.Findings[i].Since = start.Add(-24 * time.Hour)
			}
			if !e.Recovery.BeyondSince.IsZero() {
				e.Recovery.BeyondSince = start.Add(-24 * time.Hour)
			}
		},
		"it matters more": func(e *Evidence) { e.Process.Tier = process.Critical },
	}
	rapid.Check(t, func(t *rapid.T) {
		e := anything(t, start, "invoice-posting")
		name := rapid.SampledFrom(sorted(worse)).Draw(t, "what gets worse")
		before := Decide(start, e, DefaultRules())
		after := e
		after.Deadlines, after.Blockers, after.Burns, after.Budgets = slices.Clone(e.Deadlines), slices.Clone(e.Blockers), slices.Clone(e.Burns), slices.Clone(e.Budgets)
		after.Findings, after.Needs, after.Work, after.Flows = slices.Clone(e.Findings), slices.Clone(e.Needs), slices.Clone(e.Work), slices.Clone(e.Flows)
		worse[name](&after)
		if v := Decide(start, after, DefaultRules()); v.Tier < before.Tier {
			t.Fatalf("%s: %s becomes %s\nbefore %s\nafter %s", name, before.Tier, v.Tier, text(t, before), text(t, v))
		}
	})
}

// more makes a flow that fails or passes fail once more, while no real entry
// is posted.
func more(e *Evidence) {
	for i := range e.Flows {
		if f := &e.Flows[i]; f.State == FlowFailing || f.State == FlowPassing {
			f.State = FlowFailing
			f.Failures++
			f.Kind, f.Step, f.Previous = fault.Rejected, "post", start
		}
	}
}

func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// What WhyNot names as missing is what is missing: with all of it otherwise, and
// nothing else, the row gives the tier.
func TestWhatIsNamedAsMissingIsWhatIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anything(t, start, "invoice-posting")
		tier := rapid.SampledFrom([]Tier{Informational, Degradation, BusinessCritical}).Draw(t, "tier")
		v := Decide(start, e, DefaultRules())
		common := facts(&e, &v)
		found := anomalies(&e, symptoms(start, &e, DefaultRules()))
		why := Judge{DefaultHolds(), DefaultRules()}.WhyNot(start, nil, e, tier)
		rows := 0
		for _, row := range Table() {
			if row.A >= tier {
				rows++
			}
		}
		if len(why.Gates) != rows {
			t.Fatalf("%d rows are told of, %d can give %s", len(why.Gates), rows, tier)
		}
		for _, g := range why.Gates {
			if g.First == "" {
				t.Fatalf("%s does not say what is missing", g.Row)
			}
			if got := otherwise(g, v.ServiceTier, found, common); got < tier {
				t.Fatalf("with all of %s otherwise the tier is %s, want %s", text(t, g), got, tier)
			}
			if g.Open != (g.First == "nothing is missing: this row counts") {
				t.Fatalf("%s: open %v, and it says %q", g.Row, g.Open, g.First)
			}
			if g.Open && v.Tier < tier && !slices.ContainsFunc(found, func(f finding) bool { return f.symptom == g.Symptom && f.beside }) {
				t.Fatalf("%s is said to count for %s, and the verdict is %s", g.Row, tier, v.Tier)
			}
		}
	})
}

// otherwise is the tier of one symptom with what a gate names otherwise.
func otherwise(g Gate, service process.ServiceTier, found []finding, common Fact) Tier {
	if g.Service != "" {
		service = g.Service
	}
	best := None
	try := func(have Fact) {
		v := Verdict{ServiceTier: service}
		v.weigh([]finding{{symptom: g.Symptom, facts: have}}, 0)
		best = max(best, v.Tier)
	}
	if g.Absent {
		try(implied(common|g.Missing) &^ g.Excess)
	}
	for _, f := range found {
		if f.symptom == g.Symptom {
			try(implied(common|f.facts|g.Missing) &^ g.Excess)
		}
	}
	return best
}

// Quiet subjects cost nothing to judge again, and take no memory.
func BenchmarkStep(b *testing.B) {
	all := make([]Evidence, 20000)
	for i := range all {
		e := healthyAt(start.Add(time.Hour))
		e.Process.Name = fmt.Sprintf("process-%d", i%20)
		e.Key = Key{Process: e.Process.Name, Entity: fmt.Sprintf("entity-%d", i/20), Tenant: fmt.Sprintf("tenant-%d", i/20), Environment: "production"}
		e.Burns = []Burn{{Indicator: "availability", Source: "users", Fast: true, Total: 10}, {Indicator: "availability", Source: "users", Total: 10}, {Indicator: "latency", Source: "users", Total: 10}}
		e.Work = []Work{{Source: process.QueueJobs, Name: "root.einvoice", Says: "e-invoices waiting to be sent", Drains: true}}
		e.Needs = append(e.Needs, Need{Component: "erp", Kind: "odoo", Role: process.Hard, State: signal.OK}, Need{Component: "ingress", Kind: "traefik", Role: process.Hard, State: signal.OK})
		all[i] = e
	}
	e := NewEngine(DefaultHolds(), DefaultRules())
	var board Board
	at := start
	e.StepInto(&board, at, all)
	e.StepInto(&board, at, all)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		e.StepInto(&board, at, all)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/subject")
}
