package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A CorrectionKind says what a correction does to the cells it is about.
type CorrectionKind string

// Kinds of corrections.
const (
	Exclude CorrectionKind = "exclude" // all events of the cells are excluded
	Include CorrectionKind = "include" // no event of the cells is
	Replace CorrectionKind = "replace" // the counts of one cell are others
)

// A Correction changes how cells that are committed are read, not the cells.
// Later ones are applied to what earlier ones left.
type Correction struct {
	Objective string         `json:"objective"`
	From      time.Time      `json:"from"` // the cells of [From, To)
	To        time.Time      `json:"to"`
	Kind      CorrectionKind `json:"kind"`
	Counts    Counts         `json:"counts,omitzero"` // of Replace
	Reason    string         `json:"reason"`
	By        string         `json:"by"`                 // who asked for it
	Approved  string         `json:"approved,omitempty"` // who approved it
	Entered   time.Time      `json:"entered"`
}

// maxCorrections is how many corrections are kept in memory.
const maxCorrections = 20_000

// correctionEntry is a correction on disk.
type correctionEntry struct {
	Format int `json:"format"`
	Correction
}

const correctionFormat = 1

// Correct enters a correction; it is on disk when Correct returns nil. A
// correction without a reason, a name and a time is refused, and so is one of
// cells that are not committed.
func (l *Ledger) Correct(c Correction) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	const op = "correct the ledger"
	if err := c.check(l.committed); err != nil {
		return &fault.Error{Op: op, Kind: fault.Rejected, Err: err}
	}
	if _, known := l.names.number[objectivePrefix+c.Objective]; !known {
		return &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf("%s: no objective of that name has cells", c.Objective)}
	}
	if len(l.entered) >= maxCorrections {
		return &fault.Error{Op: op, Kind: fault.Limit, Err: fmt.Errorf("there are %d corrections already", maxCorrections)}
	}
	c.From, c.To, c.Entered = c.From.UTC(), c.To.UTC(), c.Entered.UTC()
	b, err := json.Marshal(correctionEntry{correctionFormat, c})
	if err == nil {
		_, err = l.corrections.Append(b)
	}
	if err != nil {
		return fault.Wrap(op, err, "free space on the disk of --data")
	}
	l.entered = append(l.entered, c)
	return nil
}

func (c Correction) check(committed time.Time) error {
	if err := aligned(c.From, c.To); err != nil {
		return err
	}
	switch {
	case !c.From.Before(c.To):
		return errors.New("it is about no cell: from must be before to")
	case c.To.After(committed):
		return fmt.Errorf("it is about cells that are not committed: to must be at most %s", committed.Format(time.RFC3339))
	case c.Reason == "" || c.By == "" || c.Entered.IsZero():
		return errors.New("a reason, who asked for it and when must be said")
	case max(len(c.Reason), len(c.By), len(c.Approved)) > maxName:
		return fmt.Errorf("a text of more than %d bytes", maxName)
	case c.Kind == Replace && c.To.Sub(c.From) != CellWidth:
		return errors.New("one cell is replaced at a time: counts of several cannot be told apart")
	case c.Kind == Replace:
		return c.Counts.check()
	case c.Counts != Counts{}:
		return fmt.Errorf("%s takes no counts", c.Kind)
	case c.Kind != Exclude && c.Kind != Include:
		return fmt.Errorf("%q is no kind of correction: use exclude, include or replace", c.Kind)
	}
	return nil
}

// aligned refuses instants that lie within a cell.
func aligned(instants ...time.Time) error {
	for _, t := range instants {
		if !indexOf(t).start().Equal(t) {
			return fmt.Errorf("%s is not the beginning of a cell: use multiples of %s", t.Format(time.RFC3339Nano), CellWidth)
		}
	}
	return nil
}

// Corrections lists what was entered about an objective, in that order.
func (l *Ledger) Corrections(objective string) []Correction {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.entered), func(c Correction) bool { return c.Objective != objective })
}

// apply returns the counts of a cell after a correction of it.
func (c Correction) apply(n Counts) Counts {
	switch c.Kind {
	case Exclude:
		n.BadExcluded, n.TotalExcluded = n.Bad, n.Total
	case Include:
		n.BadExcluded, n.TotalExcluded = 0, 0
	case Replace:
		n = c.Counts
	}
	return n
}

func readCorrections(log *durable.Log) ([]Correction, error) {
	var out []Correction
	for r, err := range log.Records(1) {
		if errors.Is(err, durable.ErrDamaged) {
			continue // named when the log was opened
		}
		if err != nil {
			return nil, err
		}
		var e correctionEntry
		if err := json.Unmarshal(r.Payload, &e); err != nil || e.Format != correctionFormat {
			return nil, fmt.Errorf("correction %d: %w", r.Seq, errors.Join(errFormat, err))
		}
		if out = append(out, e.Correction); len(out) > maxCorrections {
			return nil, fmt.Errorf("there are more than %d corrections", maxCorrections)
		}
	}
	return out, nil
}
