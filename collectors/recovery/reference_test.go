package recovery

import (
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

// TestReference holds docs/collectors/backup.md to the code. UPDATE_GOLDEN=1
// writes it.
func TestReference(t *testing.T) {
	config := Config{RestoreTests: "/var/lib/closewatch/restore-tests"}
	config.SetDefaults()
	collectortest.Reference(t, collectortest.Page{
		File: "../../docs/collectors/backup.md", Introduction: introduction, Settings: []string{"config.go"},
		Sections: collectortest.Sections(New(Settings{Component: "backups", Config: config}), ""),
		Source:   func(string) string { return "info files, archive, drops, reports" },
	})
}

const introduction = `# Backups and restore tests

<!-- Written from the code by UPDATE_GOLDEN=1 go test ./collectors/recovery; a test holds it to the code. -->

Whether what was lost could be brought back, and to which moment: pgBackRest's repository, its info as JSON, drops of other
tools, the archive of the log, and [reports of restore tests](../restore-tests.md). Every series also has the labels ` + "`" + `environment` + "`" + ` and ` + "`" + `component` + "`" + `. A value that is not known is absent.
What evidence that is not good any more should tell is NaN.

` + "`" + `` + "`" + `` + "`" + `yaml
components:
  backups:
    backup:
      stanza: main
      repositories: [{name: local, path: /var/lib/pgbackrest}]
      restoreTests: /var/lib/closewatch/restore-tests
      recoveryPoint: archive
` + "`" + `` + "`" + `` + "`" + `

More of it is in [recovery.yaml](../../deploy/examples/recovery.yaml).

## Settings

{settings}

## Rights

Reading the files, for the daemon's user. No program is run and no server is asked.

## Cost

The files are read once in an interval, each bounded; the server is not asked at all.
`
