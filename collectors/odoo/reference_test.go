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
	"odoo_databases": "`pg_database`", "odoo_info": "`ir_module_module`", "odoo_table_columns": "the catalogue", "odoo_tenant": "as said, of each other database",
	"odoo_tenant_scheduled": "`ir_cron` of each other database", "odoo_tenant_queue": "`queue_job` of each other database", "odoo_tenant_mails": "`mail_mail` of each other database",
	"odoo_tenant_journal": "`account_move` of each other database", "odoo_tenant_visit": "the server's clock", "odoo_database": "the server",
	"odoo_copy_unneutralized": "`closewatch_copy_marks()`", "odoo_copy_mail": "`ir_mail_server`, `fetchmail_server`", "odoo_copy_links": "`account_edi_proxy_client_user`, `account_online_link`, `payment_provider`",
	"odoo_bank_statement": "`account_bank_statement_line`", "odoo_lock_date": "`res_company`", "odoo_lines_reconciled": "`account_bank_statement_line`",
}

// TestReference holds docs/collectors/odoo.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{URL: "https://erp.example.com", Database: "prod"}
	config.SetDefaults()
	config.SQL.DSN = secret.New("postgres://closewatch@127.0.0.1/prod")
	config.Databases.Include = []string{"*"}
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/odoo.md", Introduction: introduction, Types: map[string]string{"odoo_database_clock_offset_seconds": "gauge", "odoo_table_columns": "gauge"}, Settings: []string{"config.go"},
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

## Cost

One connection, and at most six for other databases. Every 15 s the jobs, scheduled actions and postings, every minute drafts, bank lines and lock dates; each
statement is served by an index or bounded, and by statement_timeout and lock_timeout on the server.
`
