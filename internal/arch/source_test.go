package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/closewatch/closewatch/"

// A source is one Go file of this module.
type source struct {
	name string // slash path below the root
	pkg  string // directory of it
	test bool
	fset *token.FileSet
	file *ast.File
	text string
}

// imports lists what a source imports, ours without the module's path.
func (s source) imports() []string {
	var out []string
	for _, imp := range s.file.Imports {
		out = append(out, strings.TrimPrefix(strings.Trim(imp.Path.Value, `"`), module))
	}
	return out
}

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

// sources reads every Go file of this module; other modules below it (tools,
// third_party) and testdata are not ours to judge here.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d sources", len(all))
	}
	return all
}

var readOnce = sync.OnceValues(func() ([]source, error) {
	root := filepath.Join("..", "..")
	var out []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(root, file, d)
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		s, err := read(root, file)
		out = append(out, s)
		return err
	})
	return out, err
})

func skipDir(root, dir string, d fs.DirEntry) error {
	if dir == root {
		return nil
	}
	if d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func read(root, file string) (source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	name := filepath.ToSlash(rel)
	return source{
		name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		fset: fset, file: f, text: string(text),
	}, err
}

// packages lists the packages that have sources besides tests.
func packages(all []source) []string {
	var out []string
	for _, s := range all {
		if !s.test {
			out = append(out, s.pkg)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
