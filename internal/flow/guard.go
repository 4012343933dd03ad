package flow

import (
	"context"
	"fmt"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Guard stands between a flow and what it writes. Check returns nil when
// writing is safe, and an error that says why not, or why that could not be
// told: both stop the write.
type Guard struct {
	Name  string // "kill-switch", "lock-dates"
	Check func(context.Context) error
}

// Check evaluates guards in order and returns the first objection as a
// *fault.Error of kind fault.Blocked. A guard that panics objects.
func Check(ctx context.Context, guards []Guard) error {
	for _, g := range guards {
		err := protect(func() error { return g.Check(ctx) })
		if err == nil {
			continue
		}
		return &fault.Error{Op: "guard " + g.Name, Kind: fault.Blocked, Err: err}
	}
	return nil
}

// protect runs fn and turns its panic into an error.
func protect(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Op: "run", Kind: fault.Internal, Err: fmt.Errorf("panic: %v", p), Hint: "report this: it is a mistake in Closewatch"}
		}
	}()
	return fn()
}
