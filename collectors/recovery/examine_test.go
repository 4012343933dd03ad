package recovery

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

func TestExamine(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.repository()
		r.config.RestoreTests = filepath.Join(r.dir, "tests")
		r.config.Drops = []DropFile{{Name: "files", Path: filepath.Join(r.dir, "missing.json")}}
	})
	r.write(filepath.Join(r.config.RestoreTests, "good.json"), sealed(report(nil)))
	r.write(filepath.Join(r.config.RestoreTests, "bare.json"), report(nil))
	i := New(Settings{Component: "backups", Config: r.config, Now: func() time.Time { return r.now }, StateDir: filepath.Join(r.dir, "state")})
	var b strings.Builder
	for _, f := range collector.Examine(t.Context(), i) {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", f.Subject, f.State, f.Text, f.Do)
	}
	found := b.String()
	for _, want := range []string{
		"local | ok | 2 backups, 2 of which can be restored",
		"files | missing | look at backups of files: read " + filepath.Join(r.dir, "missing.json") + ": no such file or directory | check the path",
		"restore tests | ok | 1 are evidence",
		"restore test bare.json | refused | it proves nothing: has no seal",
		"closewatch restore-test verify " + filepath.Join(r.config.RestoreTests, "bare.json"),
	} {
		if !strings.Contains(found, want) {
			t.Errorf("nothing says %q:\n%s", want, found)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "state")); err == nil {
		t.Error("an examination remembers what it was told")
	}
}
