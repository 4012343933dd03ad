package collectortest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
)

// A Page is the reference page of one collector, written from its code: what it
// can be told, and each metric of each of its tasks.
type Page struct {
	File string // "../../docs/collectors/redis.md"
	// Introduction is Markdown: the title, an example, the rights, the cost. Where
	// it says {settings}, the table of Settings is put.
	Introduction string
	// Settings are the Go files of the package that declare Config and what is in
	// it: its yaml tags and comments.
	Settings []string
	Sections []Section
	// Source says which view, command or file tells a metric.
	Source func(metric string) string
	// Since says from which version of the system on it is told, "" when from the
	// oldest; nil leaves the column out.
	Since func(metric string) string
	// Types are those of metrics that no golden shows.
	Types map[string]string
}

// A Section is one task.
type Section struct {
	Title string
	From  []collector.Collector
}

// Sections are the tasks of an instance, with their cadence. Tasks that publish
// the same are one, under the name alike.
func Sections(i collector.Instance, alike string) []Section {
	var out []Section
	defer i.Close()
	for _, task := range i.Tasks() {
		title := fmt.Sprintf("Task `%s`, every %s", task.Name, shortly(task.Interval))
		if alike != "" {
			title = alike
		}
		if n := len(out); n > 0 && out[n-1].Title == title {
			out[n-1].From = append(out[n-1].From, task.Collector)
			continue
		}
		out = append(out, Section{title, []collector.Collector{task.Collector}})
	}
	return out
}

// shortly writes 5m for 5m0s.
func shortly(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return strings.TrimSuffix(s, "h0m") + map[bool]string{true: "h"}[strings.HasSuffix(s, "h0m")]
}

var described = regexp.MustCompile(`fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

// Reference compares a page with its file. UPDATE_GOLDEN=1 writes it. The type
// of a metric is that in the package's goldens, testdata/*.prom.
func Reference(t *testing.T, p Page) {
	t.Helper()
	var page strings.Builder
	page.WriteString(strings.ReplaceAll(p.Introduction, "{settings}", settingsTable(t, p.Settings)))
	types := Types(t, "testdata/*.prom")
	maps.Copy(types, p.Types)
	for _, s := range p.Sections {
		rows := map[string]string{}
		for _, from := range s.From {
			maps.Copy(rows, p.rows(t, from, types))
		}
		head, rule := "| metric | type | labels | meaning | source |", "|---|---|---|---|---|"
		if p.Since != nil {
			head, rule = head+" from |", rule+"---|"
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n%s\n", s.Title, head, rule)
		for _, name := range slices.Sorted(maps.Keys(rows)) {
			page.WriteString(rows[name])
		}
	}
	compare(t, p.File, page.String())
}

// Types reads the types of metrics in goldens.
func Types(t *testing.T, pattern string) map[string]string {
	t.Helper()
	types := map[string]string{}
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if words := strings.Fields(line); len(words) == 4 && words[1] == "TYPE" {
				types[words[2]] = words[3]
			}
		}
	}
	return types
}

// Metric is the name in a description; "" when it cannot be read.
func Metric(d *prometheus.Desc) string {
	if m := described.FindStringSubmatch(d.String()); m != nil {
		return m[1]
	}
	return ""
}

func (p Page) rows(t *testing.T, from collector.Collector, types map[string]string) map[string]string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		from.Describe(descs)
	}()
	rows := map[string]string{}
	for d := range descs {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Errorf("cannot read %s", d)
			continue
		}
		name, labels := m[1], ""
		if m[3] != "" {
			labels = "`" + strings.ReplaceAll(m[3], ",", "`, `") + "`"
		}
		if types[name] == "" || p.Source(name) == "" {
			t.Errorf("%s: its type is %q and its source %q", name, types[name], p.Source(name))
		}
		row := fmt.Sprintf("| `%s` | %s | %s | %s | %s |", name, types[name], labels, cell(strings.ReplaceAll(m[2], `\"`, `"`)), cell(p.Source(name)))
		if p.Since != nil {
			row += " " + p.Since(name) + " |"
		}
		rows[name] = row + "\n"
	}
	return rows
}

// cell keeps a text within its column.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// settingsTable lists what a Config takes, by its yaml tags, with what its
// comments say.
func settingsTable(t *testing.T, files []string) string {
	t.Helper()
	structs, docs := map[string]*ast.StructType{}, map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || len(decl.Specs) != 1 {
				return true
			}
			if spec, ok := decl.Specs[0].(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name], docs[spec.Name.Name] = s, decl.Doc.Text()
				}
			}
			return true
		})
	}
	var b strings.Builder
	b.WriteString("| setting | meaning |\n|---|---|\n")
	var list func(prefix, of string, depth int)
	list = func(prefix, of string, depth int) {
		s := structs[of]
		if s == nil || depth > 5 {
			return
		}
		for _, field := range s.Fields.List {
			if field.Tag == nil {
				continue
			}
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml"), ",")
			if name == "" || name == "-" {
				continue
			}
			said := field.Doc.Text()
			if said == "" {
				said = field.Comment.Text()
			}
			nested, many := elementOf(field.Type)
			if said == "" {
				said = docs[nested]
			}
			path := prefix + name
			fmt.Fprintf(&b, "| `%s` | %s |\n", path, cell(meaning(field, said)))
			if many {
				path += "[]"
			}
			list(path+".", nested, depth+1)
		}
	}
	list("", "Config", 0)
	return strings.TrimSuffix(b.String(), "\n")
}

// meaning is what the comment of a field says, to readers who know its setting
// by another name: "DSN is a connection string" is "A connection string".
func meaning(field *ast.Field, said string) string {
	words := strings.Fields(said)
	if len(words) > 2 && len(field.Names) > 0 && words[0] == field.Names[0].Name {
		words = words[1:]
		if words[0] == "is" || words[0] == "are" {
			words = words[1:]
		}
	}
	out := strings.Join(words, " ")
	if out == "" {
		return ""
	}
	return strings.ToUpper(out[:1]) + out[1:]
}

// elementOf is the name of a field's type, and whether there are many of it.
func elementOf(e ast.Expr) (name string, many bool) {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name, false
	case *ast.StarExpr:
		return elementOf(x.X)
	case *ast.ArrayType:
		name, _ = elementOf(x.Elt)
		return name, true
	}
	return "", false
}
