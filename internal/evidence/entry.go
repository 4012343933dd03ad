package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Class says what a record is evidence of. It is written into the log: new
// classes are added, existing ones never renamed.
type Class string

// The closed set of classes.
const (
	System          Class = "system"          // the daemon started, stopped, saw its clock step
	Configuration   Class = "configuration"   // an estate was loaded, refused, reloaded
	Calendar        Class = "calendar"        // a calendar or a phase changed, a calendar is stale
	Decision        Class = "decision"        // the tier of an impact was raised, lowered or held
	Alert           Class = "alert"           // an alert was sent, resolved, undeliverable
	Acknowledgement Class = "acknowledgement" // somebody took an incident
	Change          Class = "change"          // a deployment, a silence, a correction from outside
	Flow            Class = "flow"            // a synthetic flow ran, was refused or was cleaned up
	Access          Class = "access"          // evidence or a protected endpoint was used or denied
	Export          Class = "export"          // evidence or a report left the daemon
	Unwatched       Class = "gap"             // nothing was watched: see Gap
	Anchored        Class = "anchor"          // the head of the log, written by the log itself
	Damaged         Class = "damage"          // something kept was found damaged
	Removed         Class = "retention"       // old segments were removed, written by the log itself
)

// Classes lists the closed set in a fixed order.
func Classes() []Class {
	return []Class{
		System, Configuration, Calendar, Decision, Alert, Acknowledgement, Change, Flow, Access, Export,
		Unwatched, Anchored, Damaged, Removed,
	}
}

// own reports whether only the log itself writes records of a class, because
// the verifier draws conclusions from them.
func (c Class) own() bool { return c == Anchored || c == Removed }

// The actor of what the daemon did by itself.
const daemon = "system"

// Bounds of an entry.
const (
	maxRefs = 16
	maxNote = 200 // bytes
)

// An Entry is what is to be recorded. It refers to things by the names the
// estate gives them; what a person would recognise somebody by does not belong
// here and is withheld: see FORMAT.md.
type Entry struct {
	Class  Class
	Action string // what happened, in lower case with hyphens: "page-sent"
	// Actor is "system" (also when empty), role:NAME, token:NAME, or a person
	// as Pseudonym names them. Anything else is taken for a person's name and
	// replaced by their pseudonym.
	Actor   string
	Refs    map[string]string // at most 16 identifiers: "process": "payroll"
	Outcome string            // how it ended: "granted"; empty when there is nothing to say
	Digest  string            // of the full payload when one is kept elsewhere: see Digest
	Note    string            // at most 200 bytes of plain words
}

// A Record is an entry with its place in the log. The order of its fields is
// the order in the file.
type Record struct {
	Seq     uint64            `json:"seq"` // 1, 2, 3 …
	At      time.Time         `json:"at"`  // UTC, whole milliseconds
	Class   Class             `json:"class"`
	Action  string            `json:"action"`
	Actor   string            `json:"actor"`
	Refs    map[string]string `json:"refs,omitempty"`
	Outcome string            `json:"outcome,omitempty"`
	Digest  string            `json:"digest,omitempty"`
	Note    string            `json:"note,omitempty"`
}

// Digest names a payload by its SHA-256, as it is written into a record.
func Digest(payload []byte) string {
	sum := sha256.Sum256(payload)
	return "sha256:" + hex.EncodeToString(sum[:])
}

var (
	wordForm   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	refForm    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// check finds what is wrong with an entry: a mistake of whoever wrote the call.
func (e Entry) check() error {
	switch {
	case !slices.Contains(Classes(), e.Class):
		return refused(e, "there is no class %q", e.Class)
	case e.Class.own():
		return refused(e, "only the log itself writes records of class %s", e.Class)
	case !wordForm.MatchString(e.Action):
		return refused(e, "the action %q is not a word of lower-case letters, digits and hyphens", e.Action)
	case e.Outcome != "" && !wordForm.MatchString(e.Outcome):
		return refused(e, "the outcome %q is not a word of lower-case letters, digits and hyphens", e.Outcome)
	case e.Digest != "" && !digestForm.MatchString(e.Digest):
		return refused(e, "the digest is not sha256: and 64 hexadecimal digits")
	case len(e.Refs) > maxRefs:
		return refused(e, "has %d references, more than %d", len(e.Refs), maxRefs)
	}
	for key := range e.Refs {
		if !refForm.MatchString(key) {
			return refused(e, "the reference's name %q is not lower-case letters, digits and underscores", key)
		}
	}
	if e.Class == Unwatched {
		if _, err := gapOf(Record{Class: Unwatched, Refs: e.Refs}); err != nil {
			return refused(e, "%w", err)
		}
	}
	return nil
}

func refused(e Entry, format string, args ...any) error {
	return &fault.Error{
		Op: fmt.Sprintf("record %.40q of class %.40q", e.Action, e.Class), Kind: fault.Rejected,
		Err: fmt.Errorf(format, args...), Hint: "correct the entry: it was not recorded",
	}
}

// encode writes a value in its one form: fields in the order of the type, keys
// of maps sorted, no space, no escape that need not be.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // structs of strings, numbers and times of this millennium
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// decode reads what encode wrote and refuses any other form, so that a line
// says the same to every reader.
func decode[T any](b []byte) (T, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return v, errors.New("not JSON of this format")
	}
	if !bytes.Equal(encode(v), b) {
		return v, errors.New("not in the one form in which records are written")
	}
	return v, nil
}
