package serverlog

import (
	"cmp"
	"maps"
	"slices"
)

// logNow is the present on the log's clock: the time of the last record, and
// what has passed on ours since it was read. While a backlog is read, that is
// when it was written.
func (t *tally) logNow() int64 {
	if t.lines.Last == 0 || t.readAt.IsZero() || t.fresh {
		return t.lines.Last
	}
	return t.lines.Last + max(0, t.now().Sub(t.readAt).Nanoseconds())
}

// Save implements logtail.Consumer.
func (t *tally) Save() *state {
	s := &state{Lines: t.lines, Format: t.envelope.format, Kills: named(killNames[:], t.kills[:]), Tenants: map[string]*tenantState{}, recent: t.recent.sum(t.logNow(), len(t.tenants))}
	for i := range t.counts {
		s.Tenants[t.tenants[i]] = t.saveTenant(i)
	}
	for key, n := range t.errors {
		tenant := s.Tenants[t.tenants[key.tenant]]
		tenant.Errors = append(tenant.Errors, errorCount{key.addon, key.exception, n})
	}
	for _, tenant := range s.Tenants {
		slices.SortFunc(tenant.Errors, func(a, b errorCount) int {
			return cmp.Or(cmp.Compare(a.Addon, b.Addon), cmp.Compare(a.Exception, b.Exception))
		})
	}
	if t.open {
		p := t.pending
		s.Pending = &p
	}
	return s
}

func (t *tally) saveTenant(i int) *tenantState {
	c := &t.counts[i]
	s := &tenantState{
		Events: named(eventNames[:], c.events[:]), PDFs: named(pdfNames[:], c.pdfs[:]),
		Conflicts:  map[string]map[string]uint64{},
		Actions:    map[string]uint64{},
		Operations: map[string]operationCount{},
	}
	for outcome, byCause := range c.conflicts {
		if counts := named(causeNames[:], byCause[:]); len(counts) > 0 {
			s.Conflicts[outcomeNames[outcome]] = counts
		}
	}
	maps.Copy(s.Actions, c.actions)
	for op, o := range c.operations {
		if o != nil {
			s.Operations[t.ops.names[op]] = *o
		}
	}
	return s
}

// outcomeNames are what becomes of a conflict.
var outcomeNames = [2]string{"retried", "exhausted"}

// named returns the counts above zero by name.
func named(names []string, counts []uint64) map[string]uint64 {
	m := map[string]uint64{}
	for i, n := range counts {
		if n > 0 {
			m[names[i]] = n
		}
	}
	return m
}

// counted is named the other way round; names that are no more are dropped.
func counted(names []string, m map[string]uint64, counts []uint64) {
	for i, name := range names {
		if name != "" {
			counts[i] = m[name]
		}
	}
}

// Restore implements logtail.Consumer. Tenants that the configuration no
// longer has count as other.
func (t *tally) Restore(s *state) {
	if s == nil {
		return
	}
	t.lines = s.Lines
	if t.envelope.auto && slices.Contains(Formats(), s.Format) {
		t.envelope.format = s.Format
	}
	counted(killNames[:], s.Kills, t.kills[:])
	for name, saved := range s.Tenants {
		if i := slices.Index(t.tenants, name); i >= 0 && saved != nil {
			t.restoreTenant(i, saved)
		}
	}
	if s.Pending != nil {
		t.pending, t.open = *s.Pending, true
	}
}

func (t *tally) restoreTenant(i int, s *tenantState) {
	c := &t.counts[i]
	counted(eventNames[:], s.Events, c.events[:])
	counted(pdfNames[:], s.PDFs, c.pdfs[:])
	for outcome, name := range outcomeNames {
		counted(causeNames[:], s.Conflicts[name], c.conflicts[outcome][:])
	}
	for name, n := range s.Actions {
		if len(c.actions) <= maxActions {
			c.actions[name] = n
		}
	}
	for op, name := range t.ops.names {
		if o, ok := s.Operations[name]; ok {
			c.operations[op] = &o
		}
	}
	for _, e := range s.Errors {
		key := errorKey{i, bounded(t.addons, e.Addon, maxAddons), bounded(t.classes, e.Exception, maxExceptions)}
		t.errors[key] += e.Count
	}
}
