package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/fault"
)

// An Opening is what Open found. All of it is in the log, too.
type Opening struct {
	// Findings are damage in the newest segment, or records that head tells of
	// and the log lacks. The files stay as they are; Verify names them each time.
	Findings []Finding
	// Torn is the file that holds what an interrupted write left at the end of
	// the log; empty when nothing was. It was never acknowledged.
	Torn string
	// Last is the last record before this run; its Seq is 0 when there is none.
	Last Record
	// FreshKey is true when the key for pseudonyms was made: who is named in
	// older records can no longer be told.
	FreshKey bool
}

// StoppedCleanly reports whether the run before ended by saying so: with a
// record of class System and action Stop.
func (o Opening) StoppedCleanly() bool { return o.Last.Class == System && o.Last.Action == Stop }

// Actions of class System that draw the line between two runs.
const (
	Start = "start"
	Stop  = "stop"
)

// maxDamaged bounds the files a header names. The verifier finds the others.
const maxDamaged = 16

// Open makes or continues the log in a directory. It reads the newest segment
// only; Verify reads all. Damage does not keep it from opening: what is damaged
// stays as it is and the chain goes on in a new segment that says so. It refuses
// a directory that another process writes to.
func Open(s Settings) (*Log, error) { return open(s, realDisk()) }

func open(s Settings, d disk) (*Log, error) {
	op := "open the evidence log in " + s.Dir
	if s.Dir == "" || s.KeyFile == "" {
		return nil, &fault.Error{Op: op, Kind: fault.Internal, Err: errors.New("it needs a directory and a key file")}
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.SegmentBytes <= 0 {
		s.SegmentBytes = segmentBytes
	}
	for _, dir := range []string{s.Dir, filepath.Dir(s.KeyFile)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fault.Wrap(op, err, "name a data directory that the daemon may write")
		}
	}
	l := &Log{s: s, disk: d, turn: make(chan struct{}, 1), lock: flock.New(filepath.Join(s.Dir, lockFile))}
	held, err := l.lock.TryLock()
	if err != nil {
		return nil, fault.Wrap(op, err, "make the directory writable for the daemon")
	}
	if !held {
		return nil, &fault.Error{Op: op, Kind: fault.Locked, Err: errors.New("another process writes to it"), Hint: "stop the other one, or give this one its own data directory"}
	}
	if err := l.load(); err != nil {
		return nil, fault.Wrap(op, errors.Join(err, l.lock.Close()), "make the directory readable and writable for the daemon")
	}
	return l, nil
}

// Opening is what Open found.
func (l *Log) Opening() Opening { return l.found }

// load finds where the log goes on, and records what was found on the way.
func (l *Log) load() (err error) {
	sweep(l.s.Dir)
	if l.keys, l.found.FreshKey, err = openCipher(l.s.KeyFile); err != nil {
		return err
	}
	dir := os.DirFS(l.s.Dir)
	files, err := list(dir)
	if err != nil {
		return err
	}
	told := l.toldHead()
	l.at, l.head = place{0, origin}, place{0, origin}
	if err := l.resume(dir, files.segments, told); err != nil {
		return err
	}
	if lead := told.seq - l.at.seq; told.seq > l.at.seq && lead <= maxLead {
		l.goBeyond(told)
	}
	if l.found.FreshKey && l.head.seq > 0 {
		l.owed = append(l.owed, Entry{Class: Configuration, Action: "pseudonym-key-made"})
	}
	if len(l.owed) > 0 {
		_ = l.commit(l.s.Now(), nil, nil) // owed until a disk takes it
	}
	l.keepAnchors()
	return nil
}

// maxLead bounds how far head may lead the log before it is taken for damaged
// itself rather than for a witness of records that are gone.
const maxLead = 1 << 32

// toldHead is what head says; the zero place when it says nothing that can be
// believed. Verify tells of a head that cannot be read.
func (l *Log) toldHead() place {
	b, err := readSmall(os.DirFS(l.s.Dir), headFile)
	if err != nil {
		return place{}
	}
	p, _ := parseHead(b)
	return p
}

// resume continues from the newest segment with a good first line, and finds
// the last record, which may be in one before.
func (l *Log) resume(dir fs.FS, segments []segmentName, told place) error {
	var lost uint64
	for i, name := range slices.Backward(segments) {
		newest := i == len(segments)-1
		if newest {
			l.last = name
		}
		s, anchors, err := scanFor(dir, name, told)
		if err != nil {
			return err
		}
		if newest && s.finding == nil {
			s.finding = l.judge(dir, s)
		}
		resumed := l.at.hash != origin
		if !resumed && s.header.Format != 0 {
			l.at, l.unkept = s.end, unkeptAnchors(l.path(anchorsFile), anchors)
		}
		switch {
		case resumed:
		case s.finding != nil:
			l.recordDamage(s)
			lost += uint64(s.rest)
		case newest:
			if err := l.reopen(s); err != nil {
				return err
			}
		}
		if s.records > 0 {
			l.head, l.lastAt, l.found.Last = s.record, s.last.At, s.last
			break
		}
	}
	l.at.seq += lost
	return nil
}

// scanFor scans a segment, gathers its anchors and compares it with what head
// told of it.
func scanFor(dir fs.FS, name segmentName, told place) (*scan, []Anchor, error) {
	var anchors []Anchor
	another := false
	s, err := readSegment(dir, name, visit{record: func(n line) bool {
		if a, ok := anchorOf(n.Record); ok {
			anchors = append(anchors, a)
		}
		another = another || n.Seq == told.seq && n.hash != told.hash
		return true
	}})
	if err == nil && s.finding == nil && another {
		s.finding = &Finding{Kind: BadAnchor, File: name.String(), Seq: told.seq, Text: "the record is not the one that " + headFile + " tells of"}
	}
	return s, anchors, err
}

// judge compares the newest segment with its seal, if it was finished.
func (l *Log) judge(dir fs.FS, s *scan) *Finding {
	text, err := readSmall(dir, s.name.String()+sealSuffix)
	if err != nil {
		return nil // not finished
	}
	l.finished = true
	return sealed(s, text)
}

// reopen continues a segment at its end, after cutting off a torn line.
func (l *Log) reopen(s *scan) error {
	if l.finished {
		return nil // the next commit begins another
	}
	f, err := l.disk.end(l.path(s.name.String()))
	if err != nil {
		return err
	}
	l.seg = &segment{
		name: s.name, day: day(s.header.At), file: f, sum: s.sum, records: s.records, first: s.first, bytes: s.good,
	}
	if len(s.tail) == 0 {
		return nil
	}
	kept := "kept"
	l.found.Torn = s.name.String() + tornSuffix + "-" + strconv.FormatInt(s.good, 10)
	if err := l.disk.whole(l.path(l.found.Torn), s.tail); err != nil {
		kept, l.found.Torn = "not-kept", ""
	}
	l.seg.broken = true
	_ = l.seg.mend() // ready tries again
	l.owed = append(l.owed, Entry{
		Class: Damaged, Action: "torn-line-cut", Outcome: kept, Digest: Digest(s.tail),
		Refs: map[string]string{
			"file": s.name.String(), "offset": strconv.FormatInt(s.good, 10), "bytes": strconv.Itoa(len(s.tail)),
		},
	})
	return nil
}

// recordDamage leaves a segment as it is. Its lines from the bad one on may
// have been acknowledged, so their numbers are not given again.
func (l *Log) recordDamage(s *scan) {
	l.found.Findings = append(l.found.Findings, *s.finding)
	l.name(damaged{File: s.name.String(), SHA256: s.digest(), Bytes: s.bytes})
	l.owed = append(l.owed, Entry{
		Class: Damaged, Action: "segment-damaged", Outcome: string(s.finding.Kind), Digest: "sha256:" + s.digest(),
		Refs: map[string]string{
			"file": s.name.String(), "line": strconv.Itoa(s.finding.Line), "seq": strconv.FormatUint(s.finding.Seq, 10),
			"offset": strconv.FormatInt(s.finding.Offset, 10), "lost": strconv.FormatInt(s.rest, 10),
		},
	})
}

// name puts a damaged file into the header of the next segment.
func (l *Log) name(d damaged) {
	if len(l.damaged) < maxDamaged {
		l.damaged = append(l.damaged, d)
	}
}

// goBeyond leaves out the numbers of records that head tells of and the log
// lacks. Unless damage that was found explains it, that is a loss of its own.
func (l *Log) goBeyond(told place) {
	if len(l.found.Findings) == 0 {
		l.recordLoss(told)
	}
	l.at.seq = told.seq
}

func (l *Log) recordLoss(told place) {
	l.found.Findings = append(l.found.Findings, Finding{
		Kind: CutOff, File: headFile, Seq: l.at.seq + 1,
		Text: fmt.Sprintf("tells of record %s, but the log ends at %s", grouped(told.seq), grouped(l.at.seq)),
	})
	l.owed = append(l.owed, Entry{
		Class: Damaged, Action: "records-lost", Outcome: string(CutOff), Refs: map[string]string{
			"file": headFile, "first_seq": strconv.FormatUint(l.at.seq+1, 10),
			"last_seq": strconv.FormatUint(told.seq, 10), "lost": strconv.FormatUint(told.seq-l.at.seq, 10),
		},
	})
	sum := sha256.Sum256([]byte(told.line()))
	l.name(damaged{File: headFile, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(told.line()))})
	if l.seg == nil {
		return
	}
	// Nothing more is written to a segment whose end is gone.
	l.name(damaged{File: l.seg.name.String(), SHA256: hex.EncodeToString(l.seg.sum.Sum(nil)), Bytes: l.seg.bytes})
	_ = l.seg.file.Close() // nothing was written to it
	l.seg = nil
}
