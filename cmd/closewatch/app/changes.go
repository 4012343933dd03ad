package app

import (
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/tiering"
)

// Bounds of the changes that a cause is looked for among: those of the day
// before, the newest.
const (
	changesBack = 24 * time.Hour
	maxToCause  = 12
)

// changesOf are the changes that a subject's cause is looked for among: those of
// the components it needs, and those that concern all. known is newest first.
func changesOf(known []Change, subj subject, at time.Time) []tiering.Change {
	var out []tiering.Change
	for _, c := range known {
		if at.Sub(c.At) > changesBack || len(out) == maxToCause {
			break
		}
		needed := c.Component == "" || slices.ContainsFunc(subj.needs, func(n need) bool { return n.component == c.Component })
		if needed && c.Environment == subj.key.Environment {
			out = append(out, tiering.Change{At: c.At, Kind: c.Kind, Component: c.Component, What: c.What, Reference: c.Reference})
		}
	}
	return out
}

// relate adds to the evidence of a tick what tells of other subjects and of
// changes: where causes are looked for.
func (a *assembler) relate(at time.Time, evidence []tiering.Evidence, known []Change) {
	for i, subj := range a.subjects {
		evidence[i].Changes = changesOf(known, subj, at)
	}
	tiering.Acquaint(evidence)
}
