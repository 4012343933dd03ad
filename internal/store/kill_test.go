package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// victim names the directory a child process of the test appends to.
const victim = "CLOSEWATCH_TEST_STORE_VICTIM"

// killed is how many series each tick of the child has.
const killed = 50

// appendForever appends a tick every few milliseconds and prints the number of
// each that was stored, until the process is killed.
func appendForever(dir string) {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		if err := s.Append(at(n), numbered(n)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// numbered is a family whose series all have the value n.
func numbered(n int) []*dto.MetricFamily {
	name, kind := "x", dto.MetricType_GAUGE
	mf := &dto.MetricFamily{Name: &name, Type: &kind}
	label, v := "i", float64(n)
	for i := range killed {
		s := strconv.Itoa(i)
		mf.Metric = append(mf.Metric, &dto.Metric{Label: []*dto.LabelPair{{Name: &label, Value: &s}}, Gauge: &dto.Gauge{Value: &v}})
	}
	return []*dto.MetricFamily{mf}
}

// A process killed while it appends loses no tick whose Append had returned,
// and its lock does not keep the next one out.
func TestKillLosesNothingThatWasStored(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		last := killAfter(t, dir, 200*(round+1))
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, q := range []struct {
			expr string
			want float64
		}{
			{fmt.Sprintf(`sum(count_over_time(x[%ds] @ %d))`, last+1, at(last).Unix()), float64(killed * (last + 1))},
			{fmt.Sprintf(`min(x @ %d)`, at(last).Unix()), float64(last)},
		} {
			got, err := s.Query(t.Context(), q.expr, at(last))
			if err != nil || len(got) != 1 || got[0].Points[0].Value != q.want {
				t.Errorf("round %d: %s = %v, %v; want %v", round, q.expr, got, err, q.want)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs the child until it has stored n ticks, kills it in the midst
// of the next ones and returns the last it told of.
func killAfter(t *testing.T, dir string, n int) (last int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), victim+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = child.Process.Kill() })
	defer watchdog.Stop()
	last = -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if last, err = strconv.Atoi(line); err != nil {
			t.Fatalf("child: %s", line)
		}
		if last == n {
			_ = child.Process.Kill() // and read on: what was told before counts
		}
	}
	_ = child.Wait()
	if last < n {
		t.Fatalf("child ended after tick %d", last)
	}
	return last
}
