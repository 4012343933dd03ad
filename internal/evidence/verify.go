package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// Options of Verify.
type Options struct {
	Anchors []Anchor // from a copy kept elsewhere: see ReadAnchors
}

// Verify reads a directory of evidence from its oldest record to its newest and
// says what is wrong, the first bad record first. It needs nothing but the
// directory, changes nothing, holds one line in memory, and may run beside the
// daemon that writes there. The error is one of reading; what is wrong with the
// log is in the report.
func Verify(fsys fs.FS, o Options) (Report, error) {
	for try := 1; ; try++ {
		v := newVerifier(fsys)
		err := v.run(o)
		// Removal by retention under our eyes: what is there now is verified.
		if errors.Is(err, fs.ErrNotExist) && try < 3 {
			continue
		}
		return v.report, fault.Wrap("verify evidence", err, "name the directory that holds the segments, DATE-NUMBER.log")
	}
}

// Read yields the records of a directory of evidence in order. What is wrong
// with the log is yielded as an error at its place; records after it follow from
// the next segment on.
func Read(fsys fs.FS) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		v := newVerifier(fsys)
		v.each = yield
		if err := v.run(Options{}); err != nil && !v.ended {
			yield(Record{}, fault.Wrap("read evidence", err, "name the directory that holds the segments, DATE-NUMBER.log"))
		}
	}
}

// A verifier walks the segments of a directory.
type verifier struct {
	fsys    fs.FS
	report  Report
	each    func(Record, error) bool
	ended   bool // each wants no more
	gaps    register
	told    map[uint64][]Anchor // what must be there, by sequence number
	ends    map[place]bool      // where segments ended
	start   place               // where the log begins, when that is not at the beginning
	covered bool                // a retention record explains the start
	end     place               // where it ends
	record  place               // of the last good record
	last    Finding             // what is to be said if something is missing there
	prev    *scan               // the segment before; nil when it is not good
	file    string              // the segment that is read
	bare    string              // the segment before has no seal
	digests map[string]string   // of files with a finding
}

func newVerifier(fsys fs.FS) *verifier {
	return &verifier{
		fsys: fsys, told: map[uint64][]Anchor{}, ends: map[place]bool{}, digests: map[string]string{},
		report: Report{Classes: map[Class]uint64{}, Findings: []Finding{}, Warnings: []Finding{}},
		last:   Finding{Kind: CutOff, File: headFile, Seq: 1},
	}
}

func (v *verifier) run(o Options) error {
	// What tells of records is read before the records: a log that grows
	// meanwhile has them all.
	if err := v.gather(o); err != nil {
		return err
	}
	files, err := list(v.fsys)
	if err != nil {
		return err
	}
	if len(files.segments) == 0 && len(files.seals) == 0 && len(v.told) == 0 {
		return errors.New("there is no evidence log in the directory")
	}
	for i, name := range files.segments {
		if i > 0 && name.number > files.segments[i-1].number+1 {
			v.find(Finding{Kind: MissingSegment, File: name.String(), Seq: v.end.seq + 1, Text: missing(files.segments[i-1].number, name.number)})
			v.prev = nil
		}
		if err := v.segment(name, i == len(files.segments)-1); err != nil || v.ended {
			return err
		}
	}
	v.closing(files)
	return nil
}

func missing(before, next uint64) string {
	if next == before+2 {
		return fmt.Sprintf("segment %d before it is missing", before+1)
	}
	return fmt.Sprintf("segments %d to %d before it are missing", before+1, next-1)
}

// gather reads what tells of records: head, the anchors beside the log and
// those of the caller.
func (v *verifier) gather(o Options) error {
	text, err := readSmall(v.fsys, headFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0:
		v.warn(Finding{Kind: CutOff, File: headFile, Text: "is missing or empty: whether the end of the log was cut off, only anchors can tell"})
	case err != nil:
		return err
	default:
		p, ok := parseHead(text)
		if !ok {
			v.find(Finding{Kind: BadForm, File: headFile, Text: "is not SEQ HASH"})
			break
		}
		v.told[p.seq] = append(v.told[p.seq], Anchor{Seq: p.seq, Hash: p.hash, source: headFile})
	}
	f, err := v.fsys.Open(anchorsFile)
	if err == nil {
		defer func() { _ = f.Close() }() // only read
		own, err := ReadAnchors(f, anchorsFile)
		if err != nil {
			v.find(Finding{Kind: BadForm, File: anchorsFile, Text: fault.TextOf(err)})
		}
		v.expect(own)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	v.expect(o.Anchors)
	return nil
}

func (v *verifier) expect(anchors []Anchor) {
	for _, a := range anchors {
		v.told[a.Seq] = append(v.told[a.Seq], a)
	}
}

// segment verifies one segment against the one before and its seal.
func (v *verifier) segment(name segmentName, newest bool) error {
	v.file = name.String()
	s, err := readSegment(v.fsys, name, visit{header: func(h header) bool { return v.header(name, h) }, record: v.visit})
	if err != nil || v.ended {
		return err
	}
	v.report.Segments++
	v.report.Bytes += s.bytes
	if s.header.Format == 0 {
		v.unsealed()
	}
	if s.ended { // the header is not the next one's
		v.prev = nil
		return nil
	}
	if s.finding == nil {
		if s.finding, err = v.seal(s, newest); err != nil {
			return err
		}
	}
	v.prev = s
	if s.header.Format != 0 {
		v.end = s.end
		v.last = Finding{Kind: CutOff, File: v.file, Line: int(s.records) + 2, Seq: s.end.seq + 1, Offset: s.good}
		v.ends[s.end] = true
	}
	if s.finding != nil {
		v.digests[name.String()] = s.digest()
		v.find(*s.finding)
		v.prev = nil
	}
	return nil
}

// header compares the first line of a segment with the segment before. It
// returns false when the segment does not belong here.
func (v *verifier) header(name segmentName, h header) bool {
	first := v.report.Segments == 0
	if first && (h.Segment != 1 || h.after() != place{0, origin}) {
		v.start = h.after()
	}
	if !first && len(h.Damaged) > 0 {
		v.recorded(name, h)
	}
	v.unsealed()
	if first || v.prev == nil || len(h.Damaged) > 0 || h.after() == v.prev.end {
		return true
	}
	v.find(Finding{
		Kind: BadHeader, File: name.String(), Line: 1, Seq: v.prev.end.seq + 1,
		Text: fmt.Sprintf("the segment follows record %s, but not the one that the segment before ends with: it was replaced or moved", grouped(h.AfterSeq)),
	})
	return false
}

// recorded marks what the log itself has recorded as damaged before a segment.
func (v *verifier) recorded(name segmentName, h header) {
	known, changed := false, false
	for _, d := range h.Damaged {
		if d.File == v.bare {
			v.bare = "" // it was left open on purpose
		}
		for i := range v.report.Findings {
			if f := &v.report.Findings[i]; f.File == d.File || f.File == d.File+sealSuffix {
				f.Recorded, known = true, true
			}
		}
		if sum, ok := v.digests[d.File]; ok && sum != d.SHA256 {
			changed = true
			v.find(Finding{Kind: BadHash, File: d.File, Text: "the file was changed again after its damage was recorded"})
		}
	}
	if !known {
		v.find(Finding{
			Kind: CutOff, File: name.String(), Line: 1, Seq: v.end.seq + 1, Recorded: true,
			Text: fmt.Sprintf("the records up to %s before it were lost", grouped(h.AfterSeq)),
		})
	}
	if !changed && (h.AfterHash != v.end.hash || h.AfterSeq < v.end.seq) {
		v.find(Finding{Kind: BadHeader, File: name.String(), Line: 1, Seq: v.end.seq + 1, Text: "the segment does not continue from the last good line before the damage"})
	}
	v.prev = nil
}

// unsealed tells of a segment before that should have a seal.
func (v *verifier) unsealed() {
	if v.bare != "" {
		v.find(Finding{Kind: BadSeal, File: v.bare, Text: "the segment is finished, but has no seal"})
		v.bare = ""
	}
}

// seal compares a segment whose lines are good with its seal.
func (v *verifier) seal(s *scan, newest bool) (*Finding, error) {
	text, err := readSmall(v.fsys, s.name.String()+sealSuffix)
	if err == nil {
		return sealed(s, text), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	cut := Finding{File: s.name.String(), Line: int(s.records) + 2, Seq: s.end.seq + 1, Offset: s.good}
	switch {
	case len(s.tail) > 0 && newest:
		cut.Kind, cut.Text = Unfinished, "the last line is not finished: it is being written, or writing it was interrupted"
		v.warn(cut)
	case len(s.tail) > 0:
		cut.Kind, cut.Text = CutOff, "the line is cut off"
		return &cut, nil
	case !newest:
		v.bare = s.name.String()
	}
	return nil, nil
}

// visit counts a good record and compares it with what is told of it.
func (v *verifier) visit(n line) bool {
	p := &v.report
	if p.Records == 0 {
		p.FirstSeq, p.First = n.Seq, n.At
	} else if n.At.Before(p.Last) {
		v.warn(v.here(n, TimeBackwards, "the record is %s older than the one before: the clock was set back", p.Last.Sub(n.At)))
	}
	p.Records++
	p.Classes[n.Class]++
	p.LastSeq, p.LastHash, p.Last = n.Seq, n.hash, n.At
	p.Withheld += withheld(n.Record)
	v.compare(n)
	switch n.Class {
	case Unwatched:
		v.gaps.add(n.Record)
	case Anchored:
		v.anchor(n)
	case Removed:
		v.removed(n)
	default:
	}
	v.record = place{n.Seq, n.hash}
	if v.each != nil && !v.ended && !v.each(n.Record, nil) {
		v.ended = true
	}
	return !v.ended
}

// here is a finding about a record.
func (v *verifier) here(n line, kind Kind, format string, args ...any) Finding {
	return Finding{Kind: kind, File: v.file, Line: n.number, Seq: n.Seq, Offset: n.offset, Text: fmt.Sprintf(format, args...)}
}

func withheld(r Record) (n uint64) {
	for _, value := range r.Refs {
		if strings.HasPrefix(value, withheldMark) {
			n++
		}
	}
	if strings.HasPrefix(r.Note, withheldMark) {
		n++
	}
	return n
}

// compare holds a record to what head and anchors tell of it.
func (v *verifier) compare(n line) {
	for _, a := range v.told[n.Seq] {
		switch {
		case a.Hash != n.hash || a.Date != "" && a.Date != day(n.At):
			v.find(v.here(n, BadAnchor, "the record is not the one that %s tells of: one of the two was written anew", a.source))
		case a.Date != "":
			v.report.Anchored++
		}
	}
	delete(v.told, n.Seq)
}

// anchor holds an anchor in the log to the record it names, the one before.
func (v *verifier) anchor(n line) {
	a, ok := anchorOf(n.Record)
	same := a.Seq == v.record.seq && a.Hash == v.record.hash
	if ok && (same || len(v.report.Findings) > 0 || v.record.seq == 0) {
		return
	}
	v.find(v.here(n, BadAnchor, "the anchor is not of the record before it"))
}

// removed holds a retention record to where the log begins.
func (v *verifier) removed(n line) {
	p, ok := removedUpTo(n.Record)
	switch {
	case !ok:
		v.find(v.here(n, BadForm, "the record of a removal does not say of what"))
	case p == v.start || p.seq > v.start.seq && v.ends[p]: // all of it was removed, or a part
		v.covered = true
		v.report.Removed = n.At
	case p.seq >= v.start.seq && len(v.report.Findings) == 0:
		v.find(v.here(n, BadHeader, "the record of a removal names a place where no segment ended"))
	}
}

// closing judges the log as a whole.
func (v *verifier) closing(files listing) {
	if v.start != (place{}) {
		v.report.StartsAfter = v.start.seq
		if !v.covered {
			v.findFirst(Finding{
				Kind: MissingSegment, File: files.segments[0].String(), Line: 1, Seq: v.start.seq + 1,
				Text: fmt.Sprintf("the log begins after record %s, and no record says that what was before has been removed", grouped(v.start.seq)),
			})
		}
	}
	v.seals(files)
	for _, seq := range slices.Sorted(maps.Keys(v.told)) {
		for _, a := range v.told[seq] {
			v.untold(a)
		}
	}
	register := v.gaps.total()
	v.report.Gaps = GapTotals{Count: len(register.Gaps) + register.Left, ByReason: register.ByReason, Unwatched: register.Unwatched}
}

// seals tells of seals without their segments, before and after those that are
// there. Between them the number that is missing says so.
func (v *verifier) seals(files listing) {
	var first, last segmentName
	if n := len(files.segments); n > 0 {
		first, last = files.segments[0], files.segments[n-1]
	}
	for _, file := range slices.Sorted(maps.Keys(files.seals)) {
		name, _ := parseSegmentName(file)
		switch {
		case name.number > last.number:
			v.find(Finding{Kind: MissingSegment, File: file, Seq: v.end.seq + 1, Text: "the segment is missing, its seal is there"})
		case name.number < first.number:
			v.warn(Finding{Kind: MissingSegment, File: file + sealSuffix, Text: "is the seal of a segment that was removed"})
		}
	}
}

// untold judges what is told of a record that was not met.
func (v *verifier) untold(a Anchor) {
	switch {
	case a.Seq > v.end.seq:
		f := v.last
		f.Text = fmt.Sprintf("the log ends at record %s, but %s tells of %s", grouped(v.end.seq), a.source, grouped(a.Seq))
		v.find(f)
	case a.Seq <= v.start.seq:
		v.report.Before++
	default: // behind a finding
		v.report.Unreached++
	}
}

func (v *verifier) find(f Finding) {
	v.report.find(f)
	if v.each != nil && !v.ended && !v.each(Record{}, &fault.Error{Op: "read evidence", Kind: fault.Assertion, Err: errors.New(f.String()), Hint: "see closewatch evidence verify"}) {
		v.ended = true
	}
}

func (v *verifier) findFirst(f Finding) {
	v.find(f)
	n := len(v.report.Findings)
	copy(v.report.Findings[1:], v.report.Findings[:n-1])
	v.report.Findings[0] = f
}

func (v *verifier) warn(f Finding) { v.report.warn(f) }
