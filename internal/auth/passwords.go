package auth

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	// maxCost bounds what one password may cost the daemon: at 14 about a
	// second. bcrypt doubles with each.
	maxCost = 14
	// maxWaiting is how many may wait for their password to be computed.
	maxWaiting = 16
	// busyWait is when they are told to come again.
	busyWait = time.Second
)

// passwords checks passwords, one at a time: bcrypt is slow by design.
type passwords struct {
	hashes  map[string][]byte // by name
	decoy   []byte            // a name that does not exist takes as long
	turn    chan struct{}
	waiting atomic.Int32
}

func newPasswords(hashes map[string][]byte) *passwords {
	p := &passwords{hashes: hashes, turn: make(chan struct{}, 1)}
	dearest := -1
	for _, h := range hashes {
		if cost, err := bcrypt.Cost(h); err == nil && cost > dearest {
			p.decoy, dearest = h, cost
		}
	}
	return p
}

// check reports whether the password is the name's, or that too many wait.
func (p *passwords) check(ctx context.Context, name, password string) (right, busy bool) {
	if len(p.hashes) == 0 {
		return false, false
	}
	if p.waiting.Add(1) > maxWaiting {
		p.waiting.Add(-1)
		return false, true
	}
	defer p.waiting.Add(-1)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done(): // nobody waits for the answer any more
		return false, true
	}
	hash, exists := p.hashes[name]
	if !exists {
		hash = p.decoy
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && exists, false
}
