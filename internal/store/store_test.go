package store

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/telemetry"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		appendForever(dir)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

var start = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// parse reads families from exposition text.
func parse(t *testing.T, text string) []*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	byName, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var out []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Now == nil {
		o.Now = func() time.Time { return at(60) }
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *Store, seconds int, text string) {
	t.Helper()
	if err := s.Append(at(seconds), parse(t, text)); err != nil {
		t.Fatal(err)
	}
}

// lines is the result of a query, one series a line.
func lines(t *testing.T, s *Store, expr string, seconds int) string {
	t.Helper()
	series, err := s.Query(t.Context(), expr, at(seconds))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range series {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			labels = append(labels, fmt.Sprintf("%s=%q", name, s.Labels[name]))
		}
		var points []string
		for _, p := range s.Points {
			points = append(points, fmt.Sprintf("%v@%v", p.Value, p.At.Sub(start).Seconds()))
		}
		out = append(out, "{"+strings.Join(labels, ",")+"} "+strings.Join(points, " "))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestSeriesGetJobAndInstance(t *testing.T) {
	tests := map[string]struct{ text, query, want string }{
		"component is the instance": {
			`pg_up{component="db",environment="production"} 1`, `pg_up`,
			`{__name__="pg_up",component="db",environment="production",instance="db",job="closewatch"} 1@0`,
		},
		"the daemon itself": {
			`go_goroutines 12`, `go_goroutines`,
			`{__name__="go_goroutines",instance="closewatch",job="closewatch"} 12@0`,
		},
		"labels of the same name are kept aside": {
			`x{component="db",instance="other",job="mine"} 1`, `x`,
			`{__name__="x",component="db",exported_instance="other",exported_job="mine",instance="db",job="closewatch"} 1@0`,
		},
		"empty label is absent": {
			`x{component="db",slot=""} 1`, `x`, `{__name__="x",component="db",instance="db",job="closewatch"} 1@0`,
		},
		"own timestamp is not taken": {
			`x 1 1000`, `x`, `{__name__="x",instance="closewatch",job="closewatch"} 1@0`,
		},
		"histogram": {
			"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 9\nh_count 3\n", `{__name__=~"h_.*"}`,
			"{__name__=\"h_bucket\",instance=\"closewatch\",job=\"closewatch\",le=\"+Inf\"} 3@0\n" +
				"{__name__=\"h_bucket\",instance=\"closewatch\",job=\"closewatch\",le=\"1\"} 2@0\n" +
				"{__name__=\"h_count\",instance=\"closewatch\",job=\"closewatch\"} 3@0\n" +
				"{__name__=\"h_sum\",instance=\"closewatch\",job=\"closewatch\"} 9@0",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			put(t, s, 0, strings.TrimRight(tt.text, "\n")+"\n")
			if diff := cmp.Diff(tt.want, lines(t, s, tt.query, 0)); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeriesThatIsNoLongerPublishedEnds(t *testing.T) {
	own := telemetry.NewOwn()
	s := open(t, Options{Own: own})
	put(t, s, 0, "a 1\nb 1\n")
	put(t, s, 15, "a 2\n")
	put(t, s, 30, "a 3\nb 3\n")
	if got := lines(t, s, `b`, 16); got != "" {
		t.Errorf("b at 16 s = %s, want nothing", got)
	}
	if got, want := lines(t, s, `b[1m]`, 30), `{__name__="b",instance="closewatch",job="closewatch"} 1@0 3@30`; got != want {
		t.Errorf("b = %s, want %s", got, want)
	}
	if got := own.Counter("closewatch_store_ended_series_total", "").Get(); got != 1 {
		t.Errorf("%d series ended, want 1", got)
	}
}

func TestTicksOutOfTurn(t *testing.T) {
	tests := map[string]struct {
		ticks   []int // seconds; each stores its index
		want    string
		refused string // reason
		failed  bool   // the last Append
	}{
		"in turn":           {[]int{0, 15, 30}, "0@0 1@15 2@30", "", false},
		"the same tick":     {[]int{0, 15, 15}, "0@0 1@15", duplicate, false},
		"clock steps back":  {[]int{0, 600, 585, 615}, "0@0 2@585 1@600 3@615", "", false},
		"too far back":      {[]int{7200, 600}, "0@7200", outOfOrder, true},
		"forward is normal": {[]int{0, 7200}, "0@0 1@7200", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			own := telemetry.NewOwn()
			s := open(t, Options{Own: own})
			var err error
			for i, seconds := range tt.ticks {
				err = s.Append(at(seconds), parse(t, fmt.Sprintf("x %d\n", i)))
			}
			if (err != nil) != tt.failed {
				t.Errorf("last Append = %v, want failure %v", err, tt.failed)
			}
			if err != nil && (fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "") {
				t.Errorf("fault is of kind %s with hint %q", fault.KindOf(err), fault.HintOf(err))
			}
			want := `{__name__="x",instance="closewatch",job="closewatch"} ` + tt.want
			if diff := cmp.Diff(want, lines(t, s, `x[3h]`, 7200)); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			for _, reason := range []string{duplicate, outOfOrder} {
				got := own.Counter("closewatch_store_rejected_samples_total", "", "reason", reason).Get()
				if (got == 1) != (reason == tt.refused) || got > 1 {
					t.Errorf("%d refused as %s", got, reason)
				}
			}
		})
	}
}

func TestSeriesTwiceInATickIsStoredOnce(t *testing.T) {
	s := open(t, Options{})
	families := append(parse(t, "x 1\n"), parse(t, "x 2\n")...)
	if err := s.Append(at(0), families); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `x`, 0), `{__name__="x",instance="closewatch",job="closewatch"} 1@0`; got != want {
		t.Errorf("x = %s, want %s", got, want)
	}
}

func TestReopenedStoreHasEverything(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 0, "x 1\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	put(t, s, 15, "x 2\n")
	if got, want := lines(t, s, `x[1m]`, 15), `{__name__="x",instance="closewatch",job="closewatch"} 1@0 2@15`; got != want {
		t.Errorf("x = %s, want %s", got, want)
	}
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	_, err := Open(Options{Dir: dir})
	if err == nil || !strings.Contains(fault.HintOf(err), "another process has it open") {
		t.Errorf("Open = %v, want a refusal that says why", err)
	}
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: filepath.Join(file, "tsdb")}); err == nil || fault.HintOf(err) == "" {
		t.Errorf("Open = %v, want a fault with a hint", err)
	}
}

// Blocks older than the retention are deleted, newer ones are kept.
func TestRetention(t *testing.T) {
	s := open(t, Options{Retention: 6 * time.Hour, MinBlockDuration: time.Hour, Now: func() time.Time { return at(20 * 3600) }})
	for hour := range 20 {
		for minute := range 60 {
			put(t, s, hour*3600+minute*60, fmt.Sprintf("x %d\n", hour))
		}
	}
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	oldest, err := s.Query(t.Context(), `min_over_time(x[1d])`, at(20*3600))
	if err != nil || len(oldest) != 1 {
		t.Fatalf("%v %v", oldest, err)
	}
	if got := oldest[0].Points[0].Value; got < 11 || got > 14 {
		t.Errorf("oldest sample is of hour %v, want about hour 13 with 6 h of retention", got)
	}
}

func TestQueryReportsWhatCannotBeAsked(t *testing.T) {
	s := open(t, Options{Queries: Limits{MaxSamples: 3}})
	put(t, s, 0, "a 1\nb 1\nc 1\nd 1\n")
	tests := map[string]string{
		"sum(":                  "parse error",
		`"words"`:               "is a string",
		`{__name__=~"a|b|c|d"}`: "too many samples",
	}
	for expr, want := range tests {
		_, err := s.Query(t.Context(), expr, at(0))
		if fault.KindOf(err) != fault.Rejected || !strings.Contains(err.Error(), want) {
			t.Errorf("Query(%s) = %v, want a rejection that says %q", expr, err, want)
		}
	}
}

func TestQueryRange(t *testing.T) {
	s := open(t, Options{})
	put(t, s, 0, "x 1\n")
	put(t, s, 15, "x NaN\n")
	got, err := s.QueryRange(t.Context(), `x + 0`, at(0), at(30), 15*time.Second)
	if err != nil || len(got) != 1 || len(got[0].Points) != 3 {
		t.Fatalf("%v %v", got, err)
	}
	if p := got[0].Points; p[0].Value != 1 || !math.IsNaN(p[1].Value) || !p[2].At.Equal(at(30)) {
		t.Errorf("points = %v", p)
	}
	if scalar, err := s.Query(t.Context(), `1 + 1`, at(0)); err != nil || scalar[0].Points[0].Value != 2 {
		t.Errorf("1 + 1 = %v, %v", scalar, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "x{component=\"db\",environment=\"production\",n=\"%d\"} 1\n", i)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	byName, err := parser.TextToMetricFamilies(strings.NewReader(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	families := slices.Collect(maps.Values(byName))
	tick := start
	for b.Loop() {
		tick = tick.Add(15 * time.Second)
		if err := s.Append(tick, families); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(5000, "series/op")
}
