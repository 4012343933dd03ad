package arch

import (
	"encoding/json"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The role we ship may read what the Odoo collector reads, and nothing else.
func TestGrantsAreWhatTheCollectorReads(t *testing.T) {
	script, err := os.ReadFile("../../deploy/sql/closewatch-role.sql")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)wanted CONSTANT jsonb := '(\{.*?\})'`).FindSubmatch(script)
	if list == nil {
		t.Fatal("closewatch-role.sql has no list of columns")
	}
	var granted map[string][]string
	if err := json.Unmarshal(list[1], &granted); err != nil {
		t.Fatal(err)
	}
	read := map[string][]string{}
	for _, s := range sources(t) {
		if s.name == "collectors/odoo/tables.go" {
			read = stringLists(s.file, "wanted")
		}
	}
	if len(read) == 0 {
		t.Fatal("collectors/odoo/tables.go has no list of columns in wanted")
	}
	for _, columns := range []map[string][]string{granted, read} {
		for _, list := range columns {
			slices.Sort(list)
		}
	}
	if diff := cmp.Diff(read, granted); diff != "" {
		t.Errorf("collectors/odoo reads other columns than deploy/sql/closewatch-role.sql grants (-read +granted):\n%s", diff)
	}
}

// stringLists reads the map[string][]string literal of a variable.
func stringLists(f *ast.File, name string) map[string][]string {
	out := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != name || len(spec.Values) != 1 {
			return true
		}
		table := ""
		ast.Inspect(spec.Values[0], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				table = literal(n.Key)
				for _, elt := range n.Value.(*ast.CompositeLit).Elts {
					out[table] = append(out[table], literal(elt))
				}
				return false
			}
			return true
		})
		return false
	})
	return out
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return s
		}
	}
	return ""
}
