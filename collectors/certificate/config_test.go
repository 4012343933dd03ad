package certificate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
)

// decode reads the sections of this kind of an estate.
func decode(t *testing.T, file string) (Config, estate.Mistakes) {
	t.Helper()
	e, err := estate.Load(file, estate.Options{LookupEnv: func(string) (string, bool) { return "value", true }, Kinds: []string{Kind, "endpoint"}})
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	for _, component := range e.Components {
		if component.Kind == Kind {
			return c, component.Section.Decode(&c)
		}
	}
	t.Fatalf("%s declares no certificate", file)
	return c, nil
}

func TestConfig(t *testing.T) {
	got, mistakes := decode(t, "../../deploy/examples/integrations.yaml")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	want := Config{
		Interval: estate.Duration(time.Minute), Timeout: estate.Duration(10 * time.Second),
		Targets: []Target{
			{Name: "erp", Served: "erp.example.com:443", File: "/etc/closewatch/erp/fullchain.pem"},
			{Name: "db", Served: "db.example.com:5432", StartTLS: "postgres", CA: "/etc/closewatch/internal-ca.pem"},
			{Name: "mail", Served: "mx.example.com:587", StartTLS: "smtp"},
			{Name: "bank-client", File: "/etc/closewatch/bank.pem", CA: "/etc/closewatch/bank-ca.pem"},
			{Name: "saml", File: "/etc/closewatch/saml.pem", CA: "/etc/closewatch/saml.pem"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode() differs (-want +got):\n%s", diff)
	}
	for n, want := range []string{"erp.example.com", "db.example.com", "mx.example.com", "", ""} {
		if name := got.Targets[n].serverName(); name != want {
			t.Errorf("%s is asked for %q, want %q", got.Targets[n].Name, name, want)
		}
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
		})
	}
}

func TestTooManyTargets(t *testing.T) {
	var c Config
	c.SetDefaults()
	for n := range maxTargets + 1 {
		c.Targets = append(c.Targets, Target{Name: strings.Repeat("a", n+1)})
	}
	if ps := c.Validate(); len(ps) != 1 || ps[0].Field != "targets" {
		t.Errorf("Validate() = %v, want one problem with targets", ps)
	}
}
