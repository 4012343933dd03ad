package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// missingStatements is a tick's evidence in which a journal has no statement.
func missingStatements() []tiering.Evidence {
	feed := tiering.Key{Process: "bank-feed", Entity: "acme", Tenant: "prod", Environment: "production"}
	return []tiering.Evidence{{Key: feed, Work: []tiering.Work{
		{Source: process.Schedule, Name: "BNK1", Says: "bank statement", Missing: true, Lacks: 2, Due: noon.Add(2 * time.Hour)},
		{Source: process.Schedule, Name: "BNK1", Says: "bank lines", Missing: true, Due: noon.Add(time.Hour)}, // the same name: one series
		{Source: process.Schedule, Name: "BNK2", Says: "bank statement", Due: noon.Add(22 * time.Hour)},
		{Source: process.ScheduledAction, Name: "Fetch", Says: "bank statements due", Missing: true},
	}}}
}

// What is expected can be looked up: each piece with how many are missing and
// when it is due.
func TestExpectedWorkIsPublished(t *testing.T) {
	ev := missingStatements()
	m := &engineMetrics{}
	m.last.Store(&Tick{At: noon, Evidence: ev, Impacts: []tiering.Impact{{Verdict: tiering.Verdict{Key: ev[0].Key}}}})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	want := `
# HELP closewatch_expected_work_due_timestamp_seconds When one piece of expected work is due: that which is missing, or else the next; absent when nobody has said.
# TYPE closewatch_expected_work_due_timestamp_seconds gauge
closewatch_expected_work_due_timestamp_seconds{entity="acme",environment="production",process="bank-feed",source="schedule",tenant="prod",work="BNK1"} 1.7950068e+09
closewatch_expected_work_due_timestamp_seconds{entity="acme",environment="production",process="bank-feed",source="schedule",tenant="prod",work="BNK2"} 1.7950824e+09
# HELP closewatch_expected_work_missing How much of one piece of expected work should have happened by now and did not: jobs, runs, statements, entries; absent when nobody can tell.
# TYPE closewatch_expected_work_missing gauge
closewatch_expected_work_missing{entity="acme",environment="production",process="bank-feed",source="schedule",tenant="prod",work="BNK1"} 3
closewatch_expected_work_missing{entity="acme",environment="production",process="bank-feed",source="schedule",tenant="prod",work="BNK2"} 0
closewatch_expected_work_missing{entity="acme",environment="production",process="bank-feed",source="scheduled_action",tenant="prod",work="Fetch"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), missingWork, dueWork); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(registry, missingWork, dueWork, "closewatch_expected_work_not_followed")
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

// Each process has a signal of its expected work, which names and counts what is missing
// in the tick it is missing in.
func TestExpectedWorkIsASignal(t *testing.T) {
	ev := missingStatements()
	a := &assembler{subjects: []subject{acme(process.Process{Name: "bank-feed"})}}
	e, err := signal.NewEvaluator(workSignals())
	if err != nil {
		t.Fatal(err)
	}
	published := a.besides(noon, indexSamples(nil), [][]tiering.Work{ev[0].Work})
	got := map[string]signal.State{}
	for _, r := range e.Evaluate(noon, published.All(func(yield func(string) bool) { yield(missingWork) })) {
		if r.Signal != "expected_work_bank_feed" || r.Component != self {
			t.Errorf("a reading of %s on %s", r.Signal, r.Component)
		}
		got[r.Text] = r.State
	}
	want := map[string]signal.State{
		"Bank feed of acme: BNK1, 3 missing": signal.Warning, "Bank feed: expected work happens": signal.OK, "Bank feed of acme: Fetch, 1 missing": signal.Warning,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
	gone := a.besides(noon, indexSamples(nil), [][]tiering.Work{nil})
	if r := e.Evaluate(noon.Add(time.Minute), gone.All(func(yield func(string) bool) { yield(missingWork) })); len(r) > 0 {
		t.Errorf("what nobody can tell is read: %+v", r)
	}
	if n := len(workSignals()); n != len(process.Catalog()) {
		t.Errorf("%d signals for %d processes", n, len(process.Catalog()))
	}
}

// What is usual is known again after a restart, and learned again when what was
// kept is damaged.
func TestTheLedgerOfWorkIsKept(t *testing.T) {
	dir := t.TempDir()
	counting := process.Work{Source: process.History, Metric: "posted_total", Least: 20, Says: "entries posted"}
	open := func() *workBook {
		return &workBook{ledger: expected.New(time.Minute), recent: filepath.Join(dir, "expected.json"), days: filepath.Join(dir, "expected-days.json")}
	}
	a := assemble(closing(t, ""), acme(process.Process{Name: "invoice-posting", Work: []process.Work{counting}}))
	live := func(b *workBook, from time.Time, ticks int) {
		a.work = b.ledger
		for i := range ticks {
			at := from.Add(time.Duration(i) * 10 * time.Minute)
			a.expect(at, indexSamples([]signal.Sample{sample("posted_total", float64(i), nil)}))
			if err := b.save(at, i == ticks-1); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := open()
	start := time.Date(2026, 11, 16, 22, 50, 0, 0, time.UTC)
	live(first, start, 300) // two midnights
	second := open()
	if err := second.restore(start.Add(51 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.ledger.Days(), second.ledger.Days()); diff != "" || len(second.ledger.Days()) != 1 {
		t.Errorf("days (-kept +taken up):\n%s", diff)
	}
	for _, name := range []string{"expected.json", "expected-days.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	third := open()
	if err := third.restore(start.Add(51 * time.Hour)); err == nil {
		t.Error("damage is not said")
	}
	if n := len(third.ledger.Days()); n != 0 {
		t.Errorf("%d histories of damaged files", n)
	}
	live(third, start.Add(52*time.Hour), 3)
}
