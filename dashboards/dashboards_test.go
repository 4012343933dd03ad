package dashboards_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/closewatch/closewatch/dashboards"
)

// built are the dashboards, which tests read and do not change.
var built = sync.OnceValues(func() ([]dashboards.Dashboard, error) { return dashboards.All(dashboards.Options{}) })

func all(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	ds, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// decoded is a dashboard as Grafana reads it: the parts that tests ask about.
type decoded struct {
	Uid, Title, Description string
	Tags                    []string
	Links                   []struct{ Title, Url string }
	Templating              struct{ List []struct{ Name, Type string } }
	Panels                  []panel
}

type panel struct {
	ID          uint32
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ Type, UID string }
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
	FieldConfig struct {
		Defaults struct{ Unit, NoValue string }
	}
	Panels []panel
}

func decode(t *testing.T, d dashboards.Dashboard) decoded {
	t.Helper()
	b, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var out decoded
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGeneratedFilesAreCurrent(t *testing.T) {
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if _, err := dashboards.Write("generated", dashboards.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{}
	for _, d := range all(t) {
		want[d.File] = true
		got, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join("generated", d.File))
		if err != nil {
			t.Fatalf("%v (write it with UPDATE_GOLDEN=1)", err)
		}
		if diff := cmp.Diff(string(have), string(got)); diff != "" {
			t.Errorf("generated/%s is not current (-file +code; write it with UPDATE_GOLDEN=1):\n%s", d.File, diff)
		}
	}
	files, err := filepath.Glob("generated/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[filepath.Base(f)] {
			t.Errorf("%s belongs to no dashboard; delete it", f)
		}
	}
}

func TestWriteIsDeterministicAndLeavesCurrentFilesAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	paths, err := dashboards.Write(dir, dashboards.Options{})
	if err != nil || len(paths) != len(all(t)) {
		t.Fatalf("Write() = %v, %v", paths, err)
	}
	before, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dashboards.Write(dir, dashboards.Options{}); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a file that was current has been written again")
	}
	if _, err := dashboards.Write(dir, dashboards.Options{URL: "https://closewatch.example.com"}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), "https://closewatch.example.com/incidents") || strings.Contains(string(content), dashboards.DefaultURL) {
		t.Error("the links do not lead to the address given")
	}
	if left, _ := filepath.Glob(dir + "/*.tmp"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestGrafanaAcceptsTheJSON validates against the schema of Grafana's v1
// dashboards, made once with ts-json-schema-generator from the types of the npm
// package @grafana/grafana-foundation-sdk 0.0.21.
func TestGrafanaAcceptsTheJSON(t *testing.T) {
	f, err := os.Open("testdata/dashboard.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///dashboard.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("file:///dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(s string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, d := range all(t) {
		b, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(string(b)); err != nil {
			t.Errorf("%s: %v", d.File, err)
		}
		// The schema must be able to refuse, or accepting means nothing.
		for was, planted := range map[string]string{`"gridPos"`: `"gridPosition"`, `"timezone"`: `"timeZone"`, `"steps"`: `"levels"`} {
			if validate(strings.ReplaceAll(string(b), was, planted)) == nil {
				t.Errorf("%s: the schema accepts %s", d.File, planted)
			}
		}
	}
}

func TestPanelsAreWellMade(t *testing.T) {
	for _, d := range all(t) {
		dash := decode(t, d)
		if dash.Uid == "" || !slices.Contains(dash.Tags, "generated") || !strings.Contains(dash.Description, "Generated by closewatch") {
			t.Errorf("%s: is not marked as generated, or has no uid", d.File)
		}
		ids := map[uint32]string{}
		for _, p := range dash.Panels {
			if was, taken := ids[p.ID]; taken || p.ID == 0 {
				t.Errorf("%q has the id %d of %q", p.Title, p.ID, was)
			}
			ids[p.ID] = p.Title
			if p.Type == "row" {
				if len(p.Panels) > 0 {
					t.Errorf("row %q hides panels", p.Title)
				}
				continue
			}
			d := p.FieldConfig.Defaults
			switch {
			case p.Title == "" || p.Description == "":
				t.Errorf("panel %d %q has no title or description", p.ID, p.Title)
			case d.NoValue == "":
				t.Errorf("%q does not say what no data means", p.Title)
			case d.Unit == "" && !slices.Contains([]string{"stat", "state-timeline", "table"}, p.Type):
				t.Errorf("%q has no unit", p.Title)
			case p.Datasource.UID != "${datasource}" || p.Datasource.Type != "prometheus":
				t.Errorf("%q asks %+v instead of the data source chosen", p.Title, p.Datasource)
			case len(p.Targets) == 0:
				t.Errorf("%q asks nothing", p.Title)
			}
			refs := map[string]bool{}
			for _, target := range p.Targets {
				if refs[target.RefID] || target.RefID == "" || target.Datasource.UID != "${datasource}" {
					t.Errorf("%q: target %q repeats its name or asks another data source", p.Title, target.RefID)
				}
				refs[target.RefID] = true
			}
		}
	}
}

func TestPanelsDoNotOverlapAndFillTheirLines(t *testing.T) {
	for _, d := range all(t) {
		dash := decode(t, d)
		taken := map[[2]int]string{}
		width := map[int]int{} // cells used per line
		for _, p := range dash.Panels {
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%q lies outside the grid: %+v", p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok {
						t.Fatalf("%q overlaps %q", p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
					width[y]++
				}
			}
		}
		for y := range len(width) {
			if width[y] != 24 {
				t.Errorf("%s: line %d has %d of 24 cells", d.File, y, width[y])
			}
		}
	}
}

func TestEveryVariableIsUsedAndDeclared(t *testing.T) {
	for _, d := range all(t) {
		dash := decode(t, d)
		var text strings.Builder
		for _, p := range dash.Panels {
			text.WriteString(p.Datasource.UID + " ")
			for _, target := range p.Targets {
				text.WriteString(target.Expr + " ")
			}
		}
		declared := map[string]bool{"__rate_interval": true, "__range": true}
		for _, v := range dash.Templating.List {
			declared[v.Name] = true
			if !strings.Contains(text.String(), "$"+v.Name) && !strings.Contains(text.String(), "${"+v.Name+"}") {
				t.Errorf("%s: variable %s is not used", d.File, v.Name)
			}
		}
		for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(text.String(), -1) {
			if !declared[m[1]] {
				t.Errorf("%s: $%s is not declared", d.File, m[1])
			}
		}
	}
}

func TestEveryQueryParses(t *testing.T) {
	queries, err := dashboards.Queries(dashboards.Variables{Environment: "production", Tenant: "prod|test"})
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) < 20 {
		t.Fatalf("only %d queries are found", len(queries))
	}
	for _, q := range queries {
		if q.Dashboard == "" || q.Panel == "" {
			t.Errorf("a query does not say where it stands: %+v", q)
		}
		if strings.Contains(q.Expr, "$") {
			t.Errorf("%s: a variable is left in %s", q.Panel, q.Expr)
		}
		e, err := parser.ParseExpr(q.Expr)
		if err != nil {
			t.Errorf("%s: %v", q.Panel, err)
			continue
		}
		parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok && s.Name == "" {
				t.Errorf("%s: a selector names no metric", q.Panel)
			}
			return nil
		})
	}
}

// TestMetricsArePublished looks for each metric in the code that publishes it:
// a metric that is renamed there must be renamed here. Names that are made of
// parts are left to the test of the whole daemon, which asks it.
func TestMetricsArePublished(t *testing.T) {
	metrics, err := dashboards.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, dir := range []string{"../collectors", "../internal/collector", "../internal/flow", "../cmd/closewatch/app"} {
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			code.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := regexp.MustCompile(`^(go|process|pg_stat|traefik_(entrypoint|open|config)|closewatch_(notifications|store|probe))_`)
	for _, m := range metrics {
		family := m
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			family = strings.TrimSuffix(family, suffix)
		}
		if !elsewhere.MatchString(m) && !strings.Contains(code.String(), `"`+family+`"`) {
			t.Errorf("nobody publishes %s", m)
		}
	}
}
