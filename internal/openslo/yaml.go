package openslo

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A field is one key with its value: text, a number, a bool, fields or a list of
// these. What has no value is left out.
type field struct {
	key   string
	value any
}

// A number is written as it is.
type number string

// fields are a mapping in the order in which it is written.
type fields []field

// with adds a field, unless it says nothing.
func (f fields) with(key string, value any) fields {
	if isEmpty(value) {
		return f
	}
	return append(f, field{key, value})
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case number:
		return v == ""
	case bool:
		return !v
	case fields:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		return false
	}
}

// width is how long a line with a whole mapping or list in it may be.
const width = 118

// write lays fields out as YAML. Mappings whose keys are in flow stand on one
// line, where they fit.
func (f fields) write(b *bytes.Buffer, margin string, flow []string) {
	for _, e := range f {
		b.WriteString(margin + scalar(e.key) + ":")
		writeValue(b, margin, e.value, slices.Contains(flow, e.key), flow)
	}
}

func writeValue(b *bytes.Buffer, margin string, value any, inLine bool, flow []string) {
	if inLine {
		if line := flowOf(value, scalar); len(margin)+len(line)+20 < width {
			b.WriteString(" " + line + "\n")
			return
		}
	}
	switch v := value.(type) {
	case fields:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		v.write(b, margin+"  ", flow)
	case []any:
		b.WriteString("\n")
		for _, item := range v {
			of, mapping := item.(fields)
			if line := flowOf(item, scalar); !mapping || inLine && len(margin)+len(line)+4 < width {
				b.WriteString(margin + "  - " + line + "\n")
				continue
			}
			var inner bytes.Buffer
			of.write(&inner, margin+"    ", flow)
			b.WriteString(margin + "  - " + strings.TrimPrefix(inner.String(), margin+"    "))
		}
	default:
		b.WriteString(" " + flowOf(value, scalar) + "\n")
	}
}

// flowOf is a value on one line, as YAML or, with quoted, as JSON.
func flowOf(value any, text func(string) string) string {
	var parts []string
	switch v := value.(type) {
	case string:
		return text(v)
	case number:
		return string(v)
	case bool:
		if v {
			return "true"
		}
		return "false"
	case fields:
		for _, e := range v {
			parts = append(parts, text(e.key)+": "+flowOf(e.value, text))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, flowOf(item, text))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return "null"
	}
}

var (
	// plainText needs no quotes, inside brackets neither.
	plainText = regexp.MustCompile(`^[A-Za-z_]([A-Za-z0-9_./+%|-]|:[0-9])*( ([A-Za-z0-9_./+%|-]|:[0-9])+)*$`)
	// plainDuration is text that begins with a digit and is no number.
	plainDuration = regexp.MustCompile(`^([0-9]+(ms|[smhdwyMQY]))+$`)
	// otherwise would be read as something else than text.
	otherwise = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|y|n|nan|inf)$`)
)

// scalar writes text so that YAML reads it as the same text.
func scalar(s string) string {
	if (plainText.MatchString(s) || plainDuration.MatchString(s)) && !otherwise.MatchString(s) {
		return s
	}
	if strings.Contains(s, `"`) && !strings.Contains(s, "'") && isLine(s) {
		return "'" + s + "'" // a query reads better without backslashes
	}
	return quoted(s)
}

// isLine reports whether text is one line of what can be printed.
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quoted writes text as JSON, which is YAML.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string encodes
	return strings.TrimSpace(b.String())
}
