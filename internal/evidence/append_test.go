package evidence

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestEntriesAreRefused(t *testing.T) {
	l := mustOpen(t, settings(t, t.TempDir(), newClock()))
	refs := map[string]string{}
	for i := range maxRefs + 1 {
		refs["ref_"+strconv.Itoa(i)] = "x"
	}
	tests := map[string]struct {
		entry Entry
		want  string
	}{
		"no class":                 {Entry{Action: "x"}, `there is no class ""`},
		"class of another program": {Entry{Class: "opinion", Action: "x"}, `there is no class "opinion"`},
		"anchors are the log's":    {Entry{Class: Anchored, Action: "x"}, "only the log itself writes records of class anchor"},
		"removals are the log's":   {Entry{Class: Removed, Action: "x"}, "only the log itself writes records of class retention"},
		"no action":                {Entry{Class: System}, `the action "" is not a word`},
		"a sentence as action":     {Entry{Class: System, Action: "was stopped"}, `the action "was stopped" is not a word`},
		"a sentence as outcome":    {Entry{Class: System, Action: "stop", Outcome: "very good"}, `the outcome "very good" is not a word`},
		"no digest":                {Entry{Class: System, Action: "stop", Digest: "md5:x"}, "the digest is not sha256:"},
		"too many references":      {Entry{Class: System, Action: "stop", Refs: refs}, "has 17 references, more than 16"},
		"a reference's name":       {Entry{Class: System, Action: "stop", Refs: map[string]string{"a b": "c"}}, `the reference's name "a b"`},
		"a gap without times":      {Entry{Class: Unwatched, Action: "not-watched"}, "a gap needs from and to"},
		"a gap backwards":          {Gap{From: november, To: november.Add(-1), Reason: Killed, Scope: "x"}.Entry(), "a gap ends before it begins"},
		"a gap without reason":     {Gap{From: november, To: november, Scope: "x"}.Entry(), `a gap has no reason ""`},
		"a gap of nothing":         {Gap{From: november, To: november, Reason: Killed}.Entry(), "a gap needs the scope"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := l.Append(t.Context(), Entry{Class: System, Action: Start}, tt.entry)
			if err == nil || !strings.Contains(err.Error(), tt.want) || fault.KindOf(err) != fault.Rejected {
				t.Errorf("Append() = %v, want %s", err, tt.want)
			}
		})
	}
	if seq, _ := l.Head(); seq != 0 {
		t.Errorf("%d records of what was refused", seq)
	}
	for _, n := range []int{0, maxBatch + 1} {
		if _, err := l.Append(t.Context(), make([]Entry, n)...); err == nil {
			t.Errorf("%d entries were taken", n)
		}
	}
}

// A segment ends with its day and with its size, its name's date never runs
// backwards, and the first record of a day is the anchor of the day before.
func TestSegmentsAndAnchors(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := settings(t, dir, c)
	s.SegmentBytes = 800
	l := mustOpen(t, s)
	var anchors []string
	note := func() {
		if r := mustAppend(t, l, Entry{Class: System, Action: Start}); r.Anchor != nil {
			anchors = append(anchors, r.Anchor.String())
		}
	}
	for range 5 {
		note()
	}
	c.pass(24 * time.Hour)
	note()
	c.pass(-48 * time.Hour) // the clock is set back two days
	note()
	c.pass(24 * time.Hour)
	note()
	a, err := l.Anchor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anchors = append(anchors, a.String())
	if got := strings.Join(anchors, "\n") + "\n"; got != load1(t, dir, anchorsFile) {
		t.Errorf("told anchors\n%s, kept\n%s", got, load1(t, dir, anchorsFile))
	}
	want := []string{"2026-11-24-000001.log", "2026-11-24-000002.log", "2026-11-25-000003.log", "2026-11-25-000004.log", "2026-11-25-000005.log"}
	if diff := cmp.Diff(want, segmentsOf(load(t, dir))); diff != "" {
		t.Error(diff)
	}
	if r := wantIntact(t, dir); r.Anchored != 4 || len(r.Warnings) != 1 || r.Warnings[0].Kind != TimeBackwards {
		t.Errorf("%d anchors agree; warnings %v", r.Anchored, r.Warnings)
	}
}

func TestAnchorOfNothing(t *testing.T) {
	l := mustOpen(t, settings(t, t.TempDir(), newClock()))
	if _, err := l.Anchor(t.Context()); err == nil {
		t.Error("an empty log was anchored")
	}
}

// An anchor that is in the log and not beside it is brought there by the next
// run.
func TestAnchorsAreCompleted(t *testing.T) {
	files := load(t, storyDir(t))
	all := files[anchorsFile]
	files[anchorsFile] = strings.Join(split(all)[:1], "")
	_, _, dir := reopened(t, files)
	if got := load1(t, dir, anchorsFile); !strings.HasPrefix(got, all) {
		t.Errorf("anchors are\n%s", got)
	}
}

func TestReadAnchors(t *testing.T) {
	good := "2026-11-24 4 " + strings.Repeat("a", 64) + "\n"
	tests := map[string]struct {
		text string
		n    int
		err  string
	}{
		"empty":              {"", 0, ""},
		"two":                {good + good, 2, ""},
		"an empty line":      {good + "\n" + good, 2, ""},
		"no hash":            {good + "2026-11-24 4\n", 1, "read anchors: vault.txt line 2: not DATE SEQ HASH (give the file as the log wrote it to anchors.txt)"},
		"no date":            {"2026-13-24" + good[10:], 0, "vault.txt line 1: not DATE SEQ HASH"},
		"no number":          {strings.Replace(good, " 4 ", " -4 ", 1), 0, "vault.txt line 1: not DATE SEQ HASH"},
		"something after it": {strings.Replace(good, "\n", " x\n", 1), 0, "vault.txt line 1: not DATE SEQ HASH"},
		"a line too long":    {strings.Repeat("a", 1<<17), 0, "token too long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ReadAnchors(strings.NewReader(tt.text), "vault.txt")
			if len(got) != tt.n || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%d anchors, %v; want %d, %s", len(got), err, tt.n, tt.err)
			}
		})
	}
}

// Many append at once while others verify: each gets a number of its own, and
// what is read is whole at each moment.
func TestConcurrently(t *testing.T) {
	dir := t.TempDir()
	s := settings(t, dir, newClock())
	s.SegmentBytes = 20_000
	l := mustOpen(t, s)
	const workers, each = 8, 60
	seen := make(chan uint64, workers*each)
	var writers, readers sync.WaitGroup
	for range workers {
		writers.Go(func() {
			for range each {
				r, err := l.Append(t.Context(), Entry{Class: Flow, Action: "flow-ran"}, Entry{Class: Flow, Action: "flow-ran"})
				if err != nil {
					t.Error(err)
					return
				}
				seen <- r.Seq
			}
		})
	}
	stop, cancel := context.WithCancel(t.Context())
	readers.Go(func() {
		for stop.Err() == nil {
			begun := len(seen) > 0 // before it is read: it may begin meanwhile
			r, err := Verify(os.DirFS(dir), Options{})
			if begun && (err != nil || !r.Intact()) {
				t.Errorf("beside the writers: %v, %v", r, err)
				return
			}
		}
	})
	writers.Wait()
	cancel()
	readers.Wait()
	close(seen)
	numbers := map[uint64]bool{}
	for seq := range seen {
		if numbers[seq] {
			t.Errorf("%d was given twice", seq)
		}
		numbers[seq] = true
	}
	if r := wantIntact(t, dir); r.Records != 2*workers*each || len(numbers) != workers*each {
		t.Errorf("%d records, %d numbers", r.Records, len(numbers))
	}
}

// A slowDisk waits for a token before each sync.
type slowFile struct {
	file
	tokens chan struct{}
}

func (f slowFile) Sync() error {
	<-f.tokens
	return f.file.Sync()
}

// While the disk does not answer, a caller may give up and its entry is taken
// back; what waits is bounded, and one sync serves all who wait.
func TestSlowDisk(t *testing.T) {
	dir := t.TempDir()
	tokens := make(chan struct{})
	d := realDisk()
	d.end = func(path string) (file, error) {
		f, err := realDisk().end(path)
		return slowFile{f, tokens}, err
	}
	l, err := open(settings(t, dir, newClock()), d)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() { mustAppendAsync(t, l, 1) })
	tokens2 := func() { tokens <- struct{}{} }
	waitFor(t, func() bool { return len(l.turn) == 1 })
	waiting := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.queued
	}
	waitFor(t, func() bool { return waiting() == 0 }) // the first is being written

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := l.Append(ctx, Entry{Class: System, Action: "taken-back"})
		gone <- err
	}()
	waitFor(t, func() bool { return waiting() == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("giving up: %v", err)
	}
	for range maxQueued / maxBatch {
		all.Go(func() { mustAppendAsync(t, l, maxBatch) })
	}
	waitFor(t, func() bool { return waiting() == maxQueued })
	if _, err := l.Append(t.Context(), Entry{Class: System, Action: Start}); fault.KindOf(err) != fault.Limit {
		t.Errorf("one more than may wait: %v", err)
	}
	tokens2() // the first
	tokens2() // all others
	all.Wait()
	if r := wantIntact(t, dir); r.Records != maxQueued+1 {
		t.Errorf("%d records", r.Records)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustAppendAsync(t *testing.T, l *Log, n int) {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Class: Flow, Action: "flow-ran"}
	}
	if _, err := l.Append(context.WithoutCancel(t.Context()), entries...); err != nil {
		t.Error(err)
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain")
		case <-time.After(time.Millisecond):
		}
	}
}

// What one append costs with the disk, alone and together.
func BenchmarkAppend(b *testing.B) {
	entry := Entry{Class: Flow, Action: "flow-ran", Refs: map[string]string{"flow": "invoice-posting", "environment": "production"}, Outcome: "passed"}
	for _, workers := range []int{1, 64} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			dir := b.TempDir()
			l, err := Open(Settings{Dir: dir + "/evidence", KeyFile: dir + "/key"})
			if err != nil {
				b.Fatal(err)
			}
			b.SetParallelism(workers)
			if workers == 1 {
				for b.Loop() {
					if _, err := l.Append(b.Context(), entry); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := l.Append(b.Context(), entry); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// How fast a log is verified.
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l, err := Open(Settings{Dir: dir + "/evidence", KeyFile: dir + "/key"})
	if err != nil {
		b.Fatal(err)
	}
	entries := make([]Entry, maxBatch)
	for i := range entries {
		entries[i] = Entry{Class: Flow, Action: "flow-ran", Refs: map[string]string{"flow": "invoice-posting", "environment": "production"}, Outcome: "passed"}
	}
	for range 200 {
		if _, err := l.Append(b.Context(), entries...); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	var r Report
	for b.Loop() {
		if r, err = Verify(os.DirFS(dir+"/evidence"), Options{}); err != nil || !r.Intact() {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(r.Records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.SetBytes(r.Bytes)
}
