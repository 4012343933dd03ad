package datadir

import (
	"fmt"
	"os"
	"syscall"
)

// Space says how full the disk of the directory is, in bytes.
type Space struct {
	Free uint64 // for this process
	Size uint64
}

// lowSpace is the room that a start and a day of everything that is written
// needs, with a wide margin; on a small disk a tenth of it is enough.
const lowSpace = 1 << 30

// Low reports whether there is so little left that somebody should act: less
// than 1 GiB, or on a disk of less than 10 GiB less than a tenth.
func (s Space) Low() bool { return s.Free < min(lowSpace, s.Size/10) }

func (s Space) String() string {
	const mib = 1 << 20
	return fmt.Sprintf("%d MiB are free of %d MiB", s.Free/mib, s.Size/mib)
}

// Space asks how full the disk is.
func (d *Dir) Space() (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.path, &st); err != nil {
		return Space{}, &os.PathError{Op: "statfs", Path: d.path, Err: err}
	}
	unit := uint64(max(st.Bsize, 0)) //nolint:gosec // not negative
	return Space{Free: st.Bavail * unit, Size: st.Blocks * unit}, nil
}
