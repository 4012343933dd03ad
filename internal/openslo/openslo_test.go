package openslo_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/openslo"
	"github.com/closewatch/closewatch/internal/process"
)

// head is the least that an estate is before its processes.
const head = "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: part}\n"

// parsed reads a part of an estate.
func parsed(part []byte) (*estate.Estate, error) {
	text := head
	if !bytes.HasPrefix(part, []byte("components:")) {
		text += "components: {cache: {redis: {}}}\n"
	}
	o := estate.Options{Kinds: []string{"redis", "prometheus"}, Objectives: map[string][]process.Objective{}, Offline: true}
	for _, p := range process.Catalog() {
		o.Processes = append(o.Processes, p.Name)
		o.Objectives[p.Name] = p.Objectives
	}
	return estate.Parse("part", append([]byte(text), part...), o)
}

func check(part []byte) estate.Mistakes {
	_, err := parsed(part)
	ms, _ := errors.AsType[estate.Mistakes](err)
	return ms
}

func options() openslo.Options {
	return openslo.Options{Catalog: process.Catalog(), Processes: process.Catalog(), Check: check}
}

// Every bad file has beside it all its mistakes, as people read them.
func TestMistakesAreToldAllAtOnceWithTheirPlaces(t *testing.T) {
	for _, file := range files(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(file.Name), func(t *testing.T) {
			set, mistakes := openslo.Read([]openslo.File{file})
			if set != nil || len(mistakes) == 0 {
				t.Fatal("has no mistake")
			}
			golden(t, "testdata/bad/"+strings.TrimSuffix(file.Name, ".yaml")+".txt", mistakes.Error()+"\n")
		})
	}
}

// Every example has beside it the part of an estate that comes of it, and what
// is told of the rest. What comes of it is an estate.
func TestWhatIsImportedAndWhatIsTold(t *testing.T) {
	for _, file := range files(t, "testdata/import/*.yaml") {
		t.Run(filepath.Base(file.Name), func(t *testing.T) {
			set, mistakes := openslo.Read([]openslo.File{file})
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			r := set.Import(options())
			if ms := check(r.Part); len(ms) > 0 {
				t.Errorf("what comes of it is no estate: %v", ms)
			}
			var b strings.Builder
			for _, n := range r.Notes {
				fmt.Fprintf(&b, "# left out %-5v %s\n", n.LeftOut, n)
			}
			golden(t, "testdata/import/"+strings.TrimSuffix(file.Name, ".yaml")+".txt", b.String()+string(r.Part))
		})
	}
}

// A service is the process that it is told to be.
func TestAServiceIsTheProcessThatItIsToldToBe(t *testing.T) {
	file := read(t, "testdata/import/left_out.yaml")
	set, mistakes := openslo.Read([]openslo.File{file})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o := options()
	o.Services = map[string]string{"web-shop": "subscription-billing"}
	for _, got := range set.Import(o).Objectives {
		if got.Process == "subscription-billing" && got.Objective == "of-nobody" {
			return
		}
	}
	t.Error("the objective of-nobody is not in subscription-billing")
}

func files(t *testing.T, pattern string) []openslo.File {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	var out []openslo.File
	for _, name := range names {
		out = append(out, read(t, name))
	}
	return out
}

func read(tb testing.TB, name string) openslo.File {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return openslo.File{Name: filepath.Base(name), Data: data}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}
