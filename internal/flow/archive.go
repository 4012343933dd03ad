package flow

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of an archive.
const (
	// KeepAll is how long every run is kept. After it, of the runs that passed
	// one an hour is, and after KeepHourly one a day.
	KeepAll    = 48 * time.Hour
	KeepHourly = 30 * 24 * time.Hour

	DefaultArchiveAge   = 400 * 24 * time.Hour // of every run
	DefaultArchiveBytes = 256 << 20            // of all segments

	maxSegment   = 8 << 20          // bytes; the next run begins another
	maxRunLine   = 256 << 10        // bytes; a longer run is kept without what was exchanged
	maxOwed      = 256              // runs that wait for a disk that refused them
	archiveWait  = 10 * time.Second // for another process that appends
	archiveRetry = 5 * time.Millisecond
)

// ArchiveOptions say where runs are kept and how many.
type ArchiveOptions struct {
	Dir   string           // made when it is missing
	Age   time.Duration    // what is older goes; 0 means DefaultArchiveAge
	Bytes int64            // what is beyond goes, passed runs first; 0 means DefaultArchiveBytes
	Now   func() time.Time // nil means time.Now; dates segments
}

// An Archive keeps runs on disk, those that did not pass longer than those
// that passed.
//
// A run is on disk when Add returns nil. A run whose writing failed is kept in
// memory and written with the next one; those beyond a bound are lost and
// counted. Several processes may add to one directory at once: a lock, which
// the operating system gives back however its holder ends, puts one behind the
// other. Reading needs no lock.
//
// The directory holds segments, files of one checked line a run. A segment is
// begun each day, or when the one before is large, and named by its number and
// day; ".hourly" and ".daily" in the name say that successes were thinned. A
// line that is torn or damaged is skipped and told, never trusted.
type Archive struct {
	o ArchiveOptions

	mu   sync.Mutex
	owed []Run
	lost int
}

// OpenArchive returns the archive in a directory, making it.
func OpenArchive(o ArchiveOptions) (*Archive, error) {
	if o.Age <= 0 {
		o.Age = DefaultArchiveAge
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultArchiveBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fault.Wrap("open the archive of runs", err, "check the rights on --data")
	}
	return &Archive{o: o}, nil
}

// Add keeps a run.
func (a *Archive) Add(run Run) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owed = append(a.owed, run)
	err := a.settle()
	if extra := len(a.owed) - maxOwed; extra > 0 {
		a.owed = a.owed[extra:]
		a.lost += extra
	}
	return err
}

// Lost returns how many runs could not be kept.
func (a *Archive) Lost() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lost
}

// settle writes what is owed, oldest first.
func (a *Archive) settle() error {
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	var untidy error
	for len(a.owed) > 0 {
		segments, err := listSegments(a.o.Dir)
		if err != nil {
			return a.failed(err)
		}
		line, err := encodeRun(a.owed[0])
		if err != nil { // it will not be better next time
			a.owed = a.owed[1:]
			a.lost++
			untidy = errors.Join(untidy, err)
			continue
		}
		g, fresh := a.target(segments, int64(len(line)))
		if fresh && len(segments) > 0 {
			untidy = errors.Join(untidy, a.retain(segments))
		}
		if err := appendLine(filepath.Join(a.o.Dir, g.name()), line); err != nil {
			return a.failed(err)
		}
		a.owed = a.owed[1:]
	}
	return fault.Wrap("remove old runs", untidy, "check the disk of --data, and the rights on its directory runs")
}

func (a *Archive) failed(err error) error {
	return fault.Wrap("keep a run", err, "check the space on the disk of --data, and the rights on its directory runs")
}

// lock keeps other processes from writing. What it returns lets them again.
func (a *Archive) lock() (func(), error) {
	const op = "take the lock of the archive of runs"
	ctx, cancel := context.WithTimeout(context.Background(), archiveWait)
	defer cancel()
	lock := flock.New(filepath.Join(a.o.Dir, "lock"), flock.SetPermissions(0o640))
	held, err := lock.TryLockContext(ctx, archiveRetry)
	switch {
	case held:
		return func() { _ = lock.Close() }, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &fault.Error{Op: op, Kind: fault.Locked, Err: errors.New("another process holds it"), Hint: "look for a closewatch that hangs on the disk of --data"}
	}
	return nil, fault.Wrap(op, err, "check the rights on --data")
}

// encodeRun returns a run as a line of bounded length.
func encodeRun(run Run) ([]byte, error) {
	line, err := encodeLine(run)
	if err != nil || len(line) <= maxRunLine {
		return line, err
	}
	steps := make([]Step, len(run.Steps))
	for i, s := range run.Steps {
		s.Exchange = ""
		steps[i] = s
	}
	run.Steps = steps
	return encodeLine(run)
}

// appendLine adds a line to a file; it is on disk when appendLine returns nil.
// What could only be written in part is taken back.
func appendLine(path string, line []byte) (err error) {
	_, statErr := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if torn(f) {
		line = append([]byte{'\n'}, line...) // end the torn line, so that it spoils no other
	}
	if _, err := f.Write(line); err != nil {
		_ = f.Truncate(info.Size()) // else the next line ends it
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		return durable.SyncDir(filepath.Dir(path))
	}
	return nil
}
