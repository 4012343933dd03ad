package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Files of the outbox directory.
const (
	stateFile   = "alerts.json"
	damagedFile = "alerts.damaged.json" // the last state that could not be read, kept for a person to look at
)

// magic begins the state file's first line, which ends with the SHA-256 of the
// rest.
const magic = "closewatch outbox v1 sha256 "

// outbox keeps the records on disk. A state is written whole, synced and
// renamed, so the file holds either the state before or the one after.
type outbox struct {
	dir  string
	disk durable.Disk
}

func openOutbox(dir string, disk durable.Disk) (outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return outbox{}, &fault.Error{Op: "open the outbox in " + dir, Kind: fault.Internal, Err: err, Hint: "make the data directory writable"}
	}
	return outbox{dir, disk}, nil
}

// save writes the records in order of their keys.
func (o outbox) save(b *book) error {
	records := make([]*record, 0, len(b.records))
	for _, k := range b.sorted() {
		records = append(records, b.records[k])
	}
	payload, err := json.Marshal(records)
	if err == nil {
		sum := sha256.Sum256(payload)
		err = o.disk.WriteFile(filepath.Join(o.dir, stateFile), append([]byte(magic+hex.EncodeToString(sum[:])+"\n"), payload...))
	}
	if err != nil {
		return &fault.Error{
			Op: "write the outbox in " + o.dir, Kind: fault.Internal, Err: err,
			Hint: "free space on the data directory's disk: alerts are still sent, but a restart would forget this change",
		}
	}
	return nil
}

// load returns the records of the state file, none when there is no file. A
// file that was damaged is moved aside and reported: what it held fires again
// with the next Publish or ends by itself.
func (o outbox) load() ([]*record, error) {
	o.sweep()
	name := filepath.Join(o.dir, stateFile)
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var records []*record
	if err == nil {
		records, err = decode(content)
	}
	if err == nil {
		return records, nil
	}
	moved := filepath.Join(o.dir, damagedFile)
	return nil, &fault.Error{
		Op: "read the outbox in " + o.dir, Kind: fault.Internal, Err: errors.Join(err, os.Rename(name, moved)),
		Hint: "look at " + moved + ": alerts that resolved while it was written end in Alertmanager by themselves",
	}
}

// sweep removes what an interrupted save left, also one of an earlier version,
// which named its temporary files after the state file.
func (o outbox) sweep() {
	_, _ = durable.Sweep(o.dir)
	left, _ := filepath.Glob(filepath.Join(o.dir, stateFile+".*"))
	for _, name := range left {
		_ = os.Remove(name)
	}
}

func decode(content []byte) ([]*record, error) {
	line, payload, _ := bytes.Cut(content, []byte("\n"))
	want, ok := strings.CutPrefix(string(line), magic)
	if !ok {
		return nil, fmt.Errorf("first line is not %q", magic)
	}
	if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != want {
		return nil, errors.New("checksum does not match")
	}
	var records []*record
	if err := json.Unmarshal(payload, &records); err != nil {
		return nil, err
	}
	for _, r := range records {
		if r == nil || len(r.Labels) == 0 {
			return nil, errors.New("holds an alert without labels")
		}
	}
	return records, nil
}
