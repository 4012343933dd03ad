package collectors_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A pain is a way in which one of the things happens that users of Odoo complain
// of, and what must be said of it.
type pain struct {
	row     string // of the catalogue: what people notice
	by      string // what brings it about here
	spoil   func(e *odooEstate)
	mend    func(e *odooEstate) // nil: it is over when time has passed
	goes    time.Duration       // how long after that it is still told
	remains bool                // it cannot be undone: it is told for weeks
	want    []string            // signals and states
}

// The rows of the catalogue.
const (
	deafRunner   = "The job runner is deaf: jobs pile up, nothing is logged"
	stuckJobs    = "Jobs stay started after a kill and block their channel"
	silentCron   = "A scheduled action silently does not run, or is switched off"
	starvedCrons = "One scheduled action is killed again and again, the others starve"
	autoPost     = "Automatic posting stalls or loops on one bad entry"
	storms       = "Transactions collide while invoices are posted"
	undelivered  = "Invoices are marked as sent and do not arrive"
	peppol       = "Peppol invoices hang, or a release breaks their XML"
	doubtful     = "The authority took it although the request timed out"
	resent       = "The proxy times out, the user tries again: the statement is there twice"
	voidedTax    = "The tax is voided outside, the entry is locked"
	pdfs         = "PDFs are not made"
	websockets   = "Websockets reach the wrong port, connections run out"
	filestores   = "After a restore, database and files do not match"
	exceptions   = "Exceptions to lock dates have no end, or are for everyone"
	inalterable  = "The hash chain breaks, numbers are missing"
)

// The first actions of the stand-in by id.
const (
	cronMail, cronAutoPost, cronSend = 2, 4, 5
)

// invoice adds posted invoices of acme, numbered from the highest on, and returns
// the highest id.
func (e *odooEstate) invoices(n int, more string) int {
	e.Helper()
	columns, values := "", ""
	if !strings.Contains(more, "write_date=") {
		more += "; write_date=" + utc
	}
	for pair := range strings.SplitSeq(more, ";") {
		if column, value, found := strings.Cut(strings.TrimSpace(pair), "="); found {
			columns, values = columns+", "+column, values+", "+value
		}
	}
	e.sql(`INSERT INTO account_move (journal_id, company_id, currency_id, partner_id, commercial_partner_id, state, move_type, auto_post, checked, date, invoice_date, sequence_prefix, sequence_number, name, made_sequence_gap, create_date%[2]s)
		SELECT 1, 1, 1, 10, 10, 'posted', 'out_invoice', 'no', true, %[4]s::date, %[4]s::date, 'INV/', last + i, 'INV/' || last + i, false, %[4]s%[3]s
		FROM generate_series(1, %[1]d) i, (SELECT coalesce(max(sequence_number), 0) AS last FROM account_move WHERE journal_id = 1 AND sequence_prefix = 'INV/') l`, n, columns, values, utc)
	var id int
	must(e.T, e.db.QueryRow(e.Context(), "SELECT max(id) FROM account_move").Scan(&id))
	return id
}

// jobs adds jobs of a state that is so long ago.
func (e *odooEstate) jobs(n int, state, ago string, pid int) {
	e.Helper()
	e.sql(`INSERT INTO queue_job (uuid, channel, state, date_created, date_enqueued, date_started, worker_pid)
		SELECT gen_random_uuid()::text, 'root.einvoice', '%[2]s', t, CASE WHEN '%[2]s' <> 'pending' THEN t END, CASE WHEN '%[2]s' = 'started' THEN t END, nullif(%[4]d, 0)
		FROM generate_series(1, %[1]d), (SELECT %[5]s - interval '%[3]s' AS t) x`, n, state, ago, pid, utc)
}

func (e *odooEstate) statement(checksum string) {
	e.Helper()
	e.sql(`WITH s AS (INSERT INTO account_bank_statement (journal_id, company_id, date, is_complete, create_date) VALUES (6, 1, %[1]s::date, true, %[1]s) RETURNING id)
		INSERT INTO ir_attachment (name, type, res_model, res_id, checksum, create_date) SELECT 's', 'binary', 'account.bank.statement', id, '%[2]s', %[1]s FROM s`, utc, checksum)
}

func sqls(statements string) func(e *odooEstate) { return func(e *odooEstate) { e.sql(statements) } }

func both(fs ...func(e *odooEstate)) func(e *odooEstate) {
	return func(e *odooEstate) {
		for _, f := range fs {
			f(e)
		}
	}
}

func logged(n int, level, logger, message string) func(e *odooEstate) {
	return func(e *odooEstate) {
		var lines []string
		for range n {
			first, rest, more := strings.Cut(message, "\n")
			lines = append(lines, e.record(level, logger, first))
			if more {
				lines = append(lines, strings.Split(rest, "\n")...)
			}
		}
		e.say("odoo.log", append(lines, e.record("INFO", "odoo.service.server", "Worker (32) alive"))...)
	}
}

func requested(path string, status int, took time.Duration) func(e *odooEstate) {
	return func(e *odooEstate) { e.say("access.log", e.request(path, status, took)) }
}

func stop(id int) func(e *odooEstate)  { return func(e *odooEstate) { e.stopped[id] = true } }
func start(id int) func(e *odooEstate) { return func(e *odooEstate) { delete(e.stopped, id) } }

func pass(d time.Duration) func(e *odooEstate) {
	return func(e *odooEstate) { e.advance(d); e.look() }
}

const (
	noJobs    = "DELETE FROM queue_job"
	minutes5  = 6 * time.Minute
	halfAnHor = 35 * time.Minute
)

// pains are all rows of the catalogue, some in several ways.
func pains() []pain {
	notify := func(status string) func(e *odooEstate) {
		return func(e *odooEstate) {
			e.sql(`INSERT INTO mail_message (model, res_id, create_date) VALUES ('account.move', %d, %s);
				INSERT INTO mail_notification (mail_message_id, res_partner_id, notification_status) SELECT max(id), 10, '%s' FROM mail_message`, e.invoices(1, "is_move_sent=true"), utc, status)
		}
	}
	invoice := func(more string) func(e *odooEstate) {
		return func(e *odooEstate) { e.invoices(1, more) }
	}
	return []pain{
		{
			row: deafRunner, by: "SQL: jobs wait, the runner's session is there and takes none",
			spoil: func(e *odooEstate) { e.jobs(8, "pending", "10 minutes", 0) }, mend: sqls(noJobs),
			want: []string{"odoo_jobrunner_deaf critical"},
		},
		{
			row: deafRunner, by: "SQL: jobs wait, the runner's session is gone",
			spoil: func(e *odooEstate) { e.jobs(8, "pending", "10 minutes", 0); e.stopRunner() }, mend: both(sqls(noJobs), (*odooEstate).startRunner),
			want: []string{"odoo_jobrunner_gone critical"},
		},
		{
			row: stuckJobs, by: "SQL: two jobs started by a worker that is gone, others wait",
			spoil: func(e *odooEstate) { e.jobs(2, "started", "8 minutes", 77); e.jobs(8, "pending", "8 minutes", 0) }, mend: sqls(noJobs),
			want: []string{"odoo_queue_stuck critical", "odoo_queue_orphans warning"},
		},
		{
			row: stuckJobs, by: "SQL: a job started 20 minutes ago, its worker lives",
			spoil: func(e *odooEstate) { e.session(78); e.jobs(1, "started", "20 minutes", 78) }, mend: sqls(noJobs),
			want: []string{"odoo_queue_requeue_risk warning"},
		},
		{
			row: silentCron, by: "SQL: the action that sends invoices becomes inactive",
			spoil: sqls("UPDATE ir_cron SET active = false WHERE id = 5"), mend: sqls("UPDATE ir_cron SET active = true WHERE id = 5"),
			want: []string{"odoo_scheduled_action_deactivated warning"},
		},
		{
			row: silentCron, by: "SQL: the action that sends mail is due and does not run",
			spoil: both(stop(cronMail), sqls("UPDATE ir_cron SET nextcall = "+utc+" - interval '2 hours' WHERE id = 2")), mend: start(cronMail),
			want: []string{"odoo_scheduled_action_overdue warning"},
		},
		{
			row: silentCron, by: "SQL: the action that sends invoices has failed twice",
			spoil: sqls("UPDATE ir_cron SET failure_count = 2, first_failure_date = " + utc + " WHERE id = 5"), mend: sqls("UPDATE ir_cron SET failure_count = 0, first_failure_date = NULL WHERE id = 5"),
			want: []string{"odoo_scheduled_action_failing warning"},
		},
		{
			row: starvedCrons, by: "SQL: posting drafts was begun three times and did not end, four actions are due; log: the worker's time limit",
			spoil: func(e *odooEstate) {
				for _, id := range []int{1, 2, 3, cronAutoPost, 9} {
					e.stopped[id] = true
				}
				e.sql(`UPDATE ir_cron SET nextcall = %[1]s - interval '3 hours' WHERE id IN (1, 2, 3, 4, 9);
					INSERT INTO ir_cron_progress (cron_id, remaining, done, timed_out_counter, deactivate, create_date, write_date) VALUES (4, 0, 0, 3, false, %[1]s - interval '20 minutes', %[1]s - interval '20 minutes')`, utc)
				e.say("odoo.log", e.record("INFO", "odoo.addons.base.models.ir_cron", "Job 'post' (4) starting"), e.record("ERROR", "odoo.service.server", "WorkerCron (31) timeout after 120s"), e.record("INFO", "odoo.service.server", "Worker WorkerCron (33) alive"))
			},
			mend: func(e *odooEstate) { clear(e.stopped) }, goes: minutes5,
			want: []string{"odoo_scheduled_action_holds_up warning", "odoo_scheduled_action_timed_out critical", "odoo_scheduled_action_overdue warning", "odoo_workers_killed_action warning"},
		},
		{
			row: autoPost, by: "SQL: a draft was due at the last run and is a draft still",
			spoil: sqls(`INSERT INTO account_move (journal_id, company_id, currency_id, state, move_type, auto_post, date, name, create_date, write_date)
				SELECT 1, 1, 1, 'draft', 'entry', 'at_date', (` + utc + `)::date - 1, '/', ` + utc + ` - interval '9 days', ` + utc + ` - interval '9 days';
				UPDATE ir_cron SET lastcall = ` + utc + ` - interval '1 minute' WHERE id = 4`),
			mend: sqls("DELETE FROM account_move WHERE auto_post = 'at_date'"),
			want: []string{"odoo_auto_post_stuck warning"},
		},
		{
			row: autoPost, by: "SQL: the action runs every minute and posts nothing",
			spoil: func(e *odooEstate) {
				e.sql(`INSERT INTO account_move (journal_id, company_id, currency_id, state, move_type, auto_post, date, name, create_date, write_date)
					VALUES (1, 1, 1, 'draft', 'entry', 'at_date', %[1]s, '/', %[1]s - interval '9 days', %[1]s - interval '9 days')`, utc)
				e.look()
				for range 6 {
					e.advance(time.Minute)
					e.sql("UPDATE ir_cron SET lastcall = %s WHERE id = 4", utc)
					e.look()
				}
			},
			mend: sqls("DELETE FROM account_move WHERE auto_post = 'at_date'"), goes: 65 * time.Minute,
			want: []string{"odoo_auto_post_looping warning", "odoo_auto_post_stuck warning"},
		},
		{
			row: storms, by: "log: 120 serialization failures, 11 transactions given up",
			spoil: both(logged(120, "INFO", "odoo.service.model", "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec..."), logged(11, "INFO", "odoo.service.model", "SERIALIZATION_FAILURE, maximum number of tries reached!")),
			goes:  minutes5,
			want:  []string{"odoo_conflicts_exhausted critical", "odoo_conflicts_retried warning"},
		},
		{
			row: undelivered, by: "SQL: a sent invoice's message came back",
			spoil: notify("bounce"), mend: sqls("UPDATE mail_notification SET notification_status = 'sent'"),
			want: []string{"odoo_invoices_undelivered warning"},
		},
		{
			row: undelivered, by: "SQL: an invoice has waited for 5 hours for the action that sends",
			spoil: invoice("sending_data='{}'; write_date=" + utc + " - interval '5 hours'"), mend: sqls("UPDATE account_move SET sending_data = NULL"),
			want: []string{"odoo_invoices_unsent warning"},
		},
		{
			row: peppol, by: "SQL: an invoice is to be sent for 5 hours, another unanswered for 26",
			spoil: both(invoice("peppol_move_state='to_send'; write_date="+utc+" - interval '5 hours'"), invoice("peppol_move_state='processing'; peppol_message_uuid='x'; write_date="+utc+" - interval '26 hours'")),
			mend:  sqls("UPDATE account_move SET peppol_move_state = 'done' WHERE peppol_move_state IS NOT NULL"),
			want:  []string{"odoo_einvoices_unanswered warning", "odoo_einvoices_unsent warning"},
		},
		{
			row: peppol, by: "SQL: of 20 invoices that are answered 12 are rejected",
			spoil: func(e *odooEstate) {
				e.invoices(20, "peppol_move_state='processing'; peppol_message_uuid='x'")
				e.look()
				e.sql("UPDATE account_move SET peppol_move_state = CASE WHEN id %% 5 < 3 THEN 'error' ELSE 'done' END, write_date = %s WHERE peppol_move_state = 'processing'", utc)
			},
			mend: sqls("UPDATE account_move SET peppol_move_state = 'skipped' WHERE peppol_move_state = 'error'"), goes: 65 * time.Minute,
			want: []string{"odoo_einvoices_rejections_rise critical"},
		},
		{
			row: doubtful, by: "SQL: an invoice is to be sent again although the network has a number for it; access log: sending timed out",
			spoil: both(invoice("peppol_move_state='to_send'; peppol_message_uuid='x'"), requested("/web/dataset/call_kw/account.move.send.wizard/action_send_and_print", 504, time.Minute)),
			mend:  sqls("UPDATE account_move SET peppol_move_state = 'done' WHERE peppol_move_state IS NOT NULL"), goes: halfAnHor,
			want: []string{"odoo_einvoices_unclear warning", "traefik_interrupted_writes warning"},
		},
		{
			row: resent, by: "access log: an import timed out; SQL: two statements of one file, minutes apart",
			spoil: both(func(e *odooEstate) { e.statement("file") }, requested("/web/dataset/call_kw/account.statement.import/import_file_button", 504, time.Minute),
				pass(3*time.Minute), func(e *odooEstate) { e.statement("file") }),
			mend: sqls("DELETE FROM ir_attachment WHERE res_model = 'account.bank.statement'; DELETE FROM account_bank_statement"), goes: halfAnHor,
			want: []string{"odoo_bank_statement_imported_twice warning", "traefik_interrupted_writes warning"},
		},
		{
			row: voidedTax, by: "SQL: a document is cancelled outside, its entry is posted in a locked month",
			spoil: func(e *odooEstate) {
				id := e.invoices(1, "")
				e.sql(`INSERT INTO account_edi_format (code) VALUES ('avatax') ON CONFLICT DO NOTHING;
					INSERT INTO account_edi_document (move_id, edi_format_id, state, write_date) VALUES (%d, (SELECT min(id) FROM account_edi_format), 'cancelled', %s);
					UPDATE res_company SET tax_lock_date = %[2]s WHERE id = 1`, id, utc)
			},
			mend: sqls("DELETE FROM account_edi_document"),
			want: []string{"odoo_documents_voided_while_locked warning"},
		},
		{
			row: pdfs, by: "log: wkhtmltopdf ends with -11",
			spoil: logged(1, "WARNING", "odoo.addons.base.models.ir_actions_report", "Wkhtmltopdf failed (error code: -11). Message: x"), goes: minutes5,
			want: []string{"odoo_pdf_failures warning"},
		},
		{
			row: pdfs, by: "SQL: half of 40 invoices that were sent have no PDF",
			spoil: func(e *odooEstate) {
				id := e.invoices(40, "is_move_sent=true; write_date="+utc+" - interval '1 hour'")
				e.sql(`INSERT INTO ir_attachment (name, type, res_model, res_id, res_field, file_size, create_date) SELECT 'x', 'binary', 'account.move', i, 'invoice_pdf_report_file', 9000, %s FROM generate_series(%d, %d) i`, utc, id-39, id-20)
			},
			mend: sqls("UPDATE account_move SET is_move_sent = false WHERE NOT EXISTS (SELECT FROM mail_message WHERE res_id = account_move.id)"),
			want: []string{"odoo_invoice_pdfs_missing warning"},
		},
		{
			row: websockets, by: "stand-in: /websocket reaches a worker",
			spoil: func(e *odooEstate) { e.odoo.Faults().SetWebsocketMisrouted(true) }, mend: func(e *odooEstate) { e.odoo.Faults().SetWebsocketMisrouted(false) },
			want: []string{"odoo_websocket_up warning"},
		},
		{
			row: websockets, by: "log: the connection pool is full",
			spoil: logged(1, "ERROR", "odoo.http", "Exception during request handling.\nTraceback (most recent call last):\npsycopg2.pool.PoolError: The Connection Pool Is Full"), goes: minutes5,
			want: []string{"odoo_connection_pool_full warning"},
		},
		{
			row: filestores, by: "files: the folder of attachments is that of another day",
			spoil: func(e *odooEstate) {
				must(e.T, os.Rename(e.filestore(), filepath.Join(e.dir, "aside")))
				must(e.T, os.Mkdir(e.filestore(), 0o700))
			},
			mend: func(e *odooEstate) {
				must(e.T, os.Remove(e.filestore()))
				must(e.T, os.Rename(filepath.Join(e.dir, "aside"), e.filestore()))
				for range 20 { // looks that what is found at random is of
					e.read("filestore", "")
				}
			},
			want: []string{"odoo_filestore_missing critical", "odoo_filestore_newest_missing critical"},
		},
		{
			row: exceptions, by: "SQL: an exception without an end, one without a user",
			spoil: sqls(`INSERT INTO account_lock_exception (company_id, user_id, lock_date_field, active, end_datetime) VALUES
				(1, 7, 'fiscalyear_lock_date', true, NULL), (1, NULL, 'tax_lock_date', true, ` + utc + ` + interval '1 day')`),
			mend: sqls("UPDATE account_lock_exception SET active = false"),
			want: []string{"odoo_lock_exception_endless warning", "odoo_lock_exception_for_everyone warning"},
		},
		{
			row: inalterable, by: "SQL: a posted invoice is deleted",
			spoil: func(e *odooEstate) {
				id := e.invoices(3, "")
				e.sql("DELETE FROM account_move WHERE id = %d; UPDATE account_move SET made_sequence_gap = true WHERE id = %d", id-1, id)
			},
			mend: sqls("UPDATE account_move SET sequence_number = sequence_number - 1, name = 'INV/' || sequence_number - 1 WHERE made_sequence_gap"),
			want: []string{"odoo_sequence_gaps warning"},
		},
		{
			row: inalterable, by: "SQL: the hash of an entry is changed", remains: true,
			spoil: func(e *odooEstate) {
				id := e.invoices(5, "inalterable_hash='$4$' || md5((last + i)::text)")
				e.look()
				e.sql("UPDATE account_move SET inalterable_hash = '$4$0' WHERE id = %d", id-2)
			},
			want: []string{"odoo_hash_chain_broken critical"},
		},
	}
}

// TestPain brings about each row of the catalogue of what users of Odoo complain
// of. Before it, none of its signals is up; then those are that must be; when it
// is over, none is again. Nothing else may be up either.
func TestPain(t *testing.T) {
	parallel(t)
	e := newOdooEstate(t, time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC))
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| pain\t| brought about by\t| signal\t| state\t| says")
	for _, p := range pains() {
		t.Run(p.row+": "+p.by, func(t *testing.T) {
			outer := e.T
			e.T = t
			defer func() { e.T = outer }()
			if before := e.watchFor(time.Minute); len(before) > 0 {
				t.Fatalf("before:\n%s", said(before))
			}
			p.spoil(e)
			found := e.watchFor(0, time.Minute, 11*time.Minute, 5*time.Minute)
			for _, want := range p.want {
				name, state, _ := strings.Cut(want, " ")
				if got := found[name]; got.state.String() != state {
					t.Errorf("%s is %v, want %s", name, got.state, state)
				}
				fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %v\t| %s\n", p.row, p.by, name, found[name].state, found[name].says)
			}
			for name := range found {
				if !slices.ContainsFunc(p.want, func(want string) bool { return strings.HasPrefix(want, name+" ") }) {
					t.Errorf("besides: %s", said(map[string]finding{name: found[name]}))
				}
			}
			if p.remains {
				return
			}
			if p.mend != nil {
				p.mend(e)
			}
			e.advance(time.Minute + p.goes)
			e.look()
			if after := e.watchFor(time.Minute); len(after) > 0 {
				t.Errorf("when it is over:\n%s", said(after))
			}
		})
	}
	must(t, w.Flush())
	t.Logf("\n%s", table.String())
}

// watchFor looks after each of these times and returns the worst of what it saw.
func (e *odooEstate) watchFor(after ...time.Duration) map[string]finding {
	e.Helper()
	worst := map[string]finding{}
	for _, d := range after {
		e.advance(d)
		for name, f := range e.look() {
			if f.state > worst[name].state {
				worst[name] = f
			}
		}
	}
	return worst
}

// TestPagesOfPains holds docs/pains.md to what is tested: each row of the
// catalogue has its part, which names every signal that must come.
func TestPagesOfPains(t *testing.T) {
	page, err := os.ReadFile("../docs/pains.md")
	must(t, err)
	parts := map[string]string{}
	for part := range strings.SplitSeq(string(page), "\n## ") {
		title, text, _ := strings.Cut(part, "\n")
		parts[title] = text
	}
	rows := map[string]bool{}
	for _, p := range pains() {
		rows[p.row] = true
		for _, want := range p.want {
			if name, _, _ := strings.Cut(want, " "); !strings.Contains(parts[p.row], "`"+name+"`") {
				t.Errorf("%q does not name %s", p.row, name)
			}
		}
		for _, word := range []string{"- People notice: ", "- Told by: ", "- Sees: ", "- First: "} {
			if !strings.Contains(parts[p.row], word) {
				t.Errorf("%q does not say %q", p.row, word)
			}
		}
	}
	if len(rows) != 16 || len(parts) != 17 {
		t.Errorf("%d rows and %d parts, want 16 and one more", len(rows), len(parts))
	}
}
