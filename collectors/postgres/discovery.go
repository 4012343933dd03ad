package postgres

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	databasesWatched = prometheus.NewDesc("pg_databases_watched",
		"Databases whose tables are looked into.", nil, nil)
	databasesLeftOut = prometheus.NewDesc("pg_databases_left_out",
		"Databases whose tables are not looked into, by reason: template; closed, it accepts no connections; denied, the role may not connect; excluded or limit, by the configuration; unnameable, its name is not UTF-8.",
		[]string{"reason"}, nil)
	vacuumsRunning = prometheus.NewDesc("pg_vacuums_running",
		"Tables of all databases that are being vacuumed, by autovacuum or by hand.", nil, nil)
	vacuumLongest = prometheus.NewDesc("pg_vacuum_longest_seconds",
		"How long the longest of them has taken so far; 0 when none runs.", nil, nil)
)

// A DatabaseChoice says which databases of a server are looked into.
type DatabaseChoice struct {
	// Include are patterns of names, the most important first, in which * stands
	// for any text and ? for one character; all databases unless set.
	Include []string `yaml:"include"`
	// Exclude are patterns of names to leave out, whatever includes them.
	Exclude []string `yaml:"exclude"`
	// Max is how many are looked into at most; 40.
	Max int `yaml:"max"`
}

// Bounds of a DatabaseChoice.
const (
	mostDatabases = 200
	maxPatterns   = 64
	maxPattern    = 128 // bytes
)

// SetDefaults implements estate.Defaulter.
func (c *DatabaseChoice) SetDefaults() { c.Max = 40 }

// Validate implements estate.Validator.
func (c *DatabaseChoice) Validate() []estate.Problem {
	problems := append(patternProblems("include", c.Include), patternProblems("exclude", c.Exclude)...)
	if c.Max < 1 || c.Max > mostDatabases {
		problems = append(problems, estate.Problem{Field: "max", What: fmt.Sprintf("is not between 1 and %d", mostDatabases), Remedy: "write a number in that range or leave it out"})
	}
	return problems
}

func patternProblems(field string, patterns []string) []estate.Problem {
	if len(patterns) > maxPatterns {
		return []estate.Problem{{Field: field, What: fmt.Sprintf("lists more than %d patterns", maxPatterns), Remedy: "write fewer patterns that match more"}}
	}
	var problems []estate.Problem
	for n, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > maxPattern || !utf8.ValidString(p) {
			problems = append(problems, estate.Problem{
				Field: fmt.Sprintf("%s[%d]", field, n), What: fmt.Sprintf("%.40q is no pattern of at most %d bytes", p, maxPattern),
				Remedy: `write a database's name, or a pattern such as "prod_*"`,
			})
		}
	}
	return problems
}

// matching returns the place of the first pattern that fits a name, or -1.
func matching(patterns []string, name string) int {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") } // a slash is a character like others
	return slices.IndexFunc(patterns, func(p string) bool {
		fits, err := path.Match(flat(p), flat(name))
		return err == nil && fits
	})
}

// Why a database is left out.
const (
	template   = "template"
	closed     = "closed"
	deniedRole = "denied"
	excluded   = "excluded"
	overLimit  = "limit"
	unnameable = "unnameable"
)

var everyReason = []string{template, closed, deniedRole, excluded, overLimit, unnameable}

// A foundDatabase is one to look into.
type foundDatabase struct {
	name string
	oid  int64
	rank int // the place of the pattern that includes it
	// counted is how long its statistics have been gathered; 0 when that is not
	// known.
	counted time.Duration
}

// A discovery is what the server tells of all databases.
type discovery struct {
	watched []foundDatabase // by rank, then name
	leftOut map[string]int  // by reason
	standby bool            // its statistics say nothing of vacuum
	sync    synced          // its time to ours
	// vacuum parameters of the server, as they are sent back to it
	threshold, scale, most any

	vacuums, longest float64
	vacuumsKnown     bool
	longestKnown     bool
}

// discoveryQueries are asked of the server in any database. The statistics of a
// database are as old as its last reset, and not older than that of the server,
// which a crash resets too.
var discoveryQueries = []pgsession.Query{
	{Name: "list of databases", SQL: `
SELECT d.oid, d.datname, d.datistemplate AS template, d.datallowconn AND d.datconnlimit <> -2 AS open,
       has_database_privilege(d.oid, 'CONNECT') AS permitted,
       extract(epoch FROM now() - greatest(s.stats_reset, b.stats_reset)) AS counted
  FROM pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid CROSS JOIN pg_stat_bgwriter b
 ORDER BY d.datname LIMIT 5000`},
	{Name: "vacuum", SQL: `
SELECT clock_timestamp() AS now, pg_is_in_recovery() AS standby,
       current_setting('autovacuum_vacuum_threshold') AS threshold,
       current_setting('autovacuum_vacuum_scale_factor') AS scale,
       current_setting('autovacuum_vacuum_max_threshold', true) AS most,
       count(p.pid) AS running, max(extract(epoch FROM clock_timestamp() - a.xact_start)) AS longest
  FROM pg_stat_progress_vacuum p LEFT JOIN pg_stat_activity a USING (pid)`},
}

// discover asks which databases there are. Without an answer there is nothing
// to look into.
func discover(ctx context.Context, ask func(context.Context, ...pgsession.Query) pgsession.Results, choice DatabaseChoice, now func() time.Time) (*discovery, error) {
	results := ask(ctx, discoveryQueries...)
	if err := results.Err(); err != nil {
		return nil, err
	}
	d := &discovery{leftOut: make(map[string]int)}
	for _, row := range results[0].Rows {
		d.add(row, choice)
	}
	d.leftOut[overLimit] += results[0].Truncated
	slices.SortStableFunc(d.watched, func(a, b foundDatabase) int { return a.rank - b.rank })
	if over := len(d.watched) - choice.Max; over > 0 {
		d.watched, d.leftOut[overLimit] = d.watched[:choice.Max], d.leftOut[overLimit]+over
	}
	d.readVacuum(results[1].First(), now())
	return d, results.Err()
}

func (d *discovery) add(row pgsession.Row, choice DatabaseChoice) {
	name := row.String("datname")
	isTemplate, _ := row.Bool("template")
	open, _ := row.Bool("open")
	permitted, _ := row.Bool("permitted")
	rank := matching(choice.Include, name)
	switch {
	case isTemplate:
		d.leftOut[template]++
	case !open:
		d.leftOut[closed]++
	case !utf8.ValidString(name):
		d.leftOut[unnameable]++
	case (len(choice.Include) > 0 && rank < 0) || matching(choice.Exclude, name) >= 0:
		d.leftOut[excluded]++
	case !permitted:
		d.leftOut[deniedRole]++
	default:
		counted, _ := row.Float("counted")
		oid, _ := row.Int("oid")
		d.watched = append(d.watched, foundDatabase{name, oid, rank, time.Duration(counted * float64(time.Second))})
	}
}

func (d *discovery) readVacuum(row pgsession.Row, received time.Time) {
	server, _ := row.Time("now")
	d.sync = synced{server, received}
	d.standby, _ = row.Bool("standby")
	for column, into := range map[string]*any{"threshold": &d.threshold, "scale": &d.scale, "most": &d.most} {
		if v, ok := row.Text(column); ok {
			*into = v
		}
	}
	d.vacuums, d.vacuumsKnown = row.Float("running")
	d.longest, d.longestKnown = row.Float("longest")
	if d.vacuumsKnown && d.vacuums == 0 {
		d.longest, d.longestKnown = 0, true
	}
}

func (d *discovery) publish(ch chan<- prometheus.Metric) {
	gauge(ch, databasesWatched, float64(len(d.watched)))
	for _, reason := range everyReason {
		gauge(ch, databasesLeftOut, float64(d.leftOut[reason]), reason)
	}
	known(ch, vacuumsRunning, d.vacuums, d.vacuumsKnown)
	known(ch, vacuumLongest, max(d.longest, 0), d.longestKnown)
}
