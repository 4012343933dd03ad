package recovery

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestParseSegment(t *testing.T) {
	tests := map[string]struct {
		size int64
		want segment
		bad  bool
	}{
		"000000010000000000000001": {16 << 20, segment{1, 1}, false},
		"0000000A00000002000000FF": {16 << 20, segment{10, 2*256 + 255}, false},
		"000000010000000100000003": {1 << 30, segment{1, 7}, false},
		"000000010000000100000FFF": {1 << 20, segment{1, 4096 + 4095}, false},
		"FFFFFFFFFFFFFFFF00000000": {16 << 20, segment{1<<32 - 1, (1<<32 - 1) * 256}, false},
		"000000010000000000000100": {16 << 20, segment{}, true},
		"000000000000000000000001": {16 << 20, segment{}, true},
		"00000001000000000000000":  {16 << 20, segment{}, true},
		"00000001000000000000000g": {16 << 20, segment{}, true},
		"00000001000000000000000a": {16 << 20, segment{}, true},
	}
	for name, tt := range tests {
		if got, err := parseSegment(name, tt.size); got != tt.want || (err != nil) != tt.bad {
			t.Errorf("parseSegment(%s, %d) = %v, %v, want %v", name, tt.size, got, err, tt.want)
		}
	}
}

func TestParseHistory(t *testing.T) {
	tests := map[string]struct {
		text string
		want []fork
		bad  bool
	}{
		"one":             {"1\t0/5000028\tno recovery target specified\n", []fork{{1, 5}}, false},
		"two":             {"1\t0/5000028\treason\n\n# a comment\n2\t1/0\treason", []fork{{1, 5}, {2, 256}}, false},
		"nothing":         {"", nil, true},
		"a comment only":  {"# 1 0/5000028\n", nil, true},
		"no position":     {"1\n", nil, true},
		"half a position": {"1\t0\treason\n", nil, true},
		"backwards":       {"2\t0/5000028\tx\n1\t0/6000028\tx\n", nil, true},
		"its own parent":  {"3\t0/5000028\tx\n", nil, true},
		"back in the log": {"1\t0/5000028\tx\n2\t0/4000028\tx\n", nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseHistory([]byte(tt.text), 3, 16<<20)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(fork{})); diff != "" || (err != nil) != tt.bad {
				t.Errorf("parseHistory() = %v, error wanted: %v (-want +got):\n%s", err, tt.bad, diff)
			}
		})
	}
}

// logOf lists segments of timelines, archived at their number in minutes.
func logOf(timelines map[uint32][]uint64, histories map[uint32][]fork) *archive {
	a := &archive{segments: map[uint32][]archived{}, histories: histories}
	for timeline, numbers := range timelines {
		for _, n := range numbers {
			a.segments[timeline] = append(a.segments[timeline], archived{n, archivedAt(int(n))})
		}
	}
	return a
}

func base(label string, first, last segment) backup {
	end := archivedAt(int(last.number)).Add(-time.Second)
	return backup{label: label, part: database, kind: full, start: end.Add(-time.Second), stop: end, needsLog: true, first: first, last: last}
}

// After a promotion the log goes on on another timeline, from the segment on
// in which the old one ended.
func TestTimelines(t *testing.T) {
	on := func(timeline uint32, n uint64) segment { return segment{timeline, n} }
	forked := map[uint32][]fork{2: {{1, 5}}}
	tests := map[string]struct {
		log     *archive
		backups []backup
		usable  int
		to      int
		gap     uint64
	}{
		"followed": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4}, 2: {5, 6}}, forked), []backup{base("a", on(1, 2), on(1, 2))}, 1, 6, 0,
		},
		"the old one went on, and that does not count": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4, 5, 6, 7, 8}, 2: {5, 6}}, forked), []backup{base("a", on(1, 2), on(1, 2))}, 1, 6, 0,
		},
		"the first segment of the new one is missing": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4, 5}, 2: {6}}, forked), []backup{base("a", on(1, 2), on(1, 2))}, 1, 4, 1,
		},
		"a backup of the old one, made after the fork": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4, 5, 6}, 2: {5, 6}}, forked), []backup{base("a", on(1, 2), on(1, 2)), base("b", on(1, 6), on(1, 6))}, 1, 6, 0,
		},
		"its history was not archived": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4, 5}, 2: {5, 6}}, nil), []backup{base("a", on(1, 2), on(1, 2))}, 0, 0, 0,
		},
		"its history was not archived, and a backup is of it": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4, 5}, 2: {5, 6}}, nil), []backup{base("a", on(1, 2), on(1, 2)), base("b", on(2, 5), on(2, 5))}, 1, 6, 0,
		},
		"nothing of it yet": {
			logOf(map[uint32][]uint64{1: {1, 2, 3, 4}}, forked), []backup{base("a", on(1, 2), on(1, 2))}, 1, 4, 0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := cover(state{backups: tt.backups, log: tt.log})
			var to time.Time
			if tt.to > 0 {
				to = archivedAt(tt.to)
			}
			if len(c.usable) != tt.usable || !c.to.Equal(to) || c.gapAfter != tt.gap {
				t.Errorf("cover() = %d usable, to %v, gap %d, want %d, %v, %d", len(c.usable), c.to, c.gapAfter, tt.usable, to, tt.gap)
			}
		})
	}
}

// A segment missing between two backups leaves both, and a hole in the time
// between.
func TestAGapBetweenBackups(t *testing.T) {
	older, newer := base("a", segment{1, 1}, segment{1, 1}), base("b", segment{1, 5}, segment{1, 5})
	c := cover(state{backups: []backup{older, newer}, log: logOf(map[uint32][]uint64{1: {1, 3, 4, 5, 6}}, nil)})
	if len(c.usable) != 2 || c.gapBefore != 1 || c.gapAfter != 0 || !c.from.Equal(newer.stop) || !c.to.Equal(archivedAt(6)) {
		t.Errorf("cover() = %+v", c)
	}
}

// A backup that was made of a stopped server is whole without the log.
func TestABackupWithoutLog(t *testing.T) {
	cold := base("a", segment{}, segment{})
	cold.needsLog, cold.stop = false, archivedAt(3)
	c := cover(state{backups: []backup{cold}, log: logOf(map[uint32][]uint64{1: {5}}, nil)})
	if len(c.usable) != 1 || c.counted || !c.from.Equal(cold.stop) || !c.to.Equal(cold.stop) {
		t.Errorf("cover() = %+v", c)
	}
}

// The range ends before the first segment that is missing after the newest
// backup that has all of its own, whatever lies in the archive.
func TestTheRangeIsWithoutGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 24), 0, 24, rapid.ID[uint64]).Draw(t, "segments")
		there := map[uint64]bool{}
		last := uint64(0)
		for _, n := range numbers {
			there[n], last = true, max(last, n)
		}
		s := state{log: logOf(map[uint32][]uint64{1: numbers}, nil)}
		for n := range rapid.IntRange(0, 4).Draw(t, "backups") {
			first := rapid.Uint64Range(1, 20).Draw(t, "first")
			s.backups = append(s.backups, base(strconv.Itoa(n), segment{1, first}, segment{1, first + rapid.Uint64Range(0, 3).Draw(t, "more")}))
		}
		whole := func(from, to uint64) bool {
			for n := from; n <= to; n++ {
				if !there[n] {
					return false
				}
			}
			return true
		}
		c := cover(s)
		var newest *backup
		usable := 0
		for i := range s.backups {
			if b := &s.backups[i]; whole(b.first.number, b.last.number) {
				usable++
				if newest == nil || !b.stop.Before(newest.stop) {
					newest = b
				}
			}
		}
		if len(c.usable) != usable {
			t.Fatalf("%d backups are usable, want %d", len(c.usable), usable)
		}
		if newest == nil {
			if !c.to.IsZero() || !c.from.IsZero() {
				t.Fatalf("a range from %v to %v without a backup", c.from, c.to)
			}
			return
		}
		end := newest.last.number
		for there[end+1] {
			end++
		}
		if !c.to.Equal(archivedAt(int(end))) {
			t.Fatalf("range to %v, want %v", c.to, archivedAt(int(end)))
		}
		from := newest.stop
		for _, b := range s.backups {
			if b.stop.Before(from) && whole(b.first.number, end) {
				from = b.stop
			}
		}
		if !c.from.Equal(from) {
			t.Fatalf("range from %v, want %v", c.from, from)
		}
		missing := uint64(0)
		for n := end; n <= last; n++ {
			if !there[n] {
				missing++
			}
		}
		if c.gapAfter != missing {
			t.Fatalf("gap of %d, want %d", c.gapAfter, missing)
		}
	})
}

// A plain archive, as cp makes it, and compressed ones, for a repository by
// info and for a drop.
func TestWALArchive(t *testing.T) {
	r := newRig(t, func(r *rig) {
		for n, name := range []string{"000000010000000000000002", "000000010000000000000003.gz", "0000000100000000/000000010000000000000004.zst", "000000010000000000000005"} {
			path := r.write(filepath.Join("wal", name), []byte("compressed"))
			if filepath.Ext(name) == "" {
				if err := os.Truncate(path, segmentSize); err != nil {
					t.Fatal(err)
				}
			}
			r.touch(path, archivedAt(n+2))
		}
		r.write("wal/000000010000000000000002.00000028.backup", []byte("START WAL LOCATION"))
		r.write("wal/lost+found/000000010000000000000009", []byte("x"))
		path := r.write("info.json", r.read("testdata/repository/info.json"))
		r.touch(path, noon)
		r.config.WALArchive = filepath.Join(r.dir, "wal")
		r.config.Repositories = []Repository{{Name: "offsite", Info: path}}
		end := dropped("barman", database, fullEnd)
		r.drop("barman", noon, end[:len(end)-1]+`, "walFirst": "000000010000000000000002", "walLast": "000000010000000000000003"}`)
	})
	got := r.look()
	if got.err != nil {
		t.Fatal(got.err)
	}
	got.expect(map[string]float64{
		"backup_restorable_to_timestamp_seconds/offsite": unix(archivedAt(5)), "backup_restorable_to_timestamp_seconds/barman": unix(archivedAt(5)),
		"backup_wal_gap_segments/barman/" + sinceNewest: 0, "recovery_evidence_valid/wal-archive": 1,
	})
	r.remove(filepath.Join(r.dir, "wal/000000010000000000000003.gz"))
	got = r.look()
	got.expect(map[string]float64{"backup_usable_backups/offsite": 1, "backup_usable_backups/barman": 0, "backup_wal_gap_segments/offsite/" + sinceNewest: 1})
	r.write("wal/00000002.history", []byte("?"))
	if got = r.look(); fault.KindOf(got.err) != fault.Schema {
		t.Errorf("Collect() = %v, want kind schema", got.err)
	}
	got.expect(map[string]float64{"recovery_evidence_valid/wal-archive": 0, "recovery_evidence_valid/offsite": 1})
	r.remove(filepath.Join(r.dir, "wal/00000002.history"))
	r.write("wal/0000000100000000000001FF", []byte("x"))
	if got = r.look(); fault.KindOf(got.err) != fault.Schema || !strings.Contains(got.err.Error(), "walSegmentMegabytes") {
		t.Errorf("Collect() = %v, want that segments are of another size", got.err)
	}
	got.expect(map[string]float64{"recovery_evidence_errors_total/schema/wal-archive": 2})
	// The range that was proved before stays as it was; it is not of now.
	got.absent("backup_wal_gap_segments/offsite/" + sinceNewest)
}
