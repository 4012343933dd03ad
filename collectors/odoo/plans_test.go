package odoo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// grown are the tables that grow with the business, and how many rows each is
// given at full size. Other tables have tens of rows, as an Odoo has.
var grown = map[string]int{
	"account_move": 300_000, "account_move_line": 1_000_000, "account_bank_statement_line": 200_000, "account_payment": 100_000,
	"account_partial_reconcile": 300_000, "queue_job": 1_000_000, "mail_mail": 300_000, "mail_message": 300_000, "mail_notification": 300_000,
	"ir_attachment": 300_000, "ir_cron_progress": 60_000, "ir_cron_trigger": 60_000, "ir_logging": 100_000, "account_edi_document": 100_000,
	"account_bank_statement": 60_000, "bus_bus": 100_000,
}

// planScale is the share of full size that the tables are given: all of it with
// CLOSEWATCH_PLANS=full, and otherwise enough for the planner to choose.
func planScale() float64 {
	if os.Getenv("CLOSEWATCH_PLANS") == "full" {
		return 1
	}
	return 0.05
}

// Bounds of every statement, whatever the size of the tables.
const (
	mostScanned = 12_000 // rows looked at by one scan without an index: a queue is counted up to 10,001 jobs of a state
	mostBlocks  = 16_000 // blocks of 8 kB touched by a statement: 5,000 rows are looked up by their ids
)

// scans are the statements that may scan a table that grows, and why.
var scans = []struct {
	name, table string
	versions    []int
	why         string
}{
	{"account_bank_statement_line", "account_bank_statement_line", []int{16, 17}, "no index says which lines are unreconciled before Odoo 18; read at the slow interval"},
	{"account_bank_statement_line", "account_move", []int{16, 17}, "the journal of a line is that of its entry before Odoo 18"},
}

// TestPlans explains, with the rows it looked at, every statement that the whole
// collector sends to a database of each version with Odoo's own indexes and
// years of history. What is asked is recorded, so that no statement is left out.
func TestPlans(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			t.Parallel()
			te := newTenant(t, v)
			te.exec(jobsSQL)
			te.odooIndexes(v)
			te.fillYears()
			asked := te.everything()
			if len(asked) < 8 {
				t.Fatalf("only %d statements were recorded", len(asked))
			}
			session := pgsession.Open(pgsession.Settings{
				DSN: secret.New(te.p.DSN("reader", "postgres")), Database: te.name, StatementTimeout: time.Minute, BatchTimeout: 2 * time.Minute,
			})
			defer session.Close()
			for _, q := range asked {
				te.explain(session, v, q)
			}
		})
	}
}

// everything runs every task of the collector three times, as long as it takes
// to ask what is asked only later, and returns the statements.
func (te *tenant) everything() []pgsession.Query {
	te.t.Helper()
	s := Settings{Component: "erp", Environment: "test"}
	s.Config.SetDefaults()
	s.Config.Database, s.Config.SQL.DSN = te.name, secret.New(te.p.DSN("reader", "postgres"))
	i := New(s).(*instance)
	defer i.Close()
	r := recorder{}
	i.db.ask = r.wrap(i.db.ask)
	for _, task := range i.Tasks() {
		if _, page := task.Collector.(health); page {
			continue
		}
		for range 3 {
			if _, err := collect(te.t, task.Collector); err != nil && !strings.Contains(err.Error(), errMissing.Error()) {
				te.t.Errorf("%s: %v", task.Name, err)
			}
		}
	}
	if _, err := summarize(te.t.Context(), i.db.ask); err != nil { // as of another database of the server
		te.t.Error(err)
	}
	return r.all()
}

// jobsSQL adds what tells how jobs and scheduled actions run.
const jobsSQL = `
ALTER TABLE IF EXISTS queue_job ADD COLUMN max_retries integer, ADD COLUMN worker_pid integer;
CREATE TABLE queue_job_lock (queue_job_id integer PRIMARY KEY);
CREATE TABLE ir_cron_trigger (id serial PRIMARY KEY, cron_id integer, call_at timestamp);
CREATE TABLE ir_cron_progress (id serial PRIMARY KEY, cron_id integer NOT NULL, remaining integer, done integer, deactivate boolean, timed_out_counter integer,
	create_date timestamp, write_date timestamp);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`

// A recorder keeps what is asked, once for each text: as it was asked last.
type recorder struct {
	mu    sync.Mutex
	asked map[string]pgsession.Query
}

func (r *recorder) wrap(ask asker) asker {
	return func(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.asked == nil {
			r.asked = map[string]pgsession.Query{}
		}
		for _, q := range queries {
			r.asked[q.SQL] = q
		}
		return ask(ctx, queries...)
	}
}

func (r *recorder) all() []pgsession.Query {
	return slices.SortedFunc(maps.Values(r.asked), func(a, b pgsession.Query) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SQL, b.SQL))
	})
}

// A planNode is a node of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON).
type planNode struct {
	Type    string     `json:"Node Type"`
	Table   string     `json:"Relation Name"`
	Rows    float64    `json:"Actual Rows"`
	Removed float64    `json:"Rows Removed by Filter"`
	Loops   float64    `json:"Actual Loops"`
	Hit     float64    `json:"Shared Hit Blocks"`
	Read    float64    `json:"Shared Read Blocks"`
	Plans   []planNode `json:"Plans"`
}

func (n planNode) walk(f func(planNode)) {
	f(n)
	for _, p := range n.Plans {
		p.walk(f)
	}
}

func (te *tenant) explain(session *pgsession.Session, version int, q pgsession.Query) {
	te.t.Helper()
	r := session.Batch(te.t.Context(), pgsession.Query{Name: q.Name, SQL: "explain (analyze, timing off, buffers, format json) " + q.SQL, Args: q.Args})[0]
	var plans []struct{ Plan planNode }
	if r.Err == nil {
		r.Err = json.Unmarshal([]byte(r.First().String("QUERY PLAN")), &plans)
	}
	if r.Err != nil || len(plans) != 1 {
		te.t.Errorf("%s: %v\n%s", q.Name, r.Err, q.SQL)
		return
	}
	excused := false
	plans[0].Plan.walk(func(n planNode) {
		looked := (n.Rows + n.Removed) * max(n.Loops, 1)
		if n.Type != "Seq Scan" || looked <= mostScanned*min(1, 3*planScale()) {
			return
		}
		for _, s := range scans {
			if s.name == q.Name && s.table == n.Table && slices.Contains(s.versions, version) {
				excused = true
				return
			}
		}
		te.t.Errorf("%s: looks at %.0f rows of %s without an index\n%s", q.Name, looked, n.Table, q.SQL)
	})
	if blocks := plans[0].Plan.Hit + plans[0].Plan.Read; blocks > mostBlocks && !excused {
		te.t.Errorf("%s: touches %.0f blocks, more than %d\n%s", q.Name, blocks, mostBlocks, q.SQL)
	}
}

// odooIndexes makes the indexes of a version that the schema lacks, as far as
// it has their columns, and finds those that Odoo does not have.
func (te *tenant) odooIndexes(version int) {
	te.t.Helper()
	list, err := os.ReadFile("testdata/indexes.txt")
	if err != nil {
		te.t.Fatal(err)
	}
	odoo, tables := map[string]string{}, map[string]bool{}
	section := ""
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if s, heading := strings.CutPrefix(line, "== "); heading {
			section = s
			continue
		}
		table, definition, ok := strings.Cut(line, "|")
		kind, rest, found := strings.Cut(definition, "INDEX ")
		name, on, _ := strings.Cut(rest, " ")
		if !ok || !found || section != strconv.Itoa(version) {
			continue
		}
		tables[table] = true
		odoo[name] = fmt.Sprintf("CREATE %sINDEX IF NOT EXISTS %s ON %s USING %s", kind, name, table, on)
	}
	if len(odoo) == 0 {
		te.t.Fatalf("no indexes of Odoo %d in testdata/indexes.txt", version)
	}
	for _, name := range slices.Sorted(maps.Keys(odoo)) {
		te.exec(`DO $do$ BEGIN ` + odoo[name] + `; EXCEPTION WHEN undefined_table OR undefined_column THEN NULL; END $do$`)
	}
	for _, index := range te.rows(`SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public'`) {
		if _, known := odoo[index[1]]; tables[index[0]] && !known {
			te.t.Errorf("Odoo %d has no index %s on %s: the test would prove nothing", version, index[1], index[0])
		}
	}
}

// rows reads as the superuser.
func (te *tenant) rows(sql string) [][]string {
	te.t.Helper()
	session := pgsession.Open(pgsession.Settings{DSN: secret.New(te.p.DSN("postgres", "postgres")), Database: te.name})
	defer session.Close()
	r := session.Batch(te.t.Context(), pgsession.Query{Name: "rows", SQL: sql})[0]
	if r.Err != nil {
		te.t.Fatal(r.Err)
	}
	var rows [][]string
	for _, row := range r.Rows {
		var values []string
		for _, c := range r.Columns {
			values = append(values, row.String(c))
		}
		rows = append(rows, values)
	}
	return rows
}

// history writes values as years of work leave them, by table.column or by
// column: i is the number of the row, n of how many. Columns without one are
// NULL where they may be, and otherwise something of their type.
var history = map[string]string{
	"id": "i", "active": "true", "company_id": "1 + i % 2", "journal_id": "1 + i % 20", "move_id": "i", "account_id": "1 + i % 400",
	"date": "current_date - (n - i) / (n / 1200 + 1)", "invoice_date": "current_date - (n - i) / (n / 1200 + 1)",
	"create_date": "now() at time zone 'utc' - make_interval(mins => ((n - i)::float * 1700000 / n)::int)",
	"write_date":  "now() at time zone 'utc' - make_interval(mins => ((n - i)::float * 1700000 / n)::int)",

	"account_move.name": "'M/' || i", "account_move.journal_id": "1 + i / 500 % 20", "account_move.sequence_prefix": "'M/' || i / 500 || '/'", "account_move.sequence_number": "i % 500",
	"account_move.state":             "case when i % 400 = 0 then 'draft' when i % 1000 = 3 then 'cancel' else 'posted' end",
	"account_move.move_type":         "case i % 4 when 0 then 'entry' when 1 then 'out_invoice' when 2 then 'in_invoice' else 'out_refund' end",
	"account_move.auto_post":         "case when i % 4000 = 0 then 'at_date' else 'no' end",
	"account_move.payment_state":     "case i % 5 when 0 then 'not_paid' else 'paid' end",
	"account_move.posted_before":     "i % 400 <> 0",
	"account_move.checked":           "i % 300 <> 0",
	"account_move.to_check":          "i % 300 = 0",
	"account_move.made_sequence_gap": "i % 20000 = 7",
	"account_move.inalterable_hash":  "case when i % 20 = 4 then md5(i::text) end",
	"account_move.is_move_sent":      "i % 4 = 1",

	"account_move_line.parent_state": "case when i % 400 = 0 then 'draft' else 'posted' end", "account_move_line.display_type": "'product'",
	"account_move_line.move_id": "1 + i / 4", "account_move_line.reconciled": "i % 4 <> 0", "account_move_line.balance": "i % 100 - 50",

	"account_bank_statement_line.is_reconciled":  "i % 250 <> 0",
	"account_bank_statement_line.internal_index": "to_char(current_date - (n - i) / (n / 1200 + 1), 'YYYYMMDD') || lpad(i::text, 20, '0')",
	"account_bank_statement_line.statement_id":   "case when i % 250 <> 0 then i / 30 + 1 end", "account_bank_statement_line.amount": "i % 900",

	"account_payment.state": "case when i % 100 = 0 then 'in_process' else 'paid' end", "account_payment.is_matched": "i % 100 <> 0",
	"account_payment.payment_type": "case i % 2 when 0 then 'inbound' else 'outbound' end",

	"account_edi_document.edi_format_id": "1 + i % 40", "account_edi_document.state": "case when i % 2000 = 0 then 'to_send' else 'sent' end",

	"queue_job.uuid":  "md5(i::text)",
	"queue_job.state": "case when i % 10000 = 0 then 'pending' when i % 10000 = 1 then 'failed' when i % 50000 = 2 then 'started' when i % 50000 = 3 then 'enqueued' else 'done' end", "queue_job.channel": "'root.c' || i % 5",
	"queue_job.date_created": "now() at time zone 'utc' - make_interval(secs => n - i)", "queue_job.date_enqueued": "now() at time zone 'utc' - make_interval(secs => n - i)",
	"queue_job.date_started": "now() at time zone 'utc' - make_interval(secs => n - i)", "queue_job.date_done": "now() at time zone 'utc' - make_interval(secs => n - i)",

	"mail_mail.state": "case when i % 5000 = 0 then 'exception' when i % 5000 = 1 then 'outgoing' else 'sent' end", "mail_mail.mail_message_id": "i",
	"mail_message.model": "case i % 3 when 0 then 'account.move' else 'res.partner' end", "mail_message.res_id": "1 + i / 10", "mail_notification.res_partner_id": "i % 900",
	"mail_notification.notification_status": "case when i % 5000 = 0 then 'exception' else 'sent' end", "mail_notification.mail_message_id": "i",
	"ir_attachment.store_fname": "substr(md5(i::text), 1, 2) || '/' || md5(i::text)", "ir_attachment.file_size": "i % 90000", "ir_attachment.type": "'binary'",
	"ir_attachment.res_model": "case i % 3 when 0 then 'account.move' when 1 then 'mail.compose.message' else 'product.template' end", "ir_attachment.res_id": "i",
	"ir_cron.nextcall": "now() at time zone 'utc' + interval '1 hour'", "ir_cron.interval_type": "'days'", "ir_cron.interval_number": "1",
	"ir_cron_progress.cron_id": "1 + i % 40", "ir_cron_trigger.cron_id": "1 + i % 40", "ir_cron_trigger.call_at": "now() at time zone 'utc' + make_interval(mins => i)",
	"account_journal.type": "case when i <= 10 then 'bank' else 'sale' end", "account_journal.code": "'J' || i", "account_journal.company_id": "1 + i % 2",
}

// fillYears gives every table of the tenant years of history.
func (te *tenant) fillYears() {
	te.t.Helper()
	te.exec(`SET client_min_messages = error; ALTER DATABASE ` + te.name + ` SET synchronous_commit = off`)
	byTable := map[string][][]string{}
	for _, c := range te.rows(`SELECT c.table_name, c.column_name, c.data_type, c.is_nullable, coalesce(c.column_default, '') FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`) {
		byTable[c[0]] = append(byTable[c[0]], c[1:])
	}
	indexes := te.rows(`SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	for _, index := range indexes { // made at once they cost a fraction
		te.exec(`DROP INDEX ` + index[1])
	}
	for _, table := range slices.Sorted(maps.Keys(byTable)) {
		n := 40
		if full, grows := grown[table]; grows {
			n = int(float64(full) * planScale())
		}
		var columns, values []string
		for _, c := range byTable[table] {
			value := cmp.Or(history[table+"."+c[0]], history[c[0]])
			if value == "" && c[2] == "YES" {
				continue
			}
			if strings.HasPrefix(c[1], "json") && value == "" {
				value = `'{"en_US": "x"}'`
			}
			columns, values = append(columns, c[0]), append(values, "("+cmp.Or(value, somethingOf[c[1]], "'x' || i")+")::"+c[1])
		}
		te.exec(`ALTER TABLE %s SET UNLOGGED; INSERT INTO %s (%s) SELECT %s FROM (SELECT i, %d AS n FROM generate_series(1, %d) AS i) AS rows ON CONFLICT DO NOTHING`,
			table, table, strings.Join(columns, ", "), strings.Join(values, ", "), n, n)
		for _, index := range indexes {
			if index[0] == table {
				te.exec(index[2])
			}
		}
		te.exec(`VACUUM ANALYZE ` + table)
	}
}

// somethingOf are values for columns that must have one.
var somethingOf = map[string]string{
	"integer": "i", "bigint": "i", "numeric": "i", "double precision": "i", "boolean": "i % 2 = 0",
	"date": "current_date", "timestamp without time zone": "now() at time zone 'utc'",
}
