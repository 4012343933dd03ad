package recovery

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A segment is one file of PostgreSQL's write-ahead log.
type segment struct {
	timeline uint32
	number   uint64 // from the beginning of the log, in segments
}

// segmentNameLength is that of timeline, log and segment, eight hexadecimal
// digits each (PostgreSQL, xlog_internal.h, XLogFileName).
const segmentNameLength = 24

// parseSegment reads a name such as 000000010000000A000000FF. size is that of
// segments, in bytes: it says how many make up one log of 4 GiB.
func parseSegment(name string, size int64) (segment, error) {
	if len(name) != segmentNameLength || strings.Trim(name, "0123456789ABCDEF") != "" {
		return segment{}, fmt.Errorf("%s is not the name of a segment", clip(name))
	}
	timeline, _ := strconv.ParseUint(name[:8], 16, 32)
	log, _ := strconv.ParseUint(name[8:16], 16, 32)
	inLog, _ := strconv.ParseUint(name[16:], 16, 32)
	perLog := uint64(1<<32) / uint64(size)
	switch {
	case timeline == 0:
		return segment{}, fmt.Errorf("segment %s has timeline 0", name)
	case inLog >= perLog:
		return segment{}, fmt.Errorf("segment %s cannot be one of %d MiB: write their size as walSegmentMegabytes", name, size>>20)
	}
	return segment{uint32(timeline), log*perLog + inLog}, nil
}

// A fork is where a timeline ended because another went on from there.
type fork struct {
	timeline uint32
	segment  uint64 // in which it ended; the successor has it from its beginning on
}

// maxForks bounds a history file: one line for each promotion ever.
const maxForks = 10_000

// parseHistory reads the history file of a timeline: its ancestors, oldest
// first, each with the position at which it ended.
func parseHistory(text []byte, of uint32, size int64) ([]fork, error) {
	var forks []fork
	n := 0
	for line := range bytes.Lines(text) {
		n++
		content, _, _ := strings.Cut(string(line), "#")
		fields := strings.Fields(content)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 || len(forks) == maxForks {
			return nil, fmt.Errorf("line %d is not a timeline and a position", n)
		}
		timeline, err := strconv.ParseUint(fields[0], 10, 32)
		position, errPosition := parseLSN(fields[1])
		if err != nil || errPosition != nil {
			return nil, fmt.Errorf("line %d is not a timeline and a position", n)
		}
		f := fork{uint32(timeline), position / uint64(size)}
		last := fork{}
		if len(forks) > 0 {
			last = forks[len(forks)-1]
		}
		if f.timeline <= last.timeline || f.timeline >= of || f.segment < last.segment {
			return nil, fmt.Errorf("line %d is not a later timeline before %d", n, of)
		}
		forks = append(forks, f)
	}
	if len(forks) == 0 {
		return nil, errors.New("names no timeline")
	}
	return forks, nil
}

// parseLSN reads a position in the log such as 16/B374D848.
func parseLSN(s string) (uint64, error) {
	high, low, found := strings.Cut(s, "/")
	h, err := strconv.ParseUint(high, 16, 32)
	l, errLow := strconv.ParseUint(low, 16, 32)
	if !found || err != nil || errLow != nil {
		return 0, fmt.Errorf("%s is not a position such as 16/B374D848", clip(s))
	}
	return h<<32 | l, nil
}

// An archived segment.
type archived struct {
	number uint64
	at     time.Time // when it was written to the archive: not before the last commit in it
}

// An archive is what lies in a directory of archived segments.
type archive struct {
	segments  map[uint32][]archived // by timeline, in any order
	histories map[uint32][]fork
	damaged   int // segments that are not whole; they do not count
}

// A course is the log that recovery follows: the newest timeline and its
// ancestors, each as far as its successor took over.
type course struct {
	newest uint32
	forks  []fork
	have   []archived // in order, each number once
	runs   []run
}

// A run is segments without a gap between, by their places in have.
type run struct{ first, last int }

// of returns the timeline a segment must be of.
func (c course) of(number uint64) uint32 {
	for _, f := range c.forks {
		if number < f.segment {
			return f.timeline
		}
	}
	return c.newest
}

// course follows the newest timeline of the archive. Without its history, it
// begins with it: what older ones hold cannot be joined to it.
func (a *archive) course() course {
	var c course
	for timeline := range a.segments {
		c.newest = max(c.newest, timeline)
	}
	for timeline := range a.histories { // a standby was promoted, and has archived nothing yet
		c.newest = max(c.newest, timeline)
	}
	c.forks = a.histories[c.newest]
	for timeline, segments := range a.segments {
		for _, s := range segments {
			if c.of(s.number) == timeline {
				c.have = append(c.have, s)
			}
		}
	}
	slices.SortFunc(c.have, func(a, b archived) int { return cmp.Or(cmp.Compare(a.number, b.number), a.at.Compare(b.at)) })
	c.have = slices.CompactFunc(c.have, func(a, b archived) bool { return a.number == b.number })
	for place, s := range c.have {
		if place > 0 && s.number == c.have[place-1].number+1 {
			c.runs[len(c.runs)-1].last = place
			continue
		}
		c.runs = append(c.runs, run{place, place})
	}
	return c
}

// run returns the run that has the segments from first to last on the course.
func (c course) run(first, last segment) (run, bool) {
	if first.timeline != c.of(first.number) || last.timeline != c.of(last.number) || first.number > last.number {
		return run{}, false
	}
	for _, r := range c.runs {
		if c.have[r.first].number <= first.number && last.number <= c.have[r.last].number {
			return r, true
		}
	}
	return run{}, false
}

// missing counts the segments that are not there between two numbers, both
// included.
func (c course) missing(first, last uint64) uint64 {
	if first > last {
		return 0
	}
	n := last - first + 1
	for _, r := range c.runs {
		from, to := max(first, c.have[r.first].number), min(last, c.have[r.last].number)
		if from <= to {
			n -= to - from + 1
		}
	}
	return n
}

// clip bounds what is quoted of foreign text.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(s, "?"))
}
