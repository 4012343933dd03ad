package logtail

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/closewatch/closewatch/internal/fault"
)

// errNotRegular is a path that cannot be read by offset.
var errNotRegular = errors.New("not a regular file")

// openRegular opens a file without waiting for a writer, should it be a pipe.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, cmp.Or(err, errNotRegular)
	}
	return f, nil
}

func (f *Follower[S]) openError(err error) error {
	e := &fault.Error{Op: "open " + f.o.Name, Kind: fault.Unreachable, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = f.o.Hint
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Hint = fault.Denied, "let the daemon's user read the log and search its directory"
	case errors.Is(err, errNotRegular):
		e.Kind, e.Hint = fault.Schema, "have the log written to a file: a pipe or a terminal cannot be resumed"
	}
	return e
}

func (f *Follower[S]) readError(err error) error {
	return &fault.Error{Op: "read " + f.o.Name, Kind: fault.Unreachable, Err: err, Hint: "check the file system that holds it"}
}
