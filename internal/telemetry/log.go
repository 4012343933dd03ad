package telemetry

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/closewatch/closewatch/internal/estate"
)

// Log says how the daemon writes its log.
type Log struct {
	Format string `yaml:"format,omitempty"` // text or json
	Level  string `yaml:"level,omitempty"`  // debug, info, warn or error
}

// SetDefaults implements estate.Defaulter.
func (l *Log) SetDefaults() { l.Format, l.Level = "text", "info" }

// Validate implements estate.Validator.
func (l *Log) Validate() []estate.Problem {
	var problems []estate.Problem
	if l.Format != "text" && l.Format != "json" {
		problems = append(problems, estate.Problem{Field: "format", What: fmt.Sprintf("%q is not a log format", l.Format), Remedy: "write text or json"})
	}
	if _, err := l.level(); err != nil {
		problems = append(problems, estate.Problem{Field: "level", What: fmt.Sprintf("%q is not a log level", l.Level), Remedy: "write debug, info, warn or error"})
	}
	return problems
}

func (l *Log) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(l.Level))
	return level, err
}

// NewLog returns a logger that writes to w. A configuration that does not
// validate is taken for its defaults.
func NewLog(w io.Writer, c Log) *slog.Logger {
	level, err := c.level()
	if err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
