// Package durable keeps files whole across crashes.
//
// A file is replaced whole or not at all; what carries a checksum is either as
// it was written or named as damaged and set aside, never overwritten and never
// half believed. The package knows nothing of what the files mean.
package durable

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrDamaged says that a file's content does not match its checksum.
var ErrDamaged = errors.New("content does not match its checksum")

// WriteFile replaces a file whole: a reader, also after a crash, finds either
// the old content or the new. It returns when both content and name are on
// disk.
func WriteFile(path string, content []byte) (err error) {
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
	return SyncDir(filepath.Dir(path))
}

// SyncDir brings the names in a directory to disk: a file that was made or
// renamed in it is there after a crash.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// WriteChecked replaces a file whole, with the SHA-256 of its content as the
// first line.
func WriteChecked(path string, content []byte) error {
	return WriteFile(path, append(sumLine(content), content...))
}

// ReadChecked returns what WriteChecked wrote. found is false when there is no
// file. A damaged file is set aside and the error is ErrDamaged; the next read
// finds none.
func ReadChecked(path string) (content []byte, found bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	first, content, ok := bytes.Cut(b, []byte{'\n'})
	if !ok || !bytes.Equal(append(first, '\n'), sumLine(content)) {
		aside, moved := SetAside(path)
		return nil, false, fmt.Errorf("%s: %w; set aside as %s", path, errors.Join(ErrDamaged, moved), aside)
	}
	return content, true, nil
}

func sumLine(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append([]byte(hex.EncodeToString(sum[:])), '\n')
}

// SetAside moves a damaged file out of the way under a name that nothing has:
// PATH.damaged, PATH.damaged-2 and so on.
func SetAside(path string) (aside string, err error) {
	aside = path + ".damaged"
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, os.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s.damaged-%d", path, n)
	}
	return aside, os.Rename(path, aside)
}
