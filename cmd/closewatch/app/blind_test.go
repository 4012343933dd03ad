package app

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/closewatch/closewatch/internal/datadir"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// TestWhatIsNotMeasured follows collectors that gather every 15 s, and one that
// gathers every hour, through silence.
func TestWhatIsNotMeasured(t *testing.T) {
	b := newSightBook()
	at := func(after time.Duration) time.Time { return noon.Add(after) }
	collecting := func(collector string, interval time.Duration, last time.Time) []signal.Sample {
		of := labels{"component": "db", "collector": collector}
		out := []signal.Sample{sample("closewatch_scrape_collector_interval_seconds", interval.Seconds(), of)}
		if !last.IsZero() {
			out = append(out, sample("closewatch_scrape_collector_last_gathered_timestamp_seconds", float64(last.Unix()), of))
		}
		return out
	}
	nothing := func(collector string, looked time.Time) []signal.Sample {
		of := labels{"component": "db", "collector": collector}
		return append(collecting(collector, time.Minute, time.Time{}), sample("closewatch_scrape_collector_last_success_timestamp_seconds", float64(looked.Unix()), of))
	}
	own := func(metric string, last time.Time) signal.Sample {
		return sample(metric, float64(last.Unix()), labels{"component": self})
	}
	steps := []struct {
		name  string
		after time.Duration
		given []signal.Sample
		want  string // collectors, and how long they have been silent
	}{
		{"all gather", 0, append(collecting("activity", 15*time.Second, at(0)), collecting("sizes", time.Hour, at(0))...), ""},
		{"one has never gathered, and has only just been seen", 0, collecting("locks", 15*time.Second, time.Time{}), ""},
		{"late by some intervals, not by two minutes", 2 * time.Minute, collecting("activity", 15*time.Second, at(0)), ""},
		{"silent for longer", 2*time.Minute + time.Second, collecting("activity", 15*time.Second, at(0)), "db/activity 2m1s"},
		{"an hourly one may be three hours late", 3 * time.Hour, collecting("sizes", time.Hour, at(0)), ""},
		{"and no more", 3*time.Hour + time.Second, collecting("sizes", time.Hour, at(0)), "db/sizes 3h0m1s"},
		{"gathers again", 3*time.Hour + time.Minute, collecting("sizes", time.Hour, at(3*time.Hour+time.Minute)), ""},
		{"never, seen first", 4 * time.Hour, collecting("locks", 15*time.Second, time.Time{}), ""},
		{"never, since it was first seen", 4*time.Hour + 3*time.Minute, collecting("locks", 15*time.Second, time.Time{}), "db/locks 3m0s"},
		{"looks, and there is nothing to tell", 4*time.Hour + 10*time.Minute, nothing("einvoices", at(4*time.Hour+9*time.Minute)), ""},
		{"and looks no more", 4*time.Hour + 20*time.Minute, nothing("einvoices", at(4*time.Hour+9*time.Minute)), "db/einvoices 11m0s"},
		{"the store takes nothing", 5 * time.Hour, []signal.Sample{own(storeLastAppend, at(5*time.Hour-3*time.Minute)), own(recordLastTick, at(5*time.Hour-time.Minute))}, "closewatch/store 3m0s"},
		{"a ticking record does not move", 6 * time.Hour, []signal.Sample{own(recordLastTick, at(5*time.Hour))}, "closewatch/record 1h0m0s"},
	}
	for _, s := range steps {
		var got []string
		for _, x := range b.blind(at(s.after), indexSamples(s.given)) {
			got = append(got, x.Labels["component"]+"/"+x.Labels["collector"]+" "+at(s.after).Sub(signal.Unix(x.Value)).String())
		}
		if said := strings.Join(got, ", "); said != s.want {
			t.Errorf("%s: %q, want %q", s.name, said, s.want)
		}
	}
}

// TestAnOutcomeGoesOutOfSight follows one outcome and what should tell of it,
// over a restart, and what is decided of it on a tier-A process.
func TestAnOutcomeGoesOutOfSight(t *testing.T) {
	p := catalogued(t, "invoice-posting")
	ran := func(state tiering.FlowState, last time.Time) []tiering.Flow {
		return []tiering.Flow{{Name: "invoice-posting", State: state, LastRun: last}}
	}
	users := []tiering.Burn{{Indicator: "availability", Source: "users", Total: 10}}
	tests := map[string][]struct {
		after  time.Duration
		flows  []tiering.Flow
		burns  []tiering.Burn
		needs  []tiering.Need
		want   time.Duration // since when, after noon; -1: in sight
		unseen string
	}{
		"a flow stops": {
			{0, ran(tiering.FlowPassing, noon), nil, nil, -1, ""},
			{10 * time.Minute, ran(tiering.FlowStale, noon), nil, nil, 0, "test transaction invoice-posting"},
			{20 * time.Minute, ran(tiering.FlowPassing, noon.Add(19*time.Minute)), nil, nil, -1, ""},
		},
		"a flow has not run yet": {
			{0, ran(tiering.FlowNever, time.Time{}), nil, nil, -1, "test transaction invoice-posting"},
			{time.Hour, ran(tiering.FlowNever, time.Time{}), nil, nil, -1, "test transaction invoice-posting"},
		},
		"a flow is held back on purpose": {{0, ran(tiering.FlowBlocked, noon), nil, nil, -1, ""}},
		"users told, and nothing does": {
			{0, nil, users, nil, -1, ""},
			{time.Minute, nil, nil, []tiering.Need{{Component: "ingress", Kind: "traefik", State: signal.Unknown}}, time.Minute, "ingress (traefik)"},
			{time.Hour, nil, nil, []tiering.Need{{Component: "ingress", Kind: "traefik", State: signal.Unknown}}, time.Minute, "ingress (traefik)"},
		},
		"nothing here could ever tell": {{0, nil, nil, nil, -1, ""}, {time.Hour, nil, nil, nil, -1, ""}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			b := newSightBook()
			for _, s := range steps {
				kept, err := json.Marshal(b.memory()) // a restart at every tick
				if err != nil {
					t.Fatal(err)
				}
				var m []outOfSight
				if err := json.Unmarshal(kept, &m); err != nil {
					t.Fatal(err)
				}
				if len(m) > 0 {
					b = newSightBook()
					b.restore(m)
				}
				ev := []tiering.Evidence{{Key: acme(p).key, Process: p, Flows: s.flows, Burns: s.burns, Needs: s.needs, Critical: true}}
				b.look(noon.Add(s.after), ev)
				var want time.Time
				if s.want >= 0 {
					want = noon.Add(s.want)
				}
				if !ev[0].UnseenSince.Equal(want) {
					t.Errorf("after %s: out of sight since %s, want %s", s.after, ev[0].UnseenSince, want)
				}
				var unseen []string
				for _, u := range ev[0].Unseen {
					unseen = append(unseen, u.What)
				}
				if said := strings.Join(unseen, ", "); said != s.unseen {
					t.Errorf("after %s: unseen %q, want %q", s.after, said, s.unseen)
				}
				blind := tiering.Decide(noon.Add(s.after), ev[0], tiering.DefaultRules())
				long := s.want >= 0 && s.after-s.want >= 10*time.Minute
				if raised := blind.Tier >= tiering.Degradation; raised != long || p.Tier != process.Critical {
					t.Errorf("after %s: tier %s, out of sight for long: %v", s.after, blind.Tier, long)
				}
			}
		})
	}
}

// What the daemon publishes of its own keeping passes promlint, and a disk that
// cannot be measured publishes nothing of it.
func TestUpkeepIsPublished(t *testing.T) {
	u := &upkeep{environment: "production", space: func() (datadir.Space, error) { return datadir.Space{Free: 100 << 20, Size: 100 << 30}, nil }}
	names := func() []string {
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(u)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v, %v", problems, err)
		}
		var out []string
		for _, mf := range families {
			out = append(out, mf.GetName())
		}
		return out
	}
	if diff := cmp.Diff([]string{"closewatch_data_free_bytes", dataLow}, names()); diff != "" {
		t.Errorf("before anything is kept (-want +got):\n%s", diff)
	}
	u.begin(noon)
	u.space = func() (datadir.Space, error) { return datadir.Space{}, errors.New("no disk") }
	if diff := cmp.Diff([]string{recordLastTick, storeLastAppend}, names()); diff != "" {
		t.Errorf("without a disk (-want +got):\n%s", diff)
	}
}
