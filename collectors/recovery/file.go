package recovery

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxFile bounds what is read of one file. An entry of pgBackRest has some 600
// bytes: this is room for 25 000 backups.
const maxFile = 16 << 20

// readFile returns a file's content and when it was last written.
func readFile(path string) ([]byte, time.Time, error) {
	op := "read " + path
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, unreadable(op, err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, time.Time{}, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("is not a file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, unreadable(op, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, time.Time{}, unreadable(op, err)
	case len(text) > maxFile:
		return nil, time.Time{}, &fault.Error{Op: op, Kind: fault.Limit, Err: fmt.Errorf("is longer than %d bytes", maxFile)}
	}
	return text, info.ModTime(), nil
}

// names lists a directory, at most most of its entries.
func names(path string, most int) ([]fs.DirEntry, error) {
	op := "list " + path
	dir, err := os.Open(path)
	if err != nil {
		return nil, unreadable(op, err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(most + 1)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, unreadable(op, err)
	case len(entries) > most:
		return nil, &fault.Error{Op: op, Kind: fault.Limit, Err: fmt.Errorf("has more than %d entries", most)}
	}
	return entries, nil
}

func unreadable(op string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok { // repeats the path
		err = p.Err
	}
	f := &fault.Error{Op: op, Kind: fault.Unreachable, Err: err, Hint: "check the path"}
	if errors.Is(err, fs.ErrPermission) {
		f.Kind, f.Hint = fault.Denied, "make the file and its folders readable for the daemon's user"
	}
	return f
}
