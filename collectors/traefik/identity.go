package traefik

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/cespare/xxhash/v2"
)

// headSize is how much of a file's beginning tells it from others. A line of
// either format carries a time and a request number, so two logs differ there.
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
	head, err := readHead(f)
	if err != nil {
		return identity{}, 0, err
	}
	id := identity{Length: len(head), Hash: xxhash.Sum64(head)}
	id.Dev, id.Inode = inode(info)
	return id, info.Size(), nil
}

// matches reports whether the file begins with what id was hashed from, and
// returns id extended to the present beginning.
func (id identity) matches(f *os.File) (identity, bool, error) {
	head, err := readHead(f)
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

func readHead(f *os.File) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil
}

func inode(info os.FileInfo) (dev, ino uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino) //nolint:unconvert // Dev is signed on some systems
	}
	return 0, 0
}

// maxSiblings bounds how many rotated files are looked at, newest first.
const maxSiblings = 100

// A sibling is a rotated file beside the log.
type sibling struct {
	path string
	size int64
	info os.FileInfo
}

// rotatedName is what rotation adds to a log's name: a number or a date.
var rotatedName = regexp.MustCompile(`^[.-][0-9][0-9TZ:._-]*$`)

// siblings lists plain files beside path that carry its name, newest first.
func siblings(path string) ([]sibling, error) {
	dir, base := filepath.Split(path)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []sibling
	for _, e := range entries {
		name := e.Name()
		if name == base || !strings.HasPrefix(name, stem) || compressed(name) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			found = append(found, sibling{path: filepath.Join(dir, name), size: info.Size(), info: info})
		}
	}
	slices.SortFunc(found, func(a, b sibling) int { return b.info.ModTime().Compare(a.info.ModTime()) })
	return found[:min(len(found), maxSiblings)], nil
}

func compressed(name string) bool {
	switch filepath.Ext(name) {
	case ".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip":
		return true
	}
	return false
}

// rotated reports whether name is base with a number or date added, before or
// after the extension: access.log.1, access.log-20261122, access-20261122.log.
func rotated(name, base string) bool {
	if rest, ok := strings.CutPrefix(name, base); ok {
		return rotatedName.MatchString(rest)
	}
	ext := filepath.Ext(base)
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(base, ext))
	if !ok || ext == "" {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	return ok && rotatedName.MatchString(rest)
}

// rediscover looks among the rotated files for the one that id was, at least
// offset long, and for those rotated after it, oldest first. They come open;
// the caller closes them. current is the file now at path and is never among
// them; it may be nil.
func rediscover(path string, id identity, offset int64, current *identity) (files []*os.File, err error) {
	list, err := siblings(path)
	if err != nil {
		return nil, fmt.Errorf("list rotated logs: %w", err)
	}
	var younger []*os.File // newest first
	for _, s := range list {
		f, err := os.Open(s.path)
		if err != nil {
			continue
		}
		_, isOld, err := id.matches(f)
		switch {
		case err != nil:
			f.Close()
		case isOld && id.Length > 0 && s.size >= offset:
			slices.Reverse(younger)
			return append([]*os.File{f}, younger...), nil
		case isCurrent(f, current) || !rotated(filepath.Base(s.path), filepath.Base(path)):
			f.Close()
		default:
			younger = append(younger, f)
		}
	}
	for _, f := range younger {
		f.Close()
	}
	return nil, nil
}

// isCurrent reports whether f is the file at path itself or a copy of it.
func isCurrent(f *os.File, current *identity) bool {
	if current == nil {
		return false
	}
	id, _, err := identify(f)
	if err != nil || id.sameInode(*current) {
		return true
	}
	_, same, err := current.matches(f)
	return err != nil || same && current.Length > 0
}
