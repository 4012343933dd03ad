package postgres

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/secret"
)

// views finds what a statement reads of the server.
var views = regexp.MustCompile(`\b(pg_[a-z_]+)\b(?:\s*\()?`)

// informative are the functions that tell of the server itself.
var informative = regexp.MustCompile(`_stat|pg_ls_|_wal_l`)

// origin is what a metric of a subject is read from, and the versions that have
// it: the first and the last, 0 when none is earlier or later.
type origin struct {
	views       string
	from, until int
}

func (o origin) versions() string {
	switch {
	case o.from > 0 && o.from == o.until:
		return strconv.Itoa(o.from) + " only"
	case o.from > 0 && o.until > 0:
		return fmt.Sprintf("%d to %d", o.from, o.until)
	case o.from > 0:
		return strconv.Itoa(o.from)
	case o.until > 0:
		return fmt.Sprintf("until %d", o.until)
	}
	return ""
}

// origins reads the subjects of an instance's tasks.
func origins(i *instance) map[string]origin {
	out := map[string]origin{}
	for _, task := range i.Tasks() {
		s, ok := task.Collector.(Statistics)
		if !ok {
			continue
		}
		for _, subject := range s.subjects {
			var read []string
			for _, m := range views.FindAllString(subject.query.SQL, -1) {
				if name := "`" + strings.TrimRight(m, " (") + "`"; informative.MatchString(m) || !strings.HasSuffix(m, "(") {
					read = append(read, name)
				}
			}
			slices.Sort(read)
			o := origin{strings.Join(slices.Compact(read), ", "), subject.from, subject.until}
			for _, d := range subject.descs {
				out[collectortest.Metric(d)] = o
			}
		}
	}
	return out
}

// elsewhere says what the other tasks read, by task.
var elsewhere = map[string]string{
	"server":      "the look at each server, once a second",
	"replication": "the look: the position of WAL, `pg_stat_replication`, `pg_stat_wal_receiver`",
	"sizes":       "`pg_database_size()`, `pg_ls_waldir()`, `pg_ls_tmpdir()`",
	"tables":      "`pg_stat_user_tables`, `pg_statio_user_tables`, `pg_class`, `pg_index`",
	"statements":  "`pg_stat_statements`",
	"pgbouncer":   "PgBouncer's console: SHOW POOLS, DATABASES, STATS_TOTALS, LISTS, CONFIG",
}

// The versions that goldens are of.
const oldest, newest = 13, 18

// matrix reads what real servers of each version tell: the types of metrics, and
// the versions that have them.
func matrix(t *testing.T) (types map[string]string, versions map[string]origin) {
	t.Helper()
	types = map[string]string{ // what no server of the tests tells
		"pg_stat_database_stats_reset": "gauge", "pg_recent_rollback_ratio": "gauge",
		"pgbouncer_stats_binds_total": "counter", "pgbouncer_stats_client_parses_total": "counter", "pgbouncer_stats_server_parses_total": "counter",
	}
	for _, d := range poolerLists {
		types[collectortest.Metric(d)] = "gauge"
	}
	versions = map[string]origin{}
	for version := oldest; version <= newest; version++ {
		data, err := os.ReadFile(fmt.Sprintf("testdata/versions/%d.tsv", version))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.Split(line, "\t")
			if len(fields) != 4 {
				continue
			}
			types[fields[1]] = fields[2]
			has, known := versions[fields[1]]
			if !known && version > oldest {
				has.from = version
			}
			if has.until = version; version == newest {
				has.until = 0
			}
			versions[fields[1]] = has
		}
	}
	return types, versions
}

// TestReference holds docs/collectors/postgres.md to the code: what a task
// publishes is in it once UPDATE_GOLDEN=1 has written it.
func TestReference(t *testing.T) {
	var c Config
	c.SetDefaults()
	c.DSN = secret.New("postgres://closewatch@127.0.0.1/postgres")
	c.PgBouncer = []PgBouncer{{DSN: secret.New("postgres://closewatch@127.0.0.1:6432/pgbouncer")}}
	settings := Settings{Component: "db", Environment: "production", Config: c}
	i := New(settings).(*instance)
	defer i.Close()
	from := origins(i)
	types, versions := matrix(t)
	for metric, o := range from {
		if has, told := versions[metric]; told {
			from[metric] = origin{o.views, has.from, has.until}
		}
	}
	for _, task := range i.Tasks() {
		if source := elsewhere[task.Name]; source != "" {
			descs := make(chan *prometheus.Desc, 1000)
			task.Collector.Describe(descs)
			close(descs)
			for d := range descs {
				from[collectortest.Metric(d)] = origin{views: source}
			}
		}
	}
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/postgres.md", Introduction: introduction, Types: types, Settings: []string{"config.go", "discovery.go", "tables.go"},
		Sections: collectortest.Sections(New(settings), ""),
		Source:   func(metric string) string { return from[metric].views },
		Since:    func(metric string) string { return from[metric].versions() },
	})
}

const introduction = `# PostgreSQL

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/postgres; a test holds it to the code. -->

Versions 13 to 18, alone or a primary with standbys. Every series also has the labels ` + "`environment` and `component`" + `. Units are
in the names: seconds, bytes, ratios from 0 to 1; the names and labels that postgres_exporter has are kept. "from" is the
first version that tells it, 13 unless said. A value that is not known is absent. Sessions of Closewatch itself are left out
of what is judged.

` + "```yaml" + `
components:
  db:
    postgres:
      dsn: "postgres://closewatch:${file:/run/secrets/pg}@db-1.example.com,db-2.example.com/postgres"
      standbys: [{name: db-3, dsn: "postgres://closewatch:${file:/run/secrets/pg}@db-3.example.com/postgres"}]
` + "```" + `

## Settings

{settings}

## Rights

` + "```sh" + `
psql -v ON_ERROR_STOP=1 -d postgres -f deploy/sql/closewatch-role.sql
` + "```" + `

The role it makes has pg_monitor and can write nothing; a test runs every task with it. The same role logs in to the standbys.
Tables, indexes and vacuum are read in every database that the role may connect to: it needs no right on any table. Statements
need the extension pg_stat_statements, loaded by the server and created in the database of the connection string. A user of
PgBouncer is one of its stats_users. ` + "`closewatch check --live`" + ` says what is missing, each as a command. In production
nothing is asked as a superuser unless ` + "`allowSuperuser`" + ` says so.

## Cost

A server sees at most six connections, all of ` + "`application_name` `closewatch`" + `; the role may have fifteen, for ` + "`check --live`" + `
and for the collector of Odoo, which has one to each of its databases:

| connection | asks | how often |
|---|---|---|
| look, one to each server, standbys too | one statement: position of WAL, roles, standbys | once a second |
| statistics, one to the server that a client would get | at most 14 statements in one round trip; settings, sizes and statements by turns | ` + "`interval`, `sizesInterval`, `statementsInterval`" + `; settings every 5 minutes |
| tables, one to each of up to three databases; of more, one to five of them, one after another | at most 7 statements for each | ` + "`tablesInterval`" + `; bloat ` + "`tables.bloatInterval`" + ` |
| names of relations, for a moment | one statement | when sessions wait for a relation not met within 10 minutes |
| PgBouncer's console, one to each | 6 commands | ` + "`interval`" + ` |

Every statement is bounded by statement_timeout and lock_timeout on the server. At most 5000 series of one cluster; what
matters least beyond a task's share of them is added up as ` + "`other`" + `. What each task costs is published in
` + "`closewatch_scrape_collector_*`" + `; one that costs a slow server too much is run less often.
`
