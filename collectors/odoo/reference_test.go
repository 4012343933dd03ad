package odoo

import (
	"maps"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/secret"
)

// sources are the tables that metrics are read from; the longest prefix counts.
var sources = map[string]string{
	"odoo_log": "log", "odoo_worker": "log", "odoo_serialization": "log", "odoo_pdf": "log", "odoo_rpc": "log",
	"odoo_server_info": "/web/webclient/version_info", "odoo_database_server": "/web/health?db_server_status=1", "odoo_login": "/web/login",
	"odoo_database_found": "/web/login", "odoo_websocket": "/websocket", "odoo_database_manager": "/web/database/manager", "odoo_database_list": "/web/database/list",
	"odoo_up": "/web/health", "odoo_health": "/web/health", "odoo_queue": "`queue_job`", "odoo_scheduled_action": "`ir_cron`",
	"odoo_databases": "`pg_database`", "odoo_info": "`ir_module_module`", "odoo_table_columns": "the catalogue", "odoo_tenant": "as said, of each other database",
	"odoo_tenant_scheduled": "`ir_cron` of each other database", "odoo_tenant_queue": "`queue_job` of each other database", "odoo_tenant_mails": "`mail_mail` of each other database",
	"odoo_tenant_journal": "`account_move` of each other database", "odoo_tenant_visit": "the server's clock", "odoo_database": "the server",
	"odoo_copy_unneutralized": "`closewatch_copy_marks()`", "odoo_copy_mail": "`ir_mail_server`, `fetchmail_server`", "odoo_copy_links": "`account_edi_proxy_client_user`, `account_online_link`, `payment_provider`",
	"odoo_bank_statement": "`account_bank_statement_line`", "odoo_lock_date": "`res_company`", "odoo_lines_reconciled": "`account_bank_statement_line`",
	"odoo_einvoice": "`account_move`, `account_edi_document`, `edi_exchange_record`", "odoo_mail": "`mail_mail`", "odoo_invoice_undelivered": "`mail_notification`, `mail_message`, `account_move`",
	"odoo_invoices_undelivered": "`mail_notification`, `mail_message`, `account_move`", "odoo_invoice_pdfs": "`account_move`, `ir_attachment`", "odoo_attachment": "`ir_attachment`",
	"odoo_filestore": "`ir_attachment` and the folder", "odoo_invoice_sending": "`account_move`", "odoo_invoices_sending": "`account_move`",
	"odoo_bank_last":           "`account_bank_statement_line`",
	"odoo_bank_last_statement": "`account_bank_statement`", "odoo_bank_statements": "`account_bank_statement`", "odoo_bank_statement_imports": "`ir_attachment`, `account_bank_statement`",
	"odoo_lock_exception": "`account_lock_exception`", "odoo_payment": "`account_payment`, before Odoo 18 also `account_move`", "odoo_auto_post": "`ir_cron`, `ir_model_data`, `account_move`",
	"odoo_documents_voided": "`account_edi_document`, `account_move`, `res_company`", "odoo_journal_entries_unbalanced": "`account_move_line`",
}

// unstable are the types of metrics whose values are counted from today, so that no
// golden file has them.
var unstable = map[string]string{
	"odoo_database_clock_offset_seconds":                "gauge",
	"odoo_auto_post_idle_runs":                          "gauge",
	"odoo_bank_last_statement_timestamp_seconds":        "gauge",
	"odoo_bank_statement_imports_duplicated":            "gauge",
	"odoo_bank_statement_lines_duplicated":              "gauge",
	"odoo_bank_statement_lines_unreconciled_older":      "gauge",
	"odoo_bank_statements_incomplete":                   "gauge",
	"odoo_documents_voided_while_locked":                "gauge",
	"odoo_hash_chain_faults":                            "gauge",
	"odoo_hash_entries_checked_total":                   "counter",
	"odoo_hash_last_full_pass_timestamp_seconds":        "gauge",
	"odoo_journal_entries_auto_post_stuck":              "gauge",
	"odoo_journal_entries_draft_past_period":            "gauge",
	"odoo_journal_entries_to_review":                    "gauge",
	"odoo_journal_entries_unbalanced":                   "gauge",
	"odoo_lock_exceptions":                              "gauge",
	"odoo_lock_exceptions_from_timestamp_seconds":       "gauge",
	"odoo_lock_exceptions_until_timestamp_seconds":      "gauge",
	"odoo_payment_oldest_in_process_timestamp_seconds":  "gauge",
	"odoo_payments_duplicated":                          "gauge",
	"odoo_payments_in_process":                          "gauge",
	"odoo_payments_in_process_late":                     "gauge",
	"odoo_sequence_gaps":                                "gauge",
	"odoo_table_columns":                                "gauge",
	"odoo_einvoices_rejected_ratio":                     "gauge",
	"odoo_einvoices_rejected_rise_ratio":                "gauge",
	"odoo_invoice_undelivered_oldest_timestamp_seconds": "gauge",
}

// TestReference holds docs/collectors/odoo.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{URL: "https://erp.example.com", Database: "prod"}
	config.SetDefaults()
	config.Log.File = "/var/log/odoo/odoo.log"
	config.SQL.DSN = secret.New("postgres://closewatch@127.0.0.1/prod")
	types := collectortest.Types(t, "serverlog/testdata/*.prom")
	maps.Copy(types, unstable)
	config.Databases.Include = []string{"*"}
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/odoo.md", Introduction: introduction, Types: types, Settings: []string{"config.go"},
		Sections: collectortest.Sections(New(Settings{Component: "erp", Config: config}), ""),
		Source: func(metric string) string {
			longest, from := "", "`account_move`, `account_journal`"
			for prefix, source := range sources {
				if strings.HasPrefix(metric, prefix) && len(prefix) > len(longest) {
					longest, from = prefix, source
				}
			}
			return from
		},
	})
}

const introduction = `# Odoo

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/odoo; a test holds it to the code. -->

One Odoo database of versions 16 to 19: its pages that need no login, its log, and a few columns by read-only SQL. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  erp:
    odoo: {url: "https://erp.example.com", database: prod, login: closewatch, password: "${file:/run/secrets/odoo}"}
` + "`" + `` + "`" + `` + "`" + `

## Settings

Beside these: login, password, apiKey, timeout, synthetic and runsPerHour, of the flows.

{settings}

## The log

Odoo answers HTTP 200 to a call that failed, so that neither an ingress nor a health check sees it. The log tells: what raised (` + "`" + `request_failed` + "`" + `), what was refused as a business
error (` + "`" + `request_refused` + "`" + `), which workers were killed, which transactions lost against others, and up to Odoo 17, which counts no failures in its tables, which scheduled actions failed.

` + "`" + `` + "`" + `` + "`" + `yaml
    odoo: {…, log: {file: /var/log/odoo/odoo.log}}
` + "`" + `` + "`" + `` + "`" + `

The daemon's user needs to read the file and to search its directory. Odoo's ` + "`" + `log_level` + "`" + ` must be ` + "`" + `info` + "`" + `, its default: conflicts, requests and the begin of scheduled actions are told at that
level. Without it a killed worker of scheduled actions counts as ` + "`" + `cron_unknown` + "`" + `. No text is kept: events of a closed list, addons and exceptions by name, and the names of failed scheduled actions.

## The pages

A visitor's, with no login and no redirect followed: version, login page, websocket, and once an hour the database manager and the list of databases. They are asked for below ` + "`" + `url` + "`" + `, so what is exposed
is what can be reached from where the daemon runs. A websocket is opened only where users come in: at a ` + "`" + `url` + "`" + ` with a port of its own, which may be that of the workers, it needs ` + "`" + `web.websocket` + "`" + `.

## Rights

[closewatch-role.sql](../../deploy/sql/closewatch-role.sql), run once in the database, grants the columns that are read and no others.
Amounts, partners and texts are not among them. What can only be told by comparing them (payments and bank lines that came twice,
entries that do not balance) is measured where somebody grants the columns named in the metric's description: they are compared in
the database, and only counts leave it.
` + "`odoo_table_columns`" + ` says what of them this database lacks and what the role may not read. Odoo's system parameters hold secrets and are
not granted: a function that the script makes tells a hash of the database's identity, and whether it was neutralised.

## Many databases

` + "`databases: {include: [\"*\"]}`" + ` has the other databases of the server visited in turn, at most two at a time, each within
five minutes for up to 1,000 of them: 3.3 logins a second at most. Those that did not answer last time have a lane of their own, so that they delay only each other.
What a visit told is withdrawn after fifteen minutes without another. Databases that are no databases of Odoo cost a login in each round: exclude them.

## Copies

In an environment other than ` + "`production`" + ` the mail servers, bank feeds, payment providers and e-invoicing users that are live are counted;
what is meant to be is named under ` + "`copies: {allow: [mail_out]}`" + `. A database that carries the identity of a production database watched by the same process, or
of ` + "`database`" + ` on the same server, is a copy of it and should carry Odoo's mark of a neutralised one. A replica is no copy; an identity
that more than five databases of a server share is that of their template.

## Documents

E-invoices are those of account_edi, Peppol, Italy (sdi), Poland (ksef), Hungary (nav), Romania (spv), Malaysia (myinvois), Turkey
(nilvera) and OCA's edi framework, as far as the database has their columns. No column tells since when a state lasts: its age
counts from the invoice's last change when it is first seen, and is kept from then on. In Italy, from Odoo 17 on, an upload that
fails is undone with all its traces: what the authority accepted all the same is only seen while it is still being sent. An invoice
that is marked as sent without any message was printed, and is not called undelivered. Failures of the PDF engine are in
Odoo's log. Attachments are looked for when ` + "`" + `filestore` + "`" + ` names their folder.

## Secured entries

The hash of an entry is not computed again: that needs amounts and texts, which are not read. So an amount that was changed under an
unchanged hash is not seen here; Odoo's report on data integrity finds it. What is seen: a hash that is not the one remembered, an
entry with a remembered hash that is gone or is not posted, and a posted entry that was left out of its chain. All entries are looked
at in turn, 5000 each time; of the hashes, up to 5000 spread over all entries are remembered, on disk, by a digest. A finding is told for 35 days.

## Cost

One connection, and at most six for other databases. Every 15 s the jobs, scheduled actions and postings, every minute drafts, bank lines, lock dates and
documents (these in parts by id, the newest 5,000 and as many older ones in turn), every five minutes missing numbers, statements,
payments and 5000 entries of the hash chain; each statement is served by an index or bounded, and by statement_timeout and
lock_timeout on the server.
`
