package schedule

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A Lease lets one process at a time write to a tenant.
type Lease interface {
	// Acquire waits for the lease until ctx is done. Its error is a
	// *fault.Error of kind fault.Blocked, and ErrTaken when another process
	// holds the lease.
	Acquire(ctx context.Context) (Held, error)
}

// Held is a lease that was acquired. It can be lost at any time.
type Held interface {
	// Check returns nil when the lease is held at this moment, and otherwise
	// why not, or why nobody can tell.
	Check(ctx context.Context) error
	// Release gives the lease back.
	Release()
}

// takeLease is what was attempted when a lease was not to be had.
const takeLease = "take the lease for writing"

// ErrTaken is what keeps a lease from being had while another process has it.
var ErrTaken = errors.New("another process is writing to this tenant")

var errReplaced = errors.New("the lease's file was removed or replaced: another process may hold the new one")

// A FileLease is a lock on a file of the state directory: of the processes of
// one machine. The operating system gives it back when the process dies,
// however it dies.
type FileLease struct{ path string }

// NewFileLease returns the lease at path. Everything that writes to the tenant
// must use the same file: the daemon and a probe started by hand.
func NewFileLease(path string) *FileLease { return &FileLease{path: path} }

// leasePoll is how often a taken lease is tried again.
const leasePoll = 100 * time.Millisecond

// Acquire implements Lease.
func (l *FileLease) Acquire(ctx context.Context) (Held, error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o750); err != nil {
		return nil, &fault.Error{Op: takeLease, Kind: fault.Blocked, Err: err, Hint: "check the rights on --data"}
	}
	for {
		lock := flock.New(l.path) // one per holder: flock keeps two of one process apart, too
		got, err := lock.TryLockContext(ctx, leasePoll)
		switch {
		case got:
			held := &heldFile{lock: lock, path: l.path}
			if held.file, err = lock.Stat(); err == nil && held.Check(ctx) == nil {
				return held, nil
			}
			held.Release() // its file was removed meanwhile: that lock is nobody's
			if err == nil && ctx.Err() == nil {
				continue
			}
		case errors.Is(err, context.DeadlineExceeded):
			err = ErrTaken
		}
		if err == nil {
			err = errors.New("it was not to be had")
		}
		return nil, &fault.Error{Op: takeLease, Kind: fault.Blocked, Err: err, Hint: "wait for it to finish, or stop it"}
	}
}

// heldFile is a FileLease that is held.
type heldFile struct {
	lock *flock.Flock
	path string
	file fs.FileInfo // that is locked
}

// Check implements Held: whoever removes the file lets another process lock
// a new one.
func (h *heldFile) Check(context.Context) error {
	there, err := os.Stat(h.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(there, h.file):
		return errReplaced
	}
	return err
}

// Release implements Held.
func (h *heldFile) Release() { _ = h.lock.Unlock() }

// An AdvisoryLease is an advisory lock in the tenant's own database: of all
// processes, wherever they run. It costs one connection while it is held.
type AdvisoryLease struct {
	servers []pgsession.Settings
	key     int64
}

// namespace keeps our locks apart from those that Odoo and its modules take.
const namespace = "closewatch/lease/"

// NewAdvisoryLease returns the lease on a tenant, whose database the servers
// have: the primary of each moment among them holds it.
func NewAdvisoryLease(tenant string, servers ...pgsession.Settings) *AdvisoryLease {
	sum := sha256.Sum256([]byte(namespace + tenant))
	return &AdvisoryLease{servers: servers, key: int64(binary.BigEndian.Uint64(sum[:8]))} //nolint:gosec // any 64 bits will do
}

// Acquire implements Lease.
func (l *AdvisoryLease) Acquire(ctx context.Context) (Held, error) {
	lock, err := pgsession.TakeLock(ctx, l.key, l.servers...)
	switch {
	case err == nil:
		return lock, nil
	case errors.Is(err, pgsession.ErrLocked):
		return nil, &fault.Error{Op: takeLease, Kind: fault.Blocked, Err: ErrTaken, Hint: "wait for it to finish, or stop it; it is called " + pgsession.LockName + " in pg_stat_activity"}
	}
	return nil, &fault.Error{Op: takeLease, Kind: fault.Blocked, Err: err, Hint: fault.HintOf(err)}
}

// Leases are several leases that are held together.
type Leases []Lease

// Acquire implements Lease: it takes them in order, and all or none.
func (ls Leases) Acquire(ctx context.Context) (Held, error) {
	var all heldAll
	for _, l := range ls {
		held, err := l.Acquire(ctx)
		if err != nil {
			all.Release()
			return nil, err
		}
		all = append(all, held)
	}
	return all, nil
}

type heldAll []Held

// Check implements Held.
func (all heldAll) Check(ctx context.Context) error {
	for _, h := range all {
		if err := h.Check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Release implements Held, in the reverse order.
func (all heldAll) Release() {
	for _, h := range slices.Backward(all) {
		h.Release()
	}
}
