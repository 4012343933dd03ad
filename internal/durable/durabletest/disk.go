package durabletest

import (
	"os"
	"sync"
	"syscall"

	"github.com/closewatch/closewatch/internal/durable"
)

// A Faulty is a real disk that fills up and breaks on command. Files on it lose
// what was not synced when a sync fails, as pages that could not be written do.
type Faulty struct {
	mu    sync.Mutex
	room  int64 // bytes until it is full; negative: endless
	syncs int   // syncs until one fails; negative: endless
	owed  int64 // bytes written and not synced
}

// FullAfter returns a disk with room for so many bytes. The write that meets
// the end is short, as a real one is.
func FullAfter(room int64) *Faulty { return &Faulty{room: room, syncs: -1} }

// SyncFailsAfter returns a disk on which so many syncs succeed and the next
// fails, once.
func SyncFailsAfter(syncs int) *Faulty { return &Faulty{room: -1, syncs: syncs} }

// Free makes room again, without end.
func (d *Faulty) Free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = -1
}

// Owed returns how many bytes were written and not synced yet: they would be
// lost with the power.
func (d *Faulty) Owed() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.owed
}

// Disk is the disk for whoever writes to it.
func (d *Faulty) Disk() durable.Disk { return durable.Disk{Create: d.create} }

func (d *Faulty) create(dir, pattern string) (durable.File, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, disk: d}, nil
}

type faultyFile struct {
	*os.File
	disk    *Faulty
	written int64
	synced  int64
}

func (f *faultyFile) Write(b []byte) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room < 0 || d.room >= int64(len(b)) {
		n, err := f.File.Write(b)
		f.written += int64(n)
		d.owed += int64(n)
		if d.room >= 0 {
			d.room -= int64(n)
		}
		return n, err
	}
	n, err := f.File.Write(b[:d.room])
	f.written += int64(n)
	d.room -= int64(n)
	if err == nil {
		err = &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return n, err
}

func (f *faultyFile) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs--
	if d.syncs == -1 {
		if err := f.Truncate(f.synced); err != nil {
			return err
		}
		if err := f.Truncate(f.written); err != nil { // the length was kept, the bytes were not
			return err
		}
		return &os.PathError{Op: "sync", Path: f.Name(), Err: syscall.EIO}
	}
	d.owed -= f.written - f.synced
	f.synced = f.written
	return nil // a real sync would cost time and tell nothing here
}
