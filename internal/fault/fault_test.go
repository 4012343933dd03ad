package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/internal/fault"
)

func ExampleError() {
	fmt.Println(&fault.Error{
		Op:   "read account_bank_statement_line",
		Kind: fault.Denied,
		Err:  errors.New("permission denied"),
		Hint: "grant SELECT on it to the collector's role",
	})
	// Output: read account_bank_statement_line: permission denied (grant SELECT on it to the collector's role)
}

func TestKindOf(t *testing.T) {
	tests := map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":                {nil, ""},
		"deadline":           {fmt.Errorf("dial: %w", context.DeadlineExceeded), fault.Timeout},
		"name":               {&net.DNSError{Err: "no such host", Name: "erp"}, fault.DNS},
		"refused":            {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, fault.Unreachable},
		"closed by the peer": {fmt.Errorf("read: %w", io.EOF), fault.Unreachable},
		"already classified": {fmt.Errorf("post: %w", &fault.Error{Op: "post", Kind: fault.Locked}), fault.Locked},
		"wrapped keeps kind": {fault.Wrap("run flow", &fault.Error{Op: "post", Kind: fault.Auth}, ""), fault.Auth},
		"unknown":            {errors.New("surprise"), fault.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fault.KindOf(tt.err); got != tt.want {
				t.Errorf("KindOf(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}

func TestHintOfFindsTheInnermostAvailableHint(t *testing.T) {
	inner := &fault.Error{Op: "connect", Kind: fault.Auth, Err: errors.New("refused"), Hint: "check the password"}
	if got, want := fault.HintOf(fault.Wrap("collect", inner, "")), "check the password"; got != want {
		t.Errorf("HintOf = %q, want %q", got, want)
	}
}

func TestTextOfLeavesOutHints(t *testing.T) {
	inner := &fault.Error{Op: "connect", Kind: fault.Auth, Err: errors.New("refused"), Hint: "check the password"}
	tests := map[string]struct {
		err              error
		want, wantOfRoot string
	}{
		"nothing":       {nil, "", ""},
		"a plain error": {errors.New("surprise"), "surprise", "surprise"},
		"no cause":      {&fault.Error{Op: "ask", Hint: "later"}, "ask", "ask"},
		"several":       {errors.Join(inner, errors.New("and more")), "connect: refused; and more", "connect: refused"},
		"hints within":  {fault.Wrap("collect", inner, "wait"), "collect: connect: refused", "connect: refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fault.TextOf(tt.err); got != tt.want {
				t.Errorf("TextOf = %q, want %q", got, tt.want)
			}
			if got := fault.TextOf(fault.RootOf(tt.err)); got != tt.wantOfRoot {
				t.Errorf("TextOf of RootOf = %q, want %q", got, tt.wantOfRoot)
			}
		})
	}
}
