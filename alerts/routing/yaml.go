package routing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// File writes the configuration. Its receivers are those of the book.
func (c *Config) File(b Book) []byte {
	var w writer
	w.comments("", c.Header)
	if len(c.Templates) > 0 {
		w.line("templates: %s", list(c.Templates))
	}
	w.line("route:")
	w.route("  ", &c.Root)
	c.rest(&w, b)
	return w.Bytes()
}

// Fragment writes what an Alertmanager that others use, too, is given: routes to be
// put first under its own, and the rest, to be added to what it has.
func (c *Config) Fragment(b Book) []byte {
	var w writer
	w.comments("", c.Header)
	if len(c.Templates) > 0 {
		w.comments("", []string{"To templates:"})
		w.line("templates: %s", list(c.Templates))
	}
	w.comments("", []string{"To route.routes, before others that may take these alerts:"})
	w.line("routes:")
	for i := range c.Root.Routes {
		r := c.Root.Routes[i]
		inherit(&r, &c.Root)
		w.item("  ", &r)
	}
	c.rest(&w, b)
	return w.Bytes()
}

// inherit gives a route what it takes from its parent, which it leaves.
func inherit(r, parent *Route) {
	if r.GroupBy == nil {
		r.GroupBy = parent.GroupBy
	}
	for _, x := range []struct{ own, from *time.Duration }{{&r.Wait, &parent.Wait}, {&r.Interval, &parent.Interval}, {&r.Repeat, &parent.Repeat}} {
		if *x.own == 0 {
			*x.own = *x.from
		}
	}
}

func (c *Config) rest(w *writer, b Book) {
	w.line("inhibit_rules:")
	for _, x := range c.Inhibitions {
		w.comments("  ", []string{x.Says})
		w.line("  - source_matchers: %s", conditions(x.Source))
		w.line("    target_matchers: %s", conditions(x.Target))
		w.line("    equal: [%s]", strings.Join(x.Equal, ", "))
	}
	w.comments("", []string{
		"The calendar, laid out day by day before " + c.Until.Format(time.DateOnly) + ": generate this file again by then. After that only",
		"working hours go on, by the days of the week; where an interval is over, nothing is muted by it.",
	})
	if len(c.Intervals) > 0 {
		w.line("time_intervals:")
	}
	for _, i := range c.Intervals {
		w.comments("  ", []string{i.Says})
		w.line("  - name: %s", quote(i.Name))
		w.line("    time_intervals:")
		for _, s := range i.Slots {
			w.slot(s)
		}
	}
	w.line("receivers:")
	for _, name := range c.Receivers {
		w.Write(b.receiver(name))
	}
}

type writer struct{ bytes.Buffer }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) comments(margin string, lines []string) {
	for _, l := range lines {
		if l != "" || margin == "" {
			fmt.Fprintln(w, strings.TrimRight(margin+"# "+l, " "))
		}
	}
}

// item writes a route as an element of a list.
func (w *writer) item(margin string, r *Route) {
	if r.Says != "" {
		w.comments(margin, []string{r.Says})
	}
	w.line("%s- receiver: %s", margin, quote(r.Receiver))
	w.rest(margin+"  ", r)
}

// route writes a route as a mapping.
func (w *writer) route(margin string, r *Route) {
	if r.Says != "" {
		w.comments(margin, []string{r.Says})
	}
	w.line("%sreceiver: %s", margin, quote(r.Receiver))
	w.rest(margin, r)
}

func (w *writer) rest(margin string, r *Route) {
	if len(r.Match) > 0 {
		w.line("%smatchers: %s", margin, conditions(r.Match))
	}
	if len(r.GroupBy) > 0 {
		w.line("%sgroup_by: [%s]", margin, strings.Join(r.GroupBy, ", "))
	}
	for _, x := range []struct {
		name string
		is   time.Duration
	}{{"group_wait", r.Wait}, {"group_interval", r.Interval}, {"repeat_interval", r.Repeat}} {
		if x.is > 0 {
			w.line("%s%s: %s", margin, x.name, model.Duration(x.is))
		}
	}
	if len(r.Active) > 0 {
		w.line("%sactive_time_intervals: %s", margin, list(r.Active))
	}
	if r.Continue {
		w.line("%scontinue: true", margin)
	}
	if len(r.Routes) > 0 {
		w.line("%sroutes:", margin)
		for i := range r.Routes {
			w.item(margin+"  ", &r.Routes[i])
		}
	}
}

func (w *writer) slot(s Slot) {
	var parts []string
	add := func(key, value string) { parts = append(parts, key+": "+value) }
	if s.From != 0 || s.To != wholeDay {
		add("times", "[{start_time: "+quote(clock(s.From))+", end_time: "+quote(clock(s.To))+"}]")
	}
	if s.Weekdays != nil {
		var days []string
		for d, on := range s.Weekdays {
			if on {
				days = append(days, strings.ToLower(time.Weekday(d).String()))
			}
		}
		add("weekdays", list(days))
	}
	ranges := func(all ...[2]int) string {
		var out []string
		for _, r := range all {
			if r[0] == r[1] {
				out = append(out, strconv.Itoa(r[0]))
			} else {
				out = append(out, fmt.Sprintf("%d:%d", r[0], r[1]))
			}
		}
		return list(out)
	}
	if len(s.Days) > 0 {
		add("days_of_month", ranges(s.Days...))
	}
	if s.Months != [2]int{} {
		add("months", ranges(s.Months))
	}
	if s.Years != [2]int{} {
		add("years", ranges(s.Years))
	}
	add("location", quote(s.Zone.String()))
	w.line("      - {%s}", strings.Join(parts, ", "))
}

// conditions are in single quotes, since they are full of double ones.
func conditions(all []Match) string {
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = "'" + strings.ReplaceAll(m.String(), "'", "''") + "'"
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func list(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = quote(v)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// quote writes text as JSON, which is YAML.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string encodes
	return strings.TrimSpace(b.String())
}
