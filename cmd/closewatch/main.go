// Command closewatch watches finance processes on Odoo: it collects, exercises,
// decides what is at risk and tells the people who can act.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK       = 0
	exitFindings = 1 // something is wrong with what was looked at
	exitUsage    = 2 // something is wrong with how it was asked
)

func main() { os.Exit(run()) }

// run executes the command line and returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newRoot()
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if said, ok := errors.AsType[*findings](err); ok {
		if text := said.Error(); text != "" {
			fmt.Fprintln(os.Stderr, text)
		}
		return exitFindings
	}
	fmt.Fprintln(os.Stderr, "closewatch:", err)
	return exitUsage
}

// findings is an error about what was looked at rather than how it was asked.
type findings struct{ err error }

func (f *findings) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *findings) Unwrap() error { return f.err }
