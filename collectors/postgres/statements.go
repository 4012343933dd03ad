package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors/postgres/attribution"
)

// A measure is one counter of pg_stat_statements.
type measure struct {
	desc    *prometheus.Desc
	columns []string // its names by version, the newest first
	scale   float64  // from the column's unit to that of desc
	timing  bool     // counted with track_io_timing only
}

// Places of measures that are spoken of.
const (
	callsAt = iota
	secondsAt
	rowsAt
)

// measures are published of the statements that took most time, and of all
// others together. Where the peer has the family, it is the peer's.
var measures = [...]measure{
	callsAt: {
		statementDesc("pg_stat_statements_calls_total", "Times the statement was executed."),
		[]string{"calls"},
		1, false,
	},
	secondsAt: {
		statementDesc("pg_stat_statements_seconds_total", "Time spent executing the statement."),
		[]string{"total_exec_time", "total_time"},
		1e-3, false,
	},
	rowsAt: {
		statementDesc("pg_stat_statements_rows_total", "Rows returned or changed by the statement."),
		[]string{"rows"},
		1, false,
	},
	{
		statementDesc("pg_stat_statements_block_read_seconds_total", "Time spent reading blocks; absent unless track_io_timing is on."),
		[]string{"shared_blk_read_time", "blk_read_time"},
		1e-3, true,
	},
	{
		statementDesc("pg_stat_statements_block_write_seconds_total", "Time spent writing blocks; absent unless track_io_timing is on."),
		[]string{"shared_blk_write_time", "blk_write_time"},
		1e-3, true,
	},
	{
		statementDesc("pg_statement_blocks_hit_total", "Shared blocks found in memory."),
		[]string{"shared_blks_hit"},
		1, false,
	},
	{
		statementDesc("pg_statement_blocks_read_total", "Shared blocks that had to be read."),
		[]string{"shared_blks_read"},
		1, false,
	},
	{
		statementDesc("pg_statement_temporary_blocks_written_total", "Blocks written to temporary files, as by sorts beyond work_mem."),
		[]string{"temp_blks_written"},
		1, false,
	},
	{
		statementDesc("pg_statement_wal_bytes_total", "Bytes of write-ahead log that the statement made."),
		[]string{"wal_bytes"},
		1, false,
	},
}

func statementDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+" Queryid other: all other statements.", []string{"datname", "queryid", "user"}, nil)
}

var (
	statementsAvailable = prometheus.NewDesc("pg_stat_statements_available",
		"Whether pg_stat_statements can be read: 0 without the extension, its library, or the right to see the statements of others.", nil, nil)
	statementInfo = prometheus.NewDesc("pg_statement_info",
		"Kind of a statement, the finance process it serves and the known tables it names; absent while its text was not read.",
		[]string{"datname", "kind", "process", "queryid", "tables", "user"}, nil)
	statementEvictions = prometheus.NewDesc("pg_statement_evictions_total",
		"Times the server forgot its least executed statements for want of room, which pg_stat_statements.max gives; since PostgreSQL 14.", nil, nil)
	statementsReset = prometheus.NewDesc("pg_statement_stats_reset_timestamp_seconds",
		"When the server's counters of all statements were last reset, in seconds since 1970; since PostgreSQL 14.", nil, nil)
	ownSeconds = prometheus.NewDesc("pg_own_statement_seconds_total",
		"Time the server spent executing statements of closewatch's role, which are left out of all else.", nil, nil)
	ownCalls = prometheus.NewDesc("pg_own_statement_calls_total",
		"Statements of closewatch's role that the server executed.", nil, nil)
)

// processMeasures are published by finance process.
var processMeasures = []struct {
	desc *prometheus.Desc
	of   int
}{
	{processDesc("pg_process_statement_calls_total", "Statements executed for the finance process."), callsAt},
	{processDesc("pg_process_statement_seconds_total", "Time spent executing them."), secondsAt},
	{processDesc("pg_process_statement_rows_total", "Rows returned or changed by them."), rowsAt},
}

func processDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help+" Process other: no process is known, or the text was not read yet. Datname other: databases beyond those that take most time.",
		[]string{"datname", "process"}, nil)
}

// How many statements, and how many pairs of database and process, have series
// of their own.
const (
	topStatements = 20
	topShares     = 40
)

// other stands for what has no series of its own.

// Statements publishes what statements cost the server: those that take most
// time each, the others together, and all by the finance process they serve.
//
// Counters are sums of what was gained between readings since the daemon
// started. They go on over resets, evictions, restarts and a change of server,
// and no gain is in two of them. Texts are read to tell the process and are not
// kept.
type Statements struct {
	// Face is the server that a client would get, and how to ask it.
	Face func() (server string, ask asker)

	past     reading
	top      *ranking[statement]
	rest     counts
	shares   *ranking[share]
	restOf   map[string]*counts // by process
	own      counts
	told     map[string]attribution.Statement // by query; zero where there was no text
	reported string                           // the finding that was returned
}

// A share is the statements of one database for one process.
type share struct{ database, process string }

func newStatements(face func() (string, asker)) *Statements {
	return &Statements{
		Face: face,
		top: newRanking(topStatements, func(a, b statement) int {
			return cmp.Or(cmp.Compare(a.database, b.database), cmp.Compare(a.user, b.user), cmp.Compare(a.query, b.query))
		}),
		shares: newRanking(topShares, func(a, b share) int {
			return cmp.Or(cmp.Compare(a.database, b.database), cmp.Compare(a.process, b.process))
		}),
		restOf: make(map[string]*counts),
		told:   make(map[string]attribution.Statement),
	}
}

// Describe implements collector.Collector.
func (*Statements) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range measures {
		ch <- m.desc
	}
	for _, m := range processMeasures {
		ch <- m.desc
	}
	for _, d := range []*prometheus.Desc{statementsAvailable, statementInfo, statementEvictions, statementsReset, ownSeconds, ownCalls} {
		ch <- d
	}
}

// Collect implements collector.Collector. That a server has nothing to read is
// returned as an error once, and told by a metric from then on.
func (s *Statements) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	server, ask := s.Face()
	source, err := findSource(ctx, ask)
	if err != nil {
		return err
	}
	if lacking := source.lacking(); lacking != nil {
		return s.unavailable(ch, lacking)
	}
	if !source.sees { // that the role lacks pg_monitor is a finding of the task statistics
		gauge(ch, statementsAvailable, 0)
		return nil
	}
	results := ask(ctx, source.infoQuery(), source.entriesQuery(s.past))
	if lacking := notLoaded(results[1].Err); lacking != nil {
		return s.unavailable(ch, lacking)
	}
	if err := results.Err(); err != nil {
		return err
	}
	s.reported = ""
	gauge(ch, statementsAvailable, 1)

	info := results[0].First()
	if n, ok := info.Float("dealloc"); ok {
		counter(ch, statementEvictions, n)
	}
	now := reading{server: server, at: source.at}
	now.reset, _ = info.Time("stats_reset")
	known(ch, statementsReset, unix(now.reset), !now.reset.IsZero())

	gains, own := now.read(results[1], source, s.past)
	err = s.count(ctx, ask, source, now, gains)
	s.own.add(own.counts)
	s.past = now
	s.publish(ch, source)
	return err
}

// unavailable publishes that there is nothing to read, and returns why unless
// it did so before.
func (s *Statements) unavailable(ch chan<- prometheus.Metric, lacking error) error {
	gauge(ch, statementsAvailable, 0)
	if s.reported == lacking.Error() {
		return nil
	}
	s.reported = lacking.Error()
	return lacking
}

// count adds what was gained to the counters. Its error is that texts could
// not be read: what they would have told counts as other.
func (s *Statements) count(ctx context.Context, ask asker, source source, now reading, gains map[statement]gain) error {
	elapsed := now.at.Sub(s.past.at)
	s.top.add(gains, elapsed, func(_ statement, c counts) { s.rest.add(c) })
	err := s.tell(ctx, ask, source, gains)
	s.forget(now)

	byShare := make(map[share]gain)
	for key, g := range gains {
		process := cmp.Or(s.told[key.query].Process, other)
		if key.database == other { // a database of that name is among the others
			s.addRest(process, g.counts)
			continue
		}
		k := share{key.database, process}
		byShare[k] = byShare[k].plus(g)
	}
	s.shares.add(byShare, elapsed, func(k share, c counts) { s.addRest(k.process, c) })
	return err
}

func (s *Statements) addRest(process string, c counts) {
	if s.restOf[process] == nil {
		s.restOf[process] = new(counts)
	}
	s.restOf[process].add(c)
}

// tell reads the texts of statements not seen before and keeps what they tell.
func (s *Statements) tell(ctx context.Context, ask asker, source source, gains map[statement]gain) error {
	ids := s.untold(gains)
	if len(ids) == 0 {
		return nil
	}
	results := ask(ctx, source.textsQuery(ids))
	if err := results.Err(); err != nil {
		return err
	}
	for _, id := range ids {
		s.told[id] = attribution.Statement{}
	}
	for _, row := range results[0].Rows {
		if text, ok := row.Text("text"); ok {
			s.told[row.String("queryid")] = attribution.Of(text)
		}
	}
	return nil
}

// untoldShare is how much of the time taken may go without attribution. The
// server reads all texts to answer for one, which takes it longer than all
// counters do, and an application never stops making new ones.
const untoldShare = 0.05

// untold lists the statements worth reading the texts of, the heaviest first;
// none while all together do not matter and no member of the top is among them.
func (s *Statements) untold(gains map[statement]gain) []string {
	weights := make(map[string]float64)
	var all, missing float64
	matters := false
	for key, g := range gains {
		all += g.weight
		if _, ok := s.told[key.query]; ok {
			continue
		}
		missing += g.weight
		weights[key.query] += g.weight
		matters = matters || s.top.members[key] != nil
	}
	if !matters && missing <= untoldShare*all {
		return nil
	}
	ids := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
	})
	return ids[:min(len(ids), maxTexts)]
}

// forget bounds what is kept of texts to twice the statements of a server.
func (s *Statements) forget(now reading) {
	if len(s.told) <= 2*maxEntries {
		return
	}
	present := make(map[string]bool, len(now.entries))
	for entry := range now.entries {
		present[queryOf(entry)] = true
	}
	maps.DeleteFunc(s.told, func(id string, _ attribution.Statement) bool { return !present[id] })
}

func (s *Statements) publish(ch chan<- prometheus.Metric, source source) {
	for i, m := range measures {
		if source.column(m) == "" || m.timing && !source.timed {
			continue
		}
		for key, c := range s.top.members {
			counter(ch, m.desc, c[i], key.database, key.query, key.user)
		}
		counter(ch, m.desc, s.rest[i], other, other, other)
	}
	for key := range s.top.members {
		if t := s.told[key.query]; t.Kind != "" {
			gauge(ch, statementInfo, 1, key.database, string(t.Kind), cmp.Or(t.Process, other), key.query, strings.Join(t.Tables, ","), key.user)
		}
	}
	for _, m := range processMeasures {
		for key, c := range s.shares.members {
			counter(ch, m.desc, c[m.of], key.database, key.process)
		}
		for process, c := range s.restOf {
			counter(ch, m.desc, c[m.of], other, process)
		}
	}
	counter(ch, ownSeconds, s.own[secondsAt])
	counter(ch, ownCalls, s.own[callsAt])
}
