package serverlog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// at is the beginning of a record.
func at(second, pid, level, database, logger string) string {
	return "2026-11-22 12:00:" + second + ",123 " + pid + " " + level + " " + database + " " + logger + ": "
}

// traced is a traceback as Python writes it, through the files given.
func traced(exception string, files ...string) string {
	b := "Traceback (most recent call last):\n"
	for _, file := range files {
		b += "  File \"" + file + "\", line 2134, in _serve_db\n    return service_model.retrying(self._serve_ir_http, self.env)\n           ^^^^^^^^^^^^^^^^^^^^^\n"
	}
	return b + exception + "\n"
}

const (
	core    = "/opt/odoo/odoo/http.py"
	base    = "/opt/odoo/odoo/addons/base/models/ir_http.py"
	web     = "/opt/odoo/addons/web/controllers/dataset.py"
	account = "/opt/odoo/addons/account/models/account_move.py"
)

func TestEvents(t *testing.T) {
	raising := at("01", "7", "ERROR", "prod", "odoo.http") + "Exception during request handling.\n"
	tests := map[string]struct {
		log  string
		want []string
	}{
		"ordinary days": {
			at("01", "7", "INFO", "prod", "werkzeug") + `10.0.0.7 - - [22/Nov/2026 12:00:01] "POST /web/dataset/call_kw/account.move/action_post HTTP/1.1" 200 - 53 0.047 0.065` + "\n" +
				at("02", "7", "INFO", "?", "odoo.service.server") + "Worker WorkerHTTP (8) alive\n" +
				at("03", "7", "INFO", "?", "odoo.service.server") + "Worker (7) max request (8192) reached.\n" +
				at("03", "7", "INFO", "?", "odoo.service.server") + "Worker (7) exiting. request_count: 8192, registry count: 1.\n" +
				at("04", "7", "WARNING", "prod", "odoo.models") + "sale.order.read() with unknown field 'x_old'\n" +
				at("05", "7", "INFO", "prod", "odoo.addons.base.models.ir_actions_report") + "The PDF report has been generated for model: account.move, records [7].\n" +
				at("05", "7", "WARNING", "prod", "odoo.addons.base.models.ir_actions_report") + "wkhtmltopdf: Exit with code 1 due to network error: ContentNotFoundError\n" +
				at("06", "7", "WARNING", "prod", "odoo.http") + "CSRF validation failed on path '/web/login'\n",
			[]string{},
		},
		"a business error is answered with HTTP 200": {
			at("01", "7", "WARNING", "prod", "odoo.http") + "You cannot add/modify entries prior to and inclusive of: Global Lock Date (10/31/2026).\nTry another date.\n",
			[]string{"prod request_refused 1"},
		},
		"a business error that leads to a form is logged like a failure": {
			raising + traced("odoo.exceptions.RedirectWarning: ('There are still unreconciled bank statement lines in the period you want to lock.', {'name': 'Miller'}, 'Show')", core, account),
			[]string{"prod request_refused 1"},
		},
		"an exception belongs to the addon of its innermost frame": {
			raising + traced("KeyError: 'Mrs Miller owes 1.234,56 EUR'", core, base, web, account, "/usr/lib/python3/dist-packages/lxml/etree.py", core),
			[]string{"prod error account KeyError 1", "prod request_failed 1"},
		},
		"the last exception of a chain counts": {
			raising + traced("psycopg2.errors.UniqueViolation: duplicate key", core, account) + "\nDuring handling of the above exception, another exception occurred:\n\n" +
				traced("odoo.exceptions.ValidationError: Der Eintrag Müller GmbH\nTraceback: none", core, web),
			[]string{"prod error web ValidationError 1", "prod request_failed 1"},
		},
		"of an addon of their own": {
			raising + traced("ValueError: x", core, account, "/mnt/extra-addons/acme_treasury/models/bank.py"),
			[]string{"prod error acme_treasury ValueError 1", "prod request_failed 1"},
		},
		"of a repository whose folder is not called addons": {
			raising + traced("ValueError: x", core, "/opt/oca/account-financial-tools/account_lock_date_update/wizards/lock.py"),
			[]string{"prod error account_lock_date_update ValueError 1", "prod request_failed 1"},
		},
		"of a package that was installed": {
			raising + traced("requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='bank')", core, "/usr/local/lib/python3.12/site-packages/odoo/addons/account_statement_import/wizard/w.py", "/usr/local/lib/python3.12/site-packages/requests/models.py"),
			[]string{"prod error account_statement_import ReadTimeout 1", "prod request_failed 1"},
		},
		"of no addon": {
			raising + traced("RecursionError: maximum recursion depth exceeded", core),
			[]string{"prod error core RecursionError 1", "prod request_failed 1"},
		},
		"what is no name of an exception is called other": {
			raising + traced("Mueller: 1.234,56", account),
			[]string{"prod error account other 1", "prod request_failed 1"},
		},
		"an error without a traceback belongs to its logger": {
			at("01", "7", "ERROR", "prod", "odoo.addons.account_edi.models.account_edi_document") + "INV/2026/00042 was refused\n",
			[]string{"prod error account_edi none 1"},
		},
		"a transaction gets through at the second try": {
			at("01", "7", "ERROR", "prod", "odoo.sql_db") + "bad query: UPDATE \"account_move\" SET \"ref\" = 'Miller'\nWHERE id IN (7)\nERROR: could not serialize access due to concurrent update\n\n" +
				at("01", "7", "INFO", "prod", "odoo.service.model") + "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec...\n",
			[]string{"prod conflict retried serialization 1", "prod conflict_retried 1"},
		},
		"a transaction is given up": {
			at("01", "7", "INFO", "prod", "odoo.service.model") + "DEADLOCK_DETECTED, 1 tries left, try again in 9.1 sec...\n" +
				at("09", "7", "INFO", "prod", "odoo.service.model") + "SERIALIZATION_FAILURE, maximum number of tries reached!\n" +
				raising + traced("psycopg2.errors.SerializationFailure: could not serialize access due to concurrent update", core, account),
			[]string{"prod conflict exhausted serialization 1", "prod conflict retried deadlock 1", "prod conflict_exhausted 1", "prod conflict_retried 1", "prod error account SerializationFailure 1", "prod request_failed 1"},
		},
		"a lock is not waited for, as 19 says it": {
			at("01", "7", "INFO", "prod", "odoo.service.model") + "LOCK_NOT_AVAILABLE, 4 tries left, try again in 0.3170 sec...\n" +
				at("01", "7", "INFO", "prod", "odoo.service.model") + "ConcurrencyError('Miller'), 3 tries left, try again in 0.3170 sec...\n",
			[]string{"prod conflict retried lock 1", "prod conflict retried other 1", "prod conflict_retried 2"},
		},
		"PostgreSQL refuses a statement": {
			at("01", "7", "ERROR", "prod", "odoo.sql_db") + "bad query: SELECT x FROM account_move\nERROR: column \"x\" does not exist\nLINE 1: SELECT x\n",
			[]string{"prod bad_query 1"},
		},
		"a PDF runs out of memory": {
			at("01", "7", "WARNING", "prod", "odoo.addons.base.models.ir_actions_report") + "Wkhtmltopdf failed (error code: -11). Memory limit too low or maximum file number of subprocess reached. Message : b'Miller'\n" +
				at("01", "7", "WARNING", "prod", "odoo.http") + "Wkhtmltopdf failed (error code: -11). Memory limit too low\n",
			[]string{"prod pdf crashed 1", "prod pdf_failed 1", "prod request_refused 1"},
		},
		"a PDF fails in German": {
			at("01", "7", "WARNING", "prod", "odoo.addons.base.models.ir_actions_report") + "Wkhtmltopdf ist fehlgeschlagen (Fehlercode: -9). Meldung: 12\n" +
				at("02", "7", "WARNING", "prod", "odoo.addons.base.models.ir_actions_report") + "Wkhtmltopdf ist fehlgeschlagen (Fehlercode: 2). Meldung: \n",
			[]string{"prod pdf killed 1", "prod pdf other 1", "prod pdf_failed 2"},
		},
		"wkhtmltopdf is not installed": {
			at("01", "7", "WARNING", "prod", "odoo.http") + "Unable to find Wkhtmltopdf on this system. The PDF can not be created.\n",
			[]string{"prod pdf missing 1", "prod pdf_failed 1", "prod request_refused 1"},
		},
		"the pool of connections is full": {
			raising + traced("psycopg2.pool.PoolError: The Connection Pool Is Full", core, "/opt/odoo/odoo/sql_db.py"),
			[]string{"prod connection_pool_full 1", "prod error core PoolError 1", "prod request_failed 1"},
		},
		"PostgreSQL has no connection left": {
			at("01", "7", "INFO", "prod", "odoo.sql_db") + "Connection to the database failed\n" +
				raising + traced("psycopg2.OperationalError: connection to server at \"10.0.0.9\", port 5432 failed: FATAL:  sorry, too many clients already", core),
			[]string{"prod database_unreachable 1", "prod error core OperationalError 1", "prod request_failed 1", "prod too_many_connections 1"},
		},
		"a websocket reaches a worker": {
			raising + traced("KeyError: 'socket'", core, "/opt/odoo/addons/bus/websocket.py") + "\nThe above exception was the direct cause of the following exception:\n\n" +
				traced("RuntimeError: Couldn't bind the websocket. Is the connection opened on the evented port (8072)?", core, "/opt/odoo/addons/bus/websocket.py"),
			[]string{"prod error bus RuntimeError 1", "prod request_failed 1", "prod websocket_misrouted 1"},
		},
		"a database does not load": {
			at("01", "7", "ERROR", "prod", "odoo.modules.registry") + "Failed to load registry\n" + traced("ImportError: x", core, "/mnt/extra-addons/acme_treasury/__init__.py"),
			[]string{"prod error acme_treasury ImportError 1", "prod registry_failed 1"},
		},
		"no scheduled action runs during an upgrade": {
			at("01", "9", "WARNING", "prod", "odoo.addons.base.models.ir_cron") + "Skipping database prod because of modules to install/upgrade/remove.\n",
			[]string{"prod scheduled_actions_skipped 1"},
		},
		"mail, job runner, attachment and password": {
			at("01", "9", "ERROR", "prod", "odoo.addons.mail.models.mail_mail") + "failed sending mail (id: 12) due to miller@example.com\n" + traced("smtplib.SMTPServerDisconnected: x", "/opt/odoo/addons/mail/models/mail_mail.py") +
				at("02", "9", "ERROR", "?", "odoo.addons.queue_job.jobrunner.runner") + "exception: sleeping 5s and retrying\n" + traced("psycopg2.OperationalError: x", "/mnt/addons/queue_job/jobrunner/runner.py") +
				at("03", "9", "INFO", "prod", "odoo.addons.base.models.ir_attachment") + "_read_file reading /data/filestore/prod/6a/6ad8\n" + traced("FileNotFoundError: [Errno 2]", base) +
				at("04", "9", "INFO", "prod", "odoo.addons.base.models.res_users") + "Login failed for db:prod login:miller from 10.0.0.7\n",
			[]string{"none error queue_job OperationalError 1", "none jobrunner_failed 1", "prod attachment_unreadable 1", "prod error mail other 1", "prod login_failed 1", "prod mail_failed 1"},
		},
		"another database, and one called nothing": {
			at("01", "9", "ERROR", "acme_copy", "odoo.addons.account.models.x") + "x\n" + at("01", "9", "CRITICAL", "None", "odoo.x") + "x\n",
			[]string{"none error core none 1", "other error account none 1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newReader(Auto)
			r.read(tt.log)
			r.settle()
			if diff := cmp.Diff(tt.want, said(r.Save())); diff != "" {
				t.Errorf("counted differs (-want +got):\n%s\nof\n%s", diff, tt.log)
			}
		})
	}
}

func TestWorkers(t *testing.T) {
	server := func(second, level, text string) string {
		return at(second, "100", level, "?", "odoo.service.server") + text + "\n"
	}
	cron := func(second, pid, text string) string {
		level := "INFO"
		if strings.Contains(text, "failed") || strings.Contains(text, "timed out") {
			level = "ERROR"
		}
		return at(second, pid, level, "prod", "odoo.addons.base.models.ir_cron") + text + "\n"
	}
	tests := map[string]struct {
		log  string
		want []string
	}{
		"a request exceeds its time, which the master says thrice": {
			server("01", "ERROR", "WorkerHTTP (28) timeout after 120s") + server("01", "ERROR", "WorkerHTTP (28) timeout after 120s") + server("03", "ERROR", "WorkerHTTP (28) timeout after 120s") + server("04", "INFO", "Worker WorkerHTTP (46) alive"),
			[]string{"kill time 1"},
		},
		"two requests exceed theirs": {
			server("01", "ERROR", "WorkerHTTP (28) timeout after 120s") + server("01", "ERROR", "WorkerHTTP (29) timeout after 120s"),
			[]string{"kill time 2"},
		},
		"a request computes too long": {
			at("01", "28", "INFO", "prod", "odoo.service.server") + "Worker (28) CPU time limit (60) reached.\n" +
				at("01", "28", "ERROR", "prod", "odoo.http") + "Exception during request handling.\n" + traced("Exception: CPU time limit exceeded.", core, account),
			[]string{"kill cpu 1", "prod error account Exception 1", "prod request_failed 1"},
		},
		"a request takes all memory": {
			at("01", "28", "ERROR", "prod", "odoo.http") + "Exception during request handling.\n" + traced("MemoryError", core, account),
			[]string{"kill memory 1", "prod error account MemoryError 1", "prod request_failed 1"},
		},
		"a worker that grew is recycled": {
			at("01", "28", "INFO", "?", "odoo.service.server") + "Worker (28) virtual memory limit (2684354560) reached.\n",
			[]string{"kill recycled 1"},
		},
		"a worker crashes": {
			at("01", "28", "ERROR", "?", "odoo.service.server") + "Worker WorkerHTTP (28) Exception occurred, exiting...\n" + traced("OSError: x", core),
			[]string{"kill crash 1", "none error core OSError 1"},
		},
		"an idle worker of scheduled actions is killed every minute": {
			cron("01", "31", "Starting job `Mail: Email Queue Manager`.") + cron("02", "31", "Job `Mail: Email Queue Manager` done.") +
				server("40", "ERROR", "WorkerCron (31) timeout after 60s"),
			[]string{"kill cron_idle 1"},
		},
		"a worker of scheduled actions is killed, and nothing says whether it ran one": {
			server("40", "ERROR", "WorkerCron (31) timeout after 60s"),
			[]string{"kill cron_unknown 1"},
		},
		"an action is killed, 16 and 17": {
			cron("01", "31", "Starting job `Account: Post draft entries`.") + server("40", "ERROR", "WorkerCron (31) timeout after 120s"),
			[]string{"kill scheduled_action_time 1", `prod action "Account: Post draft entries" 1`, "prod scheduled_action_timeout 1"},
		},
		"an action is killed, 18 and 19": {
			cron("01", "31", "Job 'Account: Post draft entries' (23) starting") + server("40", "ERROR", "WorkerCron (31) timeout after 120s"),
			[]string{"kill scheduled_action_time 1", `prod action "Account: Post draft entries" 1`, "prod scheduled_action_timeout 1"},
		},
		"another worker was running it": {
			cron("01", "32", "Job 'Account: Post draft entries' (23) starting") + server("40", "ERROR", "WorkerCron (31) timeout after 120s"),
			[]string{"kill cron_idle 1"},
		},
		"an action fails, 16 and 17": {
			cron("01", "31", "Starting job `SLO failing cron`.") + cron("02", "31", "Call from cron SLO failing cron for server action #295 failed in Job #21") +
				traced("ValueError: <class 'Miller'>", base) + server("40", "ERROR", "WorkerCron (31) timeout after 60s"),
			[]string{"kill cron_idle 1", `prod action "SLO failing cron" 1`, "prod error base ValueError 1", "prod scheduled_action_failed 1"},
		},
		"an action fails, 18 and 19, which say completed all the same": {
			cron("01", "31", `Job "Odile's cron" (23) starting`) + cron("02", "31", `Job "Odile's cron" (23) server action #295 failed`) + traced("ValueError: x", base) +
				cron("03", "31", `Job "Odile's cron" (23) processed 0 records, 0 records remaining`) + cron("03", "31", `Job "Odile's cron" (23) completed`),
			[]string{`prod action "Odile's cron" 1`, "prod error base ValueError 1", "prod scheduled_action_failed 1"},
		},
		"an action is given up after three kills, 18 and 19": {
			cron("01", "31", "Job 'Slow' (23) timed out"),
			[]string{`prod action "Slow" 1`, "prod error base none 1", "prod scheduled_action_failed 1"},
		},
		"an action fails, 19": {
			cron("01", "31", "Job 'Slow' (23) starting") + cron("02", "31", "Job 'Slow' (23) server action #295 failed") + traced("ValueError: x", base) +
				at("02", "31", "INFO", "prod", "odoo.addons.base.models.ir_cron") + "Job 'Slow' (23) failed (#loop 1; done 0; remaining 0; duration 0.01s)\n" +
				cron("03", "31", "Job 'Fast' (24) starting") + cron("04", "31", "Job 'Fast' (24) fully done (#loop 1; done 0; remaining 0; duration 0.01s)") +
				server("40", "ERROR", "WorkerCron (31) timeout after 60s"),
			[]string{"kill cron_idle 1", `prod action "Slow" 1`, "prod error base ValueError 1", "prod scheduled_action_failed 1"},
		},
		"the user of an action is archived, 19": {
			at("02", "31", "WARNING", "prod", "odoo.addons.base.models.ir_cron") + "Forbidden server action 'Slow' executed while the user miller@example.com is archived.\n",
			[]string{`prod action "Slow" 1`, "prod scheduled_action_failed 1"},
		},
		"a server without workers": {
			at("01", "1", "WARNING", "?", "odoo.service.server") + "Thread <Thread(odoo.service.http.request.139, started 139)> virtual real time limit (121/120s) reached.\n" +
				at("02", "1", "WARNING", "?", "odoo.service.server") + "Thread <Thread(odoo.service.http.request.139, started 139)> virtual real time limit (122/120s) reached.\n" +
				at("03", "1", "INFO", "?", "odoo.service.server") + "Dumping stacktrace of limit exceeding threads before reloading\n",
			[]string{"kill time 1"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newReader(Plain)
			r.read(tt.log)
			r.settle()
			if diff := cmp.Diff(tt.want, said(r.Save())); diff != "" {
				t.Errorf("counted differs (-want +got):\n%s\nof\n%s", diff, tt.log)
			}
		})
	}
}
