package collectors_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full reports whether faults last long and what they do to the time of a scrape
// is judged (make test-faults).
func full() bool { return os.Getenv("CLOSEWATCH_FAULTS") == "full" }

// parallel lets small faults happen at once. At full size nothing else may take
// the time of a scrape.
func parallel(t *testing.T) {
	t.Helper()
	if !full() {
		t.Parallel()
	}
}

func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// How a watch of these tests is configured: everything as by default, at a pace
// that lets a test see results age.
const (
	interval         = 500 * time.Millisecond
	withdrawn        = 5 * interval
	statementTimeout = 500 * time.Millisecond
	timeout          = 300 * time.Millisecond // to connect, or to PING
)

func postgresConfig(dsn string, standbys ...postgres.Standby) postgres.Config {
	var cfg postgres.Config
	cfg.SetDefaults()
	cfg.DSN, cfg.Standbys = secret.New(dsn), standbys
	cfg.Interval = estate.Duration(interval)
	cfg.StatementTimeout = estate.Duration(statementTimeout)
	cfg.LockTimeout = estate.Duration(30 * time.Millisecond)
	cfg.ConnectTimeout = estate.Duration(timeout)
	return cfg
}

// A watch is a runner of one instance with /metrics before it, as the daemon
// has it.
type watch struct {
	runner *collector.Runner
	server *httptest.Server
	kind   string
	judge  *signal.Evaluator
}

func startWatch(t *testing.T, kind string, i collector.Instance, signals []signal.Definition) *watch {
	t.Helper()
	w := &watch{runner: collector.New(collector.Settings{WithdrawFloor: withdrawn}), kind: kind}
	must(t, w.runner.Add(i))
	var err error
	w.judge, err = signal.NewEvaluator(signals)
	must(t, err)
	w.judge.Expect([]signal.Subject{{Kind: kind, Environment: "test", Component: "it"}})
	w.server = httptest.NewServer(promhttp.HandlerFor(w.runner.Gatherer(), promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-stopped
		w.server.Close()
	})
	return w
}

func watchPostgres(t *testing.T, cfg postgres.Config) *watch {
	t.Helper()
	return startWatch(t, "postgres", postgres.New(postgres.Settings{Component: "it", Environment: "test", Config: cfg}), postgres.Signals())
}

// series is what /metrics served, by name and the labels that are not the same
// for all.
type series map[string]float64

// scrape reads /metrics once and tells how long that took.
func (w *watch) scrape(t *testing.T) (series, time.Duration) {
	t.Helper()
	begun := time.Now()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL, http.NoBody)
	must(t, err)
	resp, err := w.server.Client().Do(req)
	must(t, err)
	body, err := io.ReadAll(resp.Body)
	took := time.Since(begun)
	_ = resp.Body.Close()
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics answers %s:\n%s", resp.Status, body)
	}
	got := series{}
	same := strings.NewReplacer(`component="it"`, "", `environment="test"`, "", `"`, "")
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if line[0] == '#' || err != nil {
			continue
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(same.Replace(line[:at]), "}"), "{")
		kept := slices.DeleteFunc(strings.Split(labels, ","), func(l string) bool { return l == "" })
		if len(kept) > 0 {
			name += "{" + strings.Join(kept, ",") + "}"
		}
		got[name] = v
	}
	return got, took
}

// scrapes reads /metrics many times during a fault. It waits for nothing that is
// watched; at full size half of the answers are there within 10 milliseconds.
func (w *watch) scrapes(t *testing.T, during string) {
	t.Helper()
	n := 50
	if full() {
		n = 1000
	}
	took := make([]time.Duration, n)
	for i := range took {
		_, took[i] = w.scrape(t)
	}
	slices.Sort(took)
	t.Logf("%s: /metrics took %v (median), %v (worst of %d)", during, took[n/2], took[n-1], n)
	if took[0] > timeout { // however busy the machine: they all waited
		t.Errorf("%s: every scrape took %v at least, as long as what is watched is waited for", during, took[0])
	}
	if full() && took[n/2] > 10*time.Millisecond {
		t.Errorf("%s: the median scrape took %v, want at most 10 ms", during, took[n/2])
	}
}

// becomes waits until what is served is as wanted.
func (w *watch) becomes(t *testing.T, what string, wanted ...check) series {
	t.Helper()
	const patience = 30 * time.Second
	deadline := time.Now().Add(patience)
	for {
		got, _ := w.scrape(t)
		wrong := slices.IndexFunc(wanted, func(c check) bool { return !c.holds(got) })
		switch {
		case wrong < 0:
			return got
		case time.Now().After(deadline):
			t.Fatalf("not %s within %v: %s\n%v", what, patience, wanted[wrong].says, about(got, wanted[wrong].name))
		}
		pause(t, 50*time.Millisecond)
	}
}

// pause lets time go by between looks.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// A check is a condition on one series.
type check struct {
	name  string
	says  string
	holds func(series) bool
}

func is(name string, want float64) check {
	return check{name, name + " is not as wanted", func(s series) bool { v, ok := s[name]; return ok && v == want }}
}

func above(name string, least float64) check {
	return check{name, name + " is not above as wanted", func(s series) bool { return s[name] > least }}
}

func present(name string) check {
	return check{name, name + " is not there", func(s series) bool { _, ok := s[name]; return ok }}
}

func absent(name string) check {
	return check{name, name + " is there", func(s series) bool { _, ok := s[name]; return !ok }}
}

// failing wants a task to have failed at its last run, by now with a kind.
func failing(task, kind string) []check {
	return []check{is(success(task), 0), above("closewatch_scrape_collector_failures_total{collector="+task+",kind="+kind+"}", 0)}
}

func success(task string) string {
	return "closewatch_scrape_collector_success{collector=" + task + "}"
}

func lastSuccess(task string) string {
	return "closewatch_scrape_collector_last_success_timestamp_seconds{collector=" + task + "}"
}

func failures(task, kind string) string {
	return "closewatch_scrape_collector_failures_total{collector=" + task + ",kind=" + kind + "}"
}

// about is what is served under names that begin like name, and of failures.
func about(s series, name string) string {
	family, _, _ := strings.Cut(name, "{")
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if strings.HasPrefix(k, family) || strings.Contains(k, "_success") || strings.Contains(k, "failures_total") && s[k] > 0 {
			b.WriteString(k + " " + strconv.FormatFloat(s[k], 'g', -1, 64) + "\n")
		}
	}
	return b.String()
}

// state is what a signal says now.
func (w *watch) state(name string) string {
	now := time.Now()
	var states []string
	for _, r := range w.judge.Evaluate(now, w.runner.Samples(now)) {
		if r.Signal == name {
			states = append(states, r.State.String())
		}
	}
	return strings.Join(states, " ")
}

// An overseer looks at a PostgreSQL server from before a fault to its end.
type overseer struct {
	conn    *pgconn.PgConn
	server  *lab.Postgres
	stop    chan struct{}
	looking sync.WaitGroup

	processes, oldest int // the most server processes of ours at once; milliseconds
}

// oversee begins to look. Statements, such as locks, are executed first and
// undone when the test releases.
func oversee(t *testing.T, p *lab.Postgres, statements string) *overseer {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), p.DSN("postgres", "postgres"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	o := &overseer{conn: conn, server: p, stop: make(chan struct{})}
	_, err = conn.Exec(t.Context(), "SELECT now(); "+statements).ReadAll()
	must(t, err)
	o.looking.Go(func() {
		for {
			o.look()
			select {
			case <-time.After(50 * time.Millisecond):
			case <-o.stop:
				return
			}
		}
	})
	return o
}

// look counts without a catalogue: those may be locked.
func (o *overseer) look() {
	o.processes = max(o.processes, o.count())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	results, err := o.conn.Exec(ctx, `SELECT pg_stat_clear_snapshot();
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start) * 1000)::int, 0)
  FROM pg_stat_get_activity(NULL) WHERE application_name = 'closewatch' AND state = 'active'`).ReadAll()
	if err != nil || len(results) < 2 || len(results[1].Rows) == 0 {
		return // the server is gone: nothing of ours is there
	}
	age, _ := strconv.Atoi(string(results[1].Rows[0][0]))
	o.oldest = max(o.oldest, age)
}

// count is how many processes the server has for the role that watches, also of
// logins that have not ended, which its views do not show.
func (o *overseer) count() int {
	postmaster, n := strconv.Itoa(o.server.PID()), 0
	children, _ := os.ReadFile("/proc/" + postmaster + "/task/" + postmaster + "/children") // empty when it is gone
	for child := range strings.FieldsSeq(string(children)) {
		title, err := os.ReadFile("/proc/" + child + "/cmdline")
		if err == nil && strings.Contains(string(title), ": mon ") {
			n++
		}
	}
	return n
}

// end stops looking and judges: never more connections than watching one server
// takes, no statement older than its timeout and what a busy machine adds.
func (o *overseer) end(t *testing.T) {
	t.Helper()
	close(o.stop)
	o.looking.Wait()
	const mostConnections = 6 // docs/collectors/postgres.md, Cost
	t.Logf("at most %d connections at once, no statement older than %d ms", o.processes, o.oldest)
	if o.processes == 0 || o.processes > mostConnections {
		t.Errorf("%d connections at once, want at most %d", o.processes, mostConnections)
	}
	if slack := time.Second; time.Duration(o.oldest)*time.Millisecond > statementTimeout+slack {
		t.Errorf("a statement was %d ms old, its timeout is %v", o.oldest, statementTimeout)
	}
}

// release undoes the statements.
func (o *overseer) release(t *testing.T, statements string) {
	t.Helper()
	o.end(t)
	_, err := o.conn.Exec(t.Context(), statements).ReadAll()
	must(t, err)
}
