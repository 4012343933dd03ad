package traefik

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/logtail"
)

// A stretch is a run of request numbers, both ends included.
type stretch [2]int64

// witnessed is what the reader counted, with the numbers of the lines it was
// handed: twice is told from once, and lost from not yet.
type witnessed struct {
	counted
	Numbers []stretch
	Twice   uint64
}

// witness reads as the daemon does and remembers the numbers.
type witness struct {
	reader
	numbers []stretch
	twice   uint64
}

func (w *witness) Line(b []byte) {
	before := w.tally.lines.Parsed
	w.reader.Line(b)
	if w.tally.lines.Parsed == before {
		return
	}
	n := w.parser.req.Count
	if last := len(w.numbers) - 1; last >= 0 && w.numbers[last][1] == n-1 {
		w.numbers[last][1] = n
		return
	}
	if contains(w.numbers, n) {
		w.twice++
		return
	}
	w.numbers = append(w.numbers, stretch{n, n})
	slices.SortFunc(w.numbers, func(a, b stretch) int { return int(a[0] - b[0]) })
}

func (w *witness) Save() witnessed {
	return witnessed{w.reader.Save(), slices.Clone(w.numbers), w.twice}
}

func (w *witness) Restore(s witnessed) {
	w.reader.Restore(s.counted)
	w.numbers, w.twice = s.Numbers, s.Twice
}

func contains(in []stretch, n int64) bool {
	_, found := slices.BinarySearchFunc(in, n, func(s stretch, n int64) int {
		switch {
		case s[1] < n:
			return -1
		case s[0] > n:
			return 1
		}
		return 0
	})
	return found
}

// readUntilKilled is the process that reads: it ends when its input does, or
// when it is killed.
func readUntilKilled(dir string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	t := newTally(newClassifier(nil, nil), newTenants(map[string]string{"erp.example.com": "prod"}, ""))
	logtail.New(logtail.Options{
		Path: filepath.Join(dir, "access.log"), State: filepath.Join(dir, "state"), Name: "access log",
		Every: 20 * time.Millisecond, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, &witness{reader: reader{newParser(formatAuto), t}}).Run(ctx)
}

// torture is a log that is written and rotated while a process that reads it
// is killed again and again.
type torture struct {
	*testing.T
	dir, log  string
	random    *rand.Rand
	w         *os.File
	line      []byte
	written   int64 // lines so far; the number of the last one
	perTurn   int   // lines between two rotations
	rotations int
	child     *exec.Cmd
	input     io.Closer
}

// TestAccessLogTorture shows that what is published is what survived on disk.
// For every kind of rotation but copying and truncating that is all that was
// written, each line once. There, with N written, S surviving and P published:
// S is part of P, P is part of what was written, no line is in P twice, and the
// numbering tells N - P, the lines that were destroyed, exactly.
func TestAccessLogTorture(t *testing.T) {
	dir := durabletest.Dir(t)
	tt := &torture{T: t, dir: dir, log: filepath.Join(dir, "access.log"), random: rand.New(rand.NewPCG(5, 50)), perTurn: 1000, rotations: 2}
	if durabletest.Full() {
		tt.perTurn, tt.rotations = 10_000, 50
	}
	tt.start()
	t.Cleanup(tt.stop)
	waitFor(t, func() bool { _, found, _ := tt.saved(); return found })
	tt.create()
	tt.write(10)
	tt.caughtUp()
	for _, kind := range []struct {
		name   string
		rotate func(*torture)
	}{
		{"renamed", (*torture).rename},
		{"renamed, the writer told later", (*torture).renameThenSignal},
		{"renamed twice between two looks", (*torture).renameTwice},
		{"created late", (*torture).createLate},
		{"renamed while the reader is down", (*torture).renameWhileDown},
		{"copied and truncated", (*torture).copyTruncate},
	} {
		t.Run(kind.name, func(t *testing.T) {
			tt.T = t
			tt.phase(kind.rotate)
		})
	}
}

// phase rotates again and again, kills in between, and compares.
func (t *torture) phase(rotate func(*torture)) {
	first, before := t.written, t.state()
	began := time.Now()
	killed := 0
	for range t.rotations {
		t.write(t.random.IntN(t.perTurn) + t.perTurn/2)
		if t.random.IntN(3) == 0 {
			t.kill()
			killed++
			t.start()
		}
		rotate(t)
	}
	t.write(t.perTurn)
	took := time.Since(began)
	s := t.caughtUp()
	survived := t.surviving(first)
	destroyed := (t.written - first) - int64(len(survived))
	published := int64(s.State.Lines.Parsed - before.State.Lines.Parsed)
	t.Logf("%d written at %.0f lines/s, %d destroyed on disk, %d published, %d kills, %d renamed %d truncated %d unresolved, gap %.1f s",
		t.written-first, float64(t.written-first)/took.Seconds(), destroyed, published, killed,
		s.Counts.Renamed-before.Counts.Renamed, s.Counts.Truncated-before.Counts.Truncated, s.Counts.Unresolved-before.Counts.Unresolved, s.Counts.Gap-before.Counts.Gap)
	for _, n := range survived {
		if !contains(s.State.Numbers, n) {
			t.Fatalf("line %d survived on disk and was not counted", n)
		}
	}
	if twice := s.State.Twice - before.State.Twice; twice > 0 {
		t.Errorf("%d lines were counted twice", twice)
	}
	if published < int64(len(survived)) || published > t.written-first {
		t.Errorf("published %d, want at least the %d that survived and at most the %d written", published, len(survived), t.written-first)
	}
	truncated := s.Counts.Truncated - before.Counts.Truncated
	if truncated == 0 && published != t.written-first {
		t.Errorf("published %d of %d lines, all of which are on disk", published, t.written-first)
	}
	numbering := s.State.Lines.Numbering
	if missing := int64(numbering.Numbered-numbering.Seen) - int64(before.State.Lines.Numbering.Numbered-before.State.Lines.Numbering.Seen); missing != t.written-first-published {
		t.Errorf("by their numbers %d lines are missing, truly %d", missing, t.written-first-published)
	}
	if torn := s.State.Lines.Unparsed - before.State.Lines.Unparsed; torn > truncated {
		t.Errorf("%d lines torn by %d truncations", torn, truncated)
	}
	if lost := s.Counts.Unresolved - before.Counts.Unresolved; lost > 0 {
		t.Errorf("%d rotations unresolved", lost)
	}
	for i := 1; ; i++ {
		if os.Remove(t.rotated(i)) != nil {
			return
		}
	}
}

func (t *torture) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *torture) rotated(n int) string { return t.log + "." + strconv.Itoa(n) }

// shift makes room for a rotated file, as logrotate does.
func (t *torture) shift() {
	n := 1
	for ; ; n++ {
		if _, err := os.Lstat(t.rotated(n)); err != nil {
			break
		}
	}
	for ; n > 1; n-- {
		t.must(os.Rename(t.rotated(n-1), t.rotated(n)))
	}
}

func (t *torture) create() {
	w, err := os.OpenFile(t.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	t.must(err)
	if t.w != nil {
		t.must(t.w.Close())
	}
	t.w = w
}

// write adds lines at 200,000 a second, a few in one write as a busy Traefik
// does.
func (t *torture) write(n int) {
	const batch = 20
	began, from := time.Now(), n
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for n > 0 {
		for float64(from-n) > time.Since(began).Seconds()*200_000 {
			<-pace.C
		}
		t.line = t.line[:0]
		for range min(batch, n) {
			t.written++
			n--
			t.line = fmt.Appendf(t.line, `{"ClientHost":"10.0.0.%d","DownstreamContentSize":%d,"DownstreamStatus":200,"Duration":%d,"OriginDuration":1351782,"OriginStatus":200,"RequestCount":%d,"RequestHost":"erp.example.com","RequestMethod":"POST","RequestPath":"/web/dataset/call_kw/account.move/action_post","ServiceName":"app@file","StartUTC":"2026-11-22T02:10:19.522339064Z"}`+"\n",
				t.written%250, t.written%5000, t.written*1000, t.written)
		}
		_, err := t.w.Write(t.line)
		t.must(err)
	}
}

func (t *torture) rename() {
	t.shift()
	t.must(os.Rename(t.log, t.rotated(1)))
	t.create()
}

// renameThenSignal has the writer go on in the old file until it is told.
func (t *torture) renameThenSignal() {
	t.shift()
	t.must(os.Rename(t.log, t.rotated(1)))
	if t.random.IntN(2) == 0 { // logrotate's create
		t.must(os.WriteFile(t.log, nil, 0o644))
	}
	t.write(t.random.IntN(t.perTurn) + 1)
	if t.random.IntN(3) == 0 {
		t.kill()
		t.start()
		t.write(t.random.IntN(t.perTurn) + 1)
	}
	t.create()
}

func (t *torture) renameTwice() {
	t.rename()
	t.write(t.random.IntN(100) + 1)
	t.rename()
	t.write(t.random.IntN(100) + 1)
	if t.random.IntN(2) == 0 {
		t.rename()
	}
}

func (t *torture) createLate() {
	t.shift()
	t.must(os.Rename(t.log, t.rotated(1)))
	if t.random.IntN(3) == 0 {
		t.kill()
		t.start()
	}
	pause := time.NewTimer(time.Duration(t.random.IntN(300)) * time.Millisecond)
	defer pause.Stop()
	<-pause.C
	t.create()
}

func (t *torture) renameWhileDown() {
	t.kill()
	for range t.random.IntN(3) + 1 {
		t.write(t.random.IntN(t.perTurn) + 1)
		t.rename()
	}
	t.start()
}

// copyTruncate copies and truncates while the writer writes.
func (t *torture) copyTruncate() {
	t.shift()
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			from, err := os.Open(t.log)
			if err != nil {
				return err
			}
			defer from.Close()
			to, err := os.Create(t.rotated(1))
			if err != nil {
				return err
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 16<<10)); err != nil {
				return err
			}
			if err := to.Close(); err != nil {
				return err
			}
			return os.Truncate(t.log, 0)
		}()
	}()
	for {
		t.write(20)
		select {
		case err := <-done:
			t.must(err)
			return
		default:
		}
	}
}

// surviving are the numbers after first of the lines that are whole on disk.
func (t *torture) surviving(first int64) (numbers []int64) {
	files, err := filepath.Glob(t.log + "*")
	t.must(err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		t.must(err)
		for line := range bytes.Lines(b) {
			var l struct{ RequestCount int64 }
			if json.Unmarshal(line, &l) == nil && l.RequestCount > first {
				numbers = append(numbers, l.RequestCount)
			}
		}
	}
	return numbers
}

// start starts the reader.
func (t *torture) start() {
	self, err := os.Executable()
	t.must(err)
	t.child = exec.Command(self)
	t.child.Env = append(os.Environ(), "CLOSEWATCH_TEST_FOLLOW="+t.dir)
	t.child.Stderr = os.Stderr
	t.input, err = t.child.StdinPipe()
	t.must(err)
	t.must(t.child.Start())
}

// kill ends the reader without a word.
func (t *torture) kill() {
	t.must(t.child.Process.Kill())
	_ = t.child.Wait() // says that it was killed
}

// stop ends the reader as the daemon is ended.
func (t *torture) stop() {
	_ = t.input.Close() // closed already when it was killed
	_ = t.child.Wait()
	t.w.Close()
}

// kept is a state file.
type kept struct {
	Counts logtail.Counts
	State  witnessed
}

// saved reads what the reader has on disk: what it may have published.
func (t *torture) saved() (k kept, found bool, err error) {
	b, found, err := durable.ReadChecked(filepath.Join(t.dir, "state"))
	if err != nil || !found {
		return k, false, err
	}
	return k, true, json.Unmarshal(b, &k)
}

func (t *torture) state() kept {
	k, found, err := t.saved()
	t.must(err)
	if !found {
		t.Fatal("the reader kept nothing")
	}
	return k
}

// caughtUp waits until the last line has been read, before which all others
// were, and returns what was counted.
func (t *torture) caughtUp() (k kept) {
	t.Helper()
	waitFor(t.T, func() bool {
		k = t.state()
		n := len(k.State.Numbers)
		return n > 0 && k.State.Numbers[n-1][1] == t.written
	})
	return k
}

// waitFor polls a condition with a deadline.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(60 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("condition not met within 60 s")
		}
	}
}
