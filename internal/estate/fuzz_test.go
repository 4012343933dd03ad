package estate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/estate"
)

// FuzzParse holds whatever is in a file to the promises of Parse: no panic,
// either an estate or mistakes, each with a place in the file, a path and a
// remedy, on one line, in the order of the file, and none with a secret.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	examples, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(seeds, examples...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Add([]byte(strings.Repeat("- ", 2000)))
	f.Add([]byte("\xef\xbb\xbfa: 1\r\n"))
	f.Add([]byte("? [a, b]\n: c\n<<: *x\n"))

	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := estate.Parse("x.yaml", data, known())
		if err != nil {
			checkPromises(t, data, err)
		}
		if e == nil && err == nil {
			t.Fatal("neither an estate nor mistakes")
		}
		if e == nil {
			return
		}
		for _, c := range e.Components {
			ms := c.Section.Decode(&settings{})
			if len(ms) > 0 {
				checkPromises(t, data, ms)
			}
		}
	})
}

func checkPromises(t *testing.T, data []byte, err error) {
	t.Helper()
	mistakes, ok := errors.AsType[estate.Mistakes](err)
	if !ok || len(mistakes) == 0 {
		t.Fatalf("an error that is no mistake: %v", err)
	}
	lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
	for i, m := range mistakes {
		if m.File != "x.yaml" || m.Line < 1 || m.Line > lines || m.Column < 1 {
			t.Errorf("mistake is not in the file of %d lines: %+v", lines, m)
		}
		if m.Path == "" || m.What == "" || m.Remedy == "" || strings.ContainsAny(m.String(), "\n\r") || !utf8.ValidString(m.String()) {
			t.Errorf("mistake is not one readable line: %+v", m)
		}
		if i > 0 && m.Line < mistakes[i-1].Line {
			t.Errorf("mistakes are not in the order of the file: %v", mistakes)
		}
		if strings.Contains(m.String(), "correct-horse") {
			t.Errorf("mistake shows a secret: %v", m)
		}
	}
}
