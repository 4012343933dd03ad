package app

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// cite names how each standing impact of a tick was reached, and what stood
// before. A judge of no configuration, as one that decides again, names none.
func (j *judge) cite(t *Tick) {
	if j.config == "" {
		return
	}
	t.Traces, t.Before = map[tiering.Key]string{}, map[tiering.Key]tiering.Tier{}
	for i, im := range t.Impacts {
		if im.Tier == tiering.None {
			continue
		}
		trace := j.tiers.Trace(j.config, j.calendar, judged(t.Evidence[i], nil), im)
		if trace.Prior != nil {
			t.Before[im.Key] = trace.Prior.Tier
		}
		if id, err := trace.ID(); err == nil { // no value in it lacks a form
			t.Traces[im.Key] = id
		}
	}
}

// clocks are the annotations of an alert that tell how its impact was reached,
// how much of the RTO is used, and how much work is exposed against the RPO.
func (t *Tick) clocks(im tiering.Impact) map[string]string {
	out := map[string]string{}
	if id := t.Traces[im.Key]; id != "" {
		out["trace_id"] = id
	}
	if c := im.Clock; !c.Began.IsZero() {
		out["rto"] = rtoWords(c)
		if c.Mark > 0 {
			out["rto_mark"] = strconv.Itoa(c.Mark)
		}
	}
	if ev, ok := t.evidenceOf(im.Key); ok && ev.Recovery.Known {
		out["rpo"] = wording.Duration(ev.Recovery.Exposure) + " of " + wording.Duration(ev.Process.RecoveryIn(ev.Critical).RPO)
		if n := ev.Recovery.Postings; n != nil {
			out["postings_at_risk"] = fmt.Sprintf("%.0f", *n)
		}
	}
	return out
}

// rtoWords says how much of the RTO is used: "48m of 1h (80 %)".
func rtoWords(c tiering.Clock) string {
	text := wording.Duration(c.Elapsed) + " of " + wording.Duration(c.Objective)
	if c.Objective > 0 {
		text += fmt.Sprintf(" (%d %%)", c.Elapsed*100/c.Objective)
	}
	if !c.Stopped.IsZero() {
		text += ", stopped"
	}
	return text
}

// A records reads recorded ticks from an instant to before another.
type records func(from, to time.Time) iter.Seq2[tickrecord.Record, error]

// A pastTick is a recorded tick that was decided again.
type pastTick struct {
	tick             *Tick
	config, calendar string
	judge            *judge
	same             string // identical, or what came out otherwise
}

// identical says of a tick that was decided again that the same came out.
const identical = "identical"

// at decides the newest tick at or before an instant again, from the last one
// before it that says what stood.
func (read records) at(at time.Time) (*pastTick, error) {
	r := &replayer{}
	var out *pastTick
	for rec, err := range reading(read(at.Add(-2*wholeEvery), at.Add(1)), time.Time{}, withEvidence) {
		switch {
		case errors.Is(err, durable.ErrDamaged):
			continue // what follows begins again at a whole one
		case err != nil:
			return nil, fault.Wrap("read the tick record", err, "run closewatch replay on the data directory: it says what is damaged")
		case rec.adrift || r.judge == nil && rec.start == nil:
			continue
		}
		t, how, err := r.step(rec)
		if err != nil {
			return nil, err
		}
		out = &pastTick{tick: t, config: rec.Config, calendar: rec.Calendar, judge: r.judge, same: identical}
		if how == otherImpacts {
			out.same = "another verdict comes out than was recorded: run closewatch replay to see from when on"
		}
	}
	if out == nil {
		return nil, &fault.Error{
			Op: "find the tick of " + at.UTC().Format(time.RFC3339), Kind: fault.Rejected, Err: errors.New("nothing is recorded in the two hours before it"),
			Hint: "name a time at which the daemon ran and whose ticks are still kept (store.ticks)",
		}
	}
	return out, nil
}

// trace lays down how the i-th impact was reached.
func (p *pastTick) trace(i int) tiering.Trace {
	return p.judge.tiers.Trace(p.config, p.calendar, p.tick.Evidence[i], p.tick.Impacts[i])
}

// Newest is the newest tick; nil before the first.
func (a *App) Newest() *Tick { return a.engine.last.Load() }

// RecordedTick reads the newest tick at or before an instant from the record of
// a data directory, also beside a running daemon, and decides it again: that
// something else comes out is an error.
func RecordedTick(data string, at time.Time) (*Tick, error) {
	past, err := records(func(from, to time.Time) iter.Seq2[tickrecord.Record, error] {
		return tickrecord.Read(filepath.Join(data, "ticks"), from, to)
	}).at(at)
	if err != nil {
		return nil, err
	}
	if past.same != identical {
		return nil, errors.New(past.same)
	}
	return past.tick, nil
}
