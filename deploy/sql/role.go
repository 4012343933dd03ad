// Package sql holds the statements that whoever runs a database gives the role
// that Closewatch reads it with: what is shipped is what tests and the demo run.
package sql

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed closewatch-role.sql
var role string

// Role returns closewatch-role.sql for a role of that name, which is made of
// lower-case letters, digits and underscores, without what only psql takes.
func Role(name string) string {
	var b strings.Builder
	for line := range strings.Lines(role) {
		if !strings.HasPrefix(line, `\`) {
			b.WriteString(line)
		}
	}
	return regexp.MustCompile(`\bclosewatch\b`).ReplaceAllLiteralString(b.String(), name)
}
