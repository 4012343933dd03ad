package recovery

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/closewatch/closewatch/internal/collector"
)

// Examine implements collector.Examiner: each source of evidence by itself, and
// what the reports of restore tests are worth.
func (i instance) Examine(ctx context.Context) []collector.Finding {
	s := i.settings
	s.StateDir = "" // what is told here is told to nobody
	w, now := newWatch(s), s.Now()
	var findings []collector.Finding
	log, err := w.readWAL(ctx, now)
	if w.wal != nil {
		findings = append(findings, collector.Judge("archive", "readable", err)...)
	}
	for _, source := range w.sources {
		err := source.look(ctx, now, log)
		well := fmt.Sprintf("%d backups, %d of which can be restored", len(source.known.backups), len(source.proved.usable))
		findings = append(findings, collector.Judge(source.name, well, err)...)
	}
	if w.tests == nil {
		return findings
	}
	err = w.readTests(ctx, now)
	findings = append(findings, collector.Judge("restore tests", fmt.Sprintf("%d are evidence", w.tried.reports[Valid]), err)...)
	for _, file := range slices.Sorted(maps.Keys(w.refused)) {
		findings = append(findings, collector.Finding{
			Subject: "restore test " + file, State: collector.Refused, Text: "it proves nothing: " + w.refused[file],
			Do: "closewatch restore-test verify " + filepath.Join(s.Config.RestoreTests, file),
		})
	}
	return findings
}
