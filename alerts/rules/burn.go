package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/slo"
)

// A goal is what objectives with the same target and the same least number of
// bad events have in common: they are compared by the same rules, at once.
type goal struct {
	name       string // "0.995/2"
	objectives []Objective
	floor      uint64
}

// goals sorts objectives by their goal.
func goals(objectives []Objective) []goal {
	var out []goal
	for _, obj := range objectives {
		floor := max(obj.MinBad, 1)
		name := decimal(obj.Target) + "/" + strconv.FormatUint(floor, 10)
		i := slices.IndexFunc(out, func(g goal) bool { return g.name == name && g.objectives[0].Target.Cmp(obj.Target) == 0 })
		if i < 0 {
			i = len(out)
			out = append(out, goal{name: name, floor: floor})
		}
		out[i].objectives = append(out[i].objectives, obj)
	}
	slices.SortStableFunc(out, func(a, b goal) int { return a.objectives[0].Target.Cmp(b.objectives[0].Target) })
	return out
}

// burns records which pairs of windows burn for which objectives.
func (t tenant) burns(objectives []Objective) ([]rule, error) {
	all := goals(objectives)
	var out []rule
	var floors []uint64
	for _, g := range all {
		if !slices.Contains(floors, g.floor) {
			floors = append(floors, g.floor)
			out = append(out, t.recents(g.floor)...)
		}
	}
	for _, g := range all {
		var suspects, burns []rule
		for _, b := range t.options.Burns {
			at, err := b.Threshold(g.objectives[0].Target)
			if err != nil {
				return nil, fmt.Errorf("write rules: objective %q: %w", g.objectives[0].ID, err)
			}
			suspects = append(suspects, t.suspects(g, b, at))
			burns = append(burns, t.burn(g, b, at))
		}
		out = append(out, explained("Goal "+g.name+": all events of the long window, where the bad ones are above the limit.", suspects)...)
		out = append(out, explained("Goal "+g.name+": bad events of the long window, where the pair of windows burns.", burns)...)
	}
	return out, nil
}

// recents records what says whether a burn goes on: the short window, or the
// next longer one that has as many events as must be bad.
func (t tenant) recents(floor uint64) []rule {
	var out []rule
	for _, b := range t.options.Burns {
		windows := slo.Recents(b, t.options.Burns)
		for _, what := range []string{bad + ":weight", events + ":weight", bad + ":sum"} {
			cases := make([]string, len(windows))
			for i, d := range windows {
				cases[i] = "  " + t.of(what+duration(d))
				if i < len(windows)-1 {
					cases[i] += " and " + t.of(events+":sum"+duration(d)) + " >= " + strconv.FormatUint(floor, 10)
				}
			}
			out = append(out, rule{record: recent(what, b, floor), expr: strings.Join(cases, "\nor\n")})
		}
	}
	return explained(fmt.Sprintf("Where %d must be bad: the shortest recent window with as many events.", floor), out)
}

// recent names what is recent of a pair of windows.
func recent(what string, b slo.BurnWindow, floor uint64) string {
	return what + "_recent" + pair(b) + "_" + strconv.FormatUint(floor, 10)
}

// pair names a pair of windows: "1h_5m".
func pair(b slo.BurnWindow) string { return duration(b.Lookback) + "_" + duration(b.Short) }

// suspects are the objectives whose long window is above the limit.
func (t tenant) suspects(g goal, b slo.BurnWindow, at slo.Threshold) rule {
	long := duration(b.Lookback)
	expr := events + ":sum" + long + t.here("objective=~"+strconv.Quote(anyOf(g.objectives))) + "\n" +
		"and " + t.above(bad+":weight"+long, events+":weight"+long, at) + "\n" +
		"and " + t.of(bad+":sum"+long) + " >= " + strconv.FormatUint(g.floor, 10)
	return rule{record: suspect + pair(b), labels: [][2]string{{"goal", g.name}}, expr: expr}
}

// above compares bad events with a limit, strictly.
func (t tenant) above(bad, events string, at slo.Threshold) string {
	return t.of(bad) + " * " + strconv.FormatUint(at.Den, 10) + " > " + t.of(events) + " * " + strconv.FormatUint(at.Num, 10)
}

// burn is a suspect with enough evidence, while the burn goes on by what is
// recent. As long as the source is silent nobody can say that it has ended: then
// what burned goes on, and nothing begins to.
func (t tenant) burn(g goal, b slo.BurnWindow, at slo.Threshold) rule {
	long, short := duration(b.Lookback), duration(b.Short)
	mine := t.here("goal=" + strconv.Quote(g.name))
	total, worst := suspect+pair(b)+mine, t.of(bad+":sum"+long)
	expr := worst + "\n" +
		"and " + worst + " >= ignoring (goal) " + evidence(at.Enough, at.Plenty, total) + "\n" +
		"and (\n" +
		"  " + t.above(recent(bad+":weight", b, g.floor), recent(events+":weight", b, g.floor), at) + "\n" +
		"  and (\n" +
		"    " + t.of(recent(bad+":sum", b, g.floor)) + " >= " + strconv.FormatUint(g.floor, 10) + "\n" +
		"    or\n" +
		"    " + worst + " >= ignoring (goal) " + evidence(at.Sure, at.Plenty, total) + "\n" +
		"  )\n" +
		"  unless " + t.of(silent+short) + "\n" +
		"  or\n" +
		"  " + t.of(silent+short) + " and ignoring (goal) " + burn + pair(b) + mine + " offset " + duration(t.options.Tick) + "\n)"
	return rule{record: burn + pair(b), labels: [][2]string{{"goal", g.name}}, expr: expr}
}

// evidence is how many bad events are needed among so many: more and more, up to
// where the ratio speaks for itself.
func evidence(most []uint64, plenty uint64, total string) string {
	steps := []string{"0 * " + total}
	for i := 0; i < len(most); {
		same := i
		for i < len(most) && most[i] == most[same] {
			i++
		}
		step := "(" + total + " > bool " + strconv.FormatUint(most[same], 10) + ")"
		if i-same > 1 {
			step = strconv.Itoa(i-same) + " * " + step
		}
		steps = append(steps, step)
	}
	return "1 + (\n      " + strings.Join(steps, "\n      + ") + "\n    ) * (" + total + " < bool " + strconv.FormatUint(plenty, 10) + ")"
}
