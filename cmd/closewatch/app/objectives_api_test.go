package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// shownAt is what programs are told of objectives at a tick.
func (w *watch) shownAt(at time.Time, about ...subject) ObjectivesShown {
	t := &Tick{At: at, Objectives: w.states(at)}
	for _, s := range about {
		t.Evidence = append(t.Evidence, tiering.Evidence{Key: s.key, Burns: w.burns(s)})
	}
	return t.objectivesShown("")
}

// What programs are told is the same from version to version:
// testdata/objectives.json. UPDATE_GOLDEN=1 writes it anew.
func TestObjectivesForPrograms(t *testing.T) {
	s := posting()
	s.process.Objectives = s.process.Objectives[:1]
	s.process.Objectives[0].CriticalTarget = 99.9 * process.Percent
	s.process.Objectives[0].Budget = process.Budget{Shares: map[string]process.Share{"pre_close": 5 * process.Percent}, Weights: map[string]int{"pre_close": 3}}
	w := watching(t, closing(t, ""), 1, s)
	at := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)
	passed, failed := 0.0, 0.0
	for n := range 3 * 120 {
		if n%2 == 0 {
			passed, failed = passed+99, failed+1
		}
		at = at.Add(tick)
		w.sees(at, runs(passed, failed, passed)...)
	}
	got, err := json.MarshalIndent(w.shownAt(at, s), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/objectives.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("objectives (-want +got):\n%s", diff)
	}
}

func TestTheConditionOfAnObjective(t *testing.T) {
	tests := map[string]struct {
		passed, failed, before float64 // in each tick; before the start
		want                   ObjectiveCondition
	}{
		"nothing has happened":     {0, 0, 10, ObjectiveUnknown},
		"all is well":              {100, 0, 0, ObjectiveMet},
		"one in a thousand":        {1000, 1, 0, ObjectiveMet},
		"half of it fails":         {50, 50, 0, ObjectiveMissed},
		"so much that it is spent": {99, 1, 0, ObjectiveMissed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := watching(t, closing(t, ""), 1, posting())
			at := noon
			for n := range 20 {
				at = at.Add(tick)
				w.sees(at, runs(tt.before+tt.passed*float64(n), tt.failed*float64(n), 0)...)
			}
			for _, o := range w.shownAt(at).Objectives {
				if o.Name == "availability" && o.Source == "synthetic" && o.State != tt.want {
					t.Errorf("it is %s, want %s", o.State, tt.want)
				}
				if o.Source == "users" && o.State != ObjectiveUnknown {
					t.Errorf("%s is %s though nobody measures it", o.ID, o.State)
				}
			}
		})
	}
}

// A burn that does not spend the budget of a month yet is told as one.
func TestABurningObjective(t *testing.T) {
	w := watching(t, closing(t, ""), 1, posting())
	at, passed, failed := noon, 0.0, 0.0
	for n := range 2 * 24 * 120 {
		if passed += 100; n > 2*24*120-20 {
			failed += 100
		}
		at = at.Add(tick)
		w.sees(at, runs(passed, failed, passed)...)
	}
	for _, o := range w.shownAt(at).Objectives {
		if o.Name == "availability" && o.Source == "synthetic" && o.State != ObjectiveBurning {
			t.Errorf("it is %s", o.State)
		}
	}
}

func TestAskingForObjectives(t *testing.T) {
	w := watching(t, closing(t, ""), 1, posting())
	w.sees(noon, runs(1, 0, 1)...)
	a := &App{decider: &decider{assembler: w.assembler}, engine: &engineMetrics{}}
	ask := func(name string) (int, ObjectivesShown) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/objectives/"+name, http.NoBody)
		r.SetPathValue("process", name)
		rec := httptest.NewRecorder()
		a.serveObjectives(rec, r)
		var out ObjectivesShown
		if rec.Code == http.StatusOK {
			if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
				t.Error(err)
			}
		}
		return rec.Code, out
	}
	if code, _ := ask(""); code != http.StatusServiceUnavailable {
		t.Errorf("before the first tick the answer is %d", code)
	}
	a.engine.last.Store(&Tick{At: noon, Objectives: w.states(noon)})
	for name, want := range map[string]int{"": 6, "invoice-posting": 6} {
		if code, out := ask(name); code != http.StatusOK || len(out.Objectives) != want || !out.At.Equal(noon) {
			t.Errorf("%q: %d, %d objectives, want %d", name, code, len(out.Objectives), want)
		}
	}
	if code, _ := ask("payroll"); code != http.StatusNotFound {
		t.Errorf("of a process that the estate does not have the answer is %d", code)
	}
}
