package estate

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxDocuments bounds what one file of several documents may hold.
const maxDocuments = 10_000

// ReadDocuments reads a file of several documents, with --- between them, or of
// one list of them: the shape in which Kubernetes' tools and OpenSLO keep
// theirs. A key without a value is as if it were not there. what is the word
// for one of them: "OpenSLO document". The documents are not decoded yet; each
// is bounded as an estate is, and every mistake is told in the order of the
// file.
func ReadDocuments(name string, data []byte, what string) ([]*Document, Mistakes) {
	var out []*Document
	var mistakes Mistakes
	parts := split(canonical(data))
	for _, part := range parts {
		root, ms := parse(name, part.text, what, "", "write one")
		for i := range ms {
			ms[i].Line += part.before
		}
		mistakes = append(mistakes, ms...)
		if len(ms) > 0 && root.entries == nil && root.items == nil {
			continue
		}
		root = root.moved(part.before)
		roots := []node{root}
		if root.shape == sequence {
			roots = root.items
		}
		for _, n := range roots {
			out = append(out, newDocument(name, what, n.said()))
		}
	}
	switch {
	case len(parts) == 0:
		mistakes = append(mistakes, Mistake{name, 1, 1, what, "is missing: the file holds none", "write one"})
	case len(out) > maxDocuments:
		mistakes = append(mistakes, Mistake{name, 1, 1, what, fmt.Sprintf("is one of more than %d in the file", maxDocuments), "write several files"})
		out = nil
	}
	return out, mistakes
}

func newDocument(name, what string, root node) *Document {
	d := newDecoder(name, nil)
	d.offline, d.whole = true, what
	return &Document{d: d, root: root}
}

// A part is one document of a file, and how many lines stand before it.
type part struct {
	text   []byte
	before int
}

// split cuts a file at its lines with ---, which end a document wherever they
// stand. What holds nothing but comments is no part.
func split(data []byte) []part {
	var out []part
	var now part
	line, says := 0, false
	end := func() {
		if says {
			out = append(out, now)
		}
		now, says = part{before: line}, false
	}
	for text := range bytes.Lines(data) {
		rest, marker := bytes.CutPrefix(text, []byte("---"))
		if marker = marker && (len(bytes.TrimSpace(rest)) == 0 || rest[0] == ' ' || rest[0] == '\t'); marker {
			end()
		} else {
			rest = text
		}
		if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' && !bytes.Equal(rest, []byte("...")) {
			says = true
		}
		now.text = append(now.text, text...)
		line++
	}
	end()
	return out
}

// moved is the node with every place so many lines further down.
func (n node) moved(lines int) node {
	if lines == 0 {
		return n
	}
	n.at.line += lines
	if n.key.line > 0 {
		n.key.line += lines
	}
	for i := range n.entries {
		n.entries[i].at.line += lines
		n.entries[i].value = n.entries[i].value.moved(lines)
	}
	for i := range n.items {
		n.items[i] = n.items[i].moved(lines)
	}
	return n
}

// said is the node without the keys that have no value.
func (n node) said() node {
	n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.value.shape == null })
	for i := range n.entries {
		n.entries[i].value = n.entries[i].value.said()
	}
	for i := range n.items {
		n.items[i] = n.items[i].said()
	}
	return n
}

// Decode fills a pointer to a struct from a document of ReadDocuments. Mistakes
// has what is wrong.
func (x *Document) Decode(into any) {
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	x.d.decode(x.root, v, x.what, "")
}

// Text is what a key of the document says, when it says text.
func (x *Document) Text(key string) string { return Section{node: x.root}.text(key) }

// Note gives a problem its place without counting it as a mistake: it says what
// becomes of something that is right.
func (x *Document) Note(p Problem) Mistake {
	at := strings.TrimPrefix(x.what+"."+p.Field, ".")
	place := x.d.place(x.root, x.what, at)
	if n, there := x.root.find(p.Field); there { // also in a section that nobody has decoded
		place = n.place()
	}
	return Mistake{x.d.file, max(place.line, 1), max(place.column, 1), at, x.d.redact(clipTo(p.What, maxNote)), x.d.redact(clipTo(p.Remedy, maxNote))}
}

// find is the value at a path below a node: "components.db.postgres.standbys[0]".
func (n node) find(path string) (node, bool) {
	if path = strings.TrimPrefix(path, "."); path == "" {
		return n, true
	}
	if after, is := strings.CutPrefix(path, "["); is {
		index, rest, _ := strings.Cut(after, "]")
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(n.items) {
			return node{}, false
		}
		return n.items[i].find(rest)
	}
	for _, e := range n.entries {
		rest, is := strings.CutPrefix(path, e.key)
		if !is || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		if found, there := e.value.find(rest); there {
			return found, true
		}
	}
	return node{}, false
}

// maxNote is how long a note may be: it may quote a query.
const maxNote = 400

// Plain is what a section holds whose keys nobody declares: a map[string]any, a
// []any, or the text of a scalar. It shows whatever is there, secrets in the
// wrong place included: it is not for printing.
func (s Section) Plain() any { return s.node.plain() }

func (n node) plain() any {
	switch n.shape {
	case mapping:
		out := map[string]any{}
		for _, e := range n.entries {
			out[e.key] = e.value.plain()
		}
		return out
	case sequence:
		out := []any{}
		for _, item := range n.items {
			out = append(out, item.plain())
		}
		return out
	default:
		return n.text
	}
}
