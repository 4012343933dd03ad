package flow

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// An Intent says that a run is about to write, and under which reference what
// it writes can be found again.
type Intent struct {
	ID     string    `json:"id"` // of the run
	Flow   string    `json:"flow"`
	Tenant string    `json:"tenant"`
	Ref    string    `json:"ref"`
	At     time.Time `json:"at"`
}

// An IntentLog remembers across a crash what runs were about to write. An
// intent is on disk before the first write and is closed once nothing of the
// run is left, so that an open intent is exactly a run that may have left
// something behind.
//
// The file has one record a line: {"crc32c": …, "record": {…}}. Records are
// appended and synced one by one. A line that is torn or damaged is skipped
// and counted, never trusted. The file is rewritten without what is closed and
// old when it has grown past a bound.
//
// Writers hold the lease of the tenant: the log itself does not lock.
type IntentLog struct{ path string }

// Bounds of an intent log.
const (
	maxIntentFile = 256 << 10      // bytes; rewritten when larger
	keepClosed    = 24 * time.Hour // closed intents are kept as long, to count runs
	maxIntentLine = 16 << 10       // bytes; longer lines are damaged
)

// OpenIntentLog returns the log at path, making its directory.
func OpenIntentLog(path string) (*IntentLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fault.Wrap("open the intent log", err, "check the rights on --data")
	}
	l := &IntentLog{path: path}
	if _, err := l.read(); err != nil {
		return nil, err
	}
	return l, nil
}

// intentRecord is one line's record: an intent, or that an earlier one is done.
type intentRecord struct {
	Intent
	Done *time.Time `json:"done,omitempty"`
}

// Begin records an intent; it is on disk when Begin returns.
func (l *IntentLog) Begin(i Intent) error {
	if err := l.compact(i.At); err != nil {
		return err
	}
	return l.append(intentRecord{Intent: i})
}

// Done records that nothing of the run is left.
func (l *IntentLog) Done(i Intent, at time.Time) error {
	return l.append(intentRecord{Intent: i, Done: &at})
}

// Pending returns the intents which are not done, oldest first.
func (l *IntentLog) Pending() ([]Intent, error) {
	state, err := l.read()
	if err != nil {
		return nil, err
	}
	var pending []Intent
	for _, r := range state.records {
		if r.Done == nil {
			pending = append(pending, r.Intent)
		}
	}
	return pending, nil
}

// Since counts the intents that began at or after t, done or not. It looks
// back a day at most.
func (l *IntentLog) Since(t time.Time) (int, error) {
	state, err := l.read()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range state.records {
		if !r.At.Before(t) {
			n++
		}
	}
	return n, nil
}

// Damaged returns how many lines of the file cannot be trusted.
func (l *IntentLog) Damaged() (int, error) {
	state, err := l.read()
	return state.damaged, err
}

// intentState is what a file says: every intent once, in the order they began.
type intentState struct {
	records []intentRecord
	damaged int
	size    int64
}

func (l *IntentLog) read() (intentState, error) {
	b, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return intentState{}, nil
	}
	if err != nil {
		return intentState{}, fault.Wrap("read the intent log", err, "check the rights on --data")
	}
	state := intentState{size: int64(len(b))}
	at := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(make([]byte, 0, 4096), max(maxIntentLine, len(b)+1))
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		r, ok := decodeIntent(lines.Bytes())
		if !ok {
			state.damaged++
			continue
		}
		if i, known := at[r.ID]; known {
			state.records[i] = r
			continue
		}
		at[r.ID] = len(state.records)
		state.records = append(state.records, r)
	}
	return state, nil
}

func decodeIntent(line []byte) (intentRecord, bool) {
	var r intentRecord
	ok := len(line) <= maxIntentLine && decodeLine(line, &r)
	return r, ok && r.ID != ""
}

func (l *IntentLog) append(r intentRecord) (err error) {
	const op = "write the intent log"
	line, err := encodeLine(r)
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	_, statErr := os.Stat(l.path)
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fault.Wrap(op, err, "check the rights on --data")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if torn(f) {
		line = append([]byte{'\n'}, line...) // end the torn line, so that it spoils no other
	}
	if _, err := f.Write(line); err != nil {
		return fault.Wrap(op, err, "check the space on the disk of --data")
	}
	if err := f.Sync(); err != nil {
		return fault.Wrap(op, err, "check the disk of --data")
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		return durable.SyncDir(filepath.Dir(l.path))
	}
	return nil
}

// torn reports whether f does not end with a line end.
func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}

// compact rewrites a file that has grown large, without what was closed long
// ago.
func (l *IntentLog) compact(now time.Time) error {
	state, err := l.read()
	if err != nil || state.size < maxIntentFile {
		return err
	}
	var kept bytes.Buffer
	for _, r := range state.records {
		if r.Done != nil && now.Sub(*r.Done) > keepClosed {
			continue
		}
		line, err := encodeLine(r)
		if err != nil {
			return fault.Wrap("rewrite the intent log", err, "")
		}
		kept.Write(line)
	}
	if err := durable.WriteFile(l.path, kept.Bytes()); err != nil {
		return fault.Wrap("rewrite the intent log", err, "check the space on the disk of --data")
	}
	return nil
}
