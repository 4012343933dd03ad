package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/wording"
)

// A CloseState says how the close of a period stands to its plan.
type CloseState string

// Close states, in the order of their numbers in metrics.
const (
	ClosePlanned  CloseState = "planned"  // no lock dates tell: the plan counts
	CloseOpen     CloseState = "open"     // not closed yet, and not due
	CloseOverrun  CloseState = "overrun"  // not closed although its close should have ended
	CloseClosed   CloseState = "closed"   // its lock is set
	CloseReopened CloseState = "reopened" // it was closed and is open again
)

func closeStates() []CloseState {
	return []CloseState{ClosePlanned, CloseOpen, CloseOverrun, CloseClosed, CloseReopened}
}

// A Close is how the close of one period of an entity went so far, planned
// against actual.
type Close struct {
	Period  string            `json:"period"`
	State   CloseState        `json:"state"`
	Planned time.Time         `json:"planned_end"`
	Actual  time.Time         `json:"actual_end,omitzero"` // zero while it goes on, or when nobody saw it
	Lock    calendar.LockKind `json:"lock,omitempty"`      // what ends it; "" when nothing tells
	Words   string            `json:"words"`
}

// How long before the end of a period its close is told of, and how long after
// its planned end when it has ended.
const (
	closeLead = 7 * 24 * time.Hour
	closeTail = 21 * 24 * time.Hour
)

// closesOf lists the closes of an entity that matter at an instant, oldest
// period first. planned is its timeline before anything went otherwise.
func closesOf(tl, planned *calendar.Timeline, at time.Time) []Close {
	went := tl.Actuals()
	var out []Close
	for _, c := range planned.Closings(at) {
		if c.Ends.IsZero() || c.End.Sub(at) > closeLead {
			continue
		}
		var a calendar.Actual
		if i := slices.IndexFunc(went, func(a calendar.Actual) bool { return a.Period == c.Period.Name }); i >= 0 {
			a = went[i]
		}
		cl := closeOfPeriod(c, a, tl.Zone())
		if goesOn := cl.State == CloseOverrun || cl.State == CloseReopened; goesOn || at.Sub(c.Ends) <= closeTail {
			out = append(out, cl)
		}
	}
	return out
}

// closesSeen lists the closes of an entity of which lock dates tell.
func closesSeen(tl, planned *calendar.Timeline) []Close {
	var out []Close
	for _, a := range tl.Actuals() {
		if c, ok := planned.Closing(a.Period, calendar.Open); ok {
			out = append(out, closeOfPeriod(c, a, tl.Zone()))
		}
	}
	return out
}

func closeOfPeriod(c calendar.Closing, a calendar.Actual, zone *time.Location) Close {
	out := Close{Period: c.Period.Name, Planned: c.Ends.In(zone), Lock: a.Lock}
	planned := "planned to end " + moment(out.Planned)
	switch {
	case !a.Known():
		out.State, out.Words = ClosePlanned, planned+"; no lock dates tell when it does: the plan counts"
	case a.Closed() && a.Before:
		out.State, out.Words = CloseClosed, fmt.Sprintf("%s; %s was set before anybody watched", planned, a.Lock)
	case a.Closed():
		out.State, out.Actual = CloseClosed, a.Turns[len(a.Turns)-1].In(zone)
		out.Words = fmt.Sprintf("%s; %s set %s: %s", planned, a.Lock, moment(out.Actual), apart(out.Actual.Sub(c.Ends)))
	case len(a.Turns) > 0:
		out.State, out.Words = CloseReopened, fmt.Sprintf("%s; opened again %s: in its close until it is locked", planned, moment(a.Turns[len(a.Turns)-1].In(zone)))
	case a.Overrun:
		out.State, out.Words = CloseOverrun, fmt.Sprintf("%s; %s is not set: in its close until it is", planned, a.Lock)
	default:
		out.State, out.Words = CloseOpen, fmt.Sprintf("%s; %s is not set yet", planned, a.Lock)
	}
	return out
}

// moment is how a calendar's time is told, in the entity's zone: a midnight is
// the end of the day before.
func moment(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 {
		return t.AddDate(0, 0, -1).Format(time.DateOnly) + " 24:00" + t.Format(" MST")
	}
	return t.Format(minute)
}

// apart says how far the end of a close lies from its plan.
func apart(d time.Duration) string {
	switch {
	case d < -time.Minute:
		return wording.Duration(-d) + " early"
	case d > time.Minute:
		return wording.Duration(d) + " late"
	}
	return "in time"
}

// Metrics of the close.
var (
	closePlannedEnd = desc("closewatch_close_planned_end_timestamp_seconds",
		"When the close of a period is planned to end.",
		"entity", "environment", "period")
	closeActualEnd = desc("closewatch_close_actual_end_timestamp_seconds",
		"When the close of a period really ended: when its lock date was seen set; absent while it goes on, or when nobody saw it.",
		"entity", "environment", "period")
	closeState = desc("closewatch_close_state",
		"How the close of a period stands to its plan: 0 no lock dates tell and the plan counts, 1 open, 2 past its planned end, 3 closed, 4 opened again.",
		"entity", "environment", "period")
)

func closeMetrics(gauge func(*prometheus.Desc, float64, ...string), p entityPlace) {
	for _, c := range p.Closes {
		k := []string{p.Entity, p.Environment, c.Period}
		gauge(closePlannedEnd, float64(c.Planned.Unix()), k...)
		gauge(closeState, float64(slices.Index(closeStates(), c.State)), k...)
		if !c.Actual.IsZero() {
			gauge(closeActualEnd, float64(c.Actual.Unix()), k...)
		}
	}
}

// closings are the closes that stand otherwise to their plan than at the tick
// before.
func (c *chronicle) closings(t *Tick) []evidence.Entry {
	var out []evidence.Entry
	for _, p := range t.Places {
		for _, cl := range p.Closes {
			key := closeOf{environment: p.Environment, entity: p.Entity, period: cl.Period}
			was := c.closes[key]
			c.closes[key] = cl.State
			if was == cl.State || was == "" && (cl.State == ClosePlanned || cl.State == CloseOpen) {
				continue
			}
			out = append(out, evidence.Entry{
				Class: evidence.Calendar, Action: "close-" + string(cl.State),
				Refs: stated(map[string]string{
					"entity": p.Entity, "environment": p.Environment, "period": cl.Period, "from": string(was), "lock": string(cl.Lock),
					"planned": instant(cl.Planned), "actual": instant(cl.Actual),
				}),
			})
		}
	}
	return out
}

// stoodClosed takes the closes that were kept as told.
func (c *chronicle) stoodClosed(kept []followedClose) {
	for _, k := range kept {
		c.closes[closeOf{environment: k.Environment, entity: k.Entity, period: k.Close.Period}] = closeOfPeriod(calendar.Closing{}, k.Close, time.UTC).State
	}
}

// ReadCloses has the plan follow how closes really went, as a daemon keeps it in
// a data directory; an empty name is the estate's own. A directory that keeps
// nothing tells nothing: the plan counts.
func (p *Plan) ReadCloses(dir string) error {
	dir = cmp.Or(dir, p.Estate.Data)
	b, err := os.ReadFile(filepath.Join(dir, "state", "incidents.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, body, _ := bytes.Cut(b, []byte{'\n'}) // a checksum comes first
	var m struct {
		Closes []followedClose `json:"closes"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("read how closes went from %s: %w", dir, err)
	}
	p.closes = newLockWatch()
	p.closes.restore(m.Closes)
	return nil
}

// went is how the closes of an entity really went, as far as ReadCloses found.
func (p *Plan) went(entity string) []calendar.Actual {
	if p.closes == nil {
		return nil
	}
	return p.closes.courses(func(name string) bool { return name == entity })[entity]
}
