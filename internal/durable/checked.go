package durable

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrDamaged says that what is on disk does not match its checksum.
var ErrDamaged = errors.New("content does not match its checksum")

// Endings of the names under which is kept what cannot be used.
const (
	damagedSuffix = ".damaged"
	tornSuffix    = ".torn"
)

// WriteChecked replaces a file whole, with the SHA-256 of its content as the
// first line.
func WriteChecked(path string, content []byte) error { return Disk{}.WriteChecked(path, content) }

// WriteChecked replaces a checked file whole, as the function of that name
// does.
func (d Disk) WriteChecked(path string, content []byte) error {
	return d.WriteFile(path, append(sumLine(content), content...))
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
	aside = freeName(path + damagedSuffix)
	return aside, os.Rename(path, aside)
}

// IsAside reports whether a file's name says that it was set aside.
func IsAside(name string) bool {
	return strings.Contains(name, damagedSuffix) || strings.Contains(name, tornSuffix)
}

// freeName returns NAME, or NAME-2, NAME-3 and so on: the first that nothing
// is known to have.
func freeName(name string) string {
	free := name
	for n := 2; ; n++ {
		if _, err := os.Lstat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}
