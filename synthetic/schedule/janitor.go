package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// ErrAgain is what a sweep returns when nothing is left over that can be seen,
// but something may appear yet: a request is still being carried out whose
// answer nobody waits for any more.
var ErrAgain = errors.New("something may appear yet")

// sweepEvery is how often it is seen to that nothing is left over, while
// something is or may be.
const sweepEvery = time.Minute

// tidy sweeps at the start and while anything may be left over, whether or not
// a flow is to write: what a run left has to go also when its flow is turned
// off, the kill switch is on or the books are closing.
func (s *Schedule) tidy(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if s.untidy() {
			s.sweepInTurn(ctx)
		}
		timer.Reset(sweepEvery)
	}
}

// sweepInTurn sweeps with the lease. Whoever else has it sweeps as well.
func (s *Schedule) sweepInTurn(ctx context.Context) {
	turn, err := s.turn(ctx)
	if err != nil {
		return
	}
	defer turn.Release()
	if turn.take(ctx, sweepEvery) == nil {
		s.sweep(ctx)
	}
}

// untidy reports whether anything may be left over.
func (s *Schedule) untidy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty && s.settings.Sweep != nil
}

// sweep removes what runs left over, before the first write and after a run
// that may have left something. Its failure is not fatal: each run looks again,
// and does not write while something is left.
func (s *Schedule) sweep(ctx context.Context) {
	if !s.untidy() {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	err := s.settings.Sweep(bounded)
	s.mu.Lock()
	s.dirty = err != nil
	s.mu.Unlock()
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrAgain) {
		s.settings.Log.Warn("sweep failed", "tenant", s.settings.Run.Tenant, "kind", fault.KindOf(err), "err", err)
	}
}
