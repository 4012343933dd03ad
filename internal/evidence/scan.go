package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"unicode/utf8"
)

// Kind says what is wrong with a part of the log.
type Kind string

// The closed set of kinds.
const (
	BadHash        Kind = "hash"     // a line is not what its hash says, or does not follow the line before
	BadSequence    Kind = "sequence" // a record is missing, added or moved
	BadForm        Kind = "form"     // not a line of this format
	BadHeader      Kind = "header"   // a segment does not continue the one before, or is another one
	MissingSegment Kind = "missing"  // a segment is not there
	CutOff         Kind = "cut-off"  // records at the end of a file or of the log are not there
	BadSeal        Kind = "seal"     // a finished segment is not what its seal says, or has none
	BadAnchor      Kind = "anchor"   // the log is not the one that was anchored
	TimeBackwards  Kind = "time"     // a record is older than the one before
	Unfinished     Kind = "unfinished"
)

// A Finding is one thing that is wrong, and where.
type Finding struct {
	Kind   Kind   `json:"kind"`
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"` // from 1; 0 when it is the file as a whole
	Seq    uint64 `json:"seq,omitempty"`  // the record that should be there
	Offset int64  `json:"offset"`         // of the line, in bytes
	Text   string `json:"text"`
	// Recorded is true when the log itself says that the file is damaged.
	Recorded bool `json:"recorded,omitempty"`
}

// String renders "FILE line N (seq N): what is wrong".
func (f Finding) String() string {
	s := f.File
	if f.Line > 0 {
		s += fmt.Sprintf(" line %d", f.Line)
	}
	if f.Seq > 0 {
		s += fmt.Sprintf(" (seq %s)", grouped(f.Seq))
	}
	s += ": " + f.Text
	if f.Recorded {
		s += " (the log has recorded this itself)"
	}
	return s
}

// grouped writes a number with a comma between thousands.
func grouped[N uint64 | int | int64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A visit is told of what is good in a segment, in order. Either function may be
// nil, and ends the reading of the segment by returning false.
type visit struct {
	header func(header) bool
	record func(line) bool
}

// A line is a good record and where it is.
type line struct {
	Record
	hash   string
	number int // in its segment, from 1
	offset int64
}

// A scan is what one segment holds, as far as it is good.
type scan struct {
	name    segmentName
	header  header // Format is 0 when there is no good one
	end     place  // after the last good line
	records uint64
	first   uint64 // of the sequence; 0 when there is no record
	last    Record
	record  place  // the place of last
	good    int64  // bytes of good lines
	rest    int64  // whole lines from the bad one on
	tail    []byte // a last line without an end, when the lines before are good
	bytes   int64  // of the file as it was read
	sum     hash.Hash
	finding *Finding
	ended   bool // by the visit
}

// readSegment scans the file of a segment.
func readSegment(fsys fs.FS, name segmentName, v visit) (*scan, error) {
	f, err := fsys.Open(name.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return scanSegment(f, name, v)
}

// scanSegment reads a segment from its first line to the first bad one, and the
// rest for the digest. It trusts the place its header continues from; whoever
// knows better compares. The error is one of reading.
func scanSegment(r io.Reader, name segmentName, v visit) (*scan, error) {
	s := &scan{name: name, sum: sha256.New(), end: place{0, origin}}
	in := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		text, err := in.ReadSlice('\n')
		s.bytes += int64(len(text))
		switch {
		case errors.Is(err, io.EOF):
			s.finish(text, number)
			return s, nil
		case errors.Is(err, bufio.ErrBufferFull):
			s.blame(BadForm, number, "the line is longer than any record")
		case err != nil:
			return s, err
		default:
			s.accept(text[:len(text)-1], number, v)
		}
		if s.ended {
			return s, nil
		}
		_, _ = s.sum.Write(text) // a hash never fails
		if s.finding != nil {
			s.rest++
			return s, s.drain(in)
		}
		s.good += int64(len(text))
	}
}

// finish judges what is left before the end of the file.
func (s *scan) finish(text []byte, number int) {
	if number == 1 {
		s.blame(BadHeader, number, "the file has no whole first line")
		_, _ = s.sum.Write(text)
		return
	}
	s.tail = slices.Clone(text)
}

// drain reads what follows a bad line.
func (s *scan) drain(in *bufio.Reader) error {
	buf := make([]byte, maxLine)
	for {
		n, err := in.Read(buf)
		_, _ = s.sum.Write(buf[:n])
		s.bytes += int64(n)
		s.rest += int64(bytes.Count(buf[:n], []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// digest is the SHA-256 of the file as it was read.
func (s *scan) digest() string {
	if len(s.tail) == 0 {
		return hex.EncodeToString(s.sum.Sum(nil))
	}
	whole, _ := s.sum.(hash.Cloner).Clone() // sha256 has it
	_, _ = whole.Write(s.tail)
	return hex.EncodeToString(whole.Sum(nil))
}

func (s *scan) blame(kind Kind, number int, format string, args ...any) {
	s.finding = &Finding{Kind: kind, File: s.name.String(), Line: number, Offset: s.good, Text: fmt.Sprintf(format, args...)}
	if s.header.Format != 0 {
		s.finding.Seq = s.end.seq + 1
	}
}

// accept judges one whole line and goes on to it, or blames it.
func (s *scan) accept(text []byte, number int, v visit) {
	hash, body, ok := bytes.Cut(text, []byte{' '})
	switch {
	case !utf8.Valid(text):
		s.blame(BadForm, number, "the line is not UTF-8")
	case !ok || !hashForm.Match(hash):
		s.blame(BadForm, number, "the line does not begin with a hash")
	case number == 1:
		s.acceptHeader(string(hash), body, v)
	default:
		s.acceptRecord(string(hash), body, number, v)
	}
}

func (s *scan) acceptHeader(hash string, body []byte, v visit) {
	h, err := decode[header](body)
	switch {
	case err != nil:
		s.blame(BadHeader, 1, "the first line is %v", err)
	case h.Format != formatVersion:
		s.blame(BadHeader, 1, "format %d is not format %d; verify it with the version that wrote it", h.Format, formatVersion)
	case chain(h.AfterHash, body) != hash:
		s.blame(BadHash, 1, "hash of the first line differs")
	case h.Segment != s.name.number:
		s.blame(BadHeader, 1, "the file holds segment %d, not the one it is named after", h.Segment)
	case !hashForm.MatchString(h.AfterHash) || h.AfterSeq > maxSeq:
		s.blame(BadHeader, 1, "the first line names no place to continue from")
	default:
		s.header, s.end = h, place{h.AfterSeq, hash}
		s.ended = v.header != nil && !v.header(h)
	}
}

func (s *scan) acceptRecord(hash string, body []byte, number int, v visit) {
	r, err := decode[Record](body)
	follows := chain(s.end.hash, body) == hash
	switch {
	case err == nil && r.Seq != s.end.seq+1:
		s.blame(BadSequence, number, "the sequence goes from %s to %s: a record is missing, added or moved", grouped(s.end.seq), grouped(r.Seq))
	case !follows:
		s.blame(BadHash, number, "hash differs")
	case err != nil:
		s.blame(BadForm, number, "the line is %v", err)
	case !slices.Contains(Classes(), r.Class):
		s.blame(BadForm, number, "there is no class %q", r.Class)
	default:
		if s.records == 0 {
			s.first = r.Seq
		}
		s.records++
		s.end = place{r.Seq, hash}
		s.last, s.record = r, s.end
		s.ended = v.record != nil && !v.record(line{r, hash, number, s.good})
	}
}

// seal is the seal of what the scan found.
func (s *scan) seal() seal {
	return seal{sha256: s.digest(), records: s.records, first: s.first, last: s.end.seq, hash: s.end.hash, bytes: s.good}
}

// sealed compares a segment whose lines are good with its seal.
func sealed(s *scan, text []byte) *Finding {
	file := s.name.String()
	want, ok := parseSeal(text, file)
	switch {
	case !ok:
		return &Finding{Kind: BadSeal, File: file + sealSuffix, Text: "is not a seal of " + file}
	case want == s.seal() && len(s.tail) == 0:
		return nil
	case s.records < want.records:
		return &Finding{
			Kind: CutOff, File: file, Line: int(s.records) + 2, Seq: s.end.seq + 1, Offset: s.good,
			Text: fmt.Sprintf("the file ends after %s of the %s records its seal counts", grouped(s.records), grouped(want.records)),
		}
	default:
		return &Finding{Kind: BadSeal, File: file, Seq: s.first, Text: "the file is not the one that was sealed; its lines agree with each other, so it was written anew"}
	}
}
