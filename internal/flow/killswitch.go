package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A KillSwitch stops every write of every flow while it is on; reading goes
// on, and so does cleaning up what was already written. It is on while its
// file exists, whoever made it, or after Pause. The file outlives the process.
// It is safe for concurrent use, also by several processes.
type KillSwitch struct {
	path string

	mu     sync.Mutex
	reason string
}

// A Stop is why the switch is on, as its file says. One that was made by hand
// need not say anything.
type Stop struct {
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"` // the name of a token or a role, never of a person
	At     time.Time `json:"at"`
}

// maxStop bounds what is read of the file, in bytes.
const maxStop = 4 << 10

// NewKillSwitch returns a switch with its file at path; an empty path means
// that only Pause turns it on.
func NewKillSwitch(path string) *KillSwitch { return &KillSwitch{path: path} }

// Pause turns the switch on until Resume or the end of the process, saying why.
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

// Engage turns the switch on for every process that shares the file, until
// Release. It is on when Engage returns nil.
func (k *KillSwitch) Engage(s Stop) error {
	content, err := json.Marshal(s)
	if err == nil {
		err = durable.WriteFile(k.path, append(content, '\n'))
	}
	return fault.Wrap("turn the kill switch on", err, "make the file "+k.path+" by hand: while it exists, nothing is written")
}

// Release removes the file, whoever made it. It is no error that there is none.
func (k *KillSwitch) Release() error {
	err := os.Remove(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fault.Wrap("turn the kill switch off", err, "remove the file "+k.path+" by hand")
}

// File returns what the file says; nil when there is none. What is no Stop is
// one that says nothing.
func (k *KillSwitch) File() (*Stop, error) {
	if k.path == "" {
		return nil, nil
	}
	if _, err := os.Lstat(k.path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("the kill switch cannot be looked at: %w", err)
	}
	s := &Stop{}
	f, err := os.Open(k.path)
	if err != nil {
		return s, nil // it is there: that is enough
	}
	defer func() { _ = f.Close() }() // it is read only
	if content, err := io.ReadAll(io.LimitReader(f, maxStop)); err != nil || json.Unmarshal(content, s) != nil {
		return &Stop{}, nil
	}
	return s, nil
}

// On says why writing is stopped, or nil. That the file cannot be looked at is
// a reason too.
func (k *KillSwitch) On() error {
	k.mu.Lock()
	reason := k.reason
	k.mu.Unlock()
	if reason != "" {
		return Objection(reason, "")
	}
	s, err := k.File()
	switch {
	case err != nil:
		return err
	case s == nil:
		return nil
	}
	why := "the kill switch is on"
	if s.By != "" && !s.At.IsZero() {
		why += fmt.Sprintf(" since %s by %s", s.At.UTC().Format(time.RFC3339), s.By)
	}
	if s.Reason != "" {
		why += ": " + s.Reason
	}
	return Objection(bounded(why, maxErrorText), "let flows write again with closewatch probe resume, or remove "+k.path)
}

// Guard returns the guard that the switch is.
func (k *KillSwitch) Guard() Guard {
	return Guard{Name: "kill-switch", Check: func(context.Context) error { return k.On() }}
}
