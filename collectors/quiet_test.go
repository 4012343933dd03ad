package collectors_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fullMonth reports whether healthy estates are looked at every quarter of an
// hour (make test-pain), and not only now and then.
func fullMonth() bool { return os.Getenv("CLOSEWATCH_PAIN") == "full" }

// TestQuietMonth lives through a month, or at small size some days of it, in
// which nothing is wrong: weekends, a
// holiday, nights without work, the end of summer time, jobs that fail and are
// tried again, restarts of Odoo and of what watches it. Nothing may be told.
func TestQuietMonth(t *testing.T) {
	parallel(t)
	begin, end := berlin(time.October, 19, 6), berlin(time.October, 28, 6)
	if fullMonth() {
		begin, end = berlin(time.October, 1, 6), berlin(time.November, 1, 6)
	}
	e := newOdooEstate(t, begin)
	o := &office{odooEstate: e, invoicesAnHour: 3, holiday: berlin(time.October, 22, 0)}
	o.exec(`INSERT INTO account_move (journal_id, company_id, currency_id, state, move_type, auto_post, date, name, create_date, write_date)
		SELECT 3, 1, 1, 'draft', 'entry', 'monthly', date '2026-10-01' + 7 * i, '/', {now}, {now} FROM generate_series(1, 4) i`)
	o.until(end, func(at time.Time) {
		switch at.Format("02 15") {
		case "09 11", "20 23":
			e.watch() // the daemon is restarted
		case "21 20":
			o.deploy()
		}
	})
}

// TestClose lives through a close from two days before the end of a month to its
// sixth working day: many postings, jobs that pile up and are done within the
// hour, drafts that are posted late, lock dates that are set as planned.
func TestClose(t *testing.T) {
	parallel(t)
	e := newOdooEstate(t, berlin(time.October, 29, 6))
	o := &office{odooEstate: e, invoicesAnHour: 3}
	o.until(berlin(time.November, 7, 6), func(at time.Time) {
		day := at.Format("01-02")
		o.invoicesAnHour, o.backlog = 3, 0
		if day == "10-29" || day == "10-30" || day == "11-02" {
			o.invoicesAnHour, o.backlog = 60, 300
		}
		switch at.Format("01-02 15") {
		case "10-30 16": // accruals that wait for their figures
			o.exec(`INSERT INTO account_move (journal_id, company_id, currency_id, state, move_type, auto_post, date, name, create_date, write_date)
				SELECT 3, 1, 1, 'draft', 'entry', 'no', date '2026-10-31', '/', {now}, {now} FROM generate_series(1, 30)`)
		case "11-02 16":
			o.post("auto_post = 'no' AND date = '2026-10-31'")
		case "11-04 17":
			o.exec("UPDATE res_company SET tax_lock_date = '2026-10-31' WHERE id = 1")
		case "11-05 10": // one person, for some hours
			o.exec(`INSERT INTO account_lock_exception (company_id, user_id, lock_date_field, lock_date, active, end_datetime) VALUES (1, 7, 'tax_lock_date', '2026-09-30', true, {now} + interval '4 hours')`)
		case "11-06 17":
			o.exec("UPDATE res_company SET fiscalyear_lock_date = '2026-10-31' WHERE id = 1")
		}
	})
}

// berlin is an instant of 2026.
func berlin(month time.Month, day, hour int) time.Time {
	return time.Date(2026, month, day, hour, 0, 0, 0, berlinTime())
}

func berlinTime() *time.Location {
	where, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return where
}

// An office is people who work with a healthy Odoo, by the hour.
type office struct {
	*odooEstate
	holiday        time.Time
	invoicesAnHour int
	backlog        int // jobs that are put into the queue at once each hour
	worked         int // hours
}

func (o *office) local() time.Time { return o.now().In(berlinTime()) }

func (o *office) workday() bool {
	day := o.local()
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && day.Format(time.DateOnly) != o.holiday.Format(time.DateOnly)
}

// until lets hours pass and looks. What is seen twice within five minutes may be
// told, so that most looks come in pairs.
func (o *office) until(end time.Time, happens func(at time.Time)) {
	o.Helper()
	looks, begun := 0, o.now()
	look := func() {
		looks++
		if found := o.look(); len(found) > 0 {
			o.Errorf("%s:\n%s", o.local().Format("Mon 2 Jan 15:04"), said(found))
		}
	}
	for look(); o.now().Before(end) && !o.Failed(); {
		o.advance(time.Hour - time.Duration(o.local().Minute())*time.Minute - time.Duration(o.local().Second())*time.Second)
		happens(o.local())
		o.hour()
		o.happened()
		if hours := int(o.now().Sub(begun).Hours()); !fullMonth() && hours%23 != 0 && (hours >= 240 || hours%11 != 0) {
			continue
		}
		look()
		o.advance(5 * time.Minute)
		o.minutes()
		look()
		if fullMonth() {
			for range 3 {
				o.advance(15 * time.Minute)
				o.minutes()
				look()
			}
		}
	}
	o.Logf("%d looks in %v", looks, o.now().Sub(begun))
}

// exec executes statements in which {now} is Odoo's time and {day} its date.
func (o *office) exec(statements string) {
	o.Helper()
	o.sql(strings.NewReplacer("{now}", utc, "{day}", utc+"::date", "%", "%%").Replace(statements))
}

// hour is what is done in the hour that ends now.
func (o *office) hour() {
	o.Helper()
	hour := o.local().Hour()
	// What does not need people: mail leaves, jobs end, drafts that are due are
	// posted when their action runs, answers of the network come in.
	o.exec(`UPDATE queue_job SET state = 'done', date_done = {now}, date_enqueued = coalesce(date_enqueued, {now}), date_started = coalesce(date_started, {now}) WHERE state <> 'done';
		DELETE FROM queue_job WHERE date_done < {now} - interval '2 days';
		DELETE FROM mail_mail WHERE state = 'outgoing' AND create_date < (SELECT lastcall FROM ir_cron WHERE id = 2);
		UPDATE account_move SET peppol_move_state = 'done', write_date = {now} WHERE peppol_move_state = 'processing' AND write_date < {now} - interval '6 hours';
		UPDATE account_move SET peppol_move_state = 'done', write_date = {now} WHERE peppol_move_state = 'error' AND write_date < {now} - interval '20 hours'`)
	o.post("auto_post <> 'no' AND date <= (SELECT lastcall::date FROM ir_cron WHERE id = 4)")
	if !o.workday() {
		return
	}
	switch hour {
	case 7:
		o.bank()
	case 15:
		o.exec(`UPDATE account_bank_statement_line SET is_reconciled = true WHERE id % 9 > 0 OR create_date < {now} - interval '4 days'`)
	}
	if hour >= 8 && hour <= 18 {
		o.work()
	}
}

// work is an hour of people.
func (o *office) work() {
	o.Helper()
	o.worked++
	first := o.invoices(o.invoicesAnHour, "is_move_sent=true; peppol_move_state='processing'; peppol_message_uuid='u'") - o.invoicesAnHour + 1
	o.exec(fmt.Sprintf(`
		INSERT INTO mail_message (model, res_id, create_date) SELECT 'account.move', i, {now} FROM generate_series(%[1]d, %[2]d) i;
		INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_status) SELECT id, 10, 'sent' FROM mail_message WHERE res_id BETWEEN %[1]d AND %[2]d;
		INSERT INTO ir_attachment (name, type, res_model, res_id, res_field, file_size, create_date) SELECT 'pdf', 'binary', 'account.move', i, 'invoice_pdf_report_file', 9000, {now} FROM generate_series(%[1]d, %[2]d) i;
		INSERT INTO mail_mail (mail_message_id, state, create_date, write_date) SELECT max(id), 'outgoing', {now}, {now} FROM mail_message;
		INSERT INTO account_payment (journal_id, company_id, state, payment_type, partner_type, partner_id, amount, date, is_matched, create_date)
			SELECT 6, 1, 'in_process', 'inbound', 'customer', 10 + i, %[2]d, {day}, false, {now} + i * interval '1 millisecond' FROM generate_series(1, 2) i;
		UPDATE account_payment SET state = 'paid', is_matched = true WHERE date < {day} - 3`, first, first+o.invoicesAnHour-1))
	o.jobs(5, "pending", "20 seconds", 0)
	if o.backlog > 0 {
		o.jobs(o.backlog, "pending", "20 minutes", 0)
		o.jobs(2, "started", "10 seconds", 4301)
	}
	if o.worked%25 == 7 { // a job fails and is tried again; an invoice is refused and corrected
		o.exec(`UPDATE queue_job SET state = 'failed', retry = 1, max_retries = 5 WHERE id = (SELECT max(id) FROM queue_job WHERE state = 'pending');
			UPDATE account_move SET peppol_move_state = 'error' WHERE id = (SELECT max(id) FROM account_move WHERE peppol_move_state = 'processing');
			INSERT INTO mail_mail (mail_message_id, state, failure_type, create_date, write_date) VALUES (1, 'exception', 'mail_email_invalid', {now}, {now})`)
	}
	o.attach(1)
}

// bank takes in the statement of the day before.
func (o *office) bank() {
	o.Helper()
	o.exec(`WITH s AS (INSERT INTO account_bank_statement (journal_id, company_id, date, is_complete, create_date) VALUES (6, 1, {day} - 1, true, {now}) RETURNING id),
		a AS (INSERT INTO ir_attachment (name, type, res_model, res_id, checksum, create_date) SELECT 'camt', 'binary', 'account.bank.statement', id, md5({now}::text), {now} FROM s),
		m AS (INSERT INTO account_move (journal_id, company_id, currency_id, state, move_type, auto_post, checked, date, name, sequence_prefix, sequence_number, create_date, write_date)
			SELECT 6, 1, 1, 'posted', 'entry', 'no', true, {day} - 1, 'BNK1/' || n + i, 'BNK1/', n + i, {now}, {now}
			FROM generate_series(1, 12) i, (SELECT coalesce(max(sequence_number), 0) AS n FROM account_move WHERE journal_id = 6) x RETURNING id, date)
		INSERT INTO account_bank_statement_line (move_id, journal_id, company_id, amount, payment_ref, internal_index, is_reconciled, create_date)
			SELECT id, 6, 1, id, 'r' || id, to_char(date, 'YYYYMMDD') || '2147483647' || lpad(id::text, 10, '0'), id % 4 > 0, {now} FROM m`)
}

// post posts drafts of the general journal under the next numbers.
func (o *office) post(which string) {
	o.Helper()
	o.exec(`UPDATE account_move m SET state = 'posted', auto_post = 'no', checked = true, sequence_prefix = 'MISC/', sequence_number = n + k, name = 'MISC/' || n + k, made_sequence_gap = false, write_date = {now}
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS k FROM account_move WHERE state = 'draft' AND ` + which + `) d,
			(SELECT coalesce(max(sequence_number), 0) AS n FROM account_move WHERE journal_id = 3) x
		WHERE m.id = d.id`)
}

// minutes is what happens in a few minutes: the job runner gets on.
func (o *office) minutes() {
	o.Helper()
	o.exec(`UPDATE queue_job SET state = 'done', date_done = {now}, date_enqueued = {now}, date_started = {now} WHERE state = 'started'
		OR id IN (SELECT id FROM queue_job WHERE state = 'pending' ORDER BY id LIMIT (SELECT 1 + 2 * count(*) / 3 FROM queue_job WHERE state = 'pending'))`)
	if o.backlog > 0 {
		o.exec(`UPDATE queue_job SET state = 'started', date_enqueued = {now} - interval '5 seconds', date_started = {now} - interval '4 seconds', worker_pid = 4301
			WHERE id IN (SELECT id FROM queue_job WHERE state = 'pending' ORDER BY id LIMIT 2)`)
	}
}

// happened adds to the logs what an hour leaves in them: most of it is well, and
// some users give up or make mistakes.
func (o *office) happened() {
	o.Helper()
	const post = "/web/dataset/call_kw/account.move/action_post"
	var in, out []string
	for range 3 {
		in = append(in, o.request(post, 200, 400*time.Millisecond), o.request("/web/dataset/call_kw/account.move/web_search_read", 200, 90*time.Millisecond))
		out = append(out, o.record("INFO", "werkzeug", `10.0.0.7 - - [22/Oct/2026 12:00:01] "POST `+post+` HTTP/1.1" 200 - 53 0.047 0.065`))
	}
	in = append(in, o.request("/web/dataset/call_kw/res.partner/web_search_read", 499, 200*time.Millisecond))
	out = append(out,
		o.record("WARNING", "odoo.http", "You cannot post an entry in a period that is locked."),
		o.record("INFO", "odoo.service.model", "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec..."),
		o.record("INFO", "odoo.service.server", "Worker (31) max request reached."),
		o.record("INFO", "odoo.service.server", "Worker WorkerHTTP (34) alive"))
	for file, lines := range map[string][]string{"access.log": in, "odoo.log": out} {
		f, err := os.OpenFile(filepath.Join(o.dir, file), os.O_APPEND|os.O_WRONLY, 0o600)
		must(o.T, err)
		_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
		must(o.T, err)
		must(o.T, f.Close())
	}
}

// deploy restarts Odoo, which is seen not to answer once; its job runner takes up
// what it had begun.
func (o *office) deploy() {
	o.Helper()
	addr := o.odoo.Addr()
	ctx, cancel := context.WithTimeout(o.Context(), 30*time.Second)
	defer cancel()
	o.jobs(1, "started", "20 seconds", 4301)
	must(o.T, o.odoo.Stop(ctx))
	o.stopRunner()
	if found := o.look(); len(found) > 0 {
		o.Errorf("while Odoo restarts:\n%s", said(found))
	}
	o.advance(time.Minute)
	o.startOdoo(addr)
	o.startRunner()
	o.exec("UPDATE queue_job SET state = 'pending', date_enqueued = NULL, date_started = NULL, worker_pid = NULL WHERE state = 'started'")
}
