package dashboards_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
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
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// between is the time from one recorded scrape of an exporter to the next, as
// they are laid in time: rates over a minute have an answer.
const between = 15 * time.Second

// TestPeersAnswer asks the queries of the PostgreSQL and Redis dashboards of what
// the exporters that people have already really send: whoever has those and
// community dashboards on them finds the same names here. A query that names
// only what the exporter has must have an answer there; what only Closewatch has
// is listed in testdata/peers.
//
// The scrapes in testdata/peers are those of Debian's exporters on servers of
// the lab. UPDATE_PEERS=1 makes them anew; it needs the exporters, which
// tools/setup/setup.sh bench installs.
func TestPeersAnswer(t *testing.T) {
	if os.Getenv("UPDATE_PEERS") != "" {
		recordPeers(t)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute})
	t.Cleanup(func() { _ = engine.Close() })
	queries, err := dashboards.Queries(dashboards.Variables{RateInterval: "1m"})
	if err != nil {
		t.Fatal(err)
	}
	for exporter, dashboard := range map[string]string{"postgres_exporter": "Closewatch: PostgreSQL", "redis_exporter": "Closewatch: Redis"} {
		t.Run(exporter, func(t *testing.T) {
			storage := promqltest.LoadedStorage(t, "")
			t.Cleanup(func() { _ = storage.Close() })
			there := load(t, storage, exporter)
			var report strings.Builder
			shared := 0
			for _, q := range queries {
				if q.Dashboard != dashboard || strings.HasPrefix(q.Panel, "annotation ") {
					continue
				}
				metrics, err := dashboards.MetricsOf(q.Expr)
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(metrics)
				missing := slices.DeleteFunc(slices.Compact(metrics), func(m string) bool { return there[m] })
				if len(missing) > 0 {
					fmt.Fprintf(&report, "%s %s\tonly here\t%s\n", q.Panel, q.RefID, strings.Join(missing, " "))
					continue
				}
				shared++
				fmt.Fprintf(&report, "%s %s\tboth\t\n", q.Panel, q.RefID)
				asked, err := engine.NewInstantQuery(t.Context(), storage, nil, q.Expr, time.Unix(0, 0).Add(between))
				if err != nil {
					t.Fatal(err)
				}
				got, err := asked.Exec(t.Context()).Vector()
				if err != nil || len(got) == 0 && q.EmptyMeans == "" {
					t.Errorf("%s: %s has no answer of %s: %v", q.Panel, q.Expr, exporter, err)
				}
				asked.Close()
			}
			if shared == 0 {
				t.Error("nothing is shared")
			}
			golden := filepath.Join("testdata", "peers", exporter+".tsv")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, []byte(report.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (write it with UPDATE_GOLDEN=1)", err)
			}
			if diff := cmp.Diff(string(want), report.String()); diff != "" {
				t.Errorf("what %s has too (-want +got):\n%s", exporter, diff)
			}
		})
	}
}

// load puts both recorded scrapes of an exporter into storage and returns the
// names of what is there.
func load(t *testing.T, storage *teststorage.TestStorage, exporter string) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	app := storage.Appender(t.Context())
	for n := range 2 {
		f, err := os.Open(filepath.Join("testdata", "peers", fmt.Sprintf("%s.%d.prom", exporter, n+1)))
		if err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(families)) {
			for _, m := range families[name].Metric {
				v, ok := valueOf(m)
				if !ok {
					continue
				}
				there[name] = true
				of := map[string]string{"__name__": name, "job": exporter, "instance": "127.0.0.1"}
				for _, l := range m.Label {
					of[l.GetName()] = l.GetValue()
				}
				at := time.Unix(0, 0).Add(time.Duration(n) * between)
				if _, err := app.Append(0, labels.FromMap(of), at.UnixMilli(), v); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return there
}

// valueOf is the value of a metric that has one.
func valueOf(m *dto.Metric) (float64, bool) {
	switch {
	case m.Gauge != nil:
		return m.Gauge.GetValue(), true
	case m.Counter != nil:
		return m.Counter.GetValue(), true
	case m.Untyped != nil:
		return m.Untyped.GetValue(), true
	}
	return 0, false
}

// recordPeers runs the exporters on servers of the lab that are being worked
// with, and keeps two scrapes of each.
func recordPeers(t *testing.T) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	db, err := l.Postgres(ctx, lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := l.Redis(ctx, lab.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sql := func(text string) {
		if err := db.Exec(ctx, "postgres", "postgres", text); err != nil {
			t.Fatal(err)
		}
	}
	sql("CREATE TABLE account_move (id int PRIMARY KEY, state text)")
	sql("SELECT pg_create_physical_replication_slot('standby', true)")
	pg, err := l.PostgresExporter(ctx, secret.New(db.DSN("postgres", "postgres")))
	if err != nil {
		t.Fatal(err)
	}
	redis, err := l.RedisExporter(ctx, cache)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		sql(fmt.Sprintf("INSERT INTO account_move SELECT i, 'draft' FROM generate_series(%d, %d) i", n*1000, n*1000+999))
		sql("UPDATE account_move SET state = 'posted'; DELETE FROM account_move WHERE id % 7 = 0; CHECKPOINT")
		for name, e := range map[string]*lab.Endpoint{"postgres_exporter": pg, "redis_exporter": redis} {
			keep(t, e.URL, filepath.Join("testdata", "peers", fmt.Sprintf("%s.%d.prom", name, n+1)))
		}
	}
}

func keep(t *testing.T, url, path string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}
