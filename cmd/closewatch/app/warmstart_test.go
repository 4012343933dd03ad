package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/slo"
)

// A shop is a house with the objectives whose events it records.
type shop struct {
	*house
	*windowBook
}

func openShop(t *testing.T, dir string, now time.Time, scale float64) *shop {
	t.Helper()
	o, err := newObjectives([]subject{posting()}, tick, scale)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{openHouse(t, dir, now), &windowBook{path: filepath.Join(dir, "windows"), objectives: o}}
	s.restore(now, s.rooms, slog.New(slog.NewTextHandler(s.said, nil)))
	return s
}

// trade decides ticks, of which the house records what the engine counts.
func (s *shop) trade(t *testing.T, ticks int) {
	t.Helper()
	for range ticks {
		kept := s.tick(t)
		o := s.objectives
		if !o.engine.Advance(*s.clock) {
			t.Fatal("time stood still")
		}
		o.engine.Observe(o.place(availability), slo.Event{Bad: 1, Total: 2, Observed: true})
		if err := s.save(*s.clock, false); err != nil || !kept {
			t.Fatalf("the tick was kept: %v, the windows: %v", kept, err)
		}
	}
}

// place is where an objective is.
func (o *objectives) place(id string) int {
	for i, obj := range o.engine.Objectives() {
		if obj.ID == id {
			return i
		}
	}
	return -1
}

func (s *shop) state() slo.State { return s.objectives.engine.State(s.objectives.place(availability)) }

// Whatever the way the daemon ended and whatever is left of what it kept, what
// objectives counted is taken up, and what burned burns.
func TestObjectivesOutliveARestart(t *testing.T) {
	tests := map[string]struct {
		scale float64
		left  func(t *testing.T, file string) // does something to the snapshot
		stops bool                            // in order
		exact bool                            // to the tick
		says  string
	}{
		"stopped in order": {scale: 1, stops: true, exact: true, says: "from=snapshot objectives=6 ticks_recounted=0"},
		"killed":           {scale: 1, exact: true, says: "from=snapshot objectives=6 ticks_recounted=6"},
		"killed, and no snapshot is left": {
			scale: 1, left: func(t *testing.T, file string) { t.Helper(); remove(t, file) }, says: "from=ledger objectives=6 ticks_recounted=7",
		},
		"killed, and the snapshot is damaged": {
			scale: 1, left: func(t *testing.T, file string) { t.Helper(); damage(t, file) }, says: "from=ledger",
		},
		"windows are scaled otherwise": {scale: 0.5, stops: true, says: "from=ledger"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			first := openShop(t, t.TempDir(), noon, 1)
			first.trade(t, 10*10+7)
			if tt.stops {
				if err := first.save(*first.clock, true); err != nil {
					t.Fatal(err)
				}
			}
			dir := first.killed(t)
			if tt.left != nil {
				tt.left(t, filepath.Join(dir, "windows"))
			}
			second := openShop(t, dir, first.clock.Add(20*time.Second), tt.scale)
			if said := second.said.String(); !strings.Contains(said, tt.says) {
				t.Errorf("it said\n%s\nwant %q", said, tt.says)
			}
			was, is := first.state(), second.state()
			if tt.exact {
				if diff := cmp.Diff(was, is, rats()); diff != "" {
					t.Errorf("states (-before +after):\n%s", diff)
				}
			}
			if is.Period.Total != was.Period.Total || is.Period.Bad != was.Period.Bad || !is.Burns[0].Firing {
				t.Errorf("after the restart %d of %d were bad, firing %v; before %d of %d, firing", is.Period.Bad, is.Period.Total, is.Burns[0].Firing, was.Period.Bad, was.Period.Total)
			}
			first.trade(t, 3)
			second.trade(t, 3)
			if a, b := first.state().Period, second.state().Period; tt.exact && a != b {
				t.Errorf("three ticks later %+v, want %+v", b, a)
			}
		})
	}
}

// A clock that was ahead does not keep the daemon from counting.
func TestWindowsOfATimeThatHasNotCome(t *testing.T) {
	first := openShop(t, t.TempDir(), noon.Add(24*time.Hour), 1)
	first.trade(t, 20)
	dir := first.killed(t)
	remove(t, filepath.Join(dir, "ticks")) // it refuses what is not after its last, and says so
	second := openShop(t, dir, noon, 1)
	if !second.objectives.engine.Advance(noon.Add(tick)) {
		t.Error("nothing is counted until the time has come that the clock was at")
	}
	if !strings.Contains(second.said.String(), "the clock was ahead") {
		t.Errorf("it said\n%s", second.said)
	}
}

func rats() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.String(), "Target") || strings.HasSuffix(p.String(), "Share")
	}, cmp.Ignore())
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// damage flips a bit.
func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// An objective that comes back to the estate has what the ledger knows of it,
// though the newest snapshot does not.
func TestAnObjectiveThatComesBackIsTakenUpFromTheLedger(t *testing.T) {
	first := openShop(t, t.TempDir(), noon, 1)
	first.trade(t, 10*10)
	was := first.state().Period
	dir := first.killed(t)
	without := posting()
	without.process.Objectives = without.process.Objectives[1:]
	o, err := newObjectives([]subject{without}, tick, 1)
	if err != nil {
		t.Fatal(err)
	}
	o.engine.Advance(*first.clock)
	if err := (&windowBook{path: filepath.Join(dir, "windows"), objectives: o}).save(*first.clock, true); err != nil {
		t.Fatal(err)
	}
	second := openShop(t, dir, first.clock.Add(20*time.Second), 1)
	if said := second.said.String(); !strings.Contains(said, "from=snapshot") {
		t.Errorf("it said\n%s", said)
	}
	if is := second.state().Period; is.Total == 0 || is.Total != was.Total || is.Bad != was.Bad {
		t.Errorf("after the restart %d of %d were bad, want %d of %d", is.Bad, is.Total, was.Bad, was.Total)
	}
}
