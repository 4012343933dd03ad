package odoo

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

// newBooks makes a database with the tables of the books of one version, as the
// role we ship sees it: two companies that are known by name, each with a sale, a
// purchase, a general, a bank and a cash journal (11 to 15, 21 to 25), and the
// action that posts drafts, which ran a minute ago.
func newBooks(t *testing.T, version int) *tenant {
	t.Helper()
	te := makeTenant(t, version, `
		INSERT INTO res_company (id) VALUES (1), (2);
		INSERT INTO account_journal (id, code, type, company_id, active)
		SELECT 10 * c + n, code, type, c, true FROM generate_series(1, 2) c, (VALUES (1, 'INV', 'sale'), (2, 'BILL', 'purchase'), (3, 'MISC', 'general'), (4, 'BNK1', 'bank'), (5, 'CSH1', 'cash')) AS j (n, code, type);
		INSERT INTO ir_cron (id, interval_number, interval_type, active, nextcall, lastcall)
			VALUES (4, 1, 'days', true, (now() at time zone 'utc') + interval '1 day', (now() at time zone 'utc') - interval '1 minute');
		INSERT INTO ir_model_data (module, name, res_id) VALUES ('account', 'ir_cron_auto_post_draft_entry', 4);`)
	var grants strings.Builder
	for _, table := range slices.Sorted(maps.Keys(wanted)) {
		fmt.Fprintf(&grants, `
			SELECT string_agg(attname, ', ') INTO list FROM pg_attribute WHERE attrelid = to_regclass('%[1]s') AND attname IN ('%[2]s');
			IF list IS NOT NULL THEN EXECUTE format('GRANT SELECT (%%s) ON %[1]s TO reader', list); END IF;`, table, strings.Join(wanted[table], "', '"))
	}
	te.exec("DO $$ DECLARE list text; BEGIN" + grants.String() + " END $$")
	te.db.now = func() time.Time { return te.now }
	return te
}

// entry adds an entry to the sale journal of acme-uk. Days are counted from today
// in UTC.
func (te *tenant) entry(state string, daysAgo, number int, more ...string) {
	te.t.Helper()
	columns, values := "", ""
	for _, usual := range [][2]string{{"auto_post", "'no'"}, {"move_type", "'entry'"}} {
		if !slices.Contains(more, usual[0]) {
			more = append(more, usual[0], usual[1])
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		columns, values = columns+", "+more[i], values+", "+more[i+1]
	}
	te.exec(`INSERT INTO account_move (journal_id, company_id, state, date, sequence_prefix, sequence_number, name%[4]s)
		SELECT id, company_id, '%[1]s', (now() at time zone 'utc')::date - %[2]d, code || '/', %[3]d, CASE WHEN %[3]d > 0 THEN code || '/' || %[3]d ELSE '/' END%[5]s
		FROM account_journal WHERE id = 11`, state, daysAgo, number, columns, values)
}

// bad are the readings of a collector's metrics that are not ok, as
// "signal labels state", after they have lasted for longer than any hold.
func bad(t *testing.T, c collector.Collector) []string {
	t.Helper()
	o := &once{Collector: c, ctx: t.Context()}
	reg := prometheus.NewRegistry()
	reg.MustRegister(o)
	families, err := reg.Gather()
	if err != nil || o.err != nil {
		t.Fatal(err, o.err)
	}
	evaluator, err := signal.NewEvaluator(Signals())
	if err != nil {
		t.Fatal(err)
	}
	var readings []signal.Reading
	for day := range 3 {
		at := time.Date(2026, 11, 25+day, 12, 0, 0, 0, time.UTC)
		readings = evaluator.Evaluate(at, collector.AppendSamples(nil, families, at))
	}
	var out []string
	for _, r := range readings {
		if r.State >= signal.Warning {
			words := []string{r.Signal}
			for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
				words = append(words, r.Labels[name])
			}
			out = append(out, strings.Join(append(words, r.State.String()), " "))
		}
	}
	return out
}

// kept are books and hashes that remember in a directory.
func (te *tenant) controls() map[string]collector.Collector {
	return map[string]collector.Collector{"ledger": newLedger(te.db, keeper{}), "controls": newControls(te.db), "hashes": newHashes(te.db, keeper{})}
}

// findings are the bad readings of all that looks at the books.
func (te *tenant) findings() []string {
	te.t.Helper()
	var out []string
	for _, name := range []string{"ledger", "controls", "hashes"} {
		out = append(out, bad(te.t, te.controls()[name])...)
	}
	return out
}

const utcDay = "(now() at time zone 'utc')::date"

// fillMonths posts documents without a gap that start at a number of their own,
// drafts of all kinds, and bank lines of which few wait.
func (te *tenant) fillMonths(v int) {
	te.t.Helper()
	te.exec(`INSERT INTO account_move (journal_id, company_id, state, move_type, auto_post, date, sequence_prefix, sequence_number, name, create_date, write_date)
		SELECT j.id, j.company_id, 'posted', 'out_invoice', 'no', %s - 60 + i, code || '/', 500 + i, code || '/' || i, now() - interval '1 day', now() - interval '1 day'
		FROM account_journal j, generate_series(1, 60) i WHERE type <> 'bank'`, utcDay)
	te.exec(`UPDATE account_move SET state = 'cancel' WHERE sequence_number = 530; UPDATE account_move SET state = 'draft' WHERE sequence_number = 540`)
	te.entry("draft", 70, 0)                                                                                         // forgotten, nothing is locked
	te.entry("draft", -30, 0, "auto_post", "'monthly'", "create_date", "'2020-01-01'", "write_date", "'2020-01-01'") // posts next month
	te.exec(`DELETE FROM account_move WHERE journal_id = 15 AND sequence_number = 520`)                              // cash, not a document
	te.exec(`DELETE FROM account_move WHERE journal_id = 11 AND sequence_number = 510`)                              // 50 days ago, known since
	if v >= 18 {
		te.exec(`UPDATE account_move SET made_sequence_gap = true WHERE sequence_number IN (511, 531, 541, 501)`)
	}
	te.statement(14, 3, true, "a")
	te.statement(14, 2, true, "b")
	te.statement(14, 0, false, "c") // being entered
	te.lines(v, 14, 40, 50, true)
	te.lines(v, 14, 1, 3, false)
	te.payments(v, 14, 20, 30, true)
	te.payments(v, 14, 12, 5, false)  // five cheques nobody has cashed
	te.payments(v, 24, 30, 50, false) // nobody matches payments in this company
}

// statement adds one with a file, made at an instant of its own.
func (te *tenant) statement(journal, daysAgo int, complete bool, checksum string) {
	te.t.Helper()
	te.exec(`WITH s AS (INSERT INTO account_bank_statement (journal_id, date, is_complete) VALUES (%d, %s - %d, %v) RETURNING id)
		INSERT INTO ir_attachment (res_model, res_id, checksum, create_date) SELECT 'account.bank.statement', id, '%s', clock_timestamp() at time zone 'utc' - interval '1 hour' * id FROM s`, journal, utcDay, daysAgo, complete, checksum)
}

// lines adds bank lines of one day.
func (te *tenant) lines(v, journal, daysAgo, n int, reconciled bool) {
	te.t.Helper()
	own, ownValues := "", ""
	if v >= 18 {
		own, ownValues = ", journal_id, company_id", ", m.journal_id, m.company_id"
	}
	te.exec(`WITH m AS (
			INSERT INTO account_move (journal_id, company_id, state, move_type, auto_post, date, name)
			SELECT j.id, j.company_id, 'posted', 'entry', 'no', %[4]s - %[2]d, '/' FROM account_journal j, generate_series(1, %[3]d) i WHERE j.id = %[1]d RETURNING id, journal_id, company_id, date)
		INSERT INTO account_bank_statement_line (move_id, is_reconciled, internal_index%[6]s)
		SELECT m.id, %[5]v, to_char(m.date, 'YYYYMMDD') || '2147483647' || lpad(m.id::text, 10, '0')%[7]s FROM m`, journal, daysAgo, n, utcDay, reconciled, own, ownValues)
}

// payments adds posted payments of one day.
func (te *tenant) payments(v, journal, daysAgo, n int, matched bool) {
	te.t.Helper()
	if v >= 18 {
		te.exec(`INSERT INTO account_payment (journal_id, company_id, state, date, is_matched, create_date)
			SELECT j.id, j.company_id, CASE WHEN %[5]v THEN 'paid' ELSE 'in_process' END, %[4]s - %[2]d, %[5]v, now() at time zone 'utc' FROM account_journal j, generate_series(1, %[3]d) i WHERE j.id = %[1]d`, journal, daysAgo, n, utcDay, matched)
		return
	}
	te.exec(`WITH m AS (
			INSERT INTO account_move (journal_id, company_id, state, move_type, auto_post, date, name)
			SELECT j.id, j.company_id, 'posted', 'entry', 'no', %[4]s - %[2]d, '/' FROM account_journal j, generate_series(1, %[3]d) i WHERE j.id = %[1]d RETURNING id)
		INSERT INTO account_payment (move_id, is_matched, create_date) SELECT id, %[5]v, now() at time zone 'utc' FROM m`, journal, daysAgo, n, utcDay, matched)
}

// TestWhatGoesWrongInTheBooks finds nothing in a fresh database and in healthy
// books, breaks one thing after another in them, and mends it again.
func TestWhatGoesWrongInTheBooks(t *testing.T) {
	tests := []struct {
		name  string
		since int // the version from which on it exists
		spoil func(te *tenant, v int)
		mend  string
		want  []string
	}{
		{"a draft that should post itself was left", 16, func(te *tenant, _ int) {
			te.entry("draft", 1, 0, "auto_post", "'at_date'", "create_date", "(now() at time zone 'utc') - interval '2 days'", "write_date", "(now() at time zone 'utc') - interval '2 minutes'")
		}, `DELETE FROM account_move WHERE auto_post = 'at_date' AND date < ` + utcDay, []string{"odoo_auto_post_due acme-uk warning", "odoo_auto_post_stuck acme-uk warning"}},
		{"a draft waited for last night's run, and for two more", 16, func(te *tenant, _ int) {
			te.entry("draft", 0, 0, "auto_post", "'at_date'", "create_date", "now() at time zone 'utc'", "write_date", "now() at time zone 'utc'")
		}, `DELETE FROM account_move WHERE auto_post = 'at_date'`, []string{"odoo_auto_post_due acme-uk warning"}},
		{"drafts stand in a locked period", 16, func(te *tenant, _ int) {
			te.exec(`UPDATE res_company SET fiscalyear_lock_date = %s - 60 WHERE id = 1`, utcDay)
		}, `UPDATE res_company SET fiscalyear_lock_date = NULL`, []string{"odoo_drafts_in_locked_period acme-uk warning"}},
		{"a document was deleted from the middle", 16, func(te *tenant, v int) {
			te.exec(`DELETE FROM account_move WHERE journal_id = 22 AND sequence_number = 550`)
			if v >= 18 {
				te.exec(`UPDATE account_move SET made_sequence_gap = true WHERE journal_id = 22 AND sequence_number = 551`)
			}
		}, `UPDATE account_move SET sequence_number = sequence_number - 1 WHERE journal_id = 22 AND sequence_number > 550`, []string{"odoo_sequence_gaps acme-at BILL warning"}},
		{
			"the bank was asked and does not answer", 16, func(te *tenant, v int) { te.payments(v, 14, 15, 8, false) },
			`UPDATE account_payment SET is_matched = true`,
			[]string{"odoo_payments_in_process_late acme-uk BNK1 warning"},
		},
		{
			"a statement is imported twice", 16, func(te *tenant, _ int) { te.statement(14, 2, true, "b") },
			`DELETE FROM ir_attachment WHERE checksum = 'b'`,
			[]string{"odoo_bank_statement_imported_twice acme-uk BNK1 warning"},
		},
		{"one file has statements of two accounts", 16, func(te *tenant, _ int) {
			te.statement(14, 2, true, "two")
			te.statement(14, 2, true, "two")
			te.exec(`UPDATE ir_attachment SET create_date = '2026-11-20 10:00:00' WHERE checksum = 'two'`)
		}, ``, nil},
		{
			"a statement does not add up", 16, func(te *tenant, _ int) { te.statement(24, 5, false, "d") },
			`UPDATE account_bank_statement SET is_complete = true`,
			[]string{"odoo_bank_statements_incomplete acme-at BNK1 warning"},
		},
		{
			"lines are left over", 16, func(te *tenant, v int) { te.lines(v, 24, 31, 101, false) },
			`UPDATE account_bank_statement_line SET is_reconciled = true`,
			[]string{"odoo_bank_lines_left_over acme-at BNK1 warning"},
		},
		{"an invoice is cancelled at the tax service, its period is locked", 16, func(te *tenant, _ int) {
			te.exec(`INSERT INTO account_edi_document (move_id, edi_format_id, state) SELECT id, 1, 'cancelled' FROM account_move WHERE journal_id = 11 AND sequence_number IN (505, 555);
				UPDATE res_company SET tax_lock_date = %s - 30`, utcDay)
		}, `UPDATE account_move SET state = 'cancel' WHERE journal_id = 11 AND sequence_number = 505`, []string{"odoo_documents_voided_while_locked acme-uk warning"}},
		{"exceptions to lock dates", 18, func(te *tenant, _ int) {
			te.exec(`INSERT INTO account_lock_exception (company_id, user_id, lock_date_field, active, end_datetime) VALUES
				(1, 7, 'fiscalyear_lock_date', true, NULL), (2, NULL, 'tax_lock_date', true, (now() at time zone 'utc') + interval '1 hour'),
				(1, 7, 'sale_lock_date', true, (now() at time zone 'utc') + interval '1 hour'),
				(1, NULL, 'purchase_lock_date', true, (now() at time zone 'utc') - interval '1 minute'), (1, NULL, 'purchase_lock_date', false, NULL)`)
		}, `UPDATE account_lock_exception SET active = false`, []string{"odoo_lock_exception_endless acme-uk fiscalyear warning", "odoo_lock_exception_for_everyone acme-at tax warning"}},
	}
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newBooks(t, v)
			if got := te.findings(); len(got) > 0 {
				t.Errorf("a fresh database: %v", got)
			}
			te.fillMonths(v)
			if got := te.findings(); len(got) > 0 {
				t.Errorf("healthy books: %v", got)
			}
			for _, tt := range tests {
				if v < tt.since {
					continue
				}
				tt.spoil(te, v)
				if diff := cmp.Diff(tt.want, te.findings()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.name, diff)
				}
				te.exec(tt.mend)
			}
			if got := te.findings(); len(got) > 0 {
				t.Errorf("mended: %v", got)
			}
		})
	}
}

func TestALoopOfTheActionThatPostsDrafts(t *testing.T) {
	te := newBooks(t, 18)
	te.entry("draft", 1, 0, "auto_post", "'at_date'", "create_date", "'2026-01-01'", "write_date", "'2026-01-01'")
	l := newLedger(te.db, keeper{})
	run := func() map[string]float64 {
		te.exec(`UPDATE ir_cron SET lastcall = lastcall + interval '1 second'`)
		return mustCollect(t, l)
	}
	if got := mustCollect(t, l)["odoo_auto_post_idle_runs{}"]; got != 0 {
		t.Errorf("%v idle runs before any was seen", got)
	}
	if got := run()["odoo_auto_post_idle_runs{}"]; got != 1 {
		t.Errorf("%v idle runs, want 1: that of a day", got)
	}
	te.entry("draft", 1, 0, "auto_post", "'at_date'")
	mustCollect(t, l)
	te.exec(`UPDATE account_move SET state = 'posted' WHERE id = (SELECT max(id) FROM account_move)`)
	if got := run()["odoo_auto_post_idle_runs{}"]; got != 1 {
		t.Errorf("%v idle runs, want 1: the last one posted something", got)
	}
	for range 3 {
		run()
	}
	if got := bad(t, l); !slices.Contains(got, "odoo_auto_post_looping warning") {
		t.Errorf("after four idle runs within seconds: %v", got)
	}
	te.exec(`UPDATE account_move SET auto_post = 'no'; UPDATE ir_cron SET lastcall = lastcall + interval '2 hours'`)
	d := l.books[1].(*drafts)
	d.watch(time.Now().Add(2*time.Hour), d.ran, 0)
	if len(d.idle) != 0 {
		t.Errorf("%d idle runs two hours later", len(d.idle))
	}
}

func TestLinesMatchedEarlyAreCounted(t *testing.T) {
	for _, v := range []int{17, 18} {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newBooks(t, v)
			te.lines(v, 14, 5, 10, true)
			l := newLedger(te.db, keeper{})
			read := func() [2]float64 {
				t.Helper()
				got := mustCollect(t, l)
				return [2]float64{got["odoo_bank_statement_lines_created_total{acme-uk,BNK1}"], got["odoo_bank_statement_lines_matched_early_total{acme-uk,BNK1}"]}
			}
			if got := read(); got != [2]float64{} {
				t.Errorf("created, matched = %v before anything was seen", got)
			}
			te.lines(v, 14, 0, 6, true)
			te.lines(v, 14, 0, 2, false)
			read()
			if got := read(); got != [2]float64{} {
				t.Errorf("created, matched = %v, want none: they are minutes old", got)
			}
			l.books[0].(*bank).mark.lag = 0
			read()
			for range 2 {
				if got := read(); got != [2]float64{8, 6} {
					t.Errorf("created, matched = %v, want 8 and 6", got)
				}
			}
		})
	}
}

func TestALockDateThatIsSetBack(t *testing.T) {
	te := newBooks(t, 18)
	te.now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	keep := keeper{filepath.Join(t.TempDir(), "locks"), "x"}
	l := newLedger(te.db, keep)
	check := func(what, date string, want float64) {
		t.Helper()
		te.exec(`UPDATE res_company SET fiscalyear_lock_date = %s WHERE id = 1`, date)
		if got := mustCollect(t, l)["odoo_lock_dates_set_back{acme-uk,fiscalyear}"]; got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("never set", "NULL", 0)
	check("set", "'2026-09-30'", 0)
	check("the next month", "'2026-10-31'", 0)
	check("set back", "'2026-09-30'", 1)
	check("removed", "NULL", 1)
	l = newLedger(te.db, keep)
	check("after a restart", "NULL", 1)
	te.now = te.now.Add(8 * 24 * time.Hour)
	check("told for a week", "NULL", 0)
	check("closed again", "'2026-10-31'", 0)
	check("opened for an hour", "'2026-09-30'", 1)
	check("and closed", "'2026-11-30'", 0)
	if got := mustCollect(t, l)["odoo_lock_dates_set{acme-uk}"]; got != 1 {
		t.Errorf("%v lock dates are set, want 1", got)
	}
}

// TestWhatNeedsAmountsIsMeasuredWhereTheyMayBeRead grants what the role we ship
// does not have.
func TestWhatNeedsAmountsIsMeasuredWhereTheyMayBeRead(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newBooks(t, v)
			te.lines(v, 14, 1, 12, true)
			te.payments(v, 14, 1, 6, false)
			te.exec(`UPDATE account_bank_statement_line SET amount = id %% 6, payment_ref = 'x', create_date = (now() at time zone 'utc') - interval '1 hour' * (id %% 12);
				UPDATE account_payment SET amount = 1 + id / 3, partner_id = 1, create_date = (now() at time zone 'utc') - interval '1 minute' * (id %% 2);
				INSERT INTO account_move_line (move_id, company_id, date, balance, parent_state)
				SELECT 1 + i %% 2, 1, %s, CASE WHEN i < 4 THEN i ELSE -3 END, 'posted' FROM generate_series(0, 5) i`, utcDay)
			got := mustCollect(t, newControls(te.db))
			for _, series := range []string{"odoo_bank_statement_lines_duplicated{acme-uk,BNK1}", "odoo_payments_duplicated{acme-uk,BNK1}", "odoo_journal_entries_unbalanced{acme-uk}"} {
				if _, published := got[series]; published {
					t.Errorf("%s is published without the right to know it", series)
				}
			}
			te.exec(`GRANT SELECT ON account_bank_statement_line, account_payment, account_move_line TO reader`)
			te.db.tables = nil
			got = mustCollect(t, newControls(te.db))
			want := map[string]float64{
				"odoo_bank_statement_lines_duplicated{acme-uk,BNK1}": 6, "odoo_payments_duplicated{acme-uk,BNK1}": 3, "odoo_journal_entries_unbalanced{acme-uk}": 2,
			}
			for series, n := range want {
				if got[series] != n {
					t.Errorf("%s = %v, want %v", series, got[series], n)
				}
			}
		})
	}
}

func TestColumnsOfTheBooksThatMayNotBeReadAreFindings(t *testing.T) {
	te := newBooks(t, 18)
	te.fillMonths(18)
	te.exec(`REVOKE SELECT ON account_payment, account_lock_exception FROM reader`)
	got, err := collect(t, newControls(te.db))
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "account_payment") {
		t.Errorf("err = %v, want denied for account_payment", err)
	}
	if _, measured := got["odoo_payments_in_process{acme-uk,BNK1}"]; measured {
		t.Error("payments are published although they may not be read")
	}
	if _, measured := got["odoo_sequence_gaps{acme-uk,INV}"]; !measured {
		t.Errorf("the rest did not go on: %v", got)
	}
	if _, err := collect(t, newLedger(te.db, keeper{})); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "account_lock_exception") {
		t.Errorf("err = %v, want denied for account_lock_exception", err)
	}
}

func TestJournalsAreBoundedAndAddUp(t *testing.T) {
	totals := map[place]float64{}
	for i := range maxJournals + 50 {
		totals[place{"acme", strconv.Itoa(i)}] = 1
	}
	ch := make(chan prometheus.Metric, 2*maxJournals)
	counts(ch, sequenceGaps, prometheus.GaugeValue, "prod", totals)
	close(ch)
	series, all := 0, 0.0
	for m := range ch {
		var out dto.Metric
		if err := m.Write(&out); err != nil {
			t.Fatal(err)
		}
		series++
		all += out.GetGauge().GetValue()
	}
	if series != maxJournals+1 || all != maxJournals+50 {
		t.Errorf("%d series that add up to %v", series, all)
	}
}
