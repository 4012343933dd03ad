package recovery

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	lastSuccessDesc = desc("backup_last_success_timestamp_seconds",
		"When the newest backup ended that can be restored.", "repository", "part", "type")
	durationDesc = desc("backup_duration_seconds",
		"How long that backup took.", "repository", "part", "type")
	sizeDesc = desc("backup_size_bytes",
		"What a restore of that backup brings back; absent when it is not known.", "repository", "part", "type")
	usableDesc = desc("backup_usable_backups",
		"Backups of the database that can be restored: made without error, and all they need is there.", "repository")
	unusableDesc = desc("backup_unusable_backups",
		"Backups of the database that are kept and cannot be restored.", "repository")
	fromDesc = desc("backup_restorable_from_timestamp_seconds",
		"First moment to which the database can be restored with the log up to the last; absent when the archive is not known.", "repository")
	toDesc = desc("backup_restorable_to_timestamp_seconds",
		"Last moment to which the database can be restored: when the last segment before a gap was archived.", "repository")
	untilDesc = desc("backup_archived_until_timestamp_seconds",
		"When the newest segment of the log was archived, beyond gaps too.", "repository")
	gapDesc = desc("backup_wal_gap_segments",
		"Segments missing in the archive since the newest backup that can be restored, and before it since the oldest that is kept.", "repository", "since")
	damagedDesc = desc("backup_wal_damaged_segments",
		"Segments in the archive that are empty or not of their size; they count as missing.", "repository")
	overdueDesc = desc("backup_overdue_ratio",
		"Time since the newest backup that can be restored, as a share of the declared interval; a full one counts as incremental too.", "repository", "type")
	exposureDesc = desc("backup_recovery_point_exposure_seconds",
		"What would be lost with the server: the time since the last moment that can be restored.")
	partDesc = desc("backup_part_timestamp_seconds",
		"When a part of the set was last backed up.", "part")
	partOverdueDesc = desc("backup_part_overdue_ratio",
		"Time since that, as a share of the declared interval.", "part")
	completeDesc = desc("backup_set_complete",
		"Whether each part of the set was backed up in time.")
	skewDesc = desc("backup_filestore_skew_seconds",
		"How far the newest filestore is from a state of the database that can be restored.")

	testedDesc = desc("restore_test_last_success_timestamp_seconds",
		"When the newest restore test ended that stood every check.")
	testedBackupDesc = desc("restore_test_backup_timestamp_seconds",
		"When the backup ended that it restored.")
	testedDurationDesc = desc("restore_test_duration_seconds",
		"Recovery time it achieved.")
	testedPointDesc = desc("restore_test_recovery_point_seconds",
		"Recovery point it achieved.")
	checksDesc = desc("restore_test_checks",
		"Checks of the newest restore test, by result.", "result")
	reportsDesc = desc("restore_test_reports",
		"Reports of restore tests, by what they are worth.", "verdict")
	testOverdueDesc = desc("restore_test_overdue_ratio",
		"Time since the newest restore test that stood every check, as a share of the declared interval.")

	writtenDesc = desc("recovery_evidence_timestamp_seconds",
		"When the evidence was written that was last good.", "source")
	validDesc = desc("recovery_evidence_valid",
		"Whether the evidence is good: whole, of its format, of its system, fresh and not of the future.", "source")
	copiesDesc = desc("recovery_evidence_damaged_files",
		"Files of the evidence that are damaged and were passed over for their copies.", "source")
	errorsDesc = desc("recovery_evidence_errors_total",
		"Turns in which the evidence was not good, by kind.", "source", "kind")

	descs = []*prometheus.Desc{
		lastSuccessDesc, durationDesc, sizeDesc, usableDesc, unusableDesc, fromDesc, toDesc, untilDesc, gapDesc, damagedDesc, overdueDesc,
		exposureDesc, partDesc, partOverdueDesc, completeDesc, skewDesc,
		testedDesc, testedBackupDesc, testedDurationDesc, testedPointDesc, checksDesc, reportsDesc, testOverdueDesc,
		writtenDesc, validDesc, copiesDesc, errorsDesc,
	}
)

// Values of since.
const (
	sinceNewest = "newest_backup"
	sinceOldest = "oldest_backup"
)

// good lists the backups that count: of the database those that can be
// restored, of other parts those that were made without error.
func (s *source) good() []backup {
	out := s.proved.usable
	for _, b := range s.known.backups {
		if b.part != database && !b.failed {
			out = append(slices.Clip(out), b)
		}
	}
	return out
}

// publish tells what the source proved, and when it is good, what it proves.
func (s *source) publish(ch chan<- prometheus.Metric) {
	good := s.good()
	for _, p := range parts {
		for _, k := range kinds {
			b, found := newest(good, p, k)
			if !found {
				continue
			}
			moment(ch, lastSuccessDesc, b.stop, s.name, string(p), string(k))
			gauge(ch, durationDesc, b.stop.Sub(b.start).Seconds(), s.name, string(p), string(k))
			if b.size >= 0 {
				gauge(ch, sizeDesc, float64(b.size), s.name, string(p), string(k))
			}
		}
	}
	c := s.proved
	moment(ch, fromDesc, c.from, s.name)
	moment(ch, toDesc, c.to, s.name)
	moment(ch, untilDesc, c.until, s.name)
	if !s.repository && !s.known.has(database) {
		return
	}
	databases := 0
	for _, b := range s.known.backups {
		if b.part == database {
			databases++
		}
	}
	gauge(ch, usableDesc, s.sure(len(c.usable)), s.name)
	gauge(ch, unusableDesc, s.sure(databases-len(c.usable)), s.name)
	if c.ranged {
		after, before := math.NaN(), math.NaN() // without a backup there is nothing to count from
		if c.counted {
			after, before = s.sure(int(c.gapAfter)), s.sure(int(c.gapBefore))
		}
		gauge(ch, gapDesc, after, s.name, sinceNewest)
		gauge(ch, gapDesc, before, s.name, sinceOldest)
		gauge(ch, damagedDesc, s.sure(s.known.log.damaged), s.name)
	}
}

// sure is n while the source is good, and not a number otherwise.
func (s *source) sure(n int) float64 {
	if !s.valid {
		return math.NaN()
	}
	return float64(n)
}

// publishDelays tells how late the backups of a repository are.
func (w *watch) publishDelays(ch chan<- prometheus.Metric, s *source, now time.Time) {
	e := w.settings.Config.Expect
	for _, x := range []struct {
		name     kind
		by       []kind
		declared time.Duration
	}{{full, []kind{full}, e.Full.D()}, {incremental, kinds, e.Incremental.D()}} {
		ratio := math.NaN()
		if s.valid {
			b, _ := newest(s.proved.usable, database, x.by...)
			ratio = delay(b.stop, now, x.declared, true)
		}
		gauge(ch, overdueDesc, ratio, s.name, string(x.name))
	}
}

// publishSet tells whether each part of the set is there.
func (w *watch) publishSet(ch chan<- prometheus.Metric, now time.Time) {
	e := w.settings.Config.Expect
	if len(e.Parts) == 0 || len(w.sources) == 0 {
		return
	}
	complete := 1.0
	for _, p := range e.Parts {
		at, certain := w.newestPart(p)
		moment(ch, partDesc, at, string(p))
		late := delay(at, now, e.Incremental.D(), certain)
		gauge(ch, partOverdueDesc, late, string(p))
		switch {
		case late > lateAfter:
			complete = 0
		case math.IsNaN(late) && complete != 0:
			complete = math.NaN()
		}
		if p == filestore {
			gauge(ch, skewDesc, w.distance())
		}
	}
	gauge(ch, completeDesc, complete)
}

// publishExposure tells what would be lost. It grows from the last moment that
// was ever proved, whether or not the evidence is good now.
func (w *watch) publishExposure(ch chan<- prometheus.Metric, now time.Time) {
	if w.settings.Config.RecoveryPoint != fromArchive {
		return
	}
	var to time.Time
	for _, s := range w.sources {
		if s.proved.to.After(to) {
			to = s.proved.to
		}
	}
	exposure := math.NaN()
	if !to.IsZero() {
		exposure = max(now.Sub(to).Seconds(), 0)
	}
	gauge(ch, exposureDesc, exposure)
}

// publishTests tells what restore tests proved.
func (w *watch) publishTests(ch chan<- prometheus.Metric, now time.Time) {
	if w.tests == nil {
		return
	}
	var at time.Time
	if t := w.tried.passed; t != nil {
		at = t.FinishedAt
		moment(ch, testedDesc, t.FinishedAt)
		moment(ch, testedBackupDesc, t.Backup.FinishedAt)
		gauge(ch, testedDurationDesc, *t.Achieved.RTOSeconds)
		gauge(ch, testedPointDesc, *t.Achieved.RPOSeconds)
	}
	late := math.NaN()
	if w.tests.valid && w.tried.checked {
		late = delay(at, now, w.settings.Config.Expect.RestoreTest.D(), true)
	}
	gauge(ch, testOverdueDesc, late)
	if !w.tests.seen {
		return
	}
	for _, v := range Verdicts() {
		gauge(ch, reportsDesc, w.tests.sure(w.tried.reports[v]), string(v))
	}
	if w.tried.newest == nil {
		return
	}
	counts := map[string]int{}
	for _, c := range w.tried.newest.Checks {
		counts[c.outcome()]++
	}
	for _, result := range results {
		gauge(ch, checksDesc, w.tests.sure(counts[result]), result)
	}
}

// publishEvidence tells what the source itself is worth.
func (s *source) publishEvidence(ch chan<- prometheus.Metric) {
	valid := 0.0
	if s.valid {
		valid = 1
	}
	gauge(ch, validDesc, valid, s.name)
	moment(ch, writtenDesc, s.known.written, s.name)
	if s.seen && s.repository {
		gauge(ch, copiesDesc, s.sure(s.known.damaged), s.name)
	}
	for kind, n := range s.errors {
		ch <- prometheus.MustNewConstMetric(errorsDesc, prometheus.CounterValue, float64(n), s.name, string(kind))
	}
}

// moment sends a time, unless it is not known.
func moment(ch chan<- prometheus.Metric, d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		gauge(ch, d, float64(at.UnixMilli())/1000, labels...)
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
