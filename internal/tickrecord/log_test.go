package tickrecord_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/tickrecord"
)

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	dir := os.Getenv("CLOSEWATCH_TEST_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, appendForever(dir))
	os.Exit(1)
}

// appendForever prints the number of each tick that is on disk. It goes on
// where the record ends.
func appendForever(dir string) error {
	l, _, err := tickrecord.Open(options(dir))
	if err != nil {
		return err
	}
	last, found, err := l.Last()
	if err != nil {
		return err
	}
	n := 0
	if found {
		n = numberOf(last.At)
	}
	for n++; ; n++ {
		if err := l.Append(record(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func child(t *testing.T, dir string) durabletest.Child {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CLOSEWATCH_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return durabletest.Child{Out: out, Kill: cmd.Process.Kill, Wait: cmd.Wait}
}

const grid = 30 * time.Second

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// tick is the n-th tick of the tests.
func tick(n int) time.Time { return noon.Add(time.Duration(n) * grid) }

func numberOf(at time.Time) int { return int(at.Sub(noon) / grid) }

func record(n int) tickrecord.Record {
	return tickrecord.Record{
		At: tick(n), Config: "c0ffee", Calendar: strings.Repeat("ca1", 20), Version: "1.2.3", Evidence: strconv.Itoa(n),
		Payload: fmt.Appendf(nil, `{"tick":%d,"states":"%s"}`, n, strings.Repeat("ok ", n%50)),
	}
}

func options(dir string) tickrecord.Options {
	return tickrecord.Options{Dir: dir, Grid: grid, Now: func() time.Time { return noon }}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openLog(t *testing.T, o tickrecord.Options) (*tickrecord.Log, []durable.DamageError) {
	t.Helper()
	l, damage, err := tickrecord.Open(o)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l, damage
}

func fill(t *testing.T, l *tickrecord.Log, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		must(t, l.Append(record(n)))
	}
}

func upTo(from, to int) (out []int) {
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

// ticks reads numbers of ticks and tests that each is as it was recorded.
func ticks(t *testing.T, l *tickrecord.Log, from, to int) (got []int, damage int) {
	t.Helper()
	for r, err := range l.Read(tick(from), tick(to)) {
		if errors.Is(err, durable.ErrDamaged) {
			damage++
			continue
		}
		must(t, err)
		n := numberOf(r.At)
		if diff := cmp.Diff(record(n), r); diff != "" {
			t.Fatalf("tick %d (-want +got):\n%s", n, diff)
		}
		got = append(got, n)
	}
	return got, damage
}

func TestWhatIsRecordedIsRead(t *testing.T) {
	o := options(filepath.Join(durabletest.Dir(t), "ticks"))
	l, damage := openLog(t, o)
	if _, found, err := l.Last(); found || err != nil || len(damage) > 0 {
		t.Errorf("a new record: Last %v, %v; damage %v", found, err, damage)
	}
	fill(t, l, upTo(0, 9)...)
	must(t, l.Close())
	l, _ = openLog(t, o)
	fill(t, l, upTo(10, 19)...)
	tests := map[string]struct{ from, to int }{
		"all": {-100, 100}, "from the first to the last but one": {0, 19}, "the middle": {5, 12}, "one": {7, 8}, "none": {7, 7},
		"none, as it ends before it begins": {9, 3}, "before": {-10, 0}, "after": {20, 30},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := ticks(t, l, tt.from, tt.to)
			if diff := cmp.Diff(upTo(max(tt.from, 0), min(tt.to, 20)-1), got); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
	if last, found, err := l.Last(); !found || err != nil || !cmp.Equal(last, record(19)) {
		t.Errorf("Last = %v, %v, %v", last, found, err)
	}
	n := 0
	for r, err := range tickrecord.Read(o.Dir, tick(3), tick(5)) {
		must(t, err)
		if n++; !cmp.Equal(r, record(2+n)) {
			t.Errorf("Read beside the daemon: %v", r)
		}
	}
	if n != 2 {
		t.Errorf("Read beside the daemon gave %d records", n)
	}
}

// Whatever a record holds, it is read as it was.
func TestRecordsOfEveryContent(t *testing.T) {
	dir := durabletest.Dir(t)
	l, _ := openLog(t, tickrecord.Options{Dir: dir, Grid: 1, Disk: durabletest.FullAfter(-1).Disk()})
	at := noon
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 100, 1000)
		at = at.Add(time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "step")))
		want := tickrecord.Record{
			At: at, Config: text.Draw(t, "config"), Calendar: text.Draw(t, "calendar"), Version: text.Draw(t, "version"), Evidence: text.Draw(t, "evidence"),
			Payload: rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "payload"),
		}
		if err := l.Append(want); err != nil {
			t.Fatal(err)
		}
		got, found, err := l.Last()
		if err != nil || !found || !cmp.Equal(want, got) {
			t.Fatalf("%v, %v: %s", found, err, cmp.Diff(want, got))
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*tickrecord.Record)
		want   error
	}{
		"the same tick":       {func(r *tickrecord.Record) { r.At = tick(5) }, nil},
		"an earlier tick":     {func(r *tickrecord.Record) { r.At = tick(-5000) }, nil},
		"off the grid":        {func(r *tickrecord.Record) { r.At = r.At.Add(time.Nanosecond) }, tickrecord.ErrOffGrid},
		"no time":             {func(r *tickrecord.Record) { r.At = time.Time{} }, tickrecord.ErrOffGrid},
		"in a far future":     {func(r *tickrecord.Record) { r.At = r.At.AddDate(500, 0, 0) }, tickrecord.ErrOffGrid},
		"too large a payload": {func(r *tickrecord.Record) { r.Payload = make([]byte, tickrecord.MaxPayload+1) }, durable.ErrTooLarge},
		"too long a hash":     {func(r *tickrecord.Record) { r.Config = strings.Repeat("x", 1025) }, durable.ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, _ := openLog(t, options(durabletest.Dir(t)))
			fill(t, l, 5)
			r := record(6)
			tt.change(&r)
			err := l.Append(r)
			back, isBack := errors.AsType[*tickrecord.ClockBackError](err)
			if err == nil || !errors.Is(err, tt.want) && tt.want != nil || isBack != (tt.want == nil) {
				t.Fatalf("Append = %v", err)
			}
			if isBack && (!back.Last.Equal(tick(5)) || !back.At.Equal(r.At) || !strings.Contains(err.Error(), "set back")) {
				t.Errorf("ClockBackError = %+v", back)
			}
			fill(t, l, 6) // nothing was changed
			if got, _ := ticks(t, l, 0, 100); !slices.Equal(got, []int{5, 6}) {
				t.Errorf("recorded: %v", got)
			}
		})
	}
	if _, _, err := tickrecord.Open(tickrecord.Options{Dir: durabletest.Dir(t)}); err == nil {
		t.Error("opened without a grid")
	}
}

func TestTheLargestPayload(t *testing.T) {
	l, _ := openLog(t, options(durabletest.Dir(t)))
	r := record(1)
	r.Payload = make([]byte, tickrecord.MaxPayload)
	must(t, l.Append(r))
	if got, _, err := l.Last(); err != nil || !slices.Equal(got.Payload, r.Payload) {
		t.Errorf("the largest payload: %v", err)
	}
}

func TestGaps(t *testing.T) {
	type gap struct {
		from, to int
		reason   tickrecord.Reason
	}
	// A step is a tick that is recorded, or one of these.
	const (
		restart = -1000 - iota
		refused
		damage
	)
	tests := map[string]struct {
		steps    []int
		from, to int
		want     []gap
	}{
		"nothing is recorded":      {nil, 0, 5, []gap{{0, 5, tickrecord.Before}}},
		"nothing is missing":       {upTo(0, 9), 0, 10, nil},
		"nothing is asked":         {upTo(0, 9), 3, 3, nil},
		"before":                   {upTo(5, 9), 0, 10, []gap{{0, 5, tickrecord.Before}}},
		"all before":               {upTo(5, 9), 0, 4, []gap{{0, 4, tickrecord.Before}}},
		"after":                    {upTo(0, 5), 0, 10, []gap{{6, 10, tickrecord.After}}},
		"all after":                {upTo(0, 5), 8, 10, []gap{{8, 10, tickrecord.After}}},
		"late":                     {[]int{0, 1, 4, 5}, 0, 6, []gap{{2, 4, tickrecord.Missed}}},
		"stopped":                  {[]int{0, 1, restart, 4, 5}, 0, 6, []gap{{2, 4, tickrecord.Stopped}}},
		"a quick restart":          {[]int{0, 1, restart, 2, 3}, 0, 4, nil},
		"the clock was set back":   {[]int{0, 1, refused, 4, 5}, 0, 6, []gap{{2, 4, tickrecord.Stepped}}},
		"set back over a stop":     {[]int{0, 1, restart, refused, 4}, 0, 5, []gap{{2, 4, tickrecord.Stepped}}},
		"damaged":                  {[]int{0, 1, 2, 3, damage, 4, 5}, 0, 6, []gap{{2, 3, tickrecord.Damaged}}},
		"damaged where it stopped": {[]int{0, restart, 4, 5, 6, damage, 7}, 0, 8, []gap{{1, 4, tickrecord.Stopped}, {5, 6, tickrecord.Damaged}}},
		"several":                  {[]int{1, 3, restart, 6, 9}, 0, 12, []gap{{0, 1, tickrecord.Before}, {2, 3, tickrecord.Missed}, {4, 6, tickrecord.Stopped}, {7, 9, tickrecord.Missed}, {10, 12, tickrecord.After}}},
		"only a part of one":       {[]int{0, restart, 20}, 5, 10, []gap{{5, 10, tickrecord.Stopped}}},
		"begins within one":        {[]int{0, restart, 8, 9}, 5, 10, []gap{{5, 8, tickrecord.Stopped}}},
		"ends within one":          {[]int{0, 1, restart, 8}, 0, 5, []gap{{2, 5, tickrecord.Stopped}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(durabletest.Dir(t))
			l, _ := openLog(t, o)
			for _, s := range tt.steps {
				switch s {
				case restart:
					must(t, l.Close())
					l, _ = openLog(t, o)
				case refused:
					if err := l.Append(record(0)); err == nil {
						t.Fatal("not refused")
					}
				case damage: // of the last record but one
					must(t, l.Close())
					spoil(t, o.Dir)
					l, _ = openLog(t, o)
				default:
					fill(t, l, s)
				}
			}
			got, err := l.Gaps(tick(tt.from), tick(tt.to), grid)
			must(t, err)
			var want []tickrecord.Gap
			for _, g := range tt.want {
				want = append(want, tickrecord.Gap{From: tick(g.from), To: tick(g.to), Reason: g.reason})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Gaps (-want +got):\n%s", diff)
			}
		})
	}
	l, _ := openLog(t, options(durabletest.Dir(t)))
	if _, err := l.Gaps(noon, noon, 0); err == nil {
		t.Error("found gaps without a grid")
	}
}

// spoil damages the last record but one of the newest file.
func spoil(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	must(t, err)
	path := paths[len(paths)-1]
	b, err := os.ReadFile(path)
	must(t, err)
	const header, frame = 32, 16
	var starts []int
	for off := header; off < len(b); off += frame + int(binary.LittleEndian.Uint32(b[off:])) {
		starts = append(starts, off)
	}
	b[starts[len(starts)-2]+frame] ^= 1
	must(t, os.WriteFile(path, b, 0o600))
}

// A grid that was changed: what is on the one asked for counts.
func TestGapsOfAnotherGrid(t *testing.T) {
	o := options(durabletest.Dir(t))
	o.Grid = 10 * time.Second
	l, _ := openLog(t, o)
	for _, seconds := range []int{0, 10, 20, 30, 40, 50, 70, 80, 100, 110, 120} {
		must(t, l.Append(tickrecord.Record{At: noon.Add(time.Duration(seconds) * time.Second)}))
	}
	got, err := l.Gaps(noon.Add(time.Second), noon.Add(121*time.Second), grid)
	must(t, err)
	want := []tickrecord.Gap{
		{From: noon.Add(60 * time.Second), To: noon.Add(120 * time.Second), Reason: tickrecord.Missed},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Gaps (-want +got):\n%s", diff)
	}
}

// Many records in many files are found from any instant.
func TestReadFindsItsPlace(t *testing.T) {
	o := options(durabletest.Dir(t))
	o.Segment, o.Disk = 20_000, durabletest.FullAfter(-1).Disk()
	l, _ := openLog(t, o)
	noise := make([]byte, 2000)
	random := rand.New(rand.NewPCG(1, 2)) // does not compress
	for n := range 100 {
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		must(t, l.Append(tickrecord.Record{At: tick(n), Payload: noise}))
	}
	if paths, _ := filepath.Glob(filepath.Join(o.Dir, "*.seg")); len(paths) < 10 {
		t.Fatalf("only %d files", len(paths))
	}
	for from := 0; from < 100; from += 9 {
		want := from
		for r, err := range l.Read(tick(from), tick(from+5)) {
			must(t, err)
			if numberOf(r.At) != want {
				t.Fatalf("from %d: tick %d, want %d", from, numberOf(r.At), want)
			}
			want++
		}
		if want != min(from+5, 100) {
			t.Errorf("from %d: ended before %d", from, want)
		}
	}
}

func TestReadingBesideAWriter(t *testing.T) {
	o := options(durabletest.Dir(t))
	o.Disk = durabletest.FullAfter(-1).Disk()
	l, _ := openLog(t, o)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for last := -1; last < 199; {
				last = -1
				for r, err := range l.Read(tick(0), tick(1000)) {
					if err != nil || numberOf(r.At) != last+1 {
						t.Errorf("after %d: %v, %v", last, r.At, err)
						return
					}
					last++
				}
			}
		})
	}
	fill(t, l, upTo(0, 199)...)
	readers.Wait()
}

func TestRetain(t *testing.T) {
	o := options(durabletest.Dir(t))
	o.Bytes, o.Age, o.Disk = 1, 0, durabletest.FullAfter(-1).Disk()
	for n := range 4 {
		l, _ := openLog(t, o)
		fill(t, l, n)
	}
	l, _ := openLog(t, o)
	if n, err := l.Retain(noon); n != 3 || err != nil {
		t.Errorf("Retain = %d, %v", n, err)
	}
	if got, _ := ticks(t, l, 0, 10); !slices.Equal(got, []int{3}) {
		t.Errorf("kept: %v", got)
	}
	gaps, err := l.Gaps(tick(0), tick(4), grid)
	if want := []tickrecord.Gap{{From: tick(0), To: tick(3), Reason: tickrecord.Before}}; err != nil || !cmp.Equal(want, gaps) {
		t.Errorf("Gaps = %v, %v", gaps, err)
	}
}

// TestKilled kills a process while it records: every tick it said is recorded
// is there, in order and once, and stops are gaps.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	last := 0
	for round := range durabletest.Some(5, 80) {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			acknowledged := durabletest.KillAfter(t, child(t, dir), 1+round*5%30)
			l, damage := openLog(t, options(dir))
			end := int(acknowledged[len(acknowledged)-1]) //nolint:gosec // small
			if int(acknowledged[0]) <= last {             //nolint:gosec // small
				t.Fatalf("after %d it recorded %d", last, acknowledged[0])
			}
			got, met := ticks(t, l, 0, 1<<20)
			if extra := len(got) - end; extra < 0 || extra > 1 || !slices.Equal(got, upTo(1, end+extra)) || met > 0 {
				t.Fatalf("acknowledged up to %d, read up to %d; damage %v", end, len(got), damage)
			}
			last = len(got)
		})
	}
}

// TestFullDisk lets the disk fill up at every byte: a tick that was refused may
// be recorded again.
func TestFullDisk(t *testing.T) {
	for room := int64(0); room < 1000; room += int64(durabletest.Stride(25, 1000)) {
		t.Run(fmt.Sprintf("after %d bytes", room), func(t *testing.T) {
			disk := durabletest.FullAfter(room)
			o := options(durabletest.Dir(t))
			o.Disk = disk.Disk()
			l, _ := openLog(t, o)
			for n := range 10 {
				err := l.Append(record(n))
				if err == nil {
					continue
				}
				if !errors.Is(err, syscall.ENOSPC) || fault.HintOf(err) == "" {
					t.Fatal(err)
				}
				disk.Free()
				fill(t, l, n)
			}
			again, damage := openLog(t, options(o.Dir))
			if got, _ := ticks(t, again, 0, 100); !slices.Equal(got, upTo(0, 9)) || len(damage) > 0 {
				t.Errorf("recorded: %v, %v", got, damage)
			}
		})
	}
}

// TestDamage flips a bit of every byte and cuts the file at every byte: what is
// left is read as it was, and what is lost is a gap.
func TestDamage(t *testing.T) {
	source := durabletest.Dir(t)
	l, _ := openLog(t, options(source))
	fill(t, l, upTo(0, 4)...)
	paths, err := filepath.Glob(filepath.Join(source, "*.seg"))
	must(t, err)
	whole, err := os.ReadFile(paths[0])
	must(t, err)
	damaged := map[string][]byte{}
	for at := 0; at < len(whole); at += durabletest.Stride(25, len(whole)) {
		flipped := slices.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		damaged[fmt.Sprintf("byte %d flipped", at)] = flipped
		damaged[fmt.Sprintf("cut at %d", at)] = whole[:at]
	}
	for situation, content := range damaged {
		t.Run(situation, func(t *testing.T) {
			o := options(durabletest.Dir(t))
			must(t, os.WriteFile(filepath.Join(o.Dir, filepath.Base(paths[0])), content, 0o600))
			l, damage := openLog(t, o)
			left, _ := ticks(t, l, 0, 100)
			if len(left) < 5 && len(damage) == 0 && !strings.HasPrefix(situation, "cut") {
				t.Errorf("left %v and named nothing", left)
			}
			if strings.Contains(situation, "flipped") && (len(left) < 4 || len(damage) != 1) {
				t.Errorf("left %v, damage %v", left, damage)
			}
			fill(t, l, 7)
			gaps, err := l.Gaps(tick(0), tick(8), grid)
			must(t, err)
			missing := map[int]bool{}
			for _, g := range gaps {
				for n := numberOf(g.From); n < numberOf(g.To); n++ {
					missing[n] = true
				}
			}
			for n := range 8 {
				if missing[n] != (n != 7 && !slices.Contains(left, n)) {
					t.Errorf("left %v, gaps %v", left, gaps)
				}
			}
		})
	}
}

func TestAnotherFormat(t *testing.T) {
	for name, payload := range map[string][]byte{
		"of a later version": {2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "with flags of a later version": {1, 4, 0, 0, 0, 0, 0, 0, 0, 0}, "too short": {1, 0, 0}, "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			log, _, err := durable.OpenLog(durable.LogOptions{Dir: dir})
			must(t, err)
			_, err = log.Append(payload)
			must(t, errors.Join(err, log.Close()))
			if _, _, err := tickrecord.Open(options(dir)); fault.KindOf(err) != fault.Schema || fault.HintOf(err) == "" {
				t.Errorf("Open = %v", err)
			}
			for _, err := range tickrecord.Read(dir, tick(0), tick(9)) {
				if err == nil {
					t.Error("read what it does not know")
				}
			}
		})
	}
}

// A record whose envelope is right and whose body is not is an error, never a
// panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, body []byte) {
		dir := durabletest.Dir(t)
		log, _, err := durable.OpenLog(durable.LogOptions{Dir: dir})
		must(t, err)
		_, err = log.Append(append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, body...))
		must(t, errors.Join(err, log.Close()))
		for r, err := range tickrecord.Read(dir, time.Unix(0, 0), time.Unix(1, 0)) {
			if err != nil && r.Payload != nil {
				t.Error("an error and a record")
			}
		}
	})
}
