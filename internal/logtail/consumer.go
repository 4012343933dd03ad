package logtail

import (
	"log/slog"
	"time"
)

// A Consumer makes something of lines. All its methods are called by one
// goroutine. S is what it counted, in a form that JSON keeps.
type Consumer[S any] interface {
	// Line takes a line without its end. It is never empty, no longer than
	// MaxLine, and may be changed, but not kept.
	Line(b []byte)
	// Pause is called when all that was written has been read: a record of
	// several lines has either ended or is being written.
	Pause()
	// Save returns what was counted, for good: it is kept, and published when
	// that is safe. A record that is not complete yet belongs to it.
	Save() S
	// Restore continues from what a former process saved. It is called before
	// any line, or never.
	Restore(s S)
}

// Options are what a log is followed with.
type Options struct {
	Path  string // the log
	State string // file of position and counts; "" keeps them in memory
	Name  string // what findings call it: "access log"
	Hint  string // what to do when it does not exist
	Every time.Duration
	Now   func() time.Time
	Log   *slog.Logger
}

// Counts are what was met in the log, since its very first line.
type Counts struct {
	Bytes      uint64  `json:"bytes"`    // of lines, handed over or too long
	Oversize   uint64  `json:"oversize"` // lines longer than MaxLine
	Padding    uint64  `json:"padding"`  // NUL bytes, as a truncation under a writer that does not append leaves them
	Renamed    uint64  `json:"renamed"`
	Truncated  uint64  `json:"truncated"`
	Unresolved uint64  `json:"unresolved"` // rotations whose old file was not found again
	LostBytes  uint64  `json:"lostBytes"`  // seen written and found nowhere again: at least so many were lost
	Gap        float64 `json:"gap"`        // seconds in which lines that are lost can have been written: at most so many
}

// A Snapshot is what may be published: counts that are safe on disk.
type Snapshot[S any] struct {
	State    S
	Counts   Counts
	Lag      int64 // bytes written and not read
	Readable bool
	Err      error // why the log cannot be read, or the position not be saved
}
