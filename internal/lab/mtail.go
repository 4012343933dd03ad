package lab

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Spent is what a program used that has ended.
type Spent struct {
	CPU    time.Duration // of user and system
	Memory int64         // resident at most, in bytes
}

// Mtail has mtail read a log once with a program, and returns the metrics it
// counted in the text format.
func Mtail(ctx context.Context, program, log string) (metrics []byte, s Spent, err error) {
	path, err := findPeer("mtail")
	if err != nil {
		return nil, s, err
	}
	cmd := exec.CommandContext(ctx, path, "--one_shot", "--one_shot_format=prometheus", "--progs", program, "--logs", log, "--logtostderr")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if metrics, err = cmd.Output(); err != nil {
		const most = 2000
		text := stderr.String()
		return nil, s, &fault.Error{Op: "run mtail", Kind: fault.KindOf(err), Err: fmt.Errorf("%w:\n%s", err, strings.TrimSpace(text[max(0, len(text)-most):]))}
	}
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.Memory = usage.Maxrss << 10
	}
	return metrics, s, nil
}
