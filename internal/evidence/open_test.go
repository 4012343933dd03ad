package evidence

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reopen opens a log on files, appends a record and returns what was found and
// what the verifier then says.
func reopened(t *testing.T, files map[string]string) (Opening, Report, string) {
	t.Helper()
	dir, c := t.TempDir(), newClock()
	delete(files, lockFile)
	write(t, dir, files)
	c.pass(48 * time.Hour)
	s := settings(t, dir, c)
	l, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, Entry{Class: System, Action: Start})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// A second start finds nothing new.
	again, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	if o := again.Opening(); len(o.Findings) > 0 || o.Torn != "" {
		t.Errorf("a second start finds %v %s", o.Findings, o.Torn)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Opening(), mustVerify(t, dir), dir
}

// A torn last line was never acknowledged: it is set aside, and that is a
// record.
func TestTornTailIsCut(t *testing.T) {
	files := load(t, storyDir(t))
	newest := segmentsOf(files)[3]
	torn := files[newest] + strings.Repeat("a", 64) + ` {"seq":13,"at":"2026-11-2`
	for cut := len(files[newest]) + 1; cut <= len(torn); cut += every(13) {
		changed := maps.Clone(files)
		changed[newest] = torn[:cut]
		found, report, dir := reopened(t, changed)
		if !report.Intact() || report.Classes[Damaged] != 1 || found.Torn == "" {
			t.Fatalf("cut at %d: %s; set aside %q; records of damage %d", cut, report, found.Torn, report.Classes[Damaged])
		}
		if got := load1(t, dir, found.Torn); got != torn[len(files[newest]):cut] {
			t.Errorf("set aside %q", got)
		}
	}
}

// Damage in the newest segment stays as it is, does not keep the log from going
// on, and is named each time it is verified.
func TestDamageStaysAndIsNamed(t *testing.T) {
	files := load(t, storyDir(t))
	newest := segmentsOf(files)[3]
	for i := 0; i < len(files[newest])-1; i += every(37) { // the last byte is a torn tail
		b := []byte(files[newest])
		b[i] ^= 1
		changed := maps.Clone(files)
		changed[newest] = string(b)
		found, report, dir := reopened(t, changed)
		if len(found.Findings) != 1 {
			t.Fatalf("byte %d: found %v", i, found.Findings)
		}
		wantFirst(t, "byte "+strconv.Itoa(i), report, newest, lineAt(files[newest], i))
		if f := report.Findings[0]; !f.Recorded || len(report.Findings) != 1 {
			t.Errorf("byte %d: not recorded, or more than that: %v", i, report.Findings)
		}
		if load1(t, dir, newest) != string(b) {
			t.Error("the damaged file was changed")
		}
		if report.LastSeq <= 12 {
			t.Errorf("byte %d: the log goes on at %d, a number that was given before", i, report.LastSeq)
		}
	}
}

// Also without a head, numbers that lines after the damage had are not given
// again.
func TestNumbersAreNotGivenAgain(t *testing.T) {
	files := load(t, storyDir(t))
	s := segmentsOf(files)
	files[s[3]] = strings.Replace(files[s[3]], `"anchor"`, `"banchor"`, 1) // record 10 of 12
	delete(files, headFile)
	_, _, dir := reopened(t, files)
	after := load(t, dir)
	if header := split(after[segmentsOf(after)[4]])[0]; !strings.Contains(header, `"after_seq":12,`) {
		t.Errorf("the log goes on with %s", header)
	}
}

// After damage was recorded, neither the damaged file nor the place where the
// chain goes on may change.
func TestRecordedDamageIsHeld(t *testing.T) {
	files := load(t, storyDir(t))
	s := segmentsOf(files)
	files[s[3]] = strings.Replace(files[s[3]], "freeze", "breeze", 1)
	_, report, dir := reopened(t, files)
	wantFirst(t, "damaged", report, s[3], 3)
	files = load(t, dir)
	after := segmentsOf(files)[4]
	tests := map[string]struct {
		change func(f map[string]string)
		want   string
	}{
		"the file was changed again": {func(f map[string]string) {
			f[s[3]] = strings.Replace(f[s[3]], `"stop"`, `"halt"`, 1)
		}, "the file was changed again after its damage was recorded"},
		"the chain goes on from elsewhere": {func(f map[string]string) {
			forge(f, after, 0, func(body string) string {
				return strings.Replace(body, quoted(body, `"after_hash":"`), strings.Repeat("0", 64), 1)
			})
		}, "the segment does not continue from the last good line before the damage"},
		"the damage is no longer named": {func(f map[string]string) {
			forge(f, after, 0, func(body string) string { return strings.Split(body, `,"damaged"`)[0] + "}" })
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(files)
			tt.change(changed)
			r := verifyFiles(t, changed)
			wantFirst(t, name, r, s[3], 3)
			if tt.want == "" && r.Findings[0].Recorded || tt.want != "" && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Text == tt.want }) {
				t.Errorf("found %v", r.Findings)
			}
		})
	}
}

// Records that head tells of and the log lacks are lost, and that is said; their
// numbers are not given again.
func TestCutTailIsNoticed(t *testing.T) {
	files := load(t, storyDir(t))
	newest := segmentsOf(files)[3]
	lines := split(files[newest])
	tests := map[string]func(f map[string]string){
		"the last record":          func(f map[string]string) { f[newest] = strings.Join(lines[:3], "") },
		"all records of a segment": func(f map[string]string) { f[newest] = lines[0] },
		"half of the last record":  func(f map[string]string) { f[newest] = strings.Join(lines[:3], "") + lines[3][:90] },
		"the newest segment":       func(f map[string]string) { delete(f, newest) },
		"all segments":             func(f map[string]string) { clear(f); f[headFile] = files[headFile] },
		"the end of line":          func(f map[string]string) { f[newest] = strings.TrimSuffix(f[newest], "\n") },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(files)
			change(changed)
			found, report, _ := reopened(t, changed)
			if !slices.ContainsFunc(found.Findings, func(f Finding) bool { return f.Kind == CutOff }) {
				t.Errorf("found %v", found.Findings)
			}
			if report.Intact() || report.LastSeq <= 12 {
				t.Errorf("verified: %s, up to %d", report, report.LastSeq)
			}
			if report.Classes[Damaged] == 0 {
				t.Error("no record of it")
			}
		})
	}
}

// A record that head does not know is not continued as if it were the one.
func TestRewrittenTailIsNoticed(t *testing.T) {
	files := load(t, storyDir(t))
	newest := segmentsOf(files)[3]
	forge(files, newest, 2, func(body string) string { return strings.Replace(body, "freeze", "breeze", 1) })
	found, report, _ := reopened(t, files)
	if len(found.Findings) != 1 || found.Findings[0].Kind != BadAnchor {
		t.Errorf("found %v", found.Findings)
	}
	if report.Intact() {
		t.Error("the verifier forgot it")
	}
}

// Every kind of damage may meet in the newest segments at once.
func TestSeveralDamagedSegments(t *testing.T) {
	files := load(t, storyDir(t))
	s := segmentsOf(files)
	files[s[3]] = "\x00\x00\x00\n"
	files[s[2]] = ""
	found, report, _ := reopened(t, files)
	if len(found.Findings) != 2 {
		t.Errorf("found %v", found.Findings)
	}
	wantFirst(t, "two segments", report, s[2], 1)
	for _, f := range report.Findings {
		if !f.Recorded {
			t.Errorf("%s: not recorded", f)
		}
	}
}

func TestOpening(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := settings(t, dir, c)
	l, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	if o := l.Opening(); o.StoppedCleanly() || o.Last.Seq != 0 || o.FreshKey {
		t.Errorf("a new log: %+v", o)
	}
	if seq, hash := l.Head(); seq != 0 || hash != origin {
		t.Errorf("the head of a new log is %d %s", seq, hash)
	}
	mustAppend(t, l, Entry{Class: System, Action: Start})
	if _, err := Open(s); err == nil || !strings.Contains(err.Error(), "another process writes to it (stop the other one") {
		t.Errorf("a second writer: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), Entry{Class: System, Action: Start}); err != ErrClosed { //nolint:errorlint // returned as it is
		t.Errorf("Append after Close: %v", err)
	}
	killed := mustOpen(t, s)
	if o := killed.Opening(); o.StoppedCleanly() || o.Last.Seq != 1 {
		t.Errorf("after a run that did not say that it stopped: %+v", o)
	}
	mustAppend(t, killed, Entry{Class: System, Action: Stop})
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	if o := mustOpen(t, s).Opening(); !o.StoppedCleanly() || !o.Last.At.Equal(c.now) {
		t.Errorf("after a clean stop: %+v", o)
	}
}

// Erasure is deleting the key: pseudonyms change, and the log says when.
func TestKeyIsErased(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := settings(t, dir, c)
	l, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, Entry{Class: System, Action: Start})
	before := l.Pseudonym("somebody")
	if before != l.Pseudonym("somebody") || before == l.Pseudonym("somebody else") {
		t.Error("a pseudonym is not one person's")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.KeyFile); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, s)
	if !l.Opening().FreshKey || l.Pseudonym("somebody") == before {
		t.Error("the key is the same")
	}
	if info, err := os.Stat(s.KeyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", info, err)
	}
	if r := wantIntact(t, dir); r.Classes[Configuration] != 1 {
		t.Error("no record of the new key")
	}
}

// A key file that was damaged is set aside and replaced.
func TestDamagedKeyIsReplaced(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := settings(t, dir, c)
	if err := os.WriteFile(s.KeyFile, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, s)
	if !l.Opening().FreshKey {
		t.Error("a damaged key was believed")
	}
	if left, _ := filepath.Glob(s.KeyFile + ".damaged*"); len(left) != 1 {
		t.Errorf("set aside: %v", left)
	}
}
