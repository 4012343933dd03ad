package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// exposures lists what would be lost of a process's committed work by each copy
// that tells, in the order of its needs: a database tells what no standby of it
// has, a backup what is not archived. A backup counts beside one database only:
// of two it does not say which one it has.
func exposures(subj subject, components map[string]componentState) []tiering.Copy {
	var out []tiering.Copy
	databases := 0
	for _, n := range subj.needs {
		if n.role == process.Hard && n.kind == process.Postgres {
			databases++
		}
	}
	for _, n := range subj.needs {
		archive := n.kind == process.Backup
		if n.role != process.Hard && (!archive || databases > 1) {
			continue
		}
		for _, reading := range components[n.component].Readings {
			if reading.Role == signal.Recovery && reading.State != signal.Unknown {
				out = append(out, tiering.Copy{Component: n.component, Archive: archive, Exposure: time.Duration(reading.Value * float64(time.Second))})
			}
		}
	}
	return out
}

// recoveryOf is the exposure of a process: of the best of its copies, where each
// of several databases has to be had again. The component is that of the
// database as long as one tells, so that a cause does not change with which
// copy is ahead.
func recoveryOf(copies []tiering.Copy) tiering.Recovery {
	var r tiering.Recovery
	for _, c := range copies {
		if !c.Archive && (!r.Known || c.Exposure > r.Exposure) {
			r = tiering.Recovery{Known: true, Component: c.Component, Exposure: c.Exposure}
		}
	}
	for _, c := range copies {
		switch {
		case !c.Archive:
		case !r.Known:
			r = tiering.Recovery{Known: true, Component: c.Component, Exposure: c.Exposure}
		case c.Exposure < r.Exposure:
			r.Exposure = c.Exposure
		}
	}
	r.Copies = copies
	return r
}

// Bounds of a journal's memory: it answers about the last day, to the half
// minute.
const (
	journalSpan = 24 * time.Hour
	journalStep = 30 * time.Second
)

// postedEntries counts journal entries as they become posted.
const postedEntries = "odoo_journal_entries_posted_total"

// A journal remembers how many entries had been posted, and when that was known.
// Its points are oldest first and at least journalStep apart, but for the newest.
type journal struct{ points []journalPoint }

type journalPoint struct {
	at   time.Time
	done float64
}

// note adds what is known at a time. A count that falls begins anew.
func (j *journal) note(at time.Time, total float64) {
	n := len(j.points)
	if n > 0 && !at.After(j.points[n-1].at) {
		return
	}
	if n > 0 && total < j.points[n-1].done {
		j.points, n = nil, 0
	}
	if n > 1 && j.points[n-1].at.Sub(j.points[n-2].at) < journalStep {
		j.points = j.points[:n-1]
	}
	j.points = append(j.points, journalPoint{at, total})
	for len(j.points) > 1 && at.Sub(j.points[1].at) >= journalSpan {
		j.points = j.points[1:]
	}
}

// since is how many entries have been posted after a time, at most; not known
// when that is longer ago than the memory.
func (j *journal) since(at time.Time) (entries float64, known bool) {
	for _, p := range slices.Backward(j.points) {
		if !p.at.After(at) {
			return j.points[len(j.points)-1].done - p.done, true
		}
	}
	return 0, false
}

// postingsAtRisk is how many entries were posted within the exposure: those of
// the entity where the counter knows entities, of the tenant otherwise. nil is
// not known.
func (a *assembler) postingsAtRisk(at time.Time, s signal.Published, subj subject, r tiering.Recovery) *float64 {
	total, seen, ok := ofEntity(s, postedEntries, subj.key)
	key := ledgerKey{subj.key.Environment, subj.key.Tenant, subj.key.Entity, postedEntries}
	j := a.journals[key]
	if ok {
		if j == nil {
			j = &journal{}
			a.journals[key] = j
		}
		j.note(seen, total)
	}
	if !ok || !r.Known || at.Sub(seen) > staleAfter {
		return nil
	}
	if entries, known := j.since(at.Add(-r.Exposure)); known {
		return &entries
	}
	return nil
}

// notSynthetic keeps the series of people's companies.
func notSynthetic(l map[string]string) bool { return l["entity"] != "synthetic" }
