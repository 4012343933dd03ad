package delta

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// A Writer writes the rows of a table. It is not safe for concurrent use.
type Writer[T any] struct {
	shape   *shape
	fields  []put
	e       encoder
	rows    []written
	begun   bool
	changed []int
	now     written // scratch
	out     []byte  // scratch
}

// written is a row as bytes, and where each of its fields ends.
type written struct {
	bytes []byte
	ends  []int
}

// NewWriter returns a writer of rows of T, which is a struct.
func NewWriter[T any]() (*Writer[T], error) {
	t := reflect.TypeFor[T]()
	s, err := shapeOf(t, 0)
	if err == nil && s.kind != record {
		err = fmt.Errorf("%s is not a struct", t)
	}
	if err != nil {
		return nil, err
	}
	w := &Writer[T]{shape: s}
	for _, f := range s.fields {
		w.fields = append(w.fields, encode(f.shape, f.typ))
	}
	return w, nil
}

// Changed are the numbers of the rows that the newest table changed, rising.
func (w *Writer[T]) Changed() []int { return w.changed }

// Reset has the next table begin anew: it is whole.
func (w *Writer[T]) Reset() { w.begun = false }

// Append appends the table to b: the rows that are not what they were, and of
// those the fields. moved are the numbers, rising, of the rows that may not be
// what they were, besides those that are new; nil is any. base is an instant near
// those in the rows, which is used when the table is whole.
func (w *Writer[T]) Append(b []byte, base time.Time, rows []T, moved []int) []byte {
	whole := !w.begun
	if whole {
		w.begun = true
		w.rows = w.rows[:0]
		w.e = encoder{base: base.Round(0).UTC(), ids: map[string]uint64{"": 0}}
		text := w.shape.String()
		b = append(b, 1)
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
		b = binary.AppendVarint(b, base.UnixNano())
	} else {
		b = append(b, 0)
	}
	had := min(len(w.rows), len(rows))
	w.rows = slices.Grow(w.rows[:had], len(rows)-had)[:len(rows)]
	for i := had; i < len(rows); i++ {
		w.rows[i].bytes, w.rows[i].ends = w.rows[i].bytes[:0], w.rows[i].ends[:0]
	}
	w.out, w.e.added = w.out[:0], w.e.added[:0]
	w.changed = w.changed[:0]
	all := reflect.ValueOf(rows)
	if moved == nil {
		for i := range had {
			w.look(all, i)
		}
	}
	for _, i := range moved {
		if i < had {
			w.look(all, i)
		}
	}
	for i := had; i < len(rows); i++ {
		w.look(all, i)
	}
	b = binary.AppendUvarint(b, uint64(len(w.e.added)))
	for _, text := range w.e.added {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendUvarint(b, uint64(len(rows)))
	b = binary.AppendUvarint(b, uint64(len(w.changed)))
	return append(b, w.out...)
}

// look writes a row when it is not what it was.
func (w *Writer[T]) look(rows reflect.Value, i int) {
	v, was, now := rows.Index(i), &w.rows[i], &w.now
	w.e.buf, now.ends = now.bytes[:0], now.ends[:0]
	for n := range w.shape.fields {
		w.fields[n](&w.e, w.shape.fields[n].of(v))
		now.ends = append(now.ends, len(w.e.buf))
	}
	now.bytes = w.e.buf
	fresh := len(was.ends) == 0
	if !fresh && bytes.Equal(was.bytes, now.bytes) {
		return
	}
	next := 0 // after the row that was written last
	if n := len(w.changed); n > 0 {
		next = w.changed[n-1] + 1
	}
	w.changed = append(w.changed, i)
	w.out = binary.AppendUvarint(w.out, uint64(i-next)) //nolint:gosec // not negative
	mask := len(w.out)
	w.out = append(w.out, make([]byte, (len(w.shape.fields)+7)/8)...)
	for n := range w.shape.fields {
		if part := now.field(n); fresh || !bytes.Equal(part, was.field(n)) {
			w.out[mask+n/8] |= 1 << (n % 8)
			w.out = append(w.out, part...)
		}
	}
	was.bytes, was.ends = append(was.bytes[:0], now.bytes...), append(was.ends[:0], now.ends...)
}

func (r *written) field(n int) []byte {
	from := 0
	if n > 0 {
		from = r.ends[n-1]
	}
	return r.bytes[from:r.ends[n]]
}

// An encoder holds what a table has in common.
type encoder struct {
	buf   []byte
	base  time.Time
	ids   map[string]uint64
	seen  [256]identified // of those asked for lately
	added []string        // since the table before
	keys  []string        // scratch
}

// identified is a text and its number.
type identified struct {
	text string
	id   uint64
}

func (e *encoder) text(s string) {
	seen := &e.seen[slot(s)]
	if seen.text != s {
		id, known := e.ids[s]
		if !known {
			id = uint64(len(e.ids))
			e.ids[s] = id
			e.added = append(e.added, s)
		}
		*seen = identified{s, id}
	}
	e.buf = binary.AppendUvarint(e.buf, seen.id)
}

// slot is where a text is looked for first. Names in a table differ in how long
// they are, and in how they begin and end.
func slot(s string) uint8 {
	n := len(s)
	if n < 2 {
		return uint8(n) //nolint:gosec // 0 or 1
	}
	return uint8(n)*7 ^ s[0]*31 ^ s[n-2]*13 ^ s[n-1]*5 ^ s[n/2]*3 //nolint:gosec // any will do
}

// How an instant is written.
const (
	never    = iota
	inUTC    // distance from the base in nanoseconds
	inZone   // the same, and the offset in seconds
	farApart // the standard library's bytes
)

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.buf = append(e.buf, never)
		return
	}
	offset := 0
	if t.Location() != time.UTC {
		_, offset = t.Zone()
	}
	d := t.Sub(e.base)
	switch {
	case !e.base.Add(d).Equal(t): // beyond what a duration holds
		b, err := t.Round(0).MarshalBinary()
		if err != nil {
			b = nil // an offset no zone has: the reader finds no instant
		}
		e.buf = append(append(e.buf, farApart, byte(len(b))), b...) //nolint:gosec // 16 at most
		return
	case offset == 0:
		e.buf = append(e.buf, inUTC)
	default:
		e.buf = binary.AppendVarint(append(e.buf, inZone), int64(offset))
	}
	e.buf = binary.AppendVarint(e.buf, int64(d))
}

// A put writes a value.
type put func(*encoder, reflect.Value)

// encode returns what writes values of a type that has a shape.
func encode(s *shape, t reflect.Type) put {
	switch s.kind {
	case boolean:
		return func(e *encoder, v reflect.Value) {
			if v.Bool() {
				e.buf = append(e.buf, 1)
			} else {
				e.buf = append(e.buf, 0)
			}
		}
	case integer:
		return func(e *encoder, v reflect.Value) { e.buf = binary.AppendVarint(e.buf, v.Int()) }
	case natural:
		return func(e *encoder, v reflect.Value) { e.buf = binary.AppendUvarint(e.buf, v.Uint()) }
	case float:
		return func(e *encoder, v reflect.Value) {
			e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(v.Float()))
		}
	case words:
		if t.Kind() == reflect.String && !isText(t) {
			return func(e *encoder, v reflect.Value) { e.text(v.String()) }
		}
		return marshalled(t)
	case instant:
		return func(e *encoder, v reflect.Value) {
			at, _ := reflect.TypeAssert[time.Time](v) // it is one
			e.time(at)
		}
	case array:
		elem := encode(s.elem, t.Elem())
		return func(e *encoder, v reflect.Value) {
			for i := range s.len {
				elem(e, v.Index(i))
			}
		}
	case list:
		elem := encode(s.elem, t.Elem())
		return func(e *encoder, v reflect.Value) {
			if v.IsNil() {
				e.buf = append(e.buf, 0)
				return
			}
			e.buf = binary.AppendUvarint(e.buf, uint64(v.Len())+1) //nolint:gosec // not negative
			for i := range v.Len() {
				elem(e, v.Index(i))
			}
		}
	case pointer:
		elem := encode(s.elem, t.Elem())
		return func(e *encoder, v reflect.Value) {
			if v.IsNil() {
				e.buf = append(e.buf, 0)
				return
			}
			e.buf = append(e.buf, 1)
			elem(e, v.Elem())
		}
	case mapping:
		return encodeMap(encode(s.elem, t.Elem()), t)
	default: // record; shapeOf makes no other
		fields := make([]put, len(s.fields))
		for i, f := range s.fields {
			fields[i] = encode(f.shape, f.typ)
		}
		return func(e *encoder, v reflect.Value) {
			for i := range s.fields {
				fields[i](e, s.fields[i].of(v))
			}
		}
	}
}

func encodeMap(elem put, t reflect.Type) put {
	return func(e *encoder, v reflect.Value) {
		if v.IsNil() {
			e.buf = append(e.buf, 0)
			return
		}
		e.buf = binary.AppendUvarint(e.buf, uint64(v.Len())+1) //nolint:gosec // not negative
		keys := e.keys[:0]
		for _, k := range v.MapKeys() {
			keys = append(keys, k.String())
		}
		slices.Sort(keys)
		e.keys = nil // a map of maps sorts its own
		for _, k := range keys {
			e.text(k)
			elem(e, v.MapIndex(reflect.ValueOf(k).Convert(t.Key())))
		}
		e.keys = keys
	}
}

// marshalled writes values as their text. A value that has none is written as
// nothing, which its type reads as its own zero.
func marshalled(t reflect.Type) put {
	small := t.Kind() == reflect.Uint8
	var known [256]string
	return func(e *encoder, v reflect.Value) {
		if small && known[v.Uint()] != "" {
			e.text(known[v.Uint()])
			return
		}
		m, _ := reflect.TypeAssert[encoding.TextMarshaler](v) // isText has looked
		b, err := m.MarshalText()
		if err != nil {
			b = nil
		}
		if small {
			known[v.Uint()] = string(b)
		}
		e.text(string(b))
	}
}
