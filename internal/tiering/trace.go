package tiering

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// traceVersion is the version of a trace's form.
const traceVersion = 1

// A Trace is how one impact was reached: all that was read, by what rules it was
// judged, and what came out. Judging what was read again gives what came out,
// byte for byte.
type Trace struct {
	Version  int       `json:"v"`
	At       time.Time `json:"at"`
	Config   string    `json:"config"`             // hash of the configuration in force
	Calendar string    `json:"calendar,omitempty"` // hash of the calendar in force
	Judge    Judge     `json:"judge"`
	Prior    *Impact   `json:"prior"` // what stood at the tick before; null for a subject never judged before
	Evidence Evidence  `json:"evidence"`
	Impact   Impact    `json:"impact"`
}

// TraceOf lays down how an impact was reached from what stood before. The
// evidence is that which the tick record keeps.
func TraceOf(j Judge, config, calendar string, prior *Impact, e Evidence, im Impact) Trace {
	if prior != nil {
		known := prior.remembered()
		prior = &known
	}
	e.Suspicion = Suspicion{} // it is part of what stood
	return Trace{traceVersion, im.At, config, calendar, j, prior, e, im}
}

// ID names the trace by its content, and tells when it was: T, the second in
// hexadecimal, and the beginning of the SHA-256 of its JSON.
func (t Trace) ID() (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("write down how %s was judged: %w", t.Impact.Process, err)
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("T%08x-%s", t.At.Unix(), hex.EncodeToString(sum[:8])), nil
}

// TracedAt reads from a trace's ID in which second its tick was; false when it is
// no such ID.
func TracedAt(id string) (time.Time, bool) {
	second, hash, found := strings.Cut(strings.TrimPrefix(id, "T"), "-")
	if !found || !strings.HasPrefix(id, "T") || len(hash) != 16 {
		return time.Time{}, false
	}
	if _, err := hex.DecodeString(hash); err != nil {
		return time.Time{}, false
	}
	s, err := strconv.ParseInt(second, 16, 64)
	if err != nil || s < 0 {
		return time.Time{}, false
	}
	return time.Unix(s, 0).UTC(), true
}

// Rederive judges what was read again. The error says that something else came
// out, and where the two part.
func (t Trace) Rederive() error {
	got, err := json.Marshal(t.Judge.Next(t.At, t.Prior, t.Evidence))
	if err != nil {
		return fmt.Errorf("judge again: %w", err)
	}
	want, err := json.Marshal(t.Impact)
	if err != nil {
		return fmt.Errorf("read what came out: %w", err)
	}
	if bytes.Equal(got, want) {
		return nil
	}
	n := 0
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	around := func(b []byte) string { return string(b[max(0, n-60):min(len(b), n+60)]) }
	return fmt.Errorf("judged again, something else comes out: recorded …%s…, now …%s…", around(want), around(got))
}
