package delta

import (
	"math"
	"reflect"
	"slices"
)

// Sharing returns what tells cheaply that two rows would be written alike, but
// for the fields of some names: their values are equal, and the lists and maps
// in them are the same ones. It requires that lists and maps are not changed
// once they are in a row. False is that they might differ.
func Sharing[T any](except ...string) (func(a, b *T) bool, error) {
	s, err := shapeOf(reflect.TypeFor[T](), 0)
	if err != nil {
		return nil, err
	}
	fields := slices.DeleteFunc(s.fields, func(f field) bool { return slices.Contains(except, f.name) })
	return func(a, b *T) bool {
		x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
		for i := range fields {
			f := &fields[i]
			if !shared(f.shape, f.of(x), f.of(y)) {
				return false
			}
		}
		return true
	}, nil
}

func shared(s *shape, x, y reflect.Value) bool {
	switch s.kind {
	case boolean:
		return x.Bool() == y.Bool()
	case integer:
		return x.Int() == y.Int()
	case natural:
		return x.Uint() == y.Uint()
	case float:
		return math.Float64bits(x.Float()) == math.Float64bits(y.Float())
	case list:
		return x.Len() == y.Len() && x.IsNil() == y.IsNil() && x.UnsafePointer() == y.UnsafePointer()
	case mapping:
		return x.UnsafePointer() == y.UnsafePointer()
	case pointer:
		return x.IsNil() && y.IsNil()
	case words, instant: // the same instant in another zone may be written otherwise
		return x.Equal(y)
	case array:
		for i := range s.len {
			if !shared(s.elem, x.Index(i), y.Index(i)) {
				return false
			}
		}
		return true
	default: // record
		for i := range s.fields {
			f := &s.fields[i]
			if !shared(f.shape, f.of(x), f.of(y)) {
				return false
			}
		}
		return true
	}
}
