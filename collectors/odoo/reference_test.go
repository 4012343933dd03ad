package odoo

import (
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
	"odoo_bank_statement": "`account_bank_statement_line`", "odoo_lock_date": "`res_company`", "odoo_lines_reconciled": "`account_bank_statement_line`",
}

// TestReference holds docs/collectors/odoo.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{URL: "https://erp.example.com", Database: "prod"}
	config.SetDefaults()
	config.Log.File = "/var/log/odoo/odoo.log"
	config.SQL.DSN = secret.New("postgres://closewatch@127.0.0.1/prod")
	types := collectortest.Types(t, "serverlog/testdata/*.prom")
	types["odoo_database_clock_offset_seconds"] = "gauge"
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

## Cost

One connection. Every 15 s the jobs, scheduled actions and postings, every minute drafts, bank lines and lock dates; each
statement is served by an index or bounded, and by statement_timeout and lock_timeout on the server.
`
