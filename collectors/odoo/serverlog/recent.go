package serverlog

import (
	"time"
)

// What signals speak of: the last five minutes on the log's clock, in slices.
const (
	recentFor = 5 * time.Minute
	sliceFor  = 30 * time.Second
	slices5m  = int(recentFor/sliceFor) + 1
	fewCalls  = 20
)

// recent keeps the counts of the last minutes.
type recent struct{ slices [slices5m]slice }

// A slice is what happened in half a minute.
type slice struct {
	number  int64 // half minutes since 1970
	kills   [kills]uint32
	tenants []*tenantSlice
}

type tenantSlice struct {
	events [events]uint32
	calls  uint32
	errors map[string]uint32 // by addon
}

// at returns the slice an instant lies in, emptied if it was another's.
func (r *recent) at(nanos int64) *slice {
	number := nanos / int64(sliceFor)
	s := &r.slices[int(number%int64(slices5m))]
	if s.number != number {
		*s = slice{number: number}
	}
	return s
}

func (s *slice) tenant(i, of int) *tenantSlice {
	if s.tenants == nil {
		s.tenants = make([]*tenantSlice, of)
	}
	if s.tenants[i] == nil {
		s.tenants[i] = &tenantSlice{}
	}
	return s.tenants[i]
}

func (s *tenantSlice) failed(addon string) {
	if s.errors == nil {
		s.errors = map[string]uint32{}
	}
	s.errors[addon]++
}

// recentCounts are sums over the last five minutes.
type recentCounts struct {
	kills   [kills]uint64
	tenants []recentTenant // by tenant
}

type recentTenant struct {
	events [events]uint64
	calls  uint64
	errors map[string]uint64
}

// errorRatio is the share of calls that raised.
func (c *recentTenant) errorRatio() (ratio float64, enough bool) {
	if c.calls < fewCalls {
		return 0, false
	}
	return min(1, float64(c.events[requestFailed])/float64(c.calls)), true
}

// sum adds up what happened in the five minutes before an instant.
func (r *recent) sum(nanos int64, tenants int) recentCounts {
	c := recentCounts{tenants: make([]recentTenant, tenants)}
	newest := nanos / int64(sliceFor)
	for i := range r.slices {
		s := &r.slices[i]
		if s.number > newest || newest-s.number >= int64(slices5m) {
			continue
		}
		for k, n := range s.kills {
			c.kills[k] += uint64(n)
		}
		for i, tenant := range s.tenants {
			if tenant != nil {
				c.tenants[i].add(tenant)
			}
		}
	}
	return c
}

func (c *recentTenant) add(s *tenantSlice) {
	for e, n := range s.events {
		c.events[e] += uint64(n)
	}
	c.calls += uint64(s.calls)
	for addon, n := range s.errors {
		if c.errors == nil {
			c.errors = map[string]uint64{}
		}
		c.errors[addon] += uint64(n)
	}
}
