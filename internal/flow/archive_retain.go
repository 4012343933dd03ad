package flow

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
)

// target returns the segment for a line of so many bytes, and whether it is a
// new one. A clock that was set back begins none.
func (a *Archive) target(segments []segment, bytes int64) (g segment, fresh bool) {
	today := a.o.Now().UTC().Truncate(24 * time.Hour)
	if len(segments) == 0 {
		return segment{number: 1, day: today}, true
	}
	newest := segments[len(segments)-1]
	info, err := os.Stat(filepath.Join(a.o.Dir, newest.name()))
	if newest.stage == whole && !newest.day.Before(today) && err == nil && info.Size()+bytes <= maxSegment {
		return newest, false
	}
	if newest.day.After(today) {
		today = newest.day
	}
	return segment{number: newest.number + 1, day: today}, true
}

// retain thins and removes what is old, and what is beyond the bound. The lock
// is held.
func (a *Archive) retain(segments []segment) error {
	if _, err := durable.Sweep(a.o.Dir); err != nil {
		return err
	}
	if err := a.removeReplaced(segments); err != nil {
		return err
	}
	now := a.o.Now()
	var kept []segment
	for _, g := range segments {
		age := now.Sub(g.end())
		if age > a.o.Age {
			if err := a.remove(g); err != nil {
				return err
			}
			continue
		}
		thinned, err := a.thin(g, due(age))
		if err != nil {
			return err
		}
		kept = append(kept, thinned)
	}
	return a.bound(kept)
}

// due is the stage of a segment that ended so long ago.
func due(age time.Duration) stage {
	switch {
	case age > KeepHourly:
		return daily
	case age > KeepAll:
		return hourly
	}
	return whole
}

// bound makes room: first by thinning successes, oldest first, then by
// removing the oldest segments.
func (a *Archive) bound(segments []segment) error {
	total, err := a.size()
	if err != nil {
		return err
	}
	for i, g := range segments {
		if total <= a.o.Bytes {
			return nil
		}
		if segments[i], err = a.thin(g, daily); err != nil {
			return err
		}
		if total, err = a.size(); err != nil {
			return err
		}
	}
	for _, g := range segments {
		if total <= a.o.Bytes {
			return nil
		}
		if err := a.remove(g); err != nil {
			return err
		}
		if total, err = a.size(); err != nil {
			return err
		}
	}
	return nil
}

// size is the bytes that the archive takes, what was set aside included.
func (a *Archive) size() (total int64, err error) {
	entries, err := os.ReadDir(a.o.Dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total, err
}

// thin brings a segment to a stage. A segment with damaged lines is kept as it
// was under a name of its own.
func (a *Archive) thin(g segment, to stage) (segment, error) {
	if to.rank() <= g.stage.rank() {
		return g, nil
	}
	var lines []runLine
	damaged := false
	for line, err := range readSegment(a.o.Dir, g) {
		switch {
		case errors.Is(err, durable.ErrDamaged):
			damaged = true
		case err != nil:
			return g, err
		default:
			lines = append(lines, line)
		}
	}
	var content bytes.Buffer
	for i, keep := range worthKeeping(lines, to) {
		if keep {
			content.Write(bytes.TrimRight(lines[i].bytes, "\n"))
			content.WriteByte('\n')
		}
	}
	thinned := segment{g.number, g.day, to}
	if err := durable.WriteFile(filepath.Join(a.o.Dir, thinned.name()), content.Bytes()); err != nil {
		return g, err
	}
	old := filepath.Join(a.o.Dir, g.name())
	if damaged {
		_, err := durable.SetAside(old)
		return thinned, err
	}
	return thinned, os.Remove(old)
}

// worthKeeping says which runs of a segment outlive its thinning: all that did
// not pass, those that passed right before and after them, so that rows of
// failures stay what they were, the last of each series, and in an hourly
// segment the first of every hour.
func worthKeeping(lines []runLine, to stage) []bool {
	keep := make([]bool, len(lines))
	before := map[Series]int{}
	for i, line := range lines {
		s := SeriesOf(line.run)
		b, known := before[s]
		before[s] = i
		switch {
		case line.run.Outcome != Passed:
			keep[i] = true
			if known {
				keep[b] = true
			}
		case known && lines[b].run.Outcome != Passed:
			keep[i] = true
		case to == hourly:
			keep[i] = !known || !sameHour(lines[b].run.Started, line.run.Started)
		}
	}
	for _, i := range before {
		keep[i] = true
	}
	return keep
}

func sameHour(a, b time.Time) bool { return a.Truncate(time.Hour).Equal(b.Truncate(time.Hour)) }

// remove removes a segment, of whatever stage, and what was set aside of it.
func (a *Archive) remove(g segment) error {
	return a.removeFiles(func(name string) bool { return strings.HasPrefix(name, g.stem()) })
}

// removeReplaced removes what a process that ended in the middle of thinning
// left: segments that have been replaced already.
func (a *Archive) removeReplaced(segments []segment) error {
	return a.removeFiles(func(name string) bool {
		g, ok := parseSegment(name)
		return ok && !slices.Contains(segments, g)
	})
}

func (a *Archive) removeFiles(which func(name string) bool) error {
	entries, err := os.ReadDir(a.o.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !which(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(a.o.Dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return durable.SyncDir(a.o.Dir)
}
