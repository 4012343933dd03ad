package recovery

import (
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

// sealedInfo writes the checksum of an info file whose sections are as
// pgBackRest orders them.
func sealedInfo(text string) []byte {
	at := strings.LastIndex(text, "backrest-checksum=")
	var b strings.Builder
	section, separator := "", "{"
	for line := range strings.Lines(text[:at]) {
		line = strings.TrimSpace(line)
		if key, value, found := strings.Cut(line, "="); found {
			fmt.Fprintf(&b, "%s%q:%s", separator, key, value)
			separator = ","
		} else if name := strings.Trim(line, "[]"); name != "" && (name != "backrest" || section == "") {
			fmt.Fprintf(&b, "%s%q:", map[bool]string{true: "{", false: "},"}[section == ""], name)
			section, separator = name, "{"
		}
	}
	sum := sha1.Sum([]byte(b.String() + "}}"))
	return fmt.Appendf(nil, "%sbackrest-checksum=%q\n", text[:at], hex.EncodeToString(sum[:]))
}

var (
	testStart = noon.Add(-30 * time.Minute)
	testEnd   = noon.Add(-10 * time.Minute)
)

// report is a restore test that was passed, changed before it is written.
func report(change func(m map[string]any)) []byte {
	check := func(name string) map[string]any {
		return map[string]any{"name": name, "result": "passed", "records": 12}
	}
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	m := map[string]any{
		"format": RestoreTestFormat, "id": "q4",
		"backup":    map[string]any{"set": fullLabel, "systemIdentifier": system, "finishedAt": at(fullEnd)},
		"target":    map[string]any{"time": at(archivedAt(1))},
		"startedAt": at(testStart), "finishedAt": at(testEnd),
		"environment": map[string]any{"name": "dr", "separate": true},
		"checks":      []any{check("row-counts"), check("trial-balance"), check("hash-chain"), check("filestore-sample")},
		"achieved":    map[string]any{"rtoSeconds": 900, "rpoSeconds": 0},
		"signOff":     map[string]any{"role": "controller", "at": at(testEnd.Add(time.Minute))},
		"tool":        "pgbackrest", "toolVersion": "2.45",
	}
	if change != nil {
		change(m)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

func sealed(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(slices.Clip(body), sealSHA256+hex.EncodeToString(sum[:])+"\n"...)
}

func in(m map[string]any, field string) map[string]any { return m[field].(map[string]any) }

func standard() Standard {
	return Standard{
		Now: noon, System: system, Checks: []string{"row-counts", "trial-balance"},
		Backups: map[string]time.Time{fullLabel: fullEnd, incrementalLabel: incrementalEnd, "20261125-193121F": fullEnd.AddDate(0, 0, -1)},
	}
}

// B7: what a report says is evidence only when it is whole, as it was written,
// of the right backup, and possible.
func TestVerifyRestoreTest(t *testing.T) {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	check := func(n int, field string, value any) func(map[string]any) {
		return func(m map[string]any) { m["checks"].([]any)[n].(map[string]any)[field] = value }
	}
	set := func(object, field string, value any) func(map[string]any) {
		return func(m map[string]any) { in(m, object)[field] = value }
	}
	tests := map[string]struct {
		change func(map[string]any)
		text   func([]byte) []byte
		want   Verdict
		says   string
		passed bool
	}{
		"as it should be":                   {want: Valid, passed: true},
		"to a position":                     {change: func(m map[string]any) { m["target"] = map[string]any{"lsn": "0/5000000"} }, want: Valid, passed: true},
		"a check failed":                    {change: check(1, "result", "failed"), want: Valid},
		"a check was skipped":               {change: check(1, "result", "skipped"), want: Valid},
		"an empty ledger balances":          {change: check(1, "records", 0), want: Valid},
		"empty":                             {text: func([]byte) []byte { return nil }, want: Partial},
		"cut off":                           {text: func(b []byte) []byte { return b[:len(b)/2] }, want: Partial},
		"cut off in its seal":               {text: func(b []byte) []byte { return b[:len(b)-9] }, want: Edited, says: "checksum"},
		"cut off before its seal":           {text: func(b []byte) []byte { return b[:strings.LastIndex(string(b), "sha256")] }, want: Unsealed},
		"edited":                            {text: func(b []byte) []byte { return []byte(strings.Replace(string(b), "900", "300", 1)) }, want: Edited, says: "edited"},
		"signed by whom nobody knows":       {text: func(b []byte) []byte { return []byte(strings.Replace(string(b), sealSHA256, sealEd25519, 1)) }, want: Unsealed, says: "no key"},
		"not an object":                     {text: func([]byte) []byte { return sealed([]byte("[]\n")) }, want: Malformed},
		"two objects":                       {text: func([]byte) []byte { return sealed([]byte("{}{}\n")) }, want: Malformed},
		"of another format":                 {change: func(m map[string]any) { m["format"] = "v9" }, want: Malformed, says: "v9"},
		"with what nobody knows":            {change: func(m map[string]any) { m["amount"] = 1 }, want: Malformed, says: "amount"},
		"a result nobody knows":             {change: check(0, "result", "fine"), want: Malformed},
		"a check twice":                     {change: check(0, "name", "trial-balance"), want: Malformed, says: "twice"},
		"a position that is none":           {change: func(m map[string]any) { m["target"] = map[string]any{"lsn": "5000000"} }, want: Malformed, says: "position"},
		"without its id and role":           {change: func(m map[string]any) { m["id"] = ""; in(m, "signOff")["role"] = "" }, want: Incomplete, says: "id, signOff.role"},
		"without what it achieved":          {change: func(m map[string]any) { delete(in(m, "achieved"), "rpoSeconds") }, want: Incomplete, says: "achieved.rpoSeconds"},
		"without a check that is asked for": {change: check(1, "name", "balance"), want: Incomplete, says: "trial-balance"},
		"without its target":                {change: func(m map[string]any) { m["target"] = map[string]any{} }, want: Incomplete, says: "target"},
		"without its system":                {change: func(m map[string]any) { delete(in(m, "backup"), "systemIdentifier") }, want: Incomplete, says: "systemIdentifier"},
		"of tomorrow": {change: func(m map[string]any) {
			m["finishedAt"] = at(noon.AddDate(0, 0, 1))
			in(m, "signOff")["at"] = at(noon.AddDate(0, 0, 1))
		}, want: Future},
		"signed off tomorrow":             {change: set("signOff", "at", at(noon.AddDate(0, 0, 1))), want: Future},
		"signed off before it ended":      {change: set("signOff", "at", at(testStart)), want: Inconsistent},
		"ends before it begins":           {change: func(m map[string]any) { m["finishedAt"] = at(testStart.Add(-time.Second)) }, want: Inconsistent},
		"begins before its backup":        {change: func(m map[string]any) { m["startedAt"] = at(fullEnd.Add(-time.Second)) }, want: Inconsistent},
		"quicker than no time":            {change: set("achieved", "rtoSeconds", 0), want: Inconsistent},
		"longer than it took":             {change: set("achieved", "rtoSeconds", 1800), want: Inconsistent},
		"a target before its backup":      {change: set("target", "time", at(fullEnd.Add(-time.Hour))), want: Inconsistent},
		"a target after its start":        {change: set("target", "time", at(testEnd)), want: Inconsistent},
		"two targets":                     {change: set("target", "lsn", "0/5000000"), want: Inconsistent},
		"in production":                   {change: set("environment", "separate", false), want: NotSeparate},
		"of another server":               {change: set("backup", "systemIdentifier", "7000000000000000001"), want: WrongBackup, says: "system"},
		"last week's backup as today's":   {change: set("backup", "set", "20261118-193121F"), want: WrongBackup, says: "20261118-193121F"},
		"yesterday's backup as today's":   {change: set("backup", "set", "20261125-193121F"), want: WrongBackup, says: "ended at"},
		"a backup that no repository has": {change: set("backup", "set", "20261126-090000F"), want: WrongBackup, says: "no repository"},
		"a backup of another tool":        {change: set("backup", "set", "barman-17"), want: Valid, passed: true},
		"a full backup that has expired": {change: func(m map[string]any) {
			set("backup", "set", "20261120-193121F")(m)
			set("backup", "finishedAt", at(fullEnd.AddDate(0, 0, -6)))(m)
		}, want: Valid, passed: true},
		"a differential that may be expired": {change: set("backup", "set", fullLabel+"_20261126-193500D"), want: Valid, passed: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := sealed(report(tt.change))
			if tt.text != nil {
				text = tt.text(text)
			}
			got, defect := VerifyRestoreTest(text, standard())
			verdict, says := Valid, ""
			if defect != nil {
				verdict, says = defect.Verdict, defect.What
			}
			if verdict != tt.want || !strings.Contains(says, tt.says) {
				t.Fatalf("VerifyRestoreTest() = %q (%s), want %q that says %q", verdict, says, tt.want, tt.says)
			}
			if defect == nil && got.Passed() != tt.passed {
				t.Errorf("Passed() = %v, want %v", got.Passed(), tt.passed)
			}
		})
	}
}

// With a key, a checksum is no seal: anybody can write one.
func TestSignedRestoreTests(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	body := report(nil)
	signed := func(by ed25519.PrivateKey) []byte {
		return fmt.Appendf(slices.Clip(body), "%s%s\n", sealEd25519, base64.StdEncoding.EncodeToString(ed25519.Sign(by, body)))
	}
	for name, tt := range map[string]struct {
		text []byte
		want Verdict
	}{
		"signed":              {signed(private), Valid},
		"signed by another":   {signed(stranger), Edited},
		"edited":              {[]byte(strings.Replace(string(signed(private)), "900", "300", 1)), Edited},
		"with a checksum":     {sealed(body), Unsealed},
		"with half a line":    {append(slices.Clip(body), "ed25519: AAAA"...), Edited},
		"with an empty one":   {append(slices.Clip(body), "sha256: \n"...), Unsealed},
		"with no seal at all": {body, Unsealed},
	} {
		t.Run(name, func(t *testing.T) {
			s := standard()
			s.Key = public
			_, defect := VerifyRestoreTest(tt.text, s)
			verdict := Valid
			if defect != nil {
				verdict = defect.Verdict
			}
			if verdict != tt.want {
				t.Errorf("VerifyRestoreTest() = %v, want %v", verdict, tt.want)
			}
		})
	}
	t.Run("the key is a file", func(t *testing.T) {
		encoded, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(r *rig) {
			r.repository()
			r.config.RestoreTests = filepath.Join(r.dir, "tests")
			r.config.SignedBy = r.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: encoded}))
			r.write("tests/q4.json", signed(private))
		})
		r.look().expect(map[string]float64{"restore_test_reports/valid": 1})
		r.write("key.pem", []byte("no key"))
		got := r.look()
		if fault.KindOf(got.err) != fault.Schema {
			t.Errorf("Collect() = %v, want kind schema", got.err)
		}
		got.expect(map[string]float64{"restore_test_overdue_ratio": nan, "recovery_evidence_valid/restore-tests": 0})
	})
}

// A test that was told is not a new one under another name or time.
func TestReplayedRestoreTests(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.repository()
		r.config.RestoreTests = filepath.Join(r.dir, "tests")
		r.write("tests/q4.json", sealed(report(nil)))
	})
	place := func(name string, change func(map[string]any)) {
		r.touch(r.write("tests/"+name, sealed(report(change))), noon.Add(time.Hour))
	}
	got := r.look()
	if got.err != nil {
		t.Fatal(got.err)
	}
	got.expect(map[string]float64{"restore_test_reports/valid": 1, "restore_test_last_success_timestamp_seconds": unix(testEnd), "restore_test_duration_seconds": 900})
	got.expectStates(map[string]signal.State{"restore_test_overdue": signal.OK, "restore_test_replayed": signal.OK, "restore_test_failed": signal.OK})

	place("again.json", nil)
	place("renamed.json", func(m map[string]any) { m["id"] = "q5" })
	place("later.json", func(m map[string]any) { m["finishedAt"] = noon.Add(-9 * time.Minute).UTC().Format(time.RFC3339) })
	got = r.look()
	got.expect(map[string]float64{"restore_test_reports/valid": 1, "restore_test_reports/replayed": 3, "restore_test_last_success_timestamp_seconds": unix(testEnd)})
	got.expectStates(map[string]signal.State{"restore_test_replayed": signal.Warning})
	r.look()
	if n := strings.Count(r.log.String(), "verdict=replayed"); n != 3 {
		t.Errorf("the log tells %d replayed reports, want each of 3 once:\n%s", n, r.log.String())
	}

	// The first one is gone; what was told is remembered by its file.
	r.remove(filepath.Join(r.dir, "tests/q4.json"), filepath.Join(r.dir, "tests/again.json"))
	r.restart()
	got = r.look()
	got.expect(map[string]float64{"restore_test_reports/valid": 0, "restore_test_reports/replayed": 2})
	got.expectStates(map[string]signal.State{"restore_test_overdue": signal.Warning})
}

func TestRestoreTestsOverTime(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.repository()
		r.config.RestoreTests = filepath.Join(r.dir, "tests")
		r.write("tests/notes.txt", []byte("not a report"))
	})
	const late = "restore_test_overdue_ratio"
	got := r.look()
	got.expect(map[string]float64{late: math.Inf(1)})
	got.expectStates(map[string]signal.State{"restore_test_overdue": signal.Warning})

	r.write("tests/q4.json", sealed(report(nil)))
	r.now = testEnd.AddDate(0, 0, 90)
	r.look().expectStates(map[string]signal.State{"restore_test_overdue": signal.OK})
	r.now = r.now.Add(time.Minute)
	r.look().expectStates(map[string]signal.State{"restore_test_overdue": signal.Warning})

	r.now = noon
	r.write("tests/worse.json", sealed(report(func(m map[string]any) {
		m["id"], m["finishedAt"] = "q5", noon.Add(-5*time.Minute).UTC().Format(time.RFC3339)
		in(m, "signOff")["at"] = noon.UTC().Format(time.RFC3339)
		m["checks"].([]any)[2].(map[string]any)["records"] = 0
	})))
	got = r.look()
	got.expect(map[string]float64{"restore_test_last_success_timestamp_seconds": unix(testEnd), "restore_test_checks/failed": 1, "restore_test_checks/passed": 3})
	got.expectStates(map[string]signal.State{"restore_test_failed": signal.Warning})

	// The directory is not there: what was passed is known, what is now is not.
	r.config.RestoreTests = filepath.Join(r.dir, "elsewhere")
	r.watch.settings.Config.RestoreTests = r.config.RestoreTests
	got = r.look()
	got.expect(map[string]float64{"restore_test_last_success_timestamp_seconds": unix(testEnd), late: nan, "restore_test_checks/failed": nan})
	got.expectStates(map[string]signal.State{"restore_test_overdue": signal.Unknown, "restore_test_failed": signal.Unknown})
}

// A report of a backup is not taken at its word while no repository tells.
func TestRestoreTestsThatCannotBeHeldAgainstBackups(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.repository()
		r.config.RestoreTests = filepath.Join(r.dir, "tests")
		r.write("tests/q4.json", sealed(report(nil)))
		r.remove(r.info("backup"), r.info("backup")+".copy")
	})
	r.look().expectStates(map[string]signal.State{"restore_test_overdue": signal.Unknown})
}

func TestWhatWasToldIsDamaged(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.config.RestoreTests = filepath.Join(r.dir, "tests")
		r.write("tests/q4.json", sealed(report(nil)))
	})
	if got := r.look(); got.err != nil {
		t.Fatal(got.err)
	}
	r.write(r.watch.toldPath(), []byte("damaged"))
	r.restart()
	if got := r.look(); got.err == nil || !strings.Contains(got.err.Error(), "told before") {
		t.Errorf("Collect() = %v, want that what was told cannot be read", got.err)
	}
	if got := r.look(); got.err != nil {
		t.Errorf("Collect() = %v a second time", got.err)
	}
}
