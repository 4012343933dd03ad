package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/tiering"
)

// route lays out how alerts are routed while the scenario lasts, if it expects
// anything of that. A scenario lasts a year at most.
func (t *Trial) route() error {
	if !slices.ContainsFunc(t.Scenario.Steps, func(s scenario.Step) bool { return len(s.Expect.Routes) > 0 }) {
		return nil
	}
	config, err := t.plan.Routing(RoutingOptions{From: t.start, Horizon: 366 * 24 * time.Hour})
	if err != nil {
		return err
	}
	t.routing, t.ground.Receivers = config, config.Receivers
	return nil
}

// routed compares who is told of alerts with who is to be.
func (r *course) routed(t *Tick, w *scenario.RouteWant) *Failure {
	f := &Failure{What: "who is told of " + string(w.Of)}
	var firing, of []map[string]string
	for _, o := range outstandings(t) {
		labels := r.page.alert(t, o.inc, o.of, o.alert).Labels
		firing = append(firing, labels)
		if w.Of != "" && w.Of.Names(tiering.Key{Process: labels["process"], Entity: labels["entity"]}) {
			of = append(of, labels)
		}
	}
	if w.Of == "" {
		f.What = "who is told of " + w.Alert["alertname"]
		of, firing = append(of, w.Alert), append(firing, w.Alert)
	}
	got := map[string]bool{}
	for _, labels := range of {
		told := r.trial.routing.Told(labels, firing, t.At)
		for _, name := range told {
			got[name] = true
		}
		f.Why = append(f.Why, fmt.Sprintf("%s, %s: %s", labels["alertname"], labels["severity"], whyTold(told, r.trial.routing.Muted(labels, firing))))
	}
	f.Got, f.Want = slices.Sorted(maps.Keys(got)), slices.Sorted(slices.Values(*w.To))
	if slices.Equal(f.Got, f.Want) {
		return nil
	}
	return f.filled()
}

func whyTold(told []string, muted bool) string {
	switch {
	case muted:
		return "another alert mutes it"
	case len(told) == 0:
		return "its receiver is silent at this time"
	default:
		return strings.Join(told, ", ")
	}
}
