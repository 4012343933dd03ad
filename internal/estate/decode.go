package estate

import (
	"cmp"
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/secret"
)

// A decoder fills a Go value from a node, strictly: unknown keys, wrong types
// and inline secrets are mistakes, and every one is remembered with its place.
// Defaults are set before a struct is filled; it validates itself after.
type decoder struct {
	file     string
	whole    string // what the file holds; an estate when ""
	lookup   func(string) (string, bool)
	offline  bool     // references to secrets stay unresolved
	kinds    []string // of components; empty accepts any
	mistakes Mistakes
	places   map[string]position // of every value that was decoded, by path
	wrong    map[string]bool     // paths that have a mistake already
	secrets  []string            // resolved values, never to be shown
}

func newDecoder(file string, lookup func(string) (string, bool)) *decoder {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return &decoder{file: file, lookup: lookup, places: map[string]position{}, wrong: map[string]bool{}}
}

// A custom type decodes itself from a node.
type custom interface {
	decodeNode(d *decoder, n node, path string)
}

var (
	customType    = reflect.TypeFor[custom]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
	defaulterType = reflect.TypeFor[Defaulter]()
	validatorType = reflect.TypeFor[Validator]()
	secretType    = reflect.TypeFor[secret.Value]()
	durationType  = reflect.TypeFor[Duration]()
	stdDuration   = reflect.TypeFor[time.Duration]()
)

// mistake remembers one mistake at a place.
func (d *decoder) mistake(at position, path, what, remedy string) {
	if path == "" {
		path = cmp.Or(d.whole, "estate")
	}
	m := Mistake{d.file, at.line, at.column, path, d.redact(what), d.redact(remedy)}
	if !slices.Contains(d.mistakes, m) {
		d.mistakes = append(d.mistakes, m)
	}
	d.wrong[path] = true
}

// found returns the mistakes in the order of the file.
func (d *decoder) found() Mistakes {
	slices.SortStableFunc(d.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.mistakes
}

// decode fills v, which must be settable.
func (d *decoder) decode(n node, v reflect.Value, path string, tag reflect.StructTag) {
	d.places[path] = n.place()
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh.Elem())
		d.decode(n, fresh.Elem(), path, tag)
		v.Set(fresh)
		return
	}
	switch {
	case v.Addr().Type().Implements(customType):
		v.Addr().Interface().(custom).decodeNode(d, n, path)
	case v.Type() == secretType:
		v.Set(reflect.ValueOf(d.secret(n, path, tag.Get("secret") == "url")))
	case n.shape == null:
		if !d.wrong[path] { // an alias was reported as such
			d.mistake(n.at, path, "has no value", "write one, or remove the key")
		}
	case v.Type() == durationType, v.Type() == stdDuration:
		v.SetInt(int64(d.duration(n, path)))
	case v.Addr().Type().Implements(textType):
		d.unmarshalText(n, v, path)
	default:
		d.decodeKind(n, v, path, tag)
	}
}

func (d *decoder) decodeKind(n node, v reflect.Value, path string, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.table(n, v, path, tag)
	case reflect.Slice:
		d.list(n, v, path, tag)
	case reflect.String:
		if d.is(n, text, path, "text") {
			v.SetString(d.plain(n, path))
		}
	case reflect.Bool:
		if d.is(n, boolean, path, "true or false") {
			v.SetBool(strings.EqualFold(n.text, "true"))
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.integer(n, v, path)
	case reflect.Float32, reflect.Float64:
		d.float(n, v, path)
	default:
		d.mistake(n.at, path, fmt.Sprintf("cannot be read into %s", v.Type()), "report this as a defect of the section's owner")
	}
}

// is reports whether n has the shape that is wanted, and the mistake if not.
// It shows no value: the wrong shape may be a secret in the wrong place.
func (d *decoder) is(n node, want shape, path, remedy string) bool {
	if n.shape == want {
		return true
	}
	if want == text && (n.shape == number || n.shape == boolean || n.shape == mapping) { // a colon makes a mapping of a sentence
		remedy = "text, in quotes"
	}
	d.mistake(n.at, path, "is "+n.shape.String(), "write "+remedy)
	return false
}

// structure fills a struct from a mapping.
func (d *decoder) structure(n node, v reflect.Value, path string) {
	if !d.is(n, mapping, path, "a mapping of "+strings.Join(keysOf(v.Type()), ", ")) {
		return
	}
	known := fieldsOf(v)
	for _, e := range n.entries {
		at := below(path, e.key)
		f, ok := known[e.key]
		if !ok {
			d.unknown(e, path, keysOf(v.Type()))
			continue
		}
		d.decode(e.value, f.value, at, f.tag)
	}
	for i := range v.NumField() {
		if sf := v.Type().Field(i); keyOf(sf) == "" && !sf.Anonymous { // an embedded one's Validate is v's own
			d.validate(n, v.Field(i), path)
		}
	}
	d.validate(n, v, path)
}

// unknown reports a key nobody knows. The key it was probably meant to be
// counts as wrong too, so that it is not reported as missing as well.
func (d *decoder) unknown(e entry, path string, known []string) {
	at := below(path, e.key)
	if meant, ok := suggest(e.key, known); ok {
		d.wrong[below(path, meant)] = true
		d.mistake(e.at, at, "is not a known key", "write "+meant)
		return
	}
	d.mistake(e.at, at, "is not a known key", "remove it; known here are "+strings.Join(known, ", "))
}

// table fills a map with text keys.
func (d *decoder) table(n node, v reflect.Value, path string, tag reflect.StructTag) {
	if v.Type().Key().Kind() != reflect.String {
		d.mistake(n.at, path, fmt.Sprintf("cannot be read into %s", v.Type()), "report this as a defect of the section's owner")
		return
	}
	if !d.is(n, mapping, path, "a mapping") {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		elem := reflect.New(v.Type().Elem()).Elem()
		setDefaults(elem)
		d.decode(e.value, elem, below(path, e.key), tag)
		v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), elem)
	}
}

// list fills a slice.
func (d *decoder) list(n node, v reflect.Value, path string, tag reflect.StructTag) {
	if !d.is(n, sequence, path, "a list") {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		setDefaults(v.Index(i))
		d.decode(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), tag)
	}
}

func (d *decoder) integer(n node, v reflect.Value, path string) {
	if !d.is(n, number, path, "a whole number") {
		return
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil || v.OverflowInt(i) {
		d.mistake(n.at, path, fmt.Sprintf("is not a whole number that fits: %s", clip(n.text)), "write a whole number in plain digits")
		return
	}
	v.SetInt(i)
}

func (d *decoder) float(n node, v reflect.Value, path string) {
	if !d.is(n, number, path, "a number") {
		return
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		d.mistake(n.at, path, fmt.Sprintf("is not a finite number: %s", clip(n.text)), "write a number such as 0.995")
		return
	}
	v.SetFloat(f)
}

func (d *decoder) duration(n node, path string) Duration {
	const remedy = "write a duration such as 15s, 5m or 30d"
	if n.shape != text && n.shape != number {
		d.mistake(n.at, path, "is "+n.shape.String(), remedy)
		return 0
	}
	v, err := model.ParseDuration(n.text)
	if err != nil {
		d.mistake(n.at, path, fmt.Sprintf("is not a duration: %q", clip(n.text)), remedy)
	}
	return Duration(v)
}

func (d *decoder) unmarshalText(n node, v reflect.Value, path string) {
	if n.shape == mapping || n.shape == sequence {
		d.mistake(n.at, path, "is "+n.shape.String(), "write a single value")
		return
	}
	if n.shape == text && d.plain(n, path) == "" && n.text != "" {
		return // said already
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
		what, remedy, split := strings.Cut(err.Error(), "; ")
		if !split {
			remedy = "see the reference of this section"
		}
		d.mistake(n.at, path, clip(what), remedy)
	}
}

// validate asks a struct for its problems and gives each a place. A problem
// with a field that already has a mistake is a consequence of it: left out.
func (d *decoder) validate(n node, v reflect.Value, path string) {
	if !v.CanAddr() || !v.Addr().Type().Implements(validatorType) {
		return
	}
	for _, p := range v.Addr().Interface().(Validator).Validate() {
		d.problem(n, path, p)
	}
}

func (d *decoder) problem(n node, path string, p Problem) {
	at := path
	if p.Field != "" {
		at = strings.TrimPrefix(path+"."+p.Field, ".")
	}
	if d.has(at) {
		return
	}
	d.mistake(d.place(n, path, at), at, p.What, p.Remedy)
}

// has reports whether there is a mistake at a path or below it.
func (d *decoder) has(at string) bool {
	for w := range d.wrong {
		if w == at || strings.HasPrefix(w, at+".") || strings.HasPrefix(w, at+"[") {
			return true
		}
	}
	return false
}

// place is where the value at a path stands, or the nearest one above it that
// does.
func (d *decoder) place(n node, path, at string) position {
	for at != path && at != "" {
		if p, ok := d.places[at]; ok {
			return p
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	if p, ok := d.places[path]; ok {
		return p
	}
	return n.at
}

// setDefaults sets the defaults of a fresh value, innermost first, so that an
// outer struct has the last word.
func setDefaults(v reflect.Value) {
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if keyOf(v.Type().Field(i)) != "-" {
				setDefaults(v.Field(i))
			}
		}
	}
	// Methods of an embedded struct that is not exported are its owner's own.
	if v.CanAddr() && v.CanInterface() && v.Addr().Type().Implements(defaulterType) {
		v.Addr().Interface().(Defaulter).SetDefaults()
	}
}

// A field is one key a struct knows.
type field struct {
	value reflect.Value
	tag   reflect.StructTag
}

// fieldsOf lists the fields of a struct by key; embedded structs are flat.
func fieldsOf(v reflect.Value) map[string]field {
	out := map[string]field{}
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		switch key := keyOf(sf); key {
		case "-":
		case "":
			maps.Copy(out, fieldsOf(v.Field(i)))
		default:
			out[key] = field{v.Field(i), sf.Tag}
		}
	}
	return out
}

// keysOf lists the keys of a struct in the order of its fields.
func keysOf(t reflect.Type) []string {
	var out []string
	for sf := range t.Fields() {
		switch key := keyOf(sf); key {
		case "-":
		case "":
			out = append(out, keysOf(sf.Type)...)
		default:
			out = append(out, key)
		}
	}
	return out
}

// keyOf is a field's key: its yaml tag, or its name with a small first letter;
// "-" is no key and "" an embedded struct.
func keyOf(sf reflect.StructField) string {
	name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
	switch {
	case sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct, sf.IsExported() && option == "inline":
		return ""
	case !sf.IsExported():
		return "-"
	case name == "":
		return strings.ToLower(sf.Name[:1]) + sf.Name[1:]
	}
	return name
}
