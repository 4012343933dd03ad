package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

func newAssembler() *assembler {
	return &assembler{beyond: map[tiering.Key]time.Time{}, ledger: map[ledgerKey]*postings{}, journals: map[ledgerKey]*journal{}}
}

// posted is the count of entries at an instant.
func posted(at time.Time, entity string, n float64) signal.Sample {
	s := sample("odoo_journal_entries_posted_total", n, labels{"entity": entity})
	s.At = at
	return s
}

func TestTheLedgerAdvances(t *testing.T) {
	at := func(ticks int) time.Time { return noon.Add(time.Duration(ticks) * tick) }
	type look struct {
		samples []signal.Sample
		want    tiering.Progress
	}
	tests := map[string][]look{
		"the first count is no advance": {
			{nil, tiering.Progress{}}, // right after the start
			{[]signal.Sample{posted(at(1), "acme", 5000)}, tiering.Progress{Known: true}},
		},
		"entries are posted, then none": {
			{[]signal.Sample{posted(at(0), "acme", 5000)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(1), "acme", 5003)}, tiering.Progress{Known: true, Advanced: at(1), PerMinute: 6}},
			{[]signal.Sample{posted(at(2), "acme", 5003)}, tiering.Progress{Known: true, Advanced: at(1), PerMinute: 3}},
		},
		"other companies' entries and our own do not count": {
			{[]signal.Sample{posted(at(0), "acme", 1), posted(at(0), "other", 1), posted(at(0), "synthetic", 1)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(1), "acme", 1), posted(at(1), "other", 9), posted(at(1), "synthetic", 9)}, tiering.Progress{Known: true}},
		},
		"companies nobody named speak for the tenant": {
			{[]signal.Sample{posted(at(0), "", 1), posted(at(0), "synthetic", 1)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(1), "", 1), posted(at(1), "synthetic", 9)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(2), "", 3), posted(at(2), "synthetic", 9)}, tiering.Progress{Known: true, Advanced: at(2), PerMinute: 2}},
		},
		"the count goes stale": {
			{[]signal.Sample{posted(at(0), "acme", 1)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(1), "acme", 2)}, tiering.Progress{Known: true, Advanced: at(1), PerMinute: 2}},
			{[]signal.Sample{posted(at(2).Add(-6*time.Minute), "acme", 9)}, tiering.Progress{Advanced: at(1)}},
			{nil, tiering.Progress{Advanced: at(1)}},
		},
		"the database was replaced by an older one": {
			{[]signal.Sample{posted(at(0), "acme", 100)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(1), "acme", 10)}, tiering.Progress{Known: true}},
			{[]signal.Sample{posted(at(2), "acme", 11)}, tiering.Progress{Known: true, Advanced: at(2), PerMinute: 2}},
		},
	}
	for name, looks := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAssembler()
			subj := acme(process.Process{Name: "invoice-posting", Progress: "odoo_journal_entries_posted_total"})
			for i, l := range looks {
				got := a.progress(at(i), indexSamples(l.samples), subj)
				if diff := cmp.Diff(l.want, got); diff != "" {
					t.Errorf("look %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

// Processes that follow different counters of one entity do not advance each
// other.
func TestProgressOfTwoProcessesIsKeptApart(t *testing.T) {
	a := newAssembler()
	entries := acme(process.Process{Name: "invoice-posting", Progress: "odoo_journal_entries_posted_total"})
	lines := acme(process.Process{Name: "bank-reconciliation", Progress: "odoo_lines_reconciled_total"})
	for i := range 3 {
		at := noon.Add(time.Duration(i) * tick)
		s := indexSamples([]signal.Sample{posted(at, "acme", 5000), sample("odoo_lines_reconciled_total", 7, labels{"entity": "acme"})})
		for _, subj := range []subject{entries, lines} {
			if got := a.progress(at, s, subj); !got.Known || !got.Advanced.IsZero() {
				t.Errorf("%s at tick %d: %+v, want known and not advanced", subj.key.Process, i, got)
			}
		}
	}
}

func TestRecoveryPoint(t *testing.T) {
	exposed := func(seconds float64, state signal.State) map[string]componentState {
		return map[string]componentState{
			"db":    {Readings: []signal.Reading{{Role: signal.Recovery, State: state, Value: seconds}, {Role: signal.Health, State: signal.OK, Value: 9000}}},
			"other": {Readings: []signal.Reading{{Role: signal.Recovery, State: signal.OK, Value: 9000}}},
		}
	}
	subj := acme(process.Process{Name: "invoice-posting", Recovery: process.Recovery{RPO: time.Minute}})
	subj.needs = []need{{"db", "postgres", process.Hard, ""}, {"other", "postgres", process.Soft, ""}}
	a := newAssembler()
	steps := []struct {
		name       string
		components map[string]componentState
		want       tiering.Recovery
	}{
		{"nothing is measured", nil, tiering.Recovery{}},
		{"within", exposed(60, signal.OK), tiering.Recovery{Known: true, Component: "db", Exposure: time.Minute}},
		{"beyond", exposed(61, signal.OK), tiering.Recovery{Known: true, Component: "db", Exposure: 61 * time.Second, BeyondSince: noon.Add(2 * tick)}},
		{"still beyond", exposed(91, signal.OK), tiering.Recovery{Known: true, Component: "db", Exposure: 91 * time.Second, BeyondSince: noon.Add(2 * tick)}},
		{"nobody knows", exposed(0, signal.Unknown), tiering.Recovery{}},
		{"beyond as before", exposed(120, signal.OK), tiering.Recovery{Known: true, Component: "db", Exposure: 2 * time.Minute, BeyondSince: noon.Add(2 * tick)}},
		{"within again", exposed(0, signal.OK), tiering.Recovery{Known: true, Component: "db"}},
		{"beyond anew", exposed(99, signal.OK), tiering.Recovery{Known: true, Component: "db", Exposure: 99 * time.Second, BeyondSince: noon.Add(7 * tick)}},
	}
	for i, s := range steps {
		got := a.recovery(noon.Add(time.Duration(i)*tick), subj, s.components, false)
		got.Copies = nil // TestBestCopy looks at them
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

// In the critical window less may be exposed, unless lost work is had again.
func TestRecoveryInTheCriticalWindow(t *testing.T) {
	read := map[string]componentState{"db": {Readings: []signal.Reading{{Component: "db", Role: signal.Recovery, Value: 120, State: signal.OK}}}}
	tests := map[string]struct {
		critical, beyond bool
		rpo              time.Duration // in the window
		refetch          string
	}{
		"outside it":                        {rpo: time.Minute},
		"inside it":                         {critical: true, rpo: time.Minute, beyond: true},
		"nothing may be lost":               {critical: true, beyond: true},
		"nothing can be lost, it is re-had": {critical: true, refetch: "the bank's records"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			subj := acme(process.Process{
				Recovery:         process.Recovery{RTO: time.Hour, RPO: 5 * time.Minute},
				CriticalRecovery: process.Recovery{RTO: time.Hour, RPO: tt.rpo}, Refetch: tt.refetch,
			})
			subj.needs = []need{{"db", "postgres", process.Hard, ""}}
			got := newAssembler().recovery(noon, subj, read, tt.critical)
			if !got.Known || got.BeyondSince.IsZero() == tt.beyond {
				t.Errorf("recovery = %+v, want beyond %v", got, tt.beyond)
			}
		})
	}
}

func TestComponentStates(t *testing.T) {
	declared := []estate.Component{{Name: "db", Kind: "postgres", Environment: "production"}, {Name: "cache", Kind: "redis", Environment: "production"}}
	reading := func(role signal.Role, state signal.State, text string) signal.Reading {
		return signal.Reading{Component: "db", Environment: "production", Role: role, State: state, Text: text}
	}
	foreign := signal.Reading{Component: "db", Environment: "staging", Role: signal.Health, State: signal.Critical, Text: "elsewhere"}
	steps := []struct {
		name              string
		readings          []signal.Reading
		state             signal.State
		since             int // tick
		evidence, context []string
	}{
		{"nothing is read", []signal.Reading{foreign}, signal.Unknown, 0, nil, nil},
		{"it is well", []signal.Reading{reading(signal.Health, signal.OK, "fine")}, signal.OK, 1, nil, nil},
		{"context is not health", []signal.Reading{reading(signal.Health, signal.OK, "fine"), reading(signal.Context, signal.Critical, "busy")}, signal.OK, 1, nil, []string{"busy"}},
		{
			"the worst health counts",
			[]signal.Reading{reading(signal.Health, signal.OK, "fine"), reading(signal.Health, signal.Critical, "down"), reading(signal.Health, signal.Warning, "slow")},
			signal.Critical, 3,
			[]string{"down", "slow"},
			nil,
		},
		{"it is well again", []signal.Reading{reading(signal.Health, signal.OK, "fine")}, signal.OK, 4, nil, nil},
	}
	book := &componentBook{}
	for i, s := range steps {
		got := book.states(noon.Add(time.Duration(i)*tick), declared, s.readings)
		db := got["db"]
		if db.State != s.state || !db.Since.Equal(noon.Add(time.Duration(s.since)*tick)) {
			t.Errorf("%s: %s since %s, want %s since tick %d", s.name, db.State, db.Since, s.state, s.since)
		}
		if diff := cmp.Diff([][]string{s.evidence, s.context}, [][]string{db.Evidence, db.Context}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
		if got["cache"].State != signal.Unknown {
			t.Errorf("%s: a component without a reading is %s", s.name, got["cache"].State)
		}
	}
}
