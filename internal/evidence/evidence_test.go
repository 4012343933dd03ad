package evidence

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		appendForever(dir)
	}
	goleak.VerifyTestMain(m)
}

// torture reports whether the whole matrix is to be run rather than a part.
func torture() bool { return os.Getenv("CLOSEWATCH_TORTURE") == "full" }

// every is 1 when the whole matrix is to be run, else the step that leaves a
// part of it for each run.
func every(step int) int {
	if torture() {
		return 1
	}
	return step
}

var november = time.Date(2026, 11, 24, 22, 0, 0, 0, time.UTC)

// A clock goes where it is told to.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{november} }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

// settings are of a log in a new directory, or in dir, with a key that is known.
func settings(t *testing.T, dir string, c *clock) Settings {
	t.Helper()
	key := filepath.Join(t.TempDir(), "pseudonyms.key")
	text := strings.Repeat("ab", 32) + "\n"
	checked := strings.TrimPrefix(Digest([]byte(text)), "sha256:") + "\n" + text // as durable.WriteChecked writes it
	if err := os.WriteFile(key, []byte(checked), 0o600); err != nil {
		t.Fatal(err)
	}
	return Settings{Dir: dir, KeyFile: key, Now: func() time.Time { return c.now }, Version: "test", SegmentBytes: 1200}
}

func mustOpen(t *testing.T, s Settings) *Log {
	t.Helper()
	l, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func mustAppend(t *testing.T, l *Log, entries ...Entry) Receipt {
	t.Helper()
	r, err := l.Append(t.Context(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustVerify(t *testing.T, dir string, anchors ...Anchor) Report {
	t.Helper()
	r, err := Verify(os.DirFS(dir), Options{Anchors: anchors})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantIntact(t *testing.T, dir string) Report {
	t.Helper()
	r := mustVerify(t, dir)
	if !r.Intact() {
		t.Fatalf("%s", r)
	}
	if n := r.LastSeq - r.StartsAfter; n != r.Records {
		t.Errorf("%d records between %d and %d", r.Records, r.StartsAfter, r.LastSeq)
	}
	return r
}

// records are all of a log that is intact.
func records(t *testing.T, dir string) []Record {
	t.Helper()
	var out []Record
	for r, err := range Read(os.DirFS(dir)) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// story is a small log of three days in four segments, with each kind of thing
// in it.
func story(t *testing.T, l *Log, c *clock) {
	t.Helper()
	mustAppend(t, l, Entry{Class: System, Action: Start, Refs: map[string]string{"version": "1.4.0", "config": "sha256:" + strings.Repeat("9f", 32)}})
	c.pass(30 * time.Second)
	mustAppend(t, l,
		Entry{Class: Decision, Action: "tier-raised", Refs: map[string]string{"process": "payroll", "entity": "acme-uk", "environment": "production", "tier": "business-critical", "incident": "I-0a1b2c3d"}, Note: "two runs of the flow failed at step post"},
		Entry{Class: Alert, Action: "page-sent", Refs: map[string]string{"incident": "I-0a1b2c3d", "team": "finance-ops"}, Outcome: "delivered", Digest: Digest([]byte("the page"))},
	)
	c.pass(4 * time.Minute)
	mustAppend(t, l, Entry{Class: Acknowledgement, Action: "incident-taken", Actor: "somebody.of@example.com", Refs: map[string]string{"incident": "I-0a1b2c3d"}})
	c.pass(3 * time.Hour) // into the next day
	mustAppend(t, l, Entry{Class: Flow, Action: "flow-ran", Refs: map[string]string{"flow": "invoice-posting", "run": "20261125T010430Z-5f6e7d8c"}, Outcome: "passed"})
	mustAppend(t, l, Gap{From: c.now.Add(-time.Hour), To: c.now, Reason: Overrun, Scope: Everything, Missed: 120}.Entry())
	c.pass(time.Hour)
	mustAppend(t, l, Entry{Class: Access, Action: "evidence-read", Actor: "token:grafana", Refs: map[string]string{"route": "/api/v1/evidence"}, Outcome: "granted"})
	mustAppend(t, l, Entry{Class: Access, Action: "evidence-read", Actor: "role:auditor", Refs: map[string]string{"route": "/api/v1/evidence"}, Outcome: "denied"})
	c.pass(24 * time.Hour)
	mustAppend(t, l, Entry{Class: Change, Action: "silence-set", Actor: "token:deploy", Note: "freeze of the close"})
	mustAppend(t, l, Entry{Class: System, Action: Stop})
}

// storyDir is a closed log of the story.
func storyDir(t *testing.T) string {
	t.Helper()
	dir, c := t.TempDir(), newClock()
	l, err := Open(settings(t, dir, c))
	if err != nil {
		t.Fatal(err)
	}
	story(t, l, c)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// load reads all files of a directory.
func load(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

// segmentsOf are the names of the segments among files, in order.
func segmentsOf(files map[string]string) []string {
	var out []string
	for name := range files {
		if strings.HasSuffix(name, ".log") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
