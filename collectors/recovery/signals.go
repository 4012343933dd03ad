package recovery

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is two of the longest intervals and some.
const fresh = 2*maxInterval + time.Minute

// farApart is when documents and entries that belong together begin to be
// missed after a restore: an hour of a working day's postings.
const farApart = time.Hour

// Signals defines what is judged of backups. A source that is not good leaves
// what it told not a number, which is unknown.
func Signals() []signal.Definition {
	never := signal.Never()
	out := []signal.Definition{
		{
			Name: "recovery_evidence_valid", Title: "Evidence of backups is good", Metric: "recovery_evidence_valid", By: []string{"source"},
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never, For: 10 * time.Minute, Role: signal.Health,
			Says: "Evidence {source} of {component} is damaged, stale or unreadable: what it should prove is not known",
		},
		{
			Name: "recovery_evidence_damaged", Title: "Evidence of backups is whole", Metric: "recovery_evidence_damaged_files", By: []string{"source"},
			Warning: 0, Critical: never, Role: signal.Context, Optional: true,
			Says: "{value} info files of repository {source} of {component} are damaged and were read from their copies",
		},
		{
			Name: "backup_overdue", Title: "Backups are made in time", Metric: "backup_overdue_ratio", By: []string{"repository", "type"},
			Warning: lateAfter, Critical: 2 * lateAfter, Role: signal.Health, Optional: true,
			Says: "The newest {type} backup in {repository} of {component} that can be restored is {value} times as old as declared (limit {threshold})",
		},
		{
			Name: "backup_usable", Title: "A backup can be restored", Metric: "backup_usable_backups", By: []string{"repository"},
			Aggregate: signal.Min, Direction: signal.Below, Warning: never, Critical: 0.5, Role: signal.Health, Optional: true,
			Says: "No backup in {repository} of {component} can be restored",
		},
		{
			Name: "backup_wal_gap", Title: "The archive of the log has no gap", Metric: "backup_wal_gap_segments",
			Match: map[string]string{"since": sinceNewest}, By: []string{"repository"},
			Warning: never, Critical: 0, For: 5 * time.Minute, Role: signal.Health, Optional: true, // those of an archiver in parallel arrive out of order
			Says: "{value} segments of the log are missing in {repository} of {component} since the newest backup: what came after them cannot be restored until the next full backup",
		},
		{
			Name: "backup_wal_gap_before", Title: "Earlier moments can be restored", Metric: "backup_wal_gap_segments",
			Match: map[string]string{"since": sinceOldest}, By: []string{"repository"},
			Warning: 0, Critical: never, Role: signal.Context, Optional: true,
			Says: "{value} segments of the log are missing in {repository} of {component} before the newest backup: moments before it cannot all be restored",
		},
		{
			Name: "backup_recovery_point", Title: "Recovery point exposure", Metric: "backup_recovery_point_exposure_seconds",
			Warning: never, Critical: never, Role: signal.Recovery, Unit: "seconds", Optional: true,
			Says: "if the server that {component} backs up failed now, up to {value} of transactions would be lost",
		},
		{
			Name: "backup_set_complete", Title: "Each part is backed up", Metric: "backup_set_complete",
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never, Role: signal.Health, Optional: true,
			Says: "The set of {component} is not complete: a part was not backed up in time, and without it the rest is not a whole system",
		},
		{
			Name: "backup_part_overdue", Title: "Each part is backed up", Metric: "backup_part_overdue_ratio", By: []string{"part"},
			Warning: lateAfter, Critical: never, Role: signal.Context, Optional: true,
			Says: "The newest backup of the {part} of {component} is {value} times as old as declared (limit {threshold})",
		},
		{
			Name: "backup_filestore_skew", Title: "Filestore and database are of one time", Metric: "backup_filestore_skew_seconds",
			Warning: farApart.Seconds(), Critical: never, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "The newest filestore of {component} is {value} from any state of the database that can be restored (limit {threshold})",
		},
		{
			Name: "restore_test_overdue", Title: "Restoring is tested", Metric: "restore_test_overdue_ratio",
			Warning: 1, Critical: never, Role: signal.Health, Optional: true,
			Says: "No restore of {component} has been tested and passed in the declared time",
		},
		{
			Name: "restore_test_failed", Title: "The restore test passed", Metric: "restore_test_checks", Match: map[string]string{"result": failed},
			Warning: 0, Critical: never, Role: signal.Health, Optional: true,
			Says: "{value} checks of the newest restore test of {component} failed",
		},
	}
	for _, v := range Verdicts() {
		if v != Valid {
			out = append(out, signal.Definition{
				Name: "restore_test_" + string(v), Title: "Reports of restore tests are evidence", Metric: "restore_test_reports",
				Match: map[string]string{"verdict": string(v)}, By: []string{"verdict"},
				Warning: 0, Critical: never, Role: signal.Context, Optional: true,
				Says: "{value} reports of restore tests of {component} prove nothing: {verdict}",
			})
		}
	}
	for n := range out {
		out[n].Kind, out[n].Fresh = Kind, fresh
	}
	return out
}
