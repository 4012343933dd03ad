package logtail

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
)

// A position is a place in a file: the beginning of the next line, or, when
// Skipping, somewhere inside a line that is too long to be handed over.
type position struct {
	File     identity `json:"file"`
	Offset   int64    `json:"offset"`
	Size     int64    `json:"size"` // of the file when it was last looked at
	Skipping bool     `json:"skipping,omitempty"`
	// Copied says that the file is a copy of a log that was then emptied in
	// place: nobody writes to it, and what follows it is the log itself.
	Copied bool `json:"copied,omitempty"`
	// Emptied is set when the file was emptied in place and had no content
	// since: when the newest copy there was then had been written, in Unix
	// nanoseconds of its file system. A later copy is of what came in between.
	// The time of the file itself would not do: it is written last when it is
	// emptied, but a moment after it is seen to be empty.
	Emptied int64 `json:"emptied,omitempty"`
}

// A checkpoint is a position together with everything counted up to it. The
// two are one file, so that no crash can separate them.
type checkpoint[S any] struct {
	Version  int       `json:"version"`
	Path     string    `json:"path"`
	Position position  `json:"position"`
	CaughtUp time.Time `json:"caughtUp"`
	Counts   Counts    `json:"counts"`
	State    S         `json:"state"`
}

// version is the only form of a state file that is understood.
const version = 2

var errVersion = errors.New("written by another version")

// load reads a state file. A missing one is no error: found is false.
func load[S any](file string) (c checkpoint[S], found bool, err error) {
	b, found, err := durable.ReadChecked(file)
	if err != nil || !found {
		return c, false, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return checkpoint[S]{}, false, err
	}
	if c.Version != version {
		return checkpoint[S]{}, false, errVersion
	}
	return c, true, nil
}

// store writes a state file so that a crash leaves the old one or the new one.
func (c checkpoint[S]) store(file string) error {
	c.Version = version
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return durable.WriteChecked(file, b)
}

// StateFile is where the position in one log of a component is kept in a
// directory, "" without one. Kind tells the logs of one component apart.
func StateFile(dir, kind, component string) string {
	if dir == "" {
		return ""
	}
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, component)
	return filepath.Join(dir, kind+"-"+safe+".state")
}
