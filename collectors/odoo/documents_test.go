package odoo

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

// newDocuments is a tenant with the columns of e-invoicing, and a journal that
// entries are in unless they say otherwise.
func newDocuments(t *testing.T, version int) *tenant {
	t.Helper()
	te := newTenant(t, version)
	te.exec(`ALTER TABLE account_move ADD COLUMN peppol_move_state varchar, ADD COLUMN peppol_message_uuid varchar,
		ALTER COLUMN move_type SET DEFAULT 'out_invoice', ALTER COLUMN auto_post SET DEFAULT 'no',
		ALTER COLUMN state SET DEFAULT 'posted', ALTER COLUMN journal_id SET DEFAULT 1, ALTER COLUMN date SET DEFAULT '2026-11-20';
		ALTER TABLE ir_attachment ALTER COLUMN type SET DEFAULT 'binary';
		INSERT INTO account_journal (id, code, type, company_id) VALUES (1, 'INV', 'sale', 1)`)
	return te
}

// emptySQL takes away what a test has written.
const emptySQL = `
DELETE FROM account_edi_document; DELETE FROM account_edi_format; DELETE FROM account_move;
DELETE FROM mail_notification; DELETE FROM mail_message; DELETE FROM mail_mail; DELETE FROM ir_attachment;
ALTER SEQUENCE account_move_id_seq RESTART; ALTER SEQUENCE ir_attachment_id_seq RESTART;`

// alarms looks once, takes what is published as if it went on for two days, and
// returns the states of the signals that are then not ok.
func alarms(t *testing.T, cs ...collector.Collector) map[string]string {
	t.Helper()
	e, err := signal.NewEvaluator(Signals())
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	for _, c := range cs {
		reg.MustRegister(&once{Collector: c, ctx: t.Context()})
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	start := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{start, start.Add(48 * time.Hour)} {
		for _, r := range e.Evaluate(at, collector.AppendSamples(nil, families, at)) {
			if r.State == signal.Warning || r.State == signal.Critical {
				found[r.Signal] = r.State.String()
			}
		}
	}
	return found
}

// documentCollectors are those of this subject, as new.
func documentCollectors(te *tenant, folder string) []collector.Collector {
	return []collector.Collector{newEInvoices(te.db), newMails(te.db), &reports{db: te.db}, newFilestore(te.db, folder)}
}

// beforeNow is an instant of the server's as Odoo writes it.
func beforeNow(interval string) string {
	return "(now() AT TIME ZONE 'utc') - interval '" + interval + "'"
}

// sum adds up the series of a metric that have all of these label values.
func sum(series map[string]float64, metric string, labels ...string) float64 {
	total := 0.0
	for name, v := range series {
		family, rest, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		if values := strings.Split(rest, ","); family == metric && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(values, l) }) {
			total += v
		}
	}
	return total
}

// Each fault that people have met, as it is in the tables, and what must be said
// of it.
func TestDocumentFaults(t *testing.T) {
	te := newDocuments(t, 18)
	peppol := func(state, age, more string) string {
		return fmt.Sprintf("INSERT INTO account_move (company_id, peppol_move_state, write_date, peppol_message_uuid) VALUES (1, '%s', %s, %s);", state, beforeNow(age), more)
	}
	edi := func(state, level, attachment, age string) string {
		return fmt.Sprintf(`INSERT INTO account_edi_format (code) VALUES ('es_sii') ON CONFLICT DO NOTHING;
			INSERT INTO account_move (company_id, write_date) VALUES (1, now());
			INSERT INTO account_edi_document (move_id, edi_format_id, state, blocking_level, attachment_id, write_date)
			VALUES ((SELECT max(id) FROM account_move), (SELECT id FROM account_edi_format), '%s', %s, %s, %s);`, state, level, attachment, beforeNow(age))
	}
	message := func(move int, status, age string) string {
		return fmt.Sprintf(`INSERT INTO mail_message (model, res_id, create_date) VALUES ('account.move', %d, %s);
			INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_status) VALUES ((SELECT max(id) FROM mail_message), 70, '%s');`, move, beforeNow(age), status)
	}
	const sent = "INSERT INTO account_move (company_id, partner_id, commercial_partner_id, is_move_sent, write_date) VALUES (1, 70, 70, true, now());"
	mail := func(state, failure, age, scheduled string) string {
		return fmt.Sprintf("INSERT INTO mail_mail (mail_message_id, state, failure_type, create_date, write_date, scheduled_date) VALUES (1, '%s', %s, %s, %[3]s, %s);", state, failure, beforeNow(age), scheduled)
	}
	pdfs := func(kept int) string {
		return fmt.Sprintf(`INSERT INTO account_move (company_id, is_move_sent, write_date) SELECT 1, true, %s FROM generate_series(1, 40);
			INSERT INTO ir_attachment (name, res_model, res_id, res_field, file_size) SELECT 'x', 'account.move', i, 'invoice_pdf_report_file', 9000 FROM generate_series(1, %d) i;`, beforeNow("1 hour"), kept)
	}
	tests := map[string]struct {
		sql  string
		want map[string]string
	}{
		"an empty database":                             {"", nil},
		"Peppol: queued for five hours":                 {peppol("to_send", "5 hours", "NULL"), map[string]string{"odoo_einvoices_unsent": "warning"}},
		"Peppol: queued for an hour":                    {peppol("to_send", "1 hour", "NULL"), nil},
		"Peppol: queued for a year and forgotten":       {peppol("to_send", "1 year", "NULL"), nil},
		"Peppol: queued again although it was sent":     {peppol("to_send", "1 hour", "'x'"), map[string]string{"odoo_einvoices_unclear": "warning"}},
		"Peppol: no answer for 26 hours":                {peppol("processing", "26 hours", "'x'"), map[string]string{"odoo_einvoices_unanswered": "warning"}},
		"Peppol: no answer since the last action":       {peppol("processing", "13 hours", "'x'"), nil},
		"Peppol: rejected four days beforeNow":          {peppol("error", "4 days", "NULL"), map[string]string{"odoo_einvoices_rejected_unsettled": "warning"}},
		"Peppol: rejected on Friday":                    {peppol("error", "60 hours", "NULL"), nil},
		"Peppol: ready, skipped, done":                  {peppol("ready", "9 days", "NULL") + peppol("skipped", "9 days", "NULL") + peppol("done", "9 days", "'x'"), nil},
		"Peppol: rejected, then the invoice cancelled":  {peppol("error", "9 days", "NULL") + "UPDATE account_move SET state = 'cancel'", nil},
		"a document of account_edi waits":               {edi("to_send", "NULL", "NULL", "5 hours"), map[string]string{"odoo_einvoices_unsent": "warning"}},
		"a document of account_edi is refused":          {edi("to_send", "'error'", "NULL", "4 days"), map[string]string{"odoo_einvoices_rejected_unsettled": "warning"}},
		"a document of account_edi may have arrived":    {edi("to_send", "'error'", "1", "10 minutes"), map[string]string{"odoo_einvoices_unclear": "warning"}},
		"a document of account_edi is under way":        {edi("to_send", "'info'", "1", "13 hours"), nil},
		"documents of account_edi are settled":          {edi("sent", "NULL", "1", "9 days") + edi("cancelled", "NULL", "NULL", "9 days"), nil},
		"sending in the background stands still":        {"INSERT INTO account_move (company_id, sending_data, write_date) VALUES (1, '{}', " + beforeNow("5 hours") + ")", map[string]string{"odoo_invoices_unsent": "warning"}},
		"sending in the background has begun":           {"INSERT INTO account_move (company_id, sending_data, write_date) VALUES (1, '{}', " + beforeNow("5 minutes") + ")", nil},
		"a sent invoice's mail failed":                  {sent + message(1, "exception", "1 hour"), map[string]string{"odoo_invoices_undelivered": "warning"}},
		"a sent invoice's mail came back":               {sent + message(1, "bounce", "1 day"), map[string]string{"odoo_invoices_undelivered": "warning"}},
		"a sent invoice's mail failed, a later arrived": {sent + message(1, "bounce", "1 day") + message(1, "sent", "1 hour"), nil},
		"a sent invoice's mail failed long beforeNow":   {sent + message(1, "bounce", "30 days"), nil},
		"a colleague's copy failed": {
			sent + message(1, "sent", "1 hour") + "INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_status) VALUES ((SELECT max(id) FROM mail_message), 3, 'exception')", nil,
		},
		"mail failed on another document": {
			sent + message(1, "exception", "1 hour") + "UPDATE mail_message SET model = 'sale.order'", nil,
		},
		"mail does not leave":                    {mail("outgoing", "NULL", "3 hours", "NULL"), map[string]string{"odoo_mails_waiting": "warning"}},
		"mail waits for the next turn":           {mail("outgoing", "NULL", "50 minutes", "NULL"), nil},
		"mail is scheduled for later":            {mail("outgoing", "NULL", "2 days", "now() + interval '1 day'"), nil},
		"mail was scheduled for hours beforeNow": {mail("outgoing", "NULL", "2 days", beforeNow("3 hours")), map[string]string{"odoo_mails_waiting": "warning"}},
		"the mail server is down":                {strings.Repeat(mail("exception", "'mail_smtp'", "10 minutes", "NULL"), 5), map[string]string{"odoo_mails_failing": "warning"}},
		"the mail server hiccuped once":          {mail("exception", "'mail_smtp'", "10 minutes", "NULL"), nil},
		"many addresses are wrong":               {strings.Repeat(mail("exception", "'mail_email_invalid'", "10 minutes", "NULL"), 20), nil},
		"the mail server was down yesterday":     {strings.Repeat(mail("exception", "NULL", "1 day", "NULL"), 20), nil},
		"PDFs of sent invoices are lost":         {pdfs(20), map[string]string{"odoo_invoice_pdfs_missing": "warning"}},
		"PDFs of sent invoices are kept":         {pdfs(40), nil},
		"this Odoo keeps no PDFs":                {pdfs(0), nil},
		"attachments in the database, no file":   {"INSERT INTO ir_attachment (name, file_size) VALUES ('x', 10)", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			te.exec(emptySQL + tt.sql + ";")
			if tt.want == nil {
				tt.want = map[string]string{}
			}
			if diff := cmp.Diff(tt.want, alarms(t, documentCollectors(te, "")...)); diff != "" {
				t.Errorf("signals (-want +got):\n%s", diff)
			}
		})
	}
}

// The times are so long past that nothing is overdue any more.
func TestEInvoices(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO account_move (company_id, peppol_move_state, write_date) VALUES
			(1, 'to_send', '2025-11-20 10:00:00'), (1, 'processing', '2025-11-21 10:00:00'), (1, 'error', '2025-11-22 10:00:00'), (1, 'done', '2025-11-22 10:00:00'),
			(2, 'to_send', '2025-11-19 10:00:00'), (2, 'to_send', '2025-11-18 10:00:00');
		INSERT INTO account_move (company_id, sending_data, write_date) VALUES (1, '{"author_user_id": 2}', '2025-11-22 10:00:00');
		INSERT INTO account_edi_format (code) VALUES ('facturx_1_0_05');
		INSERT INTO account_edi_document (move_id, edi_format_id, state, write_date) VALUES (1, 1, 'to_send', '2025-11-22 11:00:00');
		UPDATE account_move SET peppol_message_uuid = 'u' WHERE id = 2`)
	if err := collectortest.Golden(t, newEInvoices(te.db), "einvoices"); err != nil {
		t.Error(err)
	}
}

func TestEInvoicesAreCountedAsTheyAreSettled(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO account_move (company_id, peppol_move_state, write_date) SELECT 1, 'error', ` + beforeNow("1 second") + ` FROM generate_series(1, 3);
		INSERT INTO account_move (company_id, peppol_move_state, write_date) SELECT 1, 'processing', ` + beforeNow("1 hour") + ` FROM generate_series(1, 4)`)
	e := newEInvoices(te.db)
	check := func(what string, finished, rejected, open float64) {
		t.Helper()
		got := mustCollect(t, e)
		for metric, want := range map[string]float64{"odoo_einvoices_finished_total": finished, "odoo_einvoices_rejected_total": rejected, "odoo_einvoices": open} {
			if v := sum(got, metric, "acme-uk", "peppol"); v != want {
				t.Errorf("%s: %s = %v, want %v", what, metric, v, want)
			}
		}
	}
	check("at first", 0, 0, 7)
	check("nothing happens", 0, 0, 7)
	te.exec("UPDATE account_move SET peppol_move_state = 'done', write_date = now() AT TIME ZONE 'utc' WHERE id = 4")
	check("one is accepted", 1, 0, 6)
	te.exec("UPDATE account_move SET write_date = now() AT TIME ZONE 'utc'")
	check("all are written to", 1, 0, 6)
	te.exec("UPDATE account_move SET peppol_move_state = 'error' WHERE id = 5")
	check("one is rejected", 2, 1, 6)
	te.exec("INSERT INTO account_move (company_id, peppol_move_state, write_date) VALUES (1, 'error', now() AT TIME ZONE 'utc'), (1, 'done', now() AT TIME ZONE 'utc')")
	check("two are new, one is rejected at once", 4, 2, 7)
	check("nothing happens again", 4, 2, 7)
	te.exec("INSERT INTO account_move (company_id, peppol_move_state, write_date) VALUES (1, 'error', " + beforeNow("9 days") + ")")
	check("an old rejection comes in sight", 4, 2, 8)
	te.exec("UPDATE account_move SET peppol_move_state = 'to_send' WHERE id = 5; DELETE FROM account_move WHERE id = 6; UPDATE account_move SET state = 'cancel' WHERE id = 7")
	check("one is sent again, one deleted, one cancelled", 4, 2, 6)
}

func TestARiseOfRejectionsIsSeenAndHabitIsNot(t *testing.T) {
	te := newDocuments(t, 18)
	e := newEInvoices(te.db)
	mustCollect(t, e)
	settle := func(accepted, rejected int) map[string]float64 {
		t.Helper()
		te.exec(`INSERT INTO account_move (company_id, peppol_move_state, write_date)
			SELECT 1, CASE WHEN i <= %d THEN 'done' ELSE 'error' END, now() AT TIME ZONE 'utc' FROM generate_series(1, %d) i`, accepted, accepted+rejected)
		return mustCollect(t, e)
	}
	rise := func(got map[string]float64) (float64, bool) {
		v, ok := got["odoo_einvoices_rejected_rise_ratio{peppol}"]
		return v, ok
	}
	if v, ok := rise(settle(4, 5)); ok {
		t.Errorf("rise = %v of nine e-invoices, want it unknown", v)
	}
	if v, _ := rise(settle(6, 5)); v != 0.5 {
		t.Errorf("rise = %v with half rejected and nothing before, want 0.5", v)
	}
	v := e.verdicts["peppol"]
	for i := range v.recent {
		v.recent[i].at = v.recent[i].at.Add(-2 * time.Hour)
	}
	if v, ok := rise(mustCollect(t, e)); ok {
		t.Errorf("rise = %v in an hour without any, want it unknown", v)
	}
	if v, ok := rise(settle(10, 10)); !ok || v != 0 {
		t.Errorf("rise = %v, %v with half rejected as before, want 0", v, ok)
	}
	if v, _ := rise(settle(0, 80)); v != 0.4 {
		t.Errorf("rise = %v with nine of ten rejected after half, want 0.4", v)
	}
}

// A state keeps its time when the invoice is written to for other reasons.
func TestTheAgeOfAnEInvoiceOutlivesOtherChanges(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec("INSERT INTO account_move (company_id, peppol_move_state, write_date) VALUES (1, 'processing', " + beforeNow("30 hours") + ")")
	e := newEInvoices(te.db)
	overdue := func() float64 { return sum(mustCollect(t, e), "odoo_einvoices_overdue", "sent") }
	first := overdue()
	te.exec("UPDATE account_move SET write_date = now() AT TIME ZONE 'utc'")
	if second := overdue(); first != 1 || second != 1 {
		t.Errorf("overdue before %v and after a payment %v, want 1 and 1", first, second)
	}
}

func TestOldEInvoicesAreFoundInTurn(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO account_move (id, company_id, peppol_move_state, write_date) VALUES (1, 1, 'to_send', now()), (12500, 2, 'to_send', now()), (22500, 1, 'to_send', now())`)
	e := newEInvoices(te.db)
	var got []float64
	for range 5 {
		got = append(got, sum(mustCollect(t, e), "odoo_einvoices", "queued"))
	}
	if diff := cmp.Diff([]float64{1, 2, 2, 3, 3}, got); diff != "" {
		t.Errorf("e-invoices seen by look (-want +got):\n%s", diff)
	}
}

// Italy keeps no transaction before the answer: what is still being sent after a
// while was sent, as far as anybody knows.
func TestWhatIsStillBeingSentIsUnclear(t *testing.T) {
	te := newDocuments(t, 17)
	te.exec("ALTER TABLE account_move ADD COLUMN l10n_it_edi_state varchar, ADD COLUMN l10n_hu_edi_state varchar")
	te.exec(`INSERT INTO account_move (company_id, l10n_it_edi_state, l10n_hu_edi_state, write_date) VALUES
		(1, 'being_sent', NULL, ` + beforeNow("1 minute") + `), (1, 'being_sent', NULL, ` + beforeNow("1 hour") + `), (1, 'forwarded', 'send_timeout', ` + beforeNow("1 minute") + `)`)
	got := mustCollect(t, newEInvoices(te.db))
	want := map[string]float64{"sdi queued": 1, "sdi unclear": 1, "nav unclear": 1, "sdi rejected": 0}
	for key, n := range want {
		format, state, _ := strings.Cut(key, " ")
		if v := sum(got, "odoo_einvoices", format, state); v != n {
			t.Errorf("%s = %v, want %v", key, v, n)
		}
	}
}

func TestExchangeRecordsOfInvoicesCount(t *testing.T) {
	te := newDocuments(t, 16)
	te.exec(`CREATE TABLE edi_exchange_record (id serial PRIMARY KEY, model varchar, res_id integer, edi_exchange_state varchar, write_date timestamp);
		GRANT SELECT ON edi_exchange_record TO reader;
		INSERT INTO account_move (company_id, write_date) VALUES (1, now());
		INSERT INTO edi_exchange_record (model, res_id, edi_exchange_state, write_date) VALUES
			('account.move', 1, 'output_pending', now()), ('account.move', 1, 'output_error_on_send', now()), ('account.move', 1, 'output_sent', now()),
			('account.move', 1, 'input_pending', now()), ('stock.picking', 1, 'output_pending', now())`)
	got := mustCollect(t, newEInvoices(te.db))
	if q, r := sum(got, "odoo_einvoices", "edi_oca", "queued"), sum(got, "odoo_einvoices", "edi_oca", "rejected"); q != 1 || r != 1 {
		t.Errorf("queued %v rejected %v, want 1 and 1", q, r)
	}
}

// A database without these modules, of whatever version, has nothing to report
// and is no finding; one that hides them is.
func TestWithoutTheModulesNothingIsReported(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newTenant(t, v)
			te.exec(`DROP TABLE account_edi_document, account_edi_format, mail_mail, mail_message, mail_notification, ir_attachment;
				ALTER TABLE account_move DROP COLUMN is_move_sent, DROP COLUMN sending_data`)
			for _, c := range documentCollectors(te, "") {
				if got := mustCollect(t, c); len(got) > 0 {
					t.Errorf("%T reports %v", c, got)
				}
			}
		})
	}
	te := newDocuments(t, 18)
	te.exec("REVOKE SELECT ON mail_mail, account_edi_document, ir_attachment FROM reader")
	for _, c := range documentCollectors(te, "") {
		for range 2 {
			if _, err := collect(t, c); fault.KindOf(err) != fault.Denied || fault.HintOf(err) == "" {
				t.Errorf("%T: %v, want a finding that says what to grant", c, err)
			}
		}
	}
}

// The columns that are listed, and granted by the role we ship, are all that is
// read.
func TestDocumentsNeedNoOtherColumns(t *testing.T) {
	te := newDocuments(t, 18)
	has, err := readTables(t.Context(), te.db.ask)
	if err != nil {
		t.Fatal(err)
	}
	te.exec("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM reader")
	for table, columns := range has.columns {
		te.exec("GRANT SELECT (%s) ON %s TO reader", strings.Join(slices.Sorted(maps.Keys(columns)), ", "), table)
	}
	te.exec(`INSERT INTO account_move (company_id, peppol_move_state, sending_data, is_move_sent, write_date) VALUES (1, 'error', '{}', true, now() - interval '1 day');
		INSERT INTO account_edi_format (code) VALUES ('es_sii');
		INSERT INTO account_edi_document (move_id, edi_format_id, state, write_date) VALUES (1, 1, 'to_send', now());
		INSERT INTO ir_attachment (name, res_model, res_id, res_field, file_size) VALUES ('x', 'account.move', 1, 'invoice_pdf_report_file', 9)`)
	got := map[string]float64{}
	for _, c := range documentCollectors(te, t.TempDir()) {
		maps.Copy(got, mustCollect(t, c))
	}
	for _, series := range []string{
		"odoo_einvoices{acme-uk,es_sii,queued}", "odoo_einvoices{acme-uk,peppol,rejected}", "odoo_invoices_sending{acme-uk}", "odoo_mails{outgoing}",
		"odoo_invoices_undelivered{acme-uk}", "odoo_invoice_pdfs_sampled{}", "odoo_attachments{database}", "odoo_filestore_files_checked{newest}",
	} {
		if _, published := got[series]; !published {
			t.Errorf("%s is not published with the columns that are listed", series)
		}
	}
}

func TestMails(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO mail_mail (mail_message_id, state, failure_type, create_date, write_date) VALUES
		(1, 'outgoing', NULL, '2025-11-20 10:00:00', NULL), (2, 'sent', NULL, '2025-11-20 09:00:00', NULL), (3, 'cancel', NULL, '2025-11-20 09:00:00', NULL),
		(4, 'exception', 'mail_smtp', '2025-11-20 10:00:00', now() AT TIME ZONE 'utc'), (5, 'exception', 'mail_email_missing', '2025-11-20 10:00:00', now() AT TIME ZONE 'utc')`)
	te.exec("INSERT INTO mail_mail (mail_message_id, state, create_date, scheduled_date) VALUES (6, 'outgoing', '2025-11-20 10:00:00', now() + interval '2 days')")
	m := newMails(te.db)
	if err := collectortest.Golden(t, m, "mails"); err != nil {
		t.Error(err)
	}
	te.exec("DELETE FROM mail_mail WHERE id = 1; UPDATE mail_mail SET state = 'outgoing' WHERE id = 4")
	got := mustCollect(t, m)
	if got["odoo_mails{outgoing}"] != 1 || got["odoo_mails{failed}"] != 1 {
		t.Errorf("after one left and one is tried again: %v", got)
	}
}

// write puts a file where Odoo would and returns its name.
func write(t *testing.T, folder, content string) string {
	t.Helper()
	sum := sha1.Sum([]byte(content))
	name := hex.EncodeToString(sum[:])
	if err := os.MkdirAll(filepath.Join(folder, name[:2]), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name[:2], name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name[:2] + "/" + name
}

func TestFilestore(t *testing.T) {
	te := newDocuments(t, 18)
	type file struct {
		name string
		size int
	}
	fill := func(t *testing.T, folder string) (all []file) {
		t.Helper()
		for i := range 60 {
			content := fmt.Sprintf("attachment %d", i)
			all = append(all, file{write(t, folder, content), len(content)})
		}
		return all
	}
	remove := func(t *testing.T, folder string, files ...file) {
		t.Helper()
		for _, f := range files {
			if err := os.Remove(filepath.Join(folder, f.name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		harm func(t *testing.T, folder string, all []file)
		want map[string]string
	}{
		"as written": {func(*testing.T, string, []file) {}, map[string]string{}},
		"the newest are lost after a restore": {func(t *testing.T, folder string, all []file) {
			t.Helper()
			remove(t, folder, all[50:]...)
		}, map[string]string{"odoo_filestore_newest_missing": "critical", "odoo_filestore_missing": "critical"}},
		"one of the oldest is lost": {func(t *testing.T, folder string, all []file) {
			t.Helper()
			remove(t, folder, all[0])
		}, map[string]string{"odoo_filestore_missing": "warning"}},
		"a new one is cut short": {func(t *testing.T, folder string, all []file) {
			t.Helper()
			if err := os.Truncate(filepath.Join(folder, all[30].name), 3); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"odoo_filestore_newest_missing": "warning", "odoo_filestore_missing": "warning"}},
		"the newest holds something else": {func(t *testing.T, folder string, all []file) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(folder, all[59].name), []byte("another thing"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"odoo_filestore_newest_missing": "warning", "odoo_filestore_missing": "warning"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			all := fill(t, folder)
			var rows []string
			for _, f := range all {
				rows = append(rows, fmt.Sprintf("('x', '%s', %d)", f.name, f.size))
			}
			te.exec(emptySQL + "INSERT INTO ir_attachment (name, store_fname, file_size) VALUES " + strings.Join(rows, ", "))
			tt.harm(t, folder, all)
			f := newFilestore(te.db, folder)
			for range 4 { // so many that every file is tried
				mustCollect(t, f)
			}
			if diff := cmp.Diff(tt.want, alarms(t, f)); diff != "" {
				t.Errorf("signals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheFilestoreIsAddedUpInParts(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO ir_attachment (id, name, store_fname, file_size, type) VALUES
		(1, 'x', 'ab/cd', 100, 'binary'), (2, 'x', NULL, 7, 'binary'), (3, 'x', NULL, NULL, 'url'),
		(7000, 'x', 'ab/ce', 20, 'binary'), (27000, 'x', 'ab/cf', 3, 'binary')`)
	f := newFilestore(te.db, "")
	var bytes []float64
	look := func() {
		t.Helper()
		got := mustCollect(t, f)
		if v, known := got["odoo_attachment_bytes{file}"]; known {
			bytes = append(bytes, v)
		} else {
			bytes = append(bytes, -1)
		}
	}
	look()
	look()
	te.exec("INSERT INTO ir_attachment (id, name, store_fname, file_size) VALUES (27001, 'x', 'ab/d0', 1000)")
	look()
	te.exec("DELETE FROM ir_attachment WHERE id = 1")
	look()
	if diff := cmp.Diff([]float64{-1, 123, 1123, 1023}, bytes); diff != "" {
		t.Errorf("bytes by look, -1 is unknown (-want +got):\n%s", diff)
	}
}

func TestFilestoreAsPublished(t *testing.T) {
	te := newDocuments(t, 18)
	folder := t.TempDir()
	var last string
	for i := range 12 {
		content := fmt.Sprintf("attachment %d", i)
		last = write(t, folder, content)
		te.exec("INSERT INTO ir_attachment (name, store_fname, file_size) VALUES ('x', '%s', %d)", last, len(content))
	}
	te.exec("INSERT INTO ir_attachment (name, file_size) VALUES ('x', 900)")
	if err := os.Remove(filepath.Join(folder, last)); err != nil {
		t.Fatal(err)
	}
	if err := collectortest.Golden(t, newFilestore(te.db, folder), "filestore"); err != nil {
		t.Error(err)
	}
}

func TestInvoicePDFsAsPublished(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec(`INSERT INTO account_move (company_id, is_move_sent, write_date) SELECT 1, true, ` + beforeNow("1 hour") + ` FROM generate_series(1, 20);
		INSERT INTO ir_attachment (name, res_model, res_id, res_field, file_size)
		SELECT 'x', 'account.move', i, 'invoice_pdf_report_file', CASE WHEN i = 1 THEN 0 ELSE 9000 END FROM generate_series(1, 16) i`)
	if err := collectortest.Golden(t, &reports{db: te.db}, "invoice_pdfs"); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeReadIsAFindingAndNoNumber(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec("INSERT INTO ir_attachment (name, store_fname, file_size) SELECT 'x', 'ab/' || repeat('a', 40), 3 FROM generate_series(1, 20)")
	got, err := collect(t, newFilestore(te.db, filepath.Join(t.TempDir(), "nowhere")))
	if fault.HintOf(err) == "" || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("err = %v, want one with a hint and without a path", err)
	}
	for series := range got {
		if strings.HasPrefix(series, "odoo_filestore") {
			t.Errorf("published %s of a folder that was not read", series)
		}
	}
}

// An attachment that is deleted while its file is looked for has rightly none.
func TestADeletedAttachmentIsNotMissing(t *testing.T) {
	te := newDocuments(t, 18)
	te.exec("INSERT INTO ir_attachment (name, store_fname, file_size) SELECT 'x', 'ab/' || repeat('a', 40), 3 FROM generate_series(1, 20)")
	ask := te.db.ask
	te.db.ask = func(ctx context.Context, qs ...pgsession.Query) pgsession.Results {
		rs := ask(ctx, qs...)
		if qs[0].Name == "ir_attachment newest" {
			if err := te.p.Exec(ctx, "postgres", te.name, "DELETE FROM ir_attachment WHERE id > 5"); err != nil {
				t.Error(err)
			}
		}
		return rs
	}
	got := mustCollect(t, newFilestore(te.db, t.TempDir()))
	if got["odoo_filestore_files_checked{newest}"] != 5 || got["odoo_filestore_files_missing{newest}"] != 5 {
		t.Errorf("checked %v missing %v, want the 5 that are left", got["odoo_filestore_files_checked{newest}"], got["odoo_filestore_files_missing{newest}"])
	}
}

// A folder on a server that is gone does not hold up the task, and is not asked
// again while it hangs. A pipe that nobody writes to hangs as well.
func TestAFolderThatHangsIsLeftBehind(t *testing.T) {
	te := newDocuments(t, 18)
	name := "ab/" + strings.Repeat("a", 40)
	te.exec("INSERT INTO ir_attachment (name, store_fname, file_size) VALUES ('x', '%s', 0)", name)
	folder := t.TempDir()
	pipe := filepath.Join(folder, name)
	if err := errors.Join(os.Mkdir(filepath.Dir(pipe), 0o700), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	f := newFilestore(te.db, folder)
	mustLook := func(ctx context.Context) error {
		o := &once{Collector: f, ctx: ctx}
		reg := prometheus.NewRegistry()
		reg.MustRegister(o)
		if _, err := reg.Gather(); err != nil {
			t.Fatal(err)
		}
		return o.err
	}
	ask, cancel := te.db.ask, func() {}
	te.db.ask = func(ctx context.Context, qs ...pgsession.Query) pgsession.Results {
		rs := ask(ctx, qs...)
		if qs[0].Name == "ir_attachment newest" {
			cancel() // the answer is there, and now the time is up
		}
		return rs
	}
	ctx, stop := context.WithCancel(t.Context())
	cancel = stop
	if err := mustLook(ctx); !errors.Is(err, context.Canceled) || fault.HintOf(err) == "" {
		t.Errorf("a look that hangs ends with %v, want what ended it and a hint", err)
	}
	if err := mustLook(t.Context()); !errors.Is(err, errBusy) || fault.KindOf(err) != fault.Timeout {
		t.Errorf("the next look ends with %v, want that the last has not ended", err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	writer.Close()
	f.busy <- struct{}{} // the look that was left behind has ended
	<-f.busy
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if err := mustLook(t.Context()); err != nil {
		t.Errorf("once the folder answers: %v", err)
	}
}

func TestNamesThatLeaveTheFolderAreNotLookedFor(t *testing.T) {
	rows := []string{"ab/" + strings.Repeat("0", 40), "../../etc/passwd", "s3://bucket/ab", "ab/" + strings.Repeat("g", 40), "/ab/" + strings.Repeat("0", 40), ""}
	var taken []string
	for _, name := range rows {
		if fileName.MatchString(name) {
			taken = append(taken, name)
		}
	}
	if diff := cmp.Diff(rows[:1], taken); diff != "" {
		t.Errorf("names looked for (-want +got):\n%s", diff)
	}
}

func TestASweepComesByEverything(t *testing.T) {
	s := sweep{size: 10}
	seen := map[int64]bool{}
	for high := int64(95); high < 110; high++ {
		newest, older := s.turn(high)
		for _, p := range []span{newest, older} {
			for id := p.low + 1; id <= p.high; id++ {
				seen[id] = true
			}
		}
	}
	for id := int64(1); id < 110; id++ {
		if !seen[id] {
			t.Fatalf("id %d was never looked at; seen %v", id, slices.Sorted(maps.Keys(seen)))
		}
	}
}
