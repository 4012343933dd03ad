package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/fault"
)

func TestFileMistakes(t *testing.T) {
	good := hash(t, alicesWord)
	tests := map[string]struct{ content, want string }{
		"a key nobody knows":       {"basic_auth_user: {}\n", `:1:1: unknown field "basic_auth_user"`},
		"a key twice":              {"rate_limit: {}\nrate_limit: {}\n", ":2:1: "},
		"not YAML":                 {"tls_server_config: [", ":1:"},
		"a password in clear":      {"basic_auth_users: {alice: hunter2}\n", `basic_auth_users: "alice" has no bcrypt hash`},
		"a hash that takes long":   {"basic_auth_users: {alice: " + strings.Replace(good, "$04$", "$15$", 1) + "}\n", `"alice" has a hash of cost 15`},
		"half a hash":              {"basic_auth_users: {alice: $2a$10$hunter2}\n", `basic_auth_users: "alice" has no bcrypt hash`},
		"a name with a colon":      {"basic_auth_users: {\"a:b\": " + good + "}\n", `"a:b" is no name that can log in`},
		"a limit without a burst":  {"rate_limit: {interval: 1s}\n", "rate_limit lets nothing through"},
		"a header nobody may set":  {"http_server_config: {headers: {X-Secret: hunter2}}\n", `HTTP header "X-Secret" can not be configured`},
		"a certificate and no key": {"tls_server_config: {cert_file: tls.crt}\n", "missing one of key or key_file"},
		"a mode nobody knows":      {"tls_server_config: {cert: x, key: hunter2, client_auth_type: Maybe}\n", "tls: failed to find any PEM data"},
		"a cipher nobody knows":    {"tls_server_config: {cipher_suites: [ROT13]}\n", "unknown cipher: ROT13"},
		"authorities and no mode":  {"tls_server_config: {client_ca_file: ca.crt}\n", "missing one of cert or cert_file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "web.yml")
			put(t, path, []byte(tt.content))
			f, err := auth.ReadFile(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || fault.HintOf(err) == "" {
				t.Fatalf("ReadFile() = %v, %v, want %s with a hint", f, err, tt.want)
			}
			if strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("the error has several lines:\n%v", err)
			}
			noSecret(t, "the error", err.Error())
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large.yml")
	put(t, large, []byte(strings.Repeat("#\n", 1<<20)))
	for path, want := range map[string]string{
		filepath.Join(dir, "no_such.yml"): "no such file or directory", dir: "is not a file", pipe: "is not a file", large: "is too large",
	} {
		if _, err := auth.ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadFile(%s) = %v, want %s", path, err, want)
		}
	}
}

func TestAnEmptyFileAsksForNothing(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "{}\n"} {
		f := webFile(t, content)
		if facts := f.Facts(); f.TLS() || len(facts.Users) > 0 || facts.Clients {
			t.Errorf("%q: TLS %v, %+v", content, f.TLS(), facts)
		}
	}
	var none *auth.File
	if none.TLS() || len(none.Facts().Users) > 0 {
		t.Error("an estate without a file has something of it")
	}
}

func FuzzReadFile(f *testing.F) {
	for _, s := range []string{"", "basic_auth_users: {a: b}", serverTLS, "rate_limit: {interval: 1s, burst: 1}", "[", "a: &x {b: *x}", "? [a]\n: b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		path := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := auth.ReadFile(path)
		if (file == nil) == (err == nil) {
			t.Fatalf("ReadFile() = %v, %v", file, err)
		}
	})
}
