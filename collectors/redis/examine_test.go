package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// What a user may not is found by trying, and its fix is enough: with the
// commands of the findings nothing is missing any more.
func TestExamine(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	r := startRedis(t, l, lab.RedisOptions{})
	admin := dial(t, r.URL())
	examine := func(user, password string) string {
		t.Helper()
		cfg := configured(t, strings.Replace(r.URL(), "redis://", "redis://"+user+":"+password+"@", 1), nil)
		return examination(t, cfg)
	}
	do(t, admin, "ACL", "SETUSER", "bare", "on", ">pw", "resetkeys", "resetchannels", "-@all", "+ping", "+info")
	found := examine("bare", "pw")
	for _, want := range []string{"| ok | Redis ", "rights | refused | not allowed: get, "} {
		if !strings.Contains(found, want) {
			t.Errorf("nothing says %q:\n%s", want, found)
		}
	}
	for line := range strings.Lines(found) {
		if _, fix, given := strings.Cut(line, "| ACL SETUSER bare "); given {
			do(t, admin, append([]any{"ACL", "SETUSER", "bare"}, words(fix)...)...)
		}
	}
	if found := examine("bare", "pw"); strings.Contains(found, "refused") {
		t.Errorf("after doing what was said:\n%s", found)
	}

	do(t, admin, append([]any{"ACL", "SETUSER", "shipped", "on", ">pw", "resetkeys", "resetchannels", "-@all"}, words(Rights)...)...)
	if found := examine("shipped", "pw"); strings.Contains(found, "refused") {
		t.Errorf("with the rights that we document:\n%s", found)
	}
	for situation, tt := range map[string]struct{ found, want string }{
		"the user that may do everything": {examination(t, configured(t, r.URL(), nil)), "user | advice | default, which usually may change anything | ACL SETUSER closewatch on >PASSWORD"},
		"a wrong password":                {examine("bare", "wrong"), "| refused | ask Redis "},
		"nothing listens":                 {examination(t, configured(t, "redis://127.0.0.1:1/0", nil)), "server 127.0.0.1:1 | missing | "},
		"a Sentinel that is none": {examination(t, configured(t, r.URL(), func(c *Config) {
			c.Sentinels = &Sentinels{Master: "mymaster", URLs: []secret.Value{secret.New(r.URL())}}
		})), "| missing | ask Sentinel "},
	} {
		if !strings.Contains(tt.found, tt.want) {
			t.Errorf("%s: nothing says %q:\n%s", situation, tt.want, tt.found)
		}
		if strings.Contains(tt.found, "wrong@") || strings.Contains(tt.found, ":pw") {
			t.Errorf("%s: a password is said:\n%s", situation, tt.found)
		}
	}
}

// Each command of Rights is tried, so that none is missed.
func TestEveryRightIsExamined(t *testing.T) {
	var tried []string
	for _, c := range slices.Concat(examined, ofCluster) {
		tried = append(tried, name(c))
	}
	for right := range strings.FieldsSeq(Rights) {
		if command, is := strings.CutPrefix(right, "+"); is && command != "info" && !slices.Contains(tried, command) {
			t.Errorf("%s is not tried", command)
		}
	}
}

func examination(t *testing.T, cfg Config) string {
	t.Helper()
	i := New(Settings{Component: "cache", Environment: "test", Config: cfg})
	defer i.Close()
	var b strings.Builder
	for _, f := range collector.Examine(t.Context(), i) {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", f.Subject, f.State, f.Text, f.Do)
	}
	return b.String()
}

func words(s string) []any {
	var out []any
	for w := range strings.FieldsSeq(s) {
		out = append(out, w)
	}
	return out
}
