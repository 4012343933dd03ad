package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The years whose days a hash covers: longer than any record is kept, and the
// same whenever it is taken.
const (
	hashFrom = 2015
	hashTo   = 2055
)

// Hash is the SHA-256, in hex, of everything the plan says: what was decided
// under it cites it, so that a calendar changed afterwards can be told. Two
// plans that say the same have the same hash, however they were written.
func (p Plan) Hash() string {
	h := sha256.New()
	p.write(h)
	return hex.EncodeToString(h.Sum(nil))
}

// HashAll is the hash of several plans, in any order.
func HashAll(plans []Plan) string {
	lines := make([]string, len(plans))
	for i, p := range plans {
		lines[i] = p.Hash()
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// write writes the canonical form: a line for each fact, in a fixed order.
func (p *Plan) write(w io.Writer) {
	zone := p.zone()
	fmt.Fprintf(w, "entity %q zone %s payday %d\n", p.Entity, zone, p.Payday)
	p.writeDays(w)
	p.writeClose(w)
	for _, c := range p.Cutoffs {
		fmt.Fprintf(w, "cutoff %q %q %q %v %s %s %v %s %q\n", c.ID, c.Title, c.Process, c.At, zoneOr(c.Zone, zone), c.Day, c.Weekdays, c.Margin, c.Source)
		fmt.Fprintf(w, "  days %q\n", c.days(p).Name())
	}
	for _, d := range p.Dues {
		fmt.Fprintf(w, "deadline %q %q %q %s %s %v %s %q\n", d.ID, d.Title, d.Process, d.Rule, d.Adjust, d.At, zoneOr(d.Zone, zone), d.Source)
		fmt.Fprintf(w, "  days %q\n", orWeekdays(d.Days).Name())
	}
	for _, f := range p.Freezes {
		fmt.Fprintf(w, "freeze %q %q %q %s %s %s %+v\n", f.ID, f.Title, f.Components, f.From, f.To, f.Level, f.BreakGlass)
	}
	for _, m := range p.Maintenance {
		fmt.Fprintf(w, "maintenance %q %q %q %s %s %v %s %s %d %s\n", m.ID, m.Title, m.Components, m.On, m.Repeat, m.Start, m.Duration, zoneOr(m.Zone, zone), m.Notice, m.Counts)
	}
}

// writeDays writes the calendars by what they say, not by how they are made.
func (p *Plan) writeDays(w io.Writer) {
	if p.Week != nil {
		fmt.Fprintf(w, "week %v\n", *p.Week)
	}
	for _, days := range p.calendars() {
		fmt.Fprintf(w, "days %q\n", days.Name())
		for d := (Date{hashFrom, 1, 1}); d.Year < hashTo; d = d.Add(1) {
			name, holiday := days.Holiday(d)
			until, half := days.HalfDay(d)
			doubtful := !days.sure.has(d.number())
			weekend := d.Weekday() == 0 || d.Weekday() == 6
			if holiday || half || doubtful || days.IsWorkingDay(d) == weekend {
				fmt.Fprintf(w, "  %s %v %q %v %v %v\n", d, days.IsWorkingDay(d), name, half, until, doubtful)
			}
		}
	}
}

func (p *Plan) writeClose(w io.Writer) {
	if p.Close == nil {
		return
	}
	c := p.Close
	fmt.Fprintf(w, "close %q pre_close %s close %s tail %s target %s\n", c.Name, c.PreClose, c.Close, c.Tail, c.Target)
	for _, m := range c.Milestones {
		fmt.Fprintf(w, "milestone %q %q %q %s %q %q %s %q %s %q\n", m.ID, m.Title, m.Process, m.Due, m.Depends, m.Owner, m.Source, m.Check, m.SoftClose, m.ReviewerNot)
	}
	for _, x := range p.Extensions {
		fmt.Fprintf(w, "extension %q %q %s %s %q %s %q\n", x.Period, x.Milestone, x.Phase, x.To, x.By, x.On, x.Reason)
	}
	fiscal := p.Fiscal
	if fiscal == nil {
		fiscal = Monthly()
	}
	for d := (Date{hashFrom, 1, 1}); d.Year < hashTo; {
		period, ok := fiscal.Month(d)
		if !ok || period.Last.Before(d) {
			d = d.Add(1)
			continue
		}
		fmt.Fprintf(w, "period %q %s %s\n", period.Name, period.First, period.Last)
		d = period.Last.Add(1)
	}
}

// String renders a span as it is written: [WD-3 00:00, period_end].
func (s Span) String() string { return fmt.Sprintf("[%s, %s]", s.From, s.To) }
