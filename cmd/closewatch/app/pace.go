package app

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// A pacer tells the flows of one tenant what the calendar says. It is safe for
// concurrent use.
type pacer struct {
	calendars *calendars
	entities  []string                     // of the tenant
	windows   map[string][]calendar.Window // by process; none: pre-close and close
	day       estate.Day
	component string
}

// pacer returns what tells the pace of a component's flows; nil when the estate
// has no calendar for its tenant, or wants none kept pace with.
func (p *Plan) pacer(c plannedComponent, cals *calendars) func(process string, at time.Time) schedule.Pace {
	out := &pacer{calendars: cals, windows: map[string][]calendar.Window{}, day: p.Estate.Schedule.Day, component: c.Name}
	for _, ent := range entities(p.Estate, p.tenants) {
		if ent.Tenant == c.odoo.RPC.Database {
			out.entities = append(out.entities, ent.Name)
		}
	}
	if len(out.entities) == 0 || !p.Estate.ByCalendar() {
		return nil
	}
	for _, pr := range p.Estate.Catalog(process.Catalog()) {
		out.windows[pr.Name] = windows(pr)
	}
	return out.pace
}

// pace is that of the most critical of the tenant's entities: critical when the
// process is in its critical window at one of them, or when a calendar is in
// doubt; quiet when nobody is at work at any. Where one is closed hard, or nobody
// knows whether it is, nothing may be posted.
func (p *pacer) pace(name string, at time.Time) schedule.Pace {
	layout := p.calendars.around(at)
	out := schedule.Pace{Tempo: schedule.Quiet, Why: "nobody is at work"}
	for _, entity := range p.entities {
		tl := layout.of[entity]
		if out.Closed == "" {
			out.Closed = p.closed(tl, at)
		}
		critical := tl.Critical(name, p.windows[name], at)
		switch local := at.In(tl.Zone()); {
		case critical.Critical && out.Tempo != schedule.Critical:
			out.Tempo, out.Why = schedule.Critical, critical.Why
		case out.Tempo == schedule.Quiet && tl.IsWorkingDay(calendar.DateOf(local)) && p.day.Works(local):
			out.Tempo, out.Why = schedule.Steady, ""
		}
	}
	return out
}

// closed says why nothing may be posted at an entity: a hard freeze that covers
// the component is in force, or might be. "" is that it may.
func (p *pacer) closed(tl *calendar.Timeline, at time.Time) string {
	covers := func(f calendar.Freeze) bool {
		return f.Level == calendar.HardFreeze && (len(f.Components) == 0 || slices.Contains(f.Components, p.component))
	}
	place := tl.At(at)
	if place.Doubt != "" && slices.ContainsFunc(tl.Freezes(), covers) {
		return "nobody knows whether it is hard close, the calendar is in doubt: " + place.Doubt
	}
	if place.Freeze != calendar.HardFreeze {
		return ""
	}
	for _, f := range tl.FreezesAt(at) {
		if covers(f) {
			return "hard close: " + cmp.Or(f.Title, f.ID)
		}
	}
	return ""
}

// paceMetrics publishes how the flows of all probers run.
func paceMetrics(probers []*prober, now func() time.Time) *schedule.Metrics {
	all := make([]*schedule.Schedule, len(probers))
	for i, p := range probers {
		all[i] = p.schedule
	}
	return schedule.NewMetrics(now, all...)
}

// cadence says how often some flows run, on each component that runs them.
func (p *Plan) cadence(names []string) []string {
	out := []string{}
	for _, name := range names {
		for _, c := range p.components {
			if c.odoo == nil {
				continue
			}
			config := c.odoo.flows(c.Name, p.Estate.Schedule)
			level, on := config.Level(name)
			if !on {
				continue
			}
			says := fmt.Sprintf("%s on %s at %s, every %s", name, c.Name, level, wording.Duration(config.Interval(name)))
			if p.Estate.ByCalendar() {
				says += fmt.Sprintf(" (%s when nobody is at work, %s in critical windows)", wording.Duration(config.QuietInterval(name)), wording.Duration(config.CriticalInterval(name)))
			}
			out = append(out, says)
		}
	}
	return out
}
