package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A memory is what must outlive the process: without it a restart would resolve
// what still lasts, or page for it again.
type memory struct {
	At        time.Time          `json:"at"`
	Standing  []tiering.Standing `json:"standing"`
	Incidents incident.Memory    `json:"incidents"`
	Changes   []Change           `json:"changes,omitempty"`
}

// save writes the memory, with the SHA-256 of its content as the first line.
func (m memory) save(path string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return writeFile(path, append(checksum(body), body...))
}

func checksum(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append([]byte(hex.EncodeToString(sum[:])), '\n')
}

// errDamaged says that a file's content does not match its checksum.
var errDamaged = errors.New("content does not match its checksum")

// loadMemory reads what save wrote. found is false when there is none yet. A
// damaged file is set aside under another name, never overwritten.
func loadMemory(path string) (m memory, found bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	first, body, ok := bytes.Cut(b, []byte{'\n'})
	if !ok || !bytes.Equal(append(first, '\n'), checksum(body)) {
		aside := path + ".damaged"
		return memory{}, false, fmt.Errorf("%s: %w; set aside as %s", path, errors.Join(errDamaged, os.Rename(path, aside)), aside)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return memory{}, false, fmt.Errorf("decode %s: %w", path, err)
	}
	return m, true, nil
}
