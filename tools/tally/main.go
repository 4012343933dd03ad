// Tally reads the output of go test -json and prints what people want to see
// of it: a line per package as it finishes, all that a failed test said, and
// last one line with the totals, such as "test: 812 passed, 0 failed".
//
// A test may say more for the last line: what it logs after "|=", such as
// "|= runs=500 residue=0". It is said with the tables.
//
// Only innermost tests count: a test that has subtests counts when it failed
// by itself. A package that does not build, panics or runs out of time counts
// as one failure. The exit status is 1 when anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	name := flag.String("name", "test", "the make target, which starts the last line")
	bench := flag.Bool("bench", false, "print and count benchmarks instead of tests")
	tables := flag.Bool("tables", false, "print the tables that passing tests log: lines that begin with |")
	flag.Parse()
	t := newTally(os.Stdout)
	t.tables = *tables
	start := time.Now()
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		t.failed++
	}
	if t.benchmarks+t.passed+t.failed == 0 {
		fmt.Println("nothing ran")
		t.failed++
	}
	switch {
	case *bench:
		fmt.Printf("%s: benchmarks=%d failed=%d seconds=%.0f\n", *name, t.benchmarks, t.failed, time.Since(start).Seconds())
	case t.tables && len(t.totals) > 0:
		fmt.Printf("%s: %s passed=%d failed=%d seconds=%.0f\n", *name, strings.Join(t.totals, " "), t.passed, t.failed, time.Since(start).Seconds())
	default:
		fmt.Printf("%s: %d passed, %d failed\n", *name, t.passed, t.failed)
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

// An event is one line of go test -json, see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
}

// A run is one test as it runs.
type run struct {
	output   []string
	children bool
	broken   bool // a child failed
}

// A tally counts events and prints what matters of them.
type tally struct {
	out        io.Writer
	runs       map[string]*run // by package and test
	culprits   map[string]int  // failed tests by package
	builds     map[string][]string
	passed     int
	failed     int
	benchmarks int
	tables     bool     // those of passing tests are printed
	totals     []string // that tests have for the last line
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, runs: map[string]*run{}, culprits: map[string]int{}, builds: map[string][]string{}}
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(t.out, lines.Text()) // not of go test: shown as it is
			continue
		}
		t.event(e)
	}
	return lines.Err()
}

func (t *tally) event(e event) {
	switch {
	case e.Action == "build-output":
		t.builds[e.ImportPath] = append(t.builds[e.ImportPath], e.Output)
	case e.Action == "build-fail":
		t.print(t.builds[e.ImportPath])
		delete(t.builds, e.ImportPath)
	case e.Test == "":
		t.pkg(e)
	default:
		t.test(e)
	}
}

// pkg handles what a package says of itself.
func (t *tally) pkg(e event) {
	r := t.of(e)
	switch e.Action {
	case "output":
		if line := strings.TrimSpace(e.Output); line != "PASS" && line != "FAIL" && !strings.HasPrefix(line, "-test.shuffle") {
			r.output = append(r.output, e.Output)
		}
		t.bench(e)
	case "fail":
		t.unfinished(e.Package)
		t.print(r.output)
		if t.culprits[e.Package] == 0 {
			t.failed++ // it did not build, panicked or ran out of time
		}
		delete(t.runs, key(e))
	case "pass", "skip":
		t.print(lastLines(r.output))
		delete(t.runs, key(e))
	}
}

// unfinished prints what tests said that a panic or the clock cut short.
func (t *tally) unfinished(pkg string) {
	for _, k := range slices.Sorted(maps.Keys(t.runs)) {
		if strings.HasPrefix(k, pkg+" ") && k != pkg+" " {
			t.print(t.runs[k].output)
			delete(t.runs, k)
		}
	}
}

// bench prints the line of a benchmark.
func (t *tally) bench(e event) {
	if strings.Contains(e.Output, " ns/op") {
		t.benchmarks++
		fmt.Fprint(t.out, strings.TrimLeft(e.Output, " "))
	}
}

// test handles what a test says and how it ends.
func (t *tally) test(e event) {
	r := t.of(e)
	switch e.Action {
	case "run":
		if parent := t.parent(e); parent != nil {
			parent.children = true
		}
	case "output":
		if said, ok := strings.CutPrefix(strings.TrimLeft(e.Output, " "), "|= "); ok {
			t.totals = append(t.totals, strings.TrimSpace(said))
			return
		}
		r.output = append(r.output, e.Output)
		t.bench(e)
	case "pass":
		if !r.children {
			t.passed++
		}
		if t.tables {
			t.print(tableLines(r.output))
		}
		delete(t.runs, key(e))
	case "skip":
		t.print(r.output)
		delete(t.runs, key(e))
	case "fail":
		t.print(r.output)
		t.culprits[e.Package]++
		if !r.broken {
			t.failed++
		}
		if parent := t.parent(e); parent != nil {
			parent.broken = true
		}
		delete(t.runs, key(e))
	}
}

func key(e event) string { return e.Package + " " + e.Test }

func (t *tally) of(e event) *run {
	r, ok := t.runs[key(e)]
	if !ok {
		r = &run{}
		t.runs[key(e)] = r
	}
	return r
}

func (t *tally) parent(e event) *run {
	i := strings.LastIndex(e.Test, "/")
	if i < 0 {
		return nil
	}
	// A name may hold slashes of its own: the nearest test that runs is it.
	for ; i >= 0; i = strings.LastIndex(e.Test[:i], "/") {
		if r, ok := t.runs[e.Package+" "+e.Test[:i]]; ok {
			return r
		}
	}
	return nil
}

func (t *tally) print(lines []string) {
	for _, line := range lines {
		fmt.Fprint(t.out, line)
	}
}

// lastLines drops what a passing package logged before its verdict.
func lastLines(lines []string) []string {
	for i, line := range lines {
		if strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "?   \t") || strings.HasPrefix(line, "\t") {
			return lines[i:]
		}
	}
	return nil
}

// tableLines are those that begin with a bar, but for their indent.
func tableLines(lines []string) []string {
	var rows []string
	for _, line := range lines {
		if row := strings.TrimLeft(line, " "); strings.HasPrefix(row, "|") {
			rows = append(rows, row)
		}
	}
	return rows
}
