package rules

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/slo"
)

// Of an example: how many ticks all is well and then not, and events in each.
const (
	exampleWell   = 20
	exampleIll    = 120
	exampleEvents = 20
)

// Example writes a unit test for the rules of path, to be run by promtool test
// rules: all is well with the first objective, then nothing is for an hour, and
// its alert fires. It shows how to write more of them.
func Example(o Options, objectives []Objective, path string) ([]byte, error) {
	if len(objectives) == 0 {
		return []byte("rule_files: [" + quote(path) + "]\ntests: []\n"), check(o, objectives)
	}
	first := slices.MinFunc(objectives, func(a, b Objective) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	groups, err := layOut(o, []Objective{first})
	if err != nil {
		return nil, err
	}
	fast := slices.IndexFunc(groups[0].rules, func(r rule) bool { return r.alert == BurnFast })
	if fast < 0 {
		return nil, errors.New("write an example: no pair of windows is fast")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# All is well, then no event is good, and the alert fires. Run it with promtool test rules.\n")
	fmt.Fprintf(&b, "rule_files: [%s]\nevaluation_interval: %s\ntests:\n", quote(path), duration(o.Tick))
	fmt.Fprintf(&b, "  - name: %s\n    interval: %s\n    input_series:\n", quote(first.ID+" burns"), duration(o.Tick))
	for _, s := range first.series() {
		fmt.Fprintf(&b, "      - series: %s\n        values: \"0+%dx%d %d+%dx%d\"\n",
			quote(s.name), s.well, exampleWell, s.well*exampleWell+s.ill, s.ill, exampleIll-1)
	}
	alert := groups[0].rules[fast]
	at := func(ticks int) string { return duration(time.Duration(ticks) * o.Tick) }
	fmt.Fprintf(&b, "    alert_rule_test:\n      - {eval_time: %s, alertname: %s, exp_alerts: []}\n", at(exampleWell), BurnFast)
	fmt.Fprintf(&b, "      - eval_time: %s\n        alertname: %s\n        exp_alerts:\n", at(exampleWell+exampleIll), BurnFast)
	const margin = "            "
	b.WriteString("          -\n")
	pairs(&b, margin, "exp_labels", alert.labels)
	annotations := slices.Clone(alert.annotations)
	for i := range annotations {
		annotations[i][1] = strings.ReplaceAll(annotations[i][1], value, strconv.FormatInt(o.illIn(exampleIll), 10))
	}
	pairs(&b, margin, "exp_annotations", annotations)
	return b.Bytes(), nil
}

// illIn is how many bad events the first fast window holds after so many ticks.
func (o Options) illIn(ticks int64) int64 {
	burns := o.Burns
	if burns == nil {
		burns = slo.BurnWindows()
	}
	for _, b := range burns {
		if b.Fast {
			length, _ := o.Grid(b.Lookback)
			ticks = min(ticks, length)
			break
		}
	}
	return ticks * exampleEvents
}

// A series of an example rises by so much in each tick while all is well, and
// while it is not.
type series struct {
	name      string
	well, ill int
}

// series are the fewest that show events of the objective, good and bad.
func (obj Objective) series() []series {
	good := chosen(obj.Good)
	if obj.Total.Metric != obj.Good.Metric {
		return []series{
			{obj.Total.Metric + chosenText(chosen(obj.Total)), exampleEvents, exampleEvents},
			{obj.Good.Metric + chosenText(good), exampleEvents, 0},
		}
	}
	bad := maps.Clone(good)
	for _, m := range obj.Good.Match {
		if m.Not {
			bad[m.Label] = m.Values[0]
		}
	}
	for _, m := range obj.Total.Match {
		for _, v := range m.Values {
			if !m.Not && !obj.Good.allows(m.Label, v) {
				bad[m.Label] = v
			}
		}
	}
	return []series{
		{obj.Good.Metric + chosenText(good), exampleEvents, 0},
		{obj.Total.Metric + chosenText(bad), 0, exampleEvents},
	}
}

// chosen are labels that a counter selects.
func chosen(c Counter) map[string]string {
	out := map[string]string{"job": "closewatch", "instance": "closewatch:9977", "component": "example"}
	for _, m := range c.Match {
		if !m.Not {
			out[m.Label] = m.Values[0]
		} else if _, set := out[m.Label]; !set {
			out[m.Label] = "other"
		}
	}
	return out
}

// allows reports whether a counter selects series that have a label so.
func (c Counter) allows(label, value string) bool {
	for _, m := range c.Match {
		if m.Label == label && slices.Contains(m.Values, value) == m.Not {
			return false
		}
	}
	return true
}

func chosenText(labels map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(out, ",") + "}"
}
