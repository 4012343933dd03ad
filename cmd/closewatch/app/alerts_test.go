package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/alerts/delivery"
)

// A replica is a daemon as far as alerts go.
type replica struct {
	plan *Plan
	app  *App
}

func newReplica(plan *Plan, kept []byte) (*replica, error) {
	d, err := newDecider(plan, newCalendars(plan.Estate, entities(plan.Estate, plan.tenants)))
	if err != nil {
		return nil, err
	}
	if kept != nil {
		var m memory
		if err := json.Unmarshal(kept, &m); err != nil {
			return nil, err
		}
		d.restore(m)
	}
	return &replica{plan, &App{decider: d, estate: plan.Estate, url: "http://127.0.0.1:9977", tick: tick, started: noon}}, nil
}

// tick decides a tick, and returns what fires by its identity.
func (r *replica) tick(at time.Time, w *weather) map[string]delivery.Alert {
	k := r.app.decide(at, given{published: indexSamples(w.published(at)), flows: w, warm: true})
	out := map[string]delivery.Alert{}
	for _, a := range r.app.alerts(k) {
		out[identityOf(a)] = a
	}
	return out
}

// identityOf is what Alertmanager tells an alert by.
func identityOf(a delivery.Alert) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		fmt.Fprintf(&b, "%s=%q ", name, a.Labels[name])
	}
	return b.String()
}

func begins(firing map[string]delivery.Alert) map[string]string {
	out := map[string]string{}
	for id, a := range firing {
		out[id] = a.StartsAt.UTC().Format(time.RFC3339Nano)
	}
	return out
}

// Two replicas that see the same, of which one is restarted at any tick, send
// the same alerts with the same starts, so that Alertmanager takes them for one.
// An alert keeps its start, and what escalates goes on firing at its lower tier.
func TestReplicasSendTheSameAlerts(t *testing.T) {
	plan := planOf(t, acmeInVienna+odoo("erp", "prod", ""))
	escalated := false
	check := func(seed uint64, restarts map[int]bool) string {
		one, err := newReplica(plan, nil)
		if err != nil {
			return err.Error()
		}
		other, err := newReplica(plan, nil)
		if err != nil {
			return err.Error()
		}
		w, same := newWeather(seed), newWeather(seed)
		var before map[string]delivery.Alert
		for n := range 50 {
			at := noon.Add(time.Duration(n) * tick)
			if restarts[n] {
				kept, err := json.Marshal(other.app.memory(at.Add(-tick)))
				if err != nil {
					return err.Error()
				}
				if other, err = newReplica(plan, kept); err != nil {
					return err.Error()
				}
			}
			a, b := one.tick(at, w), other.tick(at, same)
			if diff := cmp.Diff(begins(a), begins(b)); diff != "" {
				return fmt.Sprintf("tick %d (-one +the other, restarted):\n%s", n, diff)
			}
			for id, x := range a {
				was, fired := before[id]
				if fired && !was.StartsAt.Equal(x.StartsAt) {
					return fmt.Sprintf("tick %d: %s begins at %s and then at %s", n, id, was.StartsAt, x.StartsAt)
				}
				if x.Labels["tier"] != "business-critical" || fired {
					continue
				}
				for lower, was := range before {
					if was.Labels["tier"] != "degradation" || !ofOneSubject(was, x) {
						continue
					}
					escalated = true
					if _, fires := a[lower]; !fires {
						return fmt.Sprintf("tick %d: %s ends when %s begins", n, lower, id)
					}
				}
			}
			before = a
		}
		return ""
	}
	for _, seed := range []uint64{3, 7} {
		if failure := check(seed, map[int]bool{int(seed): true, 20: true, 21: true, 37: true}); failure != "" {
			t.Fatalf("seed %d: %s", seed, failure)
		}
	}
	if !escalated {
		t.Error("nothing escalated: the days were too quiet to prove anything")
	}
}

func ofOneSubject(a, b delivery.Alert) bool {
	for _, name := range []string{"process", "entity", "tenant", "environment"} {
		if a.Labels[name] != b.Labels[name] {
			return false
		}
	}
	return true
}
