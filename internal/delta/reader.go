package delta

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
)

// ErrDamaged says that bytes are not a table that follows on those before.
var ErrDamaged = errors.New("this is not a table that follows on those before it")

// A Reader reads what a Writer wrote, in its order. It is not safe for
// concurrent use.
type Reader[T any] struct {
	begun   bool
	shape   string
	indices [][]int
	fields  []get
	d       decoder
	rows    []T
	changed []int
}

// Rows are the rows of the newest table; the next Read changes them. What they
// refer to is never changed.
func (r *Reader[T]) Rows() []T { return r.rows }

// Changed are the numbers of the rows that the newest table changed, rising; all
// of them when it is whole.
func (r *Reader[T]) Changed() []int { return r.changed }

// Read takes one table from the beginning of b and returns what follows it.
// After an error the next table must be whole.
func (r *Reader[T]) Read(b []byte) (rest []byte, err error) {
	r.d.b, r.d.bad = b, false
	begun := r.begun
	r.begun = false
	switch whole := r.d.byte(); {
	case whole == 1:
		if err := r.begin(); err != nil {
			return nil, err
		}
	case whole != 0 || !begun:
		return nil, ErrDamaged
	}
	for n := r.d.count(); n > 0; n-- {
		r.d.texts = append(r.d.texts, string(r.d.take(r.d.count())))
	}
	n, changed := r.d.uvarint(), r.d.count()
	switch {
	case r.d.bad || n > uint64(len(r.rows)+changed): //nolint:gosec // not negative
		return nil, ErrDamaged // what is new is written
	case n <= uint64(len(r.rows)):
		clear(r.rows[n:])
		r.rows = r.rows[:n]
	default:
		r.rows = append(r.rows, make([]T, int(n)-len(r.rows))...) //nolint:gosec // bounded above
	}
	if err := r.apply(changed); err != nil {
		return nil, err
	}
	r.begun = true
	return r.d.b, nil
}

// begin reads how the table is written.
func (r *Reader[T]) begin() error {
	text := string(r.d.take(r.d.count()))
	r.d.base = time.Unix(0, r.d.varint()).UTC()
	r.d.texts = append(r.d.texts[:0:0], "")
	r.rows = nil
	if r.d.bad {
		return ErrDamaged
	}
	if text == r.shape {
		return nil
	}
	t := reflect.TypeFor[T]()
	wrote, err := parseShape(text)
	if err != nil || wrote.kind != record {
		return errors.Join(ErrDamaged, err)
	}
	own, err := shapeOf(t, 0)
	if err != nil {
		return err
	}
	r.indices, r.fields = nil, nil
	for _, f := range wrote.fields {
		get, index, err := decodeField(f, own.fields)
		if err != nil {
			return fmt.Errorf("%s.%w", t, err)
		}
		r.indices, r.fields = append(r.indices, index), append(r.fields, get)
	}
	r.shape = text
	return nil
}

// apply changes the rows that are written.
func (r *Reader[T]) apply(changed int) error {
	r.changed = r.changed[:0]
	all := reflect.ValueOf(r.rows)
	next := uint64(0)
	for range changed {
		i := next + r.d.uvarint()
		mask := r.d.take((len(r.fields) + 7) / 8)
		if r.d.bad || i < next || i >= uint64(len(r.rows)) {
			return ErrDamaged
		}
		row := all.Index(int(i)) //nolint:gosec // within the rows
		for n, get := range r.fields {
			if mask[n/8]&(1<<(n%8)) == 0 {
				continue
			}
			var v reflect.Value
			if r.indices[n] != nil {
				v = within(row, r.indices[n])
				v.SetZero()
			}
			get(&r.d, v)
		}
		r.changed = append(r.changed, int(i)) //nolint:gosec // within the rows
		next = i + 1
	}
	if r.d.bad {
		return ErrDamaged
	}
	return nil
}

// A decoder holds what a table has in common. Once bad, it reads zeros.
type decoder struct {
	b     []byte
	bad   bool
	base  time.Time
	texts []string
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return make([]byte, min(max(n, 0), 64))
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many of something follow, each at least a byte long.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n) //nolint:gosec // no longer than what is left
}

// length reads how many elements follow, each at least a byte long; nil is told
// from none.
func (d *decoder) length() (n int, isNil bool) {
	v := d.uvarint()
	if v > uint64(len(d.b))+1 {
		d.bad, d.b = true, nil
		return 0, true
	}
	return int(v) - 1, v == 0 //nolint:gosec // no longer than what is left
}

func (d *decoder) text() string {
	id := d.uvarint()
	if id >= uint64(len(d.texts)) {
		d.bad, d.b = true, nil
		return ""
	}
	return d.texts[id]
}

func (d *decoder) time() time.Time {
	switch d.byte() {
	case never:
		return time.Time{}
	case inUTC:
		return d.base.Add(time.Duration(d.varint()))
	case inZone:
		zone := time.FixedZone("", int(d.varint()))
		return d.base.Add(time.Duration(d.varint())).In(zone)
	case farApart:
		var t time.Time
		if err := t.UnmarshalBinary(d.take(int(d.byte()))); err != nil {
			d.bad = true
		}
		return t
	default:
		d.bad = true
		return time.Time{}
	}
}

// A get reads a value; into nothing when the value is not valid.
type get func(*decoder, reflect.Value)

// decodeField returns what reads a field that was written, and where it
// belongs among the fields there are; nil is nowhere.
func decodeField(wrote field, own []field) (get, []int, error) {
	for _, f := range own {
		if f.name == wrote.name {
			g, err := decode(wrote.shape, f.shape, f.typ)
			if err != nil {
				err = fmt.Errorf("%s: %w", f.name, err)
			}
			return g, f.index, err
		}
	}
	g, err := decode(wrote.shape, nil, nil)
	return g, nil, err
}

// decode returns what reads values of a shape into a type; own is the shape of
// the type, nil when what is read is nowhere to go.
func decode(wrote, own *shape, t reflect.Type) (get, error) {
	keep := own != nil
	if keep && own.kind != wrote.kind || keep && wrote.kind == array && own.len != wrote.len {
		return nil, errors.New("it was something else when this was written: run the version of closewatch that wrote it")
	}
	switch wrote.kind {
	case boolean, integer, natural, float, words, instant:
		return scalar(wrote.kind, keep, t), nil
	case record:
		return decodeRecord(wrote, own)
	default:
	}
	var inner *shape
	var elemType reflect.Type
	if keep {
		inner, elemType = own.elem, t.Elem()
	}
	elem, err := decode(wrote.elem, inner, elemType)
	if err != nil {
		return nil, err
	}
	switch wrote.kind {
	case array:
		return func(d *decoder, v reflect.Value) {
			for i := range wrote.len {
				elem(d, at(v, i))
			}
		}, nil
	case pointer:
		return func(d *decoder, v reflect.Value) {
			if d.byte() == 0 {
				return
			}
			if v.IsValid() {
				v.Set(reflect.New(elemType))
				v = v.Elem()
			}
			elem(d, v)
		}, nil
	case mapping:
		return func(d *decoder, v reflect.Value) { decodeMap(d, v, elem) }, nil
	default: // list
		return func(d *decoder, v reflect.Value) {
			n, isNil := d.length()
			if isNil {
				return
			}
			if v.IsValid() {
				v.Set(reflect.MakeSlice(t, n, n))
			}
			for i := range n {
				elem(d, at(v, i))
			}
		}, nil
	}
}

func at(v reflect.Value, i int) reflect.Value {
	if v.IsValid() {
		return v.Index(i)
	}
	return v
}

func decodeMap(d *decoder, v reflect.Value, elem get) {
	n, isNil := d.length()
	if isNil {
		return
	}
	if v.IsValid() {
		v.Set(reflect.MakeMapWithSize(v.Type(), n))
	}
	for range n {
		key := d.text()
		if !v.IsValid() {
			elem(d, v)
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		elem(d, value)
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
	}
}

func decodeRecord(wrote, own *shape) (get, error) {
	var have []field
	if own != nil {
		have = own.fields
	}
	fields, indices := make([]get, len(wrote.fields)), make([][]int, len(wrote.fields))
	for i, f := range wrote.fields {
		var err error
		if fields[i], indices[i], err = decodeField(f, have); err != nil {
			return nil, err
		}
	}
	return func(d *decoder, v reflect.Value) {
		for i, g := range fields {
			if v.IsValid() && indices[i] != nil {
				g(d, within(v, indices[i]))
			} else {
				g(d, reflect.Value{})
			}
		}
	}, nil
}

// scalar reads one value.
func scalar(k kind, keep bool, t reflect.Type) get {
	switch k {
	case boolean:
		return func(d *decoder, v reflect.Value) {
			if b := d.byte(); v.IsValid() {
				v.SetBool(b == 1)
			}
		}
	case integer:
		return func(d *decoder, v reflect.Value) {
			if n := d.varint(); v.IsValid() {
				v.SetInt(n)
			}
		}
	case natural:
		return func(d *decoder, v reflect.Value) {
			if n := d.uvarint(); v.IsValid() {
				v.SetUint(n)
			}
		}
	case float:
		return func(d *decoder, v reflect.Value) {
			if b := d.take(8); v.IsValid() {
				v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
			}
		}
	case instant:
		return func(d *decoder, v reflect.Value) {
			if t := d.time(); v.IsValid() {
				into, _ := reflect.TypeAssert[*time.Time](v.Addr()) // it is one
				*into = t
			}
		}
	default: // words
		text := keep && isText(t)
		return func(d *decoder, v reflect.Value) {
			s := d.text()
			switch {
			case !v.IsValid():
			case !text:
				v.SetString(s)
			default:
				u, _ := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()) // isText has looked
				if u.UnmarshalText([]byte(s)) != nil {
					d.bad = true
				}
			}
		}
	}
}
