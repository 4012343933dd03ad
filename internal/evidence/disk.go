package evidence

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"

	"github.com/closewatch/closewatch/internal/durable"
)

// A file is the end of a segment that is written to.
type file interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
	Close() error
}

// A disk is where the log is written. It is a seam: tests put a failing one
// between.
type disk struct {
	// whole writes a file durably, whole or not at all.
	whole func(path string, content []byte) error
	// end opens a segment to write at its end.
	end func(path string) (file, error)
}

func realDisk() disk {
	return disk{
		whole: durable.WriteFile,
		end: func(path string) (file, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		},
	}
}

// writeHead replaces the file head, without waiting for the disk: it may lag
// behind the log and never leads it.
func writeHead(dir string, at place) error {
	tmp := filepath.Join(dir, headFile+".new")
	if err := os.WriteFile(tmp, []byte(at.line()), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, headFile))
}

// sweep removes what an interrupted replacement left.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, ".new-*")) // the pattern is well-formed
	for _, name := range append(left, filepath.Join(dir, headFile+".new")) {
		_ = os.Remove(name) // what stays is in nobody's way
	}
}

// lines are the whole lines of a content.
func lines(content []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range bytes.Lines(content) {
			if text, whole := bytes.CutSuffix(line, []byte{'\n'}); whole && !yield(string(text)) {
				return
			}
		}
	}
}
