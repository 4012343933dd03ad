package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/fault"
)

// dataVersion is the version of the data directory's layout.
const dataVersion = "1"

// A dataDir is the directory of all that is kept: VERSION, lock, tsdb/,
// outbox/, state/. One daemon holds it at a time.
type dataDir struct {
	path string
	lock *flock.Flock
}

// openDataDir makes the directory when it is new, refuses one of another
// version, and takes its lock.
func openDataDir(path string) (*dataDir, error) {
	op := "open data directory " + path
	if err := os.MkdirAll(filepath.Join(path, "state"), 0o750); err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Denied, Err: err, Hint: "name a directory the daemon may write, with data: in the estate or --data"}
	}
	d := &dataDir{path: path, lock: flock.New(filepath.Join(path, "lock"))}
	held, err := d.lock.TryLock()
	if err != nil {
		return nil, fault.Wrap(op, err, "check that the directory is writable")
	}
	if !held {
		return nil, &fault.Error{Op: op, Kind: fault.Locked, Err: errors.New("another closewatch uses it"), Hint: "stop the other one, or give this one its own directory with --data"}
	}
	if err := d.checkVersion(); err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

func (d *dataDir) checkVersion() error {
	file := filepath.Join(d.path, "VERSION")
	got, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return writeFile(file, []byte(dataVersion+"\n"))
	case err != nil:
		return fault.Wrap("read "+file, err, "check the permissions of the data directory")
	case strings.TrimSpace(string(got)) != dataVersion:
		return &fault.Error{
			Op: "open data directory " + d.path, Kind: fault.Schema,
			Err:  fmt.Errorf("its layout is version %q, this program knows version %s", strings.TrimSpace(string(got)), dataVersion),
			Hint: "run the version of closewatch that wrote it, or name another directory",
		}
	}
	return nil
}

// join returns a path inside the directory.
func (d *dataDir) join(parts ...string) string {
	return filepath.Join(append([]string{d.path}, parts...)...)
}

// Close gives the directory up.
func (d *dataDir) Close() error { return d.lock.Close() }

// writeFile replaces a file whole: a reader, also after a crash, finds either
// the old content or the new.
func writeFile(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name()) // it never took its place
		}
	}()
	if _, err = tmp.Write(content); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err = tmp.Sync(); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
