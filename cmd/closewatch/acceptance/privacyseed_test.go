package acceptance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/lab/world"
)

// quoted is a text as a literal of SQL.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// personalBooks fills the tables of a tenant with what real ones hold, in every column
// that takes text, and in all states that are looked at.
const personalBooks = `
UPDATE res_partner SET name = @TEXT@, complete_name = @TEXT@, ref = @DOCUMENT@, email = @EMAIL@, comment = @TEXT@ WHERE id BETWEEN 10 AND 39;
UPDATE res_company SET name = @COMPANY@ WHERE id = 1;
UPDATE res_users SET login = @EMAIL@ WHERE id = 7;
UPDATE account_journal SET name = jsonb_build_object('en_US', @TEXT@::text) WHERE company_id = 1;
UPDATE account_account SET name = jsonb_build_object('en_US', @TEXT@::text) WHERE id < 45;
UPDATE account_journal SET restrict_mode_hash_table = true WHERE id = 1;
INSERT INTO res_company (id, name, partner_id, currency_id, sequence, parent_path, active) VALUES (7, @COMPANY@, 1, 1, 0, '7/', true);
INSERT INTO account_move (journal_id, company_id, partner_id, commercial_partner_id, currency_id, sequence_prefix, sequence_number, name, ref, state, move_type, auto_post,
       payment_reference, invoice_partner_display_name, invoice_origin, narration, date, invoice_date, invoice_date_due, amount_total, amount_residual, payment_state,
       sending_data, inalterable_hash, secure_sequence_number, made_sequence_gap, checked, is_move_sent, peppol_move_state, peppol_message_uuid, create_date, write_date)
SELECT CASE WHEN n % 4 = 0 THEN 6 ELSE 1 END, 1, 10 + n % 30, 10 + n % 30, 1, 'INV/2026/', 904170 + n, 'INV/2026/0' || 904170 + n, @DOCUMENT@ || @COMPANY@,
       CASE WHEN n % 3 = 0 THEN 'draft' ELSE 'posted' END, CASE WHEN n % 4 = 0 THEN 'entry' ELSE 'out_invoice' END, CASE WHEN n % 9 = 0 THEN 'at_date' ELSE 'no' END,
       @TEXT@, @COMPANY@, @TEXT@, @TEXT@, current_date - 40, current_date - 40, current_date - 10, 748319.27, 748319.27, 'not_paid',
       CASE WHEN n % 5 = 0 THEN jsonb_build_object('author', @TEXT@::text) END, CASE WHEN n % 3 > 0 THEN md5(n::text) END, n, n % 7 = 0, n % 2 = 0, true,
       (ARRAY['ready', 'processing', 'error', 'done'])[1 + n % 4], @TEXT@, now() AT TIME ZONE 'utc' - interval '3 hours', now() AT TIME ZONE 'utc' - interval '3 hours'
  FROM generate_series(1, 60) n;
INSERT INTO account_bank_statement (company_id, journal_id, name, reference, date, balance_start, balance_end, balance_end_real, is_complete, create_date)
VALUES (1, 6, @DOCUMENT@, @TEXT@, current_date - 3, 748319.27, 1496638.54, 748319.27, false, now() AT TIME ZONE 'utc');
INSERT INTO account_bank_statement_line (move_id, journal_id, company_id, partner_id, payment_ref, internal_index, amount, is_reconciled, amount_residual, create_date, write_date)
SELECT id, 6, 1, 10, @TEXT@, to_char(date, 'YYYYMMDD') || id, 748319.27, false, 748319.27, create_date, write_date FROM account_move WHERE journal_id = 6;
INSERT INTO account_payment (journal_id, company_id, partner_id, name, state, payment_type, partner_type, memo, payment_reference, date, amount, is_reconciled, is_matched, create_date, write_date)
SELECT 6, 1, 10, @PAYMENT@, 'in_process', 'outbound', 'supplier', @TEXT@, @TEXT@, current_date - 20, 748319.27, false, false, now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc' FROM generate_series(1, 5);
INSERT INTO account_lock_exception (company_id, user_id, reason, lock_date_field, lock_date, active, create_date)
VALUES (1, 7, @TEXT@, 'fiscalyear_lock_date', NULL, true, now() AT TIME ZONE 'utc'), (1, NULL, @TEXT@, 'tax_lock_date', NULL, true, now() AT TIME ZONE 'utc');
INSERT INTO mail_message (res_id, author_id, subject, model, message_id, create_date) SELECT id, 3, @TEXT@, 'account.move', @EMAIL@, create_date FROM account_move WHERE id <= 20;
INSERT INTO mail_mail (mail_message_id, state, failure_type, failure_reason, create_date, write_date)
SELECT id, CASE WHEN id % 2 = 0 THEN 'exception' ELSE 'outgoing' END, 'unknown', @TEXT@, now() AT TIME ZONE 'utc' - interval '5 minutes', now() AT TIME ZONE 'utc' - interval '5 minutes' FROM mail_message;
INSERT INTO mail_notification (author_id, mail_message_id, res_partner_id, notification_status, failure_type, failure_reason)
SELECT 3, id, 10, 'exception', 'mail_smtp', @TEXT@ FROM mail_message;
INSERT INTO account_edi_format (code, name) VALUES ('ubl_bis3', @TEXT@);
INSERT INTO account_edi_document (move_id, edi_format_id, state, blocking_level, error, create_date, write_date)
SELECT id, 1, 'to_send', CASE WHEN id % 2 = 0 THEN 'error' END, @TEXT@, create_date, write_date FROM account_move WHERE id <= 20;
INSERT INTO queue_job (company_id, uuid, name, model_name, method_name, func_string, state, exc_name, exc_message, exc_info, channel, identity_key, records, retry, max_retries, date_created, date_started, date_enqueued)
SELECT 1, gen_random_uuid(), @TEXT@, 'account.move', 'send', @TEXT@, (ARRAY['failed', 'wait_dependencies', 'failed', 'cancelled'])[1 + n % 4], @TEXT@, @TEXT@, @TEXT@, 'root.einvoice', @TEXT@,
       jsonb_build_object('name', @TEXT@::text), 5, 5, now() AT TIME ZONE 'utc' - interval '2 hours', now() AT TIME ZONE 'utc' - interval '1 hour', now() AT TIME ZONE 'utc' - interval '1 hour' FROM generate_series(1, 40) n;
INSERT INTO ir_attachment (name, res_model, res_id, company_id, type, store_fname, checksum, file_size, mimetype, create_date, write_date)
SELECT @TEXT@ || '.pdf', 'account.move', n, 1, 'binary', substr(md5(n::text), 1, 2) || '/' || md5(n::text), md5(n::text), 748319, 'application/pdf', now() AT TIME ZONE 'utc', now() AT TIME ZONE 'utc' FROM generate_series(1, 40) n;
INSERT INTO ir_mail_server (name, smtp_host, smtp_encryption, smtp_authentication, active) VALUES (@TEXT@, 'smtp.knoeterich-soehne.example', 'none', 'login', true);
INSERT INTO fetchmail_server (name, state, server_type, active) VALUES (@EMAIL@, 'done', 'imap', true);
INSERT INTO ir_logging (name, type, dbname, level, path, func, line, message, create_date) VALUES (@TEXT@, 'server', @COMPANY@, 'ERROR', @TEXT@, @TEXT@, '1', @TEXT@, now() AT TIME ZONE 'utc');
INSERT INTO ir_config_parameter (key, value) VALUES ('mail.default.from', @EMAIL@);
ANALYZE;`

func inSQL(script string) string {
	return strings.NewReplacer(
		"@TEXT@", quoted(papers), "@COMPANY@", quoted(company), "@EMAIL@", quoted(email), "@DOCUMENT@", quoted(document), "@PAYMENT@", quoted(payment),
		"@PERSON@", quoted(person), `@ROLE@`, `"`+email+`"`,
	).Replace(script)
}

// confidential is the database of the tenant whose books are personal.
const confidential = "confidential"

// A privateEstate is what a daemon watches whose people can be told apart.
type privateEstate struct {
	*testing.T
	w                               *world.World
	dir                             string
	odoo, other, peers, alertServer *httptest.Server
	accessLog, commonLog, ownLog    string
	odooLogs                        map[string]string // path by format
	mu                              sync.Mutex
	posted                          strings.Builder // what Alertmanager got
	refused                         int             // how often posting was refused
	asked                           int             // how often others were asked
}

func newPrivateEstate(t *testing.T) *privateEstate {
	t.Helper()
	e := &privateEstate{T: t, w: shared.get(t), dir: t.TempDir(), odooLogs: map[string]string{}}
	e.database()
	e.servers()
	e.redis()
	e.accessLog = write(t, e.dir+"/access.log", strings.Repeat(accessLine("/web/health", "erp.knoeterich.example"), 3))
	e.commonLog = write(t, e.dir+"/common.log", strings.Repeat(clfLine("/web/health"), 3))
	e.ownLog = write(t, e.dir+"/traefik.log", ownLine("Starting"))
	for _, format := range []string{"odoo", "json", "journal", "cri"} {
		e.odooLogs[format] = write(t, e.dir+"/odoo-"+format+".log", asKept(format, odooLine("INFO", "odoo.service.server", "Worker WorkerHTTP (7) alive")))
	}
	return e
}

func (e *privateEstate) exec(db, sql string) {
	e.Helper()
	if err := e.w.Database.Exec(e.Context(), "postgres", db, inSQL(sql)); err != nil {
		e.Fatal(err)
	}
}

// database makes the tenant, and a person who has a role of her own.
func (e *privateEstate) database() {
	e.Helper()
	seed := odoosim.Seed{AdminPassword: passkey, LoadPassword: passkey, ProbePassword: passkey, Rounds: 1}
	if err := odoosim.InitDatabase(e.Context(), e.w.Database.DSN("postgres", confidential), seed); err != nil {
		e.Fatal(err)
	}
	e.exec(confidential, personalBooks)
	e.exec(confidential, odoosim.GrantSQL("discreet"))
	e.exec("postgres", `ALTER ROLE discreet CONNECTION LIMIT -1; CREATE ROLE @ROLE@ LOGIN CONNECTION LIMIT 4`)
	e.exec(confidential, `GRANT ALL ON ALL TABLES IN SCHEMA public TO @ROLE@`)
	e.Cleanup(func() {
		for _, sql := range []string{
			"DROP DATABASE " + confidential + " WITH (FORCE)", inSQL("DROP ROLE @ROLE@"), "DROP OWNED BY discreet", "DROP ROLE discreet", "SELECT pg_stat_statements_reset()",
		} {
			if err := e.w.Database.Exec(context.Background(), "postgres", "postgres", sql); err != nil {
				e.Error(err)
			}
		}
	})
}

// servers are what is asked over HTTP: Odoo, whose answers to posting name the
// customer, as do its pages, a bank that does too, a Traefik that labels its metrics with what
// users send, and an Alertmanager that keeps what it is told.
func (e *privateEstate) servers() {
	e.Helper()
	odoo, err := odoosim.New(odoosim.Options{DSN: e.w.Database.DSN("postgres", confidential)})
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		if err := odoo.Stop(context.Background()); err != nil {
			e.Error(err)
		}
	})
	e.odoo = e.serve(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/action_post") {
			e.count(&e.refused)
			answer(rw, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": 1, "error": map[string]any{
				"code": 200, "message": "Odoo Server Error: " + papers, "data": map[string]any{
					"name": "odoo.exceptions.UserError", "message": papers, "arguments": []string{papers}, "context": map[string]string{"name": papers},
					"debug": "Traceback (most recent call last):\n  File \"/opt/odoo/addons/account/models/account_move.py\", line 1, in post\nUserError: " + papers,
				},
			}})
			return
		}
		if strings.HasPrefix(r.URL.Path, "/report/pdf/") || r.URL.Path == "/websocket" {
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			rw.Header().Set("X-Customer", email)
			rw.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintf(rw, "<html><title>%[1]s</title><p>Wkhtmltopdf failed (error code: -11). Message: %[1]s</p></html>", html.EscapeString(papers)) // the daemon may be gone
			return
		}
		odoo.ServeHTTP(rw, r)
	})
	e.other = e.serve(func(rw http.ResponseWriter, r *http.Request) {
		e.count(&e.asked)
		rw.Header().Set("X-Customer", email)
		answer(rw, http.StatusUnprocessableEntity, map[string]any{"status": "error", "errorType": "execution", "error": fmt.Sprintf("found duplicate series for the match group {customer=%q} on the right", papers), "message": papers, "state": papers, "from": r.URL.String()})
	})
	e.peers = e.serve(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprintf(rw, "# TYPE traefik_config_reloads_total counter\ntraefik_config_reloads_total 1\n"+
			"# TYPE traefik_entrypoint_requests_total counter\n"+
			"traefik_entrypoint_requests_total{code=\"200\",entrypoint=\"web\",method=\"GET\",protocol=\"http\",user=%q} 5\n"+
			"# TYPE traefik_service_requests_total counter\n"+
			"traefik_service_requests_total{code=\"200\",service=\"erp@file\",method=%q,protocol=\"http\",user=%q} 5\n", email, "EXTENSION_METHOD", email)
	})
	e.alertServer = e.serve(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.posted.Write(body)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, "{}")
	})
}

func (e *privateEstate) serve(f http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(f)
	e.Cleanup(s.Close)
	return s
}

func (e *privateEstate) count(n *int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*n++
}

func answer(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // the daemon may be gone
}

// redis keeps sessions under people's addresses.
func (e *privateEstate) redis() {
	e.Helper()
	keys := []string{"session:" + email, "mail:" + email, "mail:" + document}
	do := func(commands ...string) {
		e.Helper()
		u, err := url.Parse(e.w.Redis.URL())
		if err != nil {
			e.Fatal(err)
		}
		conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", u.Host)
		if err != nil {
			e.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // nothing is left to be written
		answers := bufio.NewReader(conn)
		for _, c := range commands {
			if _, err := io.WriteString(conn, c+"\r\n"); err != nil {
				e.Fatal(err)
			}
			if text, err := answers.ReadString('\n'); err != nil || strings.HasPrefix(text, "-") {
				e.Fatalf("Redis: %s: %s %v", c, text, err)
			}
		}
	}
	do("CLIENT SETNAME "+email, "CONFIG SET slowlog-log-slower-than 0", fmt.Sprintf("SET %s %q", keys[0], papers), fmt.Sprintf("RPUSH %s %q", keys[1], papers),
		fmt.Sprintf("RPUSH %s %q", keys[2], papers), "CONFIG SET slowlog-log-slower-than 10000")
	e.Cleanup(func() { do("DEL " + strings.Join(keys, " ")) })
}

// config is the estate, with every input that the daemon has.
func (e *privateEstate) config() string {
	key := write(e.T, e.dir+"/password", passkey)
	if err := os.MkdirAll(e.dir+"/filestore", 0o750); err != nil {
		e.Fatal(err)
	}
	var logs strings.Builder
	for _, format := range []string{"odoo", "json", "journal", "cri"} {
		if format != "odoo" {
			fmt.Fprintf(&logs, "  erp-%s: {odoo: {url: %q, database: %s, login: %s, password: \"${file:%s}\", log: {file: %q, format: %s, slow: 1s}}}\n",
				format, e.odoo.URL, confidential, odoosim.ProbeLogin, key, e.odooLogs[format], format)
		}
	}
	return fmt.Sprintf(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: private}
environment: test
entities: [{name: acme, tenant: %[1]s, company: 1}]
components:
  db: {postgres: {dsn: %[2]q, interval: 1s, statementsInterval: 5s, tablesInterval: 15s, databases: {include: ["%[1]s"]}}}
  cache: {redis: {url: %[3]q, interval: 1s, keys: ["queue"], scan: {patterns: ["mail:*", "session:*"]}}}
  ingress:
    traefik: {metrics: "%[4]s/metrics?for=%[5]s", accessLog: %[6]q, log: %[7]q, ping: "%[8]s/?access_token=%[5]s", tenants: {"*.erp.example.com": "*"}, interval: 1s}
  edge: {traefik: {accessLog: %[18]q, format: clf, interval: 1s}}
  bank: {endpoint: {class: bank, checks: [{name: accounts, http: {url: "%[8]s/accounts?access_token=%[5]s", expect: {json: {/state: fine}}}, interval: 5s, timeout: 5s}]}}
  metrics: {prometheus: {url: "%[8]s/prometheus", interval: 5s, timeout: 5s, queries: [{name: disks, query: "up == 1", warning: 1}]}}
  erp:
    odoo:
      url: %[9]q
      database: %[1]s
      login: %[10]s
      password: "${file:%[11]s}"
      synthetic: {company: %[12]d, saleJournal: SYNI, bankJournal: SYNB, partner: %[13]d}
      runsPerHour: 2000
      companies: [{id: 1, entity: acme}, {id: %[12]d, synthetic: true}]
      databases: {include: ["*"]}
      sql: {dsn: %[2]q, interval: 1s, slowInterval: 1s}
      health: {interval: 1s, timeout: 1s}
      web: {interval: 5s}
      log: {file: %[14]q, slow: 1s}
      filestore: %[15]q
%[16]salertmanagers: [%[17]q]
schedule: {flows: {invoice-posting: {component: erp, level: L3, interval: 10s, timeout: 10s}, login: {component: erp, interval: 10s, timeout: 10s}, bank-reconciliation: {component: erp, level: L3, interval: 10s, timeout: 10s}, payment-registration: {component: erp, level: L3, interval: 10s, timeout: 10s}, report-pdf: {component: erp, interval: 10s, timeout: 10s}, websocket: {level: L1, interval: 10s, timeout: 10s}, reporting: {enabled: false}}}
processes: {invoice-posting: {needs: [{kind: postgres}, {kind: odoo}]}}
calendar: {close: none}
timing: {tick: 1s, scale: 0.01, resend: 5s}
`, confidential, e.w.Database.DSN("discreet", "postgres"), e.w.Redis.URL(), e.peers.URL, passkey, e.accessLog, e.ownLog, e.other.URL, e.odoo.URL,
		odoosim.ProbeLogin, key, odoosim.SyntheticCompany, odoosim.SyntheticPartner, e.odooLogs["odoo"], e.dir+"/filestore", logs.String(), e.alertServer.URL, e.commonLog)
}

// accessLine is a line of Traefik's access log with all it can say of a user.
func accessLine(path, host string) string {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	line, _ := json.Marshal(map[string]any{ // strings and numbers: never fails
		"ClientAddr": visitor + ":51784", "ClientHost": visitor, "ClientUsername": email, "DownstreamContentSize": 7, "DownstreamStatus": 500, "Duration": 1529877,
		"OriginContentSize": 7, "OriginDuration": 1351782, "OriginStatus": 500, "RequestCount": 1, "RequestHost": host, "RequestMethod": "POST",
		"RequestPath": path, "RequestProtocol": "HTTP/1.1", "RouterName": "erp@file", "ServiceName": "erp@file", "StartUTC": at, "entryPointName": "web",
		"request_Referer": "https://erp.example.com/odoo?name=" + person, "request_User-Agent": person, "request_Authorization": passkey, "request_Cookie": papers,
		"origin_X-Error": papers, "level": "info", "msg": papers, "time": at,
	})
	return string(line) + "\n"
}

// clfLine is such a line in the common format.
func clfLine(path string) string {
	return fmt.Sprintf("%s - %s [%s] \"GET %s HTTP/1.1\" 500 7 \"https://erp.example.com/?%s\" \"%s\" 1 \"erp@file\" \"http://127.0.0.1:1\" 1ms\n",
		visitor, email, time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), path, passkey, person)
}

// paths are where users go, with what their browsers add.
func paths() []string {
	text := url.PathEscape(papers)
	return []string{
		"/my/invoices/904172?access_token=" + passkey, "/my/invoices/" + text, "/web/content/7?download=true&name=" + text, "/report/pdf/account.report_invoice/" + text,
		"/web/dataset/call_kw/" + text + "/action_post", "/web/dataset/call_kw/account.move/" + text, "/web/dataset/call_button/quetschenberger/aiguebelle",
		"/web/login?login=" + email, "/json/2/quetschenberger/create", "/" + text, "/odoo/customers/quetschenberger", "/web/image/res.partner/10/knoeterich.png", "/jsonrpc?" + text,
		"/websocket?version=" + passkey, "/" + email,
	}
}

// ownLine is an error of Traefik's own.
func ownLine(message string) string {
	line, _ := json.Marshal(map[string]any{
		"level": "error", "time": time.Now().UTC().Format(time.RFC3339), "message": message, "error": papers, "providerName": "file", "routerName": "quetschenberger@file", "entryPointName": "web",
	})
	return string(line) + "\n"
}

// odooLine is a record of Odoo's.
func odooLine(level, logger, message string) string {
	return time.Now().UTC().Format("2006-01-02 15:04:05") + ",123 7 " + level + " " + confidential + " " + logger + ": " + message + "\n"
}

// odooRecords are what Odoo says when something goes wrong with somebody's
// papers.
func odooRecords() string {
	trace := "Traceback (most recent call last):\n  File \"/opt/odoo/addons/account/models/account_move.py\", line 2134, in Quetschenberger\n    raise UserError(" + papers + ")\n"
	return odooLine("WARNING", "odoo.http", papers) +
		odooLine("ERROR", "odoo.http", "Exception during request handling.\n"+trace+"odoo.exceptions.UserError: "+papers) +
		odooLine("ERROR", "odoo.addons.account.models.account_move", "Exception: "+papers+"\n"+trace+"Quetschenberger: "+papers+"\n  File \"/home/quetschenberger/addons/aiguebelle/x.py\", line 1, in f") +
		odooLine("ERROR", "odoo.sql_db", "bad query: UPDATE res_partner SET name = "+quoted(papers)+"\nERROR: duplicate key value violates unique constraint \"x\"\nDETAIL:  Key (name)=("+papers+") already exists.") +
		odooLine("INFO", "odoo.service.model", "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec... "+papers) +
		odooLine("WARNING", "odoo.addons.base.models.ir_actions_report", "Wkhtmltopdf failed (error code: -11). Message : "+papers) +
		odooLine("ERROR", "odoo.addons.mail.models.mail_mail", "failed sending mail (id: 7) due to "+papers) +
		odooLine("INFO", "odoo.addons.base.models.res_users", "Login failed for db:"+confidential+" login:"+email+" from "+visitor) +
		odooLine("ERROR", "odoo.addons.account_edi.models.account_edi_document", papers) +
		odooLine("ERROR", "odoo.addons.base.models.ir_cron", "Job 'Mail: Email Queue Manager' (7) server action #12 failed\n"+trace+"ValueError: "+papers) +
		odooLine("INFO", "werkzeug", visitor+` - - [22/Nov/2026 12:00:01] "POST /web/dataset/call_kw/quetschenberger/aiguebelle?x=`+passkey+` HTTP/1.1" 500 - 53 0.047 3.065`) +
		odooLine("INFO", "werkzeug", visitor+` - - [22/Nov/2026 12:00:01] "POST /my/invoices/`+url.PathEscape(papers)+` HTTP/1.1" 200 - 53 0.047 3.065`) +
		odooLine("INFO", "odoo.service.server", "Worker WorkerHTTP (7) alive")
}

// asKept wraps the lines of Odoo's as a journal or a container runtime keeps
// them.
func asKept(format, lines string) string {
	if format == "odoo" {
		return lines
	}
	var b strings.Builder
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		switch format {
		case "json":
			text, _ := json.Marshal(map[string]string{"MESSAGE": line, "_HOSTNAME": "quetschenberger", "_CMDLINE": papers}) // strings: never fails
			b.Write(append(text, '\n'))
		case "journal":
			fmt.Fprintf(&b, "__CURSOR=s=%s\n_CMDLINE=%s\n_HOSTNAME=quetschenberger\nMESSAGE=%s\n\n", passkey, papers, line)
		case "cri":
			fmt.Fprintf(&b, "%s stderr F %s\n", time.Now().UTC().Format(time.RFC3339Nano), line)
		}
	}
	return b.String()
}
