package schedule

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Lease lets one process at a time write to a tenant.
type Lease interface {
	// Acquire waits for the lease until ctx is done. What it returns gives the
	// lease back.
	Acquire(ctx context.Context) (release func(), err error)
}

// A FileLease is a lock on a file of the state directory. The operating
// system gives it back when the process dies, however it dies.
type FileLease struct{ path string }

// NewFileLease returns the lease at path. Everything that writes to the tenant
// must use the same file: the daemon and a probe started by hand.
func NewFileLease(path string) *FileLease { return &FileLease{path: path} }

// leasePoll is how often a taken lease is tried again.
const leasePoll = 100 * time.Millisecond

// Acquire implements Lease.
func (l *FileLease) Acquire(ctx context.Context) (func(), error) {
	const op = "take the lease for writing"
	if err := os.MkdirAll(filepath.Dir(l.path), 0o750); err != nil {
		return nil, fault.Wrap(op, err, "check the rights on --data")
	}
	lock := flock.New(l.path) // one per holder: flock keeps two of one process apart, too
	got, err := lock.TryLockContext(ctx, leasePoll)
	switch {
	case got:
		return func() { _ = lock.Unlock() }, nil
	case errors.Is(err, context.DeadlineExceeded):
		err = errors.New("another process is writing to this tenant")
	case err == nil:
		err = errors.New("it was not to be had")
	}
	return nil, &fault.Error{Op: op, Kind: fault.Blocked, Err: err, Hint: "wait for it to finish, or stop it"}
}
