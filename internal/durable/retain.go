package durable

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Retain removes what LogOptions say is too old or too much, oldest first, and
// what was set aside of it. The newest segment stays. Of what is too old one
// segment goes with each call, so that a clock that is wrong for a while costs
// little: call it every hour or so. It returns how many segments were removed.
func (l *Log) Retain(now time.Time) (removed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sizes, total, err := l.sizes()
	if err != nil {
		return 0, err
	}
	for len(l.segments) > 1 {
		beyond := l.o.Bytes > 0 && total > l.o.Bytes
		if !beyond && (removed > 0 || !l.oldestEnded(now)) {
			break
		}
		oldest := l.segments[0]
		for _, f := range sizes {
			if f.first > oldest.first || f.path == "" {
				continue
			}
			if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return removed, err
			}
			total -= f.size
		}
		sizes = slices.DeleteFunc(sizes, func(f logFile) bool { return f.first <= oldest.first })
		l.segments = l.segments[1:]
		removed++
	}
	if removed > 0 {
		err = SyncDir(l.o.Dir)
	}
	return removed, err
}

// oldestEnded reports whether the oldest segment ended longer ago than records
// are kept: the one after it was begun then.
func (l *Log) oldestEnded(now time.Time) bool {
	if l.o.Age <= 0 {
		return false
	}
	f, err := os.Open(l.segments[1].path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return false
	}
	made, whole, err := decodeHeader(b, l.segments[1].first)
	return err == nil && whole && now.Sub(made) > l.o.Age
}

// A logFile is a segment or what was set aside of one.
type logFile struct {
	first uint64
	path  string
	size  int64
}

// sizes lists the files of the log and the bytes they take.
func (l *Log) sizes() (files []logFile, total int64, err error) {
	entries, err := os.ReadDir(l.o.Dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		first, _, ok := firstOf(e.Name())
		info, err := e.Info()
		if !ok || err != nil || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, logFile{first, filepath.Join(l.o.Dir, e.Name()), info.Size()})
		total += info.Size()
	}
	return files, total, nil
}
