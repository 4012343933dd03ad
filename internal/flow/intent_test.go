package flow_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

func intent(id string, at time.Time) flow.Intent {
	return flow.Intent{ID: id, Flow: "invoice-posting", Tenant: "acme", Ref: "closewatch-probe/" + id, At: at}
}

// reopen is what the next process does.
func reopen(t *testing.T, path string) *flow.IntentLog {
	t.Helper()
	l, err := flow.OpenIntentLog(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func pendingIDs(t *testing.T, l *flow.IntentLog) string {
	t.Helper()
	pending, err := l.Pending()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range pending {
		ids = append(ids, i.ID)
	}
	return strings.Join(ids, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnIntentIsOpenUntilItIsDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "intents.jsonl")
	l := reopen(t, path)
	must(t, l.Begin(intent("a", noon)))
	must(t, l.Begin(intent("b", noon.Add(time.Minute))))
	must(t, l.Done(intent("a", noon), noon.Add(2*time.Minute)))
	l = reopen(t, path)
	pending, err := l.Pending()
	must(t, err)
	if diff := cmp.Diff([]flow.Intent{intent("b", noon.Add(time.Minute))}, pending); diff != "" {
		t.Error(diff)
	}
	if n, err := l.Since(noon); n != 2 || err != nil {
		t.Errorf("Since(noon) = %d, %v; want both", n, err)
	}
	if n, err := l.Since(noon.Add(time.Second)); n != 1 || err != nil {
		t.Errorf("Since(noon+1s) = %d, %v; want the later", n, err)
	}
}

func TestADamagedLogLosesOnlyTheDamagedLine(t *testing.T) {
	tests := map[string]struct {
		damage func(content string) string
		want   string // still open
	}{
		"torn in the last line": {func(s string) string { return s[:len(s)-20] }, "a"},
		"torn at its end":       {func(s string) string { return s[:len(s)-1] }, "a b"},
		"a changed byte":        {func(s string) string { return strings.Replace(s, `"id":"a"`, `"id":"x"`, 1) }, "b"},
		"zeros after a crash":   {func(s string) string { return s + strings.Repeat("\x00", 4096) }, "a b"},
		"empty lines":           {func(s string) string { return "\n\n" + s + "\n" }, "a b"},
		"an enormous line":      {func(s string) string { return strings.Repeat("z", 1<<20) + "\n" + s }, "a b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "intents.jsonl")
			l := reopen(t, path)
			must(t, l.Begin(intent("a", noon)))
			must(t, l.Begin(intent("b", noon)))
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(tt.damage(string(b))), 0o600))

			l = reopen(t, path)
			if got := pendingIDs(t, l); got != tt.want {
				t.Errorf("open: %q, want %q", got, tt.want)
			}
			must(t, l.Begin(intent("c", noon)))
			if got := pendingIDs(t, reopen(t, path)); got != tt.want+" c" {
				t.Errorf("after another intent, open: %q, want %q", got, tt.want+" c")
			}
		})
	}
}

func TestALogIsRewrittenBeforeItGrowsLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intents.jsonl")
	l := reopen(t, path)
	must(t, l.Begin(intent("never-done", noon)))
	for i := range 40 { // large ones, so that few will do
		done := intent(strconv.Itoa(i), noon)
		done.Ref = strings.Repeat("x", 8000)
		must(t, l.Done(done, noon))
	}
	if info, err := os.Stat(path); err != nil || info.Size() < 300_000 {
		t.Fatalf("the log was not made large: %v", err)
	}

	must(t, l.Begin(intent("next", noon.Add(25*time.Hour))))
	info, err := os.Stat(path)
	must(t, err)
	if info.Size() > 2000 {
		t.Errorf("the log still has %d bytes", info.Size())
	}
	if got := pendingIDs(t, reopen(t, path)); got != "never-done next" {
		t.Errorf("open: %q", got)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}
