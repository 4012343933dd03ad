package estate

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// A Mistake is one thing wrong with an estate file, where, and what to write
// instead.
type Mistake struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"`   // "components.db.postgres.dsn"
	What   string `json:"what"`   // "is not a PostgreSQL connection string"
	Remedy string `json:"remedy"` // "write postgres://user@host:5432/database, the password as ${env:NAME}"
}

// String renders file:line:column: path: what is wrong; what to write instead.
func (m Mistake) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s; %s", m.File, m.Line, m.Column, m.Path, m.What, m.Remedy)
}

// Mistakes is every mistake found in one go, in the order of the file.
type Mistakes []Mistake //nolint:errname // a list people read, not a condition callers compare

// Error implements error, one mistake a line.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// A Problem is a mistake as the owner of a section sees it: the field below
// its section, without a position. Section.Decode adds the position.
type Problem struct {
	Field  string // dotted, below the section: "dsn", "accessLog.format"; "" is the section itself
	What   string
	Remedy string
}

// A Validator is a section that checks itself after it has been decoded.
type Validator interface{ Validate() []Problem }

// A Defaulter is a section that fills in its defaults before it is decoded.
type Defaulter interface{ SetDefaults() }

// Duration is a time.Duration written as Prometheus writes it: 15s, 5m, 30d.
type Duration time.Duration

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := model.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 15s, 5m or 30d", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(model.Duration(d).String()), nil }
