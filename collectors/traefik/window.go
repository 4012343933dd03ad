package traefik

import "slices"

// A window counts what ended in the last minutes, by the log's own clock: a
// line that is read late counts in the time it speaks of, not in the present.
const (
	slotLength  = 30e9 // nanoseconds
	windowSlots = 10   // of which a window consists, besides the one going on
	slots       = windowSlots + 2
)

type window struct{ slots [slots]slot }

// A slot is half a minute.
type slot struct {
	number   int64    // since the epoch
	requests []uint64 // users' requests by tenant, websockets excluded
	failed   []uint64 // of these, upstream and server
}

func newWindow(tenants int) *window {
	w := &window{}
	for i := range w.slots {
		w.slots[i] = slot{requests: make([]uint64, tenants), failed: make([]uint64, tenants)}
	}
	return w
}

// grow makes room for more tenants.
func (w *window) grow(tenants int) {
	for i := range w.slots {
		s := &w.slots[i]
		s.requests = append(s.requests, make([]uint64, tenants-len(s.requests))...)
		s.failed = append(s.failed, make([]uint64, tenants-len(s.failed))...)
	}
}

// add counts a request that ended at an instant, in Unix nanoseconds. One that
// is older than the window is not counted, unless it is so much older that the
// clock must have been set back.
func (w *window) add(ended int64, tenant int, o outcome) {
	number := ended / slotLength
	s := &w.slots[number%slots]
	if s.number != number {
		if ahead := s.number - number; ahead > 0 && ahead <= 2*slots {
			return
		}
		s.number = number
		clear(s.requests)
		clear(s.failed)
	}
	s.requests[tenant]++
	if o == upstream || o == serverError {
		s.failed[tenant]++
	}
}

func (w *window) clone() *window {
	c := *w
	for i, s := range w.slots {
		c.slots[i].requests, c.slots[i].failed = slices.Clone(s.requests), slices.Clone(s.failed)
	}
	return &c
}

// errorRatio is the share of a tenant's requests that failed upstream, of those
// that ended in the window before now.
func (w *window) errorRatio(tenant int, now int64) (ratio float64, enough bool) {
	last := now / slotLength
	var requests, failed uint64
	for _, s := range w.slots {
		if s.number >= last-windowSlots && s.number <= last+1 { // the log's clock may be a little ahead
			requests += s.requests[tenant]
			failed += s.failed[tenant]
		}
	}
	if requests < fewRequests {
		return 0, false
	}
	return float64(failed) / float64(requests), true
}
