package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// A KillSwitch stops every write of every flow while it is on; reading goes
// on, and so does cleaning up what was already written. It is on while its
// file exists, whoever made it, or after Pause. It is safe for concurrent use.
type KillSwitch struct {
	path string

	mu     sync.Mutex
	reason string
}

// NewKillSwitch returns a switch with its file at path; an empty path means
// that only Pause turns it on.
func NewKillSwitch(path string) *KillSwitch { return &KillSwitch{path: path} }

// Pause turns the switch on until Resume, saying why.
func (k *KillSwitch) Pause(reason string) {
	if reason == "" {
		reason = "paused"
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reason = reason
}

// Resume undoes Pause. The file, if there is one, is left to whoever made it.
func (k *KillSwitch) Resume() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reason = ""
}

// On says why writing is stopped, or nil. That the file cannot be looked at is
// a reason too.
func (k *KillSwitch) On() error {
	k.mu.Lock()
	reason := k.reason
	k.mu.Unlock()
	if reason != "" {
		return errors.New(reason)
	}
	if k.path == "" {
		return nil
	}
	_, err := os.Lstat(k.path)
	switch {
	case err == nil:
		return fmt.Errorf("the kill switch %s exists; remove it to let flows write again", k.path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("the kill switch cannot be looked at: %w", err)
}

// Guard returns the guard that the switch is.
func (k *KillSwitch) Guard() Guard {
	return Guard{Name: "kill-switch", Check: func(context.Context) error { return k.On() }}
}
