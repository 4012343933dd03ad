package load

import (
	"maps"
	"sync"
)

// Stats count what a Load did since it was made.
type Stats struct {
	Logins     int64
	Invoices   int64 // posted
	Sent       int64
	Payments   int64
	BankLines  int64 // imported
	Reconciled int64
	Reads      int64
	Printed    int64
	Skipped    int64            // arrived while everybody was busy
	Failures   map[string]int64 // by kind of fault
}

// Failed is the number of failures of any kind.
func (s Stats) Failed() int64 {
	var n int64
	for _, k := range s.Failures {
		n += k
	}
	return n
}

type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) add(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.s)
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Failures = maps.Clone(c.s.Failures)
	return s
}
