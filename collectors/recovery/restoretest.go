package recovery

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RestoreTestFormat is that of RestoreTest.
const RestoreTestFormat = "closewatch-restore-test/v1"

// A RestoreTest is the report of one restore that was tried. It is one JSON
// object, and after it the line of its seal: "sha256: " and the digest of all
// before in hexadecimal, or "ed25519: " and the signature of it in base64.
//
//	{
//	  "format": "closewatch-restore-test/v1",
//	  "id": "2026-q1-drill",
//	  "backup": {"set": "20260331-020000F", "systemIdentifier": "7712565026036870467", "finishedAt": "2026-03-31T02:12:00Z"},
//	  "target": {"time": "2026-03-31T08:00:00Z"},
//	  "startedAt": "2026-03-31T09:00:00Z",
//	  "finishedAt": "2026-03-31T09:41:00Z",
//	  "environment": {"name": "dr", "separate": true},
//	  "checks": [{"name": "trial-balance", "result": "passed", "records": 51234}],
//	  "achieved": {"rtoSeconds": 2460, "rpoSeconds": 120},
//	  "signOff": {"role": "controller", "at": "2026-03-31T11:00:00Z"},
//	  "tool": "pgbackrest", "toolVersion": "2.45"
//	}
type RestoreTest struct {
	Format string `json:"format"`
	ID     string `json:"id"` // of the test, never used again
	Backup struct {
		Set              string    `json:"set"`                        // its label or id
		SystemIdentifier string    `json:"systemIdentifier,omitempty"` // PostgreSQL's, as the restored server tells it
		FinishedAt       time.Time `json:"finishedAt"`                 // of the backup
	} `json:"backup"`
	Target struct { // one of the two
		Time *time.Time `json:"time,omitempty"`
		LSN  string     `json:"lsn,omitempty"`
	} `json:"target"`
	StartedAt   time.Time `json:"startedAt"`
	FinishedAt  time.Time `json:"finishedAt"` // when all checks were done
	Environment struct {
		Name     string `json:"name"`
		Separate bool   `json:"separate"` // nothing in it touches production
	} `json:"environment"`
	Checks   []RestoreCheck `json:"checks"`
	Achieved struct {
		RTOSeconds *float64 `json:"rtoSeconds"` // from the start until it could be worked with
		RPOSeconds *float64 `json:"rpoSeconds"` // from the last entry restored to the target
	} `json:"achieved"`
	SignOff struct {
		Role string    `json:"role"` // never a name
		At   time.Time `json:"at"`
	} `json:"signOff"`
	Tool        string `json:"tool"`
	ToolVersion string `json:"toolVersion"`
}

// A RestoreCheck is one question that was asked of what was restored.
type RestoreCheck struct {
	Name    string `json:"name"`
	Result  string `json:"result"`  // passed, failed or skipped
	Records int64  `json:"records"` // that were looked at: of none, nothing was proved
}

// Results of a check.
const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped"
)

var results = []string{passed, failed, skipped}

// A Verdict is what a report is worth.
type Verdict string

// The verdicts: why a report proves nothing, and Valid.
const (
	Valid        Verdict = "valid"
	Partial      Verdict = "partial"      // cut off, or empty
	Edited       Verdict = "edited"       // not as it was sealed
	Unsealed     Verdict = "unsealed"     // without a seal, or without the signature that is asked for
	Malformed    Verdict = "malformed"    // not of the format
	Incomplete   Verdict = "incomplete"   // something that must be said is not
	Future       Verdict = "future"       // of a time yet to come
	Inconsistent Verdict = "inconsistent" // what it says cannot be
	NotSeparate  Verdict = "not_separate" // tried where production could be touched
	WrongBackup  Verdict = "wrong_backup" // of another server, or of a backup that was not made like that
	Replayed     Verdict = "replayed"     // told before
)

// Verdicts lists them in a fixed order.
func Verdicts() []Verdict {
	return []Verdict{Valid, Partial, Edited, Unsealed, Malformed, Incomplete, Future, Inconsistent, NotSeparate, WrongBackup, Replayed}
}

// A Standard is what reports are held against.
type Standard struct {
	Now    time.Time
	Key    ed25519.PublicKey // of whoever signs; nil takes a checksum
	Checks []string          // that every report must have
	System string            // the system identifier; "" is any
	// Backups are when the backups that are kept ended, by set; a report of one
	// of them must say the same. None is known when it is nil.
	Backups map[string]time.Time
}

// A Defect is why a report proves nothing.
type Defect struct {
	Verdict Verdict
	What    string
}

// VerifyRestoreTest reads a report and returns it when it is evidence; the
// defect is nil then. A test that was passed and one that was not are evidence
// alike: see Passed.
//
// Whether the report was told before is for whoever keeps what was told: see
// VerifyRestoreTests.
func VerifyRestoreTest(text []byte, s Standard) (RestoreTest, *Defect) {
	var r RestoreTest
	body, seal := splitSeal(text)
	err := decodeJSON(body, &r, true)
	switch {
	case errors.Is(err, errPartial):
		return RestoreTest{}, &Defect{Partial, err.Error()}
	case seal == "":
		return RestoreTest{}, &Defect{Unsealed, "has no seal: end it with the line sha256: and the digest of all before it"}
	}
	if bad := checkSeal(body, seal, s.Key); bad != nil {
		verdict := Edited
		if signed := strings.HasPrefix(seal, sealEd25519); signed != (s.Key != nil) {
			verdict = Unsealed
		}
		return RestoreTest{}, &Defect{verdict, bad.Error()}
	}
	if err != nil {
		return RestoreTest{}, &Defect{Malformed, err.Error()}
	}
	for _, check := range []func(RestoreTest, Standard) *Defect{complete, consistent, timely, rightBackup} {
		if d := check(r, s); d != nil {
			return RestoreTest{}, d
		}
	}
	return r, nil
}

// Passed reports whether what was restored stood every check. One that was
// skipped, or looked at no record, was not stood: an empty ledger balances.
func (r RestoreTest) Passed() bool {
	return !slices.ContainsFunc(r.Checks, func(c RestoreCheck) bool { return c.outcome() != passed })
}

func (c RestoreCheck) outcome() string {
	if c.Result == passed && c.Records == 0 {
		return failed
	}
	return c.Result
}

// maxChecks bounds a report.
const maxChecks = 200

// complete checks that all is said.
func complete(r RestoreTest, s Standard) *Defect {
	if r.Format != RestoreTestFormat {
		return &Defect{Malformed, fmt.Sprintf("its format is %s, not %s", clip(r.Format), RestoreTestFormat)}
	}
	if missing := unsaid(r, s); len(missing) > 0 {
		return &Defect{Incomplete, "does not say " + strings.Join(missing, ", ")}
	}
	if len(r.Checks) > maxChecks {
		return &Defect{Malformed, fmt.Sprintf("has more than %d checks", maxChecks)}
	}
	for n, c := range r.Checks {
		switch {
		case c.Name == "" || !slices.Contains(results, c.Result) || c.Records < 0:
			return &Defect{Malformed, fmt.Sprintf("checks[%d] is not a name with passed, failed or skipped and its records", n)}
		case slices.ContainsFunc(r.Checks[:n], func(other RestoreCheck) bool { return other.Name == c.Name }):
			return &Defect{Malformed, fmt.Sprintf("checks[%d] is there twice", n)}
		}
	}
	for _, name := range s.Checks {
		if !slices.ContainsFunc(r.Checks, func(c RestoreCheck) bool { return c.Name == name }) {
			return &Defect{Incomplete, "has no check " + name}
		}
	}
	return nil
}

// unsaid lists the fields that must be said and are not.
func unsaid(r RestoreTest, s Standard) []string {
	var out []string
	for _, f := range []struct {
		field   string
		missing bool
	}{
		{"id", r.ID == ""},
		{"backup.set", r.Backup.Set == ""},
		{"backup.systemIdentifier", s.System != "" && r.Backup.SystemIdentifier == ""},
		{"backup.finishedAt", r.Backup.FinishedAt.IsZero()},
		{"target", r.Target.Time == nil && r.Target.LSN == ""},
		{"startedAt", r.StartedAt.IsZero()},
		{"finishedAt", r.FinishedAt.IsZero()},
		{"environment.name", r.Environment.Name == ""},
		{"checks", len(r.Checks) == 0},
		{"achieved.rtoSeconds", r.Achieved.RTOSeconds == nil},
		{"achieved.rpoSeconds", r.Achieved.RPOSeconds == nil},
		{"signOff.role", r.SignOff.Role == ""},
		{"signOff.at", r.SignOff.At.IsZero()},
		{"tool", r.Tool == ""},
		{"toolVersion", r.ToolVersion == ""},
	} {
		if f.missing {
			out = append(out, f.field)
		}
	}
	return out
}

// consistent checks what cannot be.
func consistent(r RestoreTest, _ Standard) *Defect {
	took := r.FinishedAt.Sub(r.StartedAt).Seconds()
	_, err := parseLSN(r.Target.LSN)
	switch {
	case !r.Environment.Separate:
		return &Defect{NotSeparate, "was not tried in a separate environment"}
	case r.Target.Time != nil && r.Target.LSN != "":
		return &Defect{Inconsistent, "has two targets"}
	case r.Target.LSN != "" && err != nil:
		return &Defect{Malformed, "target: " + err.Error()}
	case r.StartedAt.After(r.FinishedAt):
		return &Defect{Inconsistent, "ends before it begins"}
	case r.Backup.FinishedAt.After(r.StartedAt):
		return &Defect{Inconsistent, "begins before its backup was made"}
	case r.Target.Time != nil && (r.Target.Time.Before(r.Backup.FinishedAt) || r.Target.Time.After(r.StartedAt)):
		return &Defect{Inconsistent, "its target is not between its backup and its start"}
	case r.SignOff.At.Before(r.FinishedAt):
		return &Defect{Inconsistent, "was signed off before it ended"}
	case *r.Achieved.RTOSeconds <= 0 || *r.Achieved.RPOSeconds < 0 || *r.Achieved.RTOSeconds > took+1:
		return &Defect{Inconsistent, "what it achieved is not above zero, or longer than it took"}
	}
	return nil
}

// timely checks that nothing is yet to come.
func timely(r RestoreTest, s Standard) *Defect {
	for _, at := range []time.Time{r.FinishedAt, r.SignOff.At} {
		if at.After(s.Now.Add(skew)) {
			return &Defect{Future, fmt.Sprintf("says %s, which is yet to come", at.UTC().Format(time.RFC3339))}
		}
	}
	return nil
}

// rightBackup checks that the backup is ours and was made when the report says.
func rightBackup(r RestoreTest, s Standard) *Defect {
	if s.System != "" && r.Backup.SystemIdentifier != s.System {
		return &Defect{WrongBackup, fmt.Sprintf("is of system %s, not of %s", clip(r.Backup.SystemIdentifier), s.System)}
	}
	stop, kept := s.Backups[r.Backup.Set]
	if kept {
		if d := stop.Sub(r.Backup.FinishedAt).Abs(); d > skew {
			return &Defect{WrongBackup, fmt.Sprintf("says its backup ended at %s, and it ended at %s", r.Backup.FinishedAt.UTC().Format(time.RFC3339), stop.UTC().Format(time.RFC3339))}
		}
		return nil
	}
	label, isLabel := labelTime(r.Backup.Set)
	if !isLabel {
		return nil
	}
	if d := r.Backup.FinishedAt.Sub(label); d < -widestZone || d > widestZone+longestBackup {
		return &Defect{WrongBackup, fmt.Sprintf("says that backup %s ended at %s", clip(r.Backup.Set), r.Backup.FinishedAt.UTC().Format(time.RFC3339))}
	}
	for other := range s.Backups {
		if at, full := labelTime(other); full && isFullLabel(r.Backup.Set) && isFullLabel(other) && at.Before(label) {
			return &Defect{WrongBackup, fmt.Sprintf("is of backup %s, and no repository has it, though an older one is kept", clip(r.Backup.Set))}
		}
	}
	return nil
}

// A label of pgBackRest ends with the local time at which its backup began, to
// which its kind is added: 20260331-020000F_20260401-020000I. Full backups
// expire in their order.
const (
	widestZone    = 14 * time.Hour
	longestBackup = 3 * 24 * time.Hour
)

func isFullLabel(label string) bool { return strings.HasSuffix(label, "F") }

func labelTime(label string) (time.Time, bool) {
	last := label[strings.LastIndexByte(label, '_')+1:]
	if last == "" || !strings.ContainsAny(last[len(last)-1:], "FDI") {
		return time.Time{}, false
	}
	at, err := time.Parse("20060102-150405", last[:len(last)-1])
	return at, err == nil
}

// fingerprint says which test it was, whatever it is called.
func (r RestoreTest) fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d", r.Backup.Set, r.StartedAt.Unix(), r.FinishedAt.Unix()))
	return hex.EncodeToString(sum[:])
}
