package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

func TestTheKillSwitchIsItsFile(t *testing.T) {
	noon := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	by := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		do   func(t *testing.T, path string)
		want string // in the reason; "" is off
	}{
		"nobody made it":                         {func(*testing.T, string) {}, ""},
		"made by hand":                           {by(""), "the kill switch is on"},
		"by hand, with words that are no reason": {by("ask Mr. Smith"), "the kill switch is on (let flows write again"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o750); err != nil {
				t.Fatal(err)
			}
		}, "the kill switch is on"},
		"a link to nowhere": {func(t *testing.T, path string) {
			if err := os.Symlink(path+"-nowhere", path); err != nil {
				t.Fatal(err)
			}
		}, "the kill switch is on"},
		"longer than is read": {by(`{"reason": "` + strings.Repeat("x", 5<<10) + `"}`), "the kill switch is on ("},
		"engaged": {func(t *testing.T, path string) {
			if err := flow.NewKillSwitch(path).Engage(flow.Stop{Reason: "year end", By: "token:oncall", At: noon}); err != nil {
				t.Fatal(err)
			}
		}, "since 2026-11-18T12:00:00Z by token:oncall: year end"},
		"in a directory that is a file": {func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			by("")(t, filepath.Dir(path))
		}, "cannot be looked at"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			if err := os.Mkdir(dir, 0o750); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "kill-switch")
			tt.do(t, path)
			k := flow.NewKillSwitch(path)
			err := k.On()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("On() = %v, want %q", err, tt.want)
			}
			if tt.want == "cannot be looked at" || tt.want == "" {
				return
			}
			if err := k.Release(); err != nil {
				t.Fatalf("Release() = %v", err)
			}
			if err := k.On(); err != nil {
				t.Errorf("after Release, On() = %v", err)
			}
		})
	}
}
