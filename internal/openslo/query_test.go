package openslo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/closewatch/closewatch/internal/process"
)

func TestReadCounter(t *testing.T) {
	counter := func(pairs ...string) *process.Series {
		s := process.Series{Metric: "a_total"}
		for i := 0; i < len(pairs); i += 2 {
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[pairs[i]] = pairs[i+1]
		}
		return &s
	}
	tests := map[string]struct {
		query string
		want  *process.Series // nil: more than a counter
	}{
		"a metric":                       {`a_total`, counter()},
		"with braces":                    {` a_total { } `, counter()},
		"summed":                         {`sum(a_total)`, counter()},
		"how fast it grows":              {`sum(rate(a_total[5m]))`, counter()},
		"by how much it grows":           {`increase( a_total{code="200"} [{{.window}}] )`, counter("code", "200")},
		"a label":                        {`a_total{code="200",}`, counter("code", "200")},
		"several labels":                 {`a_total{code="200", method='GET', path=` + "`/a`" + `}`, counter("code", "200", "method", "GET", "path", "/a")},
		"several values":                 {`a_total{code=~"200|201"}`, counter("code", "200|201")},
		"one value as a pattern":         {`a_total{path=~"/a\\.b"}`, counter("path", "/a.b")},
		"quotes in a value":              {`a_total{says="it's \"}\" and {"}`, counter("says", `it's "}" and {`)},
		"double in single quotes":        {`a_total{says='a "b" \'c\' \\ d'}`, counter("says", `a "b" 'c' \ d`)},
		"parentheses in a value":         {`sum(rate(a_total{says=") or ("}[5m]))`, counter("says", ") or (")},
		"a company of flows left out":    {`a_total{entity!="synthetic"}`, counter()},
		"a pattern":                      {`a_total{code=~"2.."}`, nil},
		"an empty alternative":           {`a_total{code=~"200|"}`, nil},
		"a value that is not":            {`a_total{code!="500"}`, nil},
		"a bar in a value":               {`a_total{code="200|201"}`, nil},
		"a bar in a pattern":             {`a_total{code=~"200\\|201"}`, nil},
		"an empty value":                 {`a_total{code=""}`, nil},
		"a label twice":                  {`a_total{code="1",code="2"}`, nil},
		"without a metric":               {`{code="200"}`, nil},
		"no comma":                       {`a_total{code="200" method="GET"}`, nil},
		"not closed":                     {`a_total{code="200"`, nil},
		"a text that is not closed":      {`a_total{code="200}`, nil},
		"an escape that is none":         {`a_total{code="\q"}`, nil},
		"an offset":                      {`a_total offset 5m`, nil},
		"a range that is not asked for":  {`a_total[5m]`, nil},
		"a rate without a range":         {`rate(a_total)`, nil},
		"grouped":                        {`sum(a_total) by (code)`, nil},
		"two":                            {`sum(a_total) + sum(b_total)`, nil},
		"two in one pair of parentheses": {`sum(a_total) / (sum(b_total))`, nil},
		"a number":                       {`1`, nil},
		"nothing":                        {``, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := readCounter(tt.query)
			if tt.want == nil {
				if ok {
					t.Errorf("is read as %s", got)
				}
				return
			}
			if diff := cmp.Diff(*tt.want, got); diff != "" || !ok {
				t.Fatalf("read %v, differs (-want +got):\n%s", ok, diff)
			}
			meansTheSame(t, tt.query, got)
		})
	}
}

// meansTheSame compares with how Prometheus reads a query, where it can.
func meansTheSame(t *testing.T, query string, got process.Series) {
	t.Helper()
	e, err := parser.ParseExpr(query)
	if err != nil {
		return // a template
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		for _, m := range s.LabelMatchers {
			if value := got.Labels[m.Name]; value != "" && m.Type == labels.MatchEqual && value != m.Value {
				t.Errorf("%s is %q, to Prometheus %q", m.Name, value, m.Value)
			}
		}
		return nil
	})
}

func TestReadAge(t *testing.T) {
	tests := map[string]struct {
		query        string
		oldest, idle string
	}{
		"what waits longest":               {`time() - min(a_timestamp_seconds)`, "a_timestamp_seconds", ""},
		"of those that wait":               {`time() - min(a_timestamp_seconds{state="queued"} > 0)`, `a_timestamp_seconds{state="queued"}`, ""},
		"none waits":                       {`(time() - min(a > 0)) or 0 * count(b{x="1"})`, "a", `b{x="1"}`},
		"or in a value":                    {`time() - min(a{x="1 or 2"})`, `a{x="1 or 2"}`, ""},
		"the newest":                       {`time() - max(a)`, "", ""},
		"something else when there is not": {`(time() - min(a)) or vector(0)`, "", ""},
		"a time":                           {`min(a)`, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			oldest, idle, ok := readAge(tt.query)
			if ok != (tt.oldest != "") || ok && oldest.String() != tt.oldest {
				t.Errorf("read %v %s, want %s", ok, oldest, tt.oldest)
			}
			got := ""
			if idle != nil {
				got = idle.String()
			}
			if ok && got != tt.idle {
				t.Errorf("idle is %s, want %s", got, tt.idle)
			}
		})
	}
}
