package recovery

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/signal"
)

// What pgBackRest wrote itself: a full and an incremental backup, the log
// between and after them, then a segment lost, one info file damaged, and both.
func TestPgBackRest(t *testing.T) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := l.PgBackRest(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	identifier, err := p.Value(t.Context(), "postgres", "postgres", "SELECT system_identifier FROM pg_control_system()")
	must(err)
	infoFile := filepath.Join(t.TempDir(), "info.json")
	r := newRig(t, func(r *rig) {
		r.config.SystemIdentifier, r.config.RecoveryPoint = identifier, fromArchive
		r.config.Repositories = []Repository{{Name: "local", Path: made.Repository}, {Name: "printed", Info: infoFile}}
	})
	turn := func(t *testing.T) seen {
		t.Helper()
		r.t = t
		text, err := made.Info(t.Context())
		must(err)
		must(os.WriteFile(infoFile, text, 0o600))
		r.now = time.Now()
		return r.look()
	}

	t.Run("before the first backup", func(t *testing.T) {
		got := turn(t)
		if got.err != nil {
			t.Fatal(got.err)
		}
		got.expect(map[string]float64{"backup_usable_backups/local": 0, "backup_usable_backups/printed": 0, "recovery_evidence_valid/local": 1, "recovery_evidence_valid/printed": 1})
		got.expectStates(map[string]signal.State{"backup_usable": signal.Critical, "backup_overdue": signal.Critical})
	})
	must(made.Backup(t.Context(), lab.FullBackup))
	must(p.Exec(t.Context(), "postgres", "postgres", "CREATE TABLE entry (n int)"))
	must(made.Backup(t.Context(), lab.IncrementalBackup))
	for range 3 {
		must(made.Archive(t.Context()))
	}
	t.Run("with both and the log", func(t *testing.T) {
		got := turn(t)
		if got.err != nil {
			t.Fatal(got.err)
		}
		got.expect(map[string]float64{
			"backup_usable_backups/local": 2, "backup_unusable_backups/local": 0, "backup_usable_backups/printed": 2,
			"backup_wal_gap_segments/local/" + sinceNewest: 0, "backup_wal_gap_segments/local/" + sinceOldest: 0, "backup_wal_damaged_segments/local": 0,
			"recovery_evidence_damaged_files/local": 0,
		})
		for _, name := range []string{"last_success_timestamp_seconds", "duration_seconds", "size_bytes"} {
			for _, k := range []string{"full", "incremental"} {
				read, printed := got.values["backup_"+name+"/database/local/"+k], got.values["backup_"+name+"/database/printed/"+k]
				if read != printed || read <= 0 {
					t.Errorf("%s of the %s backup is %v, and %v as printed", name, k, read, printed)
				}
			}
		}
		from, to := got.values["backup_restorable_from_timestamp_seconds/local"], got.values["backup_restorable_to_timestamp_seconds/local"]
		if from != got.values["backup_last_success_timestamp_seconds/database/local/full"] || to < from || to != got.values["backup_archived_until_timestamp_seconds/local"] {
			t.Errorf("the range is from %v to %v", from, to)
		}
		got.expectStates(map[string]signal.State{
			"backup_usable": signal.OK, "backup_overdue": signal.OK, "backup_wal_gap": signal.OK, "backup_set_complete": signal.OK,
			"backup_recovery_point": signal.OK, "recovery_evidence_valid": signal.OK,
		})
	})
	segments, err := filepath.Glob(filepath.Join(made.Repository, "archive/main/*/*/*-*"))
	must(err)
	slices.Sort(segments)
	t.Run("a segment is damaged", func(t *testing.T) {
		whole := turn(t).values["backup_restorable_to_timestamp_seconds/local"]
		must(os.Truncate(segments[len(segments)-2], 1<<20))
		got := turn(t)
		got.expect(map[string]float64{"backup_wal_gap_segments/local/" + sinceNewest: 1, "backup_wal_damaged_segments/local": 1, "backup_archived_until_timestamp_seconds/local": whole})
		if to := got.values["backup_restorable_to_timestamp_seconds/local"]; to >= whole {
			t.Errorf("the range still ends at %v", to)
		}
		got.expectStates(map[string]signal.State{"backup_wal_gap": signal.Critical})
	})
	t.Run("a segment is lost", func(t *testing.T) {
		must(os.Remove(segments[len(segments)-2]))
		got := turn(t)
		got.expect(map[string]float64{"backup_wal_gap_segments/local/" + sinceNewest: 1, "backup_wal_damaged_segments/local": 0})
		got.expectStates(map[string]signal.State{"backup_wal_gap": signal.Critical})
	})
	info := filepath.Join(made.Repository, "backup/main/backup.info")
	damage := func(path string) {
		text, err := os.ReadFile(path)
		must(err)
		must(os.WriteFile(path, bytes.Replace(text, []byte(`"incr"`), []byte(`"full"`), 1), 0o600))
	}
	t.Run("the info file is damaged", func(t *testing.T) {
		damage(info)
		r.t, r.now = t, time.Now()
		got := r.look()
		got.expect(map[string]float64{"recovery_evidence_damaged_files/local": 1, "recovery_evidence_valid/local": 1, "backup_usable_backups/local": 2})
	})
	t.Run("and its copy is, too", func(t *testing.T) {
		damage(info + ".copy")
		r.t, r.now = t, time.Now()
		got := r.look()
		if fault.KindOf(got.err) != fault.Schema {
			t.Errorf("Collect() = %v, want kind schema", got.err)
		}
		got.expect(map[string]float64{"recovery_evidence_valid/local": 0, "backup_usable_backups/local": nan, "backup_wal_gap_segments/local/" + sinceNewest: nan})
		got.expectStates(map[string]signal.State{"backup_wal_gap": signal.Unknown, "recovery_evidence_valid": signal.Warning})
	})
}
