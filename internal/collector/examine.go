package collector

import (
	"context"
	"sync"

	"github.com/closewatch/closewatch/internal/fault"
)

// An Examiner is an Instance that can tell by itself what it lacks to watch its
// component in full. Of any other, its tasks are tried: see Try.
type Examiner interface {
	// Examine asks the component once. It changes nothing there, returns soon
	// after ctx is done, and is called instead of Run, not beside it. Of each
	// thing that is missing its finding says what to do.
	Examine(ctx context.Context) []Finding
}

// A Finding is one thing that was looked at. Nothing in it is a secret.
type Finding struct {
	Subject string   `json:"what"`
	State   Standing `json:"state"`
	Text    string   `json:"found,omitempty"`
	// Do is a command to paste, or one imperative sentence; "" when there is
	// nothing to do or to say.
	Do string `json:"do,omitempty"`
}

// A Standing is how it is with what was looked at.
type Standing string

// The standings.
const (
	Fine    Standing = "ok"
	Advised Standing = "advice"  // watched as it is; better with what is said
	Missing Standing = "missing" // not there, or does not answer
	Refused Standing = "refused" // there, and we may not
	Unclear Standing = "unknown" // could not be found out
)

// Good reports whether nothing need be done.
func (s Standing) Good() bool { return s == Fine || s == Advised }

// Judge makes findings of what an attempt returned: that all is well, or one
// for each error that is joined in it.
func Judge(subject, well string, err error) []Finding {
	if err == nil {
		return []Finding{{Subject: subject, State: Fine, Text: well}}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []Finding
		for _, e := range joined.Unwrap() {
			out = append(out, Judge(subject, well, e)...)
		}
		return out
	}
	f := Finding{Subject: subject, State: Missing, Text: fault.TextOf(err), Do: fault.HintOf(err)}
	switch fault.KindOf(err) {
	case fault.Auth, fault.Denied:
		f.State = Refused
	case fault.Timeout, fault.Locked, fault.Conflict, fault.Internal:
		f.State = Unclear
	default: // missing
	}
	return []Finding{f}
}

// Try runs each task once, all at a time, and judges what came of it: nothing of
// what they send is published.
func Try(ctx context.Context, tasks []Task) []Finding {
	found := make([][]Finding, len(tasks))
	var wg sync.WaitGroup
	for n, t := range tasks {
		wg.Go(func() {
			if t.MaxSeries == 0 {
				t.MaxSeries = DefaultMaxSeries
			}
			bounded, cancel := context.WithTimeout(ctx, t.Timeout)
			defer cancel()
			found[n] = Judge(t.Name, "answers", collect(bounded, t).err)
		})
	}
	wg.Wait()
	var out []Finding
	for _, f := range found {
		out = append(out, f...)
	}
	return out
}

// examined bounds what one component is said about.
const examined = 200

// Examine asks an instance, within ctx, what it lacks. A panic is a finding.
func Examine(ctx context.Context, i Instance) []Finding {
	var out []Finding
	err := guard("examine", func() error {
		if e, ok := i.(Examiner); ok {
			out = e.Examine(ctx)
		} else {
			out = Try(ctx, i.Tasks())
		}
		return nil
	})
	if err != nil {
		out = append(out, Judge("examination", "", err)...)
	}
	return out[:min(len(out), examined)]
}
