package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Guard stands between a flow and what it writes. Check returns nil when
// writing is safe, an Objection when it is not, and any other error when that
// could not be told: both stop the write.
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

// Objection is a guard's reason not to write, and what would remove it.
func Objection(why, remedy string) error {
	return &fault.Error{Op: why, Kind: fault.Blocked, Hint: remedy}
}

// IsObjection tells an Objection, also one that Check returned, from a guard
// that could not tell.
func IsObjection(err error) bool {
	root, ok := errors.AsType[*fault.Error](fault.RootOf(err))
	return ok && root.Kind == fault.Blocked && root.Err == nil
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
