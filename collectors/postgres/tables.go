package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var statisticsAt = prometheus.NewDesc("pg_database_statistics_timestamp_seconds",
	"When the tables of the database were last looked into, by the server's clock; of the others together, the longest ago.",
	[]string{"datname"}, nil)

// A TableChoice says which tables have rows of their own.
type TableChoice struct {
	// Top is how many of the largest tables of each database have one, besides
	// those of finance; 5.
	Top int `yaml:"top"`
	// Include are further tables, as schema.table, that come before all others.
	Include []string `yaml:"include"`
	// BloatInterval is the cadence of the estimate of bloat; 6h.
	BloatInterval estate.Duration `yaml:"bloatInterval"`
}

// Bounds of a TableChoice.
const (
	maxTop     = 50
	maxInclude = 50
	maxTable   = 2*63 + 1 // bytes of two identifiers and a dot
)

// SetDefaults implements estate.Defaulter.
func (c *TableChoice) SetDefaults() {
	c.Top = 5
	c.BloatInterval = estate.Duration(6 * time.Hour)
}

// Validate implements estate.Validator.
func (c *TableChoice) Validate() []estate.Problem {
	var problems []estate.Problem
	if c.Top < 0 || c.Top > maxTop {
		problems = append(problems, estate.Problem{Field: "top", What: fmt.Sprintf("is not between 0 and %d", maxTop), Remedy: "write a number in that range or leave it out"})
	}
	if len(c.Include) > maxInclude {
		problems = append(problems, estate.Problem{Field: "include", What: fmt.Sprintf("lists more than %d tables", maxInclude), Remedy: "list those that matter; the largest have rows anyway"})
	}
	for n, name := range c.Include {
		field := fmt.Sprintf("include[%d]", n)
		schema, table, dotted := strings.Cut(name, ".")
		switch {
		case !dotted || schema == "" || table == "" || len(name) > maxTable || !utf8.ValidString(name):
			problems = append(problems, estate.Problem{Field: field, What: fmt.Sprintf("%.40q is no table", name), Remedy: "write schema.table, such as public.account_tax"})
		case slices.Contains(c.Include[:n], name):
			problems = append(problems, estate.Problem{Field: field, What: "is there twice", Remedy: "list it once"})
		}
	}
	if c.BloatInterval.D() < time.Minute {
		problems = append(problems, estate.Problem{Field: "bloatInterval", What: "is below 1m0s", Remedy: "write a longer duration or leave it out"})
	}
	return problems
}

// A visitor is a session with one database.
type visitor interface {
	Batch(ctx context.Context, queries ...pgsession.Query) pgsession.Results
	Close()
}

const (
	// maxVisits bounds the databases looked into, and so the logins, of one run:
	// with more of them, it takes several runs to look into all. A visit costs the
	// server some 20 ms of processor time, half of them for the login.
	maxVisits = 5
	// maxKept is up to how many databases connections are kept between runs.
	maxKept = 3
	// visitTimeout bounds what one database may cost a run.
	visitTimeout = 8 * time.Second
	// runTimeout bounds a run. What it does not reach comes first in the next.
	runTimeout = time.Minute
	// recentVacuum is how long after a vacuum a table is not overdue for another.
	recentVacuum = time.Hour
	// chooseEvery is how long a choice of tables holds, unless one of them goes.
	chooseEvery = time.Hour
	// keptRounds is how many rounds of visits what was told is published for.
	keptRounds = 3
	// maxNamed is how many databases have series of their own; what is told of
	// further ones is folded into one called other.
	maxNamed = 40
	// maxInvalid bounds the indexes published by name.
	maxInvalid = 20
)

// Tables publishes tables, indexes and vacuum of the databases of the server
// that a client would get. It visits one database after another on a connection
// of its own, a bounded number in each run, in turn; a database that hangs, is
// locked or refuses costs itself. What a visit told is published, with its time,
// until three rounds have gone by without another.
//
// The ledger's databases and, in each, the tables named, those of finance and the
// largest have series of their own, as many as the share of the task allows; the
// others of a database are added up as relname "other".
type Tables struct {
	face      func() string // the server's name
	version   func() int
	discovery func(ctx context.Context, queries ...pgsession.Query) pgsession.Results // asks the server
	open      func(server, database string) visitor
	now       func() time.Time
	databases DatabaseChoice
	choice    TableChoice
	interval  time.Duration

	server  string // that all below is of
	found   *discovery
	states  map[string]*tablesOf // by database
	order   []*tablesOf          // by importance
	next    string               // the database to begin with
	tallies map[string]tally     // by the name published

	mu     sync.Mutex
	kept   map[string]visitor // connections between runs
	closed bool
	spent  collector.Spent
}

func (i *instance) newTables() *Tables {
	cfg := i.settings.Config
	return &Tables{
		face:      func() string { return i.cluster.faceName(i.settings.Now()) },
		version:   i.version,
		discovery: i.ask,
		open: func(server, database string) visitor {
			s := i.session(cfg.DSN, server)
			s.Database = database
			return pgsession.Open(s)
		},
		now: i.settings.Now, databases: cfg.Databases, choice: cfg.Tables, interval: cfg.TablesInterval.D(),
	}
}

func (i *instance) tablesTask() collector.Task {
	task := i.task("tables", i.tables, i.settings.Config.TablesInterval.D())
	task.Timeout = min(task.Interval, runTimeout)
	task.Budget = i.tables.budget()
	return task
}

// tablesOf is what is known of one database.
type tablesOf struct {
	foundDatabase
	candidates []candidate // in their order
	chosenAt   time.Time
	share      int // rows
	last       *visited
	bloat      map[int64]float64 // bytes by table
	bloatAt    time.Time
}

// wants is how many rows it would have.
func (s *tablesOf) wants() int { return len(s.candidates) }

func (s *tablesOf) ledger() bool {
	return slices.ContainsFunc(s.candidates, func(c candidate) bool { return c.name == ledgerTable })
}

// chosen are the tables with rows.
func (s *tablesOf) chosen() []candidate { return s.candidates[:min(s.share, len(s.candidates))] }

// Describe implements collector.Collector.
func (*Tables) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range tableColumns {
		ch <- c.desc
	}
	for _, d := range upkeepDescs {
		ch <- d
	}
	for _, d := range []*prometheus.Desc{databasesWatched, databasesLeftOut, vacuumsRunning, vacuumLongest, statisticsAt, indexInvalid} {
		ch <- d
	}
}

// Spent implements collector.Spender.
func (t *Tables) Spent() collector.Spent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spent
}

// budget is what a run may cost: the questions of every visit, and the time that
// a healthy server takes to log us in and to answer them.
func (t *Tables) budget() collector.Budget {
	visits := min(maxVisits, t.databases.Max)
	return collector.Budget{Requests: uint64(2*len(discoveryQueries) + visitQueries*visits), Waiting: time.Duration(visits+1) * 100 * time.Millisecond}
}

// visitQueries is how many statements a visit takes at most.
const visitQueries = 7

// Collect implements collector.Collector.
func (t *Tables) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	err := t.look(ctx)
	t.publish(ch)
	return err
}

// look discovers databases and visits those whose turn it is.
func (t *Tables) look(ctx context.Context) error {
	t.follow(t.face())
	found, err := t.discover(ctx)
	t.found = found
	if found == nil {
		return err
	}
	t.settle()
	var failed []failedVisit
	for _, s := range t.turn() {
		if ctx.Err() != nil {
			break
		}
		err := t.visit(ctx, s)
		if ctx.Err() == nil {
			t.next = t.after(s)
		}
		if err != nil {
			failed = append(failed, failedVisit{s.name, err})
		}
	}
	return errors.Join(err, t.explain(ctx, failed))
}

func (t *Tables) discover(ctx context.Context) (*discovery, error) {
	return discover(ctx, t.counting(t.discovery), t.databases, t.now)
}

type failedVisit struct {
	database string
	err      error
}

// explain says what went wrong, without the databases that were dropped before
// their turn came.
func (t *Tables) explain(ctx context.Context, failed []failedVisit) error {
	dropped := func(string) bool { return false }
	if slices.ContainsFunc(failed, func(f failedVisit) bool { return fault.KindOf(f.err) == fault.Schema }) {
		if again, err := t.discover(ctx); err == nil {
			dropped = func(name string) bool {
				return !slices.ContainsFunc(again.watched, func(d foundDatabase) bool { return d.name == name })
			}
		}
	}
	var errs []error
	for _, f := range failed {
		if !dropped(f.database) {
			errs = append(errs, fault.Wrap(fmt.Sprintf("look into database %q", f.database), f.err, ""))
		}
	}
	return errors.Join(errs...)
}

// follow forgets what another server told: its statistics are its own.
func (t *Tables) follow(server string) {
	if server == t.server {
		return
	}
	t.server = server
	t.states = make(map[string]*tablesOf)
	t.release(func(string) bool { return false })
}

// settle takes up databases that are new and lets go of those that went.
func (t *Tables) settle() {
	watched := make(map[string]bool)
	for _, d := range t.found.watched {
		watched[d.name] = true
		s := t.states[d.name]
		if s == nil {
			s = &tablesOf{}
			t.states[d.name] = s
		}
		s.foundDatabase = d
	}
	for name := range t.states {
		if !watched[name] {
			delete(t.states, name)
			delete(t.tallies, name)
		}
	}
	t.release(func(name string) bool { return watched[name] && len(watched) <= maxKept })
	t.share()
}

// turn lists the databases to visit in this run.
func (t *Tables) turn() []*tablesOf {
	first := max(0, slices.IndexFunc(t.found.watched, func(d foundDatabase) bool { return d.name == t.next }))
	var list []*tablesOf
	for n := range min(maxVisits, len(t.found.watched)) {
		list = append(list, t.states[t.found.watched[(first+n)%len(t.found.watched)].name])
	}
	return list
}

// after is the database whose turn comes after another's.
func (t *Tables) after(s *tablesOf) string {
	at := slices.IndexFunc(t.found.watched, func(d foundDatabase) bool { return d.name == s.name })
	return t.found.watched[(at+1)%len(t.found.watched)].name
}

// visit looks into one database.
func (t *Tables) visit(ctx context.Context, s *tablesOf) error {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	session, done := t.session(s.name)
	defer done()
	ask := t.counting(session.Batch)
	if now := t.now(); s.candidates == nil || now.Sub(s.chosenAt) >= chooseEvery {
		if err := t.choose(ctx, ask, s, now); err != nil {
			return err
		}
	}
	v, err := t.read(ctx, ask, s)
	if v == nil {
		return err
	}
	if s.last != nil {
		t.tally(t.label(s)).grow(s.last, v)
	}
	if v.outdated {
		s.chosenAt = time.Time{} // one of them went: choose again
	}
	s.last = v
	return err
}

// choose decides anew which tables may have rows.
func (t *Tables) choose(ctx context.Context, ask asking, s *tablesOf, now time.Time) error {
	var incumbents []int64
	for _, c := range s.chosen() {
		incumbents = append(incumbents, c.oid)
	}
	results := ask(ctx, pgsession.Query{Name: "list of tables", SQL: choiceQuery, Args: []any{t.choice.Include, financeTables, incumbents}})
	if err := results.Err(); err != nil {
		return err
	}
	list, top := []candidate{}, 0
	for _, row := range results[0].Rows {
		oid, _ := row.Int("oid")
		toast, _ := row.Int("toast")
		named, _ := row.Bool("named")
		c := candidate{oid, toast, row.String("schemaname"), row.String("relname"), named}
		if !utf8.ValidString(c.schema + c.name) {
			continue // no label can hold it: among the others
		}
		if !named {
			if top++; top > t.choice.Top {
				break
			}
		}
		list = append(list, c)
	}
	s.candidates, s.chosenAt = list, now
	t.share()
	return nil
}

type asking = func(context.Context, ...pgsession.Query) pgsession.Results

// read asks what there is to know of a database's tables. It returns nil when
// nothing of use was told.
func (t *Tables) read(ctx context.Context, ask asking, s *tablesOf) (*visited, error) {
	now, chosen := t.now(), s.chosen()
	v := newVisited(chosen, now, t.found.sync.at(now))
	oids, relations := identifiers(chosen)
	queries := []pgsession.Query{
		{Name: "tables", SQL: tablesQuery(t.version()), Args: []any{relations, t.found.threshold, t.found.scale, t.found.most, financeTables, v.server.Add(-recentVacuum)}},
		{Name: "indexes", SQL: indexesQuery, Args: []any{relations}},
		{Name: "sizes of tables", SQL: sizesQuery, Args: []any{oids, s.oid}},
	}
	if now.Sub(s.bloatAt) >= t.choice.BloatInterval.D() {
		queries = append(queries, pgsession.Query{Name: "bloat", SQL: bloatQuery, Args: []any{oids}})
	}
	results := ask(ctx, queries...)
	if results[0].Err != nil {
		return nil, results.Err()
	}
	v.readTables(results[0], t.found.standby)
	v.readIndexes(results[0], results[1], t.found.standby, s.counted)
	if len(results) > 3 {
		s.readBloat(results[3], now)
	}
	for _, row := range v.rows {
		bytes, ok := s.bloat[row.oid]
		row.values.set("bloat_bytes", bytes, ok)
	}
	results = append(results, readFurther(ctx, ask, v, results[2],
		pgsession.Query{Name: "locked tables", SQL: lockedQuery, Args: queries[2].Args})...)
	v.finish()
	return v, results.Err()
}

// identifiers lists tables, and them with their TOAST tables.
func identifiers(chosen []candidate) (tables, relations []int64) {
	tables = make([]int64, len(chosen))
	for i, c := range chosen {
		tables[i] = c.oid
		if c.toast != 0 {
			relations = append(relations, c.toast)
		}
	}
	return tables, append(relations, tables...)
}

// readFurther asks what depends on what was told: which tables are locked, and
// which indexes invalid.
func readFurther(ctx context.Context, ask asking, v *visited, sizes pgsession.Result, locked pgsession.Query) pgsession.Results {
	var queries []pgsession.Query
	blocked, _ := sizes.First().Bool("blocked")
	if blocked {
		queries = append(queries, locked)
	} else {
		v.readSizes(sizes)
	}
	invalid := v.upkeep[invalidIndexes] > 0
	if invalid {
		queries = append(queries, pgsession.Query{Name: "invalid indexes", SQL: invalidQuery})
	}
	if len(queries) == 0 {
		return nil
	}
	results := ask(ctx, queries...)
	if blocked {
		v.readSizes(results[0])
	}
	if invalid {
		v.readInvalid(results[len(results)-1])
	}
	return results
}

// readBloat takes the answer to bloatQuery; a failed one is asked again.
func (s *tablesOf) readBloat(r pgsession.Result, now time.Time) {
	if r.Err != nil {
		return
	}
	s.bloat, s.bloatAt = make(map[int64]float64), now
	for _, row := range r.Rows {
		oid, _ := row.Int("oid")
		if bytes, ok := row.Float("bytes"); ok {
			s.bloat[oid] = bytes
		}
	}
}

// session returns a connection to a database of the server, and what to do with
// it after the visit.
func (t *Tables) session(database string) (session visitor, done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept := t.kept[database]; kept != nil {
		return kept, func() {}
	}
	session = t.open(t.server, database)
	if len(t.found.watched) > maxKept || t.closed {
		return session, session.Close
	}
	if t.kept == nil {
		t.kept = make(map[string]visitor)
	}
	t.kept[database] = session
	return session, func() {}
}

// release closes the connections that are not to be kept.
func (t *Tables) release(keep func(database string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, session := range t.kept {
		if !keep(name) {
			session.Close()
			delete(t.kept, name)
		}
	}
}

// close ends every connection.
func (t *Tables) close() {
	t.release(func(string) bool { return false })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// counting is ask, with its cost counted.
func (t *Tables) counting(ask asking) asking {
	return func(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
		begun := time.Now()
		results := ask(ctx, queries...)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.spent.Requests += uint64(len(queries))
		t.spent.Waiting += time.Since(begun)
		return results
	}
}

// share divides the rows that the task's bound on series allows: the ledger's
// databases come first, one row each in turn until all have what they want.
func (t *Tables) share() {
	t.order = t.order[:0]
	for _, d := range t.found.watched {
		t.order = append(t.order, t.states[d.name])
	}
	slices.SortStableFunc(t.order, func(a, b *tablesOf) int {
		return -cmp.Compare(number(a.ledger()), number(b.ledger()))
	})
	ledgers := 0
	for _, s := range t.order {
		s.share = 0
		ledgers += int(number(s.ledger()))
	}
	left := rowsFor(len(t.order))
	for _, group := range [][]*tablesOf{t.order[:ledgers], t.order[ledgers:]} {
		for given := true; given && left > 0; {
			given = false
			for _, s := range group {
				if left > 0 && s.share < s.wants() && t.label(s) != other {
					s.share++
					left--
					given = true
				}
			}
		}
	}
}

// Series of one database, beside those of rows, and of one row.
var (
	seriesOfDatabase = int(upkeepColumns) + 1 + count(func(c tableColumn) bool { return c.adds })
	seriesOfRow      = len(tableColumns)
	seriesOfServer   = 3 + len(everyReason) + maxInvalid
)

func count(which func(tableColumn) bool) int {
	n := 0
	for _, c := range tableColumns {
		if which(c) {
			n++
		}
	}
	return n
}

// rowsFor is how many tables of so many databases can have rows within the
// task's share.
func rowsFor(databases int) int {
	named := min(databases, maxNamed+1) // one stands for the rest
	return max(0, (shares["tables"]-seriesOfServer-named*seriesOfDatabase)/seriesOfRow)
}

// label is the name under which a database is published.
func (t *Tables) label(s *tablesOf) string {
	if s.name == other || slices.Index(t.order, s) >= maxNamed {
		return other
	}
	return s.name
}

func (t *Tables) tally(label string) tally {
	if t.tallies == nil {
		t.tallies = make(map[string]tally)
	}
	if t.tallies[label] == nil {
		t.tallies[label] = newTally()
	}
	return t.tallies[label]
}

// publish sends what is known and not too old.
func (t *Tables) publish(ch chan<- prometheus.Metric) {
	if t.found != nil {
		t.found.publish(ch)
	}
	rounds := (len(t.order) + maxVisits - 1) / maxVisits
	oldest := t.now().Add(-time.Duration(keptRounds*rounds) * t.interval)
	folded := &visited{rest: noValues(), upkeep: noUpkeep()}
	invalid := maxInvalid
	for _, s := range t.order {
		if t.states[s.name] != s || s.last == nil || s.last.at.Before(oldest) {
			continue
		}
		if t.label(s) == other {
			folded.fold(s.last)
			continue
		}
		invalid = t.publishDatabase(ch, s, invalid)
	}
	if !folded.server.IsZero() {
		folded.publish(ch, other, t.tally(other))
	}
}

// publishDatabase sends what the last visit to a database told, with as many
// invalid indexes as there is room for. It returns the room left.
func (t *Tables) publishDatabase(ch chan<- prometheus.Metric, s *tablesOf, room int) int {
	shown := *s.last
	shown.rest = noValues()
	shown.rest.add(s.last.rest, true)
	for i, row := range s.last.rows {
		if i >= s.share { // less room than at the visit
			shown.rest.add(row.values, false)
			continue
		}
		row.values.publish(ch, false, s.name, row.schema, row.name)
	}
	shown.publish(ch, s.name, t.tally(s.name))
	for _, n := range shown.names[:min(room, len(shown.names))] {
		gauge(ch, indexInvalid, 1, s.name, n.schema, n.table, n.index)
	}
	return room - min(room, len(shown.names))
}

// publish sends what is told of a database beside its rows.
func (v *visited) publish(ch chan<- prometheus.Metric, name string, counted tally) {
	gauge(ch, statisticsAt, unix(v.server), name)
	for c, value := range v.upkeep {
		known(ch, upkeepDescs[c], value, !math.IsNaN(value), name)
	}
	counted.with(v.rest).publish(ch, true, name, "", other)
}

// fold adds what is told of another database.
func (v *visited) fold(of *visited) {
	if v.server.IsZero() || of.server.Before(v.server) {
		v.server = of.server
	}
	v.rest.add(of.rest, true)
	for _, row := range of.rows {
		v.rest.add(row.values, true)
	}
	for c := range v.upkeep {
		upkeepColumn(c).fold(&v.upkeep[c], of.upkeep[c])
	}
}
