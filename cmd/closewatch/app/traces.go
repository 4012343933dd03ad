package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// cited are the hashes of the configuration and the calendar in force.
type cited struct{ config, calendar string }

// cite names how each standing impact of a tick was reached, and what stood
// before. A judge that cites nothing, as one that decides again, names none.
func (j *judge) cite(t *Tick) {
	t.Judge = j.tiers.Judge()
	if j.cites == (cited{}) {
		return
	}
	t.Traces, t.Before = map[tiering.Key]string{}, map[tiering.Key]tiering.Tier{}
	for i, im := range t.Impacts {
		if im.Tier == tiering.None {
			continue
		}
		trace := j.trace(t.Evidence[i], im)
		if trace.Prior != nil {
			t.Before[im.Key] = trace.Prior.Tier
		}
		if id, err := trace.ID(); err == nil { // what the tick record keeps as JSON too
			t.Traces[im.Key] = id
		}
	}
}

func (j *judge) trace(ev tiering.Evidence, im tiering.Impact) tiering.Trace {
	ev.Process = judged(ev.Process)
	return j.tiers.Trace(j.cites.config, j.cites.calendar, ev, im)
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

// A recordSeq is ticks in order.
type recordSeq = iter.Seq2[tickrecord.Record, error]

// A records reads recorded ticks from an instant to before another.
type records func(from, to time.Time) recordSeq

// reaches are how far before an instant its tick and the one before may lie. The
// daemon may have slept; whatever stood at a restart is written down with the
// first tick after it.
func reaches() []time.Duration { return []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour} }

// at returns the newest tick at or before an instant, and what each of its
// impacts was judged from.
func (read records) at(at time.Time) (recorded, error) {
	for _, reach := range reaches() {
		var newest [2]tickrecord.Record // the older first
		for rec, err := range read(at.Add(-reach), at.Add(1)) {
			if err != nil {
				return recorded{}, fault.Wrap("read the tick record", err, "name another time, or look for damage in the daemon's log")
			}
			newest[0], newest[1] = newest[1], rec
		}
		var out recorded
		for _, rec := range newest {
			if rec.At.IsZero() {
				continue
			}
			var p payload
			if err := json.Unmarshal(rec.Payload, &p); err != nil {
				return recorded{}, fault.Wrap("read the tick of "+rec.At.Format(time.RFC3339), err, "run the version of closewatch that wrote it")
			}
			out = out.next(rec, p)
		}
		if out.payload.Start != nil || !newest[0].At.IsZero() {
			return out, nil
		}
	}
	return recorded{}, &fault.Error{
		Op: "find the tick of " + at.UTC().Format(time.RFC3339), Kind: fault.Rejected, Err: errors.New("nothing is recorded within a day before it"),
		Hint: "name a time at which the daemon ran and whose ticks are still kept (store.ticks)",
	}
}

// A recorded is one tick of the record with what stood before it.
type recorded struct {
	rec     tickrecord.Record
	payload payload
	before  map[tiering.Key]tiering.Impact
}

// next is the record that follows.
func (r recorded) next(rec tickrecord.Record, p payload) recorded {
	before := map[tiering.Key]tiering.Impact{}
	var m memory
	if p.Start != nil && json.Unmarshal(p.Start, &m) == nil {
		for _, st := range m.Standing {
			before[st.Impact.Key] = st.Impact
		}
	} else {
		for _, im := range r.payload.Impacts {
			before[im.Key] = im
		}
	}
	return recorded{rec, p, before}
}

// trace lays down how the i-th impact was reached.
func (r recorded) trace(i int) tiering.Trace {
	im := r.payload.Impacts[i]
	var prior *tiering.Impact
	if before, had := r.before[im.Key]; had {
		prior = &before
	}
	return tiering.TraceOf(r.payload.Judge, r.rec.Config, r.rec.Calendar, prior, r.payload.Evidence[i], im)
}

// find returns the trace of an ID from the record.
func (read records) find(id string) (tiering.Trace, error) {
	at, ok := tiering.TracedAt(id)
	if !ok {
		return tiering.Trace{}, fault.Wrap("find the trace "+id, errors.New("this is no trace ID"), "copy trace_id from the alert: T, eight digits, a dash and sixteen more")
	}
	r, err := read.at(at.Add(time.Second - 1))
	if err != nil {
		return tiering.Trace{}, err
	}
	for i := range r.payload.Impacts {
		t := r.trace(i)
		if got, err := t.ID(); err == nil && got == id {
			return t, nil
		}
	}
	return tiering.Trace{}, &fault.Error{
		Op: "find the trace " + id, Kind: fault.Rejected, Err: fmt.Errorf("no verdict of the tick of %s has it", r.rec.At.Format(time.RFC3339)),
		Hint: "ask the daemon, or the data directory, that sent the alert",
	}
}
