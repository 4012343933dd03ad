// Package secret holds values that must never be printed.
//
// A secret comes by reference, never inline: ${env:NAME} or ${file:/path}. It
// prints as <secret> through fmt, slog, JSON and YAML alike; Reveal is the only
// way to the value, so every use can be found by its name.
package secret

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// Redacted is what a secret prints as.
const Redacted = "<secret>"

// A Value is a resolved secret. The zero Value is empty and unset.
type Value struct{ v string }

// New makes a Value of a string that is already in memory, as tests and the
// demo do; configuration goes through Expand.
func New(s string) Value { return Value{v: s} }

// Reveal returns the secret itself.
func (v Value) Reveal() string { return v.v }

// IsZero reports whether there is no secret.
func (v Value) IsZero() bool { return v.v == "" }

// String implements fmt.Stringer.
func (v Value) String() string {
	if v.v == "" {
		return ""
	}
	return Redacted
}

// Format implements fmt.Formatter, so that no verb reaches the value.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText implements encoding.TextMarshaler for JSON and YAML.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

var reference = regexp.MustCompile(`\$\{(env|file):([^}]+)\}`)

// HasReference reports whether s contains a ${env:…} or ${file:…} reference.
func HasReference(s string) bool { return reference.MatchString(s) }

// Expand replaces every reference in s. lookup is os.LookupEnv outside tests.
// A file's trailing newline is dropped. The error names the reference, never
// a value.
func Expand(s string, lookup func(string) (string, bool)) (Value, error) {
	var firstErr error
	out := reference.ReplaceAllStringFunc(s, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		if m[1] == "env" {
			if val, ok := lookup(m[2]); ok {
				return val
			}
			if firstErr == nil {
				firstErr = fmt.Errorf("environment variable %s is not set", m[2])
			}
			return ""
		}
		b, err := os.ReadFile(m[2])
		if err != nil {
			if firstErr == nil {
				firstErr = fmt.Errorf("cannot read secret file: %w", err)
			}
			return ""
		}
		return strings.TrimRight(string(b), "\r\n")
	})
	return Value{v: out}, firstErr
}
