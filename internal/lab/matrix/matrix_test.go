package matrix

import (
	"strings"
	"testing"
	"text/tabwriter"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// enough is the share of faults whose cause must be ranked first, in percent.
const enough = 95

func recorded(t *testing.T) []Case {
	t.Helper()
	cases, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// The faults were recorded from the lab's real servers by make test-causes.
func TestTheInjectedCauseIsRankedFirst(t *testing.T) {
	cases := recorded(t)
	if len(cases) < 25 {
		t.Errorf("%d faults are recorded, want at least 25", len(cases))
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	first := 0
	for _, c := range cases {
		got, right := c.First()
		mark := "NO"
		if right {
			first, mark = first+1, "yes"
		}
		_, _ = w.Write([]byte(strings.Join([]string{c.Fault, c.Process, strings.Join(c.Causes, " or "), Name(got), string(got.Confidence), mark}, "\t") + "\n"))
	}
	_ = w.Flush()
	t.Logf("fault, process, injected cause, ranked first, confidence\n%s", table.String())
	if first*100 < enough*len(cases) {
		t.Errorf("the cause of %d of %d faults is ranked first, want %d %%\n%s", first, len(cases), enough, table.String())
	}
}

func TestOfTwoFaultsTheDeeperIsRankedFirst(t *testing.T) {
	pairs := Pairs(recorded(t))
	if len(pairs) < 100 {
		t.Errorf("%d pairs have a subject in common, want at least 100", len(pairs))
	}
	right := 0
	var wrong []string
	for _, p := range pairs {
		if p.Right {
			right++
		} else {
			wrong = append(wrong, p.A+" and "+p.B+" of "+p.Process+": "+p.First+", "+p.Second+" ("+p.Why+")")
		}
	}
	t.Logf("%d of %d pairs; not:\n%s", right, len(pairs), strings.Join(wrong, "\n"))
	if right*100 < enough*len(pairs) {
		t.Errorf("%d of %d pairs are ranked as they must be, want %d %%:\n%s", right, len(pairs), enough, strings.Join(wrong, "\n"))
	}
}

// In which order two faults are laid over one another changes nothing.
func TestPairsHaveNoOrder(t *testing.T) {
	cases := recorded(t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := cases[rapid.IntRange(0, len(cases)-1).Draw(t, "a")], cases[rapid.IntRange(0, len(cases)-1).Draw(t, "b")]
		ab, okAB := pair(a, b)
		ba, okBA := pair(b, a)
		if a.Fault == b.Fault || okAB != okBA || ab.Process != ba.Process {
			return
		}
		if ab.First != ba.First || ab.Right != ba.Right {
			t.Fatalf("%s and %s: %+v, the other way round %+v", a.Fault, b.Fault, ab, ba)
		}
	})
}

func TestWhatAFlowMeetsFirstHidesTheRest(t *testing.T) {
	failing := func(kind fault.Kind) tiering.Flow {
		return tiering.Flow{Name: "invoice-posting", State: tiering.FlowFailing, Kind: kind}
	}
	rejected, gone := failing(fault.Rejected), failing(fault.Unreachable)
	for _, got := range []tiering.Flow{worse(rejected, gone), worse(gone, rejected), worse(gone, tiering.Flow{State: tiering.FlowPassing}), worse(tiering.Flow{State: tiering.FlowPassing}, gone)} {
		if got.Kind != fault.Unreachable {
			t.Errorf("the flow fails by %s, want unreachable", got.Kind)
		}
	}
	both := Seen{Process: "invoice-posting", Flows: []tiering.Flow{gone}}
	alone := Case{Seen: []Seen{{Process: "invoice-posting", Flows: []tiering.Flow{rejected}}}}
	ingress := tiering.Candidate{Component: "ingress"}
	if shows(tiering.Candidate{Inferred: true}, alone, ingress, both) {
		t.Error("what is refused further on shows, although no request gets that far")
	}
	if !shows(tiering.Candidate{}, alone, ingress, both) {
		t.Error("what is measured does not show")
	}
}

func TestLaidOverOneAnotherTheWorstCounts(t *testing.T) {
	need := func(state signal.State, name string) tiering.Need {
		return tiering.Need{Component: "db", Kind: process.Postgres, State: state, Fine: []string{"down", "locks"}, Signals: []tiering.SignalSeen{{Name: name, State: state}}}
	}
	got := worst(need(signal.Warning, "lag"), need(signal.Critical, "up"))
	if got.State != signal.Critical || len(got.Signals) != 2 {
		t.Errorf("the component is %v with %d signals, want critical with both", got.State, len(got.Signals))
	}
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	dir := t.TempDir()
	for _, c := range recorded(t) {
		if err := c.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range recorded(t) {
		a, rightA := c.First()
		b, rightB := again[i].First()
		if Name(a) != Name(b) || a.Score != b.Score || rightA != rightB {
			t.Errorf("%s: %s with %d points, saved and loaded %s with %d", c.Fault, Name(a), a.Score, Name(b), b.Score)
		}
	}
}
