package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// An Anchor is the head of the log at the end of a day. A copy kept elsewhere
// tells the log that was from one written anew.
type Anchor struct {
	Date string // of the record, 2006-01-02 in UTC
	Seq  uint64
	Hash string

	source string // file and line it was read from
}

// String renders "DATE SEQ HASH", the line of anchors.txt.
func (a Anchor) String() string { return fmt.Sprintf("%s %d %s", a.Date, a.Seq, a.Hash) }

func (a Anchor) entry() Entry {
	return Entry{Class: Anchored, Action: "anchor", Refs: map[string]string{
		"date": a.Date, "seq": strconv.FormatUint(a.Seq, 10), "hash": a.Hash,
	}}
}

// anchorOf reads the anchor a record holds.
func anchorOf(r Record) (Anchor, bool) {
	seq, err := strconv.ParseUint(r.Refs["seq"], 10, 64)
	return Anchor{Date: r.Refs["date"], Seq: seq, Hash: r.Refs["hash"]}, err == nil && r.Class == Anchored
}

// maxAnchors bounds a file of anchors: three centuries of days.
const maxAnchors = 100_000

// ReadAnchors reads a file of anchors. name stands for it in messages.
func ReadAnchors(r io.Reader, name string) ([]Anchor, error) {
	var out []Anchor
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" {
			continue
		}
		a := Anchor{source: fmt.Sprintf("%s line %d", name, n)}
		_, err := fmt.Sscanf(lines.Text(), "%s %d %s", &a.Date, &a.Seq, &a.Hash)
		if err == nil {
			_, err = time.Parse(time.DateOnly, a.Date)
		}
		if err != nil || a.String() != lines.Text() || !hashForm.MatchString(a.Hash) {
			return out, &fault.Error{
				Op: "read anchors: " + a.source, Kind: fault.Schema, Err: errors.New("not DATE SEQ HASH"),
				Hint: "give the file as the log wrote it to " + anchorsFile,
			}
		}
		if len(out) == maxAnchors {
			return out, &fault.Error{Op: "read anchors: " + a.source, Kind: fault.Limit, Err: fmt.Errorf("more than %d anchors", maxAnchors), Hint: "split the file"}
		}
		out = append(out, a)
	}
	return out, fault.Wrap("read anchors of "+name, lines.Err(), "")
}

// Anchor records the head of the log now, beside the anchors that the first
// record of each day makes. It returns an error when there is no record yet.
func (l *Log) Anchor(ctx context.Context) (Anchor, error) {
	var a Anchor
	err := l.exclusively(ctx, func() error {
		if l.head.seq == 0 {
			return &fault.Error{Op: "anchor the evidence log", Kind: fault.Rejected, Err: errors.New("it has no record"), Hint: "append one first"}
		}
		a = l.anchor()
		return l.commit(l.s.Now(), []Entry{a.entry()}, nil)
	})
	if err != nil {
		return Anchor{}, err
	}
	return a, nil
}

// anchor is the last record as an anchor. Only the holder of the turn changes it.
func (l *Log) anchor() Anchor {
	return Anchor{Date: l.lastAt.UTC().Format(time.DateOnly), Seq: l.head.seq, Hash: l.head.hash}
}

// keepAnchors brings anchors that are in the log into anchors.txt, with those
// that could not be written before. The log holds them, so a failure is no loss.
func (l *Log) keepAnchors(anchors ...Anchor) {
	l.unkept = append(l.unkept, anchors...)
	if len(l.unkept) == 0 {
		return
	}
	path := filepath.Join(l.s.Dir, anchorsFile)
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return
	}
	for _, a := range l.unkept {
		content = append(content, a.String()+"\n"...)
	}
	if durable.WriteFile(path, content) == nil {
		l.unkept = nil
	}
}

// unkeptAnchors are those of a segment that anchors.txt lacks: a crash came
// between the record and the file.
func unkeptAnchors(path string, inLog []Anchor) []Anchor {
	content, _ := os.ReadFile(path) // what cannot be read lacks all of them
	kept := map[string]bool{}
	for line := range lines(content) {
		kept[line] = true
	}
	var out []Anchor
	for _, a := range inLog {
		if !kept[a.String()] {
			out = append(out, a)
		}
	}
	return out
}
