package durable_test

import (
	"errors"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
)

func TestRecordsAreNumberedOverRestarts(t *testing.T) {
	dir := filepath.Join(durabletest.Dir(t), "made", "log")
	for restart := range uint64(4) {
		l, damage := openLog(t, durable.LogOptions{Dir: dir, Segment: 300})
		if len(damage) > 0 || l.Next() != restart*5+1 {
			t.Fatalf("opened with next %d and damage %v", l.Next(), damage)
		}
		fill(t, l, 5)
		got, damage := numbers(t, l, 1)
		if diff := cmp.Diff(upTo(1, restart*5+5), got); diff != "" || len(damage) > 0 {
			t.Fatalf("damage %v, records (-want +got):\n%s", damage, diff)
		}
		must(t, l.Close())
		if _, err := l.Append(nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("append to a closed log: %v", err)
		}
	}
	l, _ := openLog(t, durable.LogOptions{Dir: dir})
	for _, from := range []uint64{0, 1, 6, 13, 20, 21, math.MaxUint64} {
		if got, _ := numbers(t, l, from); !slices.Equal(got, upTo(max(from, 1), 20)) && from <= 20 || from > 20 && len(got) > 0 {
			t.Errorf("from %d: %v", from, got)
		}
	}
	for range l.Records(1) { //nolint:errcheck // not asked
		break // a reader may stop
	}
}

func TestRecordsOfEverySize(t *testing.T) {
	dir := durabletest.Dir(t)
	l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 100})
	sizes := []int{0, 1, 99, 100, 101, 5000, durable.MaxRecord}
	for _, n := range sizes {
		if _, err := l.Append(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Append(make([]byte, durable.MaxRecord+1)); !errors.Is(err, durable.ErrTooLarge) {
		t.Errorf("one more byte: %v", err)
	}
	again, damage := openLog(t, durable.LogOptions{Dir: dir})
	var got []int
	for r, err := range again.Records(1) {
		must(t, err)
		got = append(got, len(r.Payload))
	}
	if diff := cmp.Diff(sizes, got); diff != "" || len(damage) > 0 {
		t.Errorf("damage %v, sizes (-want +got):\n%s", damage, diff)
	}
}

// Whatever is appended, and whenever the log is opened anew, what is read is
// what was appended.
func TestALogIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(durabletest.Root(), "closewatch-log-*") //nolint:usetesting // one for each case
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // in memory, or of the system to remove
		o := durable.LogOptions{Dir: dir, Segment: rapid.Int64Range(1, 500).Draw(t, "segment"), Disk: durabletest.FullAfter(-1).Disk()}
		var want [][]byte
		var l *durable.Log
		open := func(*rapid.T) {
			var damage []durable.DamageError
			if l, damage, err = durable.OpenLog(o); err != nil || len(damage) > 0 {
				t.Fatal(err, damage)
			}
		}
		open(t)
		t.Repeat(map[string]func(*rapid.T){
			"open": open,
			"append": func(t *rapid.T) {
				b := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
				if seq, err := l.Append(b); err != nil || seq != uint64(len(want)+1) {
					t.Fatal(seq, err)
				}
				want = append(want, b)
			},
			"": func(t *rapid.T) {
				from := rapid.IntRange(1, len(want)+1).Draw(t, "from")
				var got [][]byte
				for r, err := range l.Records(uint64(from)) {
					if err != nil || r.Seq != uint64(from+len(got)) {
						t.Fatal(r.Seq, err)
					}
					got = append(got, r.Payload)
				}
				if !slices.EqualFunc(want[from-1:], got, slices.Equal) {
					t.Fatalf("from %d: %q, want %q", from, got, want[from-1:])
				}
			},
		})
	})
}

func TestReadingBesideAWriter(t *testing.T) {
	for name, bytes := range map[string]int64{"that keeps all": 0, "that removes what is old": 3000} {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 500, Bytes: bytes})
			fill(t, l, 1)
			var acknowledged atomic.Uint64
			ordered := func(records func(func(durable.Record, error) bool)) {
				before, last := acknowledged.Load(), uint64(0)
				for r, err := range records {
					if err != nil || r.Seq <= last || bytes == 0 && r.Seq != last+1 || r.Seq != numberOf(t, r.Payload) {
						t.Errorf("after %d: %d, %v", last, r.Seq, err)
						return
					}
					last = r.Seq
				}
				if bytes == 0 && last < before {
					t.Errorf("read up to %d when %d was on disk", last, before)
				}
			}
			done := make(chan struct{})
			var readers sync.WaitGroup
			for _, records := range []iter.Seq2[durable.Record, error]{l.Records(1), durable.ReadLog(dir, 1)} {
				readers.Go(func() {
					for {
						ordered(records)
						select {
						case <-done:
							return
						default:
						}
					}
				})
			}
			for range 300 {
				fill(t, l, 1)
				acknowledged.Store(l.Next() - 1)
				if _, err := l.Retain(noon); err != nil {
					t.Error(err)
				}
			}
			close(done)
			readers.Wait()
		})
	}
}

// What is acknowledged survives the loss of power, not only of the process.
func TestAcknowledgedIsSynced(t *testing.T) {
	disk := durabletest.FullAfter(-1)
	l, _ := openLog(t, durable.LogOptions{Dir: durabletest.Dir(t), Segment: 300, Disk: disk.Disk()})
	for range 20 {
		fill(t, l, 1)
		if n := disk.Owed(); n > 0 {
			t.Fatalf("record %d is acknowledged, but %d bytes are not synced", l.Next()-1, n)
		}
	}
}

func TestReadLogOfNothing(t *testing.T) {
	for _, err := range durable.ReadLog(filepath.Join(durabletest.Dir(t), "nowhere"), 1) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("err = %v", err)
		}
	}
}

func TestRetain(t *testing.T) {
	day := 24 * time.Hour
	tests := map[string]struct {
		o         durable.LogOptions
		wait      time.Duration // after the last of ten records, one a day and segment
		calls     int
		wantFirst uint64
	}{
		"nothing is said":              {durable.LogOptions{}, 1000 * day, 20, 1},
		"all is young":                 {durable.LogOptions{Age: 30 * day}, 0, 20, 1},
		"one a call":                   {durable.LogOptions{Age: 5 * day}, 0, 1, 2},
		"until only the young stay":    {durable.LogOptions{Age: 5 * day}, 0, 20, 5},
		"the newest stays":             {durable.LogOptions{Age: 5 * day}, 1000 * day, 20, 10},
		"a clock that went back":       {durable.LogOptions{Age: 5 * day}, -1000 * day, 20, 1},
		"too many bytes go at once":    {durable.LogOptions{Bytes: 200}, 0, 1, 8},
		"the newest is never too much": {durable.LogOptions{Bytes: 1}, 0, 1, 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := noon
			tt.o.Dir, tt.o.Segment, tt.o.Now = durabletest.Dir(t), 1, func() time.Time { return now }
			l, _ := openLog(t, tt.o)
			for range 10 {
				if _, err := l.Append(make([]byte, 16)); err != nil {
					t.Fatal(err)
				}
				now = now.Add(day)
			}
			oldest := files(t, tt.o.Dir, "*.seg")[0]
			write(t, oldest+".damaged", []byte("set aside"))
			for range tt.calls {
				if _, err := l.Retain(now.Add(tt.wait)); err != nil {
					t.Fatal(err)
				}
			}
			var first uint64
			for r, err := range l.Records(1) {
				must(t, err)
				first = r.Seq
				break
			}
			if first != tt.wantFirst {
				t.Errorf("the first record is %d, want %d", first, tt.wantFirst)
			}
			if left := len(files(t, tt.o.Dir, "*.damaged")); (left == 0) != (first > 1) {
				t.Errorf("%d files are kept that were set aside of what is gone", left)
			}
			again, damage := openLog(t, tt.o)
			if again.Next() != 11 || len(damage) > 0 {
				t.Errorf("opened again: next %d, %v", again.Next(), damage)
			}
		})
	}
}

func TestSeek(t *testing.T) {
	dir := durabletest.Dir(t)
	l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 400})
	never := func([]byte) bool { return false }
	if n, err := l.Seek(never); n != 1 || err != nil {
		t.Errorf("in an empty log: %d, %v", n, err)
	}
	fill(t, l, 60)
	segments := files(t, dir, "*.seg")
	if len(segments) < 10 {
		t.Fatalf("only %d segments", len(segments))
	}
	spoil := segments[4]
	write(t, spoil, make([]byte, len(read(t, spoil)))) // a hole changes nothing for the rest
	for want := range uint64(62) {
		n, err := l.Seek(func(b []byte) bool { return numberOf(t, b) >= want })
		if err != nil || n > max(want, 1) {
			t.Errorf("Seek to %d = %d, %v: begins too late", want, n, err)
		}
		if met, _ := numbers(t, l, n); want <= 60 && want > 0 && slices.Index(met, want) > 12 {
			t.Errorf("Seek to %d = %d: meets %d others before", want, n, slices.Index(met, want))
		}
	}
}
