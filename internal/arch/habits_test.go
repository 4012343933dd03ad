package arch

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every package says what it is and promises in one comment.
func TestPackagesAreDocumented(t *testing.T) {
	all := sources(t)
	for _, pkg := range packages(all) {
		var doc, name string
		count := 0
		for _, s := range all {
			if s.pkg == pkg && !s.test && s.file.Doc != nil {
				doc, name = s.file.Doc.Text(), s.file.Name.Name
				count++
			}
		}
		switch {
		case count == 0:
			t.Errorf("%s: no file has a package comment; say in doc.go what the package is and promises", pkg)
		case count > 1:
			t.Errorf("%s: %d files have a package comment; one is enough", pkg, count)
		case name != "main" && !strings.HasPrefix(doc, "Package "+name+" "):
			t.Errorf("%s: the package comment does not start with \"Package %s\"", pkg, name)
		case !strings.Contains(doc, ".\n") && !strings.Contains(doc, ". "):
			t.Errorf("%s: the package comment has no full sentence", pkg)
		}
	}
}

// Adding a collector or a flow costs a folder and a line in the catalogue: the
// line is never forgotten.
func TestCataloguesListEveryFolder(t *testing.T) {
	// What a wing holds besides the folders its catalogue lists.
	besides := []string{"synthetic/schedule"}
	all := sources(t)
	for _, shelf := range []string{"collectors", "synthetic"} {
		listed := map[string]bool{}
		found := false
		for _, s := range all {
			if s.name == shelf+"/catalog.go" {
				found = true
				for _, to := range s.imports() {
					listed[to] = true
				}
			}
		}
		folders := slices.DeleteFunc(packages(all), func(pkg string) bool {
			return path.Dir(pkg) != shelf || slices.Contains(besides, pkg)
		})
		if !found {
			t.Errorf("%s/catalog.go does not exist; it is the one list of %s", shelf, strings.Join(folders, ", "))
			continue
		}
		for _, folder := range folders {
			if !listed[folder] {
				t.Errorf("%s is not listed in %s/catalog.go", folder, shelf)
			}
		}
	}
}

// Nothing happens by being imported.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: has an init function; build it where it is used", s.name, s.line(f.Pos()))
			}
		}
	}
}

// What is not done is in no comment: it is done, or it is written down where
// work is planned.
func TestNoPromises(t *testing.T) {
	promise := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if promise.MatchString(c.Text) {
					t.Errorf("%s:%d: promises something for later: %s", s.name, s.line(c.Pos()), c.Text)
				}
			}
		}
	}
}

// Names that say nothing about what is inside.
func TestNoDrawers(t *testing.T) {
	drawers := []string{"base", "common", "helper", "helpers", "lib", "manager", "misc", "shared", "types", "util", "utils"}
	for _, pkg := range packages(sources(t)) {
		if slices.Contains(drawers, path.Base(pkg)) {
			t.Errorf("%s: is named like a drawer; name it after what it does", pkg)
		}
	}
}

// A test waits for what it waits for, not for time to pass; and it does not
// skip what the set-up installs.
func TestTestsNeitherSleepNorSkip(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, _ := sel.X.(*ast.Ident)
			switch {
			case x != nil && x.Name == "time" && sel.Sel.Name == "Sleep" && !bubble(s):
				t.Errorf("%s:%d: sleeps; wait on the condition with a deadline", s.name, s.line(call.Pos()))
			case x != nil && (x.Name == "t" || x.Name == "tb") && strings.HasPrefix(sel.Sel.Name, "Skip"):
				t.Errorf("%s:%d: skips; fail with the command that installs what is missing: make setup", s.name, s.line(call.Pos()))
			}
			return true
		})
	}
}

// bubble reports whether a test file runs on synctest's clock, where sleeping
// costs nothing.
func bubble(s source) bool { return slices.Contains(s.imports(), "testing/synctest") }
