package openslo_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/promql/parser"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/openslo"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// everyForm is a process with an objective of every form that an estate knows.
func everyForm() process.Process {
	series := func(metric string) *process.Series { return &process.Series{Metric: metric} }
	return process.Process{
		Name: "reporting", Title: "Reporting", Tier: process.Important, CloseTier: process.Critical, Stops: "Reports are not there.",
		Windows: []process.Window{
			{Kind: process.WorkingDays, From: -2, To: 5, Says: "the pack"},
			{Kind: process.BeforeDeadline, Before: 4 * time.Hour},
			{Kind: process.BeforeDeadline, BeforeDays: 2},
			{Kind: process.Always},
		},
		Recovery: process.Recovery{RTO: 8 * time.Hour, RPO: time.Hour}, CriticalRecovery: process.Recovery{RTO: 2 * time.Hour},
		Objectives: []process.Objective{
			{
				Name: "availability", Kind: process.Availability, Target: 99.5 * process.Percent, CriticalTarget: 99.9 * process.Percent, Says: "a report opens",
				Budget: process.Budget{
					Window: process.MonthWindow, Weights: map[string]int{"close": 3}, Shares: map[string]process.Share{"close": 25 * process.Percent},
					Policy:      []process.PolicyStep{{Left: 25 * process.Percent, Phase: "close", State: process.PolicyFreeze}},
					PolicySince: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
				},
			},
			{Name: "latency", Kind: process.Latency, Target: 95 * process.Percent, Threshold: 10 * time.Second, CriticalThreshold: 5 * time.Second, Says: "a report opens fast"},
			{Name: "unmeasured", Kind: process.Deadline, Every: true, Says: "the pack is ready", Unmeasured: "no metric tells"},
			{
				Name: "jobs", Kind: process.Availability, Target: 99 * process.Percent, Says: "a job ends well",
				Indicator: &process.Indicator{Total: series("jobs_total"), Bad: &process.Series{Metric: "jobs_failed_total", Labels: map[string]string{"channel": "root|root.pdf"}}},
				Budget:    process.Budget{Slice: 90 * time.Second, SliceTarget: 95 * process.Percent, EmptySlice: process.EmptyGood},
			},
			{
				Name: "matched", Kind: process.Completeness, Target: 90 * process.Percent, Says: "a line is matched",
				Indicator: &process.Indicator{Total: series("lines_total"), Good: series("lines_matched_total")}, Budget: process.Budget{Slice: time.Hour, Window: process.FiscalWindow},
			},
			{
				Name: "answers", Kind: process.Latency, Target: 95 * process.Percent, Threshold: 250 * time.Millisecond, Says: "it answers",
				Indicator: &process.Indicator{Histogram: &process.Series{Metric: "answer_seconds", Labels: map[string]string{"client": `a "user"`}}},
			},
			{
				Name: "age", Kind: process.Freshness, Target: 99 * process.Percent, Threshold: 36 * time.Hour, CriticalOnly: true, Says: "it is fresh",
				Indicator: &process.Indicator{Oldest: series("oldest_timestamp_seconds"), Idle: series("waiting")},
			},
			{
				Name: "waiting", Kind: process.Completeness, Every: true, Says: "none waits",
				Indicator: &process.Indicator{Value: &process.Series{Metric: "prometheus_query_value", Labels: map[string]string{"query": "waiting"}}, AtMost: new(0.5)},
			},
			{
				Name: "pack", Kind: process.Completeness, Every: true, Says: "the pack is there",
				Indicator: &process.Indicator{Value: series("pack_parts"), AtLeast: new(7.0), Due: "WD+5 18:00"},
			},
			{
				Name: "feed", Kind: process.Deadline, Target: 95 * process.Percent, Says: "the feed is in",
				Indicator: &process.Indicator{Value: series("feed_timestamp_seconds"), Dated: new(1), Due: "every working day 10:00"},
			},
			{
				Name: "lock", Kind: process.Deadline, Target: 95 * process.Percent, Says: "the lock is set", Indicator: &process.Indicator{Work: "lock date to be set"},
				Budget: process.Budget{Window: process.RollingWindow},
			},
		},
	}
}

func subjectsOf(p process.Process, tenants ...string) []openslo.Subject {
	var out []openslo.Subject
	for _, tenant := range tenants {
		by := []openslo.Measured{
			{slo.Synthetic, `sum(runs_total{outcome="passed"})`, "sum(runs_total)"}, {slo.Users, `sum(requests_total{outcome!~"server|upstream"})`, "sum(requests_total)"},
		}
		out = append(out, openslo.Subject{
			Environment: "production", Tenant: tenant, Zone: "Europe/Vienna", Process: p,
			Measured: map[string][]openslo.Measured{"availability": by, "latency": by[1:]},
		})
	}
	return out
}

func settings() openslo.Settings {
	return openslo.Settings{Header: []string{"What it is."}, URL: "http://127.0.0.1:9977/prometheus"}
}

func TestGenerateEveryForm(t *testing.T) {
	g := openslo.Generate(settings(), subjectsOf(everyForm(), "acme"))
	golden(t, "testdata/generated.yaml", string(g.File))
	parses(t, g.File)
	if want := []string{"production/acme/reporting/unmeasured (deadline): no metric tells"}; !slices.Equal(g.NotCovered, want) {
		t.Errorf("not covered: %q, want %q", g.NotCovered, want)
	}
}

// queries are those of a file.
func queries(t tester, file []byte) []string {
	t.Helper()
	var out []string
	for _, match := range regexp.MustCompile(`(?m)^ +query: (.*)$`).FindAllStringSubmatch(string(file), -1) {
		q := strings.Trim(match[1], "'")
		if strings.HasPrefix(q, `"`) {
			if err := json.Unmarshal([]byte(match[1]), &q); err != nil {
				t.Errorf("%s: %v", match[1], err)
			}
		}
		out = append(out, q)
	}
	return out
}

// parses reports queries that are no PromQL.
func parses(t tester, file []byte) {
	t.Helper()
	for _, q := range queries(t, file) {
		if _, err := parser.ParseExpr(q); err != nil {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// What is generated is what every reader takes: names are DNS labels, and titles
// and descriptions are within the specification's limits.
func TestNamesAreDNSLabels(t *testing.T) {
	p := everyForm()
	p.Objectives[3].Name = "jobs.of_all.kinds"
	p.Objectives[4].Name = strings.Repeat("long", 15)
	p.Title = strings.Repeat("Reporting ", 10)
	g := openslo.Generate(settings(), subjectsOf(p, "acme_eu", "acme_eu_with_a_name_that_is_rather_long_for_a_database", "acme-eu"))
	dns := regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	for _, match := range regexp.MustCompile(`(?m)^  name: (.*)$`).FindAllStringSubmatch(string(g.File), -1) {
		if !dns.MatchString(match[1]) {
			t.Errorf("%q is no DNS label", match[1])
		}
	}
	names := map[string]bool{}
	for _, d := range g.Documents {
		if names[d.Name] {
			t.Errorf("%s is used twice", d.Name)
		}
		names[d.Name] = true
	}
	if want := 3 * 11; len(g.Documents) != want {
		t.Errorf("%d SLOs, want %d", len(g.Documents), want)
	}
	if _, mistakes := openslo.Read([]openslo.File{{Name: "g.yaml", Data: g.File}}); len(mistakes) > 0 {
		t.Error(mistakes)
	}
}

// What is generated from a process is read back as that process: into an estate
// that has it there is nothing to write, and nothing to tell.
func TestWhatIsGeneratedComesBack(t *testing.T) {
	p := everyForm()
	set, mistakes := openslo.Read([]openslo.File{{Name: "g.yaml", Data: openslo.Generate(settings(), subjectsOf(p, "acme", "beta")).File}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o := options()
	o.Processes = []process.Process{p}
	r := set.Import(o)
	if len(r.Notes) > 0 || len(r.Part) > 0 || len(r.Same) != len(p.Objectives)-1 {
		t.Errorf("%d are the same, of %d; to write:\n%s\nnotes: %v", len(r.Same), len(p.Objectives)-1, r.Part, r.Notes)
	}
}

// Into another estate all is written that makes the process what it was.
func TestWhatIsGeneratedMakesTheSameProcess(t *testing.T) {
	p := everyForm()
	set, mistakes := openslo.Read([]openslo.File{{Name: "g.yaml", Data: openslo.Generate(settings(), subjectsOf(p, "acme")).File}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o := options()
	o.Check = nil // the scheduled work that is named is none of the catalogue
	r := set.Import(o)
	e, err := parsed(r.Part)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Part)
	}
	for _, got := range e.Catalog(process.Catalog()) {
		if got.Name != p.Name {
			continue
		}
		if diff := cmp.Diff([]any{p.Title, p.Stops, p.Tier, p.CloseTier, p.Windows, p.Recovery, p.RecoveryIn(true)}, []any{got.Title, got.Stops, got.Tier, got.CloseTier, got.Windows, got.Recovery, got.RecoveryIn(true)}); diff != "" {
			t.Errorf("the process differs (-want +got):\n%s", diff)
		}
		for _, want := range p.Objectives {
			if want.Unmeasured == "" {
				sameObjective(t, want, got.Objectives)
			}
		}
	}
}

// What an estate does without is told and done without, unless an SLO says
// otherwise.
func TestDisabledObjectives(t *testing.T) {
	const service = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: invoice-posting, annotations: {closewatch/disabled: \"latency, nonsense\"}}\nspec: {}\n"
	for name, tt := range map[string]struct {
		change func(*openslo.Options)
		want   string // part of the part
		same   int
	}{
		"of the catalogue": {func(*openslo.Options) {}, "latency:\n        enabled: false\n", 0},
		"that the estate has none of": {func(o *openslo.Options) {
			o.Processes = slices.Clone(o.Catalog)
			for i := range o.Processes {
				o.Processes[i].Objectives = nil
			}
		}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			set, mistakes := openslo.Read([]openslo.File{{Name: "s.yaml", Data: []byte(service)}})
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			o := options()
			tt.change(&o)
			r := set.Import(o)
			if !strings.HasSuffix(string(r.Part), tt.want) || tt.want == "" && r.Part != nil || len(r.Same) != tt.same {
				t.Errorf("%d are the same, to write:\n%s", len(r.Same), r.Part)
			}
			if len(r.Notes) != 1 || r.Notes[0].What != `"nonsense" is no objective that invoice-posting has` {
				t.Errorf("notes: %v", r.Notes)
			}
			if tt.want != "" {
				if _, err := parsed(r.Part); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

func sameObjective(t tester, want process.Objective, all []process.Objective) {
	t.Helper()
	i := slices.IndexFunc(all, func(o process.Objective) bool { return o.Name == want.Name })
	if i < 0 {
		t.Errorf("there is no objective %s", want.Name)
		return
	}
	got := all[i]
	if want.Indicator == nil { // an estate cannot take back that of the catalogue
		got.Indicator = nil
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", want.Name, diff)
	}
	if w, g := want.Budget.Policy, got.Budget.Policy; (w == nil) != (g == nil) { // none and the usual one
		t.Errorf("%s has the policy %#v, want %#v", want.Name, g, w)
	}
}

// Whatever an estate can say of an objective comes back as it was.
func TestObjectivesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := everyForm()
		want := objective().Draw(t, "objective")
		p.Objectives = []process.Objective{want}
		subjects := subjectsOf(p, rapid.StringMatching(`[a-z][a-z0-9_-]{0,20}`).Draw(t, "tenant"))
		subjects[0].Measured[want.Name] = subjects[0].Measured["availability"]
		with := settings()
		with.Catalog = process.Catalog()
		g := openslo.Generate(with, subjects)
		set, mistakes := openslo.Read([]openslo.File{{Name: "g.yaml", Data: g.File}})
		if len(mistakes) > 0 {
			t.Fatalf("%v\n%s", mistakes, g.File)
		}
		parses(t, g.File)
		r := set.Import(options())
		if len(r.Notes) > 0 {
			t.Fatalf("%v\n%s", r.Notes, g.File)
		}
		e, err := parsed(r.Part)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Part)
		}
		for _, got := range e.Catalog(process.Catalog()) {
			if got.Name != p.Name {
				continue
			}
			sameObjective(t, want, got.Objectives)
			if len(got.Objectives) != 1 {
				t.Errorf("%d objectives, want the one that the estate has:\n%s", len(got.Objectives), r.Part)
			}
		}
	})
}

// objective draws an objective as an estate may have it, under a name that the
// catalogue does not know.
func objective() *rapid.Generator[process.Objective] {
	return rapid.Custom(func(t *rapid.T) process.Objective {
		o := process.Objective{
			Name: "x-" + rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "name"), Says: rapid.StringMatching(`([A-Za-z0-9%'"#:{}é,-]{1,8} ?){0,5}[a-z]`).Draw(t, "says"),
			CriticalOnly: rapid.Bool().Draw(t, "criticalOnly"),
		}
		if o.Every = rapid.Bool().Draw(t, "every"); !o.Every {
			o.Target = process.Share(rapid.Int64Range(1, int64(process.Whole)-1).Draw(t, "target"))
			o.CriticalTarget = rapid.SampledFrom([]process.Share{0, o.Target, process.Whole - 1}).Draw(t, "criticalTarget")
		}
		thresholds := func() {
			o.Threshold = time.Duration(rapid.IntRange(1, 1_000_000).Draw(t, "threshold")) * time.Millisecond
			if rapid.Bool().Draw(t, "otherwise in the close") {
				o.CriticalThreshold = o.Threshold / 2
			}
			o.CriticalThreshold = o.CriticalThreshold.Truncate(time.Millisecond)
		}
		series := func(name string) *process.Series { return ofSeries(t, name) }
		number := func() *float64 { return new(float64(rapid.IntRange(-1000, 1000).Draw(t, "value")) / 8) }
		occasional := false
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			o.Kind = process.Availability
		case 1:
			o.Kind, o.Indicator = process.Completeness, &process.Indicator{Total: series("total"), Good: series("good")}
		case 2:
			o.Kind, o.Indicator = process.Availability, &process.Indicator{Total: series("total"), Bad: series("bad")}
		case 3:
			o.Kind, o.Indicator = process.Latency, &process.Indicator{Histogram: series("histogram")}
			o.Indicator.Histogram.Metric = strings.TrimSuffix(o.Indicator.Histogram.Metric, "_total") + "_seconds"
			thresholds()
		case 4:
			o.Kind, o.Indicator = process.Freshness, &process.Indicator{Oldest: series("oldest")}
			if rapid.Bool().Draw(t, "idle") {
				o.Indicator.Idle = series("idle")
			}
			thresholds()
		case 5:
			o.Kind, o.Indicator = process.Completeness, &process.Indicator{Value: series("value"), AtMost: number()}
		default:
			o.Kind, o.Indicator = process.Deadline, &process.Indicator{Value: series("value"), AtLeast: number(), Due: "WD+2 18:00"}
			occasional = true
		}
		o.Budget = budget(t, o.Target, occasional)
		return o
	})
}

func ofSeries(t *rapid.T, name string) *process.Series {
	s := &process.Series{Metric: rapid.StringMatching(`[a-z][a-z_]{0,10}_total`).Draw(t, name)}
	for _, label := range []string{"channel", "state"} {
		if rapid.Bool().Draw(t, label) {
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[label] = strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z.*+?()"\\{}^$é ,-]{1,6}`), 1, 3).Draw(t, "values"), "|")
		}
	}
	return s
}

func budget(t *rapid.T, target process.Share, occasional bool) process.Budget {
	b := process.Budget{Window: rapid.SampledFrom([]process.BudgetWindow{"", process.RollingWindow, process.MonthWindow, process.FiscalWindow}).Draw(t, "window")}
	if !occasional && rapid.Bool().Draw(t, "sliced") {
		b.Slice = rapid.SampledFrom([]time.Duration{time.Minute, 90 * time.Second, 5 * time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "slice")
		b.EmptySlice = rapid.SampledFrom([]process.EmptySlice{"", process.EmptyExcluded, process.EmptyGood, process.EmptyBad}).Draw(t, "emptySlice")
		// The target itself is what an estate means when it says none.
		if b.SliceTarget = process.Share(rapid.Int64Range(1, int64(process.Whole)-2).Draw(t, "sliceTarget")); b.SliceTarget == target {
			b.SliceTarget--
		}
	}
	phase := rapid.SampledFrom([]string{"pre_close", "close", "tail", "normal"})
	b.Weights = rapid.MapOfN(phase, rapid.IntRange(1, 100), 0, 2).Draw(t, "weights")
	b.Shares = rapid.MapOfN(phase, rapid.Map(rapid.Int64Range(1, int64(process.Whole)/2), func(n int64) process.Share { return process.Share(n) }), 0, 2).Draw(t, "shares")
	if rapid.Bool().Draw(t, "policy") {
		b.Policy = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) process.PolicyStep {
			return process.PolicyStep{
				Left:  process.Share(rapid.Int64Range(0, int64(process.Whole)).Draw(t, "left")),
				Phase: rapid.OneOf(rapid.Just(""), phase).Draw(t, "phase"), State: rapid.SampledFrom(process.PolicyStates()).Draw(t, "state"),
			}
		}), 0, 3).Draw(t, "steps")
		if len(b.Policy) > 0 {
			b.PolicySince = rapid.SampledFrom([]time.Time{{}, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}).Draw(t, "since")
		}
	}
	return b
}
