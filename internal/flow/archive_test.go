package flow_test

import (
	stdcmp "cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

const day = 24 * time.Hour

// A clock is set by its test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func openArchive(t *testing.T, o flow.ArchiveOptions) *flow.Archive {
	t.Helper()
	a, err := flow.OpenArchive(o)
	must(t, err)
	return a
}

// stored reads an archive: the ids of its runs and how many lines are damaged.
func stored(t *testing.T, dir string) (ids []string, damaged int) {
	t.Helper()
	for run, err := range flow.ReadArchive(dir) {
		switch {
		case errors.Is(err, durable.ErrDamaged):
			damaged++
		case err != nil:
			t.Fatal(err)
		default:
			ids = append(ids, run.ID)
		}
	}
	return ids, damaged
}

// at is a run that began at a time, named by it.
func at(began time.Time, outcome flow.Outcome) flow.Run {
	run := result(0, outcome, "")
	run.ID, run.Started = began.Format("0102T1504")+string(outcome[0]), began
	return run
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestARunIsReadAsItWasKept(t *testing.T) {
	dir := filepath.Join(durabletest.Dir(t), "made", "runs")
	a := openArchive(t, flow.ArchiveOptions{Dir: dir})
	want := result(1, flow.Failed, fault.Rejected)
	want.Steps[1].Exchange = "POST /web/dataset/call_kw\n{…}\n\n200 OK\n{\"error\": …}"
	want.Cost = &flow.Cost{Requests: 9, Sent: 2000, Received: 9000, Busy: time.Second, Rows: &flow.Rows{Inserted: 3, At: noon}}
	want.ByHand, want.TraceID, want.CannotDetect, want.Leftovers = true, "4bf92f3577b34da6a3ce929d0e0e4736", []string{"a"}, []string{"b"}
	must(t, a.Add(want))
	for got, err := range a.Runs() {
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSuccessesAreThinnedAndTheRestIsNot(t *testing.T) {
	clock := &clock{noon.Truncate(day)}
	dir := durabletest.Dir(t)
	a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: clock.Now})
	outcomes := map[string]flow.Outcome{"01:20": flow.Failed, "05:10": flow.Blocked, "07:30": flow.Unknown}
	for range 8 * 6 { // eight hours, a run every ten minutes
		o, other := outcomes[clock.now.Format("15:04")]
		if !other {
			o = flow.Passed
		}
		must(t, a.Add(at(clock.now, o)))
		clock.now = clock.now.Add(10 * time.Minute)
	}
	end := clock.now.Truncate(day).Add(day)
	const thinnedDaily = `0110p 0120f 0130p 0500p 0510b 0520p 0720p 0730u 0740p 0750p`
	tests := []struct {
		after time.Duration // the end of that day
		want  string        // of that day; "" stands for every run
	}{
		{day, ""},
		{3 * day, `0000p 0100p 0110p 0120f 0130p 0200p 0300p 0400p 0500p 0510b 0520p 0600p 0700p 0720p 0730u 0740p 0750p`},
		{29 * day, `0000p 0100p 0110p 0120f 0130p 0200p 0300p 0400p 0500p 0510b 0520p 0600p 0700p 0720p 0730u 0740p 0750p`},
		{31 * day, thinnedDaily},
		{399 * day, thinnedDaily},
		{401 * day, "none"},
	}
	for _, tt := range tests {
		clock.now = end.Add(tt.after)
		must(t, a.Add(at(clock.now, flow.Passed)))
		ids, _ := stored(t, dir)
		var got []string
		for _, id := range ids {
			if time, ofThatDay := strings.CutPrefix(id, "0303T"); ofThatDay {
				got = append(got, time)
			}
		}
		switch {
		case tt.want == "":
			if len(got) != 8*6 {
				t.Errorf("%v after the day: %d runs, want every one", tt.after, len(got))
			}
		case stdcmp.Or(strings.Join(got, " "), "none") != tt.want:
			t.Errorf("%v after the day:\n%s, want\n%s", tt.after, strings.Join(got, " "), tt.want)
		}
	}
}

// Rows of failures are as long after thinning as before.
func TestThinningKeepsRowsApart(t *testing.T) {
	clock := &clock{noon}
	dir := durabletest.Dir(t)
	a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: clock.Now})
	for n, o := range []flow.Outcome{flow.Failed, flow.Passed, flow.Failed, flow.Failed} {
		must(t, a.Add(at(noon.Add(time.Duration(n)*time.Minute), o)))
	}
	clock.now = noon.Add(100 * day)
	other := at(clock.now, flow.Passed)
	other.Tenant = "other"
	must(t, a.Add(other))
	h := flow.NewHistory()
	h.Declare(series)
	for run, err := range a.Runs() {
		must(t, err)
		h.Restore(run)
	}
	if o, n := h.Streak(series); o != flow.Failed || n != 2 {
		t.Errorf("%d %s in a row, want 2 failed", n, o)
	}
}

func TestTheBoundTakesSuccessesBeforeFailures(t *testing.T) {
	clock := &clock{noon}
	dir := durabletest.Dir(t)
	const days, aDay = 20, 24
	a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: clock.Now, Bytes: 40_000})
	for n := range days * aDay {
		o := flow.Passed
		if n%aDay == 0 {
			o = flow.Failed
		}
		run := result(n, o, fault.Timeout)
		run.Started = clock.now
		must(t, a.Add(run))
		clock.now = clock.now.Add(time.Hour)
	}
	var failed, passed int
	for run, err := range a.Runs() {
		must(t, err)
		if run.Outcome == flow.Passed {
			passed++
		} else {
			failed++
		}
	}
	if failed != days {
		t.Errorf("%d failures kept, want all %d", failed, days)
	}
	if passed < aDay || passed > 5*aDay {
		t.Errorf("%d successes kept, want those of the last days and few of the others", passed)
	}
	for n := range 400 {
		clock.now = clock.now.Add(time.Hour)
		must(t, a.Add(result(10_000+n, flow.Failed, fault.Timeout)))
	}
	var total int64
	for _, name := range segments(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		total += info.Size()
	}
	if total > 80_000 {
		t.Errorf("%d bytes are kept, want about 40000", total)
	}
	if ids, _ := stored(t, dir); ids[len(ids)-1] != "10399" {
		t.Errorf("the newest run is %s, want 10399", ids[len(ids)-1])
	}
}

func TestADamagedArchiveLosesOnlyTheDamagedLine(t *testing.T) {
	tests := map[string]struct {
		damage      func(content string) string
		want        string // ids
		wantDamaged int
		later       int // damaged lines once another run was added
	}{
		"torn in the last line": {func(s string) string { return s[:len(s)-20] }, "0 1", 0, 1},
		"torn at its end":       {func(s string) string { return s[:len(s)-1] }, "0 1 2", 0, 0},
		"a changed byte":        {func(s string) string { return strings.Replace(s, `"id":"1"`, `"id":"7"`, 1) }, "0 2", 1, 1},
		"zeros after a crash":   {func(s string) string { return s + strings.Repeat("\x00", 4096) }, "0 1 2", 0, 1},
		"empty lines":           {func(s string) string { return "\n\n" + s + "\n" }, "0 1 2", 0, 0},
		"an enormous line":      {func(s string) string { return strings.Repeat("z", 1<<20) + "\n" + s }, "0 1 2", 1, 1},
		"another file":          {func(string) string { return "{}\n[]\nnull\n{\"crc32c\":0,\"record\":null}\n" }, "", 4, 4},
		"nothing":               {func(string) string { return "" }, "", 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			now := func() time.Time { return noon }
			a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: now})
			for n := range 3 {
				must(t, a.Add(result(n, flow.Passed, "")))
			}
			path := filepath.Join(dir, segments(t, dir)[0])
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(tt.damage(string(b))), 0o600))

			ids, damaged := stored(t, dir)
			if strings.Join(ids, " ") != tt.want || damaged != tt.wantDamaged {
				t.Errorf("read %v and %d damaged lines, want %s and %d", ids, damaged, tt.want, tt.wantDamaged)
			}
			must(t, openArchive(t, flow.ArchiveOptions{Dir: dir, Now: now}).Add(result(3, flow.Passed, "")))
			ids, damaged = stored(t, dir)
			if strings.Join(ids, " ") != strings.TrimSpace(tt.want+" 3") || damaged != tt.later {
				t.Errorf("after another run: %v and %d damaged lines, want %s 3 and %d", ids, damaged, tt.want, tt.later)
			}

			// Thinned, the damaged file is kept beside the new one.
			must(t, openArchive(t, flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon.Add(5 * day) }}).Add(result(4, flow.Passed, "")))
			aside := slices.ContainsFunc(segments(t, dir), durable.IsAside)
			if _, damaged := stored(t, dir); damaged != 0 || aside != (tt.later > 0) {
				t.Errorf("thinned: %d damaged lines, set aside %t; files %v", damaged, aside, segments(t, dir))
			}
		})
	}
}

func TestAProcessThatEndedWhileThinning(t *testing.T) {
	dir := durabletest.Dir(t)
	a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon }})
	for n := range 3 {
		must(t, a.Add(result(n, flow.Passed, "")))
	}
	name := segments(t, dir)[0]
	b, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	thinned := strings.TrimSuffix(name, ".jsonl") + ".hourly.jsonl"
	must(t, os.WriteFile(filepath.Join(dir, thinned), b, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, ".new-1"), b, 0o600))
	if ids, _ := stored(t, dir); len(ids) != 3 {
		t.Errorf("read %v, want each run once", ids)
	}
	must(t, a.Add(result(3, flow.Passed, ""))) // never to a segment that was thinned
	want := []string{thinned, "00000002-20260303.jsonl"}
	if diff := cmp.Diff(want, segments(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestAClockThatWasSetBack(t *testing.T) {
	clock := &clock{noon}
	dir := durabletest.Dir(t)
	a := openArchive(t, flow.ArchiveOptions{Dir: dir, Now: clock.Now})
	for n := range 4 {
		must(t, a.Add(result(n, flow.Passed, "")))
		clock.now = clock.now.Add(-30 * day)
	}
	if ids, _ := stored(t, dir); len(ids) != 4 || len(segments(t, dir)) != 1 {
		t.Errorf("runs %v in %v, want all in one", ids, segments(t, dir))
	}
}

func TestManyAddAtOnce(t *testing.T) {
	dir := durabletest.Dir(t)
	const writers, each = 6, 10
	var wg sync.WaitGroup
	for w := range writers {
		a := openArchive(t, flow.ArchiveOptions{Dir: dir}) // of its own, as every process has one
		wg.Go(func() {
			for n := range each {
				if err := a.Add(result(w*each+n, flow.Failed, fault.Timeout)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			if _, damaged := stored(t, dir); damaged > 0 {
				t.Error("a reader met a damaged line")
			}
		}
	})
	wg.Wait()
	ids, damaged := stored(t, dir)
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != writers*each || damaged > 0 {
		t.Errorf("%d runs and %d damaged lines, want %d and none", n, damaged, writers*each)
	}
}

// TestKilledWhileAdding kills one of two processes at any moment of adding and
// thinning: all that either was told is on disk is there, once, and the next
// goes on.
func TestKilledWhileAdding(t *testing.T) {
	dir := t.TempDir()
	want := map[string]bool{}
	for round := range durabletest.Some(3, 40) {
		var wg sync.WaitGroup
		printed := make([][]uint64, 2)
		for i := range printed {
			c := child(t, "archive", dir, uint64(1000*(2*round+i))) //nolint:gosec // small
			wg.Go(func() { printed[i] = durabletest.KillAfter(t, c, 3+(round*7+i)%11) })
		}
		wg.Wait()
		for _, n := range slices.Concat(printed...) {
			want[strconv.FormatUint(n, 10)] = true
		}
		must(t, openArchive(t, flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon }}).Add(result(-1-round, flow.Failed, fault.Timeout)))
		ids, _ := stored(t, dir)
		seen := map[string]bool{}
		for _, id := range ids {
			if seen[id] {
				t.Errorf("round %d: run %s is there twice", round, id)
			}
			seen[id] = true
		}
		for id := range want {
			if !seen[id] {
				t.Errorf("round %d: run %s was on disk and is not", round, id)
			}
		}
	}
}

// A disk that refuses costs nothing while the bound on what is owed lasts.
func TestADiskThatFillsUp(t *testing.T) {
	dir := durabletest.Dir(t)
	refused := durabletest.ReadAll(t, child(t, "limit", dir, 0))
	if len(refused) != 1 || refused[0] < 10 {
		t.Fatalf("refused %v of 30, want many: the limit did not bite", refused)
	}
	ids, damaged := stored(t, dir)
	var want []string
	for n := range 40 {
		want = append(want, strconv.Itoa(n))
	}
	if diff := cmp.Diff(want, ids); diff != "" || damaged > 0 {
		t.Errorf("%d damaged lines, runs (-want +got):\n%s", damaged, diff)
	}
}

func TestWhatIsOwedIsBounded(t *testing.T) {
	dir := filepath.Join(durabletest.Dir(t), "runs")
	a := openArchive(t, flow.ArchiveOptions{Dir: dir})
	must(t, os.RemoveAll(dir))
	for n := range 300 {
		if err := a.Add(result(n, flow.Passed, "")); fault.HintOf(err) == "" {
			t.Fatalf("Add without a directory: %v, want an error with a hint", err)
		}
	}
	must(t, os.MkdirAll(dir, 0o750))
	must(t, a.Add(result(300, flow.Passed, "")))
	if ids, _ := stored(t, dir); len(ids) != 257 || ids[0] != "44" || a.Lost() != 44 {
		t.Errorf("%d runs from %s and %d lost, want 257 from 44 and 44", len(ids), ids[0], a.Lost())
	}
}

func TestALongRunIsKeptWithoutExchanges(t *testing.T) {
	dir := durabletest.Dir(t)
	a := openArchive(t, flow.ArchiveOptions{Dir: dir})
	run := result(1, flow.Failed, fault.Rejected)
	for n := range 64 {
		run.Steps = append(run.Steps, flow.Step{Name: fmt.Sprint("step ", n), Error: "no", Exchange: strings.Repeat("\x01", 2048)})
	}
	must(t, a.Add(run))
	for got, err := range a.Runs() {
		must(t, err)
		if len(got.Steps) != 66 || got.Steps[10].Exchange != "" {
			t.Errorf("%d steps, exchange of %d bytes", len(got.Steps), len(got.Steps[10].Exchange))
		}
	}
	if run.Steps[10].Exchange == "" {
		t.Error("the caller's run was changed")
	}
}

func TestReadingWhatIsNoArchive(t *testing.T) {
	for _, err := range flow.ReadArchive(filepath.Join(t.TempDir(), "none")) {
		if fault.HintOf(err) == "" {
			t.Errorf("a directory that is not there: %v, want an error with a hint", err)
		}
	}
}
