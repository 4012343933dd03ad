package openslo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/openslo"
	"github.com/closewatch/closewatch/internal/process"
)

// FuzzImport holds whatever is in a file to the promises of Read and Import: no
// panic; either a set or mistakes; each mistake and each note with a place in
// the file, on one line; and what comes of it is a part of an estate.
func FuzzImport(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/import/*.yaml", "testdata/generated.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatal("no seeds", err)
		}
		for _, name := range names {
			f.Add(read(f, name).Data)
		}
	}
	f.Add([]byte("---\n--- {a: b}\n...\n---"))
	f.Add([]byte("\xef\xbb\xbf- &a {apiVersion: openslo/v1}\r\n- *a\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := strings.Count(string(data), "\n") + 1
		set, mistakes := openslo.Read([]openslo.File{{Name: "x.yaml", Data: data}})
		if (set == nil) == (len(mistakes) == 0) {
			t.Fatal("neither a set nor mistakes, or both")
		}
		for _, m := range mistakes {
			placed(t, m, lines)
		}
		if set == nil {
			return
		}
		r := set.Import(openslo.Options{Catalog: process.Catalog(), Processes: process.Catalog(), Check: check})
		for _, n := range r.Notes {
			placed(t, n.Mistake, lines)
		}
		if ms := check(r.Part); len(ms) > 0 {
			t.Fatalf("what comes of it is no estate: %v\n%s", ms, r.Part)
		}
	})
}

func placed(t *testing.T, m estate.Mistake, lines int) {
	t.Helper()
	switch {
	case m.Line < 1 || m.Line > lines || m.Column < 1:
		t.Fatalf("lies outside the file of %d lines: %s", lines, m)
	case m.What == "" || m.Remedy == "" || m.Path == "":
		t.Fatalf("does not say what is wrong where, and what to write instead: %+v", m)
	case strings.ContainsAny(m.String(), "\n\r"):
		t.Fatalf("is told on more than one line: %q", m)
	}
}
