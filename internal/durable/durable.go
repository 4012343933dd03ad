// Package durable keeps files whole across crashes.
//
// A file is replaced whole or not at all; what carries a checksum is either as
// it was written or named as damaged and set aside, never overwritten and never
// half believed. A Log is for what grows: records that are on disk before an
// append returns, in segments that are read, checked and removed one by one.
// The package knows nothing of what files and records mean. FORMAT.md has the
// layout of what it writes.
package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix begins the name of a file that has not taken its place yet.
const tempPrefix = ".new-"

// A File is a file being written.
type File interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

// A Disk is where files are written. Its zero value is the real one; a test
// gives it a Create whose files fail, to see what a full or broken disk does.
type Disk struct {
	// Create makes a new file in dir, as os.CreateTemp does.
	Create func(dir, pattern string) (File, error)
}

func (d Disk) create(dir string) (File, error) {
	if d.Create != nil {
		return d.Create(dir, tempPrefix+"*")
	}
	return os.CreateTemp(dir, tempPrefix+"*")
}

// WriteFile replaces a file whole: a reader, also after a crash, finds either
// the old content or the new. It returns when both content and name are on
// disk.
func WriteFile(path string, content []byte) error { return Disk{}.WriteFile(path, content) }

// WriteFile replaces a file whole, as the function of that name does.
func (d Disk) WriteFile(path string, content []byte) error {
	f, err := d.place(path, content)
	if err != nil {
		return err
	}
	return f.Close()
}

// place makes a synced file of the given content take its place at path. The
// file is returned open, for more to be appended.
func (d Disk) place(path string, content []byte) (_ File, err error) {
	f, err := d.create(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
			_ = os.Remove(f.Name()) // fails when it has taken its place, where it is whole
		}
	}()
	if _, err = f.Write(content); err != nil {
		return nil, err
	}
	if err = f.Sync(); err != nil {
		return nil, err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return nil, err
	}
	return f, SyncDir(filepath.Dir(path))
}

// SyncDir brings the names in a directory to disk: a file that was made or
// renamed in it is there after a crash.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Sweep removes what writers that were killed left in a directory: files that
// never took their place. It must not run beside a writer. It returns how many
// it removed.
func Sweep(dir string) (removed int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			errs = append(errs, err)
			continue
		}
		removed++
	}
	return removed, errors.Join(errs...)
}
