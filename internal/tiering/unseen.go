package tiering

import "time"

// An Unseen is something that should tell of the outcome and does not.
type Unseen struct {
	What  string    // "test transaction invoice-posting", "db (postgres)"
	Since time.Time // when it was seen last; zero when it never was
	Why   string    // "it should have run and did not"
}

// Unmeasured reports whether nothing tells if the outcome works, and whether that
// is deliberate.
func (e Evidence) Unmeasured() (unknown, paused bool) { return measured(&e) }
