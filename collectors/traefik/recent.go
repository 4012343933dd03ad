package traefik

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/logtail"
)

// Bounds of the recent past that ratios speak of.
const (
	recentFor   = 5 * time.Minute
	fewRequests = 20
	fewNumbered = 100
	fewLines    = 10
	maxRecent   = 512 // points kept; the shortest interval needs 300
)

// A moment is what had been counted at an instant.
type moment struct {
	at       time.Time
	lines    lineCounts
	oversize uint64
}

// recent keeps the moments of the last five minutes, oldest first, so that a
// ratio is of events that happened, not of all since the beginning.
type recent struct{ moments []moment }

func point(now time.Time, s *logtail.Snapshot[counted]) moment {
	return moment{at: now, lines: s.State.Lines, oversize: s.Counts.Oversize}
}

func (r *recent) add(m moment) {
	r.moments = append(r.moments, m)
	old := 0
	for old < len(r.moments)-1 && (m.at.Sub(r.moments[old].at) > recentFor || len(r.moments)-old > maxRecent) {
		old++
	}
	r.moments = slices.Delete(r.moments, 0, old)
}

// ends returns the oldest and the newest moment.
func (r *recent) ends() (first, last moment) {
	return r.moments[0], r.moments[len(r.moments)-1]
}

// coverage is the share of numbered requests that were seen. Requests numbered
// before the period may end in it, hence the bound.
func (r *recent) coverage() (ratio float64, enough bool) {
	first, last := r.ends()
	n := last.lines.Numbering.Numbered - first.lines.Numbering.Numbered
	if n < fewNumbered {
		return 0, false
	}
	return min(1, float64(last.lines.Numbering.Seen-first.lines.Numbering.Seen)/float64(n)), true
}

// uncounted returns what is wrong with recent lines that could not be counted:
// most of them are of another format, some are longer than a line may be, some
// are torn, or their format leaves out what matters.
func (r *recent) uncounted() error {
	first, last := r.ends()
	bad := last.lines.Unparsed - first.lines.Unparsed
	all := bad + last.lines.Parsed - first.lines.Parsed
	oversize := last.oversize - first.oversize
	plain := last.lines.Plain - first.lines.Plain
	statusless := last.lines.NoStatus - first.lines.NoStatus
	switch {
	case all >= fewLines && bad*2 > all:
		return errUnparsed(bad, all)
	case oversize > 0:
		return errOversize(oversize)
	case bad > 0:
		return errTorn(bad, all)
	case plain >= fewLines:
		return errPlain(plain, all)
	case statusless >= fewLines:
		return errStatusless(statusless)
	default:
		return nil
	}
}
