package odoo

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
)

var versions = []int{16, 17, 18, 19}

func TestScheduledActions(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newTenant(t, v)
			quote := func(name string) string {
				if v == 16 {
					return fmt.Sprintf(`'{"en_US": "%s", "de_DE": "x"}'`, name)
				}
				return "'" + name + "'"
			}
			te.exec(`INSERT INTO ir_cron (cron_name, active, nextcall, lastcall, interval_number, interval_type) VALUES
				(%s, true, '2126-11-22 10:00:00', '2026-11-21 10:00:00', 1, 'days'),
				(%s, false, '2126-11-22 10:05:00', NULL, 5, 'minutes'),
				(%s, true, '2126-12-01 00:00:00', '2026-11-01 00:00:00', 1, 'months'),
				(%s, true, '2126-12-01 00:00:00', '2026-11-01 00:00:00', 2, 'weeks')`,
				quote("Generate Recurring Invoices"), quote("Jobs Garbage Collector"), quote("Account: Post draft entries"), quote("Account: Post draft entries"))
			golden := "actions_before_18"
			if v >= 18 {
				golden = "actions_18"
				te.exec(`UPDATE ir_cron SET failure_count = CASE id WHEN 1 THEN 3 ELSE 0 END`)
			}
			if err := collectortest.Golden(t, without{&actions{db: te.db}, clockOffset}, golden); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClockOffsetIsTheServersClockMinusOurs(t *testing.T) {
	te := newTenant(t, 18)
	te.db.now = func() time.Time { return time.Now().Add(-time.Hour) }
	got := mustCollect(t, &actions{db: te.db})["odoo_database_clock_offset_seconds{}"]
	if got < 3595 || got > 3605 {
		t.Errorf("offset = %v, want an hour: the server is ahead of a clock that is an hour late", got)
	}
}

func TestOnlyListedActionsArePublished(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO ir_cron (cron_name, active, nextcall, interval_number, interval_type) VALUES
		('Generate Recurring Invoices and Payments', true, now(), 1, 'days'), ('Base: Auto-vacuum', true, now(), 1, 'days')`)
	got := mustCollect(t, &actions{db: te.db, patterns: []string{"generate recurring invoices*"}})
	if _, found := got["odoo_scheduled_action_active{Base: Auto-vacuum}"]; found || got["odoo_scheduled_action_active{Generate Recurring Invoices and Payments}"] != 1 {
		t.Errorf("published %v", got)
	}
}

func TestActionsAreBoundedAndActiveOnesComeFirst(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO ir_cron (cron_name, active, nextcall, interval_number, interval_type)
		SELECT 'action ' || i, i > 400, now(), 1, 'days' FROM generate_series(1, 450) i`)
	got := mustCollect(t, &actions{db: te.db})
	active, all := 0, 0
	for series, v := range got {
		if strings.HasPrefix(series, "odoo_scheduled_action_active{") {
			all++
			active += int(v)
		}
	}
	if all != maxActions || active != 50 {
		t.Errorf("%d actions, %d of them active; want %d and 50", all, active, maxActions)
	}
}

const jobs = `INSERT INTO queue_job (uuid, state, channel, eta, date_created, date_enqueued, date_started) VALUES
	('a', 'pending', 'root.einvoice', NULL, '2026-11-22 09:00:00', NULL, NULL),
	('b', 'pending', 'root.einvoice', '2026-11-22 09:30:00', '2026-11-22 08:00:00', NULL, NULL),
	('c', 'pending', 'root.einvoice', '2126-11-22 09:30:00', '2026-11-22 07:00:00', NULL, NULL),
	('d', 'enqueued', 'root.einvoice', NULL, '2026-11-22 08:00:00', '2026-11-22 08:30:00', NULL),
	('e', 'started', 'root', NULL, '2026-11-22 08:00:00', '2026-11-22 08:10:00', '2026-11-22 08:11:00'),
	('f', 'done', 'root', NULL, '2026-11-22 08:00:00', '2026-11-22 08:50:00', '2026-11-22 08:51:00'),
	('g', 'failed', 'root', NULL, '2026-11-22 08:00:00', '2026-11-22 08:05:00', '2026-11-22 08:06:00'),
	('h', 'wait_dependencies', NULL, NULL, '2026-11-22 08:00:00', NULL, NULL);`

func TestQueue(t *testing.T) {
	for _, v := range []int{16, 17, 18} {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newTenant(t, v)
			te.exec(jobs)
			if err := collectortest.Golden(t, without{newQueue(te.db), queueWaiting}, "queue"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnEmptyQueueHasNoChannels(t *testing.T) {
	te := newTenant(t, 18)
	if err := collectortest.Golden(t, newQueue(te.db), "queue_empty"); err != nil {
		t.Error(err)
	}
}

func TestWithoutQueueJobThereIsNothingToMeasureAndNothingWrong(t *testing.T) {
	te := newTenant(t, 19)
	if found := mustCollect(t, newQueue(te.db)); len(found) > 0 {
		t.Errorf("measured %v", found)
	}
	mustCollect(t, newPostings(te.db))
	mustCollect(t, newLedger(te.db, keeper{}))
}

func TestJobsThatLeaveTheQueueAreCounted(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(jobs)
	q := newQueue(te.db)
	done := func(channel string) float64 {
		t.Helper()
		return mustCollect(t, q)["odoo_queue_jobs_done_total{"+channel+"}"]
	}
	want := func(channel string, n float64) {
		t.Helper()
		if got := done(channel); got != n {
			t.Errorf("done in %s = %v, want %v", channel, got, n)
		}
	}
	want("root.einvoice", 0)
	te.exec(`UPDATE queue_job SET state = 'done' WHERE uuid IN ('a', 'd')`)
	want("root.einvoice", 2)
	te.exec(`INSERT INTO queue_job (uuid, state, channel, date_created) SELECT 'n' || i, 'pending', 'root.einvoice', now() FROM generate_series(1, 10) i`)
	want("root.einvoice", 2)
	te.exec(`UPDATE queue_job SET state = 'started' WHERE uuid LIKE 'n%'`)
	want("root.einvoice", 2)
	te.exec(`UPDATE queue_job SET state = 'done' WHERE uuid IN ('n1', 'n2', 'n3')`)
	want("root.einvoice", 5)
	te.exec(`INSERT INTO queue_job (uuid, state, channel, date_created) SELECT 'm' || i, 'done', 'root.einvoice', now() FROM generate_series(1, 4) i`)
	want("root.einvoice", 9) // came and went between two looks
	te.exec(`UPDATE queue_job SET state = 'failed' WHERE uuid = 'n4'`)
	want("root.einvoice", 9)
	te.exec(`UPDATE queue_job SET state = 'pending' WHERE uuid = 'n4'`)
	want("root.einvoice", 9)
	te.exec(`DELETE FROM queue_job WHERE state = 'done'`) // as the vacuum of old jobs does, here of young ones too
	if got := done("root.einvoice"); got < 9 {
		t.Errorf("the counter fell to %v", got)
	}
	want("root", 0)
}

func TestAJobCommittedLateIsCounted(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO queue_job (id, uuid, state, channel, date_created) VALUES (10, 'x', 'pending', 'root', now())`)
	q := newQueue(te.db)
	mustCollect(t, q)
	mustCollect(t, q)
	te.exec(`INSERT INTO queue_job (id, uuid, state, channel, date_created) VALUES (20, 'z', 'pending', 'root', now())`)
	mustCollect(t, q)
	te.exec(`INSERT INTO queue_job (id, uuid, state, channel, date_created) VALUES (15, 'y', 'done', 'root', now())`) // its id was taken before 20's
	if got := mustCollect(t, q)["odoo_queue_jobs_done_total{root}"]; got != 1 {
		t.Errorf("done = %v, want 1", got)
	}
}

// A job that is set back keeps the date it was made at. It waits since it was set
// back, as far as the looks tell, and not for the days before.
func TestAJobThatIsSetBackWaitsSinceThen(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO queue_job (uuid, state, channel, date_created) VALUES ('a', 'failed', 'root', now() - interval '6 days'), ('b', 'pending', 'other', now() - interval '6 days')`)
	q := newQueue(te.db)
	mustCollect(t, q)
	te.exec(`UPDATE queue_job SET state = 'pending' WHERE uuid = 'a'`)
	for range 2 { // and it goes on waiting since then
		got := mustCollect(t, q)
		if s := got["odoo_queue_waiting_seconds{root}"]; s <= 0 || s > 3600 {
			t.Errorf("what was set back has waited for %v s", s)
		}
		if s := got["odoo_queue_waiting_seconds{other}"]; s < 5*86400 {
			t.Errorf("what nobody runs has waited for %v s", s)
		}
	}
}

func TestAnExplodedQueueIsCountedUpToTheLimitAndDrainsAreNotInvented(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO queue_job (uuid, state, channel, date_created) SELECT 'n' || i, 'pending', 'root', now() FROM generate_series(1, 12000) i`)
	q := newQueue(te.db)
	mustCollect(t, q)
	te.exec(`UPDATE queue_job SET state = 'done' WHERE id <= 5000`)
	got := mustCollect(t, q)
	if got["odoo_queue_jobs_done_total{root}"] != 0 || got["odoo_queue_jobs{root,pending}"] != 7000 {
		t.Errorf("done %v pending %v; want 0, since the first look was cut off, and 7000", got["odoo_queue_jobs_done_total{root}"], got["odoo_queue_jobs{root,pending}"])
	}
	te.exec(`UPDATE queue_job SET state = 'done' WHERE id <= 6000`)
	if got := mustCollect(t, q)["odoo_queue_jobs_done_total{root}"]; got != 1000 {
		t.Errorf("done = %v, want 1000", got)
	}
}

func TestChannelsAreBounded(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO queue_job (uuid, state, channel, date_created) SELECT 'n' || i, 'pending', 'root.' || i, now() FROM generate_series(1, 300) i`)
	sum, channels := 0.0, 0
	for series, v := range mustCollect(t, newQueue(te.db)) {
		if strings.HasPrefix(series, "odoo_queue_jobs{") && strings.HasSuffix(series, ",pending}") {
			sum += v
			channels++
		}
	}
	if channels != maxChannels+1 || sum != 300 {
		t.Errorf("%d channels with %v jobs, want %d with 300", channels, sum, maxChannels+1)
	}
}

func TestPostings(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newTenant(t, v)
			te.exec(`INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1), (2, 'INV', 'sale', 2), (3, 'PRB', 'sale', 3)`)
			te.move(1, 1, "posted", "2026-11-20 10:00:00")
			te.move(2, 1, "draft", "2026-11-20 11:00:00")
			te.move(3, 2, "draft", "2026-11-20 11:00:00")
			p := newPostings(te.db)
			check := func(what string, uk, at, synthetic float64) {
				t.Helper()
				got := mustCollect(t, p)
				for entity, n := range map[string]float64{"acme-uk": uk, "acme-at": at, "synthetic": synthetic} {
					if v := got["odoo_journal_entries_posted_total{"+entity+"}"]; v != n {
						t.Errorf("%s: %s has posted %v, want %v", what, entity, v, n)
					}
				}
			}
			check("at first", 0, 0, 0)
			te.state(2, "posted")
			check("an old draft is posted", 1, 0, 0)
			check("nothing happens", 1, 0, 0)
			te.move(4, 2, "posted", "2026-11-22 12:00:00")
			te.move(5, 3, "posted", "2026-11-22 12:00:00")
			check("new and posted at once", 1, 1, 1)
			te.move(6, 1, "draft", "2026-11-22 12:00:00")
			check("a new draft", 1, 1, 1)
			te.state(6, "posted")
			check("the new draft is posted", 2, 1, 1)
			te.state(6, "draft")
			check("and reset to draft", 2, 1, 1)
			te.state(6, "posted")
			check("and posted again", 3, 1, 1)
			te.state(3, "cancel")
			check("a draft is cancelled", 3, 1, 1)
			te.exec(`DELETE FROM account_move WHERE id = 5`)
			check("a posted entry of the flows is removed", 3, 1, 1)
			te.exec(`INSERT INTO account_move (id, state, journal_id, company_id, move_type, auto_post, date, write_date)
				SELECT i, 'posted', 1, 1, 'entry', 'no', '2026-11-22', '2026-11-22 12:00:00' FROM generate_series(100, 399) i`)
			check("three hundred at once", 303, 1, 1)
		})
	}
}

func (te *tenant) move(id, journal int, state, written string) {
	te.t.Helper()
	te.exec(`INSERT INTO account_move (id, state, journal_id, company_id, move_type, auto_post, date, write_date)
		VALUES (%d, '%s', %d, %d, 'entry', 'no', '2026-11-20', '%s')`, id, state, journal, journal, written)
}

func (te *tenant) state(id int, state string) {
	te.t.Helper()
	te.exec(`UPDATE account_move SET state = '%s', write_date = '2026-11-22 13:00:00' WHERE id = %d`, state, id)
}

func TestPostingsGolden(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1), (4, 'INV', 'sale', 4)`)
	te.move(1, 1, "posted", "2026-11-20 10:00:00")
	te.move(2, 4, "posted", "2026-11-20 10:00:30")
	if err := collectortest.Golden(t, newPostings(te.db), "postings"); err != nil {
		t.Error(err)
	}
}

func TestAPostingCommittedLateIsCounted(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1)`)
	te.move(10, 1, "posted", "2026-11-22 12:00:00")
	p := newPostings(te.db)
	mustCollect(t, p)
	te.move(20, 1, "posted", "2026-11-22 12:00:00")
	mustCollect(t, p)
	te.move(15, 1, "posted", "2026-11-22 12:00:00") // its id was taken before 20's
	if got := mustCollect(t, p)["odoo_journal_entries_posted_total{acme-uk}"]; got != 2 {
		t.Errorf("posted = %v, want 2", got)
	}
}

func TestMoreNewEntriesThanAreReadAtATimeAreAllCounted(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1)`)
	te.move(1, 1, "posted", "2026-11-22 12:00:00")
	p := newPostings(te.db)
	mustCollect(t, p)
	te.exec(`INSERT INTO account_move (id, state, journal_id, company_id, move_type, auto_post, date, write_date)
		SELECT 1 + i, 'posted', 1, 1, 'entry', 'no', '2026-11-22', '2026-11-22 12:00:00' FROM generate_series(1, %d) i`, 2*maxNew+100)
	got := 0.0
	for range 4 {
		got = mustCollect(t, p)["odoo_journal_entries_posted_total{acme-uk}"]
	}
	if want := float64(2*maxNew + 100); got != want {
		t.Errorf("posted = %v, want %v", got, want)
	}
}

func TestLedger(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newTenant(t, v)
			te.fillLedger(v)
			golden := "ledger_before_18"
			if v >= 18 {
				golden = "ledger_18"
			}
			if err := collectortest.Golden(t, without{without{without{newLedger(te.db, keeper{}), linesOlder}, draftsPast}, entriesToReview}, golden); err != nil {
				t.Error(err)
			}
		})
	}
}

func (te *tenant) fillLedger(v int) {
	te.t.Helper()
	te.exec(`INSERT INTO res_company (id, name, fiscalyear_lock_date, tax_lock_date) VALUES
			(1, 'x', '2026-10-31', '2026-09-30'), (2, 'y', NULL, NULL), (3, 'z', NULL, NULL), (9, 'w', '2026-08-31', NULL);
		INSERT INTO account_journal (id, code, type, company_id, active) VALUES
			(1, 'BNK1', 'bank', 1, true), (2, 'CSH1', 'cash', 1, true), (3, 'BNK1', 'bank', 2, true), (4, 'PRB1', 'bank', 3, true), (5, 'INV', 'sale', 1, true), (6, 'OLD', 'bank', 1, false);
		INSERT INTO account_move (id, state, journal_id, company_id, move_type, auto_post, date) VALUES
			(1, 'posted', 1, 1, 'entry', 'no', '2026-11-03'), (2, 'posted', 1, 1, 'entry', 'no', '2026-11-02'),
			(3, 'posted', 1, 1, 'entry', 'no', '2026-11-01'), (4, 'posted', 3, 2, 'entry', 'no', '2026-11-04'),
			(5, 'draft', 5, 1, 'out_invoice', 'no', '2026-11-04'), (6, 'draft', 5, 1, 'entry', 'at_date', '2026-10-31'),
			(7, 'draft', 5, 1, 'entry', 'monthly', '2126-11-30'), (8, 'draft', 4, 3, 'entry', 'no', '2026-11-04')`)
	if v >= 18 {
		te.exec(`UPDATE res_company SET hard_lock_date = '2025-12-31' WHERE id = 1;
			INSERT INTO account_bank_statement_line (move_id, journal_id, company_id, is_reconciled, internal_index) VALUES
				(1, 1, 1, false, '20261103214748364700000001'), (2, 1, 1, NULL, '20261102214748364700000002'),
				(3, 1, 1, true, '20261101214748364700000003'), (4, 3, 2, false, '20261104214748364700000004')`)
		return
	}
	te.exec(`UPDATE res_company SET period_lock_date = '2026-11-15' WHERE id = 1;
		INSERT INTO account_bank_statement_line (move_id, is_reconciled) VALUES (1, false), (2, NULL), (3, true), (4, false)`)
}

func TestSynonymousCompaniesAreAddedUp(t *testing.T) {
	te := newTenant(t, 18)
	te.fillLedger(18)
	te.db.entities = newEntities(nil, "acme")
	got := mustCollect(t, newLedger(te.db, keeper{}))
	if got["odoo_bank_statement_lines_unreconciled{acme,BNK1}"] != 3 || got["odoo_journal_entries_draft{acme}"] != 4 {
		t.Errorf("got %v", got)
	}
	if _, locked := got["odoo_lock_date_timestamp_seconds{acme,fiscalyear}"]; locked {
		t.Error("locked although two companies are not")
	}
}

func TestRightsThatAreMissingAreFindingsByTable(t *testing.T) {
	te := newTenant(t, 18)
	te.fillLedger(18)
	te.exec(`REVOKE SELECT ON account_bank_statement_line, queue_job FROM reader; REVOKE SELECT ON account_move FROM reader; GRANT SELECT (id, journal_id, state, auto_post, date) ON account_move TO reader`)
	got, err := collect(t, newLedger(te.db, keeper{}))
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "account_bank_statement_line") || !strings.Contains(fault.HintOf(err), "ON account_bank_statement_line TO reader") {
		t.Errorf("err = %v, want denied with the grant to make", err)
	}
	if got["odoo_journal_entries_draft{acme-uk}"] != 3 || got["odoo_lock_date_timestamp_seconds{acme-uk,hard}"] == 0 {
		t.Errorf("the rest did not go on: %v", got)
	}
	if _, err := collect(t, newQueue(te.db)); fault.KindOf(err) != fault.Denied {
		t.Errorf("queue: %v, want denied", err)
	}
	if _, err := collect(t, newPostings(te.db)); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "company_id") {
		t.Errorf("postings: %v, want denied for company_id", err)
	}
	mustCollect(t, &actions{db: te.db})
}

func TestTablesAreLookedAtAgainAfterAnUpgrade(t *testing.T) {
	te := newTenant(t, 18)
	l := newLedger(te.db, keeper{})
	mustCollect(t, l)
	te.exec(`ALTER TABLE res_company DROP COLUMN hard_lock_date`)
	if got, err := collect(t, l); fault.KindOf(err) != fault.Schema {
		t.Errorf("err = %v, want schema %v", err, got)
	}
	mustCollect(t, l)
}

func TestNotAnOdooDatabase(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`DROP TABLE ir_cron`)
	got, err := collect(t, &actions{db: te.db})
	if fault.KindOf(err) != fault.Schema || fault.HintOf(err) == "" || got["odoo_database_up{}"] != 1 {
		t.Errorf("err = %v, up = %v; want schema with a hint, and a database that is up", err, got["odoo_database_up{}"])
	}
}

func TestATableLockedByAnUpgradeCostsOnlyItsOwnNumbers(t *testing.T) {
	te := newTenant(t, 18)
	te.fillLedger(18)
	l := newLedger(te.db, keeper{})
	mustCollect(t, l)
	release := te.lock("account_bank_statement_line")
	defer release()
	got, err := collect(t, l)
	if fault.KindOf(err) != fault.Locked {
		t.Errorf("err = %v, want locked", err)
	}
	if _, found := got["odoo_bank_statement_lines_unreconciled{acme-uk,BNK1}"]; found {
		t.Error("lines of a locked table were published")
	}
	if got["odoo_journal_entries_draft{acme-uk}"] != 3 {
		t.Errorf("the rest did not go on: %v", got)
	}
}

// lock holds an ACCESS EXCLUSIVE lock until the returned function is called.
func (te *tenant) lock(table string) (release func()) {
	te.t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- te.p.Exec(te.t.Context(), "postgres", te.name, `SET application_name = 'locker'; BEGIN; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)`)
	}()
	late := time.After(10 * time.Second)
	for {
		held, err := te.p.Value(te.t.Context(), "postgres", te.name, `SELECT count(*) FROM pg_locks WHERE relation = '`+table+`'::regclass AND mode = 'AccessExclusiveLock' AND granted`)
		if err != nil {
			te.t.Fatal(err)
		}
		if held == "1" {
			break
		}
		select {
		case <-late:
			te.t.Fatal("the lock was not taken")
		default:
		}
	}
	return func() {
		te.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'locker'`)
		if err := <-done; err == nil {
			te.t.Error("the lock ended by itself")
		}
	}
}
