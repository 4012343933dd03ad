package logtail

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/cespare/xxhash/v2"
)

// headSize is how much of a file's beginning tells it from others. A line
// carries a time, so two logs differ there.
const headSize = 1024

// An identity tells whether a file is the one read before. The name says
// nothing, an inode is reused, a size grows back: the beginning decides.
type identity struct {
	Dev    uint64 `json:"dev"`
	Inode  uint64 `json:"inode"`
	Length int    `json:"length"` // bytes hashed, at most headSize
	Hash   uint64 `json:"hash"`
}

// sameInode reports whether two identities are one directory entry's file.
func (id identity) sameInode(other identity) bool {
	return id.Dev == other.Dev && id.Inode == other.Inode
}

// identify reads the identity of an open file and its size.
func identify(f *os.File) (identity, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, 0, err
	}
	head, err := readHead(f, make([]byte, headSize))
	if err != nil {
		return identity{}, 0, err
	}
	id := inode(info)
	id.Length, id.Hash = len(head), xxhash.Sum64(head)
	return id, info.Size(), nil
}

// matches reports whether the file begins with what id was hashed from, and
// returns id extended to the present beginning. scratch has room for a head.
func (id identity) matches(f *os.File, scratch []byte) (identity, bool, error) {
	head, err := readHead(f, scratch)
	if err != nil {
		return id, false, err
	}
	if len(head) < id.Length || xxhash.Sum64(head[:id.Length]) != id.Hash {
		return id, false, nil
	}
	if len(head) > id.Length {
		id.Length, id.Hash = len(head), xxhash.Sum64(head)
	}
	return id, true, nil
}

func readHead(f *os.File, scratch []byte) ([]byte, error) {
	n, err := f.ReadAt(scratch, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return scratch[:n], nil
}

// inode is the identity of a file of which nothing has been read.
func inode(info os.FileInfo) identity {
	id := identity{Hash: xxhash.Sum64(nil)}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Inode = uint64(st.Dev), uint64(st.Ino) //nolint:unconvert // Dev is signed on some systems
	}
	return id
}
