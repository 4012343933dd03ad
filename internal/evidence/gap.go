package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"
)

// Reason says why nothing was watched.
type Reason string

// The closed set of reasons.
const (
	Stopped    Reason = "stopped"    // the daemon was stopped and started again
	Killed     Reason = "killed"     // it ended without saying so: killed, crashed, power lost
	Overrun    Reason = "overrun"    // it ran, but ticks were missed: the machine was too busy
	Clock      Reason = "clock"      // the wall clock was set: times in the gap are not to be trusted
	Asleep     Reason = "asleep"     // the machine was suspended
	Unreadable Reason = "unreadable" // it was watched, but the record of it is damaged
	Unwritten  Reason = "unwritten"  // it was watched, but evidence could not be written: disk full or failing
)

// Reasons lists the closed set in a fixed order.
func Reasons() []Reason {
	return []Reason{Stopped, Killed, Overrun, Clock, Asleep, Unreadable, Unwritten}
}

// A Gap is time for which there is no observation: From is when the first one
// that is not there was due, To when there was one again. It is never filled in.
type Gap struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason Reason    `json:"reason"`
	Scope  string    `json:"scope"`            // what was not watched: "daemon", "evidence" or a component
	Missed uint64    `json:"missed,omitempty"` // ticks or records that are not there, where that is known
}

// Duration is how long the gap is.
func (g Gap) Duration() time.Duration { return g.To.Sub(g.From) }

// Everything is the scope of a gap in which the daemon watched nothing.
const Everything = "daemon"

// Entry is the gap as it is recorded.
func (g Gap) Entry() Entry {
	refs := map[string]string{
		"from": g.From.UTC().Format(time.RFC3339Nano), "to": g.To.UTC().Format(time.RFC3339Nano),
		"reason": string(g.Reason), "scope": g.Scope,
	}
	if g.Missed > 0 {
		refs["missed"] = strconv.FormatUint(g.Missed, 10)
	}
	return Entry{Class: Unwatched, Action: "not-watched", Refs: refs}
}

// gapOf reads the gap that a record holds.
func gapOf(r Record) (Gap, error) {
	from, err1 := time.Parse(time.RFC3339Nano, r.Refs["from"])
	to, err2 := time.Parse(time.RFC3339Nano, r.Refs["to"])
	g := Gap{From: from, To: to, Reason: Reason(r.Refs["reason"]), Scope: r.Refs["scope"]}
	switch {
	case err1 != nil || err2 != nil:
		return g, errors.New("a gap needs from and to as RFC 3339 times")
	case to.Before(from):
		return g, errors.New("a gap ends before it begins")
	case !slices.Contains(Reasons(), g.Reason):
		return g, fmt.Errorf("a gap has no reason %q", g.Reason)
	case g.Scope == "":
		return g, errors.New("a gap needs the scope of what was not watched")
	}
	if missed := r.Refs["missed"]; missed != "" {
		n, err := strconv.ParseUint(missed, 10, 64)
		if err != nil {
			return g, errors.New("a gap needs missed as a number")
		}
		g.Missed = n
	}
	return g, nil
}

// DeriveGap tells what was not watched between the last tick of the run before
// and the first of this one, on a grid of ticks. There is none when no tick was
// missed or there was no run before. A last tick that is not before now means
// that the clock was set back: the time between has been watched once already.
func DeriveGap(lastTick, now time.Time, grid time.Duration, cleanStop bool) (Gap, bool) {
	reason := Killed
	if cleanStop {
		reason = Stopped
	}
	return between(lastTick, now, grid, reason)
}

// DeriveRunningGap tells what was not watched between two ticks of one run.
// running is the time between them on the monotonic clock, which stands still
// while the machine sleeps; asleep is how long it slept (CLOCK_BOOTTIME less
// CLOCK_MONOTONIC), 0 when that is not known. Time that neither explains is a
// step of the wall clock.
func DeriveRunningGap(lastTick, now time.Time, grid, running, asleep time.Duration) (Gap, bool) {
	unexplained := now.Sub(lastTick) - running - asleep
	reason := Overrun
	switch {
	case unexplained >= grid || unexplained <= -grid:
		reason = Clock
	case asleep >= grid:
		reason = Asleep
	}
	return between(lastTick, now, grid, reason)
}

func between(last, now time.Time, grid time.Duration, reason Reason) (Gap, bool) {
	if last.IsZero() || grid <= 0 {
		return Gap{}, false
	}
	if !last.Before(now) {
		return Gap{From: now, To: last, Reason: Clock, Scope: Everything}, true
	}
	// A tick that comes late, but before the one after it is due, is late and
	// not missed.
	missed := now.Sub(last)/grid - 1
	if missed < 1 {
		return Gap{}, false
	}
	return Gap{From: last.Add(grid), To: now, Reason: reason, Scope: Everything, Missed: uint64(missed)}, true
}

// A Register is the gaps of a period, cut to it.
type Register struct {
	From     time.Time                `json:"from"`
	To       time.Time                `json:"to"`
	Gaps     []Gap                    `json:"gaps"` // in order of their beginning
	Left     int                      `json:"left"` // gaps beyond the bound of 100,000 that are in no figure
	ByReason map[Reason]time.Duration `json:"by_reason"`
	// Unwatched is the time in which nothing at all was watched: overlapping gaps
	// count once, gaps of one component not at all.
	Unwatched time.Duration `json:"unwatched"`
}

// maxGaps bounds a register.
const maxGaps = 100_000

// register gathers gaps between two times; a zero time is no limit.
type register struct {
	from, to time.Time
	gaps     []Gap
	left     int
}

func (r *register) add(rec Record) {
	g, err := gapOf(rec)
	if err != nil {
		return // not a gap: Append refuses those
	}
	if !r.from.IsZero() && g.From.Before(r.from) {
		g.From = r.from
	}
	if !r.to.IsZero() && g.To.After(r.to) {
		g.To = r.to
	}
	switch {
	case !g.From.Before(g.To): // outside, or of no length
	case len(r.gaps) == maxGaps:
		r.left++
	default:
		r.gaps = append(r.gaps, g)
	}
}

func (r *register) total() Register {
	slices.SortStableFunc(r.gaps, func(a, b Gap) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Reason, b.Reason))
	})
	out := Register{From: r.from, To: r.to, Gaps: append([]Gap{}, r.gaps...), Left: r.left, ByReason: map[Reason]time.Duration{}}
	var until time.Time
	for _, g := range r.gaps {
		out.ByReason[g.Reason] += g.Duration()
		if g.Scope != Everything || !until.Before(g.To) {
			continue
		}
		from := g.From
		if until.After(from) {
			from = until
		}
		out.Unwatched += g.To.Sub(from)
		until = g.To
	}
	return out
}

// ReadGaps reads the register of gaps between two times from a directory of
// evidence. A zero time is no limit. The register is what the good part of the
// log holds also when the error, the first that was met, is not nil.
func ReadGaps(fsys fs.FS, from, to time.Time) (Register, error) {
	r := register{from: from, to: to}
	var failed error
	for rec, err := range Read(fsys) {
		switch {
		case err != nil:
			failed = cmp.Or(failed, err)
		case rec.Class == Unwatched:
			r.add(rec)
		}
	}
	return r.total(), failed
}

// Gaps is ReadGaps of this log.
func (l *Log) Gaps(from, to time.Time) (Register, error) {
	return ReadGaps(os.DirFS(l.s.Dir), from, to)
}
