package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTally(t *testing.T) {
	tests := map[string]struct {
		events         []string
		tables         bool
		want           string
		totals         []string
		passed, failed int
	}{
		"passing_package_is_one_line": {
			events: []string{
				`{"Action":"start","Package":"p"}`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"-test.shuffle 7\n"}`,
				`{"Action":"output","Package":"p","Output":"stray log\n"}`,
				`{"Action":"output","Package":"p","Output":"PASS\n"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want: "ok  \tp\t0.1s\n", passed: 1,
		},
		"failed_subtest_counts_once_and_says_why": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/good"}`,
				`{"Action":"run","Package":"p","Test":"TestA/bad/worse"}`,
				`{"Action":"output","Package":"p","Test":"TestA/bad/worse","Output":"    got 1, want 2\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/good"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/bad/worse"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "    got 1, want 2\nFAIL\tp\t0.1s\n", passed: 1, failed: 1,
		},
		"parent_that_fails_by_itself_counts": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/good"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/good"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			passed: 1, failed: 1,
		},
		"package_that_does_not_build_is_one_failure": {
			events: []string{
				`{"Action":"build-output","ImportPath":"p [p.test]","Output":"p.go:1: undefined: x\n"}`,
				`{"Action":"build-fail","ImportPath":"p [p.test]"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			},
			want: "p.go:1: undefined: x\nFAIL\tp [build failed]\n", failed: 1,
		},
		"panic_outside_a_test_is_one_failure": {
			events: []string{
				`{"Action":"output","Package":"p","Output":"panic: boom\n"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "panic: boom\nFAIL\tp\t0.1s\n", failed: 1,
		},
		"test_cut_short_by_the_clock_says_what_it_said": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"waiting for x\n"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t600s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: "waiting for x\nFAIL\tp\t600s\n", failed: 1,
		},
		"passing_test_shows_its_table": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: \n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"        | pain | state\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
			},
			tables: true, want: "| pain | state\n", passed: 1,
		},
		"test_has_totals_for_the_last_line": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"        |= runs=500 residue=0\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
			},
			tables: true, totals: []string{"runs=500 residue=0"}, passed: 1,
		},
		"skipped_test_is_shown_and_not_counted": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
			},
			want: "--- SKIP: TestA\n",
		},
		"what_is_not_json_is_shown": {
			events: []string{"go: downloading x"},
			want:   "go: downloading x\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			got := newTally(&out)
			got.tables = tt.tables
			if err := got.read(strings.NewReader(strings.Join(tt.events, "\n"))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("output differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.totals, got.totals); diff != "" {
				t.Errorf("totals differ (-want +got):\n%s", diff)
			}
			if got.passed != tt.passed || got.failed != tt.failed {
				t.Errorf("%d passed, %d failed, want %d and %d", got.passed, got.failed, tt.passed, tt.failed)
			}
		})
	}
}

func TestBenchmarksAreShownAndCounted(t *testing.T) {
	var out strings.Builder
	got := newTally(&out)
	events := `{"Action":"run","Package":"p","Test":"BenchmarkA"}
{"Action":"output","Package":"p","Test":"BenchmarkA","Output":"BenchmarkA\n"}
{"Action":"output","Package":"p","Test":"BenchmarkA","Output":"BenchmarkA-2   \t 1000\t 12.5 ns/op\n"}
{"Action":"pass","Package":"p","Test":"BenchmarkA"}
`
	if err := got.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if want := "BenchmarkA-2   \t 1000\t 12.5 ns/op\n"; out.String() != want || got.benchmarks != 1 {
		t.Errorf("printed %q, counted %d, want %q and 1", out.String(), got.benchmarks, want)
	}
}
