package estate

import (
	"reflect"
)

// A Section is a part of the file that stays raw until its owner decodes it.
// The zero Section is one the file does not have: it decodes to defaults.
type Section struct {
	file   string
	path   string
	at     position // of its key
	node   node
	lookup func(string) (string, bool)
	// offline leaves references to secrets unresolved.
	offline bool
}

// IsZero reports whether the file has no such section.
func (s Section) IsZero() bool { return s.path == "" }

// Path is where the section stands: "components.db.postgres".
func (s Section) Path() string { return s.path }

// Decode fills into, a pointer to the owner's settings, and returns every
// mistake in the order of the file; nil when there is none.
//
// Keys are the yaml tags, or field names with a small first letter. A struct
// may set its defaults before it is filled (Defaulter) and check itself after
// (Validator); both also work on structs inside it. Unknown and repeated keys,
// wrong types and empty values are mistakes.
//
// A secret.Value must be one reference, ${env:NAME} or ${file:/path}; with the
// tag secret:"url" it is a URL or connection string that may be written out as
// long as its password is a reference. Text fields take no references, since
// they are shown. A type with UnmarshalText may return "what is wrong; what to
// write instead". No message shows a secret, not even one quoted by the owner.
func (s Section) Decode(into any) Mistakes {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return Mistakes{{
			s.file, max(s.at.line, 1), max(s.at.column, 1), s.path,
			"cannot be read into " + v.Kind().String(), "report this as a defect of the section's owner",
		}}
	}
	d := newDecoder(s.file, s.lookup)
	d.offline = s.offline
	setDefaults(v.Elem())
	n := s.node
	if s.IsZero() || n.shape == null { // db: {redis: } is a section with defaults
		n = node{shape: mapping, at: s.at}
	}
	d.decode(n, v.Elem(), s.path, "")
	return d.found()
}

// text is what a key of the section says, when it says text.
func (s Section) text(key string) string {
	for _, e := range s.node.entries {
		if e.key == key && e.value.shape == text {
			return e.value.text
		}
	}
	return ""
}

// decodeNode implements custom: a section inside a known part of the file.
func (s *Section) decodeNode(d *decoder, n node, path string) {
	*s = Section{file: d.file, path: path, at: n.at, node: n, lookup: d.lookup, offline: d.offline}
}
