package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Case is one fault as it was recorded when its verdict was there.
type Case struct {
	Fault    string        `json:"fault"`
	Causes   []string      `json:"causes"`  // names of candidates, any of which is the cause
	Process  string        `json:"process"` // whose verdict was looked at
	Injected time.Time     `json:"injected"`
	At       time.Time     `json:"at"`
	Rules    tiering.Rules `json:"rules"`
	Seen     []Seen        `json:"seen"` // of each subject that was impaired, and of Process
}

// Seen is what the ranking reads of the evidence of one subject.
type Seen struct {
	Key        tiering.Key
	Process    string
	Flows      []tiering.Flow
	Burns      []tiering.Burn
	Progress   tiering.Progress
	Work       []tiering.Work
	Findings   []tiering.Finding
	Recovery   tiering.Recovery
	Needs      []tiering.Need
	NotWatched []string
	Changes    []tiering.Change
}

// Reduce keeps of evidence what the ranking reads.
func Reduce(e tiering.Evidence) Seen {
	s := Seen{
		Key: e.Key, Process: e.Process.Name, Flows: slices.Clone(e.Flows), Progress: e.Progress, Recovery: e.Recovery, Findings: e.Findings,
		Needs: slices.Clone(e.Needs), NotWatched: e.NotWatched, Changes: e.Changes,
	}
	for i := range s.Flows {
		s.Flows[i].Reason, s.Flows[i].CannotDetect = "", nil
	}
	for _, b := range e.Burns {
		if b.Firing {
			s.Burns = append(s.Burns, b)
		}
	}
	for _, w := range e.Work {
		if w.Missing {
			s.Work = append(s.Work, w)
		}
	}
	for i := range s.Needs {
		if len(s.Needs[i].Signals) > 0 {
			s.Needs[i].Evidence = nil // they say it
		}
	}
	return s
}

// evidence is what the ranking is given.
func (s Seen) evidence() tiering.Evidence {
	return tiering.Evidence{
		Key: s.Key, Process: process.Process{Name: s.Process}, Flows: s.Flows, Burns: s.Burns, Progress: s.Progress, Work: s.Work, Findings: s.Findings,
		Recovery: s.Recovery, Needs: s.Needs, NotWatched: s.NotWatched, Changes: s.Changes,
	}
}

// impaired reports whether the outcome was seen to suffer.
func (s Seen) impaired() bool {
	fails := func(f tiering.Flow) bool { return f.State == tiering.FlowFailing }
	return slices.ContainsFunc(s.Flows, fails) || len(s.Burns)+len(s.Work)+len(s.Findings) > 0 || !s.Recovery.BeyondSince.IsZero()
}

// Name names a candidate: its component and its family, or its kind when it is
// no component.
func Name(c tiering.Candidate) string {
	if c.Component == "" {
		return c.Kind
	}
	return strings.TrimSpace(c.Component + " " + c.Family)
}

// ranked judges a subject again and returns its candidates, the first one first.
func (c Case) ranked(s Seen) []tiering.Candidate {
	return tiering.Decide(c.At, s.evidence(), c.Rules).Candidates
}

// of returns what was seen of a process; false when nothing was kept of it.
func (c Case) of(name string) (Seen, bool) {
	i := slices.IndexFunc(c.Seen, func(s Seen) bool { return s.Process == name })
	if i < 0 {
		return Seen{}, false
	}
	return c.Seen[i], true
}

// First judges the process that was looked at again, and returns the candidate
// that is put first and whether it is the cause.
func (c Case) First() (first tiering.Candidate, right bool) {
	s, _ := c.of(c.Process)
	ranked := c.ranked(s)
	if len(ranked) == 0 {
		return tiering.Candidate{}, false
	}
	return ranked[0], slices.Contains(c.Causes, Name(ranked[0]))
}

// Save writes a case into a directory, as a file named after its fault.
func (c Case) Save(dir string) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return err
	}
	tree, _ = pruned(tree)
	raw, err = json.MarshalIndent(tree, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, c.Fault+".json"), append(raw, '\n'), 0o600)
}

// pruned drops what says no more than that it is not there.
func pruned(v any) (out any, empty bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case map[string]any:
		for k, inner := range v {
			if v[k], empty = pruned(inner); empty {
				delete(v, k)
			}
		}
		return v, len(v) == 0
	case []any:
		for i, inner := range v { // those that are empty keep their place
			if kept, nothing := pruned(inner); !nothing {
				v[i] = kept
			}
		}
		return v, len(v) == 0
	case string:
		return v, v == "" || v == "0001-01-01T00:00:00Z"
	case float64:
		return v, v == 0
	case bool:
		return v, !v
	default:
		return v, false
	}
}

// Load reads every case of a directory, by name.
func Load(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New(dir + " holds no recorded fault")
	}
	var out []Case
	for _, file := range files {
		raw, err := os.ReadFile(file) //nolint:gosec // the caller's directory
		if err != nil {
			return nil, err
		}
		var c Case
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, c)
	}
	return out, nil
}
