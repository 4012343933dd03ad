package recovery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
)

// decode reads the section of this kind of an estate.
func decode(t *testing.T, file string) (Config, estate.Mistakes) {
	t.Helper()
	e, err := estate.Load(file, estate.Options{LookupEnv: func(string) (string, bool) { return "value", true }, Kinds: []string{Kind}})
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	for _, component := range e.Components {
		if component.Kind == Kind {
			return c, component.Section.Decode(&c)
		}
	}
	t.Fatalf("%s declares no backup", file)
	return c, nil
}

func TestConfig(t *testing.T) {
	got, mistakes := decode(t, "../../deploy/examples/recovery.yaml")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	const day = 24 * time.Hour
	want := Config{
		Stanza: "main", SystemIdentifier: "7712565026036870467", WALSegmentMegabytes: 16,
		Repositories: []Repository{{Name: "local", Path: "/var/lib/pgbackrest"}, {Name: "offsite", Info: "/var/lib/closewatch/drops/pgbackrest.json", Key: 2}},
		Drops:        []DropFile{{"files", "/var/lib/closewatch/drops/filestore.json"}, {"settings", "/var/lib/closewatch/drops/configuration.json"}},
		RestoreTests: "/var/lib/closewatch/restore-tests", SignedBy: "/etc/closewatch/restore-tests.pem", RecoveryPoint: "archive",
		Interval: estate.Duration(time.Minute), Timeout: estate.Duration(30 * time.Second),
		Expect: Expect{
			Full: estate.Duration(7 * day), Incremental: estate.Duration(day), RestoreTest: estate.Duration(90 * day), Evidence: estate.Duration(6 * time.Hour),
			Parts: []part{database, filestore, configuration}, Checks: []string{"row-counts", "trial-balance", "hash-chain", "filestore-sample"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode() differs (-want +got):\n%s", diff)
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
