package synthetic_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// TestTheCatalogueListsEveryFlow compares it with the sources: what looks
// like the constructor of a flow must be on the shelf.
func TestTheCatalogueListsEveryFlow(t *testing.T) {
	files, err := filepath.Glob("odoo/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources", err)
	}
	catalogue, err := os.ReadFile("catalog.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "New") || !takesProber(fn) {
				continue
			}
			found++
			if !strings.Contains(string(catalogue), "odoo."+fn.Name.Name+"(") {
				t.Errorf("%s: %s is not in the catalogue", path, fn.Name.Name)
			}
		}
	}
	if found == 0 || found != len(synthetic.Names()) {
		t.Errorf("%d constructors, %d flows in the catalogue", found, len(synthetic.Names()))
	}
	for _, f := range synthetic.Flows(nil) {
		if len(f.Levels()) == 0 || f.Process() == "" {
			t.Errorf("%s has no level or exercises no process", f.Name())
		}
		if limits, ok := f.(flow.Limiter); !ok || len(limits.CannotDetect(f.Levels()[0])) == 0 {
			t.Errorf("%s does not say what it cannot detect", f.Name())
		}
	}
}

func TestPlanTakesWhatTheConfigurationTurnsOn(t *testing.T) {
	var c odoo.Config
	c.SetDefaults()
	c.Synthetic = odoo.Synthetic{Company: 2, SaleJournal: "SYNI", BankJournal: "SYNB", Partner: 43}
	c.Levels = map[string]flow.Level{"login": odoo.Off, "bank-reconciliation": flow.L3}
	c.Intervals = map[string]time.Duration{"bank-reconciliation": 5 * time.Minute}
	c.Timeouts = map[string]time.Duration{"bank-reconciliation": 20 * time.Second}
	var got []string
	for _, e := range synthetic.Plan(c, odoo.New(odoo.Settings{Config: c})) {
		got = append(got, strings.Join([]string{e.Flow.Name(), string(e.Level), e.Interval.String(), e.Timeout.String()}, " "))
	}
	want := []string{"invoice-posting L1 1m0s 1m0s", "bank-reconciliation L3 5m0s 20s", "reporting L0 5m0s 1m0s", "report-pdf L1 15m0s 1m50s", "websocket L0 5m0s 1m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if names := synthetic.Names(); !slices.Contains(names, "login") {
		t.Errorf("names: %v", names)
	}
}

// takesProber reports whether fn's only parameter is a *Prober.
func takesProber(fn *ast.FuncDecl) bool {
	params := fn.Type.Params.List
	if len(params) != 1 {
		return false
	}
	star, pointer := params[0].Type.(*ast.StarExpr)
	if !pointer {
		return false
	}
	of, named := star.X.(*ast.Ident)
	return named && of.Name == "Prober"
}
