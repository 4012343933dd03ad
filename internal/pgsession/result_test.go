package pgsession

import (
	"strings"
	"testing"
	"unsafe"
)

// The driver overwrites the memory of a row with the next.
func TestKeptRowIsACopy(t *testing.T) {
	long := strings.Repeat("x", shortValue+1)
	given := [][]byte{[]byte("odoo"), nil, {}, []byte(long), []byte("42")}
	kept := keep(given)
	for _, v := range given {
		for i := range v {
			v[i] = '?'
		}
	}
	want := []value{{"odoo", true}, {}, {"", true}, {long, true}, {"42", true}}
	for i, v := range kept {
		if v != want[i] {
			t.Errorf("value %d is %v, want %v", i, v, want[i])
		}
	}
	if len(kept) != len(want) {
		t.Fatalf("%d values, want %d", len(kept), len(want))
	}
	if name, text := unsafe.StringData(kept[0].text), unsafe.StringData(kept[4].text); unsafe.Add(unsafe.Pointer(name), len("odoo")) != unsafe.Pointer(text) {
		t.Error("a name that is kept keeps the long text beside it")
	}
}
