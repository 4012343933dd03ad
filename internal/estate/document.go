package estate

import (
	"reflect"
	"strconv"
	"strings"
)

// A Document is a file of another kind than an estate, read just as strictly:
// it can tell the place of everything in it.
type Document struct {
	d    *decoder
	root node
	what string
}

// ReadDocument decodes a file into a pointer to a struct, as Section.Decode
// does a section, and returns every mistake in the order of the file. what is
// the word for what it holds, with which every path begins: "scenario".
func ReadDocument(name string, data []byte, what, beginning string, into any) (*Document, Mistakes) {
	root, mistakes := parse(name, canonical(data), what, what, beginning)
	d := newDecoder(name, nil)
	d.offline = true
	d.adopt(mistakes)
	doc := &Document{d, root, what}
	if len(mistakes) > 0 && root.entries == nil {
		return doc, d.found()
	}
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	d.decode(root, v, what, "")
	return doc, d.found()
}

// Problem adds a mistake that only those can tell who know more than the file:
// at a field below the document, or at the nearest one above it that is there.
// It is left out when something is wrong with that field already.
func (x *Document) Problem(p Problem) { x.d.problem(x.root, x.what, p) }

// Mistakes are all that were found, in the order of the file.
func (x *Document) Mistakes() Mistakes { return x.d.found() }

// Line is where a field below the document stands; 1 when nobody knows.
func (x *Document) Line(field string) int {
	return max(x.d.place(x.root, x.what, below(x.what, field)).line, 1)
}

// Estate decodes and checks an estate that a document holds in one of its
// sections, as Parse does a file.
func (s Section) Estate(opts Options) (*Estate, error) {
	var b strings.Builder
	s.node.write(&b)
	return newDecoder(s.file, opts.LookupEnv).estate(s.node, hash([]byte(b.String())), opts)
}

// write writes a node down in one way only, so that it can be hashed.
func (n node) write(b *strings.Builder) {
	switch n.shape {
	case mapping:
		for _, e := range n.entries {
			b.WriteString("{" + strconv.Quote(e.key) + ":")
			e.value.write(b)
			b.WriteString("}")
		}
	case sequence:
		for _, item := range n.items {
			b.WriteString("[")
			item.write(b)
			b.WriteString("]")
		}
	case text, number, boolean, null:
		b.WriteString(strconv.Quote(n.text))
	}
}
