package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// folders are the directories of the layout.
var folders = [...]string{"tsdb", "ticks", "ledger", "evidence", "outbox", "runs", "state"}

// A Dir is a data directory that is held by this process.
type Dir struct {
	path     string
	disk     durable.Disk
	lock     *flock.Flock
	findings []Finding
}

// Open makes the directory when it is new, takes its lock, brings its layout up
// to date and tidies up after a crash. What it found on the way that a person
// should know is in Findings; what makes the directory unusable is an error
// with a hint, and leaves the directory as it was. now is the wall clock.
func Open(path string, now time.Time) (*Dir, error) { return open(path, now, durable.Disk{}) }

func open(path string, now time.Time, disk durable.Disk) (*Dir, error) {
	d := &Dir{path: path, disk: disk, lock: flock.New(filepath.Join(path, "lock"), flock.SetPermissions(0o600))}
	op := "open data directory " + path
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, unusable(op, err)
	}
	held, err := d.lock.TryLock()
	if err != nil {
		return nil, unusable(op, err)
	}
	if !held {
		return nil, &fault.Error{
			Op: op, Kind: fault.Locked, Err: errors.New("another closewatch uses it"),
			Hint: "stop the other one, or give this one its own directory with --data",
		}
	}
	if err := d.prepare(now); err != nil {
		return nil, errors.Join(unusable(op, err), d.lock.Close())
	}
	return d, nil
}

// unusable says what to do about a directory that cannot be used.
func unusable(op string, err error) error {
	hint := "name a directory the daemon may write, with data: in the estate or --data"
	kind := fault.Denied
	switch {
	case errors.As(err, new(*fault.Error)):
		return err
	case errors.Is(err, syscall.EROFS):
		hint = "its file system is read-only: mount it for writing, or name another directory with --data"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		kind, hint = fault.Limit, "free space on its disk, or name another directory with --data"
	case errors.Is(err, syscall.EIO):
		kind, hint = fault.Internal, "its disk fails: replace it, and restore the directory from a backup"
	}
	return &fault.Error{Op: op, Kind: kind, Err: err, Hint: hint}
}

// prepare brings a directory that is held into the state of a fresh start.
func (d *Dir) prepare(now time.Time) error {
	used, err := d.readClock()
	if err != nil {
		return err
	}
	layout, err := d.layout(used)
	if err != nil {
		return err
	}
	for _, name := range folders {
		if err := os.MkdirAll(d.Join(name), 0o750); err != nil {
			return err
		}
	}
	if err := d.settle(layout); err != nil {
		return err
	}
	if err := d.tidy(); err != nil {
		return err
	}
	d.compareClock(used, now)
	if err := d.Touch(now); err != nil {
		d.find(LowSpace, "cannot record when the directory is used: "+err.Error(), "free space on its disk")
	}
	return d.lookAround()
}

// Join returns a path inside the directory.
func (d *Dir) Join(parts ...string) string {
	return filepath.Join(append([]string{d.path}, parts...)...)
}

// Findings lists what was found when the directory was opened.
func (d *Dir) Findings() []Finding { return d.findings }

// Close gives the directory up.
func (d *Dir) Close() error { return d.lock.Close() }

// tidy removes what a process that was killed left half written. The lock is
// held: nobody is writing now. The store tidies up in tsdb itself.
func (d *Dir) tidy() error {
	removed := 0
	err := filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !e.IsDir():
			return nil
		case path == d.Join("tsdb"):
			return filepath.SkipDir
		}
		n, err := durable.Sweep(path)
		removed += n
		return err
	})
	if removed > 0 {
		d.find(Stale, fmt.Sprintf("removed %d files that an earlier run did not finish writing", removed), "")
	}
	return err
}

// maxNamed is how many files that were set aside are named.
const maxNamed = 5

// lookAround reports what was set aside by earlier runs, who else may read the
// directory, and how full its disk is.
func (d *Dir) lookAround() error {
	var aside []string
	var bytes int64
	count := 0
	err := filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !durable.IsAside(e.Name()) {
			return err
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		if count++; count <= maxNamed {
			rel, _ := filepath.Rel(d.path, path) // path is below d.path
			aside = append(aside, rel)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if count > 0 {
		d.find(SetAside, fmt.Sprintf("%d damaged files with %d bytes are set aside, among them %v", count, bytes, aside),
			"look at them or keep them as evidence, then remove them")
	}
	if info, err := os.Stat(d.path); err == nil && info.Mode().Perm()&0o007 != 0 {
		d.find(Exposed, fmt.Sprintf("everybody on this machine may enter it: its mode is %04o", info.Mode().Perm()), "chmod o-rwx "+d.path)
	}
	space, err := d.Space()
	if err != nil {
		return err
	}
	if space.Low() {
		d.find(LowSpace, space.String(), "free space on its disk, or lower store.retention")
	}
	return nil
}
