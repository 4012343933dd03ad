package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A ReplayRequest says what to decide again.
type ReplayRequest struct {
	Data     string    // a data directory, of a running daemon or of one that has stopped
	From, To time.Time // ticks of [From, To); zero is as far as the record goes
	// Plan, when not nil, is decided under besides: what would another
	// configuration have made of the same evidence?
	Plan *Plan
	// Progress, when not nil, is told each tick before it is decided again.
	Progress func(at time.Time)
}

// A Replay is what came out when recorded ticks were decided again.
type Replay struct {
	From  time.Time `json:"from"` // the first tick
	To    time.Time `json:"to"`   // the last
	Ticks int       `json:"ticks"`
	// Unread counts ticks that are recorded and could not be decided again, since
	// what they build on is lost.
	Unread   int              `json:"unread,omitempty"`
	Gaps     []tickrecord.Gap `json:"gaps"`    // never filled in
	Configs  []ReplayConfig   `json:"configs"` // in force, one after the other
	Damage   []string         `json:"damage,omitempty"`
	Same     int              `json:"identical_ticks"`
	Unlike   int              `json:"different_ticks"`
	First    *Difference      `json:"first_difference,omitempty"`
	Decided  Outcome          `json:"decided"`
	Other    *Outcome         `json:"under_other_configuration,omitempty"`
	Compared *Comparison      `json:"comparison,omitempty"`
}

// Identical reports whether every tick came out as it was recorded.
func (r *Replay) Identical() bool { return r.Ticks > 0 && r.Unlike == 0 }

// A ReplayConfig is what was in force from a tick on.
type ReplayConfig struct {
	At       time.Time `json:"at"`
	Config   string    `json:"config"`
	Calendar string    `json:"calendar"`
	Version  string    `json:"version"`
}

// A Difference is the first thing that came out otherwise.
type Difference struct {
	At       time.Time       `json:"at"`
	Subject  *tiering.Key    `json:"subject,omitempty"`  // nil: impacts are alike, incidents are not
	Recorded *tiering.Impact `json:"recorded,omitempty"` // with its trace
	Decided  *tiering.Impact `json:"decided,omitempty"`
}

// ErrNothingRecorded says that there is no tick to decide again.
var ErrNothingRecorded = errors.New("no tick is recorded there")

// ReplayTicks decides the recorded ticks of a data directory again, holds what
// comes out to what was recorded, and says what it came to. It writes nothing.
func ReplayTicks(ctx context.Context, req ReplayRequest) (*Replay, error) {
	dir := filepath.Join(req.Data, "ticks")
	to := req.To
	if to.IsZero() {
		to = endOfTime
	}
	out := &Replay{Gaps: []tickrecord.Gap{}, Configs: []ReplayConfig{}}
	run := replayRun{out: out, decided: newOutcomeBook(req.Plan)}
	if req.Plan != nil {
		run.other = newAdaptation(req.Plan)
	}
	for rec, err := range readTicks(dir, req.From, to, withEvidence) {
		if cause := ctx.Err(); cause != nil {
			return nil, cause
		}
		if errors.Is(err, durable.ErrDamaged) {
			out.Damage = append(out.Damage, err.Error())
			continue
		}
		if err != nil {
			return nil, err
		}
		if req.Progress != nil {
			req.Progress(rec.At)
		}
		if err := run.step(rec); err != nil {
			return nil, err
		}
	}
	if out.Ticks == 0 {
		return nil, fmt.Errorf("%w: %s, from %s to %s", ErrNothingRecorded, dir, orAlways(req.From), orAlways(req.To))
	}
	return out, run.finish(dir)
}

// endOfTime is after every tick that can be recorded.
var endOfTime = time.Unix(1<<33, 0)

func orAlways(t time.Time) string {
	if t.IsZero() {
		return "whenever"
	}
	return t.Format(time.RFC3339)
}

// A replayRun decides ticks again, one after the other.
type replayRun struct {
	out     *Replay
	same    replayer
	ready   bool // there was a whole payload to begin with
	unlike  bool // something came out otherwise since the last whole payload
	tick    time.Duration
	begun   time.Time        // of the newest whole payload
	parted  []tiering.Impact // what was decided where something else was recorded first
	from    time.Time        // the whole payload before that
	decided *outcomeBook
	other   *adaptation // nil: under no other configuration
}

func (r *replayRun) step(rec *recorded) error {
	r.ready = r.ready && !rec.adrift || rec.start != nil
	if !r.ready {
		r.out.Unread++
		return nil
	}
	if rec.start != nil {
		r.unlike, r.begun = false, rec.At
	}
	r.tick = rec.Tick
	out := r.out
	if out.Ticks == 0 {
		out.From = rec.At
	}
	out.To = rec.At
	out.Ticks++
	if c := (ReplayConfig{rec.At, rec.Config, rec.Calendar, rec.Version}); len(out.Configs) == 0 || !out.Configs[len(out.Configs)-1].same(c) {
		out.Configs = append(out.Configs, c)
	}
	if r.other != nil {
		if err := r.other.step(rec); err != nil {
			return err
		}
	}
	t, how, err := r.same.step(rec)
	if err != nil {
		return err
	}
	r.decided.observe(t, r.same.judge, rec)
	if how == same && !r.unlike {
		out.Same++
		return nil
	}
	out.Unlike++
	r.unlike = true // what follows differs because this did
	if out.First == nil {
		out.First = &Difference{At: rec.At}
		if how == otherImpacts {
			r.parted, r.from = slices.Clone(t.Impacts), r.begun
		}
	}
	return nil
}

func (c ReplayConfig) same(d ReplayConfig) bool {
	return c.Config == d.Config && c.Calendar == d.Calendar && c.Version == d.Version
}

// finish sums up.
func (r *replayRun) finish(dir string) (err error) {
	out := r.out
	out.Decided = r.decided.outcome()
	if r.other != nil {
		other := r.other.outcome()
		out.Other, out.Compared = &other, comparisonOf(out.Decided, other, r.other.notes())
	}
	if out.Gaps, err = tickrecord.Gaps(dir, out.From, out.To.Add(r.tick), r.tick); err != nil {
		return err
	}
	if r.parted != nil {
		return out.First.tell(dir, r.from, r.parted)
	}
	return nil
}

// tell finds the first subject on which another impact was decided than was
// recorded; from is a whole payload before.
func (d *Difference) tell(dir string, from time.Time, decided []tiering.Impact) error {
	for rec, err := range readTicks(dir, from, d.At.Add(1), withImpacts) {
		if err != nil && !errors.Is(err, durable.ErrDamaged) {
			return err
		}
		if err != nil || rec.adrift || !rec.At.Equal(d.At) {
			continue
		}
		for i := range rec.decided {
			if i >= len(decided) || !alike(&rec.decided[i], &decided[i]) {
				d.Subject, d.Recorded = &rec.decided[i].Key, &rec.decided[i]
				if i < len(decided) {
					d.Decided = &decided[i]
				}
				return nil
			}
		}
	}
	return nil
}

func alike(a, b *tiering.Impact) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}
