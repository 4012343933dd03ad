package traefik

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

const entryPointRequests = "traefik_entrypoint_requests_total"

// totals is an exposition of requests by entrypoint.
func totals(requests map[string]float64) exposition {
	e := exposition{series: map[string][]series{}}
	for name, n := range requests {
		e.series[entryPointRequests] = append(e.series[entryPointRequests], series{
			labels.FromStrings(model.MetricNameLabel, entryPointRequests, "entrypoint", name, "code", "200"), n,
		})
	}
	return e
}

func TestCoverageByEntrypoints(t *testing.T) {
	type scrape struct {
		requests map[string]float64
		lines    uint64
	}
	web := func(n float64, lines uint64) scrape { return scrape{map[string]float64{"web": n}, lines} }
	tests := map[string]struct {
		entryPoints []string
		scrapes     []scrape
		want        float64
		enough      bool
	}{
		"every request has a line":         {nil, []scrape{web(1000, 50), web(1200, 250)}, 1, true},
		"a filter drops every fourth":      {nil, []scrape{web(1000, 50), web(1200, 200)}, 0.75, true},
		"a quiet weekend":                  {nil, []scrape{web(1000, 50), web(1050, 50)}, 0, false},
		"one look is none":                 {nil, []scrape{web(1000, 50)}, 0, false},
		"requests of before the first":     {nil, []scrape{web(1e6, 50), web(1e6+200, 250)}, 1, true},
		"more lines than requests":         {nil, []scrape{web(1000, 50), web(1100, 170)}, 1, true},
		"Traefik was restarted":            {nil, []scrape{web(1000, 50), web(1100, 150), web(100, 250)}, 1, true},
		"several Traefiks taken for one":   {nil, []scrape{web(1000, 50), web(500, 150), web(1100, 250), web(600, 350)}, 0, false},
		"an entrypoint that is used later": {nil, []scrape{web(1000, 50), {map[string]float64{"web": 1100, "websecure": 100}, 250}}, 1, true},
		"Traefik's own affairs":            {nil, []scrape{{map[string]float64{"web": 1000, "metrics": 9, "traefik": 9}, 50}, {map[string]float64{"web": 1100, "metrics": 900, "traefik": 900}, 150}}, 1, true},
		"only those that log are listed":   {[]string{"web"}, []scrape{{map[string]float64{"web": 1000, "shop": 9}, 50}, {map[string]float64{"web": 1100, "shop": 900}, 150}}, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			clock, lines := noon(), uint64(0)
			s := &sighting{entryPoints: tt.entryPoints, lines: func() (uint64, bool) { return lines, true }}
			for _, seen := range tt.scrapes {
				clock, lines = clock.Add(15*time.Second), seen.lines
				s.see(clock, totals(seen.requests))
			}
			if got, enough := s.coverage(clock); enough != tt.enough || enough && got != tt.want {
				t.Errorf("coverage = %v, %v, want %v, %v", got, enough, tt.want, tt.enough)
			}
			if _, enough := s.coverage(clock.Add(recentFor + time.Second)); enough {
				t.Error("a ratio long after the last scrape")
			}
		})
	}
}

// While lines wait to be read, what was read says nothing of what was written.
func TestCoverageWaitsForTheReader(t *testing.T) {
	clock, behind := noon(), true
	s := &sighting{lines: func() (uint64, bool) { return 1, !behind }}
	for n := range 10 {
		clock = clock.Add(15 * time.Second)
		s.see(clock, totals(map[string]float64{"web": float64(1000 * n)}))
	}
	if ratio, enough := s.coverage(clock); enough {
		t.Errorf("coverage = %v of a log that is not read yet", ratio)
	}
	if _, enough := (*sighting)(nil).coverage(clock); enough {
		t.Error("coverage without metrics")
	}
}

// The window is of five minutes, however many scrapes there were before.
func TestCoverageForgets(t *testing.T) {
	clock, lines, requests := noon(), uint64(0), 0.0
	s := &sighting{lines: func() (uint64, bool) { return lines, true }}
	for n := range 2000 {
		clock = clock.Add(time.Second)
		requests += 10
		if n > 1600 {
			lines += 10 // the filter was taken away
		}
		s.see(clock, totals(map[string]float64{"web": requests}))
	}
	if ratio, enough := s.coverage(clock); !enough || ratio != 1 || len(s.marks) > maxRecent {
		t.Errorf("coverage = %v, %v of %d marks, want 1", ratio, enough, len(s.marks))
	}
}
