package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Options say where the ledger is and how long cells are kept.
type Options struct {
	Dir  string
	Grid time.Duration    // distance of ticks; at most a cell
	Age  time.Duration    // what is older goes with Retain; 0 keeps all
	Now  func() time.Time // nil means time.Now; dates files
	Disk durable.Disk
}

// An Observation is what a tick says about one objective.
type Observation struct {
	Objective string // unique and stable; one that was renamed is another
	// Observed says the source answered in this tick. A tick without traffic is
	// observed; a tick whose source was down is not, and its counts must be 0.
	Observed   bool
	Bad, Total uint64 // events since the tick before
	Excluded   bool   // the tick lies in a maintenance window
	Context    Context
}

// A ClockBackError says that a tick is not after the last one that was observed, or
// lies in a cell that is committed: the clock was set back. Nothing is counted
// until the clock has passed Last again; the ticks in between are missing.
type ClockBackError struct{ At, Last time.Time }

func (e *ClockBackError) Error() string {
	return fmt.Sprintf("the tick of %s is not after the last one counted, of %s: the clock was set back, or was ahead then", e.At.UTC().Format(time.RFC3339Nano), e.Last.Format(time.RFC3339Nano))
}

// A Ledger is written by one process at a time. It is safe for concurrent use.
type Ledger struct {
	o           Options
	rows        *durable.Log
	corrections *durable.Log

	mu        sync.Mutex
	names     *names
	entered   []Correction // in the order they were entered
	committed time.Time    // end of the last cell on disk; zero when there is none
	last      time.Time    // the last tick observed
	open      *openCell
	pending   []*openCell // cells that ended and are not on disk yet
	dropped   int         // cells that were given up: the disk was full for a day
}

// An openCell is what ticks have said so far about a cell.
type openCell struct {
	cell  index
	parts map[string]*part
}

type part struct {
	counts   Counts
	observed uint64
	context  Context
}

// Open opens the ledger in a directory. What is damaged is named and set
// aside; the rest is read, and the ledger goes on.
func Open(o Options) (l *Ledger, damage []error, err error) {
	op := "open the ledger in " + o.Dir
	if o.Grid <= 0 || o.Grid > CellWidth {
		return nil, nil, &fault.Error{Op: op, Kind: fault.Internal, Err: fmt.Errorf("a grid of %s: ticks must be at most %s apart", o.Grid, CellWidth)}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	defer func() {
		if err != nil {
			err = opening(op, errors.Join(err, l.Close()))
			l = nil
		}
	}()
	l = &Ledger{o: o}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return l, nil, err
	}
	if _, err := durable.Sweep(o.Dir); err != nil {
		return l, nil, err
	}
	if l.names, damage, err = loadNames(o.Dir, o.Disk); err != nil {
		return l, damage, err
	}
	for log, name := range map[**durable.Log]string{&l.rows: "cells", &l.corrections: "corrections"} {
		var found []durable.DamageError
		*log, found, err = durable.OpenLog(durable.LogOptions{Dir: filepath.Join(o.Dir, name), Age: o.Age, Now: o.Now, Disk: o.Disk})
		damage = append(damage, named(found)...)
		if err != nil {
			return l, damage, err
		}
	}
	more, err := l.takeUp()
	return l, append(damage, more...), err
}

func named(damage []durable.DamageError) (out []error) {
	for i := range damage {
		out = append(out, &damage[i])
	}
	return out
}

func opening(op string, err error) error {
	if errors.Is(err, durable.ErrVersion) || errors.Is(err, errFormat) {
		return &fault.Error{Op: op, Kind: fault.Schema, Err: err, Hint: "run the version of closewatch that wrote it, or move the directory away to start a new ledger"}
	}
	return fault.Wrap(op, err, "make the data directory readable and writable, and free space on its disk")
}

// takeUp reads what has to be known before the ledger goes on.
func (l *Ledger) takeUp() (damage []error, err error) {
	last, found, err := l.rows.Last()
	if err != nil {
		return nil, err
	}
	if found {
		cell, ok := cellOfRow(last.Payload)
		if !ok {
			return nil, errFormat
		}
		l.committed = cell.end()
		if err := l.mendNames(); err != nil {
			return nil, err
		}
	}
	scrubbed, err := l.corrections.Scrub(context.Background()) // few: they are read whole
	if err != nil {
		return nil, err
	}
	l.entered, err = readCorrections(l.corrections)
	return named(scrubbed), err
}

// mendNames writes the names again when a file of them was lost, and keeps the
// numbers that cells use from being given to others when both were.
func (l *Ledger) mendNames() error {
	if len(l.names.list) > 0 { // at least those that cells refer to
		_ = l.names.save() // on a full disk the next commit tries again
		return nil
	}
	limit := uint64(0)
	for r, err := range l.rows.Records(1) {
		if errors.Is(err, durable.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		parsed, err := decodeRow(r.Payload, nil)
		if err != nil {
			return err
		}
		for _, c := range parsed.cells {
			limit = max(limit, c.objective+1, c.context[0]+1, c.context[1]+1, c.context[2]+1)
		}
	}
	l.names.reserve(limit)
	_ = l.names.save() // as above
	return nil
}

// Committed returns the end of the last cell that is on disk, the zero time
// when there is none. After a start, observe the ticks after it again, from the
// tick record.
func (l *Ledger) Committed() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed
}

// Objectives lists every objective that ever had a cell, sorted; those that
// were renamed or removed too.
func (l *Ledger) Objectives() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, name := range l.names.list {
		if objective, ok := strings.CutPrefix(name, objectivePrefix); ok {
			out = append(out, objective)
		}
	}
	slices.Sort(out)
	return out
}

// Names of objectives are told from the others by how they begin.
const (
	objectivePrefix = "o:"
	contextPrefix   = "c:"
)

// Observe counts a tick. When the tick ends a cell, or is behind its end, the
// cell is committed: it is on disk when Observe returns nil.
//
// A *ClockBackError, or a complaint about an observation, changes nothing. After any
// other error the tick is counted and the cells that ended wait for the disk: a
// day of them at most, the oldest are then given up and missing. The next
// Observe tries again.
func (l *Ledger) Observe(tick time.Time, observations []Observation) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := later(l.last, l.committed); !tick.After(last) && !last.IsZero() {
		return &ClockBackError{At: tick, Last: last}
	}
	cell := cellOf(tick)
	var parts map[string]*part
	if l.open != nil && l.open.cell == cell {
		parts = l.open.parts
	}
	added, err := count(parts, observations)
	if err != nil {
		return &fault.Error{Op: "count a tick", Kind: fault.Internal, Err: err}
	}
	if l.open == nil || l.open.cell != cell {
		l.end()
		l.open = &openCell{cell, map[string]*part{}}
	}
	maps.Copy(l.open.parts, added)
	l.last = tick
	if tick.Equal(cell.end()) {
		l.end()
	}
	return l.commit()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// count returns the parts that observations change, without changing them.
func count(parts map[string]*part, observations []Observation) (map[string]*part, error) {
	added := make(map[string]*part, len(observations))
	for _, o := range observations {
		if err := o.check(); err != nil {
			return nil, err
		}
		if added[o.Objective] != nil {
			return nil, fmt.Errorf("%s: is observed twice in a tick", o.Objective)
		}
		p := part{}
		if before := parts[o.Objective]; before != nil {
			p = *before
		}
		counts := Counts{Bad: o.Bad, Total: o.Total}
		if o.Excluded {
			counts.BadExcluded, counts.TotalExcluded = o.Bad, o.Total
		}
		if err := p.counts.add(counts); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Objective, err)
		}
		if o.Observed {
			p.observed++
		}
		p.context = o.Context
		added[o.Objective] = &p
	}
	if len(parts)+len(added) > maxRow {
		return nil, fmt.Errorf("%d objectives, at most %d", len(parts)+len(added), maxRow)
	}
	return added, nil
}

func (o Observation) check() error {
	switch {
	case o.Objective == "":
		return errors.New("an observation without an objective")
	case max(len(o.Objective), len(o.Context.Phase), len(o.Context.Calendar), len(o.Context.Config)) > maxName:
		return fmt.Errorf("%.40s…: a name of more than %d bytes", o.Objective, maxName)
	case o.Bad > o.Total:
		return fmt.Errorf("%s: %d bad events of %d", o.Objective, o.Bad, o.Total)
	case !o.Observed && o.Total > 0:
		return fmt.Errorf("%s: %d events in a tick that was not observed", o.Objective, o.Total)
	}
	return nil
}

// end closes the open cell.
func (l *Ledger) end() {
	if l.open == nil {
		return
	}
	l.pending = append(l.pending, l.open)
	l.open = nil
	if beyond := len(l.pending) - maxPending; beyond > 0 {
		l.dropped += beyond
		l.pending = slices.Delete(l.pending, 0, beyond)
	}
}

// commit writes the cells that ended.
func (l *Ledger) commit() error {
	for len(l.pending) > 0 {
		p := l.pending[0]
		r, err := l.row(p)
		if err == nil {
			err = l.names.save()
		}
		if err == nil {
			_, err = l.rows.Append(r.encode())
		}
		if err != nil {
			op := fmt.Sprintf("commit the cell of %s", p.cell.start().Format(time.RFC3339))
			if l.dropped > 0 {
				op = fmt.Sprintf("%s (%d before it are given up)", op, l.dropped)
			}
			return fault.Wrap(op, err, "free space on the disk of --data: cells wait for it, a day at most")
		}
		l.committed = p.cell.end()
		l.pending = l.pending[1:]
	}
	l.dropped = 0
	return nil
}

// row gives everything in a cell its number.
func (l *Ledger) row(p *openCell) (row, error) {
	r := row{cell: p.cell, expected: l.expected(p.cell)}
	for _, objective := range slices.Sorted(maps.Keys(p.parts)) {
		part := p.parts[objective]
		c := rowCell{counts: part.counts, observed: part.observed}
		texts := [...]string{objectivePrefix + objective, contextPrefix + part.context.Phase, contextPrefix + part.context.Calendar, contextPrefix + part.context.Config}
		for i, to := range []*uint64{&c.objective, &c.context[0], &c.context[1], &c.context[2]} {
			var err error
			if *to, err = l.names.add(texts[i]); err != nil {
				return row{}, err
			}
		}
		r.cells = append(r.cells, c)
	}
	slices.SortFunc(r.cells, func(a, b rowCell) int { return int(a.objective) - int(b.objective) }) //nolint:gosec // less than maxNames
	return r, nil
}

// expected is how many ticks the grid has in a cell.
func (l *Ledger) expected(cell index) uint64 {
	first, last := cell.start().Truncate(l.o.Grid), cell.end().Truncate(l.o.Grid)
	return uint64(last.Sub(first) / l.o.Grid) //nolint:gosec // not negative
}

// Retain removes cells and corrections that are older than Options say: call
// it every hour or so. It returns how many files were removed.
func (l *Ledger) Retain(now time.Time) (removed int, err error) {
	var errs []error
	for _, log := range []*durable.Log{l.rows, l.corrections} {
		n, err := log.Retain(now)
		removed += n
		errs = append(errs, err)
	}
	return removed, fault.Wrap("remove old cells", errors.Join(errs...), "make the data directory writable")
}

// Scrub checks the whole ledger, which reads all of it, and names and sets
// aside what is damaged.
func (l *Ledger) Scrub(ctx context.Context) ([]error, error) {
	damage, err := l.rows.Scrub(ctx)
	if err != nil {
		return named(damage), reading(err)
	}
	more, err := l.corrections.Scrub(ctx)
	return append(named(damage), named(more)...), reading(err)
}

func reading(err error) error { return fault.Wrap("read the ledger", err, "") }

// Close ends the ledger. The open cell is not written: the next start makes it
// again from the tick record.
func (l *Ledger) Close() error {
	var errs []error
	for _, log := range []*durable.Log{l.rows, l.corrections} {
		if log != nil {
			errs = append(errs, log.Close())
		}
	}
	return errors.Join(errs...)
}
