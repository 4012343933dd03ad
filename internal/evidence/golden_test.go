package evidence

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The format is what auditors re-perform: each byte of it is held to files that
// are committed, with what damage to them looks like.
func TestFormat(t *testing.T) {
	intact := load(t, storyDir(t))
	delete(intact, lockFile)
	s := segmentsOf(intact)
	damaged := func(change func(f map[string]string)) map[string]string {
		f := maps.Clone(intact)
		change(f)
		return f
	}
	soften := func(f map[string]string) {
		forge(f, s[0], 2, func(body string) string { return strings.Replace(body, "business-critical", "degradation", 1) })
		reseal(t, f)
		reanchor(f)
	}
	for name, files := range map[string]map[string]string{
		"intact":    intact,
		"changed":   damaged(func(f map[string]string) { f[s[1]] = strings.Replace(f[s[1]], "passed", "failed", 1) }),
		"dropped":   damaged(func(f map[string]string) { f[s[1]] = strings.Join(slices.Delete(split(f[s[1]]), 2, 3), "") }),
		"cut":       damaged(func(f map[string]string) { f[s[3]] = strings.Join(split(f[s[3]])[:3], "") }),
		"missing":   damaged(func(f map[string]string) { delete(f, s[2]) }),
		"rewritten": damaged(soften),
	} {
		golden := filepath.Join("testdata", name)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.RemoveAll(golden); err != nil {
				t.Fatal(err)
			}
			write(t, golden, files)
		}
		if diff := cmp.Diff(load(t, golden), files); diff != "" {
			t.Errorf("%s changed (-committed +written):\n%s", name, diff)
		}
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The commands of FORMAT.md re-perform the check with a shell and sha256sum.
func TestShellAgrees(t *testing.T) {
	manual, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(manual), "```sh\n")
	script, _, closed := strings.Cut(script, "```")
	if !found || !closed {
		t.Fatal("FORMAT.md has no block of shell commands")
	}
	tests := map[string]struct {
		damage func(files map[string]string)
		want   string // at the end of what is printed
		fails  bool
	}{
		"intact": {want: "the chain is whole\n"},
		"a record was changed": {func(f map[string]string) {
			name := segmentsOf(f)[1]
			f[name] = strings.Replace(f[name], "passed", "failed", 1)
		}, "does not follow\n", true},
		"a finished segment was changed and hashed anew": {func(f map[string]string) {
			forge(f, segmentsOf(f)[0], 2, func(body string) string { return strings.Replace(body, "business-critical", "degradation", 1) })
		}, "FAILED\n", true},
		"all was hashed anew, and the seals": {func(f map[string]string) {
			forge(f, segmentsOf(f)[0], 2, func(body string) string { return strings.Replace(body, "business-critical", "degradation", 1) })
			reseal(t, f)
		}, "is not in the log\n", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := load(t, storyDir(t))
			delete(files, lockFile)
			if tt.damage != nil {
				tt.damage(files)
			}
			dir := t.TempDir()
			write(t, dir, files)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			cmd.Dir = dir
			out, err := cmd.Output()
			if (err != nil) != tt.fails {
				t.Errorf("the shell ended with %v", err)
			}
			if !strings.HasSuffix(string(out), tt.want) {
				t.Errorf("the shell printed\n%swant at the end: %s", out, tt.want)
			}
		})
	}
}
