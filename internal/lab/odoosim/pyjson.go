package odoosim

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An object is a JSON object that keeps its order, as Python's dict does.
type object []member

type member struct {
	key   string
	value any
}

// A noResult is what a method that returns None answers: the response then has
// no "result" at all.
type noResult struct{}

// appendJSON renders v as Python's json.dumps does: a space after separators,
// ASCII only, and a float that is integral keeps its ".0".
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil, noResult:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case json.Number:
		return append(dst, v...)
	case string:
		return appendString(dst, v)
	case []any:
		return appendList(dst, v)
	case []int64:
		return appendList(dst, v)
	case []object:
		return appendList(dst, v)
	case object:
		return appendObject(dst, v)
	case map[string]any:
		return appendObject(dst, sorted(v))
	default:
		return appendString(dst, "<"+strings.TrimPrefix(typeName(v), "*")+">")
	}
}

func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !slices.Contains(dst[start:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r >= 0x20 && r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			units := []uint16{uint16(r)}
			if r > 0xffff {
				units = utf16.Encode([]rune{r})
			}
			for _, u := range units {
				dst = append(dst, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
			}
		}
	}
	return append(dst, '"')
}

func appendList[T any](dst []byte, list []T) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendJSON(dst, v)
	}
	return append(dst, ']')
}

func appendObject(dst []byte, o object) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, m.key)
		dst = append(dst, ": "...)
		dst = appendJSON(dst, m.value)
	}
	return append(dst, '}')
}

func sorted(m map[string]any) object {
	o := make(object, 0, len(m))
	for k, v := range m {
		o = append(o, member{k, v})
	}
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.key, b.key) })
	return o
}

// pyRepr renders v as Python's repr does, for error texts that quote arguments.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return "'" + strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), "'", `\'`) + "'"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = pyRepr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		return pyRepr(sorted(v))
	case object:
		parts := make([]string, 0, len(v))
		for _, m := range v {
			parts = append(parts, pyRepr(m.key)+": "+pyRepr(m.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return string(appendJSON(nil, v))
	}
}
