package recovery

import (
	"context"
	"crypto/ed25519"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

// A watch reads all evidence of a system and remembers what it last proved.
type watch struct {
	settings Settings
	sources  []*source
	wal      *source // nil without one
	tests    *source // nil without any
	told     *Told   // nil until the first turn
	tried    tried
	refused  map[string]string // why, by file
}

func newWatch(s Settings) *watch {
	w := &watch{settings: s, sources: sources(s.Config)}
	if s.Config.WALArchive != "" {
		w.wal = &source{name: walArchive}
	}
	if s.Config.RestoreTests != "" {
		w.tests = &source{name: restoreTests}
	}
	return w
}

// Describe implements collector.Collector.
func (*watch) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect implements collector.Collector. That a backup is late or missing is a
// finding, not a failure; evidence that is not good is both.
func (w *watch) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	now := w.settings.Now()
	log, failed := w.readWAL(ctx, now)
	for _, s := range w.sources {
		failed = join(failed, s.look(ctx, now, log))
	}
	failed = join(failed, w.readTests(ctx, now))
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return err
	}
	for _, s := range w.sources {
		s.publish(ch)
		if s.repository {
			w.publishDelays(ch, s, now)
		}
	}
	w.publishSet(ch, now)
	w.publishExposure(ch, now)
	w.publishTests(ch, now)
	for _, s := range w.all() {
		s.publishEvidence(ch)
	}
	return failed
}

func (w *watch) all() []*source {
	out := w.sources
	for _, s := range []*source{w.wal, w.tests} {
		if s != nil {
			out = append(slices.Clip(out), s)
		}
	}
	return out
}

// join is errors.Join that leaves a single error as it is.
func join(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return errors.Join(first, second)
}

// readWAL lists the archive of sources that have none of their own.
func (w *watch) readWAL(ctx context.Context, now time.Time) (*archive, error) {
	if w.wal == nil {
		return nil, nil //nolint:nilnil // no archive is none, not a failure
	}
	log, err := readArchive(ctx, w.settings.Config.WALArchive, int64(w.settings.Config.WALSegmentMegabytes)<<20)
	if err == nil {
		err = log.sane(now)
	}
	w.wal.note(err)
	if err != nil {
		return nil, fault.Wrap("look at the archive of the log", err, "")
	}
	w.wal.seen = true
	return log, nil
}

// newestPart returns when a part was last backed up, and whether that is all
// there is to know.
func (w *watch) newestPart(of part) (at time.Time, certain bool) {
	certain = true
	for _, s := range w.sources {
		certain = certain && s.valid
		if !s.valid {
			continue
		}
		if b, found := newest(s.good(), of, kinds...); found && b.stop.After(at) {
			at = b.stop
		}
	}
	return at, certain
}

// delay is the time since at, as a share of what was declared: infinite when it
// never happened, not a number when that is not known.
func delay(at, now time.Time, declared time.Duration, certain bool) float64 {
	d := math.Inf(1)
	if !at.IsZero() {
		d = max(now.Sub(at).Seconds(), 0) / declared.Seconds()
	}
	if d > lateAfter && !certain {
		return math.NaN()
	}
	return d
}

// distance is how far the newest filestore is from a state of the database that
// can be restored; not a number when there is none of either.
func (w *watch) distance() float64 {
	files, certain := w.newestPart(filestore)
	best := math.NaN()
	if files.IsZero() || !certain {
		return best
	}
	near := func(from, to time.Time) {
		d := max(from.Sub(files).Seconds(), files.Sub(to).Seconds(), 0)
		if math.IsNaN(best) || d < best {
			best = d
		}
	}
	for _, s := range w.sources {
		for _, b := range s.proved.usable {
			near(b.stop, b.stop)
		}
		if !s.proved.to.IsZero() {
			near(s.proved.from, s.proved.to)
		}
	}
	return best
}

// tried is what restore tests proved last.
type tried struct {
	reports map[Verdict]int
	newest  *RestoreTest // that is evidence, passed or not
	passed  *RestoreTest // newest that was
	checked bool         // against backups of every source
}

// readTests reads the reports of restore tests.
func (w *watch) readTests(ctx context.Context, now time.Time) error {
	if w.tests == nil {
		return nil
	}
	remembered := w.remember()
	standard, err := w.standard(now)
	var reports []Report
	if err == nil {
		reports, err = VerifyRestoreTests(ctx, w.settings.Config.RestoreTests, standard, w.told)
	}
	w.tests.note(err)
	if err != nil {
		return join(remembered, fault.Wrap("look at restore tests", err, ""))
	}
	w.tests.seen = true
	if path := w.toldPath(); path != "" && w.told.unsaved {
		remembered = join(remembered, w.told.Save(path))
	}
	w.tried = tried{reports: map[Verdict]int{}, checked: true}
	for _, s := range w.sources {
		w.tried.checked = w.tried.checked && s.seen
	}
	w.tell(reports)
	for n := range reports {
		r := &reports[n]
		w.tried.reports[r.Verdict]++
		if r.Verdict != Valid {
			continue
		}
		w.tried.newest = later(w.tried.newest, &r.Test)
		if r.Test.Passed() {
			w.tried.passed = later(w.tried.passed, &r.Test)
		}
	}
	return remembered
}

// tell logs once why a report proves nothing.
func (w *watch) tell(reports []Report) {
	before := w.refused
	w.refused = map[string]string{}
	for _, r := range reports {
		if r.Verdict == Valid {
			continue
		}
		w.refused[r.File] = r.What
		if before[r.File] != r.What {
			w.settings.Log.Warn("report of a restore test proves nothing", "component", w.settings.Component, "file", r.File, "verdict", string(r.Verdict), "reason", r.What)
		}
	}
}

func later(a, b *RestoreTest) *RestoreTest {
	if a != nil && a.FinishedAt.After(b.FinishedAt) {
		return a
	}
	return b
}

func (w *watch) toldPath() string {
	if w.settings.StateDir == "" {
		return ""
	}
	return filepath.Join(w.settings.StateDir, "backup-"+w.settings.Environment+"-"+w.settings.Component+".restore-tests")
}

// remember loads what was told before, once.
func (w *watch) remember() error {
	if w.told != nil {
		return nil
	}
	w.told = &Told{}
	path := w.toldPath()
	if path == "" {
		return nil
	}
	told, err := LoadTold(path)
	w.told = told
	return err
}

// standard is what reports are held against: the backups that were last seen.
func (w *watch) standard(now time.Time) (Standard, error) {
	c := w.settings.Config
	s := Standard{Now: now, Checks: c.Expect.Checks, System: c.SystemIdentifier, Backups: map[string]time.Time{}}
	for _, source := range w.sources {
		for _, b := range source.known.backups {
			if b.part == database {
				s.Backups[b.label] = b.stop
			}
		}
	}
	if c.SignedBy == "" {
		return s, nil
	}
	var err error
	s.Key, err = ReadKey(c.SignedBy)
	if err == nil && len(s.Key) != ed25519.PublicKeySize {
		err = errors.New("the key is not of its size")
	}
	return s, err
}
