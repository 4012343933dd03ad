package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/incident"
)

// An Acknowledgement says that somebody has taken an incident.
type Acknowledgement struct {
	At       time.Time `json:"at"`
	Incident string    `json:"incident"`
	By       string    `json:"by"` // the name of a token or a role, never of a person
}

// A Change is something that was changed in the estate, as whoever changed it
// reported it.
type Change struct {
	ID          string    `json:"id"` // of the content: reporting it twice is one change
	At          time.Time `json:"at"` // when it took effect
	Kind        string    `json:"kind"`
	Environment string    `json:"environment"`
	Component   string    `json:"component,omitempty"` // "" concerns all of them
	What        string    `json:"what"`                // "deployed revision a1b2c3"
	Reference   string    `json:"reference,omitempty"` // of the ticket or the pipeline
	By          string    `json:"by"`
}

// String tells the change: what, where, by whom.
func (c Change) String() string {
	text := c.What
	if c.Component != "" {
		text = c.Component + ": " + text
	}
	if c.Reference != "" {
		text += " (" + c.Reference + ")"
	}
	return text + ", by " + c.By
}

// ChangeKinds is the closed set of what can change.
func ChangeKinds() []string {
	return []string{"deploy", "configuration", "schema", "infrastructure", "failover", "certificate", "lock-date", "other"}
}

// Bounds of what is told.
const (
	maxTold      = 256 // between two ticks
	maxChanges   = 500 // remembered
	keepChanges  = 7 * 24 * time.Hour
	maxWhat      = 160 // characters
	maxReference = 80
)

// problems says what is wrong with a change, as fields and what to write.
func (c Change) problems() []string {
	var out []string
	if !slices.Contains(ChangeKinds(), c.Kind) {
		out = append(out, "kind: write one of "+strings.Join(ChangeKinds(), ", "))
	}
	if c.What == "" || utf8.RuneCountInString(c.What) > maxWhat {
		out = append(out, fmt.Sprintf("what: write what was changed in 1 to %d characters", maxWhat))
	}
	if utf8.RuneCountInString(c.Reference) > maxReference {
		out = append(out, fmt.Sprintf("reference: write at most %d characters", maxReference))
	}
	return out
}

// id is of the content, so that a pipeline may report again what it does not
// know to have arrived.
func (c Change) id() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%q|%q|%q|%q|%q", c.At.Unix(), c.Kind, c.Environment, c.Component, c.What, c.Reference))
	return "C-" + hex.EncodeToString(sum[:4])
}

// Told is what people and pipelines told the daemon since the last tick: an
// input of the next one.
type Told struct {
	Acknowledgements []Acknowledgement `json:"acknowledgements,omitempty"`
	Changes          []Change          `json:"changes,omitempty"`
	Noticed          []Change          `json:"noticed,omitempty"` // that the daemon saw itself at the tick
}

func (t Told) empty() bool { return len(t.Acknowledgements)+len(t.Changes)+len(t.Noticed) == 0 }

// changes are all that are told, whoever tells.
func (t Told) changes() []Change { return slices.Concat(t.Changes, t.Noticed) }

// An inbox keeps what was told until a tick has taken it up. What it accepted
// is on disk: a kill loses nothing. It is safe for concurrent use.
type inbox struct {
	path string
	mu   sync.Mutex
	told Told
}

// openInbox takes up what a former run accepted and did not live to decide on.
// A damaged file is set aside; the error says so and the inbox works.
func openInbox(path string) (*inbox, error) {
	b := &inbox{path: path}
	content, found, err := durable.ReadChecked(path)
	if err != nil || !found {
		return b, err
	}
	return b, json.Unmarshal(content, &b.told)
}

// add accepts something once it is on disk.
func (b *inbox) add(change func(*Told)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.told.Acknowledgements)+len(b.told.Changes) >= maxTold {
		return &fault.Error{
			Op: "accept what was told", Kind: fault.Limit,
			Err: fmt.Errorf("%d are waiting for the next tick already", maxTold), Hint: "tell it again in a minute",
		}
	}
	next := Told{Acknowledgements: slices.Clone(b.told.Acknowledgements), Changes: slices.Clone(b.told.Changes)}
	change(&next)
	if err := b.save(next); err != nil {
		return fault.Wrap("keep what was told", err, "check the disk of the data directory")
	}
	b.told = next
	return nil
}

func (b *inbox) save(t Told) error {
	content, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return durable.WriteChecked(b.path, content)
}

// peek returns what waits, oldest first.
func (b *inbox) peek() Told {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Told{Acknowledgements: slices.Clone(b.told.Acknowledgements), Changes: slices.Clone(b.told.Changes)}
}

// done forgets what peek returned, once the tick that took it up is recorded.
func (b *inbox) done(t Told) error {
	if t.empty() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told.Acknowledgements = b.told.Acknowledgements[len(t.Acknowledgements):]
	b.told.Changes = b.told.Changes[len(t.Changes):]
	return b.save(b.told)
}

// remember adds changes to those already known, newest first, each once, and
// forgets what is old.
func remember(known, more []Change, at time.Time) []Change {
	out := slices.Clone(known)
	for _, c := range more {
		if !slices.ContainsFunc(out, func(had Change) bool { return had.ID == c.ID }) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(x, y Change) int { return y.At.Compare(x.At) })
	out = slices.DeleteFunc(out, func(c Change) bool { return at.Sub(c.At) > keepChanges })
	return out[:min(len(out), maxChanges)]
}

// changesBefore are the changes in an incident's environment from a day before
// its first bad tick to its end, newest first: what may have caused it, and
// what was done about it.
func changesBefore(known []Change, inc *incident.Incident) []Change {
	var out []Change
	for _, c := range known {
		if c.Environment == inc.Environment && c.At.After(inc.Opened.Add(-24*time.Hour)) && (inc.Open() || c.At.Before(inc.Recovered)) {
			out = append(out, c)
		}
	}
	return out
}
