package endpoint

import (
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// TestReference holds docs/collectors/endpoint.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{Class: "bank", Checks: []Check{
		{Name: "http", HTTP: &HTTP{}}, {Name: "tcp", TCP: &TCP{}}, {Name: "dns", DNS: &DNS{}},
	}}
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/endpoint.md", Introduction: introduction, Settings: []string{"config.go", "dnsconfig.go", "httpconfig.go", "tcp.go", "tls.go", "expect.go", "http.go", "dns.go"},
		Sections: collectortest.Sections(New(Settings{Component: "bank", Config: config}), "Each check"),
		Source:   func(string) string { return "HTTP, TCP or DNS answer" },
	})
}

const introduction = `# Endpoints

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/endpoint; a test holds it to the code. -->

HTTP, TCP and DNS checks of banks, tax engines, identity providers, reporting tools and document services. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.
The names ` + "`" + `probe_…` + "`" + ` are blackbox_exporter's. ` + "`" + `kind` + "`" + ` is one of the failure kinds: auth, denied, unreachable, dns, tls, timeout, limit,
conflict, locked, rejected, schema, assertion, unavailable, blocked, internal.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  bank:
    responsibility: vendor
    endpoint:
      class: bank
      checks:
        - name: accounts
          http: {url: "https://api.bank.example/v1/accounts", bearer: "${file:/run/secrets/bank-token}", expect: {json: {/consent/status: valid}}}
        - name: zone
          dns: {name: api.bank.example, server: 192.0.2.53, expect: [192.0.2.10]}
` + "`" + `` + "`" + `` + "`" + `

## Settings

{settings}

## Rights

Credentials that may read what the check asks for, and nothing else.

## Cost

One question of each check in its interval, on a connection of its own; bodies are read up to ` + "`" + `maxBytes` + "`" + `.
`
