package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A place is where the chain has come to: the last record and the hash of the
// last line. The zero place is before the first.
type place struct {
	seq  uint64
	hash string
}

// origin is the hash before the first line.
var origin = strings.Repeat("0", 2*sha256.Size)

// chain is the hash of a line after the line whose hash is prev.
func chain(prev string, body []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, prev+"\n") // a hash never fails
	_, _ = h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Files beside the segments.
const (
	headFile    = "head"        // SEQ HASH of the last record that was acknowledged
	anchorsFile = "anchors.txt" // DATE SEQ HASH, a line for each anchor
	holdFile    = "HOLD"        // while it is there, nothing is removed
	lockFile    = "lock"
	sealSuffix  = ".seal"
	tornSuffix  = ".torn"
)

// maxLine bounds a line of a segment; the longest entry is well below it.
const maxLine = 8 << 10

// formatVersion is the version of the format this package writes.
const formatVersion = 1

// A segmentName names a segment: DATE-NUMBER.log. The date never runs backwards
// from one segment to the next, so that names sort as the log goes.
type segmentName struct {
	day    string // 2006-01-02, UTC
	number uint64
}

var segmentForm = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})-([0-9]{6,12})\.log$`)

func (n segmentName) String() string { return fmt.Sprintf("%s-%06d.log", n.day, n.number) }

func parseSegmentName(name string) (segmentName, bool) {
	m := segmentForm.FindStringSubmatch(name)
	if m == nil {
		return segmentName{}, false
	}
	number, _ := strconv.ParseUint(m[2], 10, 64) // at most 12 digits
	n := segmentName{m[1], number}
	return n, n.String() == name
}

// next names the segment after n that is opened at a time.
func (n segmentName) next(at time.Time) segmentName {
	return segmentName{max(n.day, at.UTC().Format(time.DateOnly)), n.number + 1}
}

// A header is the first line of a segment: it says where the chain had come to.
type header struct {
	Format    int       `json:"format"`
	Segment   uint64    `json:"segment"`
	At        time.Time `json:"at"`
	AfterSeq  uint64    `json:"after_seq"`
	AfterHash string    `json:"after_hash"`
	Version   string    `json:"version"` // of the program
	// Damaged names the files before this one that do not hold what was
	// acknowledged: AfterHash is the last good hash before the damage, and
	// AfterSeq leaves out the numbers that were or may have been lost.
	Damaged []damaged `json:"damaged,omitempty"`
}

// A damaged file, as it was when it was found.
type damaged struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

func (h header) after() place { return place{h.AfterSeq, h.AfterHash} }

// listing is what a directory of evidence holds, by name.
type listing struct {
	segments []segmentName // in order of number
	seals    map[string]bool
}

func list(fsys fs.FS) (listing, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return listing{}, err
	}
	l := listing{seals: map[string]bool{}}
	for _, e := range entries {
		if n, ok := parseSegmentName(e.Name()); ok {
			l.segments = append(l.segments, n)
		}
		if name, ok := strings.CutSuffix(e.Name(), sealSuffix); ok {
			if _, ok := parseSegmentName(name); ok {
				l.seals[name] = true
			}
		}
	}
	slices.SortFunc(l.segments, func(a, b segmentName) int {
		return strings.Compare(fmt.Sprintf("%012d %s", a.number, a.day), fmt.Sprintf("%012d %s", b.number, b.day))
	})
	return l, nil
}

// A seal says what a finished segment holds. Its first line is one that
// sha256sum -c understands.
type seal struct {
	sha256  string
	records uint64
	first   uint64 // of the sequence; 0 when there is no record
	last    uint64
	hash    string // of the last line
	bytes   int64
}

const sealLines = "%s  %s\n# records=%d first_seq=%d last_seq=%d last_hash=%s bytes=%d\n"

func (s seal) text(file string) []byte {
	return fmt.Appendf(nil, sealLines, s.sha256, file, s.records, s.first, s.last, s.hash, s.bytes)
}

// parseSeal reads the seal of a file and refuses any other form.
func parseSeal(b []byte, file string) (s seal, ok bool) {
	var name string
	if _, err := fmt.Sscanf(string(b), sealLines, &s.sha256, &name, &s.records, &s.first, &s.last, &s.hash, &s.bytes); err != nil {
		return seal{}, false
	}
	return s, bytes.Equal(s.text(file), b)
}

// parseHead reads the file head.
func parseHead(b []byte) (place, bool) {
	var p place
	if _, err := fmt.Sscanf(string(b), "%d %s\n", &p.seq, &p.hash); err != nil {
		return place{}, false
	}
	return p, string(b) == p.line() && hashForm.MatchString(p.hash) && p.seq <= maxSeq
}

func (p place) line() string { return fmt.Sprintf("%d %s\n", p.seq, p.hash) }

// maxSeq bounds what is believed about a sequence number: JSON readers of
// others keep whole numbers up to there.
const maxSeq = 1<<53 - 1

// readSmall reads a file that is small by design, and at most 64 KiB of it.
func readSmall(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, 64<<10))
}
