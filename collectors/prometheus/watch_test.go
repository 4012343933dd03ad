package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

func TestMetrics(t *testing.T) {
	disks := `{"metric":{"instance":"db1","mountpoint":"/"},"value":[NOW,"0.5"]},{"metric":{"instance":"db1","mountpoint":"/data"},"value":[NOW,"0.05"]},` +
		`{"metric":{"instance":"db2","mountpoint":"/"},"value":[NOW,"NaN"]},{"metric":{"instance":"db3","mountpoint":"/"},"value":[1774970000,"0.01"]}`
	var many []string
	for i := range maxValues + 2 {
		many = append(many, fmt.Sprintf(`{"metric":{"instance":"db%02d"},"value":[NOW,"0.%02d"]}`, i, 99-i))
	}
	least := func(q *Query) { q.By, q.Direction = []string{"instance"}, Below }
	use := func(q *Query) { least(q); q.Partial = Use }
	const missing = `,"warnings":["store {cluster=\"eu\"} does not answer"],"infos":["PromQL info: not a counter"]`
	tests := map[string]struct {
		body  string
		query func(*Query)
		kind  fault.Kind
	}{
		"whole":            {vector(disks, ""), least, ""},
		"empty":            {vector("", ""), least, ""},
		"scalar":           {`{"status":"success","data":{"resultType":"scalar","result":[1774980000,"2"]}}`, nil, ""},
		"partial":          {vector(disks, missing), least, fault.Unavailable},
		"partial_of_use":   {vector(disks, missing), use, fault.Unavailable},
		"too_many":         {vector(strings.Join(many, ","), ""), least, ""},
		"native_histogram": {vector(`{"metric":{},"histogram":[NOW,{"count":"1"}]}`, ""), nil, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, settings(serve(t, answering(200, tt.body)), query("disk_free", tt.query)))[0]
			err := collectortest.Golden(t, c, name)
			if fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v of kind %q, want %q", err, fault.KindOf(err), tt.kind)
			}
			if strings.HasPrefix(name, "partial") && !strings.Contains(err.Error(), "the answer is partial: store {…} does not answer") {
				t.Errorf("Collect() = %q, want what the server warns of, without labels", err)
			}
		})
	}
}

// What the estate declares is decided on what the server answers: through a
// failure, a partial answer, and a series that is gone.
func TestFromAnswerToReading(t *testing.T) {
	half, tenth := 0.5, 0.1
	config := settings("").Config
	config.Interval = duration(minInterval)
	config.Queries = []Query{
		query("disk_free", func(q *Query) {
			q.Name, q.Title, q.Unit, q.Direction, q.Warning, q.Critical = "disk", "Disks have room", "ratio", Below, &half, &tenth
			q.By, q.Says = []string{"instance"}, "Disk of {instance} has {value} left, less than {threshold}"
		}),
	}
	var body atomic.Pointer[string]
	answer := func(text string) { body.Store(&text) }
	at := march31
	s := settings(serve(t, func(w http.ResponseWriter, r *http.Request) {
		stamp := strings.ReplaceAll(*body.Load(), "NOW", r.URL.Query().Get("time"))
		answering(200, stamp)(w, r)
	}))
	config.URL = s.Config.URL
	s.Config, s.Now = config, func() time.Time { return at }
	c := start(t, s)[0]
	evaluator, err := signal.NewEvaluator(append(config.Signals("metrics"), Signals()...))
	if err != nil {
		t.Fatal(err)
	}
	evaluator.Expect([]signal.Subject{{Kind: Kind, Environment: "test", Component: "metrics"}, {Kind: Kind, Environment: "test", Component: "archive"}})

	result := func(instance, value string) string {
		return `{"metric":{"instance":"` + instance + `"},"value":[NOW,"` + value + `"]}`
	}
	raw := func(results, more string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + results + `]}` + more + `}`
	}
	var last []signal.Sample // a failure sends nothing: the runner keeps these
	const complete = "metrics: Answers are complete"
	sound := []string{complete + " ok", "metrics: Series of queries are all kept ok", "metrics: Queries are sound ok"}
	steps := []struct {
		name  string
		after time.Duration
		body  string
		want  []string
	}{
		{"two disks", 0, raw(result("db1", "0.9")+","+result("db2", "0.05"), ""), append([]string{"metrics: Disks have room ok", "metrics: Disk of db2 has 5 % left, less than 10 % critical"}, sound...)},
		{"a failure", time.Minute, `{"status":"error"}`, append([]string{"metrics: Disks have room ok", "metrics: Disk of db2 has 5 % left, less than 10 % critical"}, sound...)},
		{"it lasts", 5 * time.Minute, `{"status":"error"}`, append(slices.Repeat([]string{"metrics: Disks have room: not known, metrics has not been measured for 5 min unknown"}, 2), sound...)},
		{"one disk is gone", time.Minute, raw(result("db1", "0.9"), ""), append([]string{"metrics: Disks have room ok"}, sound...)},
		{"a partial answer is not ok", time.Minute, raw(result("db1", "0.9"), `,"isPartial":true`), []string{
			"metrics: Disks have room: not known, metrics has not been measured for 5 min unknown",
			sound[1], "metrics: metrics answers query disk without some of its data warning", sound[2],
		}},
		{"nor is an empty one", time.Minute, raw("", ""), append([]string{"metrics: Disks have room: not known, metrics has not been measured for 5 min unknown"}, sound...)},
		{"not a number is not 0", time.Minute, raw(result("db1", "NaN"), ""), append([]string{"metrics: Disks have room: not known, metrics has not been measured for 5 min unknown"}, sound...)},
	}
	for _, step := range steps {
		at = at.Add(step.after)
		answer(step.body)
		families, _ := collect(t, c, 10*time.Second)
		if samples := collector.AppendSamples(nil, families, at); len(samples) > 0 {
			last = samples
		}
		for i := range last {
			last[i].Labels["component"], last[i].Labels["environment"] = "metrics", "test"
		}
		var got []string
		for _, r := range evaluator.Evaluate(at, last) {
			got = append(got, r.Component+": "+r.Text+" "+r.State.String())
		}
		// The sister, which declares nothing, has no reading of its own.
		slices.Sort(got)
		want := slices.Sorted(slices.Values(step.want))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// A query that hangs delays no other.
func TestHangingQueryDelaysNoOther(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("query") == "slow" {
			<-r.Context().Done()
			return
		}
		answering(200, vector(up, ""))(w, r)
	})
	named := func(name string) Query { return query(name, func(q *Query) { q.Name = name }) }
	s := settings(server, named("slow"), named("quick"))
	s.Config.Interval, s.Config.Timeout = duration(50*time.Millisecond), duration(50*time.Millisecond)
	runner := collector.New(collector.Settings{})
	if err := runner.Add(New(s)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); runner.Run(ctx) }()
	defer func() { cancel(); <-done }()
	slow, quick := false, false
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !slow || !quick {
		select {
		case <-poll.C:
		case <-time.After(10 * time.Second):
			t.Fatal("no result")
		}
		for _, snapshot := range runner.Snapshots() {
			switch snapshot.Task.Name {
			case "slow":
				slow = fault.KindOf(snapshot.Err) == fault.Timeout
			case "quick":
				quick = quick || snapshot.Err == nil && snapshot.Series > 0
			}
		}
	}
}
