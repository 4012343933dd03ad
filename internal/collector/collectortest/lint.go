package collectortest

import (
	_ "embed"
	"slices"
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
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	excused := excuses()
	return slices.DeleteFunc(problems, func(p promlint.Problem) bool {
		return slices.Contains(exempt, p.Metric) || excused[[2]string{p.Metric, p.Text}]
	})
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
