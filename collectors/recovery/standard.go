package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// StandardFor is what reports of restore tests of a system are held against: the
// backups that its sources have now, the checks, the key. The error says what
// could not be read; without a key that is asked for the standard is of no use,
// and keyed is false.
func StandardFor(ctx context.Context, c Config, now time.Time) (s Standard, keyed bool, err error) {
	w := newWatch(Settings{Config: c})
	log, failed := w.readWAL(ctx, now)
	for _, source := range w.sources {
		failed = join(failed, source.look(ctx, now, log))
	}
	s, err = w.standard(now)
	return s, err == nil, join(failed, fault.Wrap("read the key of restore tests", err, ""))
}

// DefaultStandard is that of a system of which nothing is known: the checks an
// auditor asks for, a checksum, any backup.
func DefaultStandard(now time.Time) Standard {
	var c Config
	c.SetDefaults()
	return Standard{Now: now, Checks: c.Expect.Checks}
}

// ExampleRestoreTest is a report to start from, sealed with a checksum: a restore
// that was tried shortly before now, and passed.
func ExampleRestoreTest(now time.Time) []byte {
	now = now.UTC().Truncate(time.Minute)
	begun, rto, rpo := now.Add(-2*time.Hour), 2460.0, 120.0
	backup, target := begun.Add(-7*time.Hour), begun.Add(-time.Hour)
	r := RestoreTest{
		Format: RestoreTestFormat, ID: now.Format("2006-01-02") + "-drill", StartedAt: begun, FinishedAt: begun.Add(45 * time.Minute),
		Tool: "pgbackrest", ToolVersion: "2.45",
	}
	r.Backup.Set, r.Backup.SystemIdentifier, r.Backup.FinishedAt = backup.Format("20060102-150405F"), "7712565026036870467", backup.Add(12*time.Minute)
	r.Target.Time = &target
	r.Environment.Name, r.Environment.Separate = "dr", true
	for _, name := range DefaultStandard(now).Checks {
		r.Checks = append(r.Checks, RestoreCheck{Name: name, Result: passed, Records: 51234})
	}
	r.Achieved.RTOSeconds, r.Achieved.RPOSeconds = &rto, &rpo
	r.SignOff.Role, r.SignOff.At = "controller", begun.Add(time.Hour)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil // a value of ours can always be written
	}
	text = append(text, '\n')
	sum := sha256.Sum256(text)
	return append(text, sealSHA256+hex.EncodeToString(sum[:])+"\n"...)
}

// ReadRestoreTest reads one report from a file and says what it is worth by
// itself: whether it was told before only a directory of reports can tell.
func ReadRestoreTest(path string, s Standard) (Report, error) {
	text, _, err := readFile(path)
	if err != nil {
		return Report{}, err
	}
	r := Report{File: path, Verdict: Valid}
	test, defect := VerifyRestoreTest(text, s)
	if defect != nil {
		r.Verdict, r.What = defect.Verdict, defect.What
		return r, nil
	}
	r.Test = test
	return r, nil
}
