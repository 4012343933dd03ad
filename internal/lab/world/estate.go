package world

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// Scaled times of the demo: a thirtieth of production's.
const (
	scale = "0.0333"
	tick  = "2s"
)

// estate is the daemon's configuration for this world.
func (w *World) estate(passwordFile, tokenFile, listen string) string {
	hard := "{kind: postgres}, {kind: odoo}, {kind: traefik}, {kind: redis, use: sessions}"
	r := strings.NewReplacer(
		"@PRIMARY@", w.Database.DSN(watchRole, "postgres"),
		"@STANDBY@", w.Database.Standby.DSN(watchRole, "postgres"),
		"@TENANT@", w.Database.DSN(watchRole, odoosim.Database),
		"@REDIS@", w.Redis.URL(),
		"@METRICS@", w.Ingress.MetricsURL,
		"@PING@", w.Ingress.URL+"/web/health",
		"@ACCESSLOG@", w.Ingress.AccessLog,
		"@URL@", w.Ingress.URL,
		"@DIRECT@", w.Odoo.URL(),
		"@DB@", odoosim.Database,
		"@LOGIN@", odoosim.ProbeLogin,
		"@PASSWORD@", passwordFile,
		"@TOKEN@", tokenFile,
		"@BANK@", w.bank.url,
		"@AM@", w.Alertmanager.URL,
		"@HARD@", hard,
		"@SCALE@", scale, "@TICK@", tick, "@LISTEN@", listen,
		"@SYNTHETIC@", fmt.Sprintf("{company: %d, saleJournal: SYNI, bankJournal: SYNB, partner: %d, queueJob: %d}", odoosim.SyntheticCompany, odoosim.SyntheticPartner, w.testJob),
		"@MAIN@", strconv.Itoa(odoosim.MainCompany),
		"@SYNTHETICID@", strconv.Itoa(odoosim.SyntheticCompany),
	)
	return r.Replace(estateTemplate)
}

const estateTemplate = `# The demo estate. Its times are scaled: an hour of production takes two minutes.
apiVersion: closewatch/v1
kind: Estate
metadata: {name: acme-demo}
environment: demo
timezone: UTC
entities:
  - {name: acme, tenant: @DB@, company: @MAIN@}
components:
  db:
    postgres:
      dsn: "@PRIMARY@"
      standbys: [{name: db-2, dsn: "@STANDBY@"}]
      interval: 2s
  cache:
    redis: {url: "@REDIS@", tolerance: session, interval: 2s, timeout: 1s}
  ingress:
    traefik: {metrics: "@METRICS@", accessLog: "@ACCESSLOG@", ping: "@PING@", interval: 2s}
  erp:
    odoo:
      url: "@URL@"
      database: @DB@
      login: @LOGIN@
      password: "${file:@PASSWORD@}"
      timeout: 6s
      synthetic: @SYNTHETIC@
      runsPerHour: 2000
      companies: [{id: @MAIN@, entity: acme}, {id: @SYNTHETICID@, synthetic: true}]
      sql: {dsn: "@TENANT@", interval: 2s}
      health: {url: "@DIRECT@/web/health", interval: 2s, timeout: 2s}
  bank:
    endpoint: {class: bank, checks: [{name: accounts, interval: 5s, timeout: 2s, http: {url: "@BANK@"}}]}
alertmanagers: ["@AM@"]
notifications: {workingHours: {from: "00:00", to: "24:00"}} # whoever tries the demo at night is told all
schedule:
  flows:
    # Those that write take turns, so that a longer interval of one leaves room for the others.
    invoice-posting: {level: L3, interval: 8s, timeout: 7s}
    bank-reconciliation: {level: L3, interval: 8s, timeout: 7s}
    payment-registration: {level: L3, interval: 20s, timeout: 7s}
    queue-roundtrip: {level: L1, interval: 20s, timeout: 7s}
    report-pdf: {level: L1, interval: 30s, timeout: 7s, settings: {pages: 20}}
    websocket: {level: L1, interval: 30s, timeout: 7s}
    reporting: {level: L0, interval: 8s, timeout: 7s}
    login: {level: L0, interval: 30s, timeout: 7s}
processes:
  invoice-posting:
    rpo: 60s
    needs: [@HARD@]
    objectives: {availability: {target: 0.9}, latency: {target: 0.95, threshold: 500ms}}
  # A real budget would be spent within minutes of trying out what can break.
  payment-registration: {needs: [@HARD@], objectives: {availability: {target: 0.9}}}
  bank-reconciliation: {needs: [@HARD@], objectives: {availability: {target: 0.9}}}
  reporting: {needs: [@HARD@], objectives: {availability: {target: 0.9}}}
  # Four hours of production to send an e-invoice, and one to be back: jobs that nobody takes are late at first, and out of
  # time after a quarter of the latter.
  e-invoicing:
    rto: 2m
    needs: [@HARD@]
    work: [{source: queue_job, match: ["*einvoice*"], within: 8m, says: e-invoices waiting to be sent}]
calendar: {close: none}
timing: {tick: @TICK@, scale: @SCALE@, resend: 10s}
store: {retention: 1d}
web:
  listen: "@LISTEN@"
  tokens: [{name: operator, scopes: [admin], token: "${file:@TOKEN@}"}]
`
