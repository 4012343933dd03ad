package rules

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// Of an example: how many ticks all is well, and events in each.
const (
	exampleWell   = 10
	exampleEvents = 20
	exampleHold   = 4 * time.Hour // a signal that must be bad for longer is no example
)

// Example writes unit tests for the rules of path, to be run by promtool test
// rules: for the first objective of each tenant, and for one signal of each kind
// of component, all is well, then it is not and the alert fires, then it is again
// and the alert resolves, then nothing is measured and that is an alert, too.
func Example(o Options, objectives []Objective, path string) ([]byte, error) {
	groups, err := layOut(o, objectives)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# All is well, then it is not, then it is again, then nothing is measured. Run it with promtool test rules.\n")
	fmt.Fprintf(&b, "rule_files: [%s]\nevaluation_interval: %s\n", quote(path), duration(o.Tick))
	if len(objectives)+len(o.Signals) == 0 {
		b.WriteString("tests: []\n")
		return b.Bytes(), nil
	}
	b.WriteString("tests:\n")
	if err := o.testObjectives(&b, objectives, groups); err != nil {
		return nil, err
	}
	o.testSignals(&b)
	return b.Bytes(), nil
}

// firstOfEach is the first objective of each tenant.
func firstOfEach(objectives []Objective) []Objective {
	sorted := slices.Clone(objectives)
	slices.SortFunc(sorted, func(a, b Objective) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	})
	return slices.CompactFunc(sorted, func(a, b Objective) bool { return a.Environment == b.Environment && a.Tenant == b.Tenant })
}

// course is how many ticks each part of an example lasts.
type course struct{ well, ill, again, gone int }

// values writes a series that rises in each tick, by so much while all is well and
// while it is not.
func (c course) values(well, ill int) string {
	before, after := well*c.well, well*c.well+ill*c.ill
	return fmt.Sprintf("0+%dx%d %d+%dx%d %d+%dx%d stale", well, c.well, before+ill, ill, c.ill-1, after+well, well, c.again-1)
}

// levels writes a series that has one value while all is well and another while it
// is not.
func (c course) levels(well, ill float64) string {
	return fmt.Sprintf("%sx%d %sx%d %sx%d stale", trim(well), c.well, trim(ill), c.ill-1, trim(well), c.again-1)
}

// at are the ends of the parts.
func (c course) at() (well, ill, again, gone int) {
	return c.well, c.well + c.ill, c.well + c.ill + c.again, c.well + c.ill + c.again + c.gone
}

// lasting is how many ticks a time takes, and some more.
func (o Options) lasting(d time.Duration) int {
	return int(time.Duration(float64(d)*o.Scale)/o.Tick) + 5
}

// An onset is after how many ticks of nothing but bad events a pair of windows burns.
type onset struct{ ticks, long, short int64 }

// onsets are those of the fast pairs, in their order: none of a pair that is too long
// for the target ever to be missed by so much.
func (o Options) onsets(target *big.Rat) ([]onset, error) {
	burns := o.Burns
	if burns == nil {
		burns = slo.BurnWindows()
	}
	var out []onset
	for _, b := range burns {
		at, err := b.Threshold(target)
		if err != nil {
			return nil, fmt.Errorf("write an example: %w", err)
		}
		long, _ := o.Grid(b.Lookback)
		short, _ := o.Grid(b.Short)
		if ticks := int64(float64(long)*float64(at.Num)/float64(at.Den)) + 1; b.Fast && ticks <= long {
			out = append(out, onset{ticks, long, short})
		}
	}
	return out, nil
}

func (o Options) testObjectives(b *bytes.Buffer, objectives []Objective, groups []group) error {
	burning := map[string][]onset{}
	for _, obj := range objectives {
		onsets, err := o.onsets(obj.Target)
		if err != nil {
			return err
		}
		burning[obj.ID] = onsets
	}
	first := firstOfEach(slices.DeleteFunc(slices.Clone(objectives), func(obj Objective) bool { return len(burning[obj.ID]) == 0 }))
	if len(first) == 0 {
		return nil
	}
	c := course{well: exampleWell, gone: o.lasting(cmp.Or(o.Blind, DefaultBlind))}
	for _, obj := range first { // until each has begun, and until nothing recent is bad
		soonest := slices.MinFunc(burning[obj.ID], func(a, b onset) int { return cmp.Compare(a.ticks, b.ticks) })
		c.ill = max(c.ill, int(soonest.ticks+soonest.short))
	}
	for _, obj := range first {
		for _, of := range burning[obj.ID] {
			if int(of.ticks) <= c.ill+1 { // rounding has it that it may
				c.again = max(c.again, int(of.short)+o.lasting(o.Hold))
			}
		}
	}
	fmt.Fprintf(b, "  - name: \"objectives\"\n    interval: %s\n    input_series:\n", duration(o.Tick))
	for _, obj := range first {
		for _, s := range obj.series() {
			fmt.Fprintf(b, "      - series: %s\n        values: \"%s\"\n", quote(s.name), c.values(s.well, s.ill))
		}
	}
	well, ill, again, gone := c.at()
	fmt.Fprintf(b, "    alert_rule_test:\n      - {eval_time: %s, alertname: %s, exp_alerts: []}\n", o.instant(well), BurnFast)
	fmt.Fprintf(b, "      - eval_time: %s\n        alertname: %s\n        exp_alerts:\n", o.instant(ill), BurnFast)
	const margin = "            "
	for _, obj := range first {
		alert, found := fastOf(groups, obj)
		if !found {
			return errors.New("write an example: no pair of windows is fast")
		}
		b.WriteString("          -\n")
		pairs(b, margin, "exp_labels", alert.labels)
		annotations := slices.Clone(alert.annotations)
		for i := range annotations {
			annotations[i][1] = strings.ReplaceAll(annotations[i][1], value, strconv.FormatInt(badIn(burning[obj.ID], int64(c.ill)), 10))
		}
		pairs(b, margin, "exp_annotations", annotations)
	}
	fmt.Fprintf(b, "      - {eval_time: %s, alertname: %s, exp_alerts: []}\n    promql_expr_test:\n", o.instant(again), BurnFast)
	for _, obj := range first {
		o.expect(b, gone, true, "alertname="+strconv.Quote(Unmeasured)+",environment="+strconv.Quote(obj.Environment)+
			",metric="+strconv.Quote(obj.All.Metric)+",tenant="+strconv.Quote(obj.Tenant))
	}
	return nil
}

// fastOf is the alert on a fast burn of an objective.
func fastOf(groups []group, obj Objective) (rule, bool) {
	for _, g := range groups {
		for _, r := range g.rules {
			if r.alert == BurnFast && slices.Contains(r.labels, [2]string{"objective", obj.ID}) {
				return r, true
			}
		}
	}
	return rule{}, false
}

// expect tests whether an alert fires after so many ticks.
func (o Options) expect(b *bytes.Buffer, ticks int, fires bool, conditions string) {
	samples := "[]"
	if fires {
		samples = "[{labels: '{}', value: 1}]"
	}
	fmt.Fprintf(b, "      - eval_time: %s\n        expr: 'count(ALERTS{%s,alertstate=\"firing\"})'\n        exp_samples: %s\n", o.instant(ticks), conditions, samples)
}

// instant is when so many ticks are over.
func (o Options) instant(ticks int) string { return duration(time.Duration(ticks) * o.Tick) }

// testSignals tests one signal of each kind of component.
func (o Options) testSignals(b *bytes.Buffer) {
	shown := o.exemplary()
	if len(shown) == 0 {
		return
	}
	c := course{well: exampleWell, ill: 1, again: o.lasting(o.Hold), gone: o.lasting(cmp.Or(o.Blind, DefaultBlind))}
	for _, s := range shown {
		c.ill = max(c.ill, o.lasting(s.For))
	}
	fmt.Fprintf(b, "  - name: \"signals\"\n    interval: %s\n    input_series:\n", duration(o.Tick))
	for _, s := range shown {
		well, ill := s.sides()
		fmt.Fprintf(b, "      - series: %s\n        values: \"%s\"\n", quote(s.Metric+chosenText(o.place(s))), c.levels(well, ill))
	}
	b.WriteString("    promql_expr_test:\n")
	well, ill, again, gone := c.at()
	for _, s := range shown {
		name, at := SignalWarning, o.place(s)
		if !math.IsNaN(s.Critical) {
			name = SignalCritical
		}
		of := ",component=" + strconv.Quote(at["component"]) + ",environment=" + strconv.Quote(at["environment"]) + ",signal=" + strconv.Quote(s.Name)
		for _, x := range []struct {
			ticks int
			fires bool
		}{{well, false}, {ill, true}, {again, false}} {
			o.expect(b, x.ticks, x.fires, "alertname="+strconv.Quote(name)+of+",window=\"always\"")
		}
		if len(s.Must) > 0 {
			o.expect(b, again, false, "alertname="+strconv.Quote(SignalUnmeasured)+of)
			o.expect(b, gone, true, "alertname="+strconv.Quote(SignalUnmeasured)+of)
		}
	}
}

// exemplary are signals to show, one of each group: one that must be measured and
// has a critical state rather than not, and the soonest believed.
func (o Options) exemplary() []Signal {
	var out []Signal
	better := func(a, b Signal) int {
		lacks := func(bad bool) int {
			if bad {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(a.Group, b.Group), lacks(len(a.Must) == 0)-lacks(len(b.Must) == 0),
			lacks(math.IsNaN(a.Critical))-lacks(math.IsNaN(b.Critical)), cmp.Compare(a.For, b.For), cmp.Compare(a.Name, b.Name),
		)
	}
	signals := slices.Clone(o.Signals)
	slices.SortFunc(signals, better)
	for _, s := range signals {
		judged := s.For <= exampleHold && (!math.IsNaN(s.Warning) || !math.IsNaN(s.Critical))
		if judged && s.Aggregate != signal.Count && len(s.At) == 0 && (len(out) == 0 || out[len(out)-1].Group != s.Group) {
			out = append(out, s)
		}
	}
	return out
}

// sides are a value on the good side of every limit, and one beyond all.
func (s Signal) sides() (well, ill float64) {
	far := func(v float64, good bool) float64 {
		by := math.Abs(v) + 1
		if good == (s.Direction == signal.Above) {
			return v - by
		}
		return v + by
	}
	mild, severe := s.Warning, s.Critical
	if math.IsNaN(mild) {
		mild = severe
	}
	if math.IsNaN(severe) {
		severe = mild
	}
	return far(mild, true), far(severe, false)
}

// place is where an example has a signal measured.
func (o Options) place(s Signal) map[string]string {
	at := map[string]string{"component": "example", "environment": o.Environments[0]}
	for _, name := range s.By {
		at[name] = "example"
	}
	maps.Copy(at, s.Match)
	if len(s.Must) > 0 {
		at["component"], at["environment"] = s.Must[0].Component, s.Must[0].Environment
	}
	return at
}

// badIn is how many bad events the first pair of windows that burns holds after so
// many ticks of them.
func badIn(of []onset, ticks int64) int64 {
	for _, x := range of {
		if x.ticks <= ticks {
			return min(ticks, x.long) * exampleEvents
		}
	}
	return 0
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
