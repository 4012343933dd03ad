package odoorpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// wireWords are the keys of envelopes, error objects and logins.
var wireWords = set(`jsonrpc id method params service args kwargs model ids context lang result error code message data
name debug arguments exception_type uid db login password allowed_company_ids active_model active_ids`)

// wireValues are the words of an envelope that are no data.
var wireValues = set(`2.0 call object common execute_kw authenticate ` + Language)

// secretKeys are those of whose values not even the length is told.
var secretKeys = set(`password login db session_id sid csrf_token`)

// A vocabulary says what of a body may be shown as it is.
type vocabulary struct {
	keys   map[string]bool
	values map[string]bool // strings
	codes  bool            // error classes and codes
}

func asked(words map[string]bool) vocabulary {
	return vocabulary{keys: union(wireWords, words), values: union(wireValues, words)}
}

func answered(words map[string]bool) vocabulary {
	return vocabulary{keys: union(wireWords, words), values: set("2.0"), codes: true}
}

func union(a, b map[string]bool) map[string]bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// bodyShape describes a body by its structure alone.
func bodyShape(body []byte, known vocabulary) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "empty"
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return fmt.Sprintf("%s of %d bytes", kindOfText(body), len(body))
	}
	s := &shaper{known: known}
	s.value("", v, 0)
	text := s.String()
	if len(text) > maxShape {
		text = text[:maxShape-len("…")] + "…" // what was written is ASCII but for the last sign
		text = strings.ToValidUTF8(text, "")
	}
	return text
}

func kindOfText(body []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 200)]))
	switch {
	case bytes.HasPrefix(head, []byte("<?xml")):
		return "XML"
	case bytes.HasPrefix(head, []byte("<")):
		return "a page"
	case bytes.HasPrefix(head, []byte("%pdf")):
		return "a PDF"
	}
	return "text or bytes"
}

// Bounds of a shape, besides its length.
const (
	maxDepth    = 12
	maxElements = 6  // of a list, one after another
	maxKeys     = 40 // of an object
)

// A shaper writes the shape of a value.
type shaper struct {
	strings.Builder
	known vocabulary
}

func (s *shaper) value(key string, v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		s.object(v, depth)
	case []any:
		s.list(v, depth)
	case string:
		s.text(key, v)
	case json.Number:
		s.number(key, v)
	case bool:
		s.WriteString("bool")
	default:
		s.WriteString("null")
	}
}

func (s *shaper) object(o map[string]any, depth int) {
	if depth >= maxDepth || s.Len() > maxShape {
		s.WriteString("{…}")
		return
	}
	s.WriteString("{")
	shown, hidden := 0, 0
	for _, k := range slices.Sorted(maps.Keys(o)) {
		if !s.known.keys[k] || shown >= maxKeys {
			hidden++
			continue
		}
		if shown++; shown > 1 {
			s.WriteString(", ")
		}
		s.WriteString(k + ": ")
		s.value(k, o[k], depth+1)
	}
	if hidden > 0 {
		if shown > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(s, "%d more", hidden)
	}
	s.WriteString("}")
}

// list shows its elements, or one for all when they have the same shape.
func (s *shaper) list(list []any, depth int) {
	if depth >= maxDepth || s.Len() > maxShape {
		s.WriteString("[…]")
		return
	}
	var shapes []string
	for _, v := range list[:min(len(list), maxElements)] {
		inner := &shaper{known: s.known}
		inner.value("", v, depth+1)
		shapes = append(shapes, inner.String())
	}
	distinct := slices.Compact(slices.Clone(shapes))
	switch {
	case len(list) == 0:
		s.WriteString("[]")
	case len(list) > 1 && len(distinct) == 1:
		fmt.Fprintf(s, "[%d of %s]", len(list), distinct[0])
	case len(list) > len(shapes):
		fmt.Fprintf(s, "[%s, %d more]", strings.Join(shapes, ", "), len(list)-len(shapes))
	default:
		fmt.Fprintf(s, "[%s]", strings.Join(shapes, ", "))
	}
}

func (s *shaper) text(key, v string) {
	switch {
	case secretKeys[key]:
		s.WriteString("str")
	case s.known.values[v], s.known.codes && key == "name" && knownClass(v):
		s.WriteString(v)
	default:
		fmt.Fprintf(s, "str(%d)", len(v))
	}
}

// knownClass reports whether v is an error class of a family in the table.
func knownClass(v string) bool {
	if !isClass(v) {
		return false
	}
	for _, family := range []string{"odoo.exceptions.", "odoo.http.", "psycopg2.", "werkzeug.exceptions.", "builtins.", "redis.exceptions."} {
		if strings.HasPrefix(v, family) {
			return true
		}
	}
	return false
}

func (s *shaper) number(key string, v json.Number) {
	n, err := strconv.Atoi(v.String())
	switch {
	case err != nil:
		s.WriteString("float")
	case s.known.codes && key == "code" && (n == 0 || n == sessionExpired || n >= 200 && n < 600):
		s.WriteString(v.String())
	default:
		s.WriteString("int")
	}
}

// routeWords are the parts of Odoo's routes.
var routeWords = set(`web session authenticate destroy dataset call_kw webclient version_info health login json 2 jsonrpc
report pdf html text websocket content download`)

// pathShape is the path of a request without its query: routes, models, methods
// and names of reports, but no ids and nothing else.
func pathShape(path string, words map[string]bool) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if part != "" && !routeWords[part] && !words[part] && (!technicalName(part) || !strings.Contains(part, ".")) {
			parts[i] = "#"
		}
	}
	return bound(strings.Join(parts, "/"), maxText)
}
