package app

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A fleet is many tenants with twenty processes each, which users and flows
// measure, and what is published of them.
type fleet struct {
	*objectives
	assembler *assembler
	at        time.Time
	series    []signal.Sample // all, the series of a metric beside each other
	named     map[string][]signal.Sample
	published signal.Published
	well      bool // nothing fails
}

const fleetProcesses = 20

func newFleet(tb testing.TB, tenants int) *fleet {
	tb.Helper()
	f := &fleet{at: noon, named: map[string][]signal.Sample{}}
	f.published = func(metric string) []signal.Sample { return f.named[metric] }
	zero := 0.0
	var subjects []subject
	var entities []estate.Entity
	catalog := process.Catalog()
	for t := range tenants {
		tenant := fmt.Sprintf("t%03d", t)
		entities = append(entities, estate.Entity{Name: tenant, Tenant: tenant})
		for n := range fleetProcesses {
			p := catalog[n%len(catalog)]
			p.Name = fmt.Sprintf("%s-%02d", p.Name, n)
			p.Operations = []string{p.Name + "/post"}
			p.Objectives = append(slices.Clone(p.Objectives), process.Objective{
				Name: "empty", Kind: process.Completeness, Target: 99 * process.Percent, Indicator: &process.Indicator{Value: &process.Series{Metric: "waiting", Labels: labels{"state": "late|failed"}}, AtMost: &zero},
			}, process.Objective{
				Name: "young", Kind: process.Freshness, Target: 99 * process.Percent, Threshold: time.Hour, Indicator: &process.Indicator{Oldest: &process.Series{Metric: "oldest"}, Idle: &process.Series{Metric: "waiting"}},
			})
			s := acme(p)
			s.key.Tenant, s.key.Entity, s.windows = tenant, tenant, windows(p)
			s.flows = []string{p.Name}
			subjects = append(subjects, s)
			f.publish(tenant, p.Name)
		}
	}
	o, err := newObjectives(subjects, tick, 1)
	if err != nil {
		tb.Fatal(err)
	}
	e := closing(tb, "")
	f.objectives = o
	f.assembler = newAssembler()
	f.assembler.subjects, f.assembler.calendars, f.assembler.work = subjects, newCalendars(e, entities), expected.New(time.Minute)
	slices.SortStableFunc(f.series, func(a, b signal.Sample) int { return cmp.Compare(a.Name, b.Name) })
	for from := 0; from < len(f.series); {
		to := from
		for to < len(f.series) && f.series[to].Name == f.series[from].Name {
			to++
		}
		f.named[f.series[from].Name], from = f.series[from:to], to
	}
	return f
}

func (f *fleet) publish(tenant, name string) {
	add := func(metric string, more labels) {
		x := sample(metric, 1, more)
		x.Labels["tenant"] = tenant
		f.series = append(f.series, x)
	}
	for _, outcome := range []string{"passed", "failed"} {
		add("closewatch_probe_runs_total", labels{"flow": name, "outcome": outcome})
	}
	for _, outcome := range []string{"ok", "client", "server"} {
		add("traefik_finance_operations_total", labels{"operation": name + "/post", "client": "user", "outcome": outcome})
	}
	for metric, l := range map[string]labels{
		"closewatch_probe_duration_seconds":          {"flow": name},
		"traefik_finance_operation_duration_seconds": {"operation": name + "/post", "client": "user"},
	} {
		add(metric+"_count", l)
		for _, le := range []string{"1", "2", "3", "5", "10", "30", "+Inf"} {
			add(metric+"_bucket", with(l, "le", le))
		}
	}
	add("waiting", labels{"state": "late", "journal": name})
	add("oldest", labels{"journal": name})
}

// step is a tick: everything was counted on, and is looked at.
func (f *fleet) step() {
	f.at = f.at.Add(tick)
	for i := range f.series {
		f.series[i].At = f.at
		if outcome := f.series[i].Labels["outcome"]; !f.well || outcome == "passed" || outcome == "ok" {
			f.series[i].Value += float64(i & 3)
		}
	}
	f.lacking(f.at, f.published)
	f.observe(f.at, f.published, nil, f.assembler)
	f.room.clear()
	f.lay(&f.room, f.at)
}

// alone reports whether the test has its process to itself: what other tests
// allocate in the background would count. Where it has not, a process of its own
// runs the test, and its failure is this one's.
func alone(t *testing.T) bool {
	t.Helper()
	const variable = "CLOSEWATCH_TEST_ALONE"
	if os.Getenv(variable) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v") //nolint:gosec // this very program
	child.Env = append(os.Environ(), variable+"=1")
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("by itself: %v\n%s", err, out)
	}
	return false
}

// From what is published to what is known of every objective nothing is
// allocated while things are as they were.
func TestObservingDoesNotAllocate(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFleet(t, 3)
	for range 12 {
		f.step()
	}
	if n := testing.AllocsPerRun(100, f.step); n != 0 {
		t.Errorf("a tick allocates %v times, want 0", n)
	}
	counted := map[string]int{}
	for _, st := range f.states(f.at) {
		if st.Sum.Total > 0 {
			counted[st.Name+"/"+string(st.Objective.Source)]++
		}
	}
	for _, name := range []string{"availability/users", "latency/synthetic", "empty/records", "young/records", "composite/users"} {
		if counted[name] < 3 {
			t.Errorf("%d objectives %s counted anything", counted[name], name)
		}
	}
}

// The states of all objectives are a few pieces of memory, however many there are.
func TestStatesAreAFewPieces(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFleet(t, 3)
	for range 3 {
		f.step()
	}
	if n := testing.AllocsPerRun(100, func() { f.states(f.at) }); n > 6 {
		t.Errorf("the states of %d objectives are %v allocations", len(f.tracked), n)
	}
}

// Inside a critical window, too, what is known of a subject with which nothing is
// wrong is one list, which is told to others and so is new at every tick.
func TestEvidenceOfACriticalWindowIsOneList(t *testing.T) {
	if !alone(t) {
		return
	}
	f := newFleet(t, 3)
	f.at, f.well = time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC), true // November is being closed
	for i := range f.series {
		switch f.series[i].Name {
		case "waiting":
			f.series[i].Value = 0
		case "oldest":
			f.series[i].Value = float64(f.at.Add(30 * time.Minute).Unix()) // it stays young
		}
	}
	kept := process.Budget{Shares: map[string]process.Share{string(calendar.Close): 20 * process.Percent}}
	for _, of := range f.tracked {
		if of.is.Kind == process.Availability && of.Source == slo.Users {
			of.is.Budget = kept
		}
	}
	burns, budgets := 0, 0
	look := func() {
		f.step()
		burns, budgets = 0, 0
		for _, s := range f.assembler.subjects {
			burns += len(f.burns(s))
			budgets += len(f.left(s))
		}
	}
	for range 12 {
		look()
	}
	n := testing.AllocsPerRun(100, look)
	if subjects := len(f.assembler.subjects); n != float64(subjects) || budgets > 0 {
		t.Errorf("a tick of %d subjects allocates %v times and finds %d budgets, want one list of burns for each", subjects, n, budgets)
	}
	scopes := map[string]int{}
	for _, s := range f.assembler.subjects {
		for _, b := range f.burns(s) {
			scopes[b.Scope]++
		}
	}
	if scopes[criticalBurn] < len(f.assembler.subjects) || scopes[phaseBurn] == 0 {
		t.Errorf("burns by what they are of: %v, want those of critical windows and of a phase", scopes)
	}
}

// BenchmarkObserve counts what tenants with 20 processes each do in a tick, and
// lays out what is known of every objective. The cost of a tick grows with the
// objectives and with nothing else; 20 tenants fit on any machine.
func BenchmarkObserve(b *testing.B) {
	f := newFleet(b, 20)
	for range 3 {
		f.step()
	}
	b.ReportAllocs()
	for b.Loop() {
		f.step()
	}
	n := float64(len(f.tracked))
	b.ReportMetric(n, "objectives")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/objective")
}
