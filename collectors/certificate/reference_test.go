package certificate

import (
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// TestReference holds docs/collectors/certificate.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{Targets: []Target{{Name: "erp", Served: "erp.example.com:443"}}}
	config.SetDefaults()
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/certificate.md", Introduction: introduction, Settings: []string{"config.go"},
		Sections: collectortest.Sections(New(Settings{Component: "certificates", Config: config}), "Each target"),
		Source:   func(string) string { return "TLS handshake, PEM file" },
	})
}

const introduction = `# Certificates

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/certificate; a test holds it to the code. -->

Certificates as a server shows them, as they lie in a file, or both: then what is shown must be what is in the file. Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.
The names ` + "`" + `probe_ssl_…` + "`" + ` are blackbox_exporter's.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  certificates:
    certificate:
      targets:
        - {name: erp, served: "erp.example.com:443", file: /etc/closewatch/erp/fullchain.pem}
        - {name: db, served: "db.example.com:5432", startTLS: postgres, ca: /etc/closewatch/db-ca.pem}
` + "`" + `` + "`" + `` + "`" + `

## Settings

{settings}

## Rights

Files must be readable for the daemon's user. Private keys are never read.

## Cost

One handshake of each served target in each interval, on a connection of its own that is closed after it.
`
