package estate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/estate"
)

// Files no person writes are refused before they cost time or stack.
func TestFilesBeyondTheBounds(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"too_large": {strings.Repeat("# x\n", 200_000), "x.yaml:1:1: syntax: is larger than 524288 bytes; write one estate per file; keep certificates and lists in files of their own"},
		"too_long":  {strings.Repeat("#\n", 10_001), "x.yaml:1:1: syntax: is longer than 10000 lines; write one estate per file"},
		"too_wide":  {"a: b\n" + strings.Repeat("- ", 3000), "x.yaml:2:1: syntax: is a line of more than 4096 bytes; write it over several lines"},
		"too_deep":  {"a:\n é" + strings.Repeat("[", 200), "x.yaml:2:103: syntax: opens more than 100 brackets; close them; no estate is nested that deeply"},
		"not_text":  {"a: \xff\xfe", "x.yaml:1:1: syntax: is not UTF-8 text; save the file as UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := estate.Parse("x.yaml", []byte(tt.data), known())
			if mistakes, ok := errors.AsType[estate.Mistakes](err); !ok || len(mistakes) != 1 || mistakes[0].String() != tt.want {
				t.Errorf("Parse() = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestHashIgnoresLineEndsAndByteOrderMark(t *testing.T) {
	const file = "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\ncomponents: {erp: {odoo: {}}}\n"
	plain, err := estate.Parse("x.yaml", []byte(file), known())
	if err != nil {
		t.Fatal(err)
	}
	windows, err := estate.Parse("x.yaml", []byte("\ufeff"+strings.ReplaceAll(file, "\n", "\r\n")), known())
	if err != nil {
		t.Fatal(err)
	}
	changed, err := estate.Parse("x.yaml", []byte(file+"data: other\n"), known())
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Hash) != 64 || plain.Hash != windows.Hash || plain.Hash == changed.Hash {
		t.Errorf("hashes %s, %s, %s: want the first two equal and the third different", plain.Hash, windows.Hash, changed.Hash)
	}
}
