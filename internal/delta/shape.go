package delta

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A kind is how a value is written.
type kind byte

// Kinds, as they stand in a shape.
const (
	boolean kind = 'b'
	integer kind = 'i'
	natural kind = 'u'
	float   kind = 'f'
	words   kind = 's' // also of values that can be written as text
	instant kind = 't'
	list    kind = '['
	array   kind = '('
	pointer kind = '*'
	mapping kind = '<'
	record  kind = '{'
)

// A shape is the type of what is written, without its Go names.
type shape struct {
	kind   kind
	elem   *shape // of a list, an array, a pointer, and the values of a mapping
	len    int    // of an array
	fields []field
}

type field struct {
	name  string
	shape *shape
	index []int // in the Go type; nil when it has none
	typ   reflect.Type
}

// of returns the field of a struct.
func (f *field) of(v reflect.Value) reflect.Value { return within(v, f.index) }

// within is FieldByIndex for structs that are embedded by value.
func within(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		v = v.Field(i)
	}
	return v
}

// maxDepth is deeper than any table; a type that contains itself is refused.
const maxDepth = 16

var (
	timeType        = reflect.TypeFor[time.Time]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText reports whether values of a type are written as text.
func isText(t reflect.Type) bool {
	return t != timeType && t.Implements(textMarshaler) && reflect.PointerTo(t).Implements(textUnmarshaler)
}

// shapeOf describes a type, or says which part of it cannot be written.
func shapeOf(t reflect.Type, depth int) (*shape, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s contains itself", t)
	}
	elem := func(k kind) (*shape, error) {
		e, err := shapeOf(t.Elem(), depth+1)
		return &shape{kind: k, elem: e}, err
	}
	if t == timeType {
		return &shape{kind: instant}, nil
	}
	if isText(t) {
		return &shape{kind: words}, nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return &shape{kind: boolean}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &shape{kind: integer}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &shape{kind: natural}, nil
	case reflect.Float32, reflect.Float64:
		return &shape{kind: float}, nil
	case reflect.String:
		return &shape{kind: words}, nil
	case reflect.Slice:
		return elem(list)
	case reflect.Pointer:
		return elem(pointer)
	case reflect.Array:
		s, err := elem(array)
		s.len = t.Len()
		return s, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%s has keys that are not text", t)
		}
		return elem(mapping)
	case reflect.Struct:
		fields, err := fieldsOf(t, nil, depth)
		if err == nil {
			err = distinguish(t, fields)
		}
		return &shape{kind: record, fields: fields}, err
	default:
		return nil, fmt.Errorf("%s cannot be written down", t)
	}
}

// fieldsOf lists the fields of a struct; those of embedded ones count as its
// own.
func fieldsOf(t reflect.Type, prefix []int, depth int) ([]field, error) {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), prefix...), i)
		switch {
		case f.Tag.Get("delta") == "-", !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != timeType && !isText(f.Type):
			inner, err := fieldsOf(f.Type, index, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
			continue
		case !f.IsExported():
			continue
		}
		s, err := shapeOf(f.Type, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		out = append(out, field{f.Name, s, index, f.Type})
	}
	return out, nil
}

// distinguish names a field of an embedded struct after both where another field
// hides it: Key.Process.
func distinguish(t reflect.Type, fields []field) error {
	depth := map[string]int{} // of the field that hides the others
	for _, f := range fields {
		if d, had := depth[f.name]; !had || len(f.index) < d {
			depth[f.name] = len(f.index)
		}
	}
	taken := map[string]bool{}
	for i := range fields {
		f := &fields[i]
		if len(f.index) > depth[f.name] {
			f.name = t.FieldByIndex(f.index[:len(f.index)-1]).Name + "." + f.name
		}
		if taken[f.name] {
			return fmt.Errorf("%s has two fields %s", t, f.name)
		}
		taken[f.name] = true
	}
	return nil
}

// String is the shape as it is written: {Name:s,Flows:[{State:u,LastRun:t}]}.
func (s *shape) String() string {
	var b strings.Builder
	s.write(&b)
	return b.String()
}

func (s *shape) write(b *strings.Builder) {
	b.WriteByte(byte(s.kind))
	switch s.kind {
	case list:
		s.elem.write(b)
		b.WriteByte(']')
	case array:
		b.WriteString(strconv.Itoa(s.len))
		b.WriteByte(' ')
		s.elem.write(b)
		b.WriteByte(')')
	case pointer:
		s.elem.write(b)
	case mapping:
		s.elem.write(b)
		b.WriteByte('>')
	case record:
		for i, f := range s.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f.name)
			b.WriteByte(':')
			f.shape.write(b)
		}
		b.WriteByte('}')
	case boolean, integer, natural, float, words, instant:
	}
}

var errShape = errors.New("the shape of a table cannot be read")

// parseShape reads what String wrote.
func parseShape(text string) (*shape, error) {
	s, rest, err := parse(text, 0)
	if err == nil && rest != "" {
		err = errShape
	}
	return s, err
}

func parse(text string, depth int) (s *shape, rest string, err error) {
	if text == "" || depth > 2*maxDepth {
		return nil, "", errShape
	}
	s, rest = &shape{kind: kind(text[0])}, text[1:]
	closed := func(by string) error {
		var ok bool
		if rest, ok = strings.CutPrefix(rest, by); !ok {
			return errShape
		}
		return nil
	}
	switch s.kind {
	case boolean, integer, natural, float, words, instant:
		return s, rest, nil
	case pointer:
		s.elem, rest, err = parse(rest, depth+1)
		return s, rest, err
	case list:
		if s.elem, rest, err = parse(rest, depth+1); err == nil {
			err = closed("]")
		}
		return s, rest, err
	case mapping:
		if s.elem, rest, err = parse(rest, depth+1); err == nil {
			err = closed(">")
		}
		return s, rest, err
	case array:
		n, after, _ := strings.Cut(rest, " ")
		if s.len, err = strconv.Atoi(n); err != nil || s.len < 0 || s.len > 1<<16 {
			return nil, "", errShape
		}
		if s.elem, rest, err = parse(after, depth+1); err == nil {
			err = closed(")")
		}
		return s, rest, err
	case record:
		for !strings.HasPrefix(rest, "}") {
			if len(s.fields) > 0 {
				if err := closed(","); err != nil {
					return nil, "", err
				}
			}
			name, after, ok := strings.Cut(rest, ":")
			if !ok || name == "" {
				return nil, "", errShape
			}
			f := field{name: name}
			if f.shape, rest, err = parse(after, depth+1); err != nil {
				return nil, "", err
			}
			s.fields = append(s.fields, f)
		}
		return s, rest[1:], nil
	default:
		return nil, "", errShape
	}
}
