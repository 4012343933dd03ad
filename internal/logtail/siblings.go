package logtail

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxSiblings bounds how many rotated files are looked at, newest first.
	maxSiblings = 100
	// maxLooks bounds how often a directory is looked at again because it was
	// rotated meanwhile.
	maxLooks = 10
)

// errUnsteady is a directory in which names do not stand still.
var errUnsteady = errors.New("the directory is being rotated again and again")

// A sibling is a file beside the log that carries its name.
type sibling struct {
	name    string
	file    *os.File // nil until it is opened
	info    os.FileInfo
	rotated bool // its name is the log's with a number or a date
}

// siblings opens the plain, uncompressed files beside the log that carry its
// name, newest first. denied are the rotated ones that may not be read. While
// a rotation shifts names from one file to the next it looks again, so that it
// neither misses a file nor has one twice.
func siblings(path string) (found []sibling, denied []os.FileInfo, err error) {
	for range maxLooks {
		before, err := list(path)
		if err != nil {
			return nil, nil, err
		}
		var steady bool
		found, denied, steady = openAll(path, before)
		after, err := list(path)
		if err == nil && steady && sameFiles(before, after) {
			return found, denied, nil
		}
		closeAll(found)
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errUnsteady
}

// list returns the newest siblings, not yet open.
func list(path string) ([]sibling, error) {
	dir, base := filepath.Split(path)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	var all []sibling
	for _, e := range entries {
		name := e.Name()
		if name == base || !strings.HasPrefix(name, stem) || compressed(name) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, sibling{name: name, info: info, rotated: rotated(name, base)})
		}
	}
	slices.SortFunc(all, newestFirst)
	return all[:min(len(all), maxSiblings)], nil
}

// openAll opens what was listed. steady reports whether each name still stood
// for the file it was listed with.
func openAll(path string, listed []sibling) (found []sibling, denied []os.FileInfo, steady bool) {
	for _, s := range listed {
		file, err := openRegular(filepath.Join(filepath.Dir(path), s.name))
		if err != nil {
			if s.rotated && errors.Is(err, fs.ErrPermission) {
				denied = append(denied, s.info)
			}
			continue
		}
		info, err := file.Stat()
		if err != nil || !os.SameFile(info, s.info) {
			file.Close()
			return found, denied, false
		}
		s.file = file
		found = append(found, s)
	}
	return found, denied, true
}

// sameFiles reports whether two lists have the same files under the same names.
func sameFiles(a, b []sibling) bool {
	return slices.EqualFunc(a, b, func(x, y sibling) bool {
		return x.name == y.name && os.SameFile(x.info, y.info)
	})
}

func closeAll(list []sibling) {
	for _, s := range list {
		s.file.Close()
	}
}

// newestFirst orders by the time of the last write, and what was written last
// in the same moment by name: access.log.1 is younger than access.log.2, and
// access.log-20261122 younger than access.log-20261121.
func newestFirst(a, b sibling) int {
	if c := b.info.ModTime().Compare(a.info.ModTime()); c != 0 {
		return c
	}
	if c := cmp.Compare(len(a.name), len(b.name)); c != 0 {
		return c
	}
	if numbered.MatchString(a.name) {
		return strings.Compare(a.name, b.name)
	}
	return strings.Compare(b.name, a.name)
}

// numbered is a name that ends in a small number rather than a date.
var numbered = regexp.MustCompile(`[.-][0-9]{1,4}(\.[^.0-9][^.]*)?$`)

// rotatedName is what rotation adds to a log's name: a number or a date.
var rotatedName = regexp.MustCompile(`^[.-][0-9][0-9TZ:._-]*$`)

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
