package evidence

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Removal is what Retain did.
type Removal struct {
	Segments int    // that were removed
	LastSeq  uint64 // of the last record that is no longer there; 0 when nothing was removed
	Held     bool   // a file HOLD is in the directory, so nothing was removed
}

// Retain removes whole finished segments, oldest first, whose records are all
// older than until; never the newest. It first records what it removes, so that
// the log says why it begins where it begins. While there is a file HOLD beside
// the segments, nothing is removed.
func (l *Log) Retain(ctx context.Context, until time.Time) (Removal, error) {
	var done Removal
	err := l.exclusively(ctx, func() error {
		dir := os.DirFS(l.s.Dir)
		files, err := list(dir)
		if err != nil {
			return err
		}
		old, next, err := outdated(dir, files.segments, until)
		if err != nil || len(old) == 0 {
			return err
		}
		if _, err := fs.Stat(dir, holdFile); !errors.Is(err, fs.ErrNotExist) {
			done.Held = err == nil
			return err
		}
		if err := l.commit(l.s.Now(), []Entry{removal(old, next, until)}, nil); err != nil {
			return err
		}
		done.LastSeq = next.AfterSeq
		for _, name := range old {
			if err := l.remove(name); err != nil {
				return err
			}
			done.Segments++
		}
		return nil
	})
	return done, fault.Wrap("remove old evidence from "+l.s.Dir, err, "")
}

// remove removes a segment, its seal and what was torn off it. The segment goes
// first: a seal alone is a left-over, a segment without its seal would be damage.
func (l *Log) remove(name segmentName) error {
	path := l.path(name.String())
	if err := os.Remove(path); err != nil {
		return err
	}
	left, _ := filepath.Glob(path + tornSuffix + "-*") // the pattern is well-formed
	for _, file := range append(left, path+sealSuffix) {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err // a damaged segment has no seal
		}
	}
	return nil
}

// outdated are the segments from the oldest on that were finished before until,
// and the header of the one after them. A segment is finished when the next one
// begins, whose header says when that was.
func outdated(dir fs.FS, segments []segmentName, until time.Time) (old []segmentName, next header, err error) {
	for i := 1; i < len(segments); i++ {
		h, err := readHeader(dir, segments[i])
		if err != nil {
			return old, next, err
		}
		// A first line that is not good dates nothing: nothing beyond it is removed.
		if h.Format == 0 || !h.At.Before(until) {
			break
		}
		old, next = segments[:i], h
	}
	return old, next, nil
}

func readHeader(dir fs.FS, name segmentName) (header, error) {
	s, err := readSegment(dir, name, visit{header: func(header) bool { return false }})
	if err != nil {
		return header{}, err
	}
	return s.header, nil
}

func removal(old []segmentName, next header, until time.Time) Entry {
	return Entry{
		Class: Removed, Action: "segments-removed", Refs: map[string]string{
			"first_file": old[0].String(), "last_file": old[len(old)-1].String(), "segments": strconv.Itoa(len(old)),
			"last_seq": strconv.FormatUint(next.AfterSeq, 10), "last_hash": next.AfterHash,
			"until": until.UTC().Format(time.RFC3339),
		},
	}
}

// removedUpTo reads where the log goes on after a removal.
func removedUpTo(r Record) (place, bool) {
	seq, err := strconv.ParseUint(r.Refs["last_seq"], 10, 64)
	return place{seq, r.Refs["last_hash"]}, err == nil && r.Class == Removed
}
