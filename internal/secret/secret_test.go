package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/secret"
)

const word = "hunter2"

func TestASecretIsNeverPrinted(t *testing.T) {
	v := secret.New(word)
	inside := struct{ Password secret.Value }{v}
	asJSON, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("connect", "password", v, "all", inside)
	said := map[string]string{
		"%v": fmt.Sprintf("%v", v), "%+v": fmt.Sprintf("%+v", inside), "%#v": fmt.Sprintf("%#v", inside), "%s": v.String(),
		"%q": fmt.Sprintf("%q", v), "%x": fmt.Sprintf("%x", v), "%d": fmt.Sprintf("%d", v), "JSON": string(asJSON), "slog": logged.String(),
	}
	for how, text := range said {
		if strings.Contains(text, word) || strings.Contains(text, fmt.Sprintf("%x", word)) {
			t.Errorf("%s printed the secret: %s", how, text)
		}
	}
	if v.Reveal() != word {
		t.Errorf("Reveal() = %q, want the secret", v.Reveal())
	}
}

func TestExpand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(word+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return word, name == "PASSWORD" }
	tests := map[string]struct {
		in, want string
		problem  string
	}{
		"an environment variable":     {"${env:PASSWORD}", word, ""},
		"a file, without its newline": {"${file:" + file + "}", word, ""},
		"inside a URL":                {"postgres://cw:${env:PASSWORD}@db/postgres", "postgres://cw:" + word + "@db/postgres", ""},
		"nothing to expand":           {"plain", "plain", ""},
		"a variable that is not set":  {"${env:NOPE}", "", "NOPE"},
		"a file that is not there":    {"${file:/does/not/exist}", "", "/does/not/exist"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := secret.Expand(tt.in, env)
			switch {
			case tt.problem == "" && (err != nil || got.Reveal() != tt.want):
				t.Errorf("Expand(%q) = %q, %v, want %q", tt.in, got.Reveal(), err, tt.want)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), word)):
				t.Errorf("Expand(%q) = %v, want an error naming %s and no secret", tt.in, err, tt.problem)
			}
		})
	}
}
