package collector

import (
	"fmt"
	"runtime/debug"

	"github.com/closewatch/closewatch/internal/fault"
)

// panicked is a panic as an error. Its stack is for the log, not for people.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guard turns a panic of f into an error.
func guard(op string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Op: op, Kind: fault.Internal, Err: &panicked{p, debug.Stack()}, Hint: "report this as a bug with the log around it"}
		}
	}()
	return f()
}
