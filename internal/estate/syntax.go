package estate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may be at most: an estate is written by people. The parser
// recurses, and its time grows with the square of the keys of a mapping (10,000
// take 2 s), so a file beyond these bounds is refused before it is parsed.
const (
	maxFile  = 512 << 10 // bytes
	maxLines = 10_000
	maxLine  = 4 << 10 // bytes
	maxDepth = 100     // flow collections open at once
)

// shape is what a node looks like in the file.
type shape uint8

const (
	mapping shape = iota
	sequence
	text
	number
	boolean
	null
)

func (s shape) String() string {
	return [...]string{"a mapping", "a list", "text", "a number", "true or false", "empty"}[s]
}

// A position is a place in the file, counted from 1; columns count characters.
type position struct{ line, column int }

// A node is one value of the file.
type node struct {
	shape   shape
	at      position
	key     position // of its key, if it has one
	text    string   // of scalars, without quotes
	quoted  bool     // text in quotes
	entries []entry
	items   []node
}

// place is where people look for a node: a collection at its key.
func (n node) place() position {
	if (n.shape == mapping || n.shape == sequence) && n.key.line > 0 {
		return n.key
	}
	return n.at
}

// An entry is one key of a mapping with its value.
type entry struct {
	key   string
	at    position
	value node
}

// canonical returns data without a byte order mark and with plain line ends:
// what is hashed and parsed.
func canonical(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

// parse turns data into a tree of nodes. A file that is not YAML at all is one
// mistake: what follows a syntax error cannot be trusted. What is YAML but not
// of our subset (anchors, tags, duplicate keys) is reported with the rest.
//
// what is the word for what the file holds, path that of its root, and
// beginning what to write into an empty one.
func parse(name string, data []byte, what, path, beginning string) (root node, mistakes Mistakes) {
	p := builder{file: name, what: what}
	if m, bad := tooBig(name, data, what); bad {
		return node{}, Mistakes{m}
	}
	file, err := parseYAML(data)
	if err != nil {
		return node{}, Mistakes{syntaxMistake(name, err)}
	}
	bodies := contents(file)
	switch {
	case len(bodies) == 0:
		p.mistake(position{1, 1}, path, "holds no "+what, beginning)
		return node{shape: mapping, at: position{1, 1}}, p.mistakes
	case len(bodies) > 1:
		p.mistake(placeOf(bodies[1]), path, "holds a second YAML document", "write one "+what+" per file")
	}
	return p.build(bodies[0], path), p.mistakes
}

// parseYAML shields the daemon from a parser that panics on foreign input.
func parseYAML(data []byte) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, errors.New("is not YAML that can be read")
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// contents lists the documents that hold anything.
func contents(f *ast.File) []ast.Node {
	var bodies []ast.Node
	for _, d := range f.Docs {
		switch d.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode:
		default:
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

func syntaxMistake(name string, err error) Mistake {
	m := Mistake{
		File: name, Line: 1, Column: 1, Path: "syntax",
		What:   "is not YAML that can be read",
		Remedy: "check the indentation, the quotes and the brackets on this line and the one before",
	}
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		m.What = clip(syntax.GetMessage())
		if tk := syntax.GetToken(); tk != nil && tk.Position != nil {
			m.Line, m.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
		}
	}
	return m
}

// tooBig reports a file that is larger, wider or deeper than an estate is.
func tooBig(name string, data []byte, what string) (Mistake, bool) {
	m := Mistake{File: name, Line: 1, Column: 1, Path: "syntax"}
	switch {
	case len(data) > maxFile:
		m.What, m.Remedy = fmt.Sprintf("is larger than %d bytes", maxFile), "write one "+what+" per file; keep certificates and lists in files of their own"
		return m, true
	case bytes.Count(data, []byte("\n")) > maxLines:
		m.What, m.Remedy = fmt.Sprintf("is longer than %d lines", maxLines), "write one "+what+" per file"
		return m, true
	case !utf8.Valid(data):
		m.What, m.Remedy = "is not UTF-8 text", "save the file as UTF-8"
		return m, true
	}
	depth := 0
	for line := range bytes.Lines(data) {
		if len(line) > maxLine {
			m.What, m.Remedy = fmt.Sprintf("is a line of more than %d bytes", maxLine), "write it over several lines"
			return m, true
		}
		for i, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				m.Column = utf8.RuneCount(line[:i]) + 1
				m.What, m.Remedy = fmt.Sprintf("opens more than %d brackets", maxDepth), "close them; no "+what+" is nested that deeply"
				return m, true
			}
		}
		m.Line++
	}
	return Mistake{}, false
}

// A builder turns the parser's tree into nodes, remembering mistakes.
type builder struct {
	file     string
	what     string // what the file holds
	mistakes Mistakes
}

func (b *builder) mistake(at position, path, what, remedy string) {
	if path == "" {
		path = b.what
	}
	b.mistakes = append(b.mistakes, Mistake{b.file, at.line, at.column, path, what, remedy})
}

func (b *builder) build(n ast.Node, path string) node {
	at := placeOf(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n.Values, at, path)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{n}, at, path)
	case *ast.SequenceNode:
		out := node{shape: sequence, at: at}
		for i, v := range n.Values {
			out.items = append(out.items, b.build(v, fmt.Sprintf("%s[%d]", path, i)))
		}
		return out
	case *ast.StringNode:
		quoted := n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		return node{shape: text, at: at, text: n.Value, quoted: quoted}
	case *ast.LiteralNode:
		return node{shape: text, at: at, text: n.Value.Value}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node{shape: number, at: at, text: n.GetToken().Value}
	case *ast.BoolNode:
		return node{shape: boolean, at: at, text: n.GetToken().Value}
	case *ast.AnchorNode:
		b.mistake(at, path, "uses a YAML anchor", "write the value out where it is needed")
		return b.build(n.Value, path)
	case *ast.AliasNode:
		b.mistake(at, path, "uses a YAML alias", "write the value out")
	case *ast.TagNode:
		b.mistake(at, path, "uses a YAML tag", "write the value without the tag, quoted if it is text")
		return b.build(n.Value, path)
	}
	return node{shape: null, at: at}
}

func (b *builder) mapping(values []*ast.MappingValueNode, at position, path string) node {
	out := node{shape: mapping, at: at}
	first := map[string]position{}
	for _, v := range values {
		keyAt := placeOf(v.Key)
		key, plain := keyText(v.Key)
		switch before, seen := first[key]; {
		case !plain:
			b.mistake(keyAt, path, "has a key that is not a plain word", "write the key as text")
		case seen:
			b.mistake(keyAt, below(path, key), fmt.Sprintf("is written twice, first on line %d", before.line), "keep one of the two")
		default:
			first[key] = keyAt
			value := b.build(v.Value, below(path, key))
			value.key = keyAt
			out.entries = append(out.entries, entry{key, keyAt, value})
		}
	}
	return out
}

// keyText returns a key as text; false for merge keys, aliases and collections.
func keyText(k ast.MapKeyNode) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value, k.Value != ""
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

func placeOf(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key // its own token is the first colon
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{1, 1}
	}
	p := n.GetToken().Position
	return position{max(p.Line, 1), max(p.Column, 1)}
}

// below joins a path and a key.
func below(path, key string) string {
	key = clip(key)
	if path == "" {
		return key
	}
	return path + "." + key
}

// clip makes foreign text fit to be shown: one line, printable, bounded.
func clip(s string) string { return clipTo(s, 80) }

// clipTo is clip with another bound, in characters.
func clipTo(s string, most int) string {
	s = strings.ReplaceAll(s, "\t", `\t`)
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
