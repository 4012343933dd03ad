package app

import (
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// maxFinding bounds what an error may say on a page, in characters.
const maxFinding = 300

// findings lists what is wrong with a component: why it could not be read, and
// what was read and is bad. What has one cause is one finding: tasks that fail
// alike, and "does not answer" with the error that says why.
func (v view) findings(c componentState) []web.Finding {
	var failed [][]*collector.Snapshot // that fail alike
	for _, s := range v.app.runner.Snapshots() {
		if s.Task.Component != c.Name || s.Task.Environment != c.Environment || s.Err == nil {
			continue
		}
		alike := func(group []*collector.Snapshot) bool {
			return fault.TextOf(fault.RootOf(group[0].Err)) == fault.TextOf(fault.RootOf(s.Err))
		}
		if i := slices.IndexFunc(failed, alike); i >= 0 {
			failed[i] = append(failed[i], s)
		} else {
			failed = append(failed, []*collector.Snapshot{s})
		}
	}
	readings := slices.DeleteFunc(slices.Clone(c.Readings), func(r signal.Reading) bool {
		return r.State != signal.Warning && r.State != signal.Critical
	})
	var out []web.Finding
	for _, group := range failed {
		err := group[0].Err
		f := web.Finding{State: signal.Warning, Text: wording.Cut(fault.TextOf(err), maxFinding), Hint: fault.HintOf(err), Since: group[0].LastSuccess}
		unread := func(r signal.Reading) bool { return v.saysUnread(r, group) }
		if i := slices.IndexFunc(readings, unread); i >= 0 {
			r := readings[i]
			f.State, f.Text, f.Since = r.State, wording.Cut(r.Text+": "+fault.TextOf(err), maxFinding), r.Since
			readings = slices.DeleteFunc(readings, unread)
		}
		out = append(out, f)
	}
	for _, r := range readings {
		out = append(out, web.Finding{State: r.State, Text: r.Text, Since: r.Since})
	}
	return out
}

// saysUnread reports whether a reading tells no more than that tasks which
// failed could not read: their error says it better.
func (v view) saysUnread(r signal.Reading, failed []*collector.Snapshot) bool {
	metric := v.app.metricOf[r.Signal]
	if !slices.ContainsFunc([]string{"_up", "_reachable", "_readable"}, func(end string) bool { return strings.HasSuffix(metric, end) }) {
		return false
	}
	for _, s := range failed {
		for _, mf := range s.Families {
			if mf.GetName() == metric {
				return true
			}
		}
	}
	return false
}

// metricsOf maps signals to the metric each is read from.
func metricsOf(defs []signal.Definition) map[string]string {
	out := map[string]string{}
	for _, d := range defs {
		out[d.Name] = d.Metric
	}
	return out
}
