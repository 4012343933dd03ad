package endpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// decode reads the only section of an estate.
func decode(t *testing.T, file string) (Config, estate.Mistakes) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KEY": hushed, "LINES": hushed + "\nX-Admin: 1", "URL": "ftp://" + hushed}
	e, err := estate.Parse(filepath.Base(file), text, estate.Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Kinds:     []string{Kind},
	})
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	mistakes := e.Components[0].Section.Decode(&c)
	return c, mistakes
}

func TestConfig(t *testing.T) {
	got, mistakes := decode(t, "testdata/whole.yaml")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	want := Config{Class: Bank, Checks: []Check{
		{
			Name: "accounts", Interval: estate.Duration(2 * time.Minute), Timeout: estate.Duration(5 * time.Second),
			HTTP: &HTTP{
				URL: secret.New("https://api.bank.example/accounts?client=" + hushed), Method: "POST", Body: "{}",
				Headers:       map[string]string{"Accept": "application/json"},
				SecretHeaders: map[string]secret.Value{"X-Api-Key": secret.New(hushed)},
				Bearer:        secret.New(hushed), Proxy: secret.New("http://closewatch:" + hushed + "@proxy.example.com:3128"), FollowRedirects: true,
				TLS: &TLS{CA: "/etc/closewatch/bank-ca.pem", Certificate: "/etc/closewatch/bank.pem", Key: "/etc/closewatch/bank.key", ServerName: "api.bank.example"},
				Expect: Expect{
					Status: []int{200, 204}, BodyContains: "consent", BodyMatches: `"valid":\s*true`,
					JSON: map[string]string{"/status": "UP"}, MaxBytes: 1000,
				},
			},
		},
		{
			Name: "health", Interval: estate.Duration(time.Minute), Timeout: estate.Duration(10 * time.Second),
			HTTP: &HTTP{
				URL: secret.New("http://127.0.0.1:8080/health"), Method: "GET",
				Basic: &Basic{"closewatch", secret.New(hushed)}, Expect: Expect{MaxBytes: defaultMaxBytes},
			},
		},
		{
			Name: "mail", Interval: estate.Duration(time.Minute), Timeout: estate.Duration(10 * time.Second),
			TCP: &TCP{Address: "mx.bank.example:587", TLS: &TLS{}, StartTLS: "smtp"},
		},
		{
			Name: "zone", Interval: estate.Duration(time.Minute), Timeout: estate.Duration(10 * time.Second),
			DNS: &DNS{Name: "api.bank.example", Type: "A", Server: "192.0.2.53", Expect: []string{"192.0.2.10"}},
		},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b secret.Value) bool { return a.Reveal() == b.Reveal() }), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Decode() differs (-want +got):\n%s", diff)
	}
	if got := got.Checks[3].DNS.server(); got != "192.0.2.53:53" {
		t.Errorf("server() = %s", got)
	}
}

// Each testdata/bad/NAME.yaml is one situation; NAME.txt is every mistake in it,
// to the letter. UPDATE_GOLDEN=1 writes the texts anew.
func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad estates: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, mistakes := decode(t, file)
			if len(mistakes) == 0 {
				t.Fatal("no mistake was found")
			}
			got := mistakes.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("mistakes differ (-want +got):\n%s", diff)
			}
			if strings.Contains(got, hushed) {
				t.Errorf("a mistake shows a secret:\n%s", got)
			}
		})
	}
}

func TestTooManyChecks(t *testing.T) {
	c := Config{Class: Tax, Checks: make([]Check, maxChecks+1)}
	if ps := c.Validate(); len(ps) != 1 || ps[0].Field != "checks" {
		t.Errorf("Validate() = %v, want one problem with checks", ps)
	}
}
