package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// Recovery tells what a failure would cost: of the servers, of their disks, of
// the whole place.
func Recovery(o Options) *dashboard.DashboardBuilder {
	const noBackup = "no backup is declared"
	b := newBoard(o, "recovery", "recovery", "What would be lost if the primary failed now, and has it been shown that it can be restored.")
	b.row("What would be lost now")
	put(b, 6, 5, b.number("Worst against the objective", "Recovery point exposure as a share of the recovery point objective, of the process that is worst: from 100 % on the objective is missed.",
		`max(closewatch_recovery_point_exposure_seconds{`+inEntity+`} / (closewatch_recovery_point_objective_seconds{`+inEntity+`} > 0))`).
		Unit("percentunit").Thresholds(steps(good, from(1, worst))).DataLinks(linked(b.incidents())))
	put(b, 6, 5, b.number("Postings at risk", "Journal entries that would have to be entered again, at most, of the process that is worst.",
		`max(closewatch_postings_at_risk{`+inEntity+`})`).Decimals(0).Thresholds(steps(notice)))
	put(b, 6, 5, b.number("Time since a restore was proven", "The oldest of the last restore tests that succeeded.",
		`time() - min(restore_test_last_success_timestamp_seconds{`+inEnvironment+`})`).Unit("s").NoValue(noTest).Thresholds(steps(notice)))
	put(b, 6, 5, b.number("Recovery clocks running", "Processes whose business-critical impact runs against a recovery time objective.",
		`count(closewatch_impact_rto_elapsed_seconds{`+inEntity+`})`).NoValue(quiet("none is running")).Thresholds(steps(good, from(1, worst))))
	put(b, 12, 8, limit(b.line("Exposure against the objective", "Exposure as a share of each process's recovery point objective.", "percentunit", "{{process}}",
		`max by (process) (closewatch_recovery_point_exposure_seconds{`+inEntity+`} / (closewatch_recovery_point_objective_seconds{`+inEntity+`} > 0))`), steps(good, from(1, worst))).
		DataLinks(linked(why(), b.incidents())))
	put(b, 12, 8, b.line("Exposure by copy", "Age of the oldest committed work that each copy lacks: the standbys of a database, the archive of a backup.", "s", "{{copy}} {{source}}",
		`max by (source, copy) (closewatch_recovery_copy_exposure_seconds{`+inEntity+`})`))
	b.row("Standbys")
	put(b, 8, 8, b.line("Lag", "How far each standby is behind in replaying. The truth lies between the two bounds; the upper one is what the objective uses.", "s", "{{standby}} {{bound}} bound",
		`max by (standby, bound) (pg_standby_lag_seconds{`+inEnvironment+`,stage="replay"})`).NoValue("no standby"))
	put(b, 8, 8, b.timeline("State", "What each standby does; what matters most where several hold.", "{{standby}}",
		numbered("standby", "pg_standby_state", inEnvironment, "state", "streaming", "archive_only", "delayed", "catchup", "conflict", "paused", "disconnected"),
		words([2]string{"Receives", good}, [2]string{"From the archive only", notice}, [2]string{"Replays later, on purpose", notice}, [2]string{"Catching up", notice},
			[2]string{"Waits for a query", bad}, [2]string{"Paused", bad}, [2]string{"Receives nothing", bad})).NoValue("no standby"))
	put(b, 8, 8, b.line("Servers that accept writes", "More than one is split brain, none is an outage.", "short", "{{component}}",
		`max by (component) (pg_primaries{`+inEnvironment+`})`))
	b.row("Archive and backups")
	put(b, 8, 8, b.timeline("Archiver", "Whether the latest attempt to archive failed.", "{{component}}",
		`max by (component) (pg_archiver_failing{`+inEnvironment+`})`, words([2]string{"Archives", good}, [2]string{"Fails", worst})))
	put(b, 8, 8, limit(b.line("Backups against their interval", "Time since the newest backup that can be restored, as a share of the declared interval.", "percentunit", "{{component}} {{type}}",
		`max by (component, type) (backup_overdue_ratio{`+inEnvironment+`})`).NoValue(noBackup), steps(good, from(1, bad))))
	put(b, 8, 8, b.line("Would be lost with the server", "Time since the last moment that can be restored from backups and the archive.", "s", "{{component}}",
		`max by (component) (backup_recovery_point_exposure_seconds{`+inEnvironment+`})`).NoValue(noBackup))
	put(b, 8, 7, b.bars("Backups that can be restored", "How many there are in each repository.", "short", "{{component}} {{repository}}",
		`min by (component, repository) (backup_usable_backups{`+inEnvironment+`})`).NoValue(noBackup).Decimals(0).Min(0).Thresholds(steps(worst, from(1, good))))
	put(b, 8, 7, b.bars("Segments missing in the archive", "Missing since the newest backup that can be restored: what follows a gap cannot be restored.", "short", "{{component}} {{repository}}",
		`max by (component, repository) (backup_wal_gap_segments{`+inEnvironment+`})`).NoValue(noBackup).Decimals(0).Min(0).Thresholds(steps(good, from(1, worst))))
	put(b, 8, 7, b.line("WAL written", "Bytes per second: what a standby and an archive have to keep up with.", "Bps", "{{component}}",
		`sum by (component) (rate(pg_wal_bytes_total{`+inEnvironment+`}[$__rate_interval]))`))
	b.row("Has it been shown")
	put(b, 8, 7, limit(b.line("Restore tests against their interval", "Time since a restore test succeeded, as a share of how often there is to be one.", "percentunit", "{{component}}",
		`max by (component) (restore_test_overdue_ratio{`+inEnvironment+`})`).NoValue(noTest), steps(good, from(1, bad))))
	put(b, 8, 7, b.bars("How long a restore took", "The last restore test: what a recovery time objective can be held against.", "s", "{{component}}",
		`max by (component) (restore_test_duration_seconds{`+inEnvironment+`})`).NoValue(noTest).Min(0).Thresholds(steps(notice)))
	put(b, 8, 7, b.bars("Objectives met and missed", "Processes that recovered from incidents, by objective and verdict, since this process began.", "short", "{{objective}} {{verdict}}",
		`sum by (objective, verdict) (closewatch_incident_recovery_verdicts_total{`+inEnvironment+`})`).Decimals(0).Min(0).Thresholds(steps(notice)))
	return b.DashboardBuilder
}

const noTest = "no restore test is told of"
