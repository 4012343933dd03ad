package durable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Layout of a segment, see FORMAT.md.
const (
	segmentMagic   = "cw-log\r\n" // a transfer as text would change it
	segmentVersion = 1
	segmentSuffix  = ".seg"
	headerSize     = 32
	frameSize      = 16 // before each payload

	// MaxRecord is the size in bytes of the largest record.
	MaxRecord = 16 << 20
	// maxSegment is how much of a segment is read; none is written that long.
	maxSegment = 64 << 20
	// maxLost is how many records a damaged stretch may have held: what looks
	// like a frame behind it with a later number is taken for chance.
	maxLost = 1 << 24
)

// ErrVersion says that another version of the program wrote a file, in a format
// this one does not know.
var ErrVersion = errors.New("written by another version")

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// A segment is one file of a log, named after its first record.
type segment struct {
	first uint64
	path  string
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
}

// firstOf reads the number in the name of a segment, or of what was set aside
// of it.
func firstOf(name string) (first uint64, isSegment, ok bool) {
	digits, rest, found := strings.Cut(name, segmentSuffix)
	if !found || len(digits) != 20 {
		return 0, false, false
	}
	first, err := strconv.ParseUint(digits, 10, 63)
	return first, rest == "", err == nil && first > 0
}

// listSegments returns the segments in a directory, in order. Other files are
// left alone.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir) // sorted: the numbers in the names have one length
	if err != nil {
		return nil, err
	}
	var out []segment
	for _, e := range entries {
		if first, isSegment, ok := firstOf(e.Name()); ok && isSegment && e.Type().IsRegular() {
			out = append(out, segment{first, filepath.Join(dir, e.Name())})
		}
	}
	return out, nil
}

// encodeHeader begins a segment.
func encodeHeader(first uint64, made time.Time) []byte {
	b := make([]byte, headerSize)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], segmentVersion)
	binary.LittleEndian.PutUint64(b[16:], first)
	binary.LittleEndian.PutUint64(b[24:], uint64(made.UnixNano())) //nolint:gosec // the bits are what is kept
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	return b
}

// headerSum is the checksum of a header, which it leaves out itself.
func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], crcTable), crcTable, b[16:headerSize])
}

// decodeHeader returns when a segment was made. whole is false when the header
// is not what was written; an error says that another version wrote it.
func decodeHeader(b []byte, first uint64) (made time.Time, whole bool, err error) {
	if len(b) < headerSize || string(b[:8]) != segmentMagic || binary.LittleEndian.Uint32(b[12:]) != headerSum(b) {
		return time.Time{}, false, nil
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != segmentVersion {
		return time.Time{}, false, fmt.Errorf("%w: its format is version %d, this program knows version %d", ErrVersion, v, segmentVersion)
	}
	made = time.Unix(0, int64(binary.LittleEndian.Uint64(b[24:]))) //nolint:gosec // the bits are what was kept
	return made, binary.LittleEndian.Uint64(b[16:]) == first, nil
}

// gapFlag in a frame's length makes it a note that the records up to its
// number are lost, and known to be.
const gapFlag = 1 << 31

// appendFrame adds a record to b.
func appendFrame(b []byte, seq uint64, payload []byte) []byte {
	return appendSummed(b, uint32(len(payload)), seq, payload) //nolint:gosec // at most MaxRecord
}

// appendGap adds the note that every record up to last is lost.
func appendGap(b []byte, last uint64) []byte { return appendSummed(b, gapFlag, last, nil) }

func appendSummed(b []byte, length uint32, seq uint64, payload []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, length)
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = append(b, payload...)
	binary.LittleEndian.PutUint32(b[start+4:], frameSum(b[start:]))
	return b
}

// frameSum is the checksum of a frame, which it leaves out itself.
func frameSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], crcTable), crcTable, b[8:])
}

// A stretch is a part of a segment's bytes: a frame, or bytes that are none.
type stretch struct {
	offset, size int
	damaged      bool
	gap          bool   // the frame is a note of lost records
	seq          uint64 // of the frame
	payload      []byte
}

// A scanner walks over the bytes of a segment. It follows the frames; where
// there is none it looks for the next one byte by byte.
type scanner struct {
	b      []byte
	budget int // bytes that may still be summed in vain
}

// scan yields the parts of b from offset start on, where records after the
// number prev are expected. The parts follow one another without a gap; where
// a number is left out, a damaged part of no bytes stands before the frame.
func scan(b []byte, start int, prev uint64) iter.Seq[stretch] {
	s := scanner{b: b, budget: 64 * len(b)}
	return func(yield func(stretch) bool) {
		bridged := true // what lies before off is known to be damaged, or whole
		for off := start; off < len(b); {
			p, ok := s.frame(off, prev)
			switch {
			case !ok:
				end := s.resume(off+1, prev)
				p = stretch{offset: off, size: end - off, damaged: true}
			case !p.gap && p.seq > prev+1 && bridged:
				p = stretch{offset: off, damaged: true}
			}
			if !yield(p) {
				return
			}
			off += p.size
			bridged = !p.damaged
			if !p.damaged {
				prev = p.seq
			}
		}
	}
}

// frame reads the frame at off, whose number must be greater than prev.
func (s *scanner) frame(off int, prev uint64) (stretch, bool) {
	rest := s.b[off:]
	if len(rest) < frameSize {
		return stretch{}, false
	}
	length := binary.LittleEndian.Uint32(rest)
	seq := binary.LittleEndian.Uint64(rest[8:])
	gap := length == gapFlag
	size := frameSize + int(length)
	if gap {
		size = frameSize
	}
	if !gap && length > MaxRecord || size > len(rest) || seq <= prev {
		return stretch{}, false
	}
	if frameSum(rest[:size]) != binary.LittleEndian.Uint32(rest[4:]) {
		s.budget -= size
		return stretch{}, false
	}
	return stretch{offset: off, size: size, gap: gap, seq: seq, payload: rest[frameSize:size:size]}, true
}

// resume returns where the next frame begins at or after off, or the end.
func (s *scanner) resume(off int, prev uint64) int {
	for ; off+frameSize <= len(s.b) && s.budget > 0; off++ {
		if seq := binary.LittleEndian.Uint64(s.b[off+8:]); seq <= prev || seq-prev > maxLost {
			continue
		}
		if _, ok := s.frame(off, prev); ok {
			return off
		}
	}
	return len(s.b)
}

// A content is what a segment turned out to hold.
type content struct {
	bytes  []byte
	made   time.Time // zero when the header is damaged
	frames []stretch // records and notes of lost ones
	damage []DamageError
	next   uint64 // the number after the last frame
}

// torn reports whether all damage there is reaches from some offset to the
// end.
func (c content) torn() bool {
	return len(c.damage) == 1 && c.damage[0].Offset >= headerSize && c.damage[0].Offset+c.damage[0].Bytes == int64(len(c.bytes))
}

// open is the limit of the newest segment, which no other follows.
const open = math.MaxUint64

// examine reads a segment whose records end before the number limit, where the
// next segment begins. What lies behind the last of them is none of the
// segment's: an append that failed left it.
func (g segment) examine(limit uint64) (content, error) {
	c := content{next: g.first}
	var err error
	if c.bytes, err = readSegment(g.path); err != nil {
		return c, err
	}
	var whole bool
	if c.made, whole, err = decodeHeader(c.bytes, g.first); err != nil {
		return c, fmt.Errorf("%s: %w", g.path, err)
	}
	start := min(headerSize, len(c.bytes))
	unended := false // the last damage is not known to end
	if !whole {
		c.damage = append(c.damage, DamageError{File: g.path, Bytes: int64(start), After: g.first - 1, Before: g.first})
		if len(c.bytes) <= headerSize {
			c.damage[0].Before, unended = 0, true
		}
	}
	for p := range scan(c.bytes, start, g.first-1) {
		if c.next >= limit || !p.damaged && p.seq >= limit {
			break
		}
		if p.damaged {
			c.damage = append(c.damage, DamageError{File: g.path, Offset: int64(p.offset), Bytes: int64(p.size), After: c.next - 1})
			unended = true
			continue
		}
		if unended {
			c.damage[len(c.damage)-1].Before = p.seq
			if p.gap {
				c.damage[len(c.damage)-1].Before++
			}
			unended = false
		}
		c.frames = append(c.frames, p)
		c.next = p.seq + 1
	}
	if limit != open && c.next < limit {
		if !unended {
			c.damage = append(c.damage, DamageError{File: g.path, Offset: int64(len(c.bytes)), After: c.next - 1})
		}
		c.damage[len(c.damage)-1].Before = limit
	}
	return c, nil
}

// readSegment reads a segment; of one that is longer than any that was
// written, only so much.
func readSegment(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSegment))
	return b, errors.Join(err, f.Close())
}
