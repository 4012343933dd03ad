package collectortest

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

//go:embed peers.tsv
var peers string

// Lint fails the test for every problem promlint finds in families that no
// peer's name excuses, as Golden does. exempt is as there.
func Lint(t *testing.T, families []*dto.MetricFamily, exempt ...string) {
	t.Helper()
	for _, p := range lint(t, families, exempt) {
		t.Errorf("metric %s: %s", p.Metric, p.Text)
	}
}

// lint returns promlint's problems that neither peers.tsv nor exempt excuses.
func lint(t *testing.T, families []*dto.MetricFamily, exempt []string) []promlint.Problem {
	t.Helper()
	var shapes []*dto.MetricFamily
	var problems []promlint.Problem
	for _, mf := range families {
		shape, alike := shapeOf(mf)
		shapes = append(shapes, shape)
		for range alike {
			problems = append(problems, promlint.Problem{Metric: mf.GetName(), Text: "metric not unique"})
		}
	}
	found, err := promlint.NewWithMetricFamilies(shapes).Lint()
	if err != nil {
		t.Fatal(err)
	}
	problems = append(problems, found...)
	excused := excuses()
	return slices.DeleteFunc(problems, func(p promlint.Problem) bool {
		return slices.Contains(exempt, p.Metric) || excused[[2]string{p.Metric, p.Text}]
	})
}

// shapeOf returns a family with one series for each set of label names, which
// is all of its series that promlint looks at, and how many of them are like
// one before. To find those promlint compares each series with each other,
// which takes a minute where there are thousands and races are looked for.
func shapeOf(mf *dto.MetricFamily) (shape *dto.MetricFamily, alike int) {
	shape = &dto.MetricFamily{Name: mf.Name, Help: mf.Help, Type: mf.Type, Unit: mf.Unit}
	series, names := map[string]bool{}, map[string]bool{}
	for _, m := range mf.Metric {
		var of, named []string
		for _, l := range m.Label {
			of = append(of, strconv.Quote(l.GetName())+"="+strconv.Quote(l.GetValue()))
			named = append(named, l.GetName())
		}
		slices.Sort(of)
		slices.Sort(named)
		if key := strings.Join(of, ","); series[key] {
			alike++
		} else {
			series[key] = true
		}
		if key := strings.Join(named, ","); !names[key] {
			names[key] = true
			shape.Metric = append(shape.Metric, &dto.Metric{Label: m.Label})
		}
	}
	return shape, alike
}

// excuses parses peers.tsv into the set of (family, problem).
func excuses() map[[2]string]bool {
	set := map[[2]string]bool{}
	for line := range strings.Lines(peers) {
		if family, problem, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(line, "#") {
			set[[2]string{family, problem}] = true
		}
	}
	return set
}
