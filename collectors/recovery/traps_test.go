package recovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

var nan = math.NaN()

// B1: a backup that was made is not one that can be restored to now.
func TestGapsInTheArchive(t *testing.T) {
	const usable, gap, before = "backup_usable_backups/local", "backup_wal_gap_segments/local/" + sinceNewest, "backup_wal_gap_segments/local/" + sinceOldest
	const from, to, until = "backup_restorable_from_timestamp_seconds/local", "backup_restorable_to_timestamp_seconds/local", "backup_archived_until_timestamp_seconds/local"
	tests := map[string]struct {
		damage func(r *rig)
		want   map[string]float64
		state  signal.State
	}{
		"none": {
			func(*rig) {},
			map[string]float64{usable: 2, gap: 0, before: 0, from: unix(fullEnd), to: unix(archivedAt(5)), until: unix(archivedAt(5))},
			signal.OK,
		},
		"one after the newest backup cuts the range": {
			func(r *rig) { r.segment(7) },
			map[string]float64{usable: 2, gap: 1, from: unix(fullEnd), to: unix(archivedAt(5)), until: unix(archivedAt(7))},
			signal.Critical,
		},
		"one that was damaged is one": {
			func(r *rig) {
				r.segment(6)
				r.segment(7)
				if err := os.Truncate(r.segmentPath(6), 1<<20); err != nil {
					r.t.Fatal(err)
				}
			},
			map[string]float64{usable: 2, gap: 1, to: unix(archivedAt(5)), "backup_wal_damaged_segments/local": 1},
			signal.Critical,
		},
		"one within a backup makes it worth nothing": {
			func(r *rig) { r.remove(r.segmentPath(4)) },
			map[string]float64{usable: 1, "backup_unusable_backups/local": 1, gap: 1, from: unix(fullEnd), to: unix(archivedAt(3)), until: unix(archivedAt(5))},
			signal.Critical,
		},
		"one within the full backup makes both worth nothing": {
			func(r *rig) { r.remove(r.segmentPath(2)) },
			// The full backup is not whole without it, nor is what builds on it.
			map[string]float64{usable: 0, "backup_unusable_backups/local": 2, gap: nan, before: nan},
			signal.Unknown, // there is no backup to count from
		},
		"no segment at all": {
			func(r *rig) {
				for n := 1; n <= 5; n++ {
					r.remove(r.segmentPath(n))
				}
			},
			map[string]float64{usable: 0},
			signal.Unknown,
		},
		"one still being written does not count": {
			func(r *rig) {
				r.write(r.segmentPath(6)+".pgbackrest.tmp", []byte("half"))
				r.write(filepath.Join(r.dir, "local/archive/main/15-1/0000000100000000/000000010000000000000006.partial"), []byte("half"))
			},
			map[string]float64{usable: 2, gap: 0, to: unix(archivedAt(5)), "backup_wal_damaged_segments/local": 0},
			signal.OK,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.repository(); tt.damage(r) })
			got := r.look()
			if got.err != nil {
				t.Fatal(got.err)
			}
			got.expect(tt.want)
			want := map[string]signal.State{"backup_wal_gap": tt.state, "backup_usable": signal.OK}
			if tt.want[usable] == 0 {
				want["backup_usable"] = signal.Critical
				want["backup_overdue"] = signal.Critical
			}
			got.expectStates(want)
		})
	}
}

// B2: a time ahead of now hides for hours that nothing more was backed up.
func TestTimesYetToCome(t *testing.T) {
	tests := map[string]func(r *rig){
		"a backup": func(r *rig) {
			r.repository()
			r.now = madeAt // the full backup ends within the skew of clocks, and is not of the future
			for _, name := range []string{"backup.info", "backup.info.copy"} {
				path := filepath.Join(r.dir, "local/backup/main", name)
				r.write(path, sealedInfo(strings.Replace(string(r.read(path)), "1795721490", "1795725090", 1)))
				r.touch(path, madeAt)
			}
			for n := 1; n <= 5; n++ {
				r.touch(r.segmentPath(n), madeAt)
			}
		},
		"a segment": func(r *rig) {
			r.repository()
			r.touch(r.segmentPath(5), noon.Add(time.Hour))
		},
		"a drop": func(r *rig) { r.drop("local", noon.Add(time.Hour), dropped("a", database, noon)) },
	}
	for name, configure := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, configure)
			got := r.look()
			if fault.KindOf(got.err) != fault.Assertion {
				t.Errorf("Collect() = %v, want kind assertion", got.err)
			}
			got.expect(map[string]float64{"recovery_evidence_valid/local": 0, "recovery_evidence_errors_total/assertion/local": 1})
			got.expectStates(map[string]signal.State{"recovery_evidence_valid": signal.Warning, "backup_set_complete": signal.Unknown})
		})
	}
	t.Run("a zone is not lost", func(t *testing.T) {
		r := newRig(t, func(r *rig) {
			r.drop("local", noon, strings.ReplaceAll(dropped("a", database, noon.Add(2*time.Hour)), "Z", "+02:00"))
		})
		got := r.look()
		if got.err != nil {
			t.Fatal(got.err)
		}
		got.expect(map[string]float64{"backup_last_success_timestamp_seconds/database/local/full": unix(noon)})
	})
}

// B3: a full backup is not told as a differential one, and yet what was to be
// saved each day is saved by it.
func TestKindsAreToldApart(t *testing.T) {
	r := newRig(t, func(r *rig) { r.repository(); r.remove(r.segmentPath(4)) })
	r.now = fullEnd.Add(36 * time.Hour)
	got := r.look()
	got.expect(map[string]float64{
		"backup_last_success_timestamp_seconds/database/local/full": unix(fullEnd),
		"backup_overdue_ratio/local/incremental":                    1.5,
		"backup_overdue_ratio/local/full":                           1.5 / 7,
	})
	got.absent("backup_last_success_timestamp_seconds/database/local/incremental", "backup_last_success_timestamp_seconds/database/local/differential")
	got.expectStates(map[string]signal.State{"backup_overdue": signal.OK})
	r.now = r.now.Add(time.Minute)
	r.look().expectStates(map[string]signal.State{"backup_overdue": signal.Warning})
	r.now = fullEnd.Add(73 * time.Hour)
	r.look().expectStates(map[string]signal.State{"backup_overdue": signal.Critical})
}

// B4: a repository that is late is not hidden by one that is not.
func TestRepositoriesAreToldApart(t *testing.T) {
	info, err := os.ReadFile("testdata/repository/info.json")
	if err != nil {
		t.Fatal(err)
	}
	// Repository 2 has the full backup only, of the day before.
	var stanzas []map[string]any
	if err := json.Unmarshal(info, &stanzas); err != nil {
		t.Fatal(err)
	}
	text := string(info)
	text = strings.Replace(text, `"repo":[`, `"repo":[{"cipher":"none","key":2,"status":{"code":0,"message":"ok"}},`, 1)
	text = strings.Replace(text, `"db":[`, `"db":[{"id":1,"repo-key":2,"system-id":7712565026036870467,"version":"15"},`, 1)
	text = strings.Replace(text, `"backup":[`, fmt.Sprintf(`"backup":[{"archive":{"start":"000000010000000000000002","stop":"000000010000000000000002"},"database":{"id":1,"repo-key":2},"error":false,"info":{"size":1},"label":"20261124-193121F","timestamp":{"start":%d,"stop":%d},"type":"full"},`, fullEnd.Unix()-2*86400-1, fullEnd.Unix()-2*86400), 1)
	r := newRig(t, func(r *rig) {
		path := r.write("info.json", []byte(text))
		r.touch(path, noon)
		r.config.Repositories = []Repository{{Name: "local", Info: path, Key: 1}, {Name: "offsite", Info: path, Key: 2}}
	})
	got := r.look()
	if got.err != nil {
		t.Fatal(got.err)
	}
	got.expect(map[string]float64{
		"backup_last_success_timestamp_seconds/database/local/full":   unix(fullEnd),
		"backup_last_success_timestamp_seconds/database/offsite/full": unix(fullEnd) - 2*86400,
		"backup_usable_backups/local":                                 2,
		"backup_usable_backups/offsite":                               1,
	})
	got.absent("backup_wal_gap_segments/local/"+sinceNewest, "backup_restorable_to_timestamp_seconds/local") // info does not tell
	got.expectStates(map[string]signal.State{"backup_overdue": signal.Warning, "backup_set_complete": signal.OK})
}

// B5: a stanza of another server is not ours, nor is one whose archive is.
func TestAnotherSystem(t *testing.T) {
	other := strings.NewReplacer(system, "7000000000000000001")
	tests := map[string]func(r *rig){
		"than the estate says": func(r *rig) { r.repository(); r.config.SystemIdentifier = "7000000000000000001" },
		"than the archive's": func(r *rig) {
			r.repository()
			for _, end := range []string{"", ".copy"} {
				path := r.info("archive") + end
				r.write(path, sealedInfo(other.Replace(string(r.read(path)))))
			}
		},
		"in what info printed": func(r *rig) {
			r.config.Repositories = []Repository{{Name: "local", Info: r.write("info.json", []byte(other.Replace(string(r.read("testdata/repository/info.json")))))}}
			r.touch(filepath.Join(r.dir, "info.json"), noon)
		},
		"by another name": func(r *rig) {
			r.config.Stanza = "other"
			r.config.Repositories = []Repository{{Name: "local", Info: r.write("info.json", r.read("testdata/repository/info.json"))}}
		},
	}
	for name, configure := range tests {
		t.Run(name, func(t *testing.T) {
			got := newRig(t, configure).look()
			if fault.KindOf(got.err) != fault.Assertion {
				t.Errorf("Collect() = %v, want kind assertion", got.err)
			}
			got.expect(map[string]float64{"recovery_evidence_valid/local": 0, "backup_overdue_ratio/local/full": nan})
			got.absent("backup_last_success_timestamp_seconds/database/local/full")
		})
	}
}

// Backups of the server as it was before an upgrade are none of it now, and
// those made with errors are none at all.
func TestBackupsThatDoNotCount(t *testing.T) {
	tests := map[string]struct {
		info, printed [2]string
		unusable      float64
	}{
		"of a database before": {
			[2]string{`"backup-type":"incr","db-id":1`, `"backup-type":"incr","db-id":0`},
			[2]string{`"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8458`, `"database":{"id":0,"repo-key":1},"error":false,"info":{"delta":8458`},
			0,
		},
		"made with errors": {
			[2]string{`"backup-archive-stop":"000000010000000000000004","backup-error":false`, `"backup-archive-stop":"000000010000000000000004","backup-error":true`},
			[2]string{`"error":false,"info":{"delta":8458`, `"error":true,"info":{"delta":8458`},
			1,
		},
		"building on what is not there": {
			[2]string{`"backup-reference":["` + fullLabel + `"]`, `"backup-reference":["20261126-183121F"]`},
			[2]string{`"reference":["` + fullLabel + `"]`, `"reference":["20261126-183121F"]`},
			1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				r.repository()
				text := strings.Replace(string(r.read(r.info("backup"))), tt.info[0], tt.info[1], 1)
				r.touch(r.write(r.info("backup"), sealedInfo(text)), madeAt)
				path := r.write("info.json", []byte(strings.Replace(string(r.read("testdata/repository/info.json")), tt.printed[0], tt.printed[1], 1)))
				r.touch(path, noon)
				r.config.Repositories = append(r.config.Repositories, Repository{Name: "printed", Info: path})
			})
			got := r.look()
			if got.err != nil {
				t.Fatal(got.err)
			}
			for _, repository := range []string{"local", "printed"} {
				got.expect(map[string]float64{"backup_usable_backups/" + repository: 1, "backup_unusable_backups/" + repository: tt.unusable})
				got.absent("backup_last_success_timestamp_seconds/database/" + repository + "/incremental")
			}
		})
	}
}

// What is wrong with one repository is not wrong with another.
func TestTheStatusOfARepository(t *testing.T) {
	r := newRig(t, func(r *rig) {
		text := strings.Replace(string(r.read("testdata/repository/info.json")), `"repo":[`, `"repo":[{"cipher":"none","key":2,"status":{"code":99,"message":"other"}},`, 1)
		path := r.write("info.json", []byte(text))
		r.touch(path, noon)
		r.config.Repositories = []Repository{{Name: "local", Info: path, Key: 1}, {Name: "offsite", Info: path, Key: 2}, {Name: "third", Info: path, Key: 3}}
	})
	r.look().expect(map[string]float64{
		"recovery_evidence_valid/local": 1, "recovery_evidence_valid/offsite": 0, "recovery_evidence_valid/third": 0,
		"recovery_evidence_errors_total/unavailable/offsite": 1, "recovery_evidence_errors_total/assertion/third": 1,
	})
}

// B6: what was backed up since is seen in the next turn.
func TestNothingIsCached(t *testing.T) {
	r := newRig(t, func(r *rig) { r.drop("files", noon, dropped("a", filestore, noon)) })
	const last = "backup_last_success_timestamp_seconds/filestore/files/full"
	r.look().expect(map[string]float64{last: unix(noon)})
	later := noon.Add(time.Minute)
	r.drop("files", later, dropped("a", filestore, noon), dropped("b", filestore, later))
	r.look().expect(map[string]float64{last: unix(later)})
}

// B8: when evidence stops, what it proved grows older and is not called ok.
func TestEvidenceThatStops(t *testing.T) {
	broken := func(r *rig, of string) {
		for _, end := range []string{"", ".copy"} {
			path := r.info(of) + end
			r.write(path, bytes.Replace(r.read(path), []byte("15"), []byte("16"), 1))
		}
	}
	tests := map[string]struct {
		stop func(r *rig)
		kind fault.Kind
	}{
		"both info files are gone":    {func(r *rig) { r.remove(r.info("backup"), r.info("backup")+".copy") }, fault.Unreachable},
		"both info files are damaged": {func(r *rig) { broken(r, "backup") }, fault.Schema},
		"the archive's are damaged":   {func(r *rig) { broken(r, "archive") }, fault.Schema},
		"they are cut off": {func(r *rig) {
			for _, end := range []string{"", ".copy"} {
				path := r.info("backup") + end
				r.write(path, r.read(path)[:400])
			}
		}, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.repository(); r.config.RecoveryPoint = fromArchive })
			good := map[string]signal.State{"backup_overdue": signal.OK, "backup_wal_gap": signal.OK, "backup_usable": signal.OK, "backup_set_complete": signal.OK, "backup_recovery_point": signal.OK}
			got := r.look()
			got.expectStates(good)
			got.expect(map[string]float64{"backup_recovery_point_exposure_seconds": noon.Sub(archivedAt(5)).Seconds()})
			tt.stop(r)
			for range 2 {
				r.now = r.now.Add(time.Hour)
				got = r.look()
				if fault.KindOf(got.err) != tt.kind || fault.HintOf(got.err) == "" && tt.kind == fault.Unreachable {
					t.Errorf("Collect() = %v, want kind %s", got.err, tt.kind)
				}
				got.expect(map[string]float64{
					"backup_last_success_timestamp_seconds/database/local/full": unix(fullEnd),
					"recovery_evidence_timestamp_seconds/local":                 unix(madeAt),
					"recovery_evidence_valid/local":                             0,
					"backup_overdue_ratio/local/full":                           nan,
					"backup_set_complete":                                       nan,
					"backup_recovery_point_exposure_seconds":                    r.now.Sub(archivedAt(5)).Seconds(),
				})
				unknown := map[string]signal.State{"recovery_evidence_valid": signal.Warning, "backup_recovery_point": signal.OK}
				for name := range good {
					if _, there := unknown[name]; !there {
						unknown[name] = signal.Unknown
					}
				}
				got.expectStates(unknown)
			}
			r.restart() // and nothing is known at all
			got = r.look()
			got.absent("backup_last_success_timestamp_seconds/database/local/full", "recovery_evidence_timestamp_seconds/local")
			got.expect(map[string]float64{"backup_recovery_point_exposure_seconds": nan, "backup_overdue_ratio/local/full": nan})
			got.expectStates(map[string]signal.State{"backup_recovery_point": signal.Unknown, "backup_overdue": signal.Unknown})
		})
	}
}

// A drop that nobody writes any more is stale, whatever it says.
func TestStaleDrops(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.drop("files", noon, dropped("a", filestore, noon))
		path := r.write("info.json", r.read("testdata/repository/info.json"))
		r.touch(path, noon)
		r.config.Repositories = []Repository{{Name: "offsite", Info: path}}
		r.config.Expect.Parts = []part{database, filestore}
	})
	r.now = noon.Add(36 * time.Hour)
	got := r.look()
	if got.err != nil {
		t.Fatal(got.err)
	}
	got.expect(map[string]float64{"recovery_evidence_valid/files": 1, "recovery_evidence_valid/offsite": 1})
	r.now = r.now.Add(time.Second)
	got = r.look()
	if fault.KindOf(got.err) != fault.Assertion || !strings.Contains(got.err.Error(), "stale") {
		t.Errorf("Collect() = %v, want that it is stale", got.err)
	}
	got.expect(map[string]float64{"recovery_evidence_valid/files": 0, "recovery_evidence_valid/offsite": 0, "recovery_evidence_timestamp_seconds/files": unix(noon)})
	got.expectStates(map[string]signal.State{"backup_set_complete": signal.Unknown, "backup_overdue": signal.Unknown})
}

// A touched file is not a new backup.
func TestATouchedDropProvesNothingNew(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.config.Repositories = []Repository{{Name: "offsite", Info: r.write("info.json", r.read("testdata/repository/info.json"))}}
	})
	r.now = noon.Add(20 * 24 * time.Hour)
	r.touch(r.config.Repositories[0].Info, r.now)
	r.look().expectStates(map[string]signal.State{"backup_overdue": signal.Critical, "recovery_evidence_valid": signal.OK})
	// With its own time, it is that which counts.
	r.write("info.json", fmt.Appendf(nil, `{"generatedAt": %q, "info": %s}`, noon.UTC().Format(time.RFC3339), r.read("testdata/repository/info.json")))
	r.touch(r.config.Repositories[0].Info, r.now)
	r.look().expectStates(map[string]signal.State{"backup_overdue": signal.Unknown, "recovery_evidence_valid": signal.Warning})
}

// A damaged info file is read from its copy, and that is told.
func TestInfoFromItsCopy(t *testing.T) {
	for name, damage := range map[string]func(r *rig, path string){
		"damaged": func(r *rig, path string) {
			r.write(path, bytes.Replace(r.read(path), []byte("false"), []byte("true"), 1))
		},
		"empty": func(r *rig, path string) { r.write(path, nil) },
		"gone":  func(r *rig, path string) { r.remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.repository(); damage(r, r.info("backup")) })
			got := r.look()
			if got.err != nil {
				t.Fatal(got.err)
			}
			got.expect(map[string]float64{"recovery_evidence_damaged_files/local": 1, "recovery_evidence_valid/local": 1, "backup_usable_backups/local": 2})
			got.expectStates(map[string]signal.State{"recovery_evidence_damaged": signal.Warning, "backup_usable": signal.OK})
		})
	}
}

// S0-73: a set without its filestore is not complete.
func TestSets(t *testing.T) {
	all := func(r *rig) {
		r.repository()
		r.drop("files", noon, dropped("a", filestore, archivedAt(4)))
		r.drop("rest", noon, dropped("b", configuration, noon), dropped("c", objects, noon))
		r.config.Expect.Parts = parts
	}
	tests := map[string]struct {
		change   func(r *rig)
		complete float64
		skew     float64
	}{
		"all there":    {func(*rig) {}, 1, 0},
		"no filestore": {func(r *rig) { r.drop("files", noon) }, 0, nan},
		"a filestore that failed": {func(r *rig) {
			r.drop("files", noon, strings.Replace(dropped("a", filestore, noon), "true", "false", 1))
		}, 0, nan},
		"an old filestore":                {func(r *rig) { r.drop("files", noon, dropped("a", filestore, noon.Add(-37*time.Hour))) }, 0, fullEnd.Sub(noon.Add(-37 * time.Hour)).Seconds()},
		"a filestore after the last log":  {func(r *rig) { r.drop("files", noon, dropped("a", filestore, archivedAt(9))) }, 1, 240},
		"a filestore before the first":    {func(r *rig) { r.drop("files", noon, dropped("a", filestore, fullEnd.Add(-90*time.Second))) }, 1, 90},
		"evidence of the rest is damaged": {func(r *rig) { r.write("rest.json", []byte("{")) }, nan, nan},
		"missing and damaged":             {func(r *rig) { r.drop("files", noon); r.write("rest.json", []byte("{")) }, nan, nan},
		"too old, and the rest is damaged": {func(r *rig) {
			r.drop("files", noon, dropped("a", filestore, noon.Add(-40*time.Hour)))
			r.write("rest.json", nil)
		}, nan, nan},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := newRig(t, func(r *rig) { all(r); tt.change(r) }).look()
			got.expect(map[string]float64{"backup_set_complete": tt.complete, "backup_filestore_skew_seconds": tt.skew})
			want := map[float64]signal.State{1: signal.OK, 0: signal.Warning}[tt.complete] // NaN: unknown
			got.expectStates(map[string]signal.State{"backup_set_complete": want})
		})
	}
}

// A turn that is called off tells nothing; one that is out of time says so.
func TestContexts(t *testing.T) {
	r := newRig(t, func(r *rig) { r.repository() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	metrics := make(chan prometheus.Metric)
	close(metrics) // sending would panic
	if err := r.watch.Collect(ctx, metrics); !errors.Is(err, context.Canceled) {
		t.Errorf("Collect() = %v, want that it was called off", err)
	}
	ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	open := make(chan prometheus.Metric, maxSeries)
	if err := r.watch.Collect(ctx, open); fault.KindOf(err) != fault.Timeout {
		t.Errorf("Collect() = %v, want kind timeout", err)
	}
	if got := r.look(); got.err != nil || got.values["recovery_evidence_errors_total/timeout/local"] != 1 || len(got.values) == 0 {
		t.Errorf("Collect() = %v, want one timeout counted and none called off: %v", got.err, got.values)
	}
}

func TestInstance(t *testing.T) {
	r := newRig(t, func(r *rig) { r.repository() })
	i := New(Settings{Component: "backups", Environment: "test", Config: r.config})
	tasks := i.Tasks()
	if len(tasks) != 1 || tasks[0].Kind != Kind || tasks[0].Interval != time.Minute || tasks[0].Timeout > tasks[0].Interval {
		t.Errorf("Tasks() = %+v, want one a minute", tasks)
	}
	if err := i.Run(t.Context()); err != nil {
		t.Error(err)
	}
	i.Close()
}

func TestGolden(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.repository()
		r.segment(7)
		r.drop("files", noon, dropped("a", filestore, noon.Add(-time.Minute)))
		r.config.Drops = append(r.config.Drops, DropFile{"absent", filepath.Join(r.dir, "absent.json")})
		r.config.WALArchive = filepath.Join(r.dir, "local/archive/main/15-1")
		r.config.RestoreTests, r.config.RecoveryPoint = filepath.Join(r.dir, "tests"), fromArchive
		r.config.Expect.Parts = []part{database, filestore}
		r.write("tests/q4.json", sealed(report(nil)))
		r.write("tests/cut.json", sealed(report(nil))[:100])
	})
	if err := collectortest.Golden(t, r.watch, "all"); fault.KindOf(err) != fault.Unreachable {
		t.Errorf("Collect() = %v, want kind unreachable", err)
	}
}

// Every definition is of a metric that is published, and says only its labels.
func TestSignals(t *testing.T) {
	if err := signal.Check(Signals()); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/all.prom")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Signals() {
		if !strings.Contains(string(golden), "\n"+d.Metric) {
			t.Errorf("%s is of %s, which is not published", d.Name, d.Metric)
		}
	}
}
