package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/baseline"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/store"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A past is what a store would answer: a value for every hour.
type past func(at time.Time) float64

func (p past) query(_ context.Context, _ string, start, end time.Time, step time.Duration) ([]store.Series, error) {
	s := store.Series{Labels: map[string]string{"environment": "production", "component": "db"}}
	for at := start; !at.After(end); at = at.Add(step) {
		s.Points = append(s.Points, store.Point{At: at, Value: p(at)})
	}
	return []store.Series{s}, nil
}

func cacheHits() []collectors.Seasonal {
	return []collectors.Seasonal{{Name: "cache_hits", Title: "cache hits", Unit: "ratio", Process: "reporting", Least: 0.002}}
}

func newBaseliner(t *testing.T, path string, p past) *baseliner {
	t.Helper()
	closes := calendar.DefaultClosePlan()
	return &baseliner{
		query: p.query, calendars: &calendars{plans: []calendar.Plan{{Entity: "acme", Zone: time.UTC, Close: &closes}}}, list: cacheHits(), path: path,
		log: slog.New(slog.DiscardHandler), entities: func(string, string) []string { return []string{"acme"} },
		history: map[baselineOf]*baseline.History{}, latest: map[baselineOf]baselineSeen{},
	}
}

// samplesOf is what is published at a tick.
func samplesOf(t *testing.T, b *baseliner, at time.Time) []signal.Sample {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(b)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	var out []signal.Sample
	for _, mf := range families {
		for _, m := range mf.Metric {
			x := signal.Sample{Name: mf.GetName(), Labels: map[string]string{}, Value: m.GetGauge().GetValue(), At: at}
			for _, l := range m.Label {
				x.Labels[l.GetName()] = l.GetValue()
			}
			out = append(out, x)
		}
	}
	return out
}

// TestWhatIsUnusualIsFoundAndKept learns a quarter, finds a number that is not
// as usual once it has held, and knows the same after a restart, from what was
// kept alone.
func TestWhatIsUnusualIsFoundAndKept(t *testing.T) {
	now := at(t, "2026-11-17T10:30:00Z") // a quiet Tuesday
	usual := func(at time.Time) float64 { return 0.992 + 0.0001*float64(at.Hour()%3) }
	unusual := func(at time.Time) float64 {
		if at.Equal(now) {
			return 0.97
		}
		return usual(at)
	}
	path := filepath.Join(t.TempDir(), "baselines.json")
	calm := newBaseliner(t, path, usual)
	calm.look(t.Context(), now)
	if got := texts(t, samplesOf(t, calm, now), now); len(got) != 0 {
		t.Errorf("a usual day is told: %q", got)
	}
	b := newBaseliner(t, path, unusual)
	b.look(t.Context(), now)
	want := []string{"cache hits of db: 97 % against 99.2 % usual at this time of the week (10 weeks)"}
	if diff := cmp.Diff(want, texts(t, samplesOf(t, b, now), now)); diff != "" {
		t.Errorf("what is not as usual (-want +got):\n%s", diff)
	}
	restarted := newBaseliner(t, path, unusual)
	asked := 0
	restarted.query = func(ctx context.Context, expr string, start, end time.Time, step time.Duration) ([]store.Series, error) {
		asked++
		return past(unusual).query(ctx, expr, start, end, step)
	}
	restarted.restore()
	restarted.look(t.Context(), now)
	if diff := cmp.Diff(want, texts(t, samplesOf(t, restarted, now), now)); diff != "" || asked != 1 {
		t.Errorf("after a restart, asked %d times (-want +got):\n%s", asked, diff)
	}
	broken := newBaseliner(t, filepath.Join(t.TempDir(), "none.json"), unusual)
	broken.query = func(context.Context, string, time.Time, time.Time, time.Duration) ([]store.Series, error) {
		return nil, errors.New("the store is closed")
	}
	broken.look(t.Context(), now)
	if got := samplesOf(t, broken, now); len(got) != 0 {
		t.Errorf("without a store something is told: %v", got)
	}
}

// texts are the anomalies of the reporting process once they have held.
func texts(t *testing.T, samples []signal.Sample, now time.Time) []string {
	t.Helper()
	e, err := signal.NewEvaluator(baselineSignals())
	if err != nil {
		t.Fatal(err)
	}
	var readings []signal.Reading
	for _, after := range []time.Duration{0, 15 * time.Minute} {
		if readings = e.Evaluate(now.Add(after), collectedAt(samples, now.Add(after))); after == 0 && len(readings) > 0 && readings[0].State == signal.Warning {
			t.Error("what has not held is told")
		}
	}
	subj := acme(catalogued(t, "reporting"))
	subj.needs = []need{{component: "db", kind: "postgres"}}
	a, evidence := &assembler{subjects: []subject{subj}}, []tiering.Evidence{{Key: subj.key, Process: subj.process, Place: calendar.Place{Phase: calendar.Normal}}}
	a.unusual(evidence, readings, indexSamples(samples))
	var out []string
	for _, x := range evidence[0].Unusual {
		out = append(out, x.Text)
	}
	return out
}

// In the close what is usual there counts, not what is on other days.
func TestACloseHasAUsualOfItsOwn(t *testing.T) {
	closing := func(at time.Time) bool { return at.Day() <= 7 }
	b := newBaseliner(t, filepath.Join(t.TempDir(), "baselines.json"), func(at time.Time) float64 {
		if closing(at.Add(-time.Hour)) {
			return 0.9
		}
		return 0.99
	})
	now := at(t, "2026-12-03T10:30:00Z")
	b.look(t.Context(), now)
	for _, x := range samplesOf(t, b, now) {
		if x.Name == "closewatch_baseline_median" && (x.Value < 0.899 || x.Value > 0.901) {
			t.Errorf("usual in the close is %v, want 0.9", x.Value)
		}
	}
	if len(b.latest) != 1 {
		t.Errorf("%d numbers are known in the close, want 1", len(b.latest))
	}
}

// Every query is one that the store understands, each name is used once, and each
// process exists.
func TestSeasonalsCanBeAsked(t *testing.T) {
	s, err := store.Open(store.Options{Dir: t.TempDir(), Retention: time.Hour, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	seen := map[string]bool{}
	for _, x := range collectors.Seasonals() {
		if _, err := s.QueryRange(t.Context(), x.Query, noon, noon, time.Minute); err != nil {
			t.Errorf("%s: %v", x.Name, err)
		}
		if seen[x.Name] || x.Title == "" || x.Least <= 0 {
			t.Errorf("%s is not complete, or there twice", x.Name)
		}
		seen[x.Name] = true
		catalogued(t, x.Process)
	}
}
