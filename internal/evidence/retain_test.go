package evidence

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

// aged is a log of the story, some days old, that is open again.
func aged(t *testing.T) (*Log, string, *clock) {
	t.Helper()
	dir, c := t.TempDir(), newClock()
	l := mustOpen(t, settings(t, dir, c))
	story(t, l, c)
	c.pass(72 * time.Hour)
	return l, dir, c
}

// Whole segments go, oldest first; the log says why it begins where it begins,
// and older anchors are not held against it.
func TestRetention(t *testing.T) {
	l, dir, c := aged(t)
	external, err := ReadAnchors(strings.NewReader(load1(t, dir, anchorsFile)), "vault.txt")
	if err != nil {
		t.Fatal(err)
	}
	torn := l.path(segmentsOf(load(t, dir))[0] + tornSuffix + "-9")
	if err := os.WriteFile(torn, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := l.Retain(t.Context(), c.now.Add(-90*time.Hour))
	if _, err := os.Stat(torn); err == nil {
		t.Errorf("%s was left", torn)
	}
	if err != nil || done.Segments != 2 || done.LastSeq != 8 || done.Held {
		t.Fatalf("Retain() = %+v, %v", done, err)
	}
	r := mustVerify(t, dir, external...)
	if !r.Intact() || r.StartsAfter != 8 || !r.Removed.Equal(c.now) || r.FirstSeq != 9 || len(r.Warnings) != 0 {
		t.Errorf("%s; starts after %d, removed at %s, warnings %v", r, r.StartsAfter, r.Removed, r.Warnings)
	}
	if r.Before != 2 || r.Anchored != 3 {
		t.Errorf("%d anchors before what is kept, %d agree", r.Before, r.Anchored)
	}
	wantIntact(t, dir)
	if done, err := l.Retain(t.Context(), c.now.Add(-90*time.Hour)); err != nil || done != (Removal{}) {
		t.Errorf("again: %+v, %v", done, err)
	}
	// Whatever the time: the newest segment stays, and the next one begins after
	// what is left.
	if done, err = l.Retain(t.Context(), c.now.Add(time.Hour)); err != nil || len(segmentsOf(load(t, dir))) != 1 {
		t.Errorf("all: %+v, %v; left %v", done, err, segmentsOf(load(t, dir)))
	}
	mustAppend(t, l, Entry{Class: System, Action: Start})
	wantIntact(t, dir)
}

func TestLegalHold(t *testing.T) {
	l, dir, c := aged(t)
	if err := os.WriteFile(l.path(holdFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := segmentsOf(load(t, dir))
	done, err := l.Retain(t.Context(), c.now)
	if err != nil || !done.Held || done.Segments != 0 {
		t.Errorf("Retain() = %+v, %v", done, err)
	}
	if after := segmentsOf(load(t, dir)); len(after) != len(before) {
		t.Errorf("left %v of %v", after, before)
	}
}

// A removal that was interrupted is finished by the next; until then the log
// begins in what was to go, and verifies.
func TestInterruptedRemoval(t *testing.T) {
	l, dir, c := aged(t)
	before := load(t, dir)
	if _, err := l.Retain(t.Context(), c.now.Add(-90*time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := load(t, dir)
	s := segmentsOf(before)
	for name, left := range map[string][]string{
		"before the first file": {s[0], s[0] + sealSuffix, s[1], s[1] + sealSuffix},
		"before the first seal": {s[0] + sealSuffix, s[1], s[1] + sealSuffix},
		"between the segments":  {s[1], s[1] + sealSuffix},
		"before the last seal":  {s[1] + sealSuffix},
	} {
		files := maps.Clone(after)
		for _, file := range left {
			files[file] = before[file]
		}
		if r := verifyFiles(t, files); !r.Intact() {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// Nobody removes the beginning under a removal that was of something else.
func TestRemovalIsHeldToWhatItSays(t *testing.T) {
	l, dir, c := aged(t)
	if _, err := l.Retain(t.Context(), c.now.Add(-96*time.Hour)); err != nil {
		t.Fatal(err)
	}
	files := load(t, dir)
	s := segmentsOf(files)
	forged := maps.Clone(files)
	for i, text := range split(files[s[len(s)-1]]) {
		if strings.Contains(text, `"class":"retention"`) {
			forge(forged, s[len(s)-1], i, func(body string) string {
				return strings.Replace(body, quoted(body, `"last_hash":"`), strings.Repeat("0", 64), 1)
			})
		}
	}
	if r := verifyFiles(t, forged); r.Intact() || r.Findings[0].Kind != MissingSegment {
		t.Errorf("a removal of something else explains the beginning: %s", r)
	}
	delete(files, s[0])
	delete(files, s[0]+sealSuffix)
	r := verifyFiles(t, files)
	wantFirst(t, "one more removed", r, s[1], 1)
	if r.Findings[0].Kind != MissingSegment {
		t.Errorf("found %s", r.Findings[0])
	}
}

// A disk that does not take the record keeps the segments.
func TestRetentionNeedsItsRecord(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	d := &badDisk{real: realDisk(), failure: failures[0]}
	l, err := open(settings(t, dir, c), d.disk())
	if err != nil {
		t.Fatal(err)
	}
	story(t, l, c)
	before := segmentsOf(load(t, dir))
	d.from, d.to = 1, 1000
	c.pass(72 * time.Hour)
	if _, err := l.Retain(t.Context(), c.now); err == nil {
		t.Error("removed without a record")
	}
	if after := segmentsOf(load(t, dir)); len(after) != len(before) {
		t.Errorf("left %v of %v", after, before)
	}
	if err := errors.Join(l.Close()); err != nil {
		t.Fatal(err)
	}
}
