package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Receivers that are told, each by what reaches it.
const (
	ToPage     = "finance-page"     // business-critical: somebody is woken
	ToTicket   = "finance-ticket"   // degradations
	ToInfo     = "finance-info"     // in working hours
	ToClose    = "finance-close"    // degradations in the close, besides
	ToWatchdog = "finance-watchdog" // the dead man's switch: misses the alert that always fires
)

// Names of alerts that routes and inhibition tell apart. The daemon and the
// generated rules send them; a test compares.
const (
	watchdog         = "ClosewatchWatchdog"
	impaired         = "FinanceProcessImpaired"
	burnPrefix       = "FinanceErrorBudgetBurn*"
	signalCritical   = "FinanceSignalCritical"
	signalWarning    = "FinanceSignalWarning"
	signalUnmeasured = "FinanceSignalUnmeasured"
	ours             = "Finance*"
)

// After how long what goes on is told again. Nothing else is as urgent as a page.
const (
	pageRepeat   = time.Hour
	ticketRepeat = 4 * time.Hour
	infoRepeat   = 24 * time.Hour
	beat         = time.Minute // of the watchdog
)

// A Pace is how soon people are told.
type Pace struct {
	Page, Ticket, Info time.Duration // how long a new group waits, by severity; above 0
	Interval           time.Duration // before what is new in a group is told
	Scale              float64       // of these and all other waits; 0 is 1
}

// Hours are a part of a day in minutes, half-open: 0 and 1440 are the whole day.
type Hours struct{ From, To int }

// Options are what a configuration is made of.
type Options struct {
	Calendars []Calendar // in the order of the entities
	Teams     []string   // those that have processes: each has receivers of its own
	Pace      Pace
	Hours     Hours // of working days in which information is told
	// From is the first day that the calendar is laid out for, Horizon how long; both
	// reach out to whole months.
	From    time.Time
	Horizon time.Duration
	// Header is told in comments at the head of the file.
	Header    []string
	Templates []string // files or globs of message templates, as Alertmanager finds them
}

// A Calendar is an entity's, compiled over the horizon at least.
type Calendar struct {
	Entity   string
	Timeline *calendar.Timeline
	Week     calendar.Workweek
}

// A Config is an Alertmanager's configuration as far as it is ours.
type Config struct {
	Root        Route
	Inhibitions []Inhibition
	Intervals   []Interval
	Receivers   []string
	Until       time.Time // when the calendar has to be laid out again
	Templates   []string
	Header      []string
}

// Months are the whole months, of UTC, around a horizon.
func Months(from time.Time, horizon time.Duration) (first, end calendar.Date) {
	first = calendar.DateOf(from.UTC())
	first.Day = 1
	last := calendar.DateOf(from.UTC().Add(horizon))
	return first, calendar.DateOf(time.Date(last.Year, last.Month+1, 1, 0, 0, 0, 0, time.UTC))
}

// Generate makes the configuration. An error names an entity whose calendar is not
// laid out so far.
func Generate(o Options) (*Config, error) {
	first, end := Months(o.From, o.Horizon)
	for _, c := range o.Calendars {
		from, to := c.Timeline.Span()
		if first.In(c.Timeline.Zone()).Before(from) || to.Before(end.In(c.Timeline.Zone())) {
			return nil, fmt.Errorf("route alerts: the calendar of %s is laid out from %s to %s only", c.Entity, from.Format(time.DateOnly), to.Format(time.DateOnly))
		}
	}
	teams := slices.Clone(o.Teams)
	slices.Sort(teams)
	teams = slices.Compact(teams)
	c := &Config{
		Intervals: intervals(o.Calendars, o.Hours, first, end), Until: end.In(time.UTC), Templates: o.Templates, Header: o.Header,
		Inhibitions: inhibitions(),
	}
	c.Root = Route{
		Says: "Whatever no route below takes is a ticket: nothing is lost.", Receiver: ToTicket,
		GroupBy: []string{"alertname", "process", "entity", "tenant", "environment"}, Wait: o.Pace.Ticket, Interval: o.Pace.Interval, Repeat: ticketRepeat,
		Routes: []Route{
			{
				Says:  "The dead man's switch: its receiver raises the alarm when this alert stops.",
				Match: []Match{is("alertname", watchdog)}, Receiver: ToWatchdog, GroupBy: []string{"alertname", "environment"},
				Wait: time.Second, Interval: beat, Repeat: beat,
			},
			c.finance(teams, o.Calendars, o.Pace),
		},
	}
	c.Root.hasten(cmp.Or(o.Pace.Scale, 1))
	c.Receivers = receivers(&c.Root, nil)
	return c, nil
}

// hasten multiplies the waits of a route and of all below it. Alertmanager refuses
// an interval of nothing at all.
func (r *Route) hasten(by float64) {
	for _, wait := range []*time.Duration{&r.Wait, &r.Interval, &r.Repeat} {
		*wait = time.Duration(float64(*wait) * by).Round(time.Millisecond)
	}
	if len(r.GroupBy) > 0 {
		r.Interval = max(r.Interval, time.Second)
	}
	for i := range r.Routes {
		r.Routes[i].hasten(by)
	}
}

// finance routes all that is about finance.
func (c *Config) finance(teams []string, calendars []Calendar, pace Pace) Route {
	byTeam := func(to string) []Route {
		var out []Route
		for _, t := range teams {
			out = append(out, Route{Match: []Match{is("team", t)}, Receiver: to + "-" + t})
		}
		return out
	}
	r := Route{Says: "All that is about finance.", Match: []Match{is("alertname", ours)}, Receiver: ToTicket}
	for _, cal := range calendars {
		if c.has(closeOf(cal.Entity)) {
			r.Routes = append(r.Routes, Route{
				Says:  "In the close of " + cal.Entity + " its close desk hears of what stops it, besides those on call.",
				Match: []Match{is("entity", cal.Entity), among("tier", "business-critical", "degradation")}, Receiver: ToClose,
				Wait: pace.Page, Active: []string{closeOf(cal.Entity)}, Continue: true,
			})
		}
	}
	info := Route{
		Says:  "What is for information waits for working hours.",
		Match: []Match{is("severity", "info"), {Label: "tier", Values: []string{"business-critical"}, Not: true}}, Receiver: ToInfo,
		Wait: pace.Info, Repeat: infoRepeat,
	}
	var hours []string
	for _, cal := range calendars {
		hours = append(hours, hoursOf(cal.Entity))
		info.Routes = append(info.Routes, Route{Match: []Match{is("entity", cal.Entity)}, Receiver: ToInfo, Active: []string{hoursOf(cal.Entity)}})
	}
	info.Active = hours
	r.Routes = append(
		r.Routes,
		Route{
			Says: "Pages: at any time, muted by nothing.", Match: []Match{is("severity", "page")}, Receiver: ToPage,
			Wait: pace.Page, Repeat: pageRepeat, Routes: byTeam(ToPage),
		},
		Route{
			Says:  "Business-critical alerts that ride with the page of their incident: as soon as it, and no louder than a ticket.",
			Match: []Match{is("tier", "business-critical")}, Receiver: ToTicket, Wait: pace.Page, Repeat: pageRepeat, Routes: byTeam(ToTicket),
		},
		info,
		Route{Says: "Degradations.", Match: []Match{is("severity", "ticket")}, Receiver: ToTicket, Routes: byTeam(ToTicket)},
	)
	return r
}

func (c *Config) has(interval string) bool {
	return slices.ContainsFunc(c.Intervals, func(i Interval) bool { return i.Name == interval })
}

// receivers are those of a tree, each once, in order.
func receivers(r *Route, out []string) []string {
	if !slices.Contains(out, r.Receiver) {
		out = append(out, r.Receiver)
	}
	for i := range r.Routes {
		out = receivers(&r.Routes[i], out)
	}
	return out
}

// inhibitions has what says more mute what says less. Labels that both lack count
// as equal, hence the conditions that some be there. Nothing business-critical, and no
// page, is a target.
func inhibitions() []Inhibition {
	lesser := map[string][]string{"business-critical": {"degradation", "informational"}, "degradation": {"informational"}}
	var out []Inhibition
	for _, tier := range []string{"business-critical", "degradation"} {
		out = append(out, Inhibition{
			Says:   "A process that is " + tier + " mutes what was less of it: the lower alert goes on, so that nothing is resolved falsely.",
			Source: []Match{is("alertname", ours), is("tier", tier), some("process")},
			Target: []Match{is("alertname", ours), among("tier", lesser[tier]...), some("process")},
			Equal:  []string{"process", "entity", "tenant", "environment"},
		})
	}
	out = append(
		out,
		Inhibition{
			Says:   "An outcome that the daemon tells of mutes the rules' burn rates of the same process.",
			Source: []Match{is("alertname", impaired), among("tier", "business-critical", "degradation")},
			Target: []Match{is("alertname", burnPrefix)},
			Equal:  []string{"process", "tenant", "environment"},
		},
		Inhibition{
			Says:   "While somebody is paged, signals for information keep quiet: those that matter are on the page.",
			Source: []Match{is("alertname", impaired), is("severity", "page")},
			Target: []Match{among("alertname", signalCritical, signalWarning), is("severity", "info")},
			Equal:  []string{"environment"},
		},
		Inhibition{
			Says:   "A signal's critical state mutes its warning.",
			Source: []Match{is("alertname", signalCritical)},
			Target: []Match{is("alertname", signalWarning)},
			Equal:  []string{"signal", "component", "tenant", "entity", "environment"},
		},
		Inhibition{
			Says:   "What is bad at any time need not be bad in the close, too.",
			Source: []Match{among("alertname", signalCritical, signalWarning), is("window", "always")},
			Target: []Match{among("alertname", signalCritical, signalWarning), is("window", "close")},
			Equal:  []string{"alertname", "signal", "component", "tenant", "entity", "environment"},
		},
		Inhibition{
			Says:   "A component that is down tells little: that is no second matter.",
			Source: []Match{is("alertname", signalCritical), is("tier", "degradation")},
			Target: []Match{is("alertname", signalUnmeasured)},
			Equal:  []string{"component", "environment"},
		},
	)
	for i := range out {
		target := &out[i].Target
		if !slices.ContainsFunc(*target, func(m Match) bool { return m.Label == "tier" }) {
			*target = append(*target, Match{Label: "tier", Values: []string{"business-critical"}, Not: true})
		}
		if !slices.ContainsFunc(*target, func(m Match) bool { return m.Label == "severity" }) {
			*target = append(*target, Match{Label: "severity", Values: []string{"page"}, Not: true})
		}
	}
	return out
}

// Generic is the receiver that stands for a team's own: finance-page for
// finance-page-erp.
func Generic(receiver string) string {
	for _, to := range []string{ToPage, ToTicket} {
		if strings.HasPrefix(receiver, to+"-") {
			return to
		}
	}
	return receiver
}
