package app

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// What the catalogue of processes says of other parts of the program is there.
func TestTheCatalogueNamesWhatExists(t *testing.T) {
	var known []string
	for _, d := range (&Plan{Estate: &estate.Estate{}}).signals(1) {
		known = append(known, d.Name)
	}
	for _, p := range process.Catalog() {
		for _, s := range p.Symptoms {
			if s.By == process.BySignal && !slices.Contains(known, s.Signal) {
				t.Errorf("%s: %q is seen by signal %s, which does not exist", p.Name, s.Says, s.Signal)
			}
		}
		for _, o := range p.Objectives {
			for _, threshold := range []time.Duration{o.In(false).Threshold, o.In(true).Threshold} {
				if o.Kind == process.Latency && !slices.Contains(thresholds(), threshold) {
					t.Errorf("%s: no histogram tells whether %s is within %v", p.Name, o.Name, threshold)
				}
			}
		}
	}
}

// Whatever the engine measures is an objective of a kind it knows; the rest is
// said to be not measured.
func TestWhatIsMeasured(t *testing.T) {
	s := acme(catalogued(t, "invoice-posting"))
	s.process.Objectives = append(s.process.Objectives, process.Objective{Name: "filed", Kind: process.Deadline, Every: true})
	measured := func() map[string][]string {
		out := map[string][]string{}
		for _, o := range s.process.Objectives {
			out[o.Name] = measuredBy(s, o)
		}
		return out
	}
	none := map[string][]string{"availability": {}, "latency": {}, "filed": {}}
	if diff := cmp.Diff(none, measured()); diff != "" {
		t.Errorf("nothing is watched (-want +got):\n%s", diff)
	}
	s.flows, s.needs = []string{"invoice-posting"}, []need{{"ingress", process.Traefik, process.Hard, ""}}
	both := []string{"test transactions", "real users"}
	if diff := cmp.Diff(map[string][]string{"availability": both, "latency": both, "filed": {}}, measured()); diff != "" {
		t.Errorf("a flow runs and the ingress is watched (-want +got):\n%s", diff)
	}
	objs, err := newObjectives([]subject{s}, 30*time.Second, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(objs.states(noon)); n != 6 {
		t.Errorf("the engine has %d objectives, want availability, latency and the whole, of flows and of users", n)
	}
}

func TestWhatHasShownThatItWorksAgain(t *testing.T) {
	passing := func(at time.Time) []tiering.Flow { return []tiering.Flow{{State: tiering.FlowPassing, LastRun: at}} }
	tests := map[string]struct {
		ev   tiering.Evidence
		want string
	}{
		"nothing":                    {tiering.Evidence{}, ""},
		"a run before it recovered":  {tiering.Evidence{Flows: passing(noon.Add(-time.Second))}, ""},
		"a run since":                {tiering.Evidence{Flows: passing(noon)}, "test transactions go through"},
		"a failing run":              {tiering.Evidence{Flows: []tiering.Flow{{State: tiering.FlowFailing, LastRun: noon}}}, ""},
		"users post":                 {tiering.Evidence{Progress: tiering.Progress{Known: true, Advanced: noon.Add(time.Second)}}, "entries of users are being posted"},
		"work that is still missing": {tiering.Evidence{Work: []tiering.Work{{Missing: true}}}, ""},
		"everything": {
			tiering.Evidence{Flows: passing(noon), Work: []tiering.Work{{}}, Progress: tiering.Progress{Known: true, Advanced: noon.Add(time.Second)}},
			"test transactions go through, entries of users are being posted and expected work is being done",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := verified(tt.ev, noon); got != tt.want {
				t.Errorf("verified = %q, want %q", got, tt.want)
			}
			if got := verified(tt.ev, time.Time{}); got != "" {
				t.Errorf("while it lasts, verified = %q", got)
			}
		})
	}
}

func TestBacklogInWords(t *testing.T) {
	jobs := []process.Work{{Source: process.QueueJobs}}
	tests := map[string]struct {
		expected []process.Work
		work     []tiering.Work
		want     string
	}{
		"jobs":                        {jobs, []tiering.Work{{Count: 31, Says: "e-invoices"}, {Count: 2, Says: "answers"}}, "31 e-invoices and 2 answers"},
		"no job left":                 {jobs, []tiering.Work{{Says: "e-invoices"}}, "nothing"},
		"jobs nobody has seen":        {jobs, nil, ""},
		"an action that does not say": {[]process.Work{{Source: process.ScheduledAction}}, []tiering.Work{{Says: "invoices"}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := backlog(tiering.Evidence{Process: process.Process{Work: tt.expected}, Work: tt.work}); got != tt.want {
				t.Errorf("backlog = %q, want %q", got, tt.want)
			}
		})
	}
}
