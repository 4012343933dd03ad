package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// table is an answer of named columns: each row is written as "column=value …",
// a column that it leaves out is NULL.
func table(name, columns string, list ...string) pgsession.Result {
	names := strings.Fields(columns)
	values := make([][]string, len(list))
	for i, text := range list {
		values[i] = slices.Repeat([]string{"∅"}, len(names))
		for cell := range strings.SplitSeq(text, ";") {
			column, value, _ := strings.Cut(strings.TrimSpace(cell), "=")
			values[i][slices.Index(names, column)] = value
		}
	}
	return rows(name, names, values...)
}

// golden publishes one answer of a subject.
func golden(t *testing.T, name string, s subject, r pgsession.Result) {
	t.Helper()
	ask := func(context.Context, ...pgsession.Query) pgsession.Results {
		return pgsession.Results{rows("rights", []string{"role", "monitor"}, []string{"mon", "t"}), r}
	}
	if err := collectortest.Golden(t, Statistics{ask, func() int { return 15 }, []subject{s}, true}, name); err != nil {
		t.Errorf("Collect() = %v", err)
	}
}

const connectionsColumns = "most reserved set_aside used active idle_in_transaction longest longest_idle longest_statement " +
	"long_60 long_300 long_600 long_1800 transaction slot prepared standby prepared_count longest_prepared"

func TestConnections(t *testing.T) {
	tests := map[string]string{
		"connections": "most=100; reserved=3; set_aside=0; used=97; active=12; idle_in_transaction=2; longest=41.5; longest_idle=30; longest_statement=2.5;" +
			"long_60=0; long_300=0; long_600=0; long_1800=0; transaction=120; prepared_count=0; longest_prepared=0",
		"connections_with_reservation_and_every_holder": "most=100; reserved=3; set_aside=7; used=45; active=0; idle_in_transaction=0; longest=4000; longest_idle=0; longest_statement=-0.001;" +
			"long_60=4; long_300=3; long_600=2; long_1800=1; transaction=50; slot=70000000; prepared=9000; standby=10; prepared_count=1; longest_prepared=86400",
		"connections_with_nothing_left_open": "most=10; reserved=10; set_aside=0; used=10; active=0; idle_in_transaction=0; longest=0; longest_idle=0; longest_statement=0;" +
			"long_60=0; long_300=0; long_600=0; long_1800=0; prepared_count=0; longest_prepared=0",
	}
	for name, row := range tests {
		t.Run(name, func(t *testing.T) { golden(t, name, connections, table("connections", connectionsColumns, row)) })
	}
}

const activityColumns = "application_name backend_type datname state usename wait_event wait_event_type address datconnlimit rolconnlimit count longest total open"

func TestActivity(t *testing.T) {
	odoo := []Pool{{Application: "odoo", Processes: 3, MaxConnections: 64}}
	const client = "backend_type=client backend; datname=prod; usename=odoo; total=9; open=97; "
	numbered := []string{
		client + "application_name=odoo-4711; address=10.0.0.1; state=active; count=1; longest=0.5",
		client + "application_name=odoo-4711; address=10.0.0.1; state=idle; count=2",
		client + "application_name=odoo-4711; address=10.0.0.2; state=active; count=1; longest=2.5",
		client + "application_name=psql; state=idle; wait_event=ClientRead; wait_event_type=Client; count=3",
		"application_name=; backend_type=checkpointer; wait_event=CheckpointerMain; wait_event_type=Activity; count=1; total=9; open=97",
		"application_name=closewatch; backend_type=client backend; datname=postgres; usename=mon; state=active; count=1; total=9; open=97",
	}
	tests := map[string]struct {
		declared []Pool
		rows     []string
	}{
		"activity_of_numbered_applications":       {rows: numbered},
		"pools_with_a_shortfall":                  {odoo, numbered},
		"pools_with_room":                         {[]Pool{{Application: "odoo", Processes: 2, MaxConnections: 20}}, numbered},
		"pools_with_more_processes_than_declared": {[]Pool{{Application: "odoo", Processes: 1, MaxConnections: 20}}, numbered},
		"pools_declared_and_not_there":            {[]Pool{{Application: "worker", Processes: 1, MaxConnections: 95}}, numbered},
		"pools_of_processes_not_told_apart":       {[]Pool{{Application: "psql", Processes: 4, MaxConnections: 1}}, numbered},
		"limits_of_role_and_database": {nil, []string{
			client + "application_name=web; datconnlimit=50; rolconnlimit=10; state=idle; count=7",
			client + "application_name=psql; datconnlimit=50; rolconnlimit=10; state=idle; count=2",
			"application_name=closewatch; backend_type=client backend; datname=postgres; usename=mon; datconnlimit=-1; rolconnlimit=5; count=3; total=12; open=97",
			"application_name=; backend_type=parallel worker; datname=prod; usename=odoo; datconnlimit=50; rolconnlimit=10; count=4; total=16; open=97",
		}},
		// Of the 40 processes, 31 are in groups beyond the bound of the answer: what
		// is used of pools and limits is not known then.
		"activity_cut_off": {odoo, []string{strings.Replace(client, "total=9", "total=40", 1) + "application_name=odoo-4711; rolconnlimit=20; count=9"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			golden(t, name, activity(tt.declared), table("activity", activityColumns, tt.rows...))
		})
	}
}

func TestActivityIsBounded(t *testing.T) {
	var list []string
	for i := range 600 {
		list = append(list, fmt.Sprintf("application_name=app%c%c; backend_type=client backend; datname=prod; state=active; usename=odoo; count=1; longest=1; total=650", 'a'+rune(i/26), 'a'+rune(i%26)))
	}
	sessions, left := readSessions(table("activity", activityColumns, list...).Rows)
	groups := foldActivity(sessions, left)
	total := 0.0
	for _, g := range groups {
		total += g.count
	}
	if len(groups) != maxActivity || total != 650 {
		t.Errorf("%d groups of %v processes, want %d of 650", len(groups), total, maxActivity)
	}
}

// The largest pools are told, the others are added up; declared ones are told
// whatever they hold.
func TestPoolsAreBounded(t *testing.T) {
	var sessions []sessionGroup
	for i := range 60 {
		name := strings.Repeat("x", i+1)
		if i == 59 {
			name = residual
		}
		sessions = append(sessions, sessionGroup{
			activityKey: activityKey{application: name, backend: "client backend"}, name: name + "-1", count: float64(i + 1), open: 100,
		})
	}
	list := foldPools(seenPools([]Pool{{Application: "x"}}, sessions))
	var names []string
	total := 0.0
	for _, p := range list {
		names = append(names, p.application)
		total += p.connections
	}
	if len(list) != maxPools-1 || names[0] != "x" || names[len(names)-1] != residual || total != 60*61/2 {
		t.Errorf("%d pools of %v connections: %v", len(list), total, names)
	}
}

func TestLocksAreBounded(t *testing.T) {
	var list []string
	for i := range 40 {
		for _, mode := range []string{"accesssharelock", "rowexclusivelock"} {
			list = append(list, fmt.Sprintf("datname=db%d; mode=%s; count=%d", i, mode, i+1))
		}
	}
	folded := foldLocks(table("locks", "datname mode count", list...).Rows)
	total := 0.0
	for _, n := range folded {
		total += n
	}
	if len(folded) != 2*lockDatabases || total != 40*41 || folded[lockKey{residual, "accesssharelock"}] != float64((41-lockDatabases)*(42-lockDatabases)/2) {
		t.Errorf("%d series of %v locks, other: %v", len(folded), total, folded[lockKey{residual, "accesssharelock"}])
	}
}

const contentionColumns = "datname sessions longest now started deadlocks committed rolled_back"

// contended publishes a number of answers one after the other and returns what
// the last one gave.
func contended(t *testing.T, answers ...[]string) map[string]float64 {
	t.Helper()
	s := contention()
	var got map[string]float64
	for _, a := range answers {
		got = gathered(t, func(ch chan<- prometheus.Metric) { s.publish(ch, table("blocked sessions", contentionColumns, a...)) })
	}
	return got
}

func at(minute int) string {
	return "now=2026-03-31 18:" + fmt.Sprintf("%02d", minute) + ":00+00; started=2026-03-31 08:00:00+00; "
}

func TestContention(t *testing.T) {
	tests := map[string]struct {
		answers [][]string
		want    map[string]float64
	}{
		"the first look knows no past": {
			[][]string{{at(0) + "datname=prod; sessions=2; longest=31.25; deadlocks=7; committed=1000; rolled_back=10", at(0) + "datname=staging; deadlocks=0; committed=0; rolled_back=0"}},
			map[string]float64{
				"pg_blocked_sessions prod": 2, "pg_longest_blocked_seconds prod": 31.25,
				"pg_blocked_sessions staging": 0, "pg_longest_blocked_seconds staging": 0,
			},
		},
		"what happened since": {
			[][]string{{at(0) + "datname=prod; deadlocks=7; committed=1000; rolled_back=10"}, {at(1) + "datname=prod; deadlocks=9; committed=1150; rolled_back=60"}},
			map[string]float64{
				"pg_blocked_sessions prod": 0, "pg_longest_blocked_seconds prod": 0,
				"pg_recent_deadlocks prod": 2, "pg_recent_rollback_ratio prod": 0.25,
			},
		},
		"too few transactions for a ratio": {
			[][]string{{at(0) + "datname=prod; deadlocks=7; committed=1000; rolled_back=10"}, {at(1) + "datname=prod; deadlocks=7; committed=1000; rolled_back=109"}},
			map[string]float64{"pg_blocked_sessions prod": 0, "pg_longest_blocked_seconds prod": 0, "pg_recent_deadlocks prod": 0},
		},
		"what is older than five minutes is forgotten": {
			[][]string{
				{at(0) + "datname=prod; deadlocks=0; committed=0; rolled_back=0"},
				{at(1) + "datname=prod; deadlocks=5; committed=0; rolled_back=0"},
				{at(7) + "datname=prod; deadlocks=6; committed=0; rolled_back=0"},
				{at(8) + "datname=prod; deadlocks=6; committed=0; rolled_back=0"},
			},
			map[string]float64{"pg_blocked_sessions prod": 0, "pg_longest_blocked_seconds prod": 0, "pg_recent_deadlocks prod": 0},
		},
		"statistics were reset": {
			[][]string{{at(0) + "datname=prod; deadlocks=7; committed=1000; rolled_back=10"}, {at(1) + "datname=prod; deadlocks=0; committed=5; rolled_back=0"}},
			map[string]float64{"pg_blocked_sessions prod": 0, "pg_longest_blocked_seconds prod": 0},
		},
		"another server answers": {
			[][]string{
				{at(0) + "datname=prod; deadlocks=7; committed=1000; rolled_back=10"},
				{"now=2026-03-31 18:01:00+00; started=2026-03-31 17:00:00+00; datname=prod; deadlocks=90; committed=5000; rolled_back=4000"},
			},
			map[string]float64{"pg_blocked_sessions prod": 0, "pg_longest_blocked_seconds prod": 0},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, contended(t, tt.answers...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestContentionIsBounded(t *testing.T) {
	var before, after []string
	for i := range 100 {
		name := "datname=db" + strconv.Itoa(i)
		if i == 99 {
			name = "datname=other" // a database of that name is one of the others
		}
		before = append(before, at(0)+name+"; deadlocks=0; committed=0; rolled_back=0")
		after = append(after, at(1)+name+fmt.Sprintf("; sessions=%d; longest=%d; deadlocks=1; committed=100; rolled_back=0", i, i))
	}
	got := contended(t, before, after)
	waiting, deadlocks := 0.0, 0.0
	for k, v := range got {
		switch family, _, _ := strings.Cut(k, " "); family {
		case "pg_blocked_sessions":
			waiting += v
		case "pg_recent_deadlocks":
			deadlocks += v
		}
	}
	if len(got) != 4*(contentionDatabases-1) || waiting != 99*100/2 || deadlocks != 100 || got["pg_longest_blocked_seconds other"] != 99 {
		t.Errorf("%d series, %v wait, %v deadlocks, longest of the others %v", len(got), waiting, deadlocks, got["pg_longest_blocked_seconds other"])
	}
}

// gathered is what is sent, by family and label values.
func gathered(t *testing.T, send func(ch chan<- prometheus.Metric)) map[string]float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(publisher(send))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			words := []string{f.GetName()}
			for _, l := range m.GetLabel() {
				words = append(words, l.GetValue())
			}
			got[strings.Join(words, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got
}

// publisher is a function as a collector that declares nothing.
type publisher func(ch chan<- prometheus.Metric)

func (publisher) Describe(chan<- *prometheus.Desc)      {}
func (s publisher) Collect(ch chan<- prometheus.Metric) { s(ch) }

const blockingColumns = "pid blockers datname application_name backend_type state waits relation"

func TestBlocking(t *testing.T) {
	const of = "backend_type=client backend; datname=prod; "
	root := of + "pid=10; application_name=odoo-10; state=idle in transaction; waits=f"
	tests := map[string][]string{
		"blocking_nobody": {},
		"blocking_chain_of_three_behind_one_idle_in_transaction": {
			root,
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={10}; relation=1",
			of + "pid=12; application_name=odoo-12; state=active; waits=t; blockers={11}; relation=1",
			of + "pid=13; application_name=psql; state=active; waits=t; blockers={10,12}; relation=2",
		},
		// Two sessions of one application with a share lock each hold up one that
		// waits for both: it is counted once.
		"blocking_two_roots_told_alike": {
			root,
			strings.Replace(root, "pid=10", "pid=9", 1),
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={9,10}; relation=1",
		},
		"blocking_in_a_deadlock_not_found_yet": {
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={12}",
			of + "pid=12; application_name=odoo-12; state=active; waits=t; blockers={11}",
			of + "pid=13; application_name=odoo-13; state=active; waits=t; blockers={12}",
		},
		"blocking_by_a_prepared_transaction": {
			"pid=0; waits=f",
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={0}; relation=3",
		},
		"blocking_by_one_that_is_gone": {
			"pid=10",
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={10}",
		},
		// Of the session that waits but was not asked about, it is not known who
		// holds it up: it is no root.
		"blocking_by_one_not_asked_about": {
			of + "pid=10; application_name=odoo-10; state=active; waits=t",
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={10}",
		},
		"blocking_by_autovacuum": {
			"pid=10; application_name=; backend_type=autovacuum worker; datname=prod; state=active; waits=f",
			of + "pid=11; application_name=odoo-11; state=active; waits=t; blockers={10}; relation=1",
		},
	}
	names := map[int64]string{1: "account_move", 2: "res_partner"}
	for name, list := range tests {
		t.Run(name, func(t *testing.T) {
			golden(t, name, blocking(func(_ string, oid int64) string { return names[oid] }), table("blocking sessions", blockingColumns, list...))
		})
	}
}

// Ten roots are told, the sessions behind the others are counted once each.
func TestBlockingIsBounded(t *testing.T) {
	var list []waiter
	for i := range int64(40) {
		root := waiter{pid: i + 1}
		root.application = "app" + string(rune('一'+i))
		list = append(list, root, waiter{pid: 100 + i, waits: true, blockers: []int64{i + 1}})
	}
	for i := range int64(20) { // who hold up more
		list = append(list, waiter{pid: 200 + i, waits: true, blockers: []int64{i%5 + 1}})
	}
	g := newWaitGraph(list)
	counts := g.heldUp(g.roots())
	total := 0.0
	for _, n := range counts {
		total += n
	}
	if other := counts[rootKey{residual, residual, residual, residual}]; len(counts) != maxRoots+1 || total != 60 || other != 30 {
		t.Errorf("%d series of %v sessions, %v of them other, want 11 of 60 and 30", len(counts), total, other)
	}
}

// However sessions wait for one another, the graph is read in no time and the
// depth is at most the number of those who wait.
func TestWaitGraphOfAnyShape(t *testing.T) {
	next := uint32(1)
	random := func(n int) int {
		next = next*1664525 + 1013904223
		return int(next>>16) % n
	}
	for range 300 {
		n := 1 + random(50)
		list := make([]waiter, n)
		waiting := 0
		for i := range list {
			list[i].pid = int64(i)
			for range random(4) {
				list[i].blockers = append(list[i].blockers, int64(random(n+2)))
				list[i].waits = true
			}
			if list[i].waits {
				waiting++
			}
		}
		g := newWaitGraph(list)
		if d := g.depth(); d > waiting || waiting > 0 && d == 0 {
			t.Fatalf("depth %d of %d that wait: %v", d, waiting, list)
		}
		for k, held := range g.heldUp(g.roots()) {
			if held > float64(waiting) {
				t.Fatalf("%v holds up %v of %d that wait", k, held, waiting)
			}
		}
	}
}

func TestPIDs(t *testing.T) {
	for text, want := range map[string][]int64{"": nil, "{}": nil, "{4711}": {4711}, "{12,0,12,7}": {0, 7, 12}, "{x,1": {1}} {
		if got := pids(text); !slices.Equal(got, want) {
			t.Errorf("pids(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestRelations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		answers := map[string]map[int64]string{"prod": {1: "account_move"}}
		r := newRelations(time.Now, func(_ context.Context, database string, oids []int64) map[int64]string {
			for _, oid := range oids {
				asked[database+"/"+strconv.FormatInt(oid, 10)]++
			}
			return answers[database]
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.run(ctx)
		is := func(database string, oid int64, want string) {
			t.Helper()
			if got := r.name(database, oid); got != want {
				t.Errorf("name(%s, %d) = %q, want %q", database, oid, got, want)
			}
			synctest.Wait()
		}
		is("prod", 1, "") // asks
		is("prod", 1, "account_move")
		is("prod", 2, "") // has no name
		is("prod", 2, "")
		is("", 1, "") // of no database
		answers["prod"][1] = "account_move_line"
		time.Sleep(relationKept)
		is("prod", 1, "account_move")
		is("prod", 1, "account_move_line")
		if want := map[string]int{"prod/1": 2, "prod/2": 1}; !maps.Equal(asked, want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
		for oid := range int64(3 * maxRelations) {
			r.name("prod", oid)
			if oid%50 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.known) > maxRelations || len(r.wanted) > maxLookups {
			t.Errorf("%d names are kept and %d wanted", len(r.known), len(r.wanted))
		}
	})
}
