package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/collectors/postgres/attribution"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// An imagined server has pg_stat_statements as a version has it.
type imagined struct {
	name     string
	columns  string // of the extension
	schema   string
	at       time.Time
	reset    string
	role     string
	sees     string
	timed    string
	entries  []used
	texts    map[string]string
	asked    []string // names of queries
	ids      []string // whose texts were asked for
	failText error
	unloaded bool
}

// A used is an entry; its counters are multiples of calls.
type used struct {
	user, database string
	query          int64
	calls, seconds float64
	fresh          bool
}

const (
	version13 = "calls total_exec_time rows shared_blks_hit shared_blks_read temp_blks_written blk_read_time blk_write_time wal_bytes"
	version15 = version13 + " toplevel"
	version18 = "toplevel calls total_exec_time rows shared_blks_hit shared_blks_read temp_blks_written shared_blk_read_time shared_blk_write_time wal_bytes stats_since"
)

func imagine() *imagined {
	return &imagined{
		name: "db:5432", columns: version15, schema: "public", at: march31, reset: "2026-03-01 00:00:00+00",
		role: "closewatch", sees: "t", timed: "t", texts: map[string]string{},
	}
}

func (i *imagined) face() (string, asker) { return i.name, i.ask }

func (i *imagined) ask(_ context.Context, queries ...pgsession.Query) pgsession.Results {
	var answers pgsession.Results
	for _, q := range queries {
		i.asked = append(i.asked, q.Name)
		switch q.Name {
		case "the extension pg_stat_statements":
			info := "f"
			if strings.Contains(i.columns, "toplevel") {
				info = "t"
			}
			schema, columns := i.schema, i.columns
			if schema == "" {
				schema, columns = "∅", "∅"
			}
			answers = append(answers, rows(q.Name, []string{"role", "database", "at", "sees", "timed", "schema", "columns", "info"},
				[]string{i.role, "prod", i.at.Format(time.RFC3339Nano), i.sees, i.timed, schema, columns, info}))
		case "evictions of statements":
			info := []string{"7", i.reset}
			if !strings.Contains(i.columns, "toplevel") {
				info = []string{"∅", "∅"}
			}
			answers = append(answers, rows(q.Name, []string{"dealloc", "stats_reset"}, info))
		case "statements":
			if i.unloaded {
				answers = append(answers, pgsession.Result{Name: q.Name, Err: &fault.Error{Op: "read", Kind: fault.Rejected, Err: errors.New("must be loaded")}})
				continue
			}
			answers = append(answers, i.answer(q.Name))
		case "texts of statements":
			i.ids = q.Args[0].([]string)
			var list [][]string
			for _, id := range i.ids {
				if text, ok := i.texts[id]; ok {
					list = append(list, []string{id, text})
				}
			}
			r := rows(q.Name, []string{"queryid", "text"}, list...)
			r.Err = i.failText
			answers = append(answers, r)
		}
	}
	return answers
}

func (i *imagined) answer(name string) pgsession.Result {
	s := source{columns: strings.Fields(i.columns)}
	var list [][]string
	for _, e := range i.entries {
		var counters []string
		for n, column := range s.names() {
			v := float64(n+1) * e.calls
			switch column {
			case "":
				continue
			case "calls":
				v = e.calls
			case "total_exec_time":
				v = 1000 * e.seconds
			case "blk_read_time", "shared_blk_read_time":
				v = 250 * e.calls
			case "blk_write_time", "shared_blk_write_time":
				v = 125 * e.calls
			}
			counters = append(counters, strconv.FormatFloat(v, 'g', -1, 64))
		}
		list = append(list, []string{
			oidOf(e.user) + " " + oidOf(e.database) + " " + strconv.FormatInt(e.query, 10),
			cmp.Or(e.user, "∅"), e.database, strings.Join(counters, " "), strconv.FormatBool(e.fresh)[:1],
		})
	}
	return rows(name, []string{"entry", "rolname", "datname", "counters", "fresh"}, list...)
}

func oidOf(name string) string {
	n := 0
	for _, r := range name {
		n = n*31 + int(r)
	}
	return strconv.Itoa(n % 1e9)
}

// pass lets five minutes go by on the server.
func (i *imagined) pass() { i.at = i.at.Add(5 * time.Minute) }

// collected is what a collector publishes, by name and the values of its labels.
func collected(t *testing.T, s *Statements) (map[string]float64, error) {
	t.Helper()
	ch := make(chan prometheus.Metric)
	done := make(chan error, 1)
	go func() { done <- s.Collect(t.Context(), ch); close(ch) }()
	got := map[string]float64{}
	for m := range ch {
		name, value, labels := written(t, m)
		got[name+labels] = value
	}
	return got, <-done
}

// written is a metric's name, value and the values of its labels.
func written(t *testing.T, m prometheus.Metric) (name string, value float64, labels string) {
	t.Helper()
	var d dto.Metric
	must(t, m.Write(&d))
	_, rest, _ := strings.Cut(m.Desc().String(), `fqName: "`)
	name, _, _ = strings.Cut(rest, `"`)
	for _, l := range d.GetLabel() {
		labels += " " + l.GetValue()
	}
	return name, d.GetGauge().GetValue() + d.GetCounter().GetValue(), labels
}

func TestStatements(t *testing.T) {
	invoice := `SELECT "account_move"."id" FROM "account_move" LEFT JOIN "res_partner" AS p ON p.id = partner_id WHERE "name" = $1`
	tests := map[string]struct {
		change func(*imagined)
		kind   fault.Kind
	}{
		"statements":                        {func(*imagined) {}, ""},
		"statements_of_version_13":          {func(i *imagined) { i.columns = version13 }, ""},
		"statements_of_version_18":          {func(i *imagined) { i.columns = version18 }, ""},
		"statements_without_io_timing":      {func(i *imagined) { i.timed = "f" }, ""},
		"statements_without_texts":          {func(i *imagined) { i.failText = &fault.Error{Op: "read texts", Kind: fault.Timeout} }, fault.Timeout},
		"statements_without_extension":      {func(i *imagined) { i.schema = "" }, fault.Schema},
		"statements_without_library":        {func(i *imagined) { i.unloaded = true }, fault.Schema},
		"statements_hidden_from_our_role":   {func(i *imagined) { i.sees = "f" }, ""},
		"statements_of_what_was_dropped":    {func(i *imagined) { i.entries = append(i.entries, used{"", "∅", 9, 50, 5, false}) }, ""},
		"statements_of_a_database_of_bytes": {func(i *imagined) { i.entries = append(i.entries, used{"odoo", "caf\xe9", 9, 50, 5, false}) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i := imagine()
			i.entries = []used{
				{"odoo", "prod", 1, 100, 10, false},
				{"odoo", "prod", 2, 100, 20, false},
				{"bob", "prod", 1, 100, 1, false},
				{"closewatch", "prod", 3, 100, 1, false},
			}
			i.texts = map[string]string{"1": invoice, "2": "COMMIT"}
			s := newStatements(i.face)
			tt.change(i)
			broken := i.failText
			i.failText = nil
			first, _ := collected(t, s)
			if len(first) > 1 && first["pg_stat_statements_calls_total prod 1 odoo"] != 0 {
				t.Errorf("what was there before counts: %v", first)
			}
			s.reported, i.failText = "", broken
			i.pass()
			for n := range i.entries {
				i.entries[n].calls += 10
				i.entries[n].seconds++
			}
			if broken != nil {
				i.entries = append(i.entries, used{"odoo", "prod", 4, 10, 1, false})
			}
			err := collectortest.Golden(t, s, name)
			if fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v, want kind %q", err, tt.kind)
			}
		})
	}
}

// What a server lacks is a finding once, and one again when it came back in
// between. What was executed meanwhile counts when it can be read.
func TestStatementsUnavailable(t *testing.T) {
	const missing = "read pg_stat_statements: database prod does not have the extension " +
		"(CREATE EXTENSION pg_stat_statements in database prod, or name a database that has it in the connection string)"
	i := imagine()
	i.entries = []used{{"odoo", "prod", 1, 100, 10, false}}
	s := newStatements(i.face)
	for n, step := range []struct {
		schema, says string
		calls        float64
	}{
		{"", missing, 0},
		{"", "", 0},
		{"public", "", 0},
		{"", missing, 0},
		{"public", "", 10},
	} {
		i.schema = step.schema
		got, err := collected(t, s)
		if says := fmt.Sprint(err); says != cmp.Or(step.says, "<nil>") {
			t.Errorf("step %d: got  %s\nwant %s", n, says, step.says)
		}
		if available := got["pg_stat_statements_available"]; available != number(step.schema != "") {
			t.Errorf("step %d: available = %v", n, available)
		}
		if calls := got["pg_stat_statements_calls_total prod 1 odoo"]; calls != step.calls {
			t.Errorf("step %d: %v calls, want %v", n, calls, step.calls)
		}
		i.pass()
		i.entries[0].calls += 5
		i.entries[0].seconds++
	}
}

func TestStatementGains(t *testing.T) {
	earlier := march31.Add(-time.Hour)
	old := used{"odoo", "prod", 77, 100, 50, false}
	now := func(calls float64) used { return used{"odoo", "prod", 77, calls, calls / 2, false} }
	again := now(150)
	again.fresh = true
	tests := map[string]struct {
		before, now reading
		old         []used
		row         used
		want        float64 // calls
	}{
		"executed since":                            {reading{at: march31}, reading{}, []used{old}, now(103), 3},
		"not executed since":                        {reading{at: march31}, reading{}, []used{old}, now(100), 0},
		"new":                                       {reading{at: march31}, reading{}, []used{}, now(5), 5},
		"the first reading":                         {reading{}, reading{}, nil, now(5), 0},
		"evicted and back":                          {reading{at: march31}, reading{}, []used{old}, now(2), 2},
		"all reset, and more since":                 {reading{at: march31, reset: earlier}, reading{reset: march31.Add(time.Minute)}, []used{old}, now(150), 150},
		"one reset, and more since":                 {reading{at: march31}, reading{}, []used{old}, again, 150},
		"a restart with counters kept":              {reading{at: march31, reset: earlier}, reading{reset: earlier}, []used{old}, now(101), 1},
		"a failover to a standby":                   {reading{at: march31, server: "a"}, reading{server: "b"}, []used{old}, now(5000), 0},
		"a failover behind one address":             {reading{at: march31, reset: earlier}, reading{reset: earlier.Add(-time.Hour)}, []used{old}, now(5000), 0},
		"a failover, a statement not known":         {reading{at: march31, server: "a"}, reading{server: "b"}, []used{}, now(5000), 0},
		"came in from beyond the bound":             {reading{at: march31, cut: true}, reading{}, []used{}, now(5000), 0},
		"known to be new though there are too many": {reading{at: march31, cut: true}, reading{}, []used{}, again, 150},
		"all reset when there were too many":        {reading{at: march31, cut: true, reset: earlier}, reading{reset: march31.Add(time.Minute)}, []used{}, now(5), 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i := imagine()
			i.columns = version18
			s := source{role: "closewatch", columns: strings.Fields(version18)}
			before := tt.before
			if tt.old != nil {
				i.entries = tt.old
				cut := before.cut
				before.read(i.answer("statements"), s, reading{})
				before.cut = cut
			}
			i.entries = []used{tt.row}
			now := tt.now
			now.at = march31.Add(5 * time.Minute)
			gains, own := now.read(i.answer("statements"), s, before)
			got := gains[statement{"odoo", "prod", "77"}]
			if got.counts[callsAt] != tt.want || own != (gain{}) {
				t.Errorf("gained %v calls (own %v), want %v", got.counts[callsAt], own.counts[callsAt], tt.want)
			}
			if got.weight < 0 || math.IsNaN(got.weight) {
				t.Errorf("weighs %v", got.weight)
			}
		})
	}
}

// Whoever enters or leaves the top, what all series together gain is what was
// executed, and no series jumps.
func TestStatementsAddUp(t *testing.T) {
	i := imagine()
	s := newStatements(i.face)
	const queries = 60
	for q := range queries {
		i.entries = append(i.entries, used{"odoo", "db" + strconv.Itoa(q%20), int64(q), 1000, float64(q), false})
		i.texts[strconv.Itoa(q)] = [...]string{"SELECT 1 FROM account_move", "SELECT 1 FROM hr_payslip", "SELECT 1"}[q%3]
	}
	before, err := collected(t, s)
	must(t, err)
	turnover := 0
	for round := range 40 {
		i.pass()
		executed := 0.0
		for n := range i.entries {
			c := float64((n*7+round*13)%11 + 1)
			i.entries[n].calls += c
			i.entries[n].seconds += c
			if (n+round)%30 < 3 { // in turn, some are heavy for a while
				i.entries[n].seconds += 1000 * float64(1+n%5)
			}
			executed += c
		}
		after, err := collected(t, s)
		must(t, err)
		for _, family := range []string{"pg_stat_statements_calls_total", "pg_process_statement_calls_total"} {
			gained := 0.0
			for k, v := range after {
				if !strings.HasPrefix(k, family+" ") {
					continue
				}
				was, there := before[k]
				switch {
				case !there && v != 0 && !strings.Contains(k, "other"):
					t.Errorf("round %d: %s begins at %v", round, k, v)
				case !there && v == 0:
					turnover++
				case v < was:
					t.Errorf("round %d: %s fell from %v to %v", round, k, was, v)
				}
				gained += v - was
			}
			if gained != executed {
				t.Errorf("round %d: %s gained %v, executed were %v", round, family, gained, executed)
			}
		}
		before = after
	}
	if turnover == 0 || turnover > 200 {
		t.Errorf("%d series came new in 40 rounds: the top does not follow, or is not stable", turnover)
	}
}

// However many users, databases and statements there are, the task keeps to
// its share of the series.
func TestStatementsAreBounded(t *testing.T) {
	i := imagine()
	s := newStatements(i.face)
	for q := range maxEntries {
		i.entries = append(i.entries, used{"user" + strconv.Itoa(q%300), "db" + strconv.Itoa(q%200), int64(q), 1, float64(q), false})
		tables := processTables()
		i.texts[strconv.Itoa(q)] = "SELECT 1 FROM " + tables[q%len(tables)]
	}
	for range 3 {
		for n := range i.entries {
			i.entries[n].calls++
			i.entries[n].seconds++
		}
		i.pass()
		got, err := collected(t, s)
		must(t, err)
		if len(got) > shares["statements"] {
			t.Fatalf("%d series, the share is %d", len(got), shares["statements"])
		}
		if len(i.ids) != maxTexts || len(s.top.weights) > topStatements*(rankingCandidates+1) {
			t.Fatalf("%d texts read, %d weighed", len(i.ids), len(s.top.weights))
		}
	}
}

// Of the texts of statements that are gone, no more is kept than a server has
// statements.
func TestStatementsForgetTexts(t *testing.T) {
	s := newStatements(imagine().face)
	for id := range 2*maxEntries + 1 {
		s.told[strconv.Itoa(id)] = attribution.Statement{}
	}
	s.forget(reading{entries: map[string]string{"10 5 7": "", "10 5 -1": ""}})
	if _, kept := s.told["7"]; !kept || len(s.told) != 1 {
		t.Errorf("%d texts are kept, want that of statement 7", len(s.told))
	}
}

func processTables() []string {
	return strings.Fields("account_move account_payment account_partial_reconcile hr_payslip stock_valuation_layer purchase_order " +
		"sale_order account_edi_document account_asset account_report account_return account_online_link account_payment_order res_users")
}

// A database called other is among the others, not a series twice.
func TestStatementsOfADatabaseCalledOther(t *testing.T) {
	i := imagine()
	i.entries = []used{{"other", "other", 1, 1, 1, false}, {"odoo", "prod", 2, 1, 1, false}}
	s := newStatements(i.face)
	for range 2 {
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(plainCollector{t.Context(), s})
		if _, err := reg.Gather(); err != nil {
			t.Fatal(err)
		}
		i.pass()
		i.entries[0].calls++
	}
	got, err := collected(t, s)
	must(t, err)
	if got["pg_process_statement_calls_total other other"] != 2 {
		t.Errorf("got %v", got)
	}
}

// Texts are read while they matter only.
func TestTextsAreReadWhenTheyMatter(t *testing.T) {
	i := imagine()
	i.entries = []used{{"odoo", "prod", 1, 1, 1000, false}}
	s := newStatements(i.face)
	read := func() []string {
		i.ids = nil
		i.pass()
		_, err := collected(t, s)
		must(t, err)
		return i.ids
	}
	if ids := read(); len(ids) != 1 {
		t.Errorf("texts %v were read first, want that of the one statement", ids)
	}
	for q := range 2 * topStatements {
		i.entries = append(i.entries, used{"odoo", "prod", int64(100 + q), 1, 1, false})
	}
	i.entries[0].seconds += 1000
	if ids := read(); len(ids) != 2*topStatements {
		t.Errorf("texts of %d statements were read, want those of all new", len(ids))
	}
	i.entries[0].seconds += 1000
	i.entries = append(i.entries, used{"odoo", "prod", 900, 1, 0.5, false})
	if ids := read(); ids != nil {
		t.Errorf("texts %v were read for one part in two thousand", ids)
	}
}

func TestRanking(t *testing.T) {
	r := newRanking(2, strings.Compare)
	var rest counts
	step := func(elapsed time.Duration, seconds map[string]float64) string {
		gains := map[string]gain{}
		for k, v := range seconds {
			gains[k] = gain{counts{secondsAt: v}, v}
		}
		r.add(gains, elapsed, func(_ string, c counts) { rest.add(c) })
		var members []string
		for _, k := range []string{"a", "b", "c", "d"} {
			if r.members[k] != nil {
				members = append(members, fmt.Sprintf("%s%v", k, r.members[k][secondsAt]))
			}
		}
		return strings.Join(append(members, fmt.Sprint(rest[secondsAt])), " ")
	}
	for _, tt := range []struct {
		says    string
		elapsed time.Duration
		seconds map[string]float64
		want    string // members with their counters, and what the rest has
	}{
		{"who enters starts at zero", 0, map[string]float64{"a": 10, "b": 8, "c": 5}, "a0 b0 23"},
		{"members count for themselves", 0, map[string]float64{"a": 10, "b": 2, "c": 4}, "a10 b2 27"},
		{"a little more is not enough", 0, map[string]float64{"c": 5}, "a10 b2 32"},
		{"half as much again is", 0, map[string]float64{"c": 2}, "a10 c0 34"},
		{"what is long ago counts no more", 24 * time.Hour, map[string]float64{"b": 1, "d": 1}, "b0 d0 36"},
		{"a clock set back adds no weight", -10 * time.Hour, map[string]float64{"b": 1, "c": 2}, "b1 c0 38"},
	} {
		if got := step(tt.elapsed, tt.seconds); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.says, got, tt.want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type plainCollector struct {
	ctx context.Context
	*Statements
}

func (c plainCollector) Collect(ch chan<- prometheus.Metric) {
	_ = c.Statements.Collect(c.ctx, ch)
}
