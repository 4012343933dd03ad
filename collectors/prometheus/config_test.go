package prometheus

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// hushed is in every secret of the tests and must be in nothing people read.
const hushed = "hunter2"

// decodeFile reads the components of an estate.
func decodeFile(t *testing.T, file string) ([]Config, estate.Mistakes) {
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
	configs := make([]Config, len(e.Components))
	var mistakes estate.Mistakes
	for i, c := range e.Components {
		mistakes = append(mistakes, c.Section.Decode(&configs[i])...)
	}
	return configs, mistakes
}

func TestConfig(t *testing.T) {
	got, mistakes := decodeFile(t, "testdata/whole.yaml")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	number := func(v float64) *float64 { return &v }
	want := []Config{
		{
			URL: secret.New("https://mimir.example.com/prometheus"), Headers: map[string]secret.Value{"X-Gateway-Key": secret.New(hushed)},
			Basic: &Basic{"closewatch", secret.New(hushed)}, CA: "/etc/closewatch/ca.pem", Tenant: "finance", TenantHeader: "THANOS-TENANT",
			Interval: estate.Duration(time.Minute), Timeout: estate.Duration(5 * time.Second),
			Queries: []Query{
				{
					Name: "disk-free", Query: "min by (instance, mountpoint) (\n  node_filesystem_avail_bytes / node_filesystem_size_bytes\n)\n",
					Unit: "ratio", Title: "Disks of the database servers have room", Warning: number(0.2), Critical: number(0.1), Direction: Below,
					For: estate.Duration(5 * time.Minute), Exit: 0.9, Fresh: estate.Duration(10 * time.Minute), By: []string{"instance", "mountpoint"},
					Aggregate: Min, Says: "Disk {mountpoint} of {instance} has {value} left, less than {threshold}", Role: Context, Partial: Use,
				},
				{Name: "targets-down", Query: "count(up == 0) or vector(0)", Warning: number(0), Direction: Above, Role: Health, Partial: Unknown},
			},
		},
		{
			URL: secret.New("http://127.0.0.1:9090/"), Bearer: secret.New(hushed), TenantHeader: "X-Scope-OrgID",
			Interval: estate.Duration(30 * time.Second), Timeout: estate.Duration(10 * time.Second),
			Queries: []Query{{Name: "disk-free", Query: "disk_free", Critical: number(0.1), Direction: Below, Role: Health, Partial: Unknown}},
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b secret.Value) bool { return a.Reveal() == b.Reveal() }), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Decode() differs (-want +got):\n%s", diff)
	}
}

func TestExample(t *testing.T) {
	text, err := os.ReadFile("../../deploy/examples/metrics.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(hushed), 0o600); err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`/run/secrets/[a-z-]+`).ReplaceAll(text, []byte(token))
	e, err := estate.Parse("metrics.yaml", text, estate.Options{LookupEnv: func(string) (string, bool) { return hushed, true }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range e.Components {
		if c.Kind != Kind {
			continue
		}
		var config Config
		if mistakes := c.Section.Decode(&config); mistakes != nil {
			t.Fatal(mistakes)
		}
		if defs := config.Signals(c.Name); len(defs) != 2 || signal.Check(defs) != nil {
			t.Errorf("Signals() = %v", defs)
		}
		return
	}
	t.Error("the example has no component of this kind")
}

// What the estate declares becomes signals whose names two components share
// with nobody.
func TestSignals(t *testing.T) {
	configs, _ := decodeFile(t, "testdata/whole.yaml")
	declared := append(configs[0].Signals("metrics"), configs[1].Signals("archive")...)
	if err := signal.Check(append(declared, Signals()...)); err != nil {
		t.Fatal(err)
	}
	never := signal.Never()
	want := []signal.Definition{
		{
			Name: "metrics/disk-free", Kind: Kind, Title: "Disks of the database servers have room", Metric: valueName,
			Match: map[string]string{"component": "metrics", "query": "disk-free"}, By: []string{"instance", "mountpoint"},
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.2, Critical: 0.1, Exit: 0.9, For: 5 * time.Minute, Fresh: 10 * time.Minute,
			Role: signal.Context, Unit: "ratio", Says: "Disk {mountpoint} of {instance} has {value} left, less than {threshold}",
		},
		{
			Name: "metrics/targets-down", Kind: Kind, Title: "targets-down", Metric: valueName,
			Match:   map[string]string{"component": "metrics", "query": "targets-down"},
			Warning: 0, Critical: never, Fresh: 5 * time.Minute, Says: "{component}: targets-down is {value}",
		},
		{
			Name: "archive/disk-free", Kind: Kind, Title: "disk-free", Metric: valueName,
			Match:     map[string]string{"component": "archive", "query": "disk-free"},
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.1, Fresh: 5 * time.Minute, Says: "{component}: disk-free is {value}",
		},
	}
	if diff := cmp.Diff(want, declared, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Signals() differs (-want +got):\n%s", diff)
	}
	slow := Query{}
	if got := slow.freshness(4 * time.Minute); got != 12*time.Minute {
		t.Errorf("a value asked for every 4m counts for %v, want 12m", got)
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
			_, mistakes := decodeFile(t, file)
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

func TestTooMuch(t *testing.T) {
	c := Config{URL: secret.New("http://127.0.0.1:9090"), TenantHeader: "X", Interval: estate.Duration(time.Minute), Timeout: estate.Duration(time.Second)}
	for range maxQueries + 1 {
		c.Queries = append(c.Queries, Query{})
	}
	if ps := c.Validate(); len(ps) != 1 || ps[0].Field != "queries" {
		t.Errorf("Validate() = %v, want one problem with queries", ps)
	}
	one := 1.0
	q := Query{Name: "a", Query: strings.Repeat("x", maxQuery+1), Warning: &one, Direction: Above, Role: Health, Partial: Unknown}
	if ps := q.Validate(); len(ps) != 1 || ps[0].Field != "query" {
		t.Errorf("Validate() = %v, want one problem with query", ps)
	}
}
