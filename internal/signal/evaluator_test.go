package signal_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
)

const tick = 15 * time.Second

var epoch = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func lag() signal.Definition {
	return signal.Definition{
		Name: "replay_lag", Kind: "postgres", Title: "Replication is caught up", Metric: "postgres_replay_lag_seconds",
		Warning: 10, Critical: 60, Exit: 0.8, Fresh: time.Minute, Unit: "seconds",
		Says: "{component} is {value} behind (limit {threshold})",
	}
}

func evaluator(t *testing.T, defs ...signal.Definition) *signal.Evaluator {
	t.Helper()
	e, err := signal.NewEvaluator(defs)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A value per tick in, the state after each tick out; "-" is a tick without a
// sample.
func TestStatesOverTime(t *testing.T) {
	none := math.NaN()
	hold := func(d *signal.Definition) { d.For = 2 * tick }
	tests := map[string]struct {
		change func(*signal.Definition)
		values []float64
		want   string // o ok, w warning, c critical, ? unknown
	}{
		"at the threshold is not beyond it":              {nil, []float64{10, 60}, "ow"},
		"rises and falls through both":                   {nil, []float64{5, 11, 61, 30, 5}, "owcwo"},
		"hovers and is held until the exit":              {nil, []float64{11, 9, 8.5, 8, 9}, "wwwoo"},
		"falls from critical into held warning":          {nil, []float64{61, 50, 49, 48, 9, 8}, "cccwwo"},
		"no hysteresis":                                  {func(d *signal.Definition) { d.Exit = 1 }, []float64{11, 10, 11}, "wow"},
		"exit unset means no hysteresis":                 {func(d *signal.Definition) { d.Exit = 0 }, []float64{11, 10, 11}, "wow"},
		"worse must hold":                                {hold, []float64{1, 70, 70, 70, 1}, "oooco"},
		"a short spike is not believed":                  {hold, []float64{1, 70, 1, 70, 70, 1}, "oooooo"},
		"warning is believed while critical still waits": {hold, []float64{1, 20, 20, 70, 70, 70}, "ooowwc"},
		"first sight that is bad is not called ok":       {hold, []float64{70, 70, 70}, "??c"},
		"missing is unknown at once":                     {nil, []float64{1, none, 1}, "o?o"},
		"still critical when it is seen again":           {hold, []float64{1, 70, 70, 70, none, 70}, "oooc?c"},
		"a gap starts the hold anew":                     {hold, []float64{1, 70, 70, none, 70, 70, 70}, "ooo?ooc"},
		"hysteresis survives a gap":                      {nil, []float64{11, none, 9, 8}, "w?wo"},
		"below": {func(d *signal.Definition) {
			d.Direction, d.Warning, d.Critical = signal.Below, 10, 5
		}, []float64{10, 9, 11, 12, 4, 6, 5.9, 12}, "owwocwwo"},
		"negative threshold": {func(d *signal.Definition) {
			d.Warning, d.Critical = -10, signal.Never()
		}, []float64{-11, -9, -11, -12}, "owwo"},
		"only critical exists": {func(d *signal.Definition) { d.Warning = signal.Never() }, []float64{59, 61, 49, 48}, "occo"},
		"only warning exists":  {func(d *signal.Definition) { d.Critical = signal.Never() }, []float64{9, 1e9, 8}, "owo"},
		"zero threshold":       {func(d *signal.Definition) { d.Warning, d.Critical = 0, signal.Never() }, []float64{0, 1, 0}, "owo"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := lag()
			if tt.change != nil {
				tt.change(&d)
			}
			e := evaluator(t, d)
			e.Expect([]signal.Subject{{Kind: "postgres", Environment: "production", Component: "db"}})
			if got := states(t, e, tt.values); got != tt.want {
				t.Errorf("states of %v = %s, want %s", tt.values, got, tt.want)
			}
		})
	}
}

func states(t *testing.T, e *signal.Evaluator, values []float64) string {
	t.Helper()
	var b strings.Builder
	for i, v := range values {
		at := epoch.Add(time.Duration(i) * tick)
		var samples []signal.Sample
		if !math.IsNaN(v) {
			samples = append(samples, sample("postgres_replay_lag_seconds", v, at))
		}
		got := e.Evaluate(at, samples)
		if len(got) != 1 {
			t.Fatalf("tick %d: %d readings, want 1: %+v", i, len(got), got)
		}
		b.WriteByte("?owc"[got[0].State])
	}
	return b.String()
}

// sample makes a sample of production/db with further labels in pairs.
func sample(name string, v float64, at time.Time, labels ...string) signal.Sample {
	m := map[string]string{"environment": "production", "component": "db"}
	for i := 0; i < len(labels); i += 2 {
		m[labels[i]] = labels[i+1]
	}
	return signal.Sample{Name: name, Labels: m, Value: v, At: at}
}

func TestReadings(t *testing.T) {
	const metric = "odoo_queue_jobs"
	jobs := func(change func(*signal.Definition)) signal.Definition {
		d := signal.Definition{
			Name: "jobs_failed", Kind: "odoo", Title: "Jobs succeed", Metric: metric, Match: map[string]string{"state": "failed"},
			By: []string{"channel"}, Aggregate: signal.Sum, Warning: 0, Critical: signal.Never(), Fresh: time.Minute,
			Says: "{value} jobs of {channel} failed in {tenant}",
		}
		if change != nil {
			change(&d)
		}
		return d
	}
	failed := func(v float64, age time.Duration, channel, tenant string, more ...string) signal.Sample {
		return sample(metric, v, epoch.Add(-age), append([]string{"state", "failed", "channel", channel, "tenant", tenant}, more...)...)
	}
	reading := func(tenant, channel string, v float64, s signal.State, text string) signal.Reading {
		return signal.Reading{
			Signal: "jobs_failed", Environment: "production", Component: "db", Tenant: tenant,
			Labels: map[string]string{"channel": channel}, Value: v, State: s, Since: epoch, Text: text,
		}
	}
	unmeasured := signal.Reading{
		Signal: "jobs_failed", Environment: "production", Component: "db",
		Value: math.NaN(), State: signal.Unknown, Since: epoch, Text: "Jobs succeed: not known, db has not been measured for 60 s",
	}
	tests := map[string]struct {
		change  func(*signal.Definition)
		samples []signal.Sample
		want    []signal.Reading
	}{
		"separated by tenant and channel, in order": {nil, []signal.Sample{
			failed(2, 0, "root.edi", "prod"), failed(0, 0, "root", "prod"), failed(3, 0, "root", "copy"),
		}, []signal.Reading{
			reading("copy", "root", 3, signal.Warning, "3 jobs of root failed in copy"),
			reading("prod", "root", 0, signal.OK, "Jobs succeed"),
			reading("prod", "root.edi", 2, signal.Warning, "2 jobs of root.edi failed in prod"),
		}},
		"other labels are summed": {nil, []signal.Sample{
			failed(2, 0, "root", "prod", "company", "nl"), failed(3, 0, "root", "prod", "company", "be"),
		}, []signal.Reading{reading("prod", "root", 5, signal.Warning, "5 jobs of root failed in prod")}},
		"counted": {func(d *signal.Definition) { d.Aggregate = signal.Count }, []signal.Sample{
			failed(9, 0, "root", "prod", "company", "nl"), failed(9, 0, "root", "prod", "company", "be"),
		}, []signal.Reading{reading("prod", "root", 2, signal.Warning, "2 jobs of root failed in prod")}},
		"smallest": {func(d *signal.Definition) { d.Aggregate = signal.Min }, []signal.Sample{
			failed(9, 0, "root", "prod", "company", "nl"), failed(4, 0, "root", "prod", "company", "be"),
		}, []signal.Reading{reading("prod", "root", 4, signal.Warning, "4 jobs of root failed in prod")}},
		"largest": {func(d *signal.Definition) { d.Aggregate = signal.Max }, []signal.Sample{
			failed(4, 0, "root", "prod", "company", "nl"), failed(9, 0, "root", "prod", "company", "be"),
		}, []signal.Reading{reading("prod", "root", 9, signal.Warning, "9 jobs of root failed in prod")}},
		"matchers choose": {nil, []signal.Sample{
			failed(1, 0, "root", "prod"), sample(metric, 99, epoch, "state", "done", "channel", "root", "tenant", "prod"),
		}, []signal.Reading{reading("prod", "root", 1, signal.Warning, "1 jobs of root failed in prod")}},
		"nothing measured of an expected component": {nil, nil, []signal.Reading{unmeasured}},
		"absence is normal when optional":           {func(d *signal.Definition) { d.Optional = true }, nil, []signal.Reading{}},
		"another kind is not expected":              {func(d *signal.Definition) { d.Kind = "redis" }, nil, []signal.Reading{}},
		"too old is unknown, not its value": {nil, []signal.Sample{failed(7, 61*time.Second, "root", "prod")}, []signal.Reading{
			reading("prod", "root", math.NaN(), signal.Unknown, "Jobs succeed: not known, db has not been measured for 60 s"),
		}},
		"not a number is unknown": {nil, []signal.Sample{failed(math.NaN(), 0, "root", "prod")}, []signal.Reading{
			reading("prod", "root", math.NaN(), signal.Unknown, "Jobs succeed: not known, db has not been measured for 60 s"),
		}},
		"the fresh part of a group speaks for it": {nil, []signal.Sample{
			failed(7, 61*time.Second, "root", "prod", "company", "nl"), failed(2, 0, "root", "prod", "company", "be"),
		}, []signal.Reading{reading("prod", "root", 2, signal.Warning, "2 jobs of root failed in prod")}},
		"labels are bounded and printable": {nil, []signal.Sample{failed(1, 0, "a\nb"+strings.Repeat("x", 100), "prod")}, []signal.Reading{
			reading("prod", "a\nb"+strings.Repeat("x", 100), 1, signal.Warning, "1 jobs of a b"+strings.Repeat("x", 76)+"… failed in prod"),
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := evaluator(t, jobs(tt.change))
			e.Expect([]signal.Subject{{Kind: "odoo", Environment: "production", Component: "db"}})
			got := e.Evaluate(epoch, tt.samples)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("readings (-want +got):\n%s", diff)
			}
		})
	}
}

// What disappears is gone when its place is still measured, and unknown when
// the whole place is silent.
func TestDisappearance(t *testing.T) {
	d := signal.Definition{
		Name: "jobs", Kind: "odoo", Title: "Jobs", Metric: "jobs", By: []string{"channel"},
		Warning: 0, Critical: signal.Never(), Fresh: time.Minute, Says: "{value}",
	}
	job := func(at time.Time, channel, tenant string) signal.Sample {
		return sample("jobs", 1, at, "channel", channel, "tenant", tenant)
	}
	e := evaluator(t, d)
	e.Expect([]signal.Subject{{Kind: "odoo", Environment: "production", Component: "db"}})
	summary := func(at time.Time, samples ...signal.Sample) string {
		var parts []string
		for _, r := range e.Evaluate(at, samples) {
			parts = append(parts, r.Tenant+"/"+r.Labels["channel"]+"="+r.State.String())
		}
		return strings.Join(parts, " ")
	}
	at := func(n int) time.Time { return epoch.Add(time.Duration(n) * tick) }
	steps := []struct {
		name    string
		at      time.Time
		samples []signal.Sample
		want    string
	}{
		{"at first nothing", at(0), nil, "/=unknown"},
		{"then two channels", at(1), []signal.Sample{job(at(1), "a", "prod"), job(at(1), "b", "prod")}, "prod/a=warning prod/b=warning"},
		{"one channel is gone", at(2), []signal.Sample{job(at(2), "a", "prod")}, "prod/a=warning"},
		{"a second tenant", at(3), []signal.Sample{job(at(3), "a", "prod"), job(at(3), "z", "copy")}, "copy/z=warning prod/a=warning"},
		{"the first tenant is silent", at(4), []signal.Sample{job(at(4), "z", "copy")}, "copy/z=warning prod/a=unknown"},
		{"all is silent", at(5), nil, "copy/z=unknown prod/a=unknown"},
		{"a day later the tenants are forgotten", at(5).Add(25 * time.Hour), nil, ""},
		{"and the component is blind", at(6).Add(25 * time.Hour), nil, "/=unknown"},
	}
	for _, s := range steps {
		if got := summary(s.at, s.samples...); got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
	e.Expect(nil)
	if got := summary(at(7).Add(25 * time.Hour)); got != "" {
		t.Errorf("no longer expected: %q, want nothing", got)
	}
}

// A signal about one component is not missed at its sisters.
func TestSignalOfOneComponent(t *testing.T) {
	d := signal.Definition{
		Name: "metrics/disk", Kind: "prometheus", Title: "Disk", Metric: "disk",
		Match: map[string]string{"component": "metrics", "environment": "production"}, Warning: 0, Critical: signal.Never(), Says: "{value}",
	}
	e := evaluator(t, d)
	e.Expect([]signal.Subject{
		{Kind: "prometheus", Environment: "production", Component: "metrics"},
		{Kind: "prometheus", Environment: "production", Component: "archive"},
		{Kind: "prometheus", Environment: "staging", Component: "metrics"},
		{Kind: "redis", Environment: "production", Component: "metrics"},
	})
	blind := []signal.Reading{{Signal: d.Name, Environment: "production", Component: "metrics", Value: math.NaN(), State: signal.Unknown, Since: epoch, Text: "Disk: not known, metrics has not been measured"}}
	if diff := cmp.Diff(blind, e.Evaluate(epoch, nil), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
	got := e.Evaluate(epoch.Add(tick), []signal.Sample{
		{Name: "disk", Labels: map[string]string{"component": "archive", "environment": "production"}, Value: 1, At: epoch},
		{Name: "disk", Labels: map[string]string{"component": "metrics", "environment": "production"}, Value: 2, At: epoch},
	})
	if len(got) != 1 || got[0].Component != "metrics" || got[0].Value != 2 {
		t.Errorf("readings = %v, want one of metrics", got)
	}
}

func TestTextSaysValueAndThreshold(t *testing.T) {
	tests := map[string]struct {
		unit  string
		value float64
		want  string
	}{
		"seconds":          {"seconds", 61, "db is 61 s behind (limit 60 s)"},
		"fraction":         {"seconds", 60.5049, "db is 60.5 s behind (limit 60 s)"},
		"minutes":          {"seconds", 250, "db is 4 min 10 s behind (limit 60 s)"},
		"hours":            {"seconds", 7200, "db is 2 h behind (limit 60 s)"},
		"days":             {"seconds", 90000, "db is 1 d 1 h behind (limit 60 s)"},
		"bytes":            {"bytes", 1.5 * (1 << 30), "db is 1.5 GiB behind (limit 60 B)"},
		"ratio":            {"ratio", 61, "db is 6100 % behind (limit 6000 %)"},
		"plain":            {"", 1234567, "db is 1234567 behind (limit 60)"},
		"another unit":     {"jobs", 61, "db is 61 jobs behind (limit 60 jobs)"},
		"infinite is said": {"seconds", math.Inf(1), "db is +Inf s behind (limit 60 s)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := lag()
			d.Unit = tt.unit
			got := evaluator(t, d).Evaluate(epoch, []signal.Sample{sample(d.Metric, tt.value, epoch)})
			if len(got) != 1 || got[0].Text != tt.want {
				t.Errorf("readings = %+v, want text %q", got, tt.want)
			}
		})
	}
}

func TestCheckReportsEveryMistake(t *testing.T) {
	bad := lag()
	bad.Metric, bad.Warning, bad.Exit, bad.By, bad.Says = "", 90, 1.5, []string{"tenant"}, "{standby} is late"
	_, err := signal.NewEvaluator([]signal.Definition{bad, bad})
	if err == nil {
		t.Fatal("NewEvaluator accepted a bad definition")
	}
	for _, want := range []string{"has no metric", "reached before warning", "exit 1.5", "by repeats tenant", "{standby}", "defined twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

// The order of samples never shows, and nothing without a fresh sample is ok.
func TestOrderNeverShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := lag()
		d.Aggregate = rapid.SampledFrom([]signal.Aggregate{signal.Max, signal.Min, signal.Sum, signal.Count}).Draw(t, "aggregate")
		d.By = []string{"standby"}
		a, b := mustNew(t, d), mustNew(t, d)
		for i := range rapid.IntRange(1, 8).Draw(t, "ticks") {
			at := epoch.Add(time.Duration(i) * tick)
			samples := rapid.SliceOfN(drawSample(at), 0, 12).Draw(t, "samples")
			shuffled := append([]signal.Sample(nil), samples...)
			rand.New(rand.NewPCG(1, uint64(i))).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			first, second := a.Evaluate(at, samples), b.Evaluate(at, shuffled)
			if diff := cmp.Diff(first, second, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("order of samples shows:\n%s", diff)
			}
			for _, r := range first {
				if r.State == signal.OK && math.IsNaN(r.Value) {
					t.Fatalf("ok without a value: %+v", r)
				}
			}
		}
	})
}

func drawSample(at time.Time) *rapid.Generator[signal.Sample] {
	return rapid.Custom(func(t *rapid.T) signal.Sample {
		age := time.Duration(rapid.IntRange(0, 90).Draw(t, "age")) * time.Second
		return sample("postgres_replay_lag_seconds", rapid.Float64Range(-100, 100).Draw(t, "value"), at.Add(-age),
			"component", rapid.SampledFrom([]string{"db", "db2"}).Draw(t, "component"),
			"standby", rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "standby"))
	})
}

func mustNew(t *rapid.T, d signal.Definition) *signal.Evaluator {
	e, err := signal.NewEvaluator([]signal.Definition{d})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A state is never entered from a better one unless every tick of the hold
// before it was at least that bad, and never left while the value is beyond
// the threshold.
func TestHoldAndExitAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := lag()
		d.For = time.Duration(rapid.IntRange(0, 4).Draw(t, "hold")) * tick
		d.Exit = rapid.Float64Range(0.1, 1).Draw(t, "exit")
		e := mustNew(t, d)
		values := rapid.SliceOfN(rapid.Float64Range(0, 120), 1, 40).Draw(t, "values")
		threshold := map[signal.State]float64{signal.Warning: d.Warning, signal.Critical: d.Critical}
		last := signal.Unknown
		for i, v := range values {
			at := epoch.Add(time.Duration(i) * tick)
			got := e.Evaluate(at, []signal.Sample{sample(d.Metric, v, at)})[0].State
			if got > last && got >= signal.Warning {
				for j := i; j >= 0 && j >= i-int(d.For/tick); j-- {
					if values[j] <= threshold[got] {
						t.Fatalf("tick %d: entered %v although tick %d had %v", i, got, j, values[j])
					}
				}
			}
			if got < last && v > threshold[last] {
				t.Fatalf("tick %d: left %v at %v", i, last, v)
			}
			if got == signal.OK && v > d.Critical && d.For == 0 {
				t.Fatalf("tick %d: ok at %v", i, v)
			}
			last = got
		}
	})
}
