package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A fakeTable is a table of a fakeDatabase; counted is the value of every
// counter, of its own and of its TOAST table.
type fakeTable struct {
	oid          int64
	schema, name string
	pages        int
	counted      float64
	toast        int64
}

// A fakeDatabase answers what the collector asks of a database.
type fakeDatabase struct {
	tables  []fakeTable
	invalid int
	refuses error // of every question
	hangs   bool
	locked  error // of the sizes
}

// A fakeServer is a server whose clock is ours.
type fakeServer struct {
	name      string
	databases map[string]*fakeDatabase
	standby   bool
	counted   string // seconds for which statistics are gathered
	now       time.Time
	fails     error

	opened, open, mostOpen int
	visited                []string
	vanish                 string // is dropped once it has been listed
}

func (f *fakeServer) discover(context.Context, ...pgsession.Query) pgsession.Results {
	if f.fails != nil {
		return pgsession.Results{{Name: "list of databases", Err: f.fails}, {Name: "vacuum", Err: f.fails}}
	}
	list := [][]string{{"1", "template1", "t", "t", "t", "∅"}}
	for _, name := range slices.Sorted(maps.Keys(f.databases)) {
		list = append(list, []string{"16384", name, "f", "t", "t", f.counted})
	}
	if f.vanish != "" {
		delete(f.databases, f.vanish)
	}
	return pgsession.Results{
		rows("list of databases", []string{"oid", "datname", "template", "open", "permitted", "counted"}, list...),
		rows("vacuum", []string{"now", "standby", "threshold", "scale", "most", "running", "longest"},
			[]string{f.now.Format("2006-01-02 15:04:05.999999Z07:00"), strconv.FormatBool(f.standby), "50", "0.2", "∅", "1", "61.5"}),
	}
}

// A fakeSession is a connection to one of its databases.
type fakeSession struct {
	server *fakeServer
	name   string
}

func (f *fakeServer) connect(_, database string) visitor {
	f.opened++
	f.open++
	f.mostOpen = max(f.mostOpen, f.open)
	return &fakeSession{f, database}
}

func (s *fakeSession) Close() { s.server.open-- }

func (s *fakeSession) Batch(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
	db := s.server.databases[s.name]
	failing := func() error {
		switch {
		case db == nil:
			return &fault.Error{Op: "connect to PostgreSQL", Kind: fault.Schema, Err: errors.New("it does not exist")}
		case db.hangs:
			<-ctx.Done()
			return &fault.Error{Op: "ask PostgreSQL", Kind: fault.Timeout, Err: ctx.Err()}
		default:
			return db.refuses
		}
	}()
	var results pgsession.Results
	for _, q := range queries {
		if failing != nil {
			results = append(results, pgsession.Result{Name: q.Name, Err: failing})
			continue
		}
		if q.Name == "tables" {
			s.server.visited = append(s.server.visited, s.name)
		}
		results = append(results, db.answer(q))
	}
	return results
}

func (d *fakeDatabase) answer(q pgsession.Query) pgsession.Result {
	rowOf := map[int64]string{}
	if q.Name != "list of tables" && len(q.Args) > 0 {
		for _, oid := range q.Args[0].([]int64) {
			rowOf[oid] = strconv.FormatInt(oid, 10)
		}
	}
	switch q.Name {
	case "list of tables":
		return d.list(q.Args[1].([]string))
	case "tables":
		return d.statistics(rowOf, strings.Contains(q.SQL, "pg_stat_get_total_vacuum_time"))
	case "indexes":
		return d.indexes(rowOf)
	case "sizes of tables":
		if d.locked != nil {
			return pgsession.Result{Name: q.Name, Err: d.locked}
		}
		var list [][]string
		for _, t := range d.tables {
			if rowOf[t.oid] != "" {
				list = append(list, []string{strconv.FormatInt(t.oid, 10), "f", strconv.Itoa(t.pages * 8192), "8192", "0", "f"})
			}
		}
		if list == nil {
			list = [][]string{{"∅", "f", "∅", "∅", "0", "f"}}
		}
		return rows(q.Name, []string{"oid", "locked", "table_size", "index_size", "others", "blocked"}, list...)
	case "invalid indexes":
		var list [][]string
		for n := range min(d.invalid, maxInvalid) {
			list = append(list, []string{"public", "account_move", "broken_" + strconv.Itoa(n), strconv.Itoa(d.invalid)})
		}
		return rows(q.Name, []string{"schemaname", "relname", "indexrelname", "all"}, list...)
	default: // bloat
		var list [][]string
		for oid := range rowOf {
			list = append(list, []string{strconv.FormatInt(oid, 10), "16384"})
		}
		return rows(q.Name, []string{"oid", "bytes"}, list...)
	}
}

// list gives tables in the order of choiceQuery: finance, then size.
func (d *fakeDatabase) list(finance []string) pgsession.Result {
	place := func(t fakeTable) int {
		if n := slices.Index(finance, t.name); n >= 0 {
			return n
		}
		return len(finance)
	}
	tables := slices.Clone(d.tables)
	slices.SortStableFunc(tables, func(a, b fakeTable) int {
		if c := place(a) - place(b); c != 0 {
			return c
		}
		return b.pages - a.pages
	})
	var list [][]string
	for _, t := range tables[:min(64, len(tables))] {
		list = append(list, []string{strconv.FormatInt(t.oid, 10), strconv.FormatInt(t.toast, 10), t.schema, t.name, strconv.FormatBool(place(t) < len(finance))})
	}
	return rows("list of tables", []string{"oid", "toast", "schemaname", "relname", "named"}, list...)
}

// A fakeGroup is what tables come to that have a row or are the others.
type fakeGroup struct {
	owner string // "∅" of the others
	toast bool
	sum   fakeTable
}

// grouped adds up tables and TOAST tables by what has a row.
func (d *fakeDatabase) grouped(rowOf map[int64]string) (groups []*fakeGroup) {
	add := func(oid int64, toast bool, t fakeTable) {
		owner, has := rowOf[oid]
		if !has {
			owner = "∅"
		}
		i := slices.IndexFunc(groups, func(g *fakeGroup) bool { return g.owner == owner && g.toast == toast })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &fakeGroup{owner: owner, toast: toast})
		}
		groups[i].sum.counted += t.counted
		groups[i].sum.pages += t.pages
		groups[i].sum.toast = t.toast
	}
	for _, t := range d.tables {
		add(t.oid, false, t)
		if t.toast != 0 {
			add(t.toast, true, fakeTable{counted: t.counted})
		}
	}
	return groups
}

func (d *fakeDatabase) statistics(rowOf map[int64]string, timed bool) pgsession.Result {
	columns := []string{"owner", "toast", "toasted", "block", "fetched", "blocks", "hit", "pages", "overdue", "finance_overdue", "never_analyzed", "xid_age", "multixact_age"}
	fixed := len(columns)
	for _, c := range tableColumns {
		if !strings.HasSuffix(c.name, "_bytes") && !strings.HasPrefix(c.name, "idx_") && !strings.Contains(c.name, "_blocks_") && c.name != "locked" && (timed || !strings.HasSuffix(c.name, "_seconds")) {
			columns = append(columns, c.name)
		}
	}
	var list [][]string
	for _, g := range d.grouped(rowOf) {
		blocks, hit := strconv.FormatFloat(2*g.sum.counted, 'f', -1, 64), strconv.FormatFloat(g.sum.counted, 'f', -1, 64)
		values := []string{g.owner, strconv.FormatBool(g.toast), strconv.FormatInt(g.sum.toast, 10), "8192", "0", blocks, hit, strconv.Itoa(g.sum.pages), "1", "1", "2", "200000000", "7"}
		if g.toast {
			copy(values[8:], []string{"0", "0", "0"})
		}
		for _, name := range columns[fixed:] {
			switch c := tableColumns[placeOf[name]]; {
			case g.toast, (name == "last_vacuum" || name == "last_analyze") && len(d.tables) < 10:
				values = append(values, "∅")
			case c.value == prometheus.CounterValue:
				values = append(values, hit)
			case strings.HasPrefix(name, "last_"):
				values = append(values, "2026-03-31 18:00:00+00")
			default:
				values = append(values, "3")
			}
		}
		list = append(list, values)
	}
	return rows("tables", columns, list...)
}

func (d *fakeDatabase) indexes(rowOf map[int64]string) pgsession.Result {
	var list [][]string
	for i, g := range d.grouped(rowOf) {
		counted, blocks := strconv.FormatFloat(g.sum.counted, 'f', -1, 64), strconv.FormatFloat(2*g.sum.counted, 'f', -1, 64)
		invalid := "0"
		if i == 0 {
			invalid = strconv.Itoa(d.invalid)
		}
		list = append(list, []string{g.owner, strconv.FormatBool(g.toast), counted, counted, blocks, counted, "1", invalid, "2", "5"})
	}
	return rows("indexes", []string{"owner", "toast", "idx_scan", "fetched", "blocks", "hit", "pages", "invalid", "unused", "unused_pages"}, list...)
}

// odooDatabase has the tables of finance and so many others.
func odooDatabase(others int) *fakeDatabase {
	d := &fakeDatabase{}
	for i, name := range financeTables {
		d.tables = append(d.tables, fakeTable{int64(20000 + i), "public", name, 10, 100, int64(40000 + i)})
	}
	for i := range others {
		d.tables = append(d.tables, fakeTable{int64(30000 + i), "public", "t" + strconv.Itoa(i), 1000 - i, 10, int64(50000 + i)})
	}
	return d
}

// small has one table of the ledger and two others.
func small() *fakeDatabase {
	return &fakeDatabase{tables: []fakeTable{
		{1, "public", "account_move", 10, 100, 101}, {2, "public", "plain", 5, 10, 102}, {3, "public", "tiny", 1, 7, 103},
	}}
}

// newFake watches a fake server.
func newFake(databases map[string]*fakeDatabase) (*Tables, *fakeServer) {
	f := &fakeServer{name: "a:5432", databases: databases, counted: "864000", now: march31}
	t := &Tables{
		face: func() string { return f.name }, version: func() int { return 18 },
		discovery: f.discover, open: f.connect, now: func() time.Time { return f.now }, interval: 5 * time.Minute,
	}
	t.databases.SetDefaults()
	t.choice.SetDefaults()
	return t, f
}

// ran is what a run publishes, by name and labels.
type ran map[string]float64

func runTables(t *testing.T, c collector.Collector) (ran, error) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	a := &runOnce{Collector: c, ctx: t.Context()}
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := ran{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[seriesName(f.GetName(), m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got, a.err
}

type runOnce struct {
	collector.Collector
	ctx context.Context
	err error
}

func (r *runOnce) Collect(ch chan<- prometheus.Metric) { r.err = r.Collector.Collect(r.ctx, ch) }

func seriesName(name string, m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		name += " " + l.GetValue()
	}
	return name
}

func TestTablesGolden(t *testing.T) {
	locked := &fault.Error{Op: "read sizes of tables", Kind: fault.Locked, Err: errors.New("canceling statement due to lock timeout")}
	tests := map[string]struct {
		change func(*Tables, *fakeServer)
		kind   fault.Kind
	}{
		"tables_of_a_ledger":    {func(_ *Tables, f *fakeServer) { f.databases["prod"].invalid = 2 }, ""},
		"tables_of_a_standby":   {func(_ *Tables, f *fakeServer) { f.standby = true }, ""},
		"tables_sizes_locked":   {func(_ *Tables, f *fakeServer) { f.databases["prod"].locked = locked }, fault.Locked},
		"tables_young_counters": {func(_ *Tables, f *fakeServer) { f.counted = "604799" }, ""},
		"tables_before_18":      {func(c *Tables, _ *fakeServer) { c.version = func() int { return 17 } }, ""},
		"tables_of_nothing":     {func(_ *Tables, f *fakeServer) { f.databases["prod"].tables = nil }, ""},
		"tables_refused": {func(_ *Tables, f *fakeServer) {
			f.databases["prod"].refuses = &fault.Error{Op: "connect to PostgreSQL", Kind: fault.Auth, Err: errors.New("rejected")}
		}, fault.Auth},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, f := newFake(map[string]*fakeDatabase{"prod": small()})
			c.choice.Top = 1
			tt.change(c, f)
			if err := collectortest.Golden(t, c, name); fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v, want kind %q", err, tt.kind)
			}
		})
	}
}

// Whatever there is to publish fits into the share of the task, and the rows are
// as many as fit.
func TestTablesAreBounded(t *testing.T) {
	for databases, some := range map[int][]int{0: {0}, 1: {0, 1}, 3: {1, 3}, 20: {1, 20}, 40: {1, 40}, 41: {1, 41}, 200: {3}} {
		for _, ledgers := range some {
			t.Run(fmt.Sprintf("%d databases, %d ledgers", databases, ledgers), func(t *testing.T) {
				all := map[string]*fakeDatabase{}
				for n := range databases {
					d := odooDatabase(70)
					if n >= ledgers {
						d.tables = d.tables[len(financeTables):]
					}
					d.invalid = 30
					all[fmt.Sprintf("d%03d", n)] = d
				}
				c, f := newFake(all)
				c.databases.Max, c.choice.Top = mostDatabases, maxTop
				published := 0
				runs := 2 + databases/maxVisits
				for n := range runs {
					if n > 1 && n < runs-2 { // not worth publishing
						if err := c.look(t.Context()); err != nil {
							t.Fatal(err)
						}
						continue
					}
					got, err := runTables(t, c)
					if err != nil {
						t.Fatal(err)
					}
					published = len(got)
					if published > shares["tables"] {
						t.Fatalf("%d series", published)
					}
					f.now = f.now.Add(c.interval)
				}
				if least := shares["tables"] - seriesOfRow - 100; databases > 0 && ledgers > 0 && published < least {
					t.Errorf("%d series, want at least %d", published, least)
				}
				if f.mostOpen > max(1, maxKept) || (databases > maxKept && f.open != 0) {
					t.Errorf("%d connections at once, %d left open", f.mostOpen, f.open)
				}
			})
		}
	}
}

// The rows that fit go to the ledger's databases first.
func TestLedgersHaveRowsFirst(t *testing.T) {
	all := map[string]*fakeDatabase{"zz": odooDatabase(100)}
	for n := range 9 {
		d := odooDatabase(100)
		d.tables = d.tables[len(financeTables):]
		all[fmt.Sprintf("d%d", n)] = d
	}
	c, _ := newFake(all)
	var got ran
	for range 4 { // all are chosen for in two, and read with their share in two more
		var err error
		if got, err = runTables(t, c); err != nil {
			t.Fatal(err)
		}
	}
	of := map[string]int{}
	for name := range got {
		if words := strings.Fields(name); words[0] == "pg_stat_user_tables_n_live_tup" && words[2] != other {
			of[words[1]]++
		}
	}
	if want := len(financeTables) + c.choice.Top; of["zz"] != want {
		t.Errorf("the ledger has %d rows, want %d", of["zz"], want)
	}
	if of["d0"] < 1 || of["d0"] > 5 || of["d0"]-of["d8"] > 1 {
		t.Errorf("the others have %v", of)
	}
}

// What the tables without a row count only grows, by what they did: whichever
// tables have rows, and whatever is dropped.
func TestOthersAreTallied(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	d := odooDatabase(30)
	c, f := newFake(map[string]*fakeDatabase{"prod": d})
	const series = "pg_stat_user_tables_n_tup_ins prod %s %s"
	others := fmt.Sprintf(series, other, "")
	before, err := runTables(t, c)
	if err != nil || before[others] != 0 {
		t.Fatalf("begins at %v: %v", before[others], err)
	}
	entered := 0
	for range 40 {
		activity := 0.0
		for i := range d.tables {
			n := float64(random.IntN(5))
			d.tables[i].counted += n
			d.tables[i].pages = random.IntN(1000)
			if _, had := before[fmt.Sprintf(series, d.tables[i].name, "public")]; !had {
				activity += n
			}
		}
		f.now = f.now.Add(chooseEvery)
		after, err := runTables(t, c)
		if err != nil {
			t.Fatal(err)
		}
		// What is left of the tables that lost their row is counted with the others.
		for _, table := range d.tables {
			name := fmt.Sprintf(series, table.name, "public")
			if value, has := after[name]; has && value != table.counted {
				t.Fatalf("%s = %v, want %v", name, value, table.counted)
			} else if was, had := before[name]; had && !has {
				activity += table.counted - was
				entered++
			}
		}
		if grown := after[others] - before[others]; grown != activity {
			t.Fatalf("the others grew by %v, want %v", grown, activity)
		}
		before = after
	}
	if entered < 40 {
		t.Errorf("only %d times a table lost its row: nothing was tested", entered)
	}
	d.tables = d.tables[:len(d.tables)-10]
	for i := range d.tables {
		d.tables[i].counted = 0
	}
	after, err := runTables(t, c)
	if err != nil || after[others] != before[others] {
		t.Errorf("%v became %v when tables were dropped and statistics reset: %v", before[others], after[others], err)
	}
}

// A table keeps its row in spite of small changes; one that is dropped loses it
// at once and another takes its place.
func TestRowsOfDroppedTables(t *testing.T) {
	d := small()
	c, f := newFake(map[string]*fakeDatabase{"prod": d})
	c.choice.Top = 1
	has := func(table string) bool {
		t.Helper()
		got, err := runTables(t, c)
		if err != nil {
			t.Fatal(err)
		}
		_, ok := got["pg_stat_user_tables_n_live_tup prod "+table+" public"]
		return ok
	}
	if !has("plain") {
		t.Error("the largest table has no row")
	}
	d.tables = slices.Delete(d.tables, 1, 2)
	if has("plain") {
		t.Error("a table that was dropped has a row")
	}
	f.now = f.now.Add(c.interval)
	if !has("tiny") {
		t.Error("no other table took its place")
	}
}

// A table that was rewritten has another TOAST table: what that counts is not
// told of the table before tables were chosen again, and never lost.
func TestRewrittenTable(t *testing.T) {
	d := small()
	c, _ := newFake(map[string]*fakeDatabase{"prod": d})
	const hits, rows = "pg_statio_user_tables_toast_blocks_hit prod account_move public", "pg_stat_user_tables_n_tup_ins prod account_move public"
	for run, told := range []bool{true, false, true} {
		if run == 1 {
			d.tables[0].toast = 201
		}
		got, err := runTables(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if hit, is := got[hits]; is != told || (is && hit != 100) || got[rows] != 100 {
			t.Errorf("run %d: hits %v (published: %v, want %v), rows inserted %v", run, hit, is, told, got[rows])
		}
	}
}

// A database that hangs costs its own time; what others told arrives, and those
// that were not reached come first in the next run.
func TestDatabasesTakeTurns(t *testing.T) {
	all := map[string]*fakeDatabase{}
	for n := range 25 {
		all[fmt.Sprintf("d%02d", n)] = small()
	}
	c, f := newFake(all)
	for range 8 {
		if _, err := runTables(t, c); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(c.interval)
	}
	var want []string
	for n := range 40 {
		want = append(want, fmt.Sprintf("d%02d", n%25))
	}
	if diff := cmp.Diff(want, f.visited); diff != "" {
		t.Errorf("visited (-want +got):\n%s", diff)
	}
	all["d16"].hangs = true
	f.visited = nil
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.look(ctx); fault.KindOf(err) != fault.Timeout || !strings.Contains(err.Error(), `look into database "d16"`) {
		t.Errorf("look() = %v", err)
	}
	all["d16"].hangs = false
	if err := c.look(t.Context()); err != nil {
		t.Error(err)
	}
	want = []string{"d15", "d16", "d17", "d18", "d19", "d20"}
	if diff := cmp.Diff(want, f.visited); diff != "" {
		t.Errorf("visited around the one that hung (-want +got):\n%s", diff)
	}
}

// What was told stays for three rounds of visits, with its time, and is then
// withdrawn.
func TestOldAnswersAreWithdrawn(t *testing.T) {
	c, f := newFake(map[string]*fakeDatabase{"prod": small(), "test": small()})
	if _, err := runTables(t, c); err != nil {
		t.Fatal(err)
	}
	f.databases["prod"].refuses = &fault.Error{Op: "connect to PostgreSQL", Kind: fault.Limit}
	for run := 1; run <= keptRounds+1; run++ {
		f.now = march31.Add(time.Duration(run) * c.interval)
		if run == 2 {
			f.fails = &fault.Error{Op: "connect to PostgreSQL", Kind: fault.Unreachable} // the whole server, for a while
		} else {
			f.fails = nil
		}
		got, err := runTables(t, c)
		if err == nil {
			t.Error("no failure is told")
		}
		at, is := got["pg_database_statistics_timestamp_seconds prod"]
		_, row := got["pg_stat_user_tables_n_live_tup prod account_move public"]
		if want := run <= keptRounds; is != want || row != want || (is && at != unix(march31)) {
			t.Errorf("after %d intervals: time %v (published: %v), rows published: %v; want published: %v", run, at, is, row, want)
		}
		if _, is := got["pg_database_statistics_timestamp_seconds test"]; !is {
			t.Errorf("after %d intervals: the other database is withdrawn", run)
		}
	}
}

// Another server's statistics are its own: nothing is told of it before it was
// asked, and what the others count goes on.
func TestFailoverBeginsAnew(t *testing.T) {
	c, f := newFake(map[string]*fakeDatabase{"prod": small()})
	c.choice.Top = 0
	const others = "pg_stat_user_tables_n_tup_ins prod other "
	for range 2 {
		if _, err := runTables(t, c); err != nil {
			t.Fatal(err)
		}
		f.databases["prod"].tables[1].counted += 5
	}
	f.name = "b:5432"
	f.databases["prod"].tables[1].counted += 1e6
	got, err := runTables(t, c)
	if err != nil || got[others] != 5 {
		t.Errorf("after a failover %v: %v", got[others], err)
	}
	f.name, f.fails = "c:5432", errors.New("down")
	if got, _ = runTables(t, c); len(got) > 0 {
		t.Errorf("of a server that was never asked: %v", got)
	}
	if c.close(); f.open != 0 {
		t.Errorf("%d connections are left open", f.open)
	}
}

func TestDatabaseDroppedBeforeItsTurn(t *testing.T) {
	c, f := newFake(map[string]*fakeDatabase{"gone": small(), "prod": small()})
	f.vanish = "gone"
	got, err := runTables(t, c)
	if _, is := got["pg_stat_user_tables_n_live_tup prod account_move public"]; err != nil || !is {
		t.Errorf("Collect() = %v, the other database published: %v", err, is)
	}
}

func TestCostOfTables(t *testing.T) {
	all := map[string]*fakeDatabase{}
	for n := range 2 * maxVisits {
		d := odooDatabase(10)
		d.invalid = 1
		all[fmt.Sprintf("d%02d", n)] = d
	}
	c, _ := newFake(all)
	if _, err := runTables(t, c); err != nil {
		t.Fatal(err)
	}
	// Two of the server; of each database the choice of tables, four questions and
	// the names of invalid indexes.
	if got := c.Spent().Requests; got != 2+6*maxVisits || got > c.budget().Requests {
		t.Errorf("%d requests, budget %d", got, c.budget().Requests)
	}
	before := c.Spent().Requests
	if _, err := runTables(t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := runTables(t, c); err != nil {
		t.Fatal(err)
	}
	if got := c.Spent().Requests - before; got != 2+6*maxVisits+2+4*maxVisits {
		t.Errorf("%d requests for the other half and the first again", got)
	}
}

func TestDiscovery(t *testing.T) {
	row := func(name, template, open, permitted string) []string {
		return []string{"16384", name, template, open, permitted, "∅"}
	}
	answers := func(context.Context, ...pgsession.Query) pgsession.Results {
		return pgsession.Results{
			rows("list of databases", []string{"oid", "datname", "template", "open", "permitted", "counted"},
				row("a/b", "f", "t", "t"), row("closed", "f", "f", "t"), row("denied", "f", "t", "f"), row("prod", "f", "t", "t"), row("prod_copy", "f", "t", "t"),
				row("template0", "t", "f", "t"), row("template1", "t", "t", "t"), row("test", "f", "t", "t"), row("\xff", "f", "t", "t")),
			rows("vacuum", []string{"now", "standby", "threshold", "scale", "most", "running", "longest"}, []string{"2026-03-31 18:00:00+00", "f", "50", "0.2", "∅", "0", "∅"}),
		}
	}
	tests := map[string]struct {
		choice  DatabaseChoice
		watched string
		leftOut map[string]int
	}{
		"all":                     {DatabaseChoice{Max: 40}, "a/b prod prod_copy test", map[string]int{closed: 1, deniedRole: 1, template: 2, unnameable: 1}},
		"the important first":     {DatabaseChoice{Max: 40, Include: []string{"test", "*"}}, "test a/b prod prod_copy", map[string]int{closed: 1, deniedRole: 1, template: 2, unnameable: 1}},
		"at most":                 {DatabaseChoice{Max: 1, Include: []string{"t*", "*"}}, "test", map[string]int{closed: 1, deniedRole: 1, template: 2, unnameable: 1, overLimit: 3}},
		"some included":           {DatabaseChoice{Max: 40, Include: []string{"prod*"}}, "prod prod_copy", map[string]int{closed: 1, template: 2, unnameable: 1, excluded: 3}},
		"a slash is a character":  {DatabaseChoice{Max: 40, Include: []string{"a?b"}}, "a/b", map[string]int{closed: 1, template: 2, unnameable: 1, excluded: 4}},
		"excluded before include": {DatabaseChoice{Max: 40, Include: []string{"prod*"}, Exclude: []string{"*_copy"}}, "prod", map[string]int{closed: 1, template: 2, unnameable: 1, excluded: 4}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := discover(t.Context(), answers, tt.choice, func() time.Time { return march31 })
			if err != nil {
				t.Fatal(err)
			}
			var watched []string
			for _, w := range d.watched {
				watched = append(watched, w.name)
			}
			maps.DeleteFunc(d.leftOut, func(_ string, n int) bool { return n == 0 })
			if got := strings.Join(watched, " "); got != tt.watched {
				t.Errorf("watched %s, want %s", got, tt.watched)
			}
			if diff := cmp.Diff(tt.leftOut, d.leftOut); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// Every mistake in the choice of databases and tables is told with its place.
func TestChoiceMistakes(t *testing.T) {
	const text = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme}
components:
  db:
    postgres:
      dsn: postgres://closewatch@db/postgres
      tablesInterval: 1s
      databases: {include: ["[", ""], exclude: ["[a-"], max: 201}
      tables: {top: 51, include: [account_move, public.x, public.x], bloatInterval: 1s}
`
	e, err := estate.Parse("acme.yaml", []byte(text), estate.Options{Kinds: []string{"postgres"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range e.Components {
		for _, m := range c.Section.Decode(new(Config)) {
			got = append(got, m.String())
		}
	}
	const at = "components.db.postgres."
	want := []string{
		"acme.yaml:8:23: " + at + "tablesInterval: is below 10s; write a longer duration or leave it out",
		"acme.yaml:9:29: " + at + `databases.include[0]: "[" is no pattern of at most 128 bytes; write a database's name, or a pattern such as "prod_*"`,
		"acme.yaml:9:34: " + at + `databases.include[1]: "" is no pattern of at most 128 bytes; write a database's name, or a pattern such as "prod_*"`,
		"acme.yaml:9:49: " + at + `databases.exclude[0]: "[a-" is no pattern of at most 128 bytes; write a database's name, or a pattern such as "prod_*"`,
		"acme.yaml:9:62: " + at + "databases.max: is not between 1 and 200; write a number in that range or leave it out",
		"acme.yaml:10:21: " + at + "tables.top: is not between 0 and 50; write a number in that range or leave it out",
		"acme.yaml:10:35: " + at + `tables.include[0]: "account_move" is no table; write schema.table, such as public.account_tax`,
		"acme.yaml:10:59: " + at + "tables.include[2]: is there twice; list it once",
		"acme.yaml:10:85: " + at + "tables.bloatInterval: is below 1m0s; write a longer duration or leave it out",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

// A table whose name is not UTF-8 is among the others.
func TestTableThatNoLabelCanHold(t *testing.T) {
	d := small()
	d.tables[1].name = "pl\xff"
	c, _ := newFake(map[string]*fakeDatabase{"prod": d})
	c.choice.Top = 1
	got, err := runTables(t, c)
	if _, is := got["pg_stat_user_tables_n_live_tup prod tiny public"]; err != nil || !is {
		t.Errorf("Collect() = %v, the next largest has a row: %v", err, is)
	}
}
