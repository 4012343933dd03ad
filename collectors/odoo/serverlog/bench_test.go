package serverlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ordinary is a day of requests, actions and a few conflicts, as lines.
func ordinary(tb testing.TB) [][]byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "odoo_18.log"))
	if err != nil {
		tb.Fatal(err)
	}
	var lines [][]byte
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " werkzeug: ") || strings.Contains(line, " INFO ? ") {
			lines = append(lines, []byte(strings.TrimSuffix(line, "\n")))
		}
	}
	if len(lines) < 8 {
		tb.Fatalf("%d ordinary lines", len(lines))
	}
	return lines
}

// A line of an ordinary day allocates nothing.
func TestOrdinaryLinesAllocateNothing(t *testing.T) {
	lines, r := ordinary(t), newReader(Auto)
	all := func() {
		for _, line := range lines {
			r.Line(line)
		}
	}
	all()
	if n := testing.AllocsPerRun(100, all); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
	if r.lines.Records == 0 {
		t.Error("nothing was read")
	}
}

func BenchmarkLines(b *testing.B) {
	lines, r := ordinary(b), newReader(Auto)
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			r.Line(line)
		}
	}
	b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
