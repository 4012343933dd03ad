package main

import (
	"fmt"
	"time"
)

// An instant is a time as people write it: a day in UTC, or RFC 3339 with or
// without seconds.
type instant struct{ time.Time }

// Set implements pflag.Value.
func (i *instant) Set(text string) error {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			i.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write it as 2026-12-31, 2026-12-31T15:00Z or 2026-12-31T16:00:00+01:00", text)
}

// String implements pflag.Value.
func (i *instant) String() string {
	if i.IsZero() {
		return ""
	}
	return i.Format(time.RFC3339)
}

// Type implements pflag.Value.
func (i *instant) Type() string { return "time" }
