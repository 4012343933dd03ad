package recovery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Report is a file of a restore test and what it is worth.
type Report struct {
	File    string
	Test    RestoreTest // empty unless Verdict is Valid
	Verdict Verdict
	What    string // why not
}

// maxReports bounds a directory of restore tests.
const maxReports = 1000

// VerifyRestoreTests reads every *.json in a directory, oldest file first. told
// is what was told before; it learns what is told now, and may be nil.
func VerifyRestoreTests(ctx context.Context, dir string, s Standard, told *Told) ([]Report, error) {
	entries, err := names(dir, maxReports)
	if err != nil {
		return nil, err
	}
	type file struct {
		name string
		text []byte
		at   time.Time
	}
	var files []file
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap("read "+dir, err, "")
		}
		text, at, err := readFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{e.Name(), text, at})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	if told == nil {
		told = &Told{}
	}
	reports := make([]Report, 0, len(files))
	now := map[string]bool{}
	for _, f := range files {
		r := Report{File: f.name, Verdict: Valid}
		test, defect := VerifyRestoreTest(f.text, s)
		if defect == nil {
			defect = told.tell(test, f.text, now)
		}
		if defect != nil {
			r.Verdict, r.What = defect.Verdict, defect.What
		} else {
			r.Test = test
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// Told remembers the restore tests that were told, so that none is told again
// as a new one: by another time under its id, or under another id.
type Told struct {
	tests   []toldTest
	unsaved bool
}

type toldTest struct {
	ID          string    `json:"id"`
	Digest      string    `json:"digest"` // of the file
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"` // when the test ended
}

// tell adds a test. now are the digests told in this turn: the same file twice
// is told twice.
func (t *Told) tell(r RestoreTest, text []byte, now map[string]bool) *Defect {
	sum := sha256.Sum256(text)
	test := toldTest{r.ID, hex.EncodeToString(sum[:]), r.fingerprint(), r.FinishedAt}
	if now[test.Digest] {
		return &Defect{Replayed, "is the same as another file"}
	}
	for _, old := range t.tests {
		switch {
		case old.Digest == test.Digest:
			now[test.Digest] = true
			return nil
		case old.ID == test.ID:
			return &Defect{Replayed, "has the id of another test: " + clip(r.ID)}
		case old.Fingerprint == test.Fingerprint:
			return &Defect{Replayed, "is the test " + clip(old.ID) + " under another id"}
		}
	}
	now[test.Digest] = true
	t.tests, t.unsaved = append(t.tests, test), true
	if len(t.tests) > maxReports { // a directory's worth
		slices.SortStableFunc(t.tests, func(a, b toldTest) int { return a.At.Compare(b.At) })
		t.tests = slices.Delete(t.tests, 0, len(t.tests)-maxReports)
	}
	return nil
}

// LoadTold returns what was saved in a file; nothing when there is none. Of a
// damaged one it returns nothing and an error; it is set aside.
func LoadTold(path string) (*Told, error) {
	content, found, err := durable.ReadChecked(path)
	t := &Told{}
	if err == nil && found {
		err = json.Unmarshal(content, &t.tests)
	}
	return t, fault.Wrap("read the restore tests told before", err, "")
}

// Save writes what was told to a file, whose directory it makes.
func (t *Told) Save(path string) error {
	content, err := json.Marshal(t.tests)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = durable.WriteChecked(path, content)
	}
	t.unsaved = err != nil
	return fault.Wrap("keep the restore tests told", err, "")
}
