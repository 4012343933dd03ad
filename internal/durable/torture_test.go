package durable_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
)

// Bytes before the payloads, as FORMAT.md has them.
const (
	headerSize = 32
	frameSize  = 16
)

// TestLogKilled kills a process while it appends, again and again in the same
// directory: all it said is on disk is there, in order and once.
func TestLogKilled(t *testing.T) {
	dir := t.TempDir()
	last := uint64(0)
	for round := range durabletest.Some(8, 150) {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			acknowledged := durabletest.KillAfter(t, child(t, "log", dir), 1+round*7%40)
			if diff := cmp.Diff(upTo(acknowledged[0], acknowledged[0]+uint64(len(acknowledged))-1), acknowledged); diff != "" || acknowledged[0] <= last {
				t.Fatalf("after %d it acknowledged %v", last, acknowledged)
			}
			l, damage := openLog(t, durable.LogOptions{Dir: dir})
			got, more := numbers(t, l, 1)
			last = acknowledged[len(acknowledged)-1]
			if extra := l.Next() - 1 - last; extra > 1 || !slices.Equal(got, upTo(1, last+extra)) || len(more) > 0 {
				t.Fatalf("acknowledged up to %d; read %v, %v", last, got, more)
			}
			for _, d := range damage {
				if _, known := d.Lost(); known {
					t.Errorf("a kill damaged what was written: %v", &d)
				}
			}
			last = l.Next() - 1
		})
	}
}

func TestCheckedFileKilled(t *testing.T) {
	dir := t.TempDir()
	for round := range durabletest.Some(4, 60) {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			acknowledged := durabletest.KillAfter(t, child(t, "checked", dir), 1+round%20)
			content, found, err := durable.ReadChecked(filepath.Join(dir, "file"))
			must(t, err)
			last := acknowledged[len(acknowledged)-1]
			if n := numberOf(t, content); !found || n < last || n > last+1 {
				t.Errorf("acknowledged %d; the file has %d", last, n)
			}
			if _, err := durable.Sweep(dir); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestLogTorn ends a log at every byte of its last records.
func TestLogTorn(t *testing.T) {
	source := durabletest.Dir(t)
	l, _ := openLog(t, durable.LogOptions{Dir: source})
	fill(t, l, 4)
	whole := read(t, files(t, source, "*.seg")[0])
	ends := map[int]uint64{headerSize: 0} // where the file may end without anything being torn
	for n, off := uint64(1), headerSize; n <= 4; n++ {
		off += frameSize + len(payload(n))
		ends[off] = n
	}
	for cut := 0; cut <= len(whole); cut += durabletest.Stride(40, len(whole)) {
		for fillName, tail := range map[string]int{"cut": 0, "cut and padded with zeros": 100} {
			t.Run(fmt.Sprintf("%s at %d", fillName, cut), func(t *testing.T) {
				dir := durabletest.Dir(t)
				segment := filepath.Join(dir, filepath.Base(files(t, source, "*.seg")[0]))
				torn := append(slices.Clone(whole[:cut]), make([]byte, tail)...)
				write(t, segment, torn)
				var want uint64
				for end, n := range ends {
					if end <= cut {
						want = max(want, n)
					}
				}
				l, damage := openLog(t, durable.LogOptions{Dir: dir})
				if l.Next() != want+1 {
					t.Fatalf("next is %d, want %d", l.Next(), want+1)
				}
				_, clean := ends[cut]
				if clean = clean && tail == 0; clean != (len(damage) == 0) {
					t.Fatalf("damage is %v", damage)
				}
				if !clean && cut >= headerSize && int64(len(read(t, segment))) != damage[0].Offset {
					t.Errorf("%d bytes are left, cut at %d", len(read(t, segment)), damage[0].Offset)
				}
				if !clean && cut+tail > 0 {
					checkKept(t, torn, &damage[0])
				}
				fill(t, l, 2)
				sound(t, dir, upTo(1, want+2))
			})
		}
	}
}

// checkKept tests that what was damaged is named and is still somewhere.
func checkKept(t *testing.T, was []byte, d *durable.DamageError) {
	t.Helper()
	if !errors.Is(d, durable.ErrDamaged) || !durable.IsAside(d.Kept) {
		t.Errorf("%v is kept as %q", d, d.Kept)
	}
	kept := read(t, d.Kept)
	if !slices.Equal(kept, was) && !slices.Equal(kept, was[d.Offset:]) {
		t.Errorf("what is kept is not what was there: %q", kept)
	}
}

// sound tests that a log holds what it should and nothing more is wrong with
// it, also when it is opened again.
func sound(t *testing.T, dir string, want []uint64) {
	t.Helper()
	for range 2 {
		l, damage := openLog(t, durable.LogOptions{Dir: dir})
		more, err := l.Scrub(t.Context())
		must(t, err)
		got, met := numbers(t, l, 1)
		if diff := cmp.Diff(want, got); diff != "" || len(damage)+len(more)+len(met) > 0 {
			t.Fatalf("damage %v %v %v, records (-want +got):\n%s", damage, more, met, diff)
		}
		must(t, l.Close())
	}
}

// TestLogBitFlip flips bits of every byte of a log: each is found and named,
// nothing else is lost, and the log goes on.
func TestLogBitFlip(t *testing.T) {
	source := durabletest.Dir(t)
	l, _ := openLog(t, durable.LogOptions{Dir: source, Segment: 250})
	fill(t, l, 7)
	var segments []string
	for _, path := range files(t, source, "*.seg") {
		segments = append(segments, filepath.Base(path))
	}
	if len(segments) < 3 {
		t.Fatalf("only %d segments", len(segments))
	}
	for i, name := range segments {
		b := read(t, filepath.Join(source, name))
		for at := i; at < len(b); at += durabletest.Stride(16, len(b)) {
			for _, bit := range []int{at % 8, (at + 5) % 8, (at + 2) % 8}[:durabletest.Some(1, 3)] {
				t.Run(fmt.Sprintf("segment %d, byte %d, bit %d", i+1, at, bit), func(t *testing.T) {
					dir := durabletest.Dir(t)
					must(t, os.CopyFS(dir, os.DirFS(source)))
					flipped := slices.Clone(b)
					flipped[at] ^= 1 << bit
					path := filepath.Join(dir, name)
					write(t, path, flipped)

					beforehand := readOnly(t, dir)
					l, damage := openLog(t, durable.LogOptions{Dir: dir})
					more, err := l.Scrub(t.Context())
					must(t, err)
					damage = append(damage, more...)
					if len(damage) != 1 || damage[0].File != path || damage[0].Offset > int64(at) || damage[0].Offset+max(damage[0].Bytes, 1) <= int64(at) {
						t.Fatalf("damage is %v", damage)
					}
					checkKept(t, flipped, &damage[0])
					got, _ := numbers(t, l, 1)
					lost := 7 - len(got)
					if n, known := damage[0].Lost(); known && n != uint64(lost) || lost > 1 || !slices.Equal(got, beforehand) { //nolint:gosec // few
						t.Errorf("read %v, before it was mended %v; %v", got, beforehand, &damage[0])
					}
					next := l.Next()
					fill(t, l, 1)
					sound(t, dir, append(got, next))
				})
			}
		}
	}
}

// readOnly reads a log without touching it.
func readOnly(t *testing.T, dir string) (got []uint64) {
	t.Helper()
	for r, err := range durable.ReadLog(dir, 1) {
		if errors.Is(err, durable.ErrDamaged) {
			continue
		}
		must(t, err)
		got = append(got, numberOf(t, r.Payload))
	}
	return got
}

func TestLogDamagedOtherwise(t *testing.T) {
	frame := func(n uint64) int { return frameSize + len(payload(n)) }
	tests := map[string]struct {
		damage func(t *testing.T, segments []string)
		want   []uint64 // of ten, two in each segment
		lost   string
	}{
		"a segment is gone": {
			func(t *testing.T, s []string) { must(t, os.Remove(s[2])) },
			[]uint64{1, 2, 3, 4, 7, 8, 9, 10},
			"something is missing: records 5 to 6 are lost",
		},
		"a segment ends early": {
			func(t *testing.T, s []string) { must(t, os.Truncate(s[1], int64(headerSize+frame(3)))) },
			[]uint64{1, 2, 3, 5, 6, 7, 8, 9, 10},
			"record 4 is lost",
		},
		"a segment is empty": {
			func(t *testing.T, s []string) { must(t, os.Truncate(s[1], 0)) },
			[]uint64{1, 2, 5, 6, 7, 8, 9, 10},
			"records 3 to 4 are lost",
		},
		"the newest segment is empty": {
			func(t *testing.T, s []string) { must(t, os.Truncate(s[4], 0)) },
			upTo(1, 8), "what follows record 8 was cut short",
		},
		"a record is cut out": {
			func(t *testing.T, s []string) {
				b := read(t, s[1])
				write(t, s[1], slices.Delete(b, headerSize, headerSize+frame(3)))
			},
			[]uint64{1, 2, 4, 5, 6, 7, 8, 9, 10},
			"something is missing: record 3 is lost",
		},
		"bytes are put in": {
			func(t *testing.T, s []string) {
				b := read(t, s[1])
				write(t, s[1], slices.Insert(b, headerSize+frame(3), []byte("whatever there is no frame in this")...))
			},
			upTo(1, 10), "no record is lost",
		},
		"an older record is put in again": {
			func(t *testing.T, s []string) {
				first := read(t, s[0])
				b := read(t, s[1])
				write(t, s[1], slices.Insert(b, headerSize+frame(3), first[headerSize:]...))
			},
			upTo(1, 10), "no record is lost",
		},
		"the newest segment is noise": {
			func(t *testing.T, s []string) { write(t, s[4], []byte(fmt.Sprintf("%0300d", 7))) },
			upTo(1, 8), "what follows record 8 was cut short",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			for i := uint64(1); i < 10; i += 2 {
				l, _ := openLog(t, durable.LogOptions{Dir: dir})
				fill(t, l, 2)
			}
			tt.damage(t, files(t, dir, "*.seg"))
			l, damage := openLog(t, durable.LogOptions{Dir: dir})
			more, err := l.Scrub(t.Context())
			must(t, err)
			var said string
			for _, d := range append(damage, more...) {
				said += d.Error() + "\n"
			}
			if !contains(said, tt.lost) {
				t.Errorf("it says %q, want %q", said, tt.lost)
			}
			sound(t, dir, tt.want)
		})
	}
}

// TestLogFullDisk lets the disk fill up at every byte: what was acknowledged is
// there, and the log goes on once there is room.
func TestLogFullDisk(t *testing.T) {
	for room := int64(0); room < 1400; room += int64(durabletest.Stride(40, 1400)) {
		t.Run(fmt.Sprintf("after %d bytes", room), func(t *testing.T) {
			dir := durabletest.Dir(t)
			disk := durabletest.FullAfter(room)
			l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 400, Disk: disk.Disk()})
			goOn(t, l, syscall.ENOSPC, 12, func() { disk.Free() })
			sound(t, dir, upTo(1, 12))
		})
	}
}

// goOn appends, two more records after the first failure too, until the log
// holds so many. It is the same number that is tried again.
func goOn(t *testing.T, l *durable.Log, want error, records uint64, mend func()) {
	t.Helper()
	failures := 0
	for l.Next() <= records {
		next := l.Next()
		seq, err := l.Append(payload(next))
		if err == nil && seq == next {
			continue
		}
		failures++
		if !errors.Is(err, want) || l.Next() != next || failures > 3 {
			t.Fatalf("Append = %d, %v; next %d", seq, err, l.Next())
		}
		if got, damage := numbers(t, l, 1); !slices.Equal(got, upTo(1, next-1)) || len(damage) > 0 {
			t.Fatalf("with a broken disk: read %v, %v", got, damage)
		}
		if failures == 2 {
			mend()
		}
	}
}

// TestLogKilledOnFullDisk ends the process, so to say, at every byte at which
// the disk may be full.
func TestLogKilledOnFullDisk(t *testing.T) {
	for room := int64(0); room < 1400; room += int64(durabletest.Stride(30, 1400)) {
		t.Run(fmt.Sprintf("after %d bytes", room), func(t *testing.T) {
			dir := durabletest.Dir(t)
			l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 400, Disk: durabletest.FullAfter(room).Disk()})
			var acknowledged uint64
			for range 20 {
				if seq, err := l.Append(payload(l.Next())); err == nil {
					acknowledged = seq
				}
			}
			again, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 400})
			got, damage := numbers(t, again, 1)
			if extra := again.Next() - 1 - acknowledged; extra > 1 || !slices.Equal(got, upTo(1, acknowledged+extra)) || len(damage) > 0 {
				t.Fatalf("acknowledged up to %d; read %v, %v", acknowledged, got, damage)
			}
			want := again.Next() + 1
			fill(t, again, 2)
			sound(t, dir, upTo(1, want))
		})
	}
}

// TestLogMendedOnFullDisk opens a damaged log with no room to set anything
// aside: it starts, reads and, with room again, goes on and mends.
func TestLogMendedOnFullDisk(t *testing.T) {
	for _, at := range []int{3, headerSize + 20, -5} {
		for _, room := range []int64{0, 10, 200} {
			t.Run(fmt.Sprintf("damage at %d, room for %d bytes", at, room), func(t *testing.T) {
				dir := durabletest.Dir(t)
				l, _ := openLog(t, durable.LogOptions{Dir: dir})
				fill(t, l, 5)
				path := files(t, dir, "*.seg")[0]
				b := read(t, path)
				b[(at+len(b))%len(b)] ^= 1
				write(t, path, b)
				disk := durabletest.FullAfter(room)
				again, damage := openLog(t, durable.LogOptions{Dir: dir, Disk: disk.Disk()})
				before, _ := numbers(t, again, 1)
				if len(damage) != 1 || damage[0].Kept != "" && room < 200 || len(before) < 4 {
					t.Fatalf("damage %v, read %v", damage, before)
				}
				disk.Free()
				next := again.Next()
				fill(t, again, 1)
				_, err := again.Scrub(t.Context())
				must(t, err)
				sound(t, dir, append(before, next))
			})
		}
	}
}

// TestLogSyncFails fails every sync in turn. What the failed sync was for is
// written again elsewhere, and the pages it left are never read.
func TestLogSyncFails(t *testing.T) {
	for syncs := range 24 {
		t.Run(fmt.Sprintf("sync %d", syncs+1), func(t *testing.T) {
			dir := durabletest.Dir(t)
			disk := durabletest.SyncFailsAfter(syncs)
			l, _ := openLog(t, durable.LogOptions{Dir: dir, Segment: 500, Disk: disk.Disk()})
			goOn(t, l, syscall.EIO, 12, func() {})
			sound(t, dir, upTo(1, 12))
		})
	}
}

// TestLogFileSizeLimit has the operating system refuse to let files grow.
func TestLogFileSizeLimit(t *testing.T) {
	dir := durabletest.Dir(t)
	c := child(t, "limit", dir)
	acknowledged := durabletest.ReadAll(t, c)
	if diff := cmp.Diff(upTo(1, 100), acknowledged); diff != "" {
		t.Fatalf("acknowledged (-want +got):\n%s", diff)
	}
	sound(t, dir, upTo(1, 100))
	if n := len(files(t, dir, "*.seg")); n < 3 {
		t.Errorf("only %d segments: the limit was never met", n)
	}
}

// TestLogOnAWrongClock sets the clock back and forth: order is by number, and
// time decides on nothing but what is old.
func TestLogOnAWrongClock(t *testing.T) {
	dir := durabletest.Dir(t)
	now := noon
	o := durable.LogOptions{Dir: dir, Segment: 1, Age: 30 * 24 * time.Hour, Now: func() time.Time { return now }}
	l, _ := openLog(t, o)
	for _, step := range []time.Duration{0, -time.Hour, 90 * 365 * 24 * time.Hour, -80 * 365 * 24 * time.Hour, -time.Hour} {
		now = now.Add(step)
		fill(t, l, 2)
	}
	sound(t, dir, upTo(1, 10))
	if removed, err := l.Retain(noon.Add(time.Hour)); removed > 0 || err != nil {
		t.Errorf("Retain removed %d, %v", removed, err)
	}
}

func TestLogOfAnotherVersion(t *testing.T) {
	dir := durabletest.Dir(t)
	l, _ := openLog(t, durable.LogOptions{Dir: dir})
	fill(t, l, 1)
	path := files(t, dir, "*.seg")[0]
	b := read(t, path)
	b[8]++
	sumHeader(b)
	write(t, path, b)
	if _, _, err := durable.OpenLog(durable.LogOptions{Dir: dir}); !errors.Is(err, durable.ErrVersion) {
		t.Errorf("OpenLog: %v", err)
	}
	for _, err := range durable.ReadLog(dir, 1) {
		if !errors.Is(err, durable.ErrVersion) {
			t.Errorf("ReadLog: %v", err)
		}
	}
	if !slices.Equal(read(t, path), b) || len(files(t, dir, "*")) != 1 {
		t.Error("what another version wrote was touched")
	}
}

func TestLogThatCannotBeOpened(t *testing.T) {
	file := filepath.Join(durabletest.Dir(t), "file")
	write(t, file, nil)
	if _, _, err := durable.OpenLog(durable.LogOptions{Dir: file}); err == nil {
		t.Error("opened a file as a log")
	}
}
