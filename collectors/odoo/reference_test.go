package odoo

import (
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/secret"
)

// sources are the tables that metrics are read from; the longest prefix counts.
var sources = map[string]string{
	"odoo_up": "/web/health", "odoo_health": "/web/health", "odoo_queue": "`queue_job`", "odoo_scheduled_action": "`ir_cron`",
	"odoo_bank_last": "`account_bank_statement_line`", "odoo_bank_statement": "`account_bank_statement_line`", "odoo_lock_date": "`res_company`",
	"odoo_bank_last_statement": "`account_bank_statement`", "odoo_bank_statements": "`account_bank_statement`", "odoo_bank_statement_imports": "`ir_attachment`, `account_bank_statement`",
	"odoo_lock_exception": "`account_lock_exception`", "odoo_payment": "`account_payment`, before Odoo 18 also `account_move`", "odoo_auto_post": "`ir_cron`, `ir_model_data`, `account_move`",
	"odoo_documents_voided": "`account_edi_document`, `account_move`, `res_company`", "odoo_journal_entries_unbalanced": "`account_move_line`", "odoo_lines_reconciled": "`account_bank_statement_line`",
}

// types are those of metrics whose values are counted from today, so that no
// golden file has them.
var types = map[string]string{
	"odoo_database_clock_offset_seconds":               "gauge",
	"odoo_auto_post_idle_runs":                         "gauge",
	"odoo_bank_last_statement_timestamp_seconds":       "gauge",
	"odoo_bank_statement_imports_duplicated":           "gauge",
	"odoo_bank_statement_lines_duplicated":             "gauge",
	"odoo_bank_statement_lines_unreconciled_older":     "gauge",
	"odoo_bank_statements_incomplete":                  "gauge",
	"odoo_documents_voided_while_locked":               "gauge",
	"odoo_hash_chain_faults":                           "gauge",
	"odoo_hash_entries_checked_total":                  "counter",
	"odoo_hash_last_full_pass_timestamp_seconds":       "gauge",
	"odoo_journal_entries_auto_post_stuck":             "gauge",
	"odoo_journal_entries_draft_past_period":           "gauge",
	"odoo_journal_entries_to_review":                   "gauge",
	"odoo_journal_entries_unbalanced":                  "gauge",
	"odoo_lock_exceptions":                             "gauge",
	"odoo_lock_exceptions_from_timestamp_seconds":      "gauge",
	"odoo_lock_exceptions_until_timestamp_seconds":     "gauge",
	"odoo_payment_oldest_in_process_timestamp_seconds": "gauge",
	"odoo_payments_duplicated":                         "gauge",
	"odoo_payments_in_process":                         "gauge",
	"odoo_payments_in_process_late":                    "gauge",
	"odoo_sequence_gaps":                               "gauge",
}

// TestReference holds docs/collectors/odoo.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{URL: "https://erp.example.com", Database: "prod"}
	config.SetDefaults()
	config.SQL.DSN = secret.New("postgres://closewatch@127.0.0.1/prod")
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

One Odoo database of versions 16 to 19: its health page, and a few columns by read-only SQL. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  erp:
    odoo: {url: "https://erp.example.com", database: prod, login: closewatch, password: "${file:/run/secrets/odoo}"}
` + "`" + `` + "`" + `` + "`" + `

## Settings

Beside these: login, password, apiKey, timeout, synthetic and runsPerHour, of the flows.

{settings}

## Rights

[closewatch-role.sql](../../deploy/sql/closewatch-role.sql), run once in the database, grants the columns that are read and no others.
Amounts, partners and texts are not among them. What can only be told by comparing them (payments and bank lines that came twice,
entries that do not balance) is measured where somebody grants the columns named in the metric's description: they are compared in
the database, and only counts leave it.

## Secured entries

The hash of an entry is not computed again: that needs amounts and texts, which are not read. So an amount that was changed under an
unchanged hash is not seen here; Odoo's report on data integrity finds it. What is seen: a hash that is not the one remembered, an
entry with a remembered hash that is gone or is not posted, and a posted entry that was left out of its chain. All entries are looked
at in turn, 5000 each time; of the hashes, up to 5000 spread over all entries are remembered, on disk, by a digest. A finding is told for 35 days.

## Cost

One connection. Every 15 s the jobs, scheduled actions and postings, every minute drafts, bank lines and lock dates, every five
minutes missing numbers, statements, payments and 5000 entries of the hash chain; each
statement is served by an index or bounded, and by statement_timeout and lock_timeout on the server.
`
