package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// freeAttempts is how often one may mistype before waiting.
	freeAttempts = 10
	// attemptEvery is how often one may try from then on.
	attemptEvery = 6 * time.Second
	// maxNeighbourhoods bounds how many addresses are told apart; all beyond
	// it share one allowance.
	maxNeighbourhoods = 4096
)

// attempts allows each neighbourhood so many failures. An attempt is taken
// before it is judged and given back when it was right, so that many at once
// gain nothing. It is safe for concurrent use.
type attempts struct {
	now func() time.Time

	mu     sync.Mutex
	of     map[netip.Addr]*allowance
	beyond allowance
}

// An allowance fills up with time.
type allowance struct {
	used float64 // attempts not yet won back
	at   time.Time
}

// settle wins back what has passed since the allowance was last looked at. A
// clock that was set back wins nothing.
func (a *allowance) settle(now time.Time) {
	if passed := now.Sub(a.at); passed > 0 {
		a.used = max(a.used-passed.Seconds()/attemptEvery.Seconds(), 0)
	}
	a.at = now
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, of: map[netip.Addr]*allowance{}}
}

// take uses one attempt, or returns how long to wait for the next.
func (a *attempts) take(from netip.Addr) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.find(from)
	l.settle(a.now())
	if l.used > freeAttempts-1 {
		return time.Duration((l.used - freeAttempts + 1) * float64(attemptEvery))
	}
	l.used++
	return 0
}

// giveBack returns the attempt that take used: it was right.
func (a *attempts) giveBack(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.find(from)
	l.used = max(l.used-1, 0)
}

// find returns the allowance of a neighbourhood. Who has used nothing needs no
// place.
func (a *attempts) find(from netip.Addr) *allowance {
	if l, ok := a.of[from]; ok {
		return l
	}
	if len(a.of) >= maxNeighbourhoods {
		now := a.now()
		for addr, l := range a.of {
			if l.settle(now); l.used == 0 {
				delete(a.of, addr)
			}
		}
	}
	if len(a.of) >= maxNeighbourhoods {
		return &a.beyond
	}
	l := &allowance{at: a.now()}
	a.of[from] = l
	return l
}
